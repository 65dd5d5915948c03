"""What the commands of single measurements share: options in, progress, files and words out."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import click

from iaside_audit.cli.options import PATH, audit_options, common_options, json_option
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.robustness.requests import Request
    from iaside_audit.robustness.run import Measured

    Command = Callable[..., Any]  # Any: click passes options by name

CANCELLED: Final = 130
WORSE_THAN_ASKED: Final = 4
SHARED: Final = (
    "images",
    "labels",
    "classes",
    "output",
    "preprocess",
    "bands",
    "norm",
    "spacing",
    "frame",
    "range",
    "max_images",
    "seed",
    "confidence",
    "device",
    "batch",
    "threads",
    "workers",
    "max_model_bytes",
)
"""Options of an audit that a measurement takes too."""


def measurement_options(command: Command) -> Command:
    """Add the model, --out, and the options that a measurement shares with an audit."""
    command = audit_options(command, only=SHARED)
    command = click.option("--out", type=PATH, help="Folder for JSON, CSV and figure.")(command)
    command = click.argument("model", type=PATH)(command)
    return common_options(json_option(command))


def measure_and_report(
    request: Request, model: Path, out: Path | None, *, as_json: bool, quiet: bool, **options: Any
) -> int:
    """Run a measurement, print its sentence or its document, and write its folder."""
    from iaside_audit.report.measurement_outputs import (  # noqa: PLC0415 - start-up time
        measurement_document,
        measurement_sentence,
        write_measurement,
    )

    names = {field.name for field in fields(AuditSpec)}
    values = {name: value for name, value in options.items() if value is not None and name in names}
    measured, was_cancelled = _run(AuditSpec.from_dict({**values, "model": model}), request, quiet)
    if measured is None:
        click.echo("Cancelled before there was anything to report.", err=True)
        return CANCELLED
    if as_json:
        click.echo(json.dumps(measurement_document(measured), indent=1))
    else:
        click.echo(measurement_sentence(measured))
    if out is not None:
        for path in write_measurement(measured, out):
            click.echo(f" {path}", err=as_json)
    if was_cancelled:
        return CANCELLED
    return WORSE_THAN_ASKED if measured.data.n_failed else 0


def _run(spec: AuditSpec, request: Request, quiet: bool) -> tuple[Measured | None, bool]:  # noqa: FBT001
    from iaside_audit.cli.progress import shown  # noqa: PLC0415 - start-up time
    from iaside_audit.robustness.run import MeasurementFinished, run_measurement  # noqa: PLC0415

    with shown(quiet=quiet) as (control, view):
        for event in run_measurement(spec, request, control):
            if isinstance(event, MeasurementFinished):
                return event.measured, event.is_cancelled
            view.show(event)
    raise AssertionError("a measurement ends with MeasurementFinished")
