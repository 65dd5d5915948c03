"""Audits: started, paused, cancelled, and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from iaside_audit.result import AuditResult
from iaside_ui.state import ActionKey, Message, OpenResult, Page, RunState, Severity, message_of

if TYPE_CHECKING:
    from iaside_audit.spec import AuditSpec
    from iaside_ui.views import MainWindow
    from iaside_ui.workers import AuditRunner


class AuditController(QObject):
    """Shows the audit under way and hands its result on.

    Parameters
    ----------
    window : MainWindow
        Shows it.
    runner : AuditRunner
        Runs it.
    parent : QObject or None
        Its owner.
    """

    conditionChanged = Signal()  # paused, resumed or cancelling
    resultMeasured = Signal(OpenResult)
    auditLeft = Signal(Page)  # it ended without a result; the page to go to

    def __init__(
        self, window: MainWindow, runner: AuditRunner, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._runner = runner
        self._asks_to_be_saved = True
        self._condition = (False, False)
        for key in (ActionKey.TOGGLE_PAUSE, ActionKey.CANCEL_AUDIT):
            window.actions_by_key[key].triggered.connect(getattr(self, key))
        runner.stateChanged.connect(self._show_run)
        runner.auditFinished.connect(self._finish)
        runner.auditCancelled.connect(self._finish_early)
        runner.auditFailed.connect(self._fail)

    @property
    def is_running(self) -> bool:
        """Whether an audit is under way."""
        return self._runner.is_running

    @property
    def is_paused(self) -> bool:
        """Whether it starts no further images."""
        return self._runner.is_paused

    @property
    def is_cancelling(self) -> bool:
        """Whether it was asked to stop."""
        return self._runner.is_cancelling

    def start(self, spec: AuditSpec, *, asks_to_be_saved: bool) -> None:
        """Start an audit.

        Parameters
        ----------
        spec : AuditSpec
            What is asked.
        asks_to_be_saved : bool
            Whether its result is worth a question before it is lost.
        """
        self._asks_to_be_saved = asks_to_be_saved
        self._runner.start(spec)

    @Slot()
    def toggle_pause(self) -> None:
        """Pause the audit, or let it go on."""
        self._runner.toggle_pause()

    @Slot()
    def cancel_audit(self) -> None:
        """Ask the audit to stop."""
        self._runner.cancel()

    def close(self) -> None:
        """Stop the audit's thread."""
        self._runner.close()

    @Slot(RunState)
    def _show_run(self, run: RunState) -> None:
        self._window.show_run(run)
        condition = (run.is_paused, run.is_cancelling)
        if condition != self._condition:
            self._condition = condition
            self.conditionChanged.emit()

    @Slot(AuditResult)
    def _finish(self, result: AuditResult) -> None:
        self.resultMeasured.emit(OpenResult(result=result, asks_to_be_saved=self._asks_to_be_saved))

    @Slot(object)
    def _finish_early(self, result: AuditResult | None) -> None:
        if result is not None:
            self.resultMeasured.emit(
                OpenResult(result=result, is_partial=True, asks_to_be_saved=self._asks_to_be_saved)
            )
            return
        text = self.tr("The audit was cancelled before there was anything to show.")
        self._window.show_message(Message(severity=Severity.INFORMATION, text=text))
        self._leave()

    @Slot(Exception)
    def _fail(self, error: Exception) -> None:
        self._window.show_message(message_of(error))
        self._leave()

    def _leave(self) -> None:
        """Go back to the form, or to the start page after the demo."""
        self.auditLeft.emit(Page.SETUP if self._asks_to_be_saved else Page.START)
