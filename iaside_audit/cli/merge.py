"""``merge``: the shards of one audit, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from iaside_audit.choices import DEFAULT_FORMATS, FORMATS
from iaside_audit.cli.options import PATH, common_options, json_option
from iaside_audit.cli.run import conclude_folder, parse_formats

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="merge", short_help="Join the shards of one audit.")
@click.argument("shards", metavar="DIR...", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, required=True, help="Folder for the joint result.")
@click.option(
    "--formats",
    metavar="LIST",
    default=",".join(DEFAULT_FORMATS),
    show_default=True,
    help=f"What to write, of {','.join(FORMATS)}.",
)
@json_option
@common_options
def command(
    shards: tuple[Path, ...],
    out: Path,
    formats: str,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001, ARG001
) -> int:
    r"""Join the output folders of all shards (`run --shard I/N`) to the result of one audit.

    No image may be missing or there twice, and specifications, model and images must agree.

    \b
    Example:
      iaside-audit merge audit-1/ audit-2/ audit-3/ audit-4/ --out audit/
    """
    from iaside_audit.auditing.outcome.merge import merge_shards  # noqa: PLC0415 - start-up time
    from iaside_audit.cli.folder import made_output_folder  # noqa: PLC0415

    wanted = parse_formats(formats)
    with made_output_folder(out):
        result = merge_shards(shards, out)
        return conclude_folder(result, out, formats=wanted, as_json=as_json)
