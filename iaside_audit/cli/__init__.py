"""The command line ``iaside-audit``.

One module a command; each is imported when it is used, and imports nothing heavy itself, so that
``--help`` answers at once. A command builds a specification, hands it to the engine, and prints
what comes back: results on stdout, progress and messages on stderr.

Exit codes: 0 done; 1 it failed while running; 2 wrong usage or unusable input; 3 a threshold is not
met; 4 finished, but worse than asked; 130 cancelled.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
import traceback
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

import click

from iaside_audit._version import __version__
from iaside_audit.cli import interrupts
from iaside_audit.errors import IASideError, InferenceError, ReportError, StoreError
from iaside_audit.events import AuditCancelled
from iaside_audit.paths import SHOWN_CHARACTERS, elided
from iaside_audit.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import EntryPoint
    from typing import NoReturn

COMMANDS: Final = (
    "demo",
    "run",
    "inspect",
    "compare",
    "report",
    "verify",
    "gate",
    "merge",
    "predict",
    "corrupt",
    "snr",
    "heatmap",
    "passband",
    "attack",
    "study",
    "models",
    "cache",
    "selfcheck",
)
"""In the order of the help page."""
PLUGIN_GROUP: Final = "iaside_audit.commands"
"""Other packages, the window's above all, add commands through this entry-point group."""
ELSEWHERE: Final = {
    "gui": "The window is not installed. Run `pip install 'iaside-audit[gui]'`.",
}

LISTED: Final = "\n  - "
"""What stands before each of the faults that a message lists."""
FAILED: Final = 1
UNUSABLE: Final = 2
WORSE_THAN_ASKED: Final = 4
CANCELLED: Final = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the built-in commands, then those of other packages."""
        return [*COMMANDS, *sorted(_plugins(ctx).keys() - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"iaside_audit.cli.{cmd_name}")
            command: click.Command = module.command
            return command
        if cmd_name in (plugins := _plugins(ctx)):
            loaded: click.Command = plugins[cmd_name].load()
            return loaded
        if cmd_name in ELSEWHERE:
            raise click.UsageError(ELSEWHERE[cmd_name])
        known = self.list_commands(ctx)
        raise click.UsageError(
            f"Expected a command out of {', '.join(known)}, found {cmd_name!r}."
            f"{nearest(cmd_name, known)}"
        )


def _plugins(ctx: click.Context) -> dict[str, EntryPoint]:
    """Find the commands of other packages, once: it looks into every installed one."""
    found: dict[str, EntryPoint] | None = ctx.meta.get(PLUGIN_GROUP)
    if found is None:
        found = ctx.meta[PLUGIN_GROUP] = {
            point.name: point for point in entry_points(group=PLUGIN_GROUP)
        }
    return found


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="iaside-audit")
@click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback with an error.")
def group() -> None:
    """How robust is an ONNX image classifier, and why.

    Cuts images into frequency bands, asks the model about coalitions of bands, and reports each
    band's importance and a robustness score with intervals.

    \b
    Example:
      iaside-audit run model.onnx --images val/ --out audit/
    """  # noqa: D301 - click takes the character for "do not wrap"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    wants_traceback = "--debug" in words
    interrupts.listen()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file name may hold what it cannot write
            stream.reconfigure(errors="backslashreplace")
    try:
        code = group.main(args=words, prog_name="iaside-audit", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = UNUSABLE
    except (KeyboardInterrupt, click.Abort, AuditCancelled):
        click.echo("Cancelled.", err=True)
        code = CANCELLED
    except IASideError as error:
        _complain(error.message, wants_traceback=wants_traceback)
        code = exit_code(error)
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stderr.close()
        code = FAILED
    except OSError as error:
        message, code = _file_fault(error)
        _complain(message, wants_traceback=wants_traceback)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if interrupts.asked.is_set():
            click.echo("Cancelled.", err=True)
            code = CANCELLED
        else:
            _complain(
                f"Unexpected fault: {type(error).__name__}: {error}. "
                "Run again with --debug and report what it prints.",
                wants_traceback=wants_traceback,
            )
            code = FAILED
    sys.exit(code or 0)


def exit_code(error: IASideError) -> int:
    """Return the exit code of an error: 1 where the run failed, 2 where its input is unusable."""
    return FAILED if isinstance(error, (InferenceError, StoreError, ReportError)) else UNUSABLE


def _file_fault(error: OSError) -> tuple[str, int]:
    """Return what is said of an error that no command explains, and its exit code."""
    if error.errno == errno.ENAMETOOLONG:  # merely to ask whether there is such a file raises it
        name = elided(str(error.filename), SHOWN_CHARACTERS)
        said = f"Expected a name that a file can have here, found one that is too long: '{name}'."
        return f"{said} Check the path.", UNUSABLE
    # Standard output on a full disk, above all.
    return f"Expected to read and write files, found: {error}. Check the disk's free space.", FAILED


def _complain(message: str, *, wants_traceback: bool) -> None:
    if wants_traceback:
        traceback.print_exc()
    from iaside_audit.classifier.safety import (  # noqa: PLC0415 - start-up time
        MAX_MESSAGE,
        printable,
    )

    colour = None if os.environ.get("NO_COLOR") else "red"  # click does not look
    click.secho("Error: ", fg=colour, bold=True, nl=False, err=True)
    said, *listed = message.split(LISTED)  # one line each; no other line break is trusted
    click.echo(printable(said, MAX_MESSAGE), err=True)
    for one in listed:
        click.echo(f"{LISTED[1:]}{printable(one, MAX_MESSAGE)}", err=True)
