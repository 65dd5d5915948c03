"""What the commands of single measurements share: options in, progress, files and words out."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

import click

from iaside_audit.cli.options import PATH, audit_options, common_options, json_option
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.cli.progress import Shown
    from iaside_audit.robustness.measured import Measured
    from iaside_audit.robustness.requests import Request

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
    "resume",
)
"""Options of an audit that a measurement takes too."""


def shared_options(command: Command) -> Command:
    """Add the options that a measurement shares with an audit."""
    return audit_options(command, only=SHARED, required=("images",))


def measurement_options(command: Command) -> Command:
    """Add the model, --out, and the options that a measurement shares with an audit."""
    command = shared_options(command)
    command = click.option("--out", type=PATH, help="Folder for rows, JSON, CSV and figure.")(
        command
    )
    command = click.argument("model", type=PATH)(command)
    return common_options(json_option(command))


def measure_and_report(
    request: Request, model: Path, out: Path | None, *, as_json: bool, quiet: bool, **options: Any
) -> int:
    """Run a measurement, print its sentence or its document, and write its folder."""
    from iaside_audit.cli.folder import made_output_folder  # noqa: PLC0415 - start-up time
    from iaside_audit.report.measurement_outputs import (  # noqa: PLC0415
        measurement_document,
        measurement_sentence,
        write_measurement,
    )

    values = {name: value for name, value in options.items() if value is not None}
    spec = AuditSpec.from_dict({**values, "model": model})
    with nullcontext() if out is None else made_output_folder(out):
        measured, was_cancelled, _ = run_and_show(spec, request, out, quiet=quiet)
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


def run_and_show(
    spec: AuditSpec, request: Request, out: Path | None, *, quiet: bool
) -> Shown[Measured]:
    """Run a measurement and show it.

    With `out` its rows are kept there, and those that are there are not measured again.
    """
    from iaside_audit.cli.progress import Shown, shown  # noqa: PLC0415 - start-up time
    from iaside_audit.robustness.measured import MeasurementFinished  # noqa: PLC0415
    from iaside_audit.robustness.run import run_measurement  # noqa: PLC0415

    with shown(quiet=quiet) as (control, view):
        for event in run_measurement(spec, request, control, out=out):
            if isinstance(event, MeasurementFinished):
                return Shown(event.measured, event.is_cancelled, view.read)
            view.show(event)
    raise AssertionError("a measurement ends with MeasurementFinished")
