"""``inspect``: what a model file is, before an audit."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from iaside_audit.cli.options import HELP, PATH, common_options, json_option

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.auditing.inspection import Inspection


@click.command(name="inspect", short_help="Show what a model file is.")
@click.argument("model", type=PATH)
@click.option("--preprocess", default="auto", show_default=True, help=HELP["preprocess"])
@click.option("--device", default="auto", show_default=True, help=HELP["device"])
@click.option("--template", is_flag=True, help="Print a preprocessing file to start from.")
@json_option
@common_options
def command(
    model: Path,
    preprocess: str,
    device: str,
    template: bool,  # noqa: FBT001 - click passes by name
    as_json: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001, ARG001
) -> None:
    """Show inputs, outputs, layout, hash and preprocessing of MODEL; it runs in a child process.

    \b
    Example:
      iaside-audit inspect model.onnx
    """  # noqa: D301 - click takes the character for "do not wrap"
    from iaside_audit.auditing.inspection import inspect_file, template_for  # noqa: PLC0415

    inspection = inspect_file(model, preprocess=preprocess, device=device)
    if template:
        click.echo(template_for(inspection), nl=False)
    elif as_json:
        click.echo(json.dumps({"schema_version": 1, **asdict(inspection)}, indent=2))
    else:
        _print(inspection)


def _print(inspection: Inspection) -> None:
    from rich.markup import escape  # noqa: PLC0415 - start-up time
    from rich.table import Table  # noqa: PLC0415

    from iaside_audit.cli.console import stdout  # noqa: PLC0415
    from iaside_audit.report.summary import format_size  # noqa: PLC0415

    graph = inspection.graph
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    batch = "free" if graph.batch is None else f"fixed at {graph.batch}"
    taken = f"{graph.input_dtype} {_shape(graph.input_shape)}, {graph.layout}, batch {batch}"
    rows = [
        ("File", inspection.path),
        ("Size", format_size(inspection.size_bytes)),
        ("sha256", inspection.sha256),
        ("Producer", graph.producer or "not said"),
        ("Opset, IR", f"{graph.opset}, {graph.ir_version}"),
        ("Graph", f"{graph.n_nodes} nodes, {graph.n_parameters:,} parameters"),
        ("Input", f"{graph.input_name}: {taken}"),
        ("Output", f"{graph.output_name}: {_shape(graph.output_shape)}, made by {graph.head}"),
    ]
    if graph.external_files:
        rows.append(("External data", ", ".join(graph.external_files)))
    rows += [(f"Metadata: {key}", value) for key, value in sorted(graph.metadata.items())]
    if inspection.output_kind is not None:
        rows.append(("Checked", f"gives {inspection.output_kind}, {inspection.n_classes} classes"))
        rows.append(("Runs on", f"{inspection.provider} ({inspection.device})"))
    preprocessing = inspection.preprocessing
    if preprocessing is None:
        rows.append(("Preprocessing", f"none: {inspection.preprocessing_fault}"))
    else:
        rows.append(("Preprocessing", f"from {preprocessing.source}"))
        rows += [
            ("", f"{key} = {value}")
            for key, value in asdict(preprocessing).items()
            if key != "source"
        ]
    for name, text in rows:
        table.add_row(escape(name), escape(str(text)))
    stdout().print(table)


def _shape(shape: tuple[int | str | None, ...]) -> str:
    return f"({', '.join('?' if one is None else str(one) for one in shape)})"
