"""``run --plan`` and ``run --stability``: what an audit will take, and what it hangs on."""

from __future__ import annotations

import json
import math
from functools import partial
from typing import TYPE_CHECKING, Final

import click
from rich.markup import escape

from iaside_audit.auditing.pilot import AuditForecast, PlanOption, run_pilot
from iaside_audit.auditing.stability import StabilityReport, run_stability
from iaside_audit.choices import FIRST_CHECK
from iaside_audit.cli.console import make_table, print_text, print_whole, stdout
from iaside_audit.cli.folder import made_output_folder
from iaside_audit.cli.progress import show_events
from iaside_audit.report.files import write_text
from iaside_audit.report.summary import (
    counted,
    format_interval,
    format_number,
    format_percent,
    rough_duration,
    unused_pairs_sentence,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from iaside_audit.spec import AuditSpec

STABILITY_NAME: Final = "stability.json"
OUT_OF_REACH: Final = 4
"""The exit code of a plan whose target no option reaches, or whose budget affords none."""


def plan(spec: AuditSpec, *, as_json: bool, quiet: bool) -> int:
    """Run a pilot and print the plan; return the exit code."""
    forecast = show_events(partial(run_pilot, spec), quiet=quiet)
    assert isinstance(forecast, AuditForecast)  # noqa: S101 - it comes last
    if as_json:
        click.echo(json.dumps(forecast.to_document(), indent=2))
    else:
        _print_forecast(forecast, stdout())
    has_target = forecast.target_halfwidth is not None
    is_in_reach = any(
        one.stops_at is not None if has_target else one.n_images > 0 for one in forecast.options
    )
    return 0 if is_in_reach else OUT_OF_REACH


def check_stability(spec: AuditSpec, *, out: Path, as_json: bool, quiet: bool) -> int:
    """Run the stability panel, print it and write ``stability.json``; return the exit code."""
    with made_output_folder(out):
        report = show_events(partial(run_stability, spec), quiet=quiet)
        assert isinstance(report, StabilityReport)  # noqa: S101 - it comes last
        text = json.dumps(report.to_document(), indent=2) + "\n"
        if as_json:
            click.echo(text, nl=False)
        else:
            _print_stability(report, stdout())
        write_text(out / STABILITY_NAME, text)
    return 0


def _print_forecast(forecast: AuditForecast, console: Console) -> None:
    target = forecast.target_halfwidth
    table = make_table(f"Plan from a pilot on {forecast.n_pilot_images} images")
    table.add_column("estimator")
    for name in ("half-width", "needs images", "stops at", "evaluations", "time"):
        if target is not None or name not in {"needs images", "stops at"}:
            table.add_column(name, justify="right", no_wrap=True)
    for place, option in enumerate(forecast.options):
        needed = [_needed(option), _stop(option)] if target is not None else []
        table.add_row(
            _way(option),
            _halfwidth(option, is_alone=target is None),
            *needed,
            *_effort(option),
            style="bold" if place == forecast.advised else "",
        )
    print_whole(console, table)
    for line in _forecast_lines(forecast):
        print_text(console, line)


def _forecast_lines(forecast: AuditForecast) -> list[str]:
    """Return the sentences below the table."""
    advised = forecast.options[forecast.advised]
    meaning = (
        f"Half-widths of the signed score at {format_percent(forecast.confidence)}, over "
        f"{forecast.n_available} images or what the budget affords of them; the first line is "
        f"what was asked for. The pilot took {forecast.n_pilot_evaluations} evaluations, "
        f"{forecast.evaluations_per_s:.0f} a second."
    )
    target = forecast.target_halfwidth
    said = [meaning]
    if forecast.unused_pairs:
        said.append(unused_pairs_sentence(forecast.unused_pairs))
    if target is None:
        return [*said, "A pilot knows them only roughly (the range is 90 %)."]
    if advised.stops_at is None:
        advice = _no_option(forecast, advised, target)
    else:
        option = "--estimator exact" if advised.pairs is None else f"--pairs {advised.pairs}"
        chosen = "As asked" if forecast.advised == 0 else f"With {option}"
        advice = (
            f"{chosen}, the target of {target:g} takes the fewest evaluations. A pilot knows the "
            "images needed only roughly (the range is 90 %); the run refines them."
        )
    return [*said, advice]


def _no_option(forecast: AuditForecast, advised: PlanOption, target: float) -> str:
    """Say why no option reaches the target, and what would help."""
    n_images = max(one.n_images for one in forecast.options)
    is_cut = n_images < forecast.n_available
    most = counted(n_images, "image")
    more = "a larger budget" if is_cut else "more images"
    if n_images < FIRST_CHECK:
        found = f"the budget affords {most}" if is_cut else f"there are {most}"
        return f"No target is called met below {FIRST_CHECK} images; {found}. Give {more}."
    found = f"the {most} that the budget affords" if is_cut else most
    return (
        f"No option reaches {target:g} with {found}; {_way(advised)} comes closest. Give {more}, "
        "or a wider target."
    )


def _way(option: PlanOption) -> str:
    if option.pairs is None:
        return "exact"
    return f"{counted(option.pairs, 'pair')} an image"


def _effort(option: PlanOption) -> tuple[str, str]:
    """Return the evaluations and the time that an option takes."""
    if not option.n_images:
        return "above the budget", ""
    return str(option.n_evaluations), rough_duration(option.elapsed_s)


def _halfwidth(option: PlanOption, *, is_alone: bool) -> str:
    """Return the half-width; its range is left out where that of the images needed is told."""
    found = format_number(option.halfwidth)
    if not is_alone or not math.isfinite(option.halfwidth):
        return found
    low, high = map(format_number, option.halfwidth_range)
    return f"{found} ({low} to {high})"


def _needed(option: PlanOption) -> str:
    if option.n_images_range is None:
        return ""
    low, high = option.n_images_range
    return f"{option.n_images_needed} ({low} to {high})"


def _stop(option: PlanOption) -> str:
    return "out of reach" if option.stops_at is None else str(option.stops_at)


def _print_stability(report: StabilityReport, console: Console) -> None:
    table = make_table(f"Stability over {report.n_images} images")
    table.add_column("choice")
    for name in ("M", "anchored score", "interval", "rank agreement"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in report.variants:
        table.add_row(
            f"{one.choice} {one.value}".strip() or "as asked",
            str(one.bands),
            format_number(one.comparable),
            format_interval(one.comparable_interval),
            "" if math.isnan(one.rank_agreement) else format_number(one.rank_agreement, 2),
        )
    print_whole(console, table)
    low, high = report.comparable_range
    print_text(
        console,
        f"Anchored score over baselines and ranges (same M, norm and spacing): "
        f"{format_number(low)} to {format_number(high)}; lowest rank agreement (Kendall's tau): "
        f"{format_number(report.lowest_rank_agreement, 2)}.",
    )
    for one in report.variants:
        if one.note:
            console.print(f" [yellow]{one.choice} {one.value}:[/yellow] {escape(one.note)}.")
