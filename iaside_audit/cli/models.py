"""``models``: the catalogue, and what the user adds to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from iaside_audit.cli.options import HELP, PATH, common_options, json_option

if TYPE_CHECKING:
    from pathlib import Path


MAX_FAULT = 1000
"""Characters of what is wrong with a record."""


@click.group(
    name="models", short_help="List the models of the catalogue.", invoke_without_command=True
)
@json_option
@common_options
@click.pass_context
def command(ctx: click.Context, as_json: bool, quiet: bool) -> None:  # noqa: FBT001, ARG001
    r"""List the catalogue; an id stands for a file wherever a MODEL is asked for.

    \b
    Example:
      iaside-audit models
      iaside-audit models add model.onnx --preprocess model.toml
    """
    if ctx.invoked_subcommand is None:
        _list(as_json=as_json)


@command.command(name="add", short_help="Add a model of your own.")
@click.argument("model", type=PATH)
@click.option("--id", "model_id", help="Stands for the file; the file's name unless given.")
@click.option("--preprocess", default="auto", show_default=True, help=HELP["preprocess"])
@click.option("--title", default="", help="What the model is.")
@click.option("--licence", default="not said", show_default=True, help="How it may be used.")
@click.option("--source", default="added by the user", show_default=True, help="Its origin.")
@common_options
def add(
    model: Path,
    model_id: str | None,
    preprocess: str,
    title: str,
    licence: str,
    source: str,
    quiet: bool,  # noqa: FBT001 - click passes by name
) -> None:
    r"""Remember MODEL, its hash and its preprocessing under an id; the file stays where it is.

    \b
    Example:
      iaside-audit models add model.onnx --id my-model --preprocess model.toml
    """
    from iaside_audit.auditing.inspection import inspect_file  # noqa: PLC0415 - start-up time
    from iaside_audit.classifier.catalogue import catalogue  # noqa: PLC0415
    from iaside_audit.classifier.user_catalogue import (  # noqa: PLC0415
        CatalogueModel,
        add_user_model,
        user_folder,
    )
    from iaside_audit.errors import SpecError  # noqa: PLC0415

    inspection = inspect_file(model, preprocess=preprocess)
    if inspection.preprocessing is None:
        raise SpecError(str(inspection.preprocessing_fault))
    name = model_id or model.stem.lower()
    if name in {one.id for one in catalogue()}:
        raise SpecError(f"Expected an id that is free, found {name!r} taken. Choose another --id.")
    record = CatalogueModel(
        id=name,
        title=title or model.name,
        path=model,
        sha256=inspection.sha256,
        size_bytes=inspection.size_bytes,
        licence=licence,
        source=source,
        output_kind=inspection.output_kind or "not checked",
        preprocessing=inspection.preprocessing,
    )
    path = add_user_model(record, user_folder())
    if not quiet:
        click.echo(f"Added {name} ({path}).")


def _list(*, as_json: bool) -> None:

    from iaside_audit.classifier.catalogue import catalogue  # noqa: PLC0415
    from iaside_audit.classifier.safety import printable  # noqa: PLC0415
    from iaside_audit.classifier.user_catalogue import user_folder, user_models  # noqa: PLC0415
    from iaside_audit.cli.console import foreign, make_table, print_whole, stdout  # noqa: PLC0415
    from iaside_audit.report.summary import format_size  # noqa: PLC0415

    models = catalogue()
    for fault in user_models(user_folder())[1]:
        click.secho(f"Warning: {printable(fault, MAX_FAULT)}", fg="yellow", err=True)
    if as_json:
        records = [
            {
                "id": model.id,
                "title": model.title,
                "path": str(model.path),
                "sha256": model.sha256,
                "size_bytes": model.size_bytes,
                "licence": model.licence,
                "source": model.source,
            }
            for model in models
        ]
        click.echo(json.dumps({"schema_version": 1, "models": records}, indent=2))
        return
    table = make_table()
    for column in ("id", "title", "input", "size", "licence"):
        table.add_column(column, justify="right" if column == "size" else "left")
    for model in models:
        height, width = model.preprocessing.crop_size
        table.add_row(
            model.id,
            foreign(model.title),
            f"{height} x {width}",
            format_size(model.size_bytes),
            foreign(model.licence),
        )
    print_whole(stdout(), table)
