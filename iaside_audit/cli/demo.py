"""``demo``: the built-in model on the built-in photographs."""

from __future__ import annotations

from pathlib import Path

import click

from iaside_audit.choices import DEFAULT_FORMATS
from iaside_audit.cli.options import PATH, common_options, json_option
from iaside_audit.cli.run import run_and_report


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
    r"""Audit a real network on real photographs: under a minute on two cores.

    The labels are the model's own predictions, and a dozen images is few: the intervals say so.

    \b
    Example:
      iaside-audit demo --out demo/
    """
    from iaside_audit.auditing.demo import demo_spec  # noqa: PLC0415 - start-up time

    return run_and_report(
        demo_spec(),
        out=out,
        formats=DEFAULT_FORMATS,
        uses_cache=False,
        as_json=as_json,
        quiet=quiet,
    )
