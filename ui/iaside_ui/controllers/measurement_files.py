"""Measurements of robustness as files: opened, saved, and asked about before they are lost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal, Slot

from iaside_ui.state import ActionKey
from iaside_ui.state.measuring import Kind
from iaside_ui.views import Answer, FileKind, Question
from iaside_ui.workers.measurement_files import read_measurements, write_measurements

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_ui.controllers.robustness import RobustnessController
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.state.robustness import Held
    from iaside_ui.workers import Jobs

ACTIONS: Final = (ActionKey.OPEN_MEASUREMENTS, ActionKey.SAVE_MEASUREMENTS)


class MeasurementFilesController(QObject):
    """Reads and writes what the page of robustness shows.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    robustness : RobustnessController
        Holds the measurements.
    jobs : Jobs
        Reads and writes files.
    parent : QObject or None
        Its owner.
    """

    fileUsed = Signal(object)  # the Path of measurements that were read or written

    def __init__(
        self,
        shell: Shell,
        robustness: RobustnessController,
        jobs: Jobs,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._robustness = robustness
        self._jobs = jobs
        shell.window.connect_actions(self, ACTIONS)

    @property
    def is_at_stake(self) -> bool:
        """Whether closing would stop or lose something."""
        return self._robustness.is_running or self._robustness.state.has_unsaved

    @Slot()
    def open_measurements(self) -> None:
        """Let the user choose a measurement's file, and show it."""
        path = self._shell.window.choose_path(FileKind.MEASUREMENT)
        if path is not None:
            self.load(path)

    @Slot()
    def save_measurements(self) -> None:
        """Write every measurement to a folder that the user chooses."""
        self._save(_nothing)

    def load(self, path: Path) -> None:
        """Read a measurement's file, or those of a folder, and show them."""
        self._shell.window.clear_message()
        self._jobs.start(
            partial(read_measurements, path),
            partial(self._show_read, path),
            self._shell.show_failure,
        )

    def before_closing(self, leave: Callable[[], object], go_on: Callable[[], object]) -> None:
        """Go on, after asking where measurements would be stopped or lost.

        Parameters
        ----------
        leave : callable
            Called before anything is stopped, so that nothing takes its place.
        go_on : callable
            Called once nothing is at stake.
        """
        consequence = self.tr("They are in no file yet, and would be lost.")
        if self._robustness.is_running:
            consequence += self.tr(
                " What is being measured would be stopped; measuring again goes on with it."
            )
        question = Question(
            text=self.tr("Save the measurements of robustness?"),
            consequence=consequence,
            yes=self.tr("Save..."),
            no=self.tr("Discard"),
        )
        if not self._robustness.state.has_unsaved:
            question = Question(
                text=self.tr("Robustness is being measured. Stop it?"),
                consequence=self.tr(
                    "The images that were measured are kept: measuring again goes on with them."
                ),
                yes=self.tr("Stop it"),
            )
        self._shell.window.ask(question, partial(self._hear_before_closing, leave, go_on))

    def close(self) -> None:
        """Wait for files that are being written."""
        self._jobs.close()

    def _show_read(self, path: Path, held: tuple[Held, ...]) -> None:
        self._robustness.show_robustness()
        self._robustness.hold(held)
        state = self._robustness.state
        if Kind.PREDICTION in state.held and not state.predictions:
            self._shell.inform(
                self.tr(
                    "A prediction stands beside what was measured: open corruption.json of the "
                    "same model first."
                )
            )
        self.fileUsed.emit(path)

    def _save(self, then: Callable[[], object]) -> None:
        held = self._robustness.state.held
        folder = self._shell.window.choose_path(FileKind.MEASUREMENT_FOLDER)
        if folder is None or not held:
            return
        files = {folder / f"{kind}.json": one.document for kind, one in held.items()}
        write = partial(
            self._jobs.start,
            partial(write_measurements, files),
            partial(self._say_written, folder, dict(held), then),
            self._shell.show_failure,
        )
        taken = [path.name for path in files if path.exists()]
        if not taken:
            write()
            return
        question = Question(
            text=self.tr("Replace what is in the folder?"),
            consequence=self.tr("It holds {names} already.").format(names=", ".join(taken)),
            yes=self.tr("Replace"),
        )
        self._shell.window.ask(question, partial(_if_yes, write))

    def _say_written(
        self, folder: Path, held: dict[Kind, Held], then: Callable[[], object], _: None
    ) -> None:
        self._robustness.mark_saved(held)
        self._shell.inform(self.tr("Written: {path}").format(path=folder))
        self.fileUsed.emit(folder)
        then()

    def _hear_before_closing(
        self, leave: Callable[[], object], go_on: Callable[[], object], answer: Answer
    ) -> None:
        if answer == Answer.CANCEL:
            return
        leave()
        match answer:
            case Answer.YES if self._robustness.state.has_unsaved:
                self._robustness.abandon()
                self._save(go_on)
            case Answer.YES:
                self._robustness.abandon()
                go_on()
            case Answer.NO:
                self._robustness.discard()
                go_on()


def _if_yes(go_on: Callable[[], object], answer: Answer) -> None:
    if answer == Answer.YES:
        go_on()


def _nothing() -> None:
    """Do nothing after saving."""
