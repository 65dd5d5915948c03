"""``attack``: robust accuracy under the Square attack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from iaside_audit.cli.measurements import measure_and_report, measurement_options
from iaside_audit.cli.options import numbers

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="attack", short_help="Robust accuracy under the Square attack.")
@click.option(
    "--attack-norm",
    type=click.Choice(["linf", "l2"]),
    default="linf",
    show_default=True,
    help="How the size of a change is measured.",
)
@click.option(
    "--radius",
    default="4/255",
    show_default=True,
    help="Largest change, image in 0..1; several, ascending, separated by commas.",
)
@click.option(
    "--queries", type=int, default=200, show_default=True, help="For each image and radius."
)
@measurement_options
def command(
    model: Path,
    out: Path | None,
    attack_norm: str,
    radius: str,
    queries: int,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
    **options: Any,  # Any: fields of AuditSpec
) -> int:
    r"""Attack MODEL with random squares (Andriushchenko et al. 2020); it needs scores only.

    \b
    Example:
      iaside-audit attack model.onnx --images val/ --max-images 50 --radius 1/255,4/255
    """
    from iaside_audit.robustness.requests import AttackNorm, AttackRequest  # noqa: PLC0415

    request = AttackRequest(
        norm=AttackNorm(attack_norm),
        radii=numbers("radius", radius),
        queries=queries,
    )
    return measure_and_report(request, model, out, as_json=as_json, quiet=quiet, **options)
