"""The preprocessing assistant: candidates as a table, with pictures of what the model gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from iaside_ui.qtmodels import ROW_ROLE, trial_model
from iaside_ui.state import ActionKey, AssistantState
from iaside_ui.state.planning import TrialRow
from iaside_ui.state.stages import stage_title
from iaside_ui.views.buttons import action_button
from iaside_ui.views.tables import fit_columns, make_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction

PICTURE_LINES = 2.6
PICTURES = 3
STEPS_COLUMN, PICTURE_COLUMN = 1, 2
PICTURE_ROOM = 8
"""Around the pictures, in device-independent pixels."""


class AssistantPanel(QGroupBox):
    """A button to start it, progress, the verdict, and the candidates.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    cancelAsked = Signal()
    rowChosen = Signal(TrialRow)

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Preprocessing assistant"))
        self._find = action_button(actions[ActionKey.FIND_PREPROCESSING], self)
        self.cancel_button = QPushButton(self.tr("Stop searching"), self)
        self.use_button = QPushButton(self.tr("&Use the selected one"), self)
        self.use_button.setToolTip(
            self.tr("Write it as a TOML file and let the audit take it; the first row is the best.")
        )
        self._progress = QProgressBar(self)
        self._progress.setAccessibleName(self.tr("Progress of the assistant"))
        self._verdict = QLabel(self)
        self._verdict.setWordWrap(True)
        self._verdict.setTextFormat(Qt.TextFormat.PlainText)
        self._model = trial_model(self)
        self.table = make_table(self._model, self.tr("Preprocessings that were tried"), self)
        side = round(PICTURE_LINES * self.fontMetrics().lineSpacing())
        self.table.setIconSize(QSize(PICTURES * side, side))
        self._hint = QLabel(
            self.tr(
                "Not sure how this model wants its images? Try the usual ways on yours: each row "
                "shows what the model would really get."
            ),
            self,
        )
        self._hint.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.addWidget(self._find)
        buttons.addWidget(self.cancel_button)
        buttons.addStretch(1)
        buttons.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self._hint)
        layout.addWidget(self._verdict)
        layout.addWidget(self._progress)
        layout.addWidget(self.table, stretch=1)
        layout.addStretch(0)
        layout.addLayout(buttons)
        self.cancel_button.clicked.connect(self.cancelAsked)
        self.use_button.clicked.connect(self._use)
        self.table.selectionModel().selectionChanged.connect(self._offer)
        self.show_state(AssistantState())

    @property
    def verdict(self) -> str:
        """What came out, in words."""
        return self._verdict.text()

    def show_state(self, state: AssistantState) -> None:
        """Show one snapshot."""
        is_searching = state.stage is not None
        self._progress.setVisible(is_searching)
        self._progress.setRange(0, state.n_total)
        self._progress.setValue(state.n_done)
        if state.stage is not None:
            self._progress.setFormat(f"{stage_title(state.stage)}: %v / %m")
        self.cancel_button.setVisible(is_searching)
        self._find.setVisible(not is_searching)
        self._verdict.setText(state.verdict())
        self._verdict.setVisible(bool(state.verdict()))
        has_rows = bool(state.rows)
        self._hint.setVisible(not has_rows)
        self.table.setVisible(has_rows)
        self.use_button.setVisible(has_rows)
        if self._model.rows != state.rows:
            self._model.show_rows(state.rows)
            fit_columns(self.table)
            self.table.setColumnWidth(PICTURE_COLUMN, self.table.iconSize().width() + PICTURE_ROOM)
            self.table.cap_names(STEPS_COLUMN)
            self.table.selectRow(0)
        self._offer()

    @Slot()
    def _offer(self) -> None:
        self.use_button.setEnabled(self.table.selectionModel().hasSelection())

    @Slot()
    def _use(self) -> None:
        index = self.table.currentIndex()
        row = index.data(ROW_ROLE)
        if isinstance(row, TrialRow):
            self.rowChosen.emit(row)
