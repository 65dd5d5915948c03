"""One audit at a time, in a thread of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from iaside_audit.events import Cancelled, Control, Finished, Stage
from iaside_ui.state import RunState
from iaside_ui.workers.streams import StreamRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iaside_audit.events import Event
    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec

    RunAudit = Callable[[AuditSpec, Control, Path | None], Iterator[Event]]


class AuditRunner(StreamRunner):
    """The window's handle on the audit thread.

    Parameters
    ----------
    run_audit : callable or None
        The engine's, unless a test says otherwise.
    parent : QObject or None
        Its owner.
    """

    auditFinished = Signal(object)  # the AuditResult
    auditCancelled = Signal(object)  # the partial AuditResult, or None
    auditFailed = Signal(Exception)

    def __init__(self, run_audit: RunAudit | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run_audit = run_audit
        self.failed.connect(self.auditFailed)

    def start(self, spec: AuditSpec, out: Path | None = None) -> None:
        """Start an audit; the one before it, if it still runs, is abandoned.

        Parameters
        ----------
        spec : AuditSpec
            What is asked.
        out : Path or None
            Folder that keeps rows and result, and from which an interrupted audit goes on.
        """
        state = RunState(name=spec.model.name, confidence=spec.confidence, stage=Stage.STARTING)
        run_audit = self._run_audit or _audit_into
        self._begin(state, partial(_started, run_audit, spec, out))

    def _hear(self, event: Any) -> bool:  # Any: an Event
        """Hand on the result."""
        match event:
            case Finished(result=result):
                self._end()
                self.auditFinished.emit(result)
            case Cancelled(partial=so_far):
                self._end()
                self.auditCancelled.emit(so_far)
            case _:
                return False
        return True


def _started(
    run_audit: RunAudit, spec: AuditSpec, out: Path | None, control: Control
) -> Iterator[Event]:
    return run_audit(spec, control, out)


def _audit_into(spec: AuditSpec, control: Control, out: Path | None) -> Iterator[Event]:
    """Run an audit as the command line does; with a folder, its result is in it before the end.

    The engine is imported here, in the audit thread: it takes a third of a second.
    """
    from iaside_audit import run_audit  # noqa: PLC0415

    if out is None:
        yield from run_audit(spec, control)
        return
    from iaside_audit.cli.folder import claimed_output_folder, set_result_aside  # noqa: PLC0415
    from iaside_audit.report import write_output_folder  # noqa: PLC0415
    from iaside_audit.store import default_cache_path  # noqa: PLC0415

    with claimed_output_folder(out, spec):
        for event in run_audit(spec, control, out=out, cache=default_cache_path()):
            result: AuditResult | None = None
            if isinstance(event, Finished):
                result = event.result
            elif isinstance(event, Cancelled):
                result = event.partial
            if result is not None:
                if not spec.resume:
                    set_result_aside(out)
                write_output_folder(result, out)
            yield event
