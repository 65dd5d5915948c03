"""``inspect``: what a model file is, before an audit, and which preprocessing it was made for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iaside_audit.choices import MAX_MODEL_BYTES
from iaside_audit.cli.options import HELP, PATH, common_options, json_option

if TYPE_CHECKING:
    from iaside_audit.auditing.inspection import Inspection

BESIDE = ""
"""What ``--write`` without a path gives: the file goes beside the model."""
MAX_LINE = 1000
"""Characters of a line of the model's own words."""


@click.command(name="inspect", short_help="Show what a model is, and find its preprocessing.")
@click.argument("model", type=PATH)
@click.option("--images", type=PATH, help=f"Try preprocessings on these. {HELP['images']}")
@click.option("--labels", default="auto", show_default=True, help=HELP["labels"])
@click.option("--classes", type=PATH, help=HELP["classes"])
@click.option(
    "--max-images",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Images to try preprocessings on, taken at random.",
)
@click.option(
    "--size", type=click.IntRange(min=1), help="Input size, where the model leaves it free."
)
@click.option(
    "--write",
    is_flag=False,
    flag_value=BESIDE,
    metavar="[PATH]",
    help="Save the best preprocessing as TOML, beside the model unless PATH is given.",
)
@click.option("--preprocess", default="auto", show_default=True, help=HELP["preprocess"])
@click.option("--output", help=HELP["output"])
@click.option("--device", default="auto", show_default=True, help=HELP["device"])
@click.option("--max-model-bytes", type=int, default=MAX_MODEL_BYTES, help=HELP["max_model_bytes"])
@click.option("--template", is_flag=True, help="Print a preprocessing file to start from.")
@json_option
@common_options
def command(
    model: Path,
    images: Path | None,
    labels: str,
    classes: Path | None,
    max_images: int,
    size: int | None,
    write: str | None,
    preprocess: str,
    output: str | None,
    device: str,
    max_model_bytes: int,
    template: bool,  # noqa: FBT001 - click passes by name
    as_json: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
) -> None:
    r"""Show inputs, outputs, layout, hash and preprocessing of MODEL; it runs in a child process.

    With --images, the preprocessing assistant tries what lies around the model and the usual
    recipes on up to 200 labelled images, and names the best.

    \b
    Examples:
      iaside-audit inspect model.onnx
      iaside-audit inspect model.onnx --images val/ --write
    """
    from iaside_audit.auditing.inspection import (  # noqa: PLC0415 - start-up time
        TrialImages,
        inspect_file,
        template_for,
    )
    from iaside_audit.classifier.safety import printable  # noqa: PLC0415
    from iaside_audit.cli.assistance import (  # noqa: PLC0415
        assistant_progress,
        print_assistance,
    )
    from iaside_audit.cli.console import stdout  # noqa: PLC0415
    from iaside_audit.paths import check_path  # noqa: PLC0415
    from iaside_audit.report.preprocessing_file import write_chosen  # noqa: PLC0415

    data = None
    if images is not None:
        data = TrialImages(images=images, labels=labels, classes=classes, max_images=max_images)
    elif write is not None:
        raise click.UsageError("--write saves what --images finds: give --images too.")
    check_path(model, to="a model")
    is_id = not (model.exists() or model.suffix)
    if write == BESIDE and is_id:  # the file lies in the installed package
        raise click.UsageError(f"There is no place beside '{model}': give --write FILE.toml.")
    with assistant_progress(quiet=quiet) as on_progress:
        inspection = inspect_file(
            model,
            preprocess=preprocess,
            output=output,
            max_model_bytes=max_model_bytes,
            device=device,
            size=size,
            data=data,
            on_progress=on_progress,
        )
    assistance = inspection.assistance
    if template:
        click.echo(template_for(inspection), nl=False)
    elif as_json:
        click.echo(json.dumps(_document(inspection), indent=2))
    else:
        _print(inspection)
        if assistance is not None:
            print_assistance(assistance, stdout(), is_saved=write is not None)
    if assistance is not None and write is not None:
        path = write_chosen(
            assistance, Path(inspection.path), None if write == BESIDE else Path(write)
        )
        click.echo(f"The best preprocessing is in {printable(path)}.", err=True)


def _document(inspection: Inspection) -> dict[str, Any]:  # Any: JSON
    document = {"schema_version": 1, **asdict(inspection)}
    if inspection.assistance is not None:
        document["assistance"]["is_misconfigured"] = inspection.assistance.is_misconfigured
    return document


def _print(inspection: Inspection) -> None:
    from rich.table import Table  # noqa: PLC0415 - start-up time

    from iaside_audit.cli.console import foreign, stdout  # noqa: PLC0415
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
    if graph.normalises is not None:
        rows.append(("First nodes", graph.normalises))
    preprocessing = inspection.preprocessing
    if preprocessing is None and inspection.assistance is not None:
        rows.append(("Preprocessing", "none is configured"))
    elif preprocessing is None:
        rows.append(("Preprocessing", f"none: {inspection.preprocessing_fault}"))
    else:
        rows.append(("Preprocessing", f"from {preprocessing.source}"))
        rows += [
            ("", f"{key} = {value}")
            for key, value in asdict(preprocessing).items()
            if key != "source"
        ]
    for name, text in rows:  # much of it is written by whoever made the model
        lines = str(text).split("\n") if name.startswith("Metadata") else [text]
        shown = "\n".join(foreign(line, MAX_LINE) for line in lines)
        table.add_row(foreign(name), shown)
    stdout().print(table)


def _shape(shape: tuple[int | str | None, ...]) -> str:
    return f"({', '.join('?' if one is None else str(one) for one in shape)})"
