"""Options that several commands share, and the options of an audit, declared once."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from iaside_audit.choices import MAX_BANDS, MIN_BANDS, Estimator, IntervalMethod, Mode, Norm, Range
from iaside_audit.errors import SpecError
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from enum import StrEnum
    from os import PathLike

    from iaside_audit.result import AuditResult

    Command = Callable[..., Any]  # Any: click passes options by name


class _NamedPath(click.Path):
    """A path that is not empty: an unset variable of a shell would else mean this very folder."""

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Return the path.

        Raises
        ------
        click.BadParameter
            If it is empty.
        """
        if not value:
            self.fail("Expected a path, found an empty name.", param, ctx)
        return Path(value)


PATH: Final = _NamedPath(path_type=Path, readable=False)
"""Whether a file may be read is found, and said, by whoever reads it."""

HELP: Final = {
    "images": "Folder of class folders, flat folder, CSV/TSV (path,label), or .npz.",
    "labels": "auto, folder, self, or a CSV of path,label.",
    "classes": "Class names: a map of wnid, name or index.",
    "output": "Which output holds the class scores, where there are several.",
    "preprocess": "auto, FILE.toml, preprocessor_config.json, or a catalogue id.",
    "bands": "Number of frequency bands.  [default: 8]",
    "norm": "Radius that orders the frequencies: {choices}.",
    "spacing": "uniform, octave, or interior edges such as 0.1,0.3,0.6.",
    "frame": "Size at which the bands are taken: input, or pixels.",
    "baseline": "What stands in for an absent band: zero, mean, noise, shuffle.",
    "range": "Pixels outside [0, 1]: {choices}.",
    "value": "Worth of a coalition: log-probability, probability, accuracy, margin.",
    "beta": "Weight ratio of neighbouring bands in the scores.",
    "estimator": "How Shapley values are computed: {choices}.",
    "pairs": "Antithetic pairs of orders an image (permutation).",
    "interactions": "Measure how bands act together: every coalition of every image.",
    "max_images": "Use the first so many images of the seeded order.",
    "budget": "Evaluations (images put through the model) at most.",
    "target_halfwidth": "Stop where the signed score's interval is this narrow.",
    "seed": "Of every random draw.",
    "confidence": "Of every interval.",
    "interval": "How the ends follow from the resamples: {choices}.",
    "mode": "{choices}: the mathematics done properly, or the authors' code.",
    "reference_batch": "Images a batch in reference mode.",
    "device": "auto, cpu, cuda, or cuda:N; cuda:0,1 runs a worker on each.",
    "batch": "Images a call of the model at most: auto, or a number.",
    "max_model_bytes": "Size of a model, with its external data, that is opened at most.",
    "threads": "Threads of each worker's session: auto, or a number.",
    "workers": "Processes that run the model: auto, or a number.",
    "resume": "Go on with the rows in --out, or move them aside.",
    "shard": "I/N: only the I-th of N parts of the images; `merge` joins them.",
    "scheduler": "Dask scheduler's address, or local:N.",
}
"""One line for every field of :class:`AuditSpec` but the model; a test compares the two."""

CHOICES: Final[dict[str, type[StrEnum]]] = {
    "norm": Norm,
    "range": Range,
    "estimator": Estimator,
    "interval": IntervalMethod,
    "mode": Mode,
}
NUMBERS: Final = {
    "bands": click.IntRange(MIN_BANDS, MAX_BANDS),
    "pairs": int,
    "seed": int,
    "max_images": int,
    "budget": int,
    "reference_batch": int,
    "max_model_bytes": int,
    "beta": float,
    "confidence": float,
    "target_halfwidth": float,
}


def numbers(name: str, text: str) -> tuple[float, ...]:
    """Read numbers separated by commas; quotients such as ``4/255`` are numbers too.

    Raises
    ------
    SpecError
        If one is none.

    Examples
    --------
    >>> numbers("radius", "1/4, 0.5")
    (0.25, 0.5)
    """
    try:
        return tuple(
            float(above) / float(below or 1)
            for above, _, below in (one.partition("/") for one in text.split(",") if one.strip())
        )
    except (ValueError, ZeroDivisionError) as error:
        raise SpecError(
            f"Expected numbers separated by commas for --{name}, found {text!r}."
        ) from error


def given_result(path: Path) -> AuditResult:
    """Read a result that was named on the command line.

    Raises
    ------
    click.UsageError
        If there is none, or it cannot be used: that is no failure to write a report.
    """
    from iaside_audit.errors import ReportError  # noqa: PLC0415 - start-up time
    from iaside_audit.report import load_result  # noqa: PLC0415

    try:
        return load_result(path)
    except ReportError as error:
        raise click.UsageError(error.message) from error


def audit_options(
    command: Command, *, only: Container[str] | None = None, required: Container[str] = ()
) -> Command:
    """Add the options of an audit, or `only` some of them; absent ones arrive as None."""
    for field in reversed([one for one in fields(AuditSpec) if one.name != "model"]):
        if only is not None and field.name not in only:
            continue
        choices = ", ".join(one.value for one in CHOICES.get(field.name, ()))
        text = HELP[field.name].format(choices=choices)
        name = f"--{field.name.replace('_', '-')}"
        default = field.default
        if isinstance(default, bool):
            text += f"  [default: {'' if default else 'no-'}{field.name}]"
            name = f"{name}/--no-{field.name}"
        elif field.name not in {"images", "bands"} and default is not None:
            text += f"  [default: {getattr(default, 'value', default)}]"
        option = click.option(
            name,
            field.name,
            is_flag=isinstance(default, bool),
            type=bool if isinstance(default, bool) else NUMBERS.get(field.name, str),
            default=None,
            required=field.name in required,
            help=text,
        )
        command = option(command)
    return command


def corruption_options(command: Command) -> Command:
    """Add which corruptions, of which severities, made here or ready-made."""
    for option in (
        click.option(
            "--severity",
            "severities",
            type=click.IntRange(1, 5),
            multiple=True,
            help="Repeatable.  [default: 1 to 5]",
        ),
        click.option("--corruption", "names", multiple=True, help="Repeatable.  [default: all 15]"),
        click.option("--corrupted", type=PATH, help="ImageNet-C folder of the same images."),
    ):
        command = option(command)
    return command


def common_options(command: Command) -> Command:
    """Add --quiet and --debug, and keep the lines of the help's examples apart."""
    # Click does not wrap what follows the character \b; a raw docstring spells it.
    command.__doc__ = (command.__doc__ or "").replace(r"\b", "\b")
    command = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        help="Show a traceback with an error.",
    )(command)
    return click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")(command)


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
    )(command)
