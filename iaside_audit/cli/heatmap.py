"""``heatmap``: the error with one Fourier basis image added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from iaside_audit.cli.measurements import measure_and_report, measurement_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="heatmap", short_help="Error with one Fourier basis image added.")
@click.option(
    "--stride",
    type=int,
    default=0,
    help="Step of the grid, in periods over the image; 0 takes about 16 along an axis.",
)
@click.option(
    "--strength",
    type=float,
    default=0.0,
    help="L2 norm of what is added to each channel, image in 0..1; 0: 15.7 at 224 px.",
)
@measurement_options
def command(
    model: Path,
    out: Path | None,
    stride: int,
    strength: float,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
    **options: Any,  # Any: fields of AuditSpec
) -> int:
    r"""Measure the error of MODEL with one spatial frequency added (Yin et al. 2019).

    \b
    Example:
      iaside-audit heatmap model.onnx --images val/ --max-images 100 --out heatmap/
    """
    from iaside_audit.robustness.requests import HeatmapRequest  # noqa: PLC0415 - start-up time

    request = HeatmapRequest(stride=stride, strength=strength)
    return measure_and_report(request, model, out, as_json=as_json, quiet=quiet, **options)
