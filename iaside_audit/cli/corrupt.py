"""``corrupt``: a model's errors under common corruptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from iaside_audit.cli.measurements import run_and_show, shared_options
from iaside_audit.cli.options import (
    PATH,
    common_options,
    corruption_options,
    given_result,
    json_option,
)
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.errors_by_corruption import CorruptionErrors
    from iaside_audit.robustness.measured import Measured

CANCELLED: Final = 130
WORSE_THAN_ASKED: Final = 4


@click.command(name="corrupt", short_help="A model's errors under common corruptions.")
@click.argument("model", type=PATH)
@corruption_options
@click.option(
    "--beside", type=PATH, help="An audit of the model: prints what it predicts beside it."
)
@click.option("--out", type=PATH, required=True, help="Folder for rows, JSON, CSV and figure.")
@shared_options
@json_option
@common_options
def command(
    model: Path,
    corrupted: Path | None,
    names: tuple[str, ...],
    severities: tuple[int, ...],
    beside: Path | None,
    out: Path,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
    **options: Any,  # Any: fields of AuditSpec
) -> int:
    r"""Measure MODEL's top-1 error and log-probability under the corruptions of ImageNet-C.

    Corruptions are applied in memory, after resize and crop; or read, from folders laid out as
    corruption/severity/class/image, beside the clean images or without them (--images).

    \b
    Example:
      iaside-audit corrupt model.onnx --images val/ --out corruption/
      iaside-audit corrupt model.onnx --images val/ --corruption fog --severity 3 --out fog/
      iaside-audit corrupt model.onnx --images val/ --beside audit/ --out corruption/
    """
    from iaside_audit.cli.folder import made_output_folder  # noqa: PLC0415 - start-up time
    from iaside_audit.robustness.corruption_run import (  # noqa: PLC0415
        corruption_errors,
        plan_corruptions,
    )

    given = {name: value for name, value in options.items() if value is not None}
    audit = None if beside is None else given_result(beside)
    if audit is not None:
        from iaside_audit.robustness.predict_beside import beside_options  # noqa: PLC0415

        given = {**beside_options(audit), **given}
    plan = plan_corruptions(
        AuditSpec.from_dict({**given, "model": model}),
        corrupted=corrupted,
        names=names,
        severities=severities,
    )
    if audit is not None:
        from iaside_audit.robustness.predict_beside import check_beside  # noqa: PLC0415

        check_beside(audit, plan.spec)
    with made_output_folder(out):
        measured, was_cancelled, read = run_and_show(plan.spec, plan.request, out, quiet=quiet)
        if measured is None:
            click.echo("Cancelled before there was anything to report.", err=True)
            return CANCELLED
        errors = corruption_errors(measured, plan)
        _report(errors, measured, out, as_json=as_json, is_partial=was_cancelled, read=read)
        if audit is not None:
            _report_beside(audit, measured, out, as_json=as_json)
    if was_cancelled:
        return CANCELLED
    return WORSE_THAN_ASKED if measured.data.n_failed else 0


def _report_beside(audit: AuditResult, measured: Measured, out: Path, *, as_json: bool) -> None:
    """Print what the audit predicts beside what was measured, and write it."""
    from iaside_audit.cli.console import stdout  # noqa: PLC0415 - start-up time
    from iaside_audit.cli.predict import print_prediction  # noqa: PLC0415
    from iaside_audit.report.prediction_outputs import write_prediction  # noqa: PLC0415
    from iaside_audit.robustness.predict_beside import predict_measured  # noqa: PLC0415

    run = predict_measured(audit, measured)
    if not as_json:
        print_prediction(run, stdout())
    for path in write_prediction(run, out):
        if not as_json:
            stdout().print(f" {path}", soft_wrap=True, markup=False)


def _report(
    errors: CorruptionErrors,
    measured: Measured,
    out: Path,
    *,
    as_json: bool,
    is_partial: bool,
    read: Collection[str],
) -> None:
    from iaside_audit.cli.console import stdout  # noqa: PLC0415 - start-up time
    from iaside_audit.report import corruption as report  # noqa: PLC0415
    from iaside_audit.report.figures import svg_bytes  # noqa: PLC0415
    from iaside_audit.report.files import json_text, write_bytes, write_text  # noqa: PLC0415

    document = report.corruption_document(errors, measured, is_partial=is_partial)
    text = json_text(document)
    try:
        if as_json:
            click.echo(text, nl=False)
        else:
            _print(errors, measured, read=read)
    finally:
        write_text(out / "corruption.json", text)
        write_text(out / "corruption.csv", report.corruption_csv(errors))
        figure = svg_bytes(report.corruption_figure(errors), report.corruption_description(errors))
        write_bytes(out / "corruption.svg", figure)
    for name in () if as_json else ("corruption.json", "corruption.csv", "corruption.svg"):
        stdout().print(f" {out / name}", soft_wrap=True, markup=False)


def _print(errors: CorruptionErrors, measured: Measured, *, read: Collection[str]) -> None:
    """Print top-1 errors by corruption and severity, then the means."""
    from rich.markup import escape  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415

    from iaside_audit.cli.console import (  # noqa: PLC0415
        make_table,
        print_warnings,
        print_whole,
        stdout,
    )
    from iaside_audit.report.summary import format_percent  # noqa: PLC0415
    from iaside_audit.robustness.errors_by_corruption import MEANINGS  # noqa: PLC0415

    severities = sorted({one.severity for one in errors.conditions})
    table = make_table(f"Top-1 error in %, by severity ({errors.n_images} images)")
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
    print_whole(console, table)
    named = [] if errors.clean_error is None else [("Clean top-1 error", errors.clean_error)]
    named += [(MEANINGS[name], one) for name, one in errors.means.items()]
    for title, measure in named:
        low, high = measure.interval
        spread = f"{100 * low:.1f} to {100 * high:.1f}"
        line = f"[bold]{format_percent(measure.value, 1)}[/bold] ({spread}) {title}"
        console.print(Padding(line, (0, 1)))
    console.print(Padding(escape(errors.note), (0, 1)))
    print_warnings((one.message for one in measured.warnings), console, read=read)
    console.print()
