"""``report``: a result as PDF, HTML, CSV, JSON, SVG or PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from iaside_audit.cli.options import PATH, common_options, given_result

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="report", short_help="Write a result as PDF, HTML, CSV, JSON, SVG or PNG.")
@click.argument("result", type=PATH)
@click.option(
    "--out", type=PATH, required=True, help="File to write: .pdf, .html, .csv, .json, .svg or .png."
)
@click.option(
    "--beside",
    type=PATH,
    multiple=True,
    help="Folder of snr, passband or heatmap: draws them on the audit's frequency axis.",
)
@common_options
def command(
    result: Path,
    out: Path,
    beside: tuple[Path, ...],
    quiet: bool,  # noqa: FBT001 - click passes by name
) -> None:
    r"""Write RESULT (a result.json, or the folder that holds one) in another format.

    \b
    Example:
      iaside-audit report audit/result.json --out audit.pdf
      iaside-audit report audit/ --out audit.html
      iaside-audit report audit/ --beside snr/ --beside heatmap/ --out axis.svg
    """
    from iaside_audit.report import write_beside, write_report  # noqa: PLC0415 - start-up time

    loaded = given_result(result)
    if beside:
        write_beside(loaded, beside, out)
    else:
        write_report(loaded, out)
    if not quiet:
        click.echo(out)
