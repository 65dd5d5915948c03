"""The check of a result: asked for, made beside the window, and what becomes of its outcome."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QGuiApplication

from iaside_audit.errors import IASideError
from iaside_audit.report import write_text
from iaside_audit.report.summary import base_name
from iaside_ui.exporting import proposed_name
from iaside_ui.state import ActionKey, RunState, message_of
from iaside_ui.state.checking import CheckState, recorded_files
from iaside_ui.views import Answer, Question
from iaside_ui.workers.checks import CheckPlan, CheckRefused

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.auditing.verification.verdicts import VerificationCheck
    from iaside_audit.report.verification import Verification
    from iaside_audit.result import AuditResult
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.state import OpenResult
    from iaside_ui.views.check_dialog import CheckDialog
    from iaside_ui.workers import CheckRunner, Jobs

ACTIONS: Final = (ActionKey.CHECK_RESULT,)
PAINTED_MS: Final = 100
"""By then, a dialog that has come up is painted."""


class CheckController(QObject):
    """Checks one result at a time, in a dialog beside the window, and beside any audit.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    runner : CheckRunner
        Makes the checks.
    jobs : Jobs
        Finds the number of the report, and writes files.
    parent : QObject or None
        Its owner.
    """

    def __init__(
        self, shell: Shell, runner: CheckRunner, jobs: Jobs, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._runner = runner
        self._jobs = jobs
        self._opened: OpenResult | None = None  # the result of the dialog
        self._dialog: CheckDialog | None = None
        self._state = CheckState()
        shell.window.connect_actions(self, ACTIONS)
        shell.window.windowHidden.connect(self._leave)
        runner.stateChanged.connect(self._show_run)
        runner.checkMade.connect(self._add)
        runner.checkingEnded.connect(self._end)
        runner.checkRefused.connect(self._refuse)
        runner.failed.connect(self._fail)

    @property
    def dialog(self) -> CheckDialog | None:
        """The dialog that is open; None for none."""
        return self._dialog

    @Slot()
    def check_result(self) -> None:
        """Open the dialog for the result that is shown, or come back to it."""
        opened = self._shell.state.opened
        if opened is None:
            return
        if (
            self._dialog is not None
            and self._opened is not None
            and self._opened.result is opened.result
        ):
            self._dialog.raise_()
            self._dialog.activateWindow()
        elif self._runner.is_running:
            question = Question(
                text=self.tr("Another result is being checked. Stop that?"),
                consequence=self.tr("What was found of it so far is lost."),
                yes=self.tr("Stop it"),
            )
            self._shell.window.ask(question, partial(self._hear_of_other, opened))
        else:
            self._open(opened)

    def close(self) -> None:
        """Stop the threads."""
        self._leave()
        self._runner.close()
        self._jobs.close()

    def _hear_of_other(self, opened: OpenResult, answer: Answer) -> None:
        if answer == Answer.YES:
            self._open(opened)

    def _open(self, opened: OpenResult) -> None:
        from iaside_ui.views.check_dialog import CheckDialog  # noqa: PLC0415 - start-up time

        self._leave()
        result = opened.result
        dialog = CheckDialog(
            recorded_files(result), result.data.n_images, parent=self._shell.window
        )
        self._opened, self._dialog, self._state = opened, dialog, CheckState()
        dialog.checkAsked.connect(self._check)
        dialog.cancelAsked.connect(self._cancel)
        dialog.copyAsked.connect(self._copy)
        dialog.saveAsked.connect(self._save)
        dialog.finished.connect(self._forget)
        self._name_report(opened, "...")
        # A thread that computes in Python takes half the time of the window's: first things first.
        QTimer.singleShot(PAINTED_MS, dialog, partial(self._find_number, opened))
        dialog.show()
        dialog.check_button.setFocus()

    def _find_number(self, opened: OpenResult) -> None:
        self._jobs.start(
            partial(_report_id, opened.result),
            partial(self._name_report, opened),
            self._shell.show_failure,
        )

    def _name_report(self, opened: OpenResult, number: str) -> None:
        """Say which result is checked, once its number is known."""
        if self._dialog is not None and self._opened is opened:
            heading = self.tr("Report {number} of {model}")
            model = base_name(opened.result.model.path)
            self._dialog.show_identity(
                heading.format(number=number, model=model), str(opened.path or "")
            )

    @Slot()
    def _check(self) -> None:
        opened, dialog = self._opened, self._dialog
        if opened is None or opened.path is None or dialog is None:
            return
        self._show(CheckState())
        self._runner.start(
            CheckPlan(
                result=opened.result,
                path=opened.path,
                places=dialog.texts,
                n_sample=dialog.sample.value(),
            )
        )

    @Slot()
    def _cancel(self) -> None:
        """Stop at once: what the thread still does, nobody hears of."""
        self._runner.abandon()
        note = self.tr("The check was cancelled; what stands above was found before.")
        self._show(replace(self._state, run=None, note=note))

    @Slot()
    def _forget(self) -> None:
        """Stop the check where the dialog is closed."""
        self._runner.abandon()
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._opened = self._dialog = None

    @Slot()
    def _leave(self) -> None:
        """Close the dialog: with the window, or for another result."""
        if self._dialog is not None:
            self._dialog.close()

    def _show(self, state: CheckState) -> None:
        self._state = state
        if self._dialog is not None:
            self._dialog.show_state(state)

    @Slot(RunState)
    def _show_run(self, run: RunState) -> None:
        self._show(replace(self._state, run=run))

    @Slot(object)
    def _add(self, check: VerificationCheck) -> None:
        """Take a check, which the next frame shows."""
        self._state = replace(self._state, checks=(*self._state.checks, check))

    @Slot(object)
    def _end(self, verification: Verification) -> None:
        self._show(replace(self._state, run=None, outcome=verification))

    @Slot(CheckRefused)
    def _refuse(self, refused: CheckRefused) -> None:
        """Say what cannot be used, by the field that it was given in."""
        self._end_with(refused.place, refused.error)

    @Slot(Exception)
    def _fail(self, error: Exception) -> None:
        """Say that the program is at fault; its traceback is in the window's message."""
        self._end_with("", error)
        if not isinstance(error, IASideError):
            self._shell.show_failure(error)

    def _end_with(self, place: str, error: Exception) -> None:
        faults = {place: message_of(error).text}
        note = self.tr("The check ended early: mend what is marked, and check again.")
        self._show(replace(self._state, run=None, faults=faults, note=note))

    @Slot()
    def _copy(self) -> None:
        if self._state.outcome is not None:
            QGuiApplication.clipboard().setText(self._state.outcome.to_text())
            self._show(replace(self._state, note=self.tr("Copied, for a mail or a file.")))

    @Slot()
    def _save(self) -> None:
        outcome, opened, dialog = self._state.outcome, self._opened, self._dialog
        if outcome is None or opened is None or dialog is None:
            return
        name = proposed_name(opened.result.model.path, "verification")
        path = dialog.choose_file(f"{name}.json")
        if path is None:
            return
        text = json.dumps(outcome.to_document(), indent=2) + "\n"
        self._jobs.start(
            partial(write_text, path, text),
            partial(self._say_written, path, dialog),
            partial(self._say_unwritten, dialog),
        )

    def _say_written(self, path: Path, dialog: CheckDialog, _: None) -> None:
        if self._dialog is dialog:
            note = self.tr("Written: {path}").format(path=path)
            self._show(replace(self._state, note=note, faults={}))

    def _say_unwritten(self, dialog: CheckDialog, error: Exception) -> None:
        """Say it in the dialog, or in the window where that is closed by now."""
        if self._dialog is dialog:
            self._show(replace(self._state, faults={"": message_of(error).text}))
        else:
            self._shell.show_failure(error)


def _report_id(result: AuditResult) -> str:
    """Return the number of a report in the thread of the jobs: a large result takes a while."""
    from iaside_audit.report import report_id  # noqa: PLC0415 - start-up time

    return report_id(result)
