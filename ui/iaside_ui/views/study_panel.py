"""A study: which two columns, their scatter plot, and the models as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from iaside_ui.appearance import enlarge_font
from iaside_ui.qtmodels import ROW_ROLE, study_model
from iaside_ui.state.study import StudyPoint, StudyState
from iaside_ui.views.gap_panel import GapPanel
from iaside_ui.views.study_plot import StudyPlot
from iaside_ui.views.tables import fit_columns, make_table

if TYPE_CHECKING:
    from collections.abc import Mapping


class StudyPanel(GapPanel):
    """Choices above, the plot left, the models right; the plot and the table choose together.

    Parameters
    ----------
    parent : QWidget or None
        Its owner.
    """

    columnsChosen = Signal(str, str)  # predictor, measured figure

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: tuple[StudyPoint, ...] = ()
        self._title = QLabel(self.content)
        enlarge_font(self._title, 1.1)
        self._sentence = QLabel(self.content)
        self._sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._chosen = QLabel(self.content)
        for label in (self._title, self._sentence, self._chosen):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)  # a study's words are a stranger's
        self.predictor = _choice(self.tr("Predictor"), self.content)
        self.measured = _choice(self.tr("Measured figure"), self.content)
        self.plot = StudyPlot(self.content)
        self._model = study_model(self)
        self.table = make_table(self._model, self.tr("Models"), self.content)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self._arrange()
        self.predictor.activated.connect(self._choose_columns)
        self.measured.activated.connect(self._choose_columns)
        self.plot.pointChosen.connect(self._follow_plot)
        self.table.selectionModel().currentRowChanged.connect(self._follow_table)
        self.show_gap(
            self.tr(
                "Open the study.json of a study to hold what audits predict against what was "
                "measured, model by model.\n\nMake one with: iaside-audit study STUDY.toml --out "
                "FOLDER"
            )
        )

    @property
    def sentence(self) -> str:
        """How closely the one follows the other."""
        return self._sentence.text()

    @property
    def chosen_text(self) -> str:
        """Name and numbers of the model that is chosen; empty for none."""
        return self._chosen.text()

    def show_state(self, state: StudyState) -> None:
        """Show one snapshot."""
        record = state.record
        self.show_gap("")
        self._title.setText(record.title)
        self._title.setVisible(bool(record.title))
        _offer(self.predictor, record.predictor_titles, state.predictor)
        _offer(self.measured, record.measured_titles, state.measured)
        self._sentence.setText(state.sentence())
        self._points = state.points()
        self.plot.show_points(self._points, state.titles)
        self._model.show_rows(self._points)
        fit_columns(self.table)
        self._describe()

    def _arrange(self) -> None:
        choices = QGridLayout()
        for row, (text, box) in enumerate(
            ((self.tr("&Predictor"), self.predictor), (self.tr("&Measured"), self.measured))
        ):
            label = QLabel(text, self.content)
            label.setBuddy(box)
            choices.addWidget(label, 0, 2 * row)
            choices.addWidget(box, 0, 2 * row + 1)
            choices.setColumnStretch(2 * row + 1, 1)
        right = QWidget(self.content)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, stretch=1)
        column.addWidget(self._chosen)
        halves = QSplitter(Qt.Orientation.Horizontal, self.content)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.plot)
        halves.addWidget(right)
        halves.setSizes([580, 420])  # shares of what there is
        layout = QVBoxLayout(self.content)
        layout.addWidget(self._title)
        layout.addLayout(choices)
        layout.addWidget(self._sentence)
        layout.addWidget(halves, stretch=1)

    @Slot()
    def _choose_columns(self) -> None:
        self.columnsChosen.emit(self.predictor.currentData(), self.measured.currentData())

    @Slot(int)
    def _follow_plot(self, place: int) -> None:
        """Select the model in the table that is chosen in the plot."""
        rows = self._model.rows
        at = rows.index(self._points[place]) if place >= 0 else -1
        if self.table.currentIndex().row() != at and at >= 0:
            self.table.selectRow(at)
        self._describe()

    @Slot(QModelIndex)
    def _follow_table(self, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if isinstance(row, StudyPoint):
            self.plot.choose(self._points.index(row))

    def _describe(self) -> None:
        place = self.plot.chosen
        self._chosen.setText(self.plot.words_of(place) if place >= 0 else "")


def _choice(name: str, parent: QWidget) -> QComboBox:
    box = QComboBox(parent)
    box.setAccessibleName(name)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box


def _offer(box: QComboBox, titles: Mapping[str, str], chosen: str) -> None:
    """Offer columns by their titles, unless they are offered already."""
    if [box.itemData(place) for place in range(box.count())] != list(titles):
        box.clear()
        for name, title in titles.items():
            box.addItem(title, name)
    box.setCurrentIndex(list(titles).index(chosen))
