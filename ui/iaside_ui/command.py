"""``gui``: the window, as a command of ``iaside-audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from iaside_audit.cli.options import PATH, common_options

if TYPE_CHECKING:
    from pathlib import Path

PIP_COMMAND = "pip install 'iaside-audit[gui]'"


@click.command(name="gui", short_help="Open the window.")
@click.argument("file", type=PATH, required=False)
@common_options
def command(file: Path | None, quiet: bool) -> int:  # noqa: FBT001, ARG001 - click passes by name
    r"""Open the window, with FILE (a result.json, or a model) in it.

    \b
    Example:
      iaside-audit gui audit/result.json
    """
    try:
        from iaside_ui.app import main  # noqa: PLC0415 - start-up time
    except ModuleNotFoundError as error:
        raise click.UsageError(f"The window is not installed. Run `{PIP_COMMAND}`.") from error
    except ImportError as error:  # Qt is there, a library of the system is not
        raise click.UsageError(
            f"Expected the system libraries that Qt needs, found one missing: {error}. "
            "Install the packages that the README lists for the window."
        ) from error
    return main([] if file is None else [str(file)])
