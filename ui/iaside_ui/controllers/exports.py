"""Plots and their numbers as files, from the menu and by right click."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from iaside_audit.errors import IASideError
from iaside_audit.report import write_text
from iaside_ui.exporting import csv_text, proposed_name, write_picture
from iaside_ui.state import ActionKey
from iaside_ui.views import FileKind

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.controllers.shell import Shell
    from iaside_ui.workers import Jobs

ACTIONS: Final = (ActionKey.EXPORT_PLOT, ActionKey.EXPORT_NUMBERS)


class ExportController(QObject):
    """Writes what is drawn. Pictures are drawn here, for only this thread may; files beside it.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    jobs : Jobs
        Writes files.
    parent : QObject or None
        Its owner.
    """

    def __init__(self, shell: Shell, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shell = shell
        self._jobs = jobs
        shell.window.connect_actions(self, ACTIONS)
        shell.window.pictureAsked.connect(self.write_plot)
        shell.window.numbersAsked.connect(self.write_numbers)

    @Slot()
    def export_plot(self) -> None:
        """Write the plot of the page that is shown."""
        widget = self._shell.window.exported_widget()
        if widget is not None:
            self.write_plot(widget)

    @Slot()
    def export_numbers(self) -> None:
        """Write the numbers of the page that is shown."""
        widget = self._shell.window.exported_widget()
        if widget is not None:
            self.write_numbers(widget)

    @Slot(QWidget)
    def write_plot(self, widget: QWidget) -> None:
        """Write what a widget shows to a file that the user chooses."""
        path = self._shell.window.choose_path(FileKind.PLOT, f"{self._name_of(widget)}.svg")
        if path is None:
            return
        try:
            write_picture(widget, path)
        except IASideError as error:
            self._shell.show_failure(error)
        else:
            self._say_written(path, None)

    @Slot(QWidget)
    def write_numbers(self, widget: QWidget) -> None:
        """Write its numbers to a file that the user chooses."""
        rows = self._shell.window.numbers_of(widget)
        if len(rows) < 2:  # noqa: PLR2004 - headings and a row
            self._shell.inform(self.tr("There are no numbers here yet."))
            return
        name = f"{self._name_of(widget)}.csv"
        path = self._shell.window.choose_path(FileKind.NUMBERS, name)
        if path is not None:
            self._jobs.start(
                partial(write_text, path, csv_text(rows)),
                partial(self._say_written, path),
                self._shell.show_failure,
            )

    def close(self) -> None:
        """Wait for files that are being written."""
        self._jobs.close()

    def _say_written(self, path: Path, _: None) -> None:
        self._shell.inform(self.tr("Written: {path}").format(path=path))

    def _name_of(self, widget: QWidget) -> str:
        return proposed_name(self._shell.window.exported_model(), widget.accessibleName())
