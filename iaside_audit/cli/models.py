"""``models``: the catalogue."""

from __future__ import annotations

import json

import click

from iaside_audit.cli.options import common_options, json_option


@click.command(name="models", short_help="List the models that ship.")
@json_option
@common_options
def command(as_json: bool, quiet: bool) -> None:  # noqa: FBT001, ARG001 - click passes by name
    r"""List the catalogue; an id stands for a file wherever a MODEL is asked for.

    \b
    Example:
      iaside-audit models
    """
    from rich.table import Table  # noqa: PLC0415 - start-up time

    from iaside_audit.classifier.catalogue import catalogue  # noqa: PLC0415
    from iaside_audit.cli.console import stdout  # noqa: PLC0415
    from iaside_audit.report.summary import format_size  # noqa: PLC0415

    models = catalogue()
    if as_json:
        records = [
            {
                "id": model.id,
                "title": model.title,
                "sha256": model.sha256,
                "size_bytes": model.size_bytes,
                "licence": model.licence,
                "source": model.source,
            }
            for model in models
        ]
        click.echo(json.dumps({"schema_version": 1, "models": records}, indent=2))
        return
    table = Table()
    for name in ("id", "title", "input", "size", "licence"):
        table.add_column(name)
    for model in models:
        height, width = model.preprocessing.crop_size
        table.add_row(
            model.id,
            model.title,
            f"{height} x {width}",
            format_size(model.size_bytes),
            model.licence,
        )
    stdout().print(table)
