"""``run``: one audit."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import click

from iaside_audit.choices import DEFAULT_FORMATS, FORMATS
from iaside_audit.cli.options import PATH, audit_options, common_options, json_option
from iaside_audit.errors import SpecError
from iaside_audit.registry import nearest
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from iaside_audit.result import AuditResult

CANCELLED = 130
WORSE_THAN_ASKED = 4


@click.command(name="run", short_help="Audit a model on a folder of images.")
@click.argument("model", type=PATH, required=False)
@click.option("--out", type=PATH, help="Folder for the result.  [required, but with --plan]")
@click.option("--config", type=PATH, help="TOML file with these options under [audit].")
@click.option(
    "--formats",
    metavar="LIST",
    help=f"What to write, of {','.join(FORMATS)}.  [default: {','.join(DEFAULT_FORMATS)}]",
)
@audit_options
@click.option(
    "--cache/--no-cache",
    default=None,
    help="Use and keep rows of other audits of the same model and images.  [default: cache]",
)
@click.option("--plan", "plans", is_flag=True, help="Run a pilot, print the plan, and stop.")
@click.option(
    "--stability",
    "is_panel",
    is_flag=True,
    help="Instead, repeat a small audit over norm, spacing, bands, baseline and range.",
)
@json_option
@common_options
def command(
    model: Path | None,
    out: Path | None,
    config: Path | None,
    formats: str | None,
    cache: bool | None,  # noqa: FBT001 - click passes by name
    plans: bool,  # noqa: FBT001
    is_panel: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
    **options: Any,  # Any: one for each field of AuditSpec
) -> int:
    r"""Audit MODEL (an .onnx file or a catalogue id) on a set of images.

    Options given here win over those of --config.

    \b
    Example:
      iaside-audit run model.onnx --images val/ --out audit/
    """
    values = {**read_config(config), **{k: v for k, v in options.items() if v is not None}}
    if model is not None:
        values["model"] = model
    listed = values.pop("formats", DEFAULT_FORMATS)
    configured = values.pop("cache", True)
    if not isinstance(configured, bool):
        raise SpecError(f"Expected cache to be true or false, found {configured!r}.")
    try:
        spec = AuditSpec.from_dict(values)
    except SpecError as error:
        if config is None:
            raise
        raise SpecError(
            f"{error.message} The options are those of '{config}' and of the command line.",
            path=str(config),
        ) from error
    if plans and is_panel:
        raise click.UsageError("Expected --plan or --stability, found both. Leave one out.")
    if plans:
        from iaside_audit.cli.planning import plan  # noqa: PLC0415 - start-up time

        return plan(spec, as_json=as_json, quiet=quiet)
    if out is None:
        raise click.UsageError("Expected --out, found none. Name a folder for the result.")
    if is_panel:
        from iaside_audit.cli.planning import check_stability  # noqa: PLC0415

        return check_stability(spec, out=out, as_json=as_json, quiet=quiet)
    return run_and_report(
        spec,
        out=out,
        formats=parse_formats(listed if formats is None else formats),
        uses_cache=configured if cache is None else cache,
        as_json=as_json,
        quiet=quiet,
    )


def run_and_report(
    spec: AuditSpec,
    *,
    out: Path,
    formats: tuple[str, ...],
    uses_cache: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run an audit, print its result and write its folder; return the exit code."""
    from iaside_audit.cli.folder import (  # noqa: PLC0415 - start-up time
        claimed_output_folder,
        set_result_aside,
    )
    from iaside_audit.cli.progress import run_with_progress  # noqa: PLC0415
    from iaside_audit.store import default_cache_path  # noqa: PLC0415

    with claimed_output_folder(out, spec):
        result, was_cancelled, read = run_with_progress(
            spec, quiet=quiet, out=out, cache=default_cache_path() if uses_cache else None
        )
        if result is None:
            click.echo("Cancelled before there was anything to report.", err=True)
            return CANCELLED
        if not spec.resume:
            set_result_aside(out)
        code = conclude_folder(result, out, formats=formats, as_json=as_json, read=read)
    return CANCELLED if was_cancelled else code


def conclude_folder(
    result: AuditResult,
    out: Path,
    *,
    formats: tuple[str, ...],
    as_json: bool,
    read: Collection[str] = (),
) -> int:
    """Print a result, but for warnings `read` before, write its folder; return the exit code."""
    from iaside_audit.cli.console import foreign, print_result, stdout  # noqa: PLC0415 - start-up time
    from iaside_audit.report import write_output_folder  # noqa: PLC0415
    from iaside_audit.store import STORE_NAME  # noqa: PLC0415

    console = stdout()
    try:  # printed first: where the disk is full, the numbers are not lost
        if as_json:
            click.echo(result.to_json().encode(errors="backslashreplace"), nl=False)
        else:
            print_result(result, console, read=read)
    finally:  # written also where nobody reads what is printed, as behind `head`
        paths = write_output_folder(result, out, formats)
    store = out / STORE_NAME
    for path in () if as_json else (*([store] if store.exists() else []), *paths):
        console.print(f" {foreign(path)}", soft_wrap=True)
    return WORSE_THAN_ASKED if is_worse_than_asked(result) else 0


def is_worse_than_asked(result: AuditResult) -> bool:
    """Say whether images were lost, or the target was missed."""
    return result.data.n_failed > 0 or result.estimator.converged is False


def parse_formats(listed: object) -> tuple[str, ...]:
    """Read ``--formats``: names with commas between them, or a list of TOML.

    Raises
    ------
    SpecError
        If one is unknown; the nearest known one is named.
    """
    names = listed if isinstance(listed, list | tuple) else str(listed).split(",")
    formats = tuple(name for one in names if (name := str(one).strip()))
    for one in formats:
        if one not in FORMATS:
            raise SpecError(
                f"Expected formats out of {', '.join(FORMATS)}, found {one!r}."
                f"{nearest(one, FORMATS)}"
            )
    return formats


def read_config(path: Path | None) -> dict[str, Any]:  # Any: TOML
    """Read the options below ``[audit]`` of a TOML file, by the names of :class:`AuditSpec`.

    Raises
    ------
    SpecError
        If it cannot be read, or has no such table.
    """
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError(
            f"Expected a TOML file of options, found '{path}' unreadable: {error}. Check --config.",
            path=str(path),
        ) from error
    table = document.get("audit")
    if not isinstance(table, dict):
        raise SpecError(
            f"Expected a table [audit] in '{path}', found none. Put the options below [audit].",
            path=str(path),
        )
    return {key.replace("-", "_"): value for key, value in table.items()}
