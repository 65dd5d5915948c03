"""``gui``: the window, as a command of ``iaside-audit``."""

from __future__ import annotations

from pathlib import Path

import click

PIP_COMMAND = "pip install 'iaside-audit[gui]'"


@click.command(name="gui", short_help="Open the window.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def command(file: Path | None) -> int:
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
