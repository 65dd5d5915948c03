"""One audit from specification to result, as a stream of events (DESIGN.md, "How the data flows").

A supervisor thread leases images to a worker and turns replies into events; the caller's iterator
only hands them on, so a slow caller does not hold the audit up.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.preparation import Crew
from iaside_audit.auditing.stream import stream
from iaside_audit.auditing.supervisor import Supervisor
from iaside_audit.auditing.workers import ProcessWorker
from iaside_audit.events import AuditCancelled, Cancelled, Control, Event, Finished
from iaside_audit.paths import check_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iaside_audit.auditing.workers import Worker
    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec


def run_audit(
    spec: AuditSpec,
    control: Control | None = None,
    *,
    out: Path | str | None = None,
    cache: Path | str | None = None,
    start_worker: Callable[[], Worker] | None = None,
) -> Iterator[Event]:
    """Run one audit and yield its events; the last is ``Finished`` or ``Cancelled``.

    Closing the iterator cancels the audit.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    control : Control or None
        The caller's handle to cancel, pause and resume.
    out : path or None
        Folder that keeps the rows, as ``values.sqlite``, and that an interrupted audit continues
        from; without it the rows live as long as the result.
    cache : path or None
        File of the rows of earlier audits, to be used again and added to.
    start_worker : callable or None
        Starts a worker that runs the model; a child process with the usual limits unless given.

    Raises
    ------
    SpecError
        If the request cannot work with this model and these images, or a path not be looked up.
    ModelError
        If the model cannot be audited, or fails while running.
    ImageError
        If no image can be used.
    StoreError
        If the rows cannot be kept or read.
    """
    if out is not None:
        check_path(Path(out), to="an output folder")
    control = control or Control()
    limits = Limits.shared_by(len(Crew.of(spec).devices), max_model_bytes=spec.max_model_bytes)
    starts = start_worker or partial(ProcessWorker, limits)

    def supervise(emit: Callable[[Event], None]) -> None:
        Supervisor(
            spec,
            control,
            emit,
            starts,
            out=None if out is None else Path(out),
            cache=None if cache is None else Path(cache),
        ).run()

    yield from stream(supervise, control, name="audit supervisor")


def audit(
    spec: AuditSpec,
    control: Control | None = None,
    *,
    out: Path | str | None = None,
    cache: Path | str | None = None,
) -> AuditResult:
    """Run one audit to its end; parameters as of :func:`run_audit`.

    Raises
    ------
    AuditCancelled
        If `control` cancelled it; ``.partial`` is the result so far, or None.
    IASideError
        As :func:`run_audit`.
    """
    for event in run_audit(spec, control, out=out, cache=cache):
        match event:
            case Finished(result=result):
                return result
            case Cancelled(partial=partial):
                raise AuditCancelled("The audit was cancelled.", partial=partial)
            case _:
                pass
    raise AssertionError("an audit ends with Finished or Cancelled")
