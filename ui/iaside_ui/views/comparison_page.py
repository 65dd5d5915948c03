"""Results side by side and their paired differences; the models of a study as points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from iaside_ui.appearance import enlarge_font
from iaside_ui.qtmodels import compared_model, difference_model
from iaside_ui.state import ActionKey
from iaside_ui.state.comparison import ComparedQuantity
from iaside_ui.views.buttons import action_button
from iaside_ui.views.compared_plot import ComparedPlot
from iaside_ui.views.study_panel import StudyPanel
from iaside_ui.views.tables import fit_columns, make_heading, make_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction

    from iaside_ui.state.comparison import ComparisonState
    from iaside_ui.state.study import StudyState

QUANTITIES: Final = tuple(ComparedQuantity)
A_PAIR: Final = 2


class ComparedPanel(QWidget):
    """The plot and the results above; below them every number of every pair.

    Parameters
    ----------
    parent : QWidget or None
        Its owner.
    """

    firstChosen = Signal(int)  # place of the result that the others are compared with

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        self._note.setTextFormat(Qt.TextFormat.PlainText)  # it quotes names of files
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.first = QComboBox(self)
        self.first.setAccessibleName(self.tr("Result that the others are compared with"))
        self.first.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.first.setMinimumContentsLength(24)
        self.quantity = QComboBox(self)
        self.quantity.setAccessibleName(self.tr("What the plot shows"))
        self.quantity.addItems(
            [
                self.tr("Importance, side by side"),
                self.tr("Differences of importance"),
                self.tr("Differences of Shapley values"),
            ]
        )
        self.plot = ComparedPlot(self)
        self._results = compared_model(self)
        self._differences = difference_model(self)
        self.result_table = make_table(self._results, self.tr("Results"), self)
        self.difference_table = make_table(self._differences, self.tr("Differences"), self)
        self._arrange()
        self.first.activated.connect(self._choose_first)
        self.quantity.currentIndexChanged.connect(self._choose_quantity)

    @property
    def note(self) -> str:
        """What there is to say of the comparison."""
        return self._note.text()

    def show_state(self, state: ComparisonState) -> None:
        """Show one snapshot."""
        text = "\n".join((*state.refusals, state.note)).strip()
        if not text and len(state.results) < A_PAIR:
            text = self.tr(
                "Open two or more results of the same images to see how they differ, each number "
                "with its interval and p-value."
            )
        self._note.setText(text)
        self.first.clear()
        self.first.addItems([one.name for one in state.results])
        self.first.setCurrentIndex(state.first)
        self.first.setEnabled(len(state.results) >= A_PAIR)
        self.plot.show_state(state)
        self._results.show_rows(state.results)
        self._differences.show_rows(state.lines)
        fit_columns(self.result_table)
        self.result_table.cap_names(0)
        fit_columns(self.difference_table)

    def _arrange(self) -> None:
        head = QHBoxLayout()
        label = QLabel(self.tr("&Differences from"), self)
        label.setBuddy(self.first)
        head.addWidget(label)
        head.addWidget(self.first, stretch=1)
        head.addStretch(1)
        head.addWidget(self.quantity)
        results = QWidget(self)
        column = QVBoxLayout(results)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(make_heading(self.tr("&Results"), self.result_table, results))
        column.addWidget(self.result_table)
        above = QSplitter(Qt.Orientation.Horizontal, self)
        above.setChildrenCollapsible(False)
        above.addWidget(self.plot)
        above.addWidget(results)
        above.setSizes([520, 480])  # shares of what there is
        halves = QSplitter(Qt.Orientation.Vertical, self)
        halves.setChildrenCollapsible(False)
        halves.addWidget(above)
        halves.addWidget(self.difference_table)
        halves.setSizes([550, 450])
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self._note)
        layout.addWidget(halves, stretch=1)

    @Slot(int)
    def _choose_first(self, place: int) -> None:
        self.firstChosen.emit(place)

    @Slot(int)
    def _choose_quantity(self, place: int) -> None:
        self.plot.show_quantity(QUANTITIES[place])


class ComparisonPage(QWidget):
    """A tab for results, and one for a study.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(self.tr("Compare"), self)
        enlarge_font(title, 1.4)
        self.compared = ComparedPanel(self)
        self.study = StudyPanel(self)
        self.tabs = QTabWidget(self)
        self.tabs.addTab(self.compared, self.tr("Results"))
        self.tabs.addTab(self.study, self.tr("Models of a study"))
        self.tabs.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        head = QHBoxLayout()
        head.addWidget(title, stretch=1)
        head.addWidget(action_button(actions[ActionKey.OPEN_RESULT], self))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(self.tabs, stretch=1)

    def show_comparison(self, state: ComparisonState) -> None:
        """Show results."""
        self.compared.show_state(state)

    def show_study(self, state: StudyState) -> None:
        """Show a study, on its tab."""
        self.study.show_state(state)
        self.tabs.setCurrentWidget(self.study)

    def exported_widget(self) -> QWidget:
        """Return the plot of the tab that is shown."""
        return self.study.plot if self.tabs.currentWidget() is self.study else self.compared.plot
