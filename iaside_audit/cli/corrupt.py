"""``corrupt``: a model's errors under common corruptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from iaside_audit.cli.options import HELP, PATH, common_options, json_option
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.robustness.corruption_run import CorruptionPlan
    from iaside_audit.robustness.errors_by_corruption import CorruptionErrors
    from iaside_audit.robustness.run import Measured

CANCELLED: Final = 130
WORSE_THAN_ASKED: Final = 4
AUDIT_OPTIONS: Final = {
    "labels": str,
    "classes": str,
    "output": str,
    "preprocess": str,
    "max_images": int,
    "seed": int,
    "confidence": float,
    "device": str,
    "batch": str,
    "threads": str,
    "workers": str,
}
"""What a measurement shares with an audit."""


def _shared_options(command: Callable[..., Any]) -> Callable[..., Any]:  # Any: click's
    for name, kind in reversed(AUDIT_OPTIONS.items()):
        option = click.option(f"--{name.replace('_', '-')}", name, type=kind, help=HELP[name])
        command = option(command)
    return command


@click.command(name="corrupt", short_help="A model's errors under common corruptions.")
@click.argument("model", type=PATH)
@click.option("--images", type=PATH, required=True, help="Clean images, or an ImageNet-C folder.")
@click.option("--corrupted", type=PATH, help="ImageNet-C folder of the same images.")
@click.option("--corruption", "names", multiple=True, help="Repeatable.  [default: all 15]")
@click.option(
    "--severity",
    "severities",
    type=click.IntRange(1, 5),
    multiple=True,
    help="Repeatable.  [default: 1 to 5]",
)
@click.option("--out", type=PATH, required=True, help="Folder for corruption.json, .csv, .svg.")
@_shared_options
@json_option
@common_options
def command(
    model: Path,
    images: Path,
    corrupted: Path | None,
    names: tuple[str, ...],
    severities: tuple[int, ...],
    out: Path,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
    **options: Any,  # Any: those of AUDIT_OPTIONS
) -> int:
    r"""Measure MODEL's top-1 error and log-probability under the corruptions of ImageNet-C.

    Corruptions are applied in memory, after resize and crop; or read, from folders laid out as
    corruption/severity/class/image.

    \b
    Example:
      iaside-audit corrupt model.onnx --images val/ --out corruption/
      iaside-audit corrupt model.onnx --images val/ --corruption fog --severity 3 --out fog/
    """
    given = {name: value for name, value in options.items() if value is not None}
    spec = AuditSpec.from_dict({"model": model, "images": images, **given})
    from iaside_audit.cli.folder import made_output_folder  # noqa: PLC0415 - start-up time
    from iaside_audit.robustness.corruption_run import (  # noqa: PLC0415
        corruption_errors,
        plan_corruptions,
    )

    plan = plan_corruptions(
        spec,
        corrupted=corrupted,
        names=tuple(dict.fromkeys(names)),
        severities=tuple(sorted(set(severities))),
    )
    with made_output_folder(out):
        measured, was_cancelled = _run(plan, quiet=quiet)
        if measured is None:
            click.echo("Cancelled before there was anything to report.", err=True)
            return CANCELLED
        errors = corruption_errors(measured, plan)
        _report(errors, measured, plan, out, as_json=as_json, is_partial=was_cancelled)
    if was_cancelled:
        return CANCELLED
    return WORSE_THAN_ASKED if measured.data.n_failed else 0


def _run(plan: CorruptionPlan, *, quiet: bool) -> tuple[Measured | None, bool]:
    """Run the measurement and show it; return it, and whether it was cancelled."""
    from iaside_audit.cli.progress import shown  # noqa: PLC0415 - start-up time
    from iaside_audit.robustness.run import (  # noqa: PLC0415
        MeasurementFinished,
        run_measurement,
    )

    with shown(quiet=quiet) as (control, view):
        for event in run_measurement(plan.spec, plan.request, control):
            if isinstance(event, MeasurementFinished):
                return event.measured, event.is_cancelled
            view.show(event)
    raise AssertionError("a measurement ends with MeasurementFinished")


def _report(
    errors: CorruptionErrors,
    measured: Measured,
    plan: CorruptionPlan,
    out: Path,
    *,
    as_json: bool,
    is_partial: bool,
) -> None:
    import json  # noqa: PLC0415 - start-up time

    from iaside_audit.cli.console import stdout  # noqa: PLC0415
    from iaside_audit.report import corruption as report  # noqa: PLC0415
    from iaside_audit.report.figures import svg_bytes  # noqa: PLC0415
    from iaside_audit.report.files import write_bytes, write_text  # noqa: PLC0415

    document = report.corruption_document(errors, measured, plan, is_partial=is_partial)
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    try:
        if as_json:
            click.echo(text, nl=False)
        else:
            _print(errors, measured)
    finally:
        write_text(out / "corruption.json", text)
        write_text(out / "corruption.csv", report.corruption_csv(errors))
        figure = svg_bytes(report.corruption_figure(errors), report.corruption_description(errors))
        write_bytes(out / "corruption.svg", figure)
    for name in () if as_json else ("corruption.json", "corruption.csv", "corruption.svg"):
        stdout().print(f" {out / name}", soft_wrap=True, markup=False)


def _print(errors: CorruptionErrors, measured: Measured) -> None:
    """Print top-1 errors by corruption and severity, then the means."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - start-up time
    from rich.markup import escape  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from iaside_audit.cli.console import stdout  # noqa: PLC0415
    from iaside_audit.report.summary import format_percent  # noqa: PLC0415
    from iaside_audit.robustness.errors_by_corruption import MEANINGS  # noqa: PLC0415

    severities = sorted({one.severity for one in errors.conditions})
    table = Table(
        title=f"Top-1 error in %, by severity ({errors.n_images} images)",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("corruption", no_wrap=True)
    for severity in severities:
        table.add_column(str(severity), justify="right", min_width=5)
    table.add_column("mean", justify="right", min_width=6)
    table.add_column("interval", justify="right", min_width=14)
    by_condition = {(one.corruption, one.severity): one.error for one in errors.conditions}
    for one in errors.corruptions:
        cells = [by_condition.get((one.corruption, severity)) for severity in severities]
        low, high = one.error.interval
        table.add_row(
            escape(one.corruption),
            *("" if cell is None else f"{100 * cell.value:.0f}" for cell in cells),
            f"{100 * one.error.value:.1f}",
            f"{100 * low:.1f} to {100 * high:.1f}",
        )
    console = stdout()
    console.print()
    console.print(table)
    named = [] if errors.clean_error is None else [("Clean top-1 error", errors.clean_error)]
    named += [(MEANINGS[name], one) for name, one in errors.means.items()]
    for title, measure in named:
        low, high = measure.interval
        spread = f"{100 * low:.1f} to {100 * high:.1f}"
        line = f"[bold]{format_percent(measure.value, 1)}[/bold] ({spread}) {title}"
        console.print(Padding(line, (0, 1)))
    console.print(Padding(escape(errors.note), (0, 1)))
    for warning in measured.warnings:
        console.print(Padding(f"[yellow]Warning:[/yellow] {escape(warning.message)}", (0, 1)))
    console.print()
