"""The shortcut page, files and questions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, QSettings, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFileDialog, QMessageBox, QVBoxLayout

from iaside_audit import __version__
from iaside_ui.actions import ACTIONS
from iaside_ui.qtmodels import shortcut_model
from iaside_ui.views.tables import fit_columns, keep_columns_in_view, make_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QAbstractButton, QPushButton, QWidget


SCREEN_SHARE: Final = 0.85
"""Of the screen's width, which the list of keys takes at most."""


class FileKind(Enum):
    """What a file dialog looks for."""

    RESULT = auto()
    MODEL = auto()
    IMAGES = auto()
    FOLDER = auto()
    LABELS = auto()
    PREPROCESSING = auto()
    SAVED_RESULT = auto()
    REPORT = auto()
    PLOT = auto()
    NUMBERS = auto()
    SETTINGS = auto()
    SAVED_SETTINGS = auto()
    SAVED_PREPROCESSING = auto()
    MEASUREMENT = auto()
    MEASUREMENT_FOLDER = auto()
    VERIFICATION = auto()


class Answer(Enum):
    """What the user said to a question."""

    YES = auto()
    NO = auto()
    CANCEL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that must be answered before something goes on.

    Parameters
    ----------
    text : str
        The question.
    consequence : str
        What is at stake.
    yes, no : str
        Labels of the two answers; an empty `no` leaves only Cancel beside `yes`.
    """

    text: str
    consequence: str
    yes: str
    no: str = ""


def choose_path(parent: QWidget, kind: FileKind, name: str = "") -> Path | None:
    """Let the user choose a file or a folder; None where they did not.

    Each kind begins where the last one of its kind was found.

    Parameters
    ----------
    parent : QWidget
        The dialog stands before its window.
    kind : FileKind
        What is looked for.
    name : str
        Proposed for a file to write.
    """
    settings = QSettings()
    key = f"folders/{kind.name.lower()}"
    folder = str(settings.value(key, ""))
    title, filters = _texts(kind)
    if kind in _FOLDERS:
        chosen = QFileDialog.getExistingDirectory(parent, title, folder)
    elif kind in _WRITTEN:
        chosen = _choose_to_write(QFileDialog(parent, title, folder, filters), name)
    else:
        chosen, _ = QFileDialog.getOpenFileName(parent, title, folder, filters)
    if not chosen:
        return None
    path = Path(chosen)
    settings.setValue(key, str(path if kind in _FOLDERS else path.parent))
    return path


def ask(parent: QWidget, question: Question, on_answer: Callable[[Answer], None]) -> None:
    """Ask, and hand the answer on once it is given; the window goes on painting meanwhile."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(question.text)
    box.setInformativeText(question.consequence)
    answers: dict[QAbstractButton, Answer] = {
        box.addButton(question.yes, QMessageBox.ButtonRole.AcceptRole): Answer.YES
    }
    if question.no:
        button = box.addButton(question.no, QMessageBox.ButtonRole.DestructiveRole)
        answers[button] = Answer.NO
    cancel = _bare(box.addButton(QMessageBox.StandardButton.Cancel))
    box.setDefaultButton(cancel)  # Return loses nothing
    box.setEscapeButton(cancel)

    def finish() -> None:
        on_answer(answers.get(box.clickedButton(), Answer.CANCEL))
        box.deleteLater()

    box.finished.connect(finish)
    box.open()


def show_about(parent: QWidget) -> None:
    """Say what this program is."""
    box = QMessageBox(parent)
    box.setWindowTitle(_tr("About I-ASIDE Audit"))
    box.setText(_tr("I-ASIDE Audit {version}").format(version=__version__))
    box.setInformativeText(
        _tr(
            "How robust is an ONNX image classifier, and why: spectral importances with error "
            "bars.\n\nLicence: Apache-2.0. Built with Qt and PySide6 (LGPL-3.0)."
        )
    )
    _bare(box.addButton(QMessageBox.StandardButton.Ok))
    box.finished.connect(box.deleteLater)
    box.open()


class ShortcutsDialog(QDialog):
    """Every action and its keys, from the table of actions."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        model = shortcut_model(self)
        model.show_rows(tuple(ACTIONS.values()))
        table = make_table(model, self.tr("Actions and their keys"), self)
        fit_columns(table)
        keep_columns_in_view(table)
        widest = round(SCREEN_SHARE * parent.screen().availableSize().width())
        table.setMinimumWidth(min(table.minimumWidth(), widest))
        table.setMinimumHeight(18 * table.fontMetrics().lineSpacing())
        buttons = QDialogButtonBox(self)
        _bare(buttons.addButton(QDialogButtonBox.StandardButton.Close))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(table)
        layout.addWidget(buttons)


_FOLDERS: Final = (FileKind.IMAGES, FileKind.FOLDER, FileKind.MEASUREMENT_FOLDER)
_WRITTEN: Final = (
    FileKind.SAVED_RESULT,
    FileKind.REPORT,
    FileKind.PLOT,
    FileKind.NUMBERS,
    FileKind.SAVED_SETTINGS,
    FileKind.SAVED_PREPROCESSING,
    FileKind.VERIFICATION,
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("dialogs", text)


def _bare(button: QPushButton) -> QPushButton:
    """Take the icon of a standard button away: on some platforms it is black, in dark too."""
    button.setIcon(QIcon())
    return button


def _texts(kind: FileKind) -> tuple[str, str]:
    """Return title and filters of the dialog that looks for `kind`."""
    everything = _tr("All files (*)")
    texts = {
        FileKind.RESULT: (_tr("Open a result"), _tr("Results and studies (*.json);;") + everything),
        FileKind.MODEL: (_tr("Choose a model"), _tr("ONNX models (*.onnx);;") + everything),
        FileKind.IMAGES: (_tr("Choose a folder of images"), ""),
        FileKind.FOLDER: (_tr("Choose a folder for the result"), ""),
        FileKind.LABELS: (_tr("Choose labels"), _tr("Tables (*.csv *.tsv);;") + everything),
        FileKind.PREPROCESSING: (
            _tr("Choose preprocessing"),
            _tr("Preprocessing (*.toml *.json);;") + everything,
        ),
        FileKind.SAVED_RESULT: (_tr("Save the result"), _tr("Result (*.json)")),
        FileKind.REPORT: (
            _tr("Export a report"),
            _tr(
                "PDF report (*.pdf);;HTML report (*.html);;Table of the bands (*.csv);;"
                "Figure, vector (*.svg);;Figure, pixels (*.png)"
            ),
        ),
        FileKind.PLOT: (
            _tr("Export this plot"),
            _tr("Figure, vector (*.svg);;Figure, pixels (*.png);;Figure, PDF (*.pdf)"),
        ),
        FileKind.NUMBERS: (_tr("Export the numbers"), _tr("Table (*.csv)")),
        FileKind.SETTINGS: (_tr("Load settings"), _tr("Settings (*.toml);;") + everything),
        FileKind.SAVED_SETTINGS: (_tr("Save settings"), _tr("Settings (*.toml)")),
        FileKind.SAVED_PREPROCESSING: (
            _tr("Save the preprocessing"),
            _tr("Preprocessing (*.toml)"),
        ),
        FileKind.MEASUREMENT: (
            _tr("Open measurements"),
            _tr("Measurements (*.json);;") + everything,
        ),
        FileKind.MEASUREMENT_FOLDER: (_tr("Choose a folder for the measurements"), ""),
        FileKind.VERIFICATION: (_tr("Save what was checked"), _tr("Verification (*.json)")),
    }
    return texts[kind]


def _choose_to_write(dialog: QFileDialog, name: str) -> str:
    """Let the user choose a file to write; empty where they did not.

    A name without a suffix gets that of the filter in the dialog itself, which thus asks before a
    file of the whole name is replaced. To Qt, "v1.1" has a suffix: such a name is completed here,
    and where that file is there, the dialog comes again with the whole name, to ask likewise.
    """
    known = {suffix for one in dialog.nameFilters() for suffix in re.findall(r"\*(\.\w+)", one)}

    def take_suffix(chosen_filter: str) -> None:
        dialog.setDefaultSuffix(chosen_filter.rpartition("*.")[2].rstrip(")"))

    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.selectFile(name)
    take_suffix(dialog.selectedNameFilter())
    dialog.filterSelected.connect(take_suffix)
    chosen = ""
    while dialog.exec():
        chosen = dialog.selectedFiles()[0]
        if Path(chosen).suffix.lower() in known:
            break
        chosen = f"{chosen}.{dialog.defaultSuffix()}"
        if not Path(chosen).exists():
            break
        dialog.selectFile(chosen)
        chosen = ""
    dialog.deleteLater()
    return chosen
