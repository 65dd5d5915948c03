"""What the message bar says."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from iaside_audit.errors import (
    IASideError,
    ImageError,
    ModelNotFoundError,
    PreprocessingMissingError,
)
from iaside_audit.events import AuditCancelled
from iaside_audit.report.summary import base_name
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from iaside_audit.spec import AuditSpec


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


def message_of(error: BaseException, *, spec: AuditSpec | None = None) -> Message:
    """Return what the window says of an error: its own words, or where the fault lies.

    An error of the engine explains itself, and its details are facts; any other is a fault of the
    program, and its details are the traceback that a report of the fault needs.

    Parameters
    ----------
    error : BaseException
        What happened.
    spec : AuditSpec or None
        The audit whose model and images were looked for, to say what to do where one is gone.
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
        text = _words(error)
        if spec is not None and _is_gone(error, spec):
            text += " " + tr(
                "Put the files back, or set up an audit with the place where they are now; an open "
                "result keeps its numbers."
            )
        is_asked_for = isinstance(error, AuditCancelled)
        severity = Severity.INFORMATION if is_asked_for else Severity.ERROR
        return Message(severity=severity, text=text, details=details)
    return Message(
        severity=Severity.ERROR,
        text=tr("Unexpected fault: {kind}: {error}. Report what the details say.").format(
            kind=type(error).__name__, error=error
        ),
        details="".join(traceback.format_exception(error)),
    )


def _words(error: IASideError) -> str:
    """Return what an error says, with the window's own way where its advice is a command."""
    if isinstance(error, PreprocessingMissingError):
        return tr(
            "Expected the preprocessing of '{model}', found none beside it, in its metadata or in "
            "the catalogue. Under Set up, let the assistant find it on your images, or choose a "
            "file in the field Preprocessing."
        ).format(model=base_name(error.path or ""))
    return error.message


def _is_gone(error: IASideError, spec: AuditSpec) -> bool:
    """Say whether an error is that the model's file or the folder of images is not there."""
    places = {str(spec.model), str(spec.images)}
    return isinstance(error, (ModelNotFoundError, ImageError)) and error.path in places


def _cause(error: BaseException) -> str:
    cause = error.__cause__
    return f"{type(cause).__name__}: {cause}" if cause else ""
