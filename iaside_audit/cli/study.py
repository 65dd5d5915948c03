"""``study``: many models on the same images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from iaside_audit.cli.options import PATH, common_options, json_option

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from iaside_audit.cli.progress import ProgressView
    from iaside_audit.events import Control
    from iaside_audit.robustness.study.analysis import StudyAnalysis
    from iaside_audit.robustness.study.collect import Collected
    from iaside_audit.robustness.study.spec import StudySpec

CANCELLED = 130
WORSE_THAN_ASKED = 4


@click.command(name="study", short_help="Hold predictions of many models against what is measured.")
@click.argument("file", type=PATH)
@click.option("--out", type=PATH, required=True, help="Folder for rows, tables, figures and PDF.")
@json_option
@common_options
def command(
    file: Path,
    out: Path,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
) -> int:
    r"""Audit and measure every model of FILE, and say how closely the one follows the other.

    What was measured of a model is kept in its folder below --out and used again where nothing
    that decides it has changed: a study that was stopped goes on where it was.

    \b
    Example:
      iaside-audit study benchmarks/studies/family.toml --out studies/family
    """
    from iaside_audit.cli.console import stdout  # noqa: PLC0415 - start-up time
    from iaside_audit.cli.progress import shown  # noqa: PLC0415
    from iaside_audit.report.study_outputs import study_document, write_study  # noqa: PLC0415
    from iaside_audit.robustness.study.analysis import analyse  # noqa: PLC0415
    from iaside_audit.robustness.study.columns import model_table  # noqa: PLC0415
    from iaside_audit.robustness.study.spec import load_study  # noqa: PLC0415

    spec = load_study(file)
    with shown(quiet=quiet) as (control, view):
        collected = _collect(spec, out, control, view)
        if collected.is_cancelled:
            done = f"{len(collected.models)} of {len(spec.models)} models have every part"
            click.echo(f"Stopped; {done}, and the rows are kept in {out}.", err=True)
            return CANCELLED
        tables = [model_table(one) for one in collected.models]
        audit = spec.models[0].audit
        analysis = analyse(tables, seed=audit.seed, confidence=audit.confidence)
        paths = write_study(spec, analysis, tables, collected.failed, out)
    if as_json:
        document = study_document(spec, analysis, tables, collected.failed)
        click.echo(json.dumps(document, indent=1))
    else:
        _print(analysis, stdout(), paths)
    return WORSE_THAN_ASKED if collected.failed else 0


def _collect(spec: StudySpec, out: Path, control: Control, view: ProgressView) -> Collected:
    """Show the parts of a study as they are measured, and return their rows."""
    from iaside_audit.robustness.study import collect as parts  # noqa: PLC0415 - start-up time

    for event in parts.collect(spec, out, control):
        match event:
            case parts.PartStarted(model=model, part=part, number=number, total=total):
                kept = ", kept" if event.is_kept else ""
                view.say(f"{number} of {total}: {model}, {part}{kept}")
            case parts.ModelFailed(model=model, reason=reason):
                view.say(f"Left out {model}: {reason}")
            case parts.Collected():
                return event
            case _:
                view.show(event)
    raise AssertionError("a study ends with Collected")


def _print(analysis: StudyAnalysis, console: Console, paths: tuple[Path, ...]) -> None:
    """Print the verdict, the answers and the first predictors."""
    from rich.markup import escape  # noqa: PLC0415

    from iaside_audit.cli.console import make_table, print_whole  # noqa: PLC0415
    from iaside_audit.report.study_words import (  # noqa: PLC0415
        answers,
        key_pairings,
        predictor_title,
        verdict,
        with_interval,
    )

    table = make_table("Against the error under corruption, over models")
    table.add_column("predictor")
    for name in ("r", "given clean error"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in key_pairings(analysis):
        one = analysis.pairing(name)
        table.add_row(
            escape(predictor_title(name)),
            escape(with_interval(one.pearson)),
            escape(with_interval(one.given_clean_error)),
        )
    print_whole(console, table)
    for question, answer in answers(analysis):
        console.print(f"[bold]{escape(question)}[/bold] {escape(answer)}\n")
    console.print(f"[bold]{escape(verdict(analysis))}[/bold]")
    for path in paths:
        console.print(f" {path}", soft_wrap=True, markup=False)
