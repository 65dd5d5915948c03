"""One audit at a time, in a thread of its own.

The worker iterates the engine's events and hands each on with the number of its run. The runner,
in the window's thread, drops those of an older run, folds the rest into a
:class:`~iaside_ui.state.RunState`, and shows that at most thirty times a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from iaside_audit.events import Cancelled, Control, Finished
from iaside_audit.result import AuditResult
from iaside_audit.spec import AuditSpec
from iaside_ui.state import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iaside_audit.events import Event

    RunAudit = Callable[[AuditSpec, Control, Path | None], Iterator[Event]]

FRAME_MS: Final = 33
"""Thirty pictures a second are as many as anyone sees."""


class AuditWorker(QObject):
    """Runs audits; lives in the audit thread.

    Parameters
    ----------
    run_audit : callable or None
        The engine's, unless a test says otherwise.
    """

    eventHappened = Signal(int, object)  # the run's number, an Event
    auditFailed = Signal(int, Exception)

    def __init__(self, run_audit: RunAudit | None = None) -> None:
        super().__init__()
        self._run_audit = run_audit

    @Slot(int, AuditSpec, Control, object)
    def run(self, number: int, spec: AuditSpec, control: Control, out: Path | None) -> None:
        """Run one audit to its last event."""
        try:
            for event in (self._run_audit or _audit_into)(spec, control, out):
                self.eventHappened.emit(number, event)
        except Exception as error:  # noqa: BLE001 - handed to the window's thread
            self.auditFailed.emit(number, error)


class AuditRunner(QObject):
    """The window's handle on the audit thread.

    Parameters
    ----------
    run_audit : callable or None
        The engine's, unless a test says otherwise.
    parent : QObject or None
        Its owner.
    """

    stateChanged = Signal(RunState)
    auditFinished = Signal(AuditResult)
    auditCancelled = Signal(object)  # the partial AuditResult, or None
    auditFailed = Signal(Exception)
    _runAsked = Signal(int, AuditSpec, Control, object)

    def __init__(self, run_audit: RunAudit | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._number = 0
        self._control: Control | None = None
        self._state: RunState | None = None
        self._frame = QTimer(self, interval=FRAME_MS, singleShot=True)
        self._frame.timeout.connect(self._show)
        self._thread = QThread(self)
        self._worker = AuditWorker(run_audit)
        self._worker.moveToThread(self._thread)
        self._runAsked.connect(self._worker.run)
        self._worker.eventHappened.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._worker.auditFailed.connect(self._fail, Qt.ConnectionType.QueuedConnection)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether an audit is under way."""
        return self._control is not None

    @property
    def is_paused(self) -> bool:
        """Whether the audit under way starts no further images."""
        return self._control is not None and self._control.is_paused

    @property
    def is_cancelling(self) -> bool:
        """Whether the audit under way was asked to stop."""
        return self._control is not None and self._control.is_cancelled

    def start(self, spec: AuditSpec, out: Path | None = None) -> None:
        """Start an audit; the one before it, if it still runs, is abandoned.

        Parameters
        ----------
        spec : AuditSpec
            What is asked.
        out : Path or None
            Folder that keeps rows and result, and from which an interrupted audit goes on.
        """
        self.abandon()
        self._number += 1
        self._control = Control()
        self._state = RunState(name=spec.model.name, confidence=spec.confidence)
        self._show()
        self._runAsked.emit(self._number, spec, self._control, out)

    def toggle_pause(self) -> None:
        """Pause the audit, or let it go on."""
        if self._control is None or self._state is None:
            return
        if self._control.is_paused:
            self._control.resume()
        else:
            self._control.pause()
        self._show()

    def cancel(self) -> None:
        """Ask the audit to stop; :attr:`auditCancelled` follows within a second."""
        if self._control is not None:
            self._control.cancel()
            self._show()

    def abandon(self) -> None:
        """Cancel the audit and hear no more of it."""
        if self._control is not None:
            self._control.cancel()
            self._end()
            self._number += 1

    def close(self) -> None:
        """Cancel what runs and wait for the thread, a second at most in good order."""
        self.abandon()
        self._thread.quit()
        self._thread.wait()

    @Slot(int, object)
    def _take(self, number: int, event: Event) -> None:
        """Fold one event, unless it is a late one of an older run."""
        if number != self._number or self._state is None:
            return
        match event:
            case Finished(result=result):
                self._end()
                self.auditFinished.emit(result)
            case Cancelled(partial=partial):
                self._end()
                self.auditCancelled.emit(partial)
            case _:
                self._state = self._state.after(event)
                if not self._frame.isActive():
                    self._frame.start()

    @Slot(int, Exception)
    def _fail(self, number: int, error: Exception) -> None:
        if number == self._number:
            self._end()
            self.auditFailed.emit(error)

    def _end(self) -> None:
        """Show the last state, and be idle."""
        self._frame.stop()
        self._show()
        self._control = None
        self._state = None

    @Slot()
    def _show(self) -> None:
        if self._state is not None:
            self._state = self._state.with_control(
                is_paused=self.is_paused, is_cancelling=self.is_cancelling
            )
            self.stateChanged.emit(self._state)


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
