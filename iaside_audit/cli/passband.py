"""``passband``: accuracy against cut-off, and with noise in one band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from iaside_audit.cli.measurements import measure_and_report, measurement_options
from iaside_audit.cli.options import numbers

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="passband", short_help="Low-pass and high-pass curves; noise in one band.")
@click.option("--cutoffs", type=int, default=16, show_default=True, help="Steps from 0 to 1.")
@click.option(
    "--noise",
    default="0.05,0.1",
    show_default=True,
    help="Root mean squares of the noise in one band, image in 0..1; empty for none.",
)
@measurement_options
def command(
    model: Path,
    out: Path | None,
    cutoffs: int,
    noise: str,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
    **options: Any,  # Any: fields of AuditSpec
) -> int:
    r"""Measure the accuracy of MODEL on part of the spectrum, and with noise in one band.

    \b
    Example:
      iaside-audit passband model.onnx --images val/ --max-images 100 --out passband/
    """
    from iaside_audit.robustness.requests import PassbandRequest  # noqa: PLC0415 - start-up time

    request = PassbandRequest(cutoffs=cutoffs, noise=numbers("noise", noise))
    return measure_and_report(request, model, out, as_json=as_json, quiet=quiet, **options)
