"""All checks of a result, in order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.stream import stream
from iaside_audit.auditing.verification.numbers import check_numbers
from iaside_audit.auditing.verification.originals import OriginalsAsked, OriginalsCheck
from iaside_audit.auditing.workers import ProcessWorker
from iaside_audit.errors import StoreError
from iaside_audit.events import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iaside_audit.auditing.verification.verdicts import VerificationCheck
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.events import Event
    from iaside_audit.result import AuditResult


def verify_result(
    result: AuditResult,
    store: Path,
    asked: OriginalsAsked | None = None,
    control: Control | None = None,
    *,
    start_worker: Callable[[], Worker] | None = None,
) -> Iterator[Event | VerificationCheck]:
    """Check that a result follows from its rows, and these from the model and the images.

    Parameters
    ----------
    result : AuditResult
        As read from its file.
    store : Path
        The ``values.sqlite`` that was written with it.
    asked : OriginalsAsked or None
        Model and images to hold it against.
    control : Control or None
        The caller's handle to cancel.
    start_worker : callable or None
        Starts a worker that runs the model; a child process with the usual limits unless given.

    Yields
    ------
    Event or VerificationCheck
        Each check as it is made, and the stages meanwhile.

    Raises
    ------
    AuditCancelled
        If `control` cancelled it.
    SpecError, ModelError, ImageError
        If model or images are given and cannot be read.
    """
    control = control or Control()
    asked = asked or OriginalsAsked()
    starts = start_worker or partial(
        ProcessWorker, Limits.shared_by(1, max_model_bytes=result.spec.max_model_bytes)
    )
    yield from check_numbers(result, store)
    try:
        rows = result.rows()
    except (StoreError, ValueError):  # ValueError: rows of different lengths, a fault by now
        rows = None

    def check(emit: Callable[[Event | VerificationCheck], None]) -> None:
        OriginalsCheck(result, rows, asked, control, emit, starts).run()

    yield from stream(check, control, name="verification")
