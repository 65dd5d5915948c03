"""The check of a result: what the result says of its files, and how far the check is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from iaside_audit.errors import IASideError
from iaside_ui.state.form import FORM_FIELDS
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iaside_audit.auditing.verification.verdicts import VerificationCheck
    from iaside_audit.report.verification import Verification
    from iaside_audit.result import AuditResult
    from iaside_ui.state.run import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """A file or folder that a result names.

    Parameters
    ----------
    text : str
        What a field begins with; empty where the result names none, or it is gone.
    note : str
        Which one is gone; empty where none is.
    """

    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckState:
    """How far the check of a result is.

    Parameters
    ----------
    checks : tuple of VerificationCheck
        Those made so far.
    run : RunState or None
        The check under way.
    faults : mapping of str to str
        What ended it, by field; what belongs to no field has the empty name.
    outcome : Verification or None
        Of a check that was made to its end.
    note : str
        What became of the last one, or of its outcome.
    """

    checks: tuple[VerificationCheck, ...] = ()
    run: RunState | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    outcome: Verification | None = None
    note: str = ""


def recorded_files(result: AuditResult) -> dict[str, RecordedFile]:
    """Return model, images, labels and class names of a result, as far as they are still there."""
    spec = result.spec
    is_word = spec.labels in FORM_FIELDS["labels"].choices
    return {
        "model": _recorded(str(spec.model), is_there=_is_model(spec.model)),
        "images": _recorded(str(spec.images), is_there=_exists(spec.images)),
        "labels": _recorded(spec.labels, is_there=is_word or _exists(Path(spec.labels))),
        "classes": RecordedFile()
        if spec.classes is None
        else _recorded(str(spec.classes), is_there=_exists(spec.classes)),
    }


def _recorded(text: str, *, is_there: bool) -> RecordedFile:
    if is_there:
        return RecordedFile(text=text)
    note = tr("The audit's was '{path}', where nothing lies now.").format(path=text)
    return RecordedFile(note=note)


def _is_model(model: Path) -> bool:
    """Say whether a file is there, or the program has a model of that name."""
    from iaside_audit.auditing.model import resolve_model  # noqa: PLC0415 - start-up time

    try:
        resolve_model(model)
    except (IASideError, OSError):
        return False
    return True


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long, a folder that may not be looked into
        return False
