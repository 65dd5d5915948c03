"""What the message bar says."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import Enum, auto

from iaside_audit.errors import IASideError
from iaside_ui.state.words import tr


class Severity(Enum):
    """How much a message matters."""

    INFORMATION = auto()
    WARNING = auto()
    ERROR = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; `details` are shown on demand."""

    severity: Severity
    text: str
    details: str = ""


def message_of(error: BaseException) -> Message:
    """Return what the window says of an error: its own words, or where the fault lies.

    An error of the engine explains itself, and its details are facts; any other is a fault of the
    program, and its details are the traceback that a report of the fault needs.
    """
    if isinstance(error, IASideError):
        facts = [
            (tr("Where"), error.path),
            (tr("Expected"), error.expected),
            (tr("Found"), error.found),
        ]
        facts += [(tr("Cause"), _cause(error)), (tr("Kind of error"), type(error).__name__)]
        known = [f"{name}: {value}" for name, value in facts if value]
        details = "\n".join(known) if len(known) > 1 else ""  # a kind alone helps nobody
        return Message(severity=Severity.ERROR, text=error.message, details=details)
    return Message(
        severity=Severity.ERROR,
        text=tr("Unexpected fault: {kind}: {error}. Report what the details say.").format(
            kind=type(error).__name__, error=error
        ),
        details="".join(traceback.format_exception(error)),
    )


def _cause(error: BaseException) -> str:
    cause = error.__cause__
    return f"{type(cause).__name__}: {cause}" if cause else ""
