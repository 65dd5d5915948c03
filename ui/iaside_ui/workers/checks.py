"""The check of a result in a thread of its own; a model runs in a child process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from iaside_audit.errors import IASideError, ImageError, ModelError, SpecError
from iaside_audit.events import Stage
from iaside_ui.state import RunState
from iaside_ui.workers.streams import StreamRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from iaside_audit.events import Control
    from iaside_audit.result import AuditResult

    Checking = Callable[["CheckPlan", Control], Iterator[Any]]  # Any: events, checks, the end


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckPlan:
    """What to check.

    Parameters
    ----------
    result : AuditResult
        Which result.
    path : Path
        Its file; the rows lie beside it.
    places : mapping of str to str
        Where ``model``, ``images``, ``labels`` and ``classes`` are; empty for what is not given.
    n_sample : int
        Rows that are made again.
    """

    result: AuditResult
    path: Path
    places: Mapping[str, str]
    n_sample: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckRefused:
    """The last event where something that was given cannot be used.

    Parameters
    ----------
    place : str
        Which of the plan's; empty where it is none of them.
    error : IASideError
        Why.
    """

    place: str
    error: IASideError


class CheckRunner(StreamRunner):
    """The window's handle on the thread.

    Parameters
    ----------
    check : callable or None
        Yields the engine's events and checks, and the end; the real one unless a test says
        otherwise.
    parent : QObject or None
        Its owner.
    """

    checkMade = Signal(object)  # a VerificationCheck
    checkingEnded = Signal(object)  # the Verification
    checkRefused = Signal(CheckRefused)

    def __init__(self, check: Checking | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._check = check or check_result

    def start(self, plan: CheckPlan) -> None:
        """Start to check; what ran before is abandoned."""
        state = RunState(
            name=plan.result.spec.model.name,
            confidence=plan.result.spec.confidence,
            stage=Stage.RECOMPUTING,
        )
        self._begin(state, partial(self._check, plan))

    def _hear(self, event: Any) -> bool:  # Any: as Checking
        from iaside_audit.auditing.verification.verdicts import (  # noqa: PLC0415 - start-up time
            VerificationCheck,
        )
        from iaside_audit.report.verification import Verification  # noqa: PLC0415

        match event:
            case VerificationCheck():
                self.checkMade.emit(event)
                return False  # shown with the next frame: several may come at once
            case Verification():
                self._end()
                self.checkingEnded.emit(event)
            case CheckRefused():
                self._end()
                self.checkRefused.emit(event)
            case _:
                return False
        return True


def check_result(
    plan: CheckPlan, control: Control
) -> Iterator[Any]:  # Any: events of the engine, its checks, and the end
    """Check a result; the last event is its Verification, or a :class:`CheckRefused`.

    The engine is imported here, in the thread.
    """
    from iaside_audit.auditing.verification.originals import (  # noqa: PLC0415
        OriginalsAsked,
        drawn_seed,
    )
    from iaside_audit.auditing.verification.verdicts import VerificationCheck  # noqa: PLC0415
    from iaside_audit.auditing.verification.verify import verify_result  # noqa: PLC0415
    from iaside_audit.report import report_id  # noqa: PLC0415
    from iaside_audit.report.verification import Verification  # noqa: PLC0415
    from iaside_audit.store import STORE_NAME  # noqa: PLC0415

    places = plan.places
    asked = OriginalsAsked(
        model=_path(places["model"]),
        images=_path(places["images"]),
        labels=places["labels"] or None,
        classes=_path(places["classes"]),
        n_sample=plan.n_sample,
        seed=drawn_seed(),
    )
    checks: list[VerificationCheck] = []
    try:
        for event in verify_result(plan.result, plan.path.with_name(STORE_NAME), asked, control):
            if control.is_cancelled:
                return  # the engine computes the numbers in one piece, and looks only after them
            if isinstance(event, VerificationCheck):
                checks.append(event)
            yield event
    except IASideError as error:
        made = {one.name for one in checks}
        yield CheckRefused(place=place_of(error, places, made), error=error)
        return
    yield Verification(
        result=str(plan.path),
        report_id=report_id(plan.result),
        seed=asked.seed,
        tolerance=asked.tolerance,
        checks=tuple(checks),
    )


def place_of(error: IASideError, places: Mapping[str, str], made: Collection[str]) -> str:
    """Return which of the places that were given an error is about; empty for none of them.

    Parameters
    ----------
    error : IASideError
        What the engine raised.
    places : mapping of str to str
        As in :class:`CheckPlan`.
    made : collection of str
        Names of the checks that were made before.
    """
    from iaside_audit.auditing.verification.originals import IMAGES, MODEL  # noqa: PLC0415

    for name, text in places.items():
        if error.path in _names(text):
            is_of_labels = name == "images" and isinstance(error, SpecError) and _is_folder(text)
            return "labels" if is_of_labels else name
    match error:
        case ModelError():
            return "model"
        case ImageError():
            return "images"
        case SpecError() if MODEL in made and IMAGES not in made:
            return "labels"  # of a table that was found beside the images, or of folders
        case _:
            return ""


def _names(text: str) -> set[str]:
    """Return how errors call a place; class names are quoted by their file's name alone."""
    return {text, str(Path(text).absolute()), Path(text).name} if text else set()


def _is_folder(text: str) -> bool:
    """Say whether images lie in a folder, of which nothing but its labels is a wrong request."""
    try:
        return Path(text).is_dir()
    except OSError:  # a name too long
        return False


def _path(text: str) -> Path | None:
    return Path(text) if text else None
