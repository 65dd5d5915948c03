"""Audits: queued, started, paused, cancelled, and what comes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QSettings, Signal, Slot

from iaside_audit.report import RESULT_NAME
from iaside_ui.state import (
    ActionKey,
    AppState,
    Message,
    OpenResult,
    Page,
    QueuedRun,
    RunOutcome,
    RunState,
    Severity,
    message_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.workers import AuditRunner

ACTIONS: Final = (
    ActionKey.TRY_DEMO,
    ActionKey.TOGGLE_PAUSE,
    ActionKey.CANCEL_AUDIT,
    ActionKey.SHOW_RUN,
)
RATES: Final = "rates"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One audit that was asked for."""

    number: int
    spec: AuditSpec
    out: Path | None
    asks_to_be_saved: bool
    is_own: bool


class AuditController(QObject):
    """Runs audits one after the other, shows the one under way and hands its result on.

    An audit waits for a measurement of robustness too: both would slow each other down.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    runner : AuditRunner
        Runs one.
    parent : QObject or None
        Its owner.
    """

    allEnded = Signal()

    def __init__(self, shell: Shell, runner: AuditRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shell = shell
        self._runner = runner
        self._waiting: list[_Run] = []
        self._current: _Run | None = None
        self._ended: list[QueuedRun] = []
        self._n_runs = 0
        shell.window.connect_actions(self, ACTIONS)
        shell.window.when_made(Page.RUN, self._connect_page)
        shell.stateChanged.connect(self._follow)
        runner.stateChanged.connect(self._show_run)
        runner.auditFinished.connect(self._finish)
        runner.auditCancelled.connect(self._finish_early)
        runner.auditFailed.connect(self._fail)

    @property
    def is_running(self) -> bool:
        """Whether an audit is under way."""
        return self._runner.is_running

    @property
    def n_waiting(self) -> int:
        """How many audits wait for their turn."""
        return len(self._waiting)

    @Slot()
    def try_demo(self) -> None:
        """Audit the built-in model on the built-in photographs."""
        from iaside_audit.auditing.demo import demo_spec  # noqa: PLC0415 - start-up time

        self.start(demo_spec(), asks_to_be_saved=False)

    def start(
        self, spec: AuditSpec, *, out: Path | None = None, asks_to_be_saved: bool = True
    ) -> None:
        """Run an audit, now or after those before it and what is being measured.

        Parameters
        ----------
        spec : AuditSpec
            What is asked.
        out : Path or None
            Folder that keeps rows and result.
        asks_to_be_saved : bool
            Whether its result is worth a question before it is lost.
        """
        self._n_runs += 1
        self._waiting.append(
            _Run(
                number=self._n_runs,
                spec=spec,
                out=out,
                asks_to_be_saved=asks_to_be_saved and out is None,
                is_own=asks_to_be_saved,
            )
        )
        self._shell.window.clear_message()
        if self._current is None:
            self._start_next()
        self._shell.change(page=Page.RUN)
        self._show_queue()

    @Slot(int)
    def remove(self, number: int) -> None:
        """Take a waiting audit out of the queue."""
        self._waiting = [one for one in self._waiting if one.number != number]
        self._show_queue()

    @Slot()
    def toggle_pause(self) -> None:
        """Pause the audit, or let it go on."""
        self._runner.toggle_pause()
        self._show_condition()

    @Slot()
    def cancel_audit(self) -> None:
        """Ask the audit to stop."""
        self._runner.cancel()
        self._show_condition()

    @Slot()
    def show_run(self) -> None:
        """Go to the page of runs."""
        self._shell.change(page=Page.RUN)

    def forget_waiting(self) -> None:
        """Take every waiting audit out of the queue."""
        self._waiting.clear()
        self._show_queue()

    def cancel_all(self) -> None:
        """Ask the audit to stop, and forget those that wait."""
        self.forget_waiting()
        self.cancel_audit()

    def close(self) -> None:
        """Stop the audit's thread."""
        self._waiting.clear()
        self._runner.close()

    def rate_of(self, sha256: str) -> float | None:
        """Return evaluations a second of the last audit of a model here; None without one."""
        rate = QSettings().value(f"{RATES}/{sha256}", None)
        try:
            return float(str(rate)) if rate is not None else None
        except ValueError:
            return None

    def _connect_page(self) -> None:
        self._shell.window.run_page.removeAsked.connect(self.remove)

    @Slot(AppState)
    def _follow(self, state: AppState) -> None:
        """Start what waited for a measurement that has ended."""
        if self._waiting and self._current is None and not state.is_measuring:
            self._start_next()

    def _start_next(self) -> None:
        if self._waiting and not self._shell.state.is_measuring:
            self._current = self._waiting.pop(0)
            self._runner.start(self._current.spec, self._current.out)
        self._show_queue()
        self._show_condition()

    @Slot(RunState)
    def _show_run(self, run: RunState) -> None:
        self._shell.window.run_page.show_run(run)
        self._show_condition()

    @Slot(object)
    def _finish(self, result: AuditResult) -> None:
        rate = result.runtime.evaluations_per_s
        if rate > 0:
            QSettings().setValue(f"{RATES}/{result.model.sha256}", rate)
        self._hand_on(result, is_partial=False)

    @Slot(object)
    def _finish_early(self, result: AuditResult | None) -> None:
        if result is not None:
            self._hand_on(result, is_partial=True)
            return
        self._shell.inform(self.tr("The audit was cancelled before there was anything to show."))
        self._leave(RunOutcome.CANCELLED, self.tr("nothing measured"))

    @Slot(Exception)
    def _fail(self, error: Exception) -> None:
        self._shell.show_failure(error)
        self._leave(RunOutcome.FAILED, message_of(error).text)

    def _hand_on(self, result: AuditResult, *, is_partial: bool) -> None:
        """Show a result, without taking the user away from another page."""
        from iaside_audit.result import IMAGES_FAILED  # noqa: PLC0415 - start-up time

        run = self._current
        opened = OpenResult(
            result=result,
            is_partial=is_partial,
            path=None if run is None or run.out is None else run.out / RESULT_NAME,
            asks_to_be_saved=run is not None and run.asks_to_be_saved,
            has_rows=run is not None and run.out is not None,
        )
        is_watched = self._shell.state.page == Page.RUN and not self._waiting
        self._shell.show_opened(opened, page=Page.RESULT if is_watched else None)
        said = []
        if not is_watched and run is not None:
            text = self.tr("The audit of {name} has ended: see its result.")
            said.append(text.format(name=run.spec.model.name))
        lost = [one.message for one in result.warnings if one.code == IMAGES_FAILED]
        if said or lost:
            severity = Severity.WARNING if lost else Severity.INFORMATION
            message = Message(severity=severity, text=" ".join((*said, *lost)))
            self._shell.window.show_message(message)
        outcome = RunOutcome.CANCELLED if is_partial else RunOutcome.FINISHED
        self._end(outcome, self.tr("{n} images").format(n=result.data.n_images))

    def _leave(self, outcome: RunOutcome, note: str) -> None:
        """Go back to the form, or to the start page after the demo."""
        run = self._current
        if run is not None and self._shell.state.page == Page.RUN and not self._waiting:
            self._shell.change(page=Page.SETUP if run.is_own else Page.START)
        self._end(outcome, note)

    def _end(self, outcome: RunOutcome, note: str) -> None:
        run, self._current = self._current, None
        if run is not None:
            self._ended.append(_queued(run, outcome, note))
        self._start_next()
        if self._current is None:
            self.allEnded.emit()

    def _show_condition(self) -> None:
        self._shell.change(
            is_running=self._runner.is_running,
            is_paused=self._runner.is_paused,
            is_cancelling=self._runner.is_cancelling,
        )

    def _show_queue(self) -> None:
        now = [] if self._current is None else [_queued(self._current, RunOutcome.RUNNING, "")]
        waiting = [_queued(one, RunOutcome.WAITING, "") for one in self._waiting]
        self._shell.window.run_page.show_queue((*self._ended, *now, *waiting))


def _queued(run: _Run, outcome: RunOutcome, note: str) -> QueuedRun:
    return QueuedRun(
        number=run.number,
        model=run.spec.model.name,
        images=run.spec.images.name,
        outcome=outcome,
        note=note,
    )
