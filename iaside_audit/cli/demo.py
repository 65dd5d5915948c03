"""``demo``: the built-in model on the built-in photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from iaside_audit.cli.options import PATH, common_options, json_option
from iaside_audit.cli.run import FORMATS, run_and_report
from iaside_audit.spec import AuditSpec, Estimator

MODEL: Final = "efficientnet_lite0"
PAIRS: Final = 4
"""With a dozen images, orders are worth averaging: they cost little beside an honest interval."""


@click.command(name="demo", short_help="Audit the built-in model on the built-in images.")
@click.option(
    "--out",
    type=PATH,
    default=Path("iaside-demo"),
    show_default=True,
    help="Folder for the result.",
)
@json_option
@common_options
def command(out: Path, as_json: bool, quiet: bool) -> int:  # noqa: FBT001 - click passes by name
    """Audit a real network on real photographs: under a minute on two cores.

    The labels are the model's own predictions, and a dozen images is few: the intervals say so.

    \b
    Example:
      iaside-audit demo --out demo/
    """  # noqa: D301 - click takes the character for "do not wrap"
    from iaside_audit.classifier.catalogue import demo_images  # noqa: PLC0415 - start-up time

    spec = AuditSpec(
        model=Path(MODEL),
        images=demo_images(),
        labels="self",
        estimator=Estimator.PERMUTATION,
        pairs=PAIRS,
    )
    return run_and_report(spec, out=out, formats=FORMATS, as_json=as_json, quiet=quiet)
