"""``gate``: whether a result meets thresholds, for pipelines that build models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

import click

from iaside_audit.cli.options import PATH, common_options, given_result, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from iaside_audit.auditing.outcome.gate import GateLine
    from iaside_audit.result import AuditResult

NOT_MET: Final = 3
GATE_SCHEMA_VERSION: Final = 1
MAX_DECIMALS: Final = 4
QUANTITIES: Final = {
    "": "",
    "halfwidth": "half-width of the ",
    "change": "change of the ",
    "accuracy.top1": "top-1",
    "data.n_failed": "images left out",
}
"""What the names of lines are in words, or what of a score they are about."""


@click.command(
    name="gate", short_help="Hold a result against thresholds; exit 3 where one is not met."
)
@click.argument("result", type=PATH)
@click.option("--min-score", type=float, metavar="X", help="Least lower end of its interval.")
@click.option(
    "--score",
    type=click.Choice(["signed", "paper", "comparable"]),
    default="signed",
    show_default=True,
    help="Which score; comparable is the anchored one.",
)
@click.option("--max-halfwidth", type=float, metavar="H", help="Of the score's interval.")
@click.option("--max-drop", type=float, metavar="X", help="Of the score, against --against.")
@click.option("--against", type=PATH, help="Result of another model on the same images.")
@click.option("--min-top1", type=float, metavar="P", help="Least lower end, 0 to 1.")
@click.option(
    "--max-importance",
    type=(int, float),
    metavar="BAND P",
    multiple=True,
    help="Greatest upper end of a band's importance, 0 to 1. Repeatable.",
)
@click.option("--max-failed", type=click.IntRange(min=0), metavar="N", help="Images left out.")
@json_option
@common_options
def command(
    result: Path,
    min_score: float | None,
    score: Literal["signed", "paper", "comparable"],
    max_halfwidth: float | None,
    max_drop: float | None,
    against: Path | None,
    min_top1: float | None,
    max_importance: tuple[tuple[int, float], ...],
    max_failed: int | None,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001, ARG001
) -> int:
    r"""Hold RESULT (a result.json, or the folder that holds it) against thresholds.

    A threshold is met where the whole interval is on its right side, so an audit of few images does
    not pass by luck. Exit 3 where one is not met.

    \b
    Example:
      iaside-audit gate audit/ --min-score 0.25
      iaside-audit gate candidate/ --against released/ --max-drop 0.02 --min-top1 0.7
    """
    from iaside_audit.auditing.outcome.compare import NamedResult  # noqa: PLC0415 - start-up time
    from iaside_audit.auditing.outcome.gate import Thresholds, gate  # noqa: PLC0415
    from iaside_audit.report import report_id  # noqa: PLC0415

    thresholds = Thresholds(
        score=score,
        min_score=min_score,
        max_halfwidth=max_halfwidth,
        max_drop=max_drop,
        min_top1=min_top1,
        max_importance=max_importance,
        max_failed=max_failed,
    )
    loaded = given_result(result)
    other = None
    if against is not None:
        other = NamedResult(name=str(against), result=given_result(against))
    lines = gate(loaded, thresholds, against=other)
    is_met = all(one.is_met for one in lines)
    if as_json:
        document = {
            "schema_version": GATE_SCHEMA_VERSION,
            "result": str(result),
            "report_id": report_id(loaded),
            "confidence": loaded.spec.confidence,
            "interval_method": loaded.spec.interval,
            "lines": [one.to_document() for one in lines],
            "warnings": [{"code": one.code, "message": one.message} for one in loaded.warnings],
            "met": is_met,
        }
        click.echo(json.dumps(document, indent=2))
    else:
        _print(lines, loaded)
    return 0 if is_met else NOT_MET


def _print(lines: Sequence[GateLine], result: AuditResult) -> None:
    """Print a row for each threshold, then what a reader of the numbers must know."""
    from iaside_audit.cli.console import (  # noqa: PLC0415
        foreign,
        make_table,
        print_text,
        print_warnings,
        print_whole,
        stdout,
    )
    from iaside_audit.report import format_percent  # noqa: PLC0415
    from iaside_audit.report.summary import base_name, interval_method  # noqa: PLC0415

    console = stdout()
    table = make_table(foreign(base_name(result.model.path)))
    for name in ("", "measured", "interval", "asked", ""):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for line in lines:
        table.add_row(
            *_cells(line), "[green]met[/green]" if line.is_met else "[bold red]NOT MET[/]"
        )
    print_whole(console, table)
    confidence = format_percent(result.spec.confidence)
    print_text(console, f"Intervals at {confidence}, by {interval_method(result)}.")
    print_warnings((one.message for one in result.warnings), console)
    print_warnings((text for line in lines for text in line.warnings), console)


def _cells(line: GateLine) -> tuple[str, str, str, str]:
    """Return a line's name, value, interval and threshold; a digit more than the interval bears.

    With it, an end that lies just beyond its threshold is seen to. A band of next to no importance
    would bear more digits than a line of a terminal.
    """
    from iaside_audit.report.summary import (  # noqa: PLC0415
        decimals_for,
        format_interval,
        format_number,
    )

    decimals = 3 if line.interval is None else min(decimals_for(line.interval) + 1, MAX_DECIMALS)
    if isinstance(line.value, int):
        decimals = 0
    asked = f"at least {line.least:g}" if line.most is None else f"at most {line.most:g}"
    interval = "" if line.interval is None else format_interval(line.interval, decimals)
    return _words(line.name), format_number(line.value, decimals), interval, asked


def _words(name: str) -> str:
    """Say in words what number a line is about."""
    from iaside_audit.report.summary import SCORE_TITLES  # noqa: PLC0415

    match name.split("."):
        case ["score", kind, *of]:
            return f"{QUANTITIES[''.join(of)]}{SCORE_TITLES[kind]} score"
        case [owner, "importance"]:
            return f"importance of band {owner.removeprefix('bands[').removesuffix(']')}"
        case _:
            return QUANTITIES[name]
