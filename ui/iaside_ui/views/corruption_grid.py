"""Corruptions by severity: a grid of numbers and colours, and what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Signal, Slot
from PySide6.QtGui import QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
)

from iaside_audit.report import format_percent
from iaside_ui.qtmodels.corruptions import CONDITION_ROLE, CorruptionGridModel, quantity_name
from iaside_ui.state.robustness import GridQuantity
from iaside_ui.views.exportable import Exportable
from iaside_ui.views.image_view import ColourBar
from iaside_ui.views.tables import make_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

    from iaside_ui.state.robustness import RobustnessState

ROW_LINES: Final = 1.35
MAX_ROW_LINES: Final = 3
FRAME_WIDTH: Final = 3.0


class CellDelegate(QStyledItemDelegate):
    """Keeps the colour of a chosen cell, and frames it instead."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint the cell, then its frame where it is chosen."""
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        option.state &= ~(QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus)
        if is_chosen:  # the table has filled it with the colour of selections already
            painter.fillRect(option.rect, option.palette.base())
        super().paint(painter, option, index)
        if not is_chosen:
            return
        painter.save()
        inside = FRAME_WIDTH / 2
        rect = option.rect.toRectF().adjusted(inside, inside, -inside, -inside)
        for role, width in (
            (QPalette.ColorRole.Base, FRAME_WIDTH),
            (QPalette.ColorRole.Text, FRAME_WIDTH / 2),
        ):
            painter.setPen(QPen(option.palette.color(role), width))
            painter.drawRect(rect)
        painter.restore()


class CorruptionGridView(Exportable):
    """The grid, what its cells show, the scale of its colours, and the errors in a sentence."""

    conditionChosen = Signal(object)  # (corruption, severity)
    quantityChosen = Signal(object)  # a GridQuantity

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Corruptions by severity"))
        self._is_showing = False
        self._source: tuple[object, ...] = ()
        self.quantity = QComboBox(self)
        self.quantity.setAccessibleName(self.tr("What the cells show"))
        for one in GridQuantity:
            self.quantity.addItem(quantity_name(one), one)
        self.model = CorruptionGridModel(self)
        self.table = make_table(self.model, self.accessibleName(), self)
        self._scale = ColourBar(self.tr("top-1 error"), self)
        self._summary = QLabel(self)
        self._summary.setWordWrap(True)
        self._arrange()
        self.table.selectionModel().currentChanged.connect(self._choose_cell)
        self.quantity.activated.connect(self._choose_quantity)

    @property
    def summary(self) -> str:
        """The errors together, in words."""
        return self._summary.text()

    def numbers(self) -> list[Sequence[object]]:
        """Return every cell with its interval, then the means, whose severity is empty."""
        grid = self.model.grid
        rows: list[Sequence[object]] = [
            ("corruption", "severity", "quantity", "value", "low", "high")
        ]
        cells = [(*condition, one) for condition, one in grid.cells.items()]
        means = [(name, "", one) for name, one in grid.means.items()]
        rows += [
            (name, severity, grid.quantity.name.lower(), one.value, *one.interval)
            for name, severity, one in (*cells, *means)
        ]
        return rows

    def show_state(self, state: RobustnessState) -> None:
        """Show one snapshot."""
        self._is_showing = True
        self._show_grid(state)
        self._summary.setText(self._summary_of(state))
        self._is_showing = False

    def _show_grid(self, state: RobustnessState) -> None:
        source = (state.live, state.corruption, state.quantity, state.predictions)
        if source != self._source:  # findings are compared by identity
            self._source = source
            grid = state.grid()
            self.model.show_grid(grid)
            self._limit_rows()
            self.quantity.setCurrentIndex(self.quantity.findData(grid.quantity))
            self.quantity.setEnabled(state.live is None)
            self._scale.setVisible(grid.quantity != GridQuantity.DIFFERENCE)
            self._scale.show_name(quantity_name(grid.quantity))
            reach = "100" if grid.quantity == GridQuantity.ERROR else f"{grid.reach:.2f}"
            self._scale.show_ends("0", reach)
        if state.condition is not None:
            cell = self.model.place_of(*state.condition)
            if cell.isValid() and cell != self.table.currentIndex():
                self.table.setCurrentIndex(cell)

    def _limit_rows(self) -> None:
        """Let a few rows not grow out of all proportion."""
        rows = self.model.rowCount() * MAX_ROW_LINES * self.fontMetrics().lineSpacing()
        head = self.table.horizontalHeader().sizeHint().height() + 2 * self.table.frameWidth()
        self.table.setMaximumHeight(max(rows + head, self.table.minimumSizeHint().height()))

    def _summary_of(self, state: RobustnessState) -> str:
        if state.live is not None:
            return self.tr("So far: {n} images.").format(n=state.live.n_images)
        finding = state.corruption
        if finding is None:
            return ""
        errors = finding.errors
        said = []
        if errors.clean_error is not None:
            said.append(
                self.tr("Top-1 error on clean images {error}").format(
                    error=_with_interval(errors.clean_error.value, errors.clean_error.interval)
                )
            )
        mean = errors.means.get("mean_error")
        if mean is not None:
            said.append(
                self.tr("mean over corruptions {error} (mCE, unnormalised)").format(
                    error=_with_interval(mean.value, mean.interval)
                )
            )
        alexnet = errors.means.get("mce_alexnet")
        if alexnet is not None:
            said.append(
                self.tr("mCE by AlexNet's published errors {error}").format(
                    error=_with_interval(alexnet.value, alexnet.interval)
                )
            )
        sentence = "; ".join(said) + self.tr("; {n} images.").format(n=errors.n_images)
        if finding.origin.labels_are_own:
            sentence += self.tr(" Labels are the model's own: an error is a changed answer.")
        return sentence + (self.tr(" Stopped before the end.") if finding.is_partial else "")

    def _arrange(self) -> None:
        table = self.table
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setAlternatingRowColors(False)
        table.setItemDelegate(CellDelegate(table))
        down, across = table.verticalHeader(), table.horizontalHeader()
        down.show()
        down.setDefaultSectionSize(round(ROW_LINES * self.fontMetrics().lineSpacing()))
        down.setMinimumSectionSize(self.fontMetrics().lineSpacing())
        down.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        across.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        across.setMinimumSectionSize(4 * self.fontMetrics().averageCharWidth())
        head = QHBoxLayout()
        label = QLabel(self.tr("&Cells, by severity"), self)
        label.setBuddy(self.quantity)
        head.addWidget(label)
        head.addWidget(self.quantity, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, layout.spacing(), 0)
        layout.addLayout(head)
        layout.addWidget(table, stretch=1)
        layout.addWidget(self._scale)
        layout.addWidget(self._summary)
        layout.addStretch(0)

    @Slot(QModelIndex, QModelIndex)
    def _choose_cell(self, current: QModelIndex, _: QModelIndex) -> None:
        condition = current.data(CONDITION_ROLE) if current.isValid() else None
        if not self._is_showing and condition is not None:
            self.conditionChosen.emit(tuple(condition))

    @Slot()
    def _choose_quantity(self) -> None:
        self.quantityChosen.emit(self.quantity.currentData())


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    low, high = (format_percent(one) for one in interval)
    return f"{format_percent(value)} [{low}, {high}]"
