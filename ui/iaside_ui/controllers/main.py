"""The window as a whole: files, audits, questions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QCloseEvent

from iaside_audit.auditing.demo import demo_spec
from iaside_audit.errors import SpecError
from iaside_audit.report import RESULT_NAME, load_result, write_report
from iaside_ui.state import (
    ActionKey,
    AppState,
    AuditRequest,
    Message,
    OpenResult,
    Page,
    Severity,
    message_of,
)
from iaside_ui.views import Answer, FileKind, Question

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec
    from iaside_ui.controllers.audits import AuditController
    from iaside_ui.views import MainWindow
    from iaside_ui.workers import Jobs

ACTIONS: Final = (
    ActionKey.OPEN_RESULT,
    ActionKey.SAVE_RESULT,
    ActionKey.EXPORT_REPORT,
    ActionKey.QUIT,
    ActionKey.COPY,
    ActionKey.AUDIT_MODEL,
    ActionKey.TRY_DEMO,
    ActionKey.SHOW_START,
    ActionKey.SHOW_RESULT,
    ActionKey.SHOW_SHORTCUTS,
    ActionKey.SHOW_ABOUT,
)


class MainController(QObject):
    """Decides what happens.

    Parameters
    ----------
    window : MainWindow
        Shows and asks.
    audits : AuditController
        Runs audits.
    jobs : Jobs
        Reads and writes files.
    parent : QObject or None
        Its owner.
    """

    stateChanged = Signal(AppState)

    def __init__(
        self, window: MainWindow, audits: AuditController, jobs: Jobs, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._audits = audits
        self._jobs = jobs
        self._state = AppState()
        self._is_closing = False
        for key in ACTIONS:
            window.actions_by_key[key].triggered.connect(getattr(self, key))
        window.pathDropped.connect(self.open_path)
        window.closeAsked.connect(self._decide_on_closing)
        window.setup_page.auditRequested.connect(self._start_requested)
        window.setup_page.leaveAsked.connect(self.show_start)
        audits.conditionChanged.connect(self._show_condition)
        audits.resultMeasured.connect(self._show_measured)
        audits.auditLeft.connect(self._leave_audit)
        self._change()

    @property
    def state(self) -> AppState:
        """The snapshot that the window shows."""
        return self._state

    @Slot()
    def open_result(self) -> None:
        """Let the user choose a result, and show it."""
        path = self._window.choose_path(FileKind.RESULT)
        if path is not None:
            self.open_path(path)

    @Slot(object)
    def open_path(self, path: Path) -> None:
        """Open what was given or dropped: a model, a folder of images, or a result."""
        if self._state.is_running:
            text = self.tr("An audit is running. Cancel it first, or wait for its end.")
            self._window.show_message(Message(severity=Severity.INFORMATION, text=text))
        elif path.suffix.lower() == ".onnx":
            self._set_up(replace(self._form(), model=str(path)))
        elif path.is_dir() and not (path / RESULT_NAME).exists():
            self._set_up(replace(self._form(), images=str(path)))
        else:
            self._unless_unsaved(partial(self._load, path))

    @Slot()
    def save_result(self) -> None:
        """Write the result to a file that the user chooses."""
        self._write(FileKind.SAVED_RESULT, RESULT_NAME)

    @Slot()
    def export_report(self) -> None:
        """Write a report in the format that the user chooses."""
        self._write(FileKind.REPORT, "report.pdf")

    @Slot()
    def quit(self) -> None:
        """Close the window, which asks where something would be lost."""
        self._window.close()

    @Slot()
    def copy(self) -> None:
        """Copy what is selected."""
        self._window.copy_selection()

    @Slot()
    def audit_model(self) -> None:
        """Show the form of an audit, as it was left."""
        self._set_up(self._form())

    @Slot()
    def try_demo(self) -> None:
        """Audit the built-in model on the built-in photographs."""
        self._unless_unsaved(partial(self._start, demo_spec(), asks_to_be_saved=False))

    @Slot()
    def show_start(self) -> None:
        """Go to the start page."""
        self._change(page=Page.START)

    @Slot()
    def show_result(self) -> None:
        """Go back to the open result."""
        self._change(page=Page.RESULT)

    @Slot()
    def show_shortcuts(self) -> None:
        """Show the shortcut page."""
        self._window.show_shortcuts()

    @Slot()
    def show_about(self) -> None:
        """Say what this program is."""
        self._window.show_about()

    def report_fault(self, error: BaseException) -> None:
        """Show a fault of the program itself, whose traceback is in the details."""
        self._window.show_message(message_of(error))

    def close(self) -> None:
        """Stop the threads."""
        self._audits.close()
        self._jobs.close()

    def _change(self, **changes: object) -> None:
        """Take on a new state, and show it."""
        self._state = replace(
            self._state,
            is_running=self._audits.is_running,
            is_paused=self._audits.is_paused,
            is_cancelling=self._audits.is_cancelling,
            is_busy=self._jobs.is_busy,
            **changes,  # type: ignore[arg-type]  # fields of AppState
        )
        self._window.show_state(self._state)
        self.stateChanged.emit(self._state)

    def _form(self) -> AuditRequest:
        """Return what the form holds, shown or not."""
        return self._window.setup_page.request()

    def _set_up(self, request: AuditRequest) -> None:
        self._window.clear_message()
        self._change(page=Page.SETUP)
        self._window.show_request(request)

    @Slot(AuditRequest)
    def _start_requested(self, request: AuditRequest) -> None:
        try:
            spec = request.to_spec()
        except SpecError as error:
            self._window.show_message(message_of(error))
        else:
            self._unless_unsaved(partial(self._start, spec, asks_to_be_saved=True))

    def _start(self, spec: AuditSpec, *, asks_to_be_saved: bool) -> None:
        self._window.clear_message()
        self._audits.start(spec, asks_to_be_saved=asks_to_be_saved)
        self._change(page=Page.RUN)

    @Slot()
    def _show_condition(self) -> None:
        self._change()

    @Slot(OpenResult)
    def _show_measured(self, opened: OpenResult) -> None:
        if self._is_closing:  # the user agreed to lose it
            opened = replace(opened, asks_to_be_saved=False)
        self._show(opened)
        self._close_if_asked()

    @Slot(Page)
    def _leave_audit(self, page: Page) -> None:
        self._change(page=page)
        self._close_if_asked()

    def _show(self, opened: OpenResult) -> None:
        self._window.show_result(opened)
        self._change(page=Page.RESULT, opened=opened)

    def _load(self, path: Path) -> None:
        self._window.clear_message()
        self._jobs.start(
            partial(load_result, path), partial(self._show_loaded, path), self._report_failure
        )
        self._change()

    def _show_loaded(self, path: Path, result: AuditResult) -> None:
        self._show(OpenResult(result=result, path=path / RESULT_NAME if path.is_dir() else path))

    def _write(self, kind: FileKind, name: str) -> None:
        """Write the open result to a file that the user chooses."""
        opened = self._state.opened
        if opened is None:
            return
        path = self._window.choose_path(kind, name)
        if path is not None:
            self._jobs.start(
                partial(write_report, opened.result, path),
                partial(self._say_written, opened, path),
                self._report_failure,
            )
            self._change()

    def _say_written(self, opened: OpenResult, path: Path, _: None) -> None:
        text = self.tr("Written: {path}").format(path=path)
        self._window.show_message(Message(severity=Severity.INFORMATION, text=text))
        if path.suffix.lower() == ".json" and self._state.opened is opened:
            self._change(opened=replace(opened, path=path, asks_to_be_saved=False))
            self._close_if_asked()
        else:
            self._change()

    def _report_failure(self, error: Exception) -> None:
        self._is_closing = False
        self._window.show_message(message_of(error))
        self._change()

    def _unless_unsaved(self, go_on: Callable[[], None]) -> None:
        """Go on, after asking where an unsaved result would be lost."""
        opened = self._state.opened
        if opened is None or not opened.asks_to_be_saved:
            go_on()
            return
        question = Question(
            text=self.tr("Save the result of this audit?"),
            consequence=self.tr("It is in no file yet, and would be lost."),
            yes=self.tr("Save..."),
            no=self.tr("Discard"),
        )
        self._window.ask(question, partial(self._hear_of_saving, go_on))

    def _hear_of_saving(self, go_on: Callable[[], None], answer: Answer) -> None:
        match answer:
            case Answer.YES:
                self.save_result()
            case Answer.NO:
                go_on()
            case Answer.CANCEL:
                pass

    @Slot(QCloseEvent)
    def _decide_on_closing(self, event: QCloseEvent) -> None:
        """Let the window close, or ask first."""
        opened = self._state.opened
        if self._audits.is_running:
            event.ignore()
            question = Question(
                text=self.tr("Stop the audit and close?"),
                consequence=self.tr("An audit is running. What it measured so far is lost."),
                yes=self.tr("Stop and close"),
            )
            self._window.ask(question, self._hear_of_stopping)
        elif opened is not None and opened.asks_to_be_saved:
            event.ignore()
            self._unless_unsaved(self._discard_and_close)

    def _hear_of_stopping(self, answer: Answer) -> None:
        if answer == Answer.YES:
            self._is_closing = True
            if self._audits.is_running:
                self._audits.cancel_audit()
            else:
                self._close_if_asked()

    def _discard_and_close(self) -> None:
        if self._state.opened is not None:
            self._change(opened=replace(self._state.opened, asks_to_be_saved=False))
        self._window.close()

    def _close_if_asked(self) -> None:
        """Close, once what the user agreed to lose is over."""
        if self._is_closing:
            self._is_closing = False
            self._window.close()
