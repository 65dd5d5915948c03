"""Results: opened, saved, reported, closed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal, Slot

from iaside_audit.errors import ReportError
from iaside_audit.report import RESULT_NAME
from iaside_audit.report.files import STUDY_NAME
from iaside_ui.exporting import proposed_name
from iaside_ui.state import ActionKey, OpenResult, Page
from iaside_ui.views import Answer, FileKind, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.report.study_documents import StudyRecord
    from iaside_audit.result import AuditResult
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.workers import Jobs

ACTIONS: Final = (
    ActionKey.OPEN_RESULT,
    ActionKey.CLOSE_RESULT,
    ActionKey.SAVE_RESULT,
    ActionKey.EXPORT_REPORT,
    ActionKey.SHOW_RESULT,
)


class ResultsController(QObject):
    """Reads and writes results, one file after the other.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    jobs : Jobs
        Reads and writes files.
    parent : QObject or None
        Its owner.
    """

    fileUsed = Signal(object)  # the Path of a result that was read or written
    studyOpened = Signal(object)  # the StudyRecord of a file that was read

    def __init__(self, shell: Shell, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shell = shell
        self._jobs = jobs
        shell.window.connect_actions(self, ACTIONS)
        shell.window.when_made(Page.RESULT, self._connect_page)

    @Slot()
    def open_result(self) -> None:
        """Let the user choose a result, and show it; beside others where they are compared."""
        path = self._shell.window.choose_path(FileKind.RESULT)
        if path is not None:
            self.open_file(path)

    def open_file(self, path: Path) -> None:
        """Show a result or a study; a result beside others where they are compared."""
        is_comparing = self._shell.state.page == Page.COMPARISON
        self.load(path, page=None if is_comparing else Page.RESULT)

    def load(self, path: Path, *, page: Page | None) -> None:
        """Read a result or a study, or the folder of one, and show it."""
        self._shell.window.clear_message()
        self._jobs.start(partial(_loaded, path), partial(self._show_loaded, path, page), self._fail)
        self._show_busy()

    @Slot()
    def show_result(self) -> None:
        """Go back to the open result."""
        self._shell.change(page=Page.RESULT)

    @Slot(int)
    def choose(self, place: int) -> None:
        """Show another of the open results."""
        state = replace(self._shell.state, current=place)
        self._shell.window.show_result(state)
        self._shell.take(state)

    @Slot()
    def close_result(self) -> None:
        """Close the result that is shown, after asking where it would be lost."""
        opened = self._shell.state.opened
        if opened is not None:
            self.unless_unsaved(opened, self._close)

    @Slot()
    def save_result(self) -> None:
        """Write the result to a file that the user chooses."""
        self._write(FileKind.SAVED_RESULT, RESULT_NAME, _nothing)

    @Slot()
    def export_report(self) -> None:
        """Write a report in the format that the user chooses."""
        self._write(FileKind.REPORT, "report.pdf", _nothing)

    def unless_unsaved(self, opened: OpenResult, go_on: Callable[[OpenResult], object]) -> None:
        """Go on with a result, after asking where it would be lost: saved, or to be discarded."""
        if not opened.asks_to_be_saved:
            go_on(opened)
            return
        question = Question(
            text=self.tr("Save the result of this audit?"),
            consequence=self.tr("It is in no file yet, and would be lost."),
            yes=self.tr("Save..."),
            no=self.tr("Discard"),
        )
        self._shell.window.ask(question, partial(self._hear_of_saving, opened, go_on))

    def close(self) -> None:
        """Wait for files that are being written."""
        self._jobs.close()

    def _connect_page(self) -> None:
        window = self._shell.window
        window.result_page.resultChosen.connect(self.choose)
        window.show_result(self._shell.state)

    def _close(self, opened: OpenResult) -> None:
        state = self._shell.state.without(opened)
        if state.opened is None:
            state = replace(state, page=Page.START)
        self._shell.window.show_result(state)
        self._shell.take(state)

    def _show_loaded(self, path: Path, page: Page | None, found: AuditResult | StudyRecord) -> None:
        from iaside_audit.result import AuditResult  # noqa: PLC0415 - imported by now

        if isinstance(found, AuditResult):
            path = path / RESULT_NAME if path.is_dir() else path
            opened = OpenResult(result=found, path=path, has_rows=_has_rows(path))
            self._shell.show_opened(opened, page=page)
        else:
            path = path / STUDY_NAME if path.is_dir() else path
            self.studyOpened.emit(found)
        self._show_busy()
        self.fileUsed.emit(path)

    def _write(self, kind: FileKind, name: str, then: Callable[[OpenResult], object]) -> None:
        """Write the open result to a file that the user chooses; go on once it is saved."""
        opened = self._shell.state.opened
        if opened is None:
            return
        name = f"{proposed_name(opened.result.model.path, Path(name).stem)}{Path(name).suffix}"
        path = self._shell.window.choose_path(kind, name)
        if path is not None:
            self._jobs.start(
                partial(_write_report, opened.result, path),
                partial(self._say_written, opened, path, then),
                self._fail,
            )
            self._show_busy()

    def _say_written(
        self, opened: OpenResult, path: Path, then: Callable[[OpenResult], object], _: None
    ) -> None:
        self._shell.inform(self.tr("Written: {path}").format(path=path))
        self._show_busy()
        if path.suffix.lower() == ".json":
            # A copy has not the rows that lie beside the file of before.
            saved = replace(opened, path=opened.path or path, asks_to_be_saved=False)
            state = self._shell.state.with_changed(opened, saved)
            self._shell.window.show_result(state)
            self._shell.take(state)
            self.fileUsed.emit(path)
            then(saved)

    def _fail(self, error: Exception) -> None:
        self._shell.show_failure(error)
        self._show_busy()

    def _show_busy(self) -> None:
        self._shell.change(is_busy=self._jobs.is_busy)

    def _hear_of_saving(
        self, opened: OpenResult, go_on: Callable[[OpenResult], object], answer: Answer
    ) -> None:
        match answer:
            case Answer.YES:
                place = self._shell.state.results.index(opened)
                self.choose(place)
                self._write(FileKind.SAVED_RESULT, RESULT_NAME, go_on)
            case Answer.NO:
                go_on(opened)
            case Answer.CANCEL:
                pass


def _nothing(_: OpenResult) -> None:
    """Do nothing after saving."""


def _has_rows(path: Path) -> bool:
    """Say whether the rows of a result lie beside its file."""
    from iaside_audit.store import STORE_NAME  # noqa: PLC0415 - imported with the result's reader

    return path.with_name(STORE_NAME).is_file()


def is_study(path: Path) -> bool:
    """Say whether a path is a study by its name, or the folder of one."""
    if path.is_dir():
        return (path / STUDY_NAME).exists() and not (path / RESULT_NAME).exists()
    return path.name == STUDY_NAME


def _loaded(path: Path) -> AuditResult | StudyRecord:
    """Read a result or a study in the thread of the jobs, where the reader is imported too."""
    from iaside_audit.report import load_result  # noqa: PLC0415 - start-up time
    from iaside_audit.report.study_documents import load_study_record  # noqa: PLC0415

    if is_study(path):
        return load_study_record(path)
    try:
        return load_result(path)
    except ReportError:
        with suppress(ReportError):  # a study under another name
            return load_study_record(path)
        raise


def _write_report(result: AuditResult, path: Path) -> None:
    """Write a report in that thread."""
    from iaside_audit.report import write_report  # noqa: PLC0415 - start-up time

    write_report(result, path)
