"""What the message bar says."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import Enum, auto

from iaside_audit.errors import IASideError


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
        facts = [("Where", error.path), ("Expected", error.expected), ("Found", error.found)]
        facts += [("Cause", _cause(error)), ("Kind of error", type(error).__name__)]
        known = [f"{name}: {value}" for name, value in facts if value]
        details = "\n".join(known) if len(known) > 1 else ""  # a kind alone helps nobody
        return Message(severity=Severity.ERROR, text=error.message, details=details)
    return Message(
        severity=Severity.ERROR,
        text=f"Unexpected fault: {type(error).__name__}: {error}. Report what the details say.",
        details="".join(traceback.format_exception(error)),
    )


def _cause(error: BaseException) -> str:
    cause = error.__cause__
    return f"{type(cause).__name__}: {cause}" if cause else ""
