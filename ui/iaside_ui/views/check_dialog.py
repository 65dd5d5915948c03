"""The check of a result: what it is held against, each check as it is made, what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QCloseEvent,
    QGuiApplication,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from iaside_audit.choices import DEFAULT_SAMPLE
from iaside_ui.appearance import characters_wide, enlarge_font
from iaside_ui.icons import icon
from iaside_ui.qtmodels.checks import check_model
from iaside_ui.state.checking import CheckState
from iaside_ui.state.form import FORM_FIELDS
from iaside_ui.views.dialogs import FileKind, choose_path
from iaside_ui.views.fields import FaultLabel, Field
from iaside_ui.views.progress import progress_sentence
from iaside_ui.views.tables import WrappingDelegate, fit_columns, make_table, selected_text
from iaside_ui.views.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iaside_ui.state.checking import RecordedFile

FOUND_COLUMN: Final = 2
WIDTH_CHARACTERS: Final = 140
TABLE_LINES: Final = 12
SCREEN_SHARE: Final = 0.85
"""Of the screen, which the dialog takes at most when it opens."""


class CheckDialog(QDialog):
    """Fields above, checks as a table, one sentence below; the window goes on beside it.

    Parameters
    ----------
    files : mapping of str to RecordedFile
        What the fields begin with: ``model``, ``images``, ``labels``, ``classes``.
    n_rows : int
        Rows that could be made again.
    parent : QWidget
        Its owner.
    """

    checkAsked = Signal()
    cancelAsked = Signal()
    copyAsked = Signal()
    saveAsked = Signal()

    def __init__(self, files: Mapping[str, RecordedFile], n_rows: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Check a result"))
        self._is_running = False
        self._sign_name = "passed"
        self._fitting = QTimer(self, interval=0, singleShot=True)
        self._sign = QLabel(self)
        self._identity = self._label()
        enlarge_font(self._identity, 1.1)
        self._path = self._label()
        self._hint = WrappedLabel(self)
        self._hint.setText(
            self.tr(
                "The numbers are computed again from the rows beside the result. Model and images "
                "are compared with the audited ones, and some rows are made again; left empty, "
                "they are not checked."
            )
        )
        self.fields = {name: Field(FORM_FIELDS[name], self) for name in files}
        for name, recorded in files.items():
            self.fields[name].show_text(recorded.text)
            self.fields[name].show_fault(recorded.note)
        self.sample = self._make_sample(n_rows)
        self._model = check_model(self)
        self.table = make_table(self._model, self.tr("Checks"), self)
        self._progress = QProgressBar(self)
        self._progress.setAccessibleName(self.tr("Progress of the check"))
        self._note = WrappedLabel(self)
        self._conclusion = WrappedLabel(self)
        enlarge_font(self._conclusion, 1.1)
        self._fault = FaultLabel(self)
        self.copy_button = QPushButton(self.tr("Copy as &text"), self)
        self.save_button = QPushButton(self.tr("&Save as JSON..."), self)
        self.check_button = QPushButton(self.tr("Chec&k"), self)
        self.cancel_button = QPushButton(self.tr("C&ancel"), self)
        self.close_button = QPushButton(self.tr("Cl&ose"), self)
        self._prepare_table()
        self._arrange()
        self._connect()
        self.show_state(CheckState())

    @property
    def texts(self) -> dict[str, str]:
        """What the fields hold."""
        return {name: field.text for name, field in self.fields.items()}

    @property
    def identity(self) -> str:
        """Which result is checked."""
        return self._identity.text()

    @property
    def conclusion(self) -> str:
        """The closing sentence; empty until there is one."""
        return self._conclusion.text()

    def show_identity(self, heading: str, path: str) -> None:
        """Say which result is checked."""
        self._identity.setText(heading)
        self._path.setText(path)

    def show_state(self, state: CheckState) -> None:
        """Show one snapshot."""
        was_running, self._is_running = self._is_running, state.run is not None
        if self._model.rows != state.checks:
            self._model.show_rows(state.checks)
        self._show_progress(state)
        self._show_end(state)
        for widget in (*self.fields.values(), self.check_button):
            widget.setEnabled(not self._is_running)
        self._offer_sample()
        self.cancel_button.setEnabled(self._is_running)
        for button in (self.copy_button, self.save_button):
            button.setEnabled(state.outcome is not None)
        if was_running != self._is_running:
            self._move_keyboard(state)

    def choose_file(self, name: str) -> Path | None:
        """Let the user choose where what was found is saved; None where they did not."""
        return choose_path(self, FileKind.VERIFICATION, name)

    def reject(self) -> None:
        """Stop the check where Escape is pressed during one; close otherwise."""
        if self._is_running:
            self.cancelAsked.emit()
        else:
            super().reject()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._paint_sign()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the check, and close."""
        if self._is_running:
            self.cancelAsked.emit()
        super().closeEvent(event)

    def _label(self) -> WrappedLabel:
        label = WrappedLabel(self)
        label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        return label

    def _make_sample(self, n_rows: int) -> QSpinBox:
        sample = QSpinBox(self)
        sample.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        sample.setRange(1, max(1, n_rows))
        sample.setValue(DEFAULT_SAMPLE)
        sample.setAccessibleName(self.tr("Rows to make again"))
        sample.setToolTip(
            self.tr(
                "So many rows, drawn anew each time, are made again on model and images. Of 200 "
                "rows with a tenth forged, 8 miss them with a chance of 0.42, 50 with 0.002."
            )
        )
        return sample

    def _prepare_table(self) -> None:
        self.table.setWordWrap(True)
        self.table.setItemDelegateForColumn(FOUND_COLUMN, WrappingDelegate(self.table))
        side = self.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
        self.table.setIconSize(QSize(side, side))
        self.table.setMinimumHeight(TABLE_LINES * self.fontMetrics().lineSpacing())
        self.table.setVerticalScrollMode(self.table.ScrollMode.ScrollPerPixel)
        fit_columns(self.table)

    def _arrange(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for field in self.fields.values():
            form.addRow(field.label, field)
        rows = QLabel(self.tr("&Rows to make again"), self)
        rows.setBuddy(self.sample)
        form.addRow(rows, self.sample)
        end = QHBoxLayout()
        end.addWidget(self._sign, alignment=Qt.AlignmentFlag.AlignTop)
        end.addWidget(self._conclusion, stretch=1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.save_button)
        buttons.addStretch(1)
        for button in (self.check_button, self.cancel_button, self.close_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        for label in (self._identity, self._path, self._hint):
            layout.addWidget(label)
        layout.addLayout(form)
        layout.addWidget(self.table, stretch=1)
        layout.addWidget(self._progress)
        layout.addWidget(self._note)
        layout.addLayout(end)
        layout.addWidget(self._fault)
        layout.addLayout(buttons)
        for button in (self.copy_button, self.save_button, self.cancel_button, self.close_button):
            button.setAutoDefault(False)
        self.check_button.setDefault(True)
        room = self.screen().availableSize() * SCREEN_SHARE
        width = characters_wide(self, WIDTH_CHARACTERS)
        self.resize(QSize(width, self.sizeHint().height()).boundedTo(room))

    def _connect(self) -> None:
        self.check_button.clicked.connect(self.checkAsked)
        self.cancel_button.clicked.connect(self.cancelAsked)
        self.close_button.clicked.connect(self.close)
        self.copy_button.clicked.connect(self.copyAsked)
        self.save_button.clicked.connect(self.saveAsked)
        self._fitting.timeout.connect(self.table.resizeRowsToContents)
        self._model.modelReset.connect(self._fit)
        self.table.horizontalHeader().sectionResized.connect(self._hear_resized)
        for name in ("model", "images"):
            editor = self.fields[name].editor
            if isinstance(editor, QLineEdit):
                editor.setPlaceholderText(self.tr("not checked"))
                editor.textChanged.connect(self._offer_sample)
        copying = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table)
        copying.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        copying.activated.connect(self._copy_rows)

    @Slot()
    def _fit(self) -> None:
        fit_columns(self.table)
        self._fitting.start()

    @Slot(int)
    def _hear_resized(self, column: int) -> None:
        """Make rows as high as their texts in the width there is now, once all columns have it."""
        if column == FOUND_COLUMN:
            self._fitting.start()

    @Slot()
    def _offer_sample(self) -> None:
        """Rows can be made again where model and images are given."""
        is_given = all(self.fields[name].text for name in ("model", "images"))
        self.sample.setEnabled(is_given and not self._is_running)

    @Slot()
    def _copy_rows(self) -> None:
        QGuiApplication.clipboard().setText(selected_text(self.table))

    def _show_progress(self, state: CheckState) -> None:
        run = state.run
        self._progress.setVisible(run is not None)
        if run is not None:
            self._progress.setRange(0, run.n_total)
            self._progress.setValue(run.n_done)
        text = state.note if run is None else progress_sentence(run)
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def _show_end(self, state: CheckState) -> None:
        for name, field in self.fields.items():
            if state.run is not None or name in state.faults:
                field.show_fault(state.faults.get(name, ""))
        self._fault.show_fault(state.faults.get("", ""))
        outcome = state.outcome
        sentence = "" if outcome is None else outcome.sentence
        is_new = bool(sentence) and sentence != self.conclusion
        self._conclusion.setText(sentence)
        if outcome is not None:
            self._sign_name = "passed" if outcome.holds else "error"
            self._paint_sign()
        for label in (self._sign, self._conclusion):
            label.setVisible(bool(sentence))
        if is_new:
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, sentence))

    def _paint_sign(self) -> None:
        side = self.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
        sign = icon(self._sign_name)
        self._sign.setPixmap(sign.pixmap(QSize(side, side), self.devicePixelRatioF()))

    def _move_keyboard(self, state: CheckState) -> None:
        """Keep the keyboard at what can be done now."""
        target: QWidget = self.cancel_button
        if state.run is None:
            faulty = [field for name, field in self.fields.items() if name in state.faults]
            target = faulty[0] if faulty else self.check_button
        target.setFocus(Qt.FocusReason.OtherFocusReason)
