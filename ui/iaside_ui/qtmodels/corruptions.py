"""The grid of corruptions by severity as an item model: a number and its colour in every cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtGui import QBrush, QColor

from iaside_audit.report import format_number, format_percent
from iaside_ui.appearance import AGAINST_COLOUR, BAR_COLOUR
from iaside_ui.pixels import colour_table
from iaside_ui.state.robustness import CorruptionGrid, GridQuantity

if TYPE_CHECKING:
    from iaside_audit.robustness.errors_by_corruption import Measure

CENTRE: Final = Qt.AlignmentFlag.AlignCenter
STRONGEST_OPACITY: Final = 200
"""Of 255, behind the largest difference; text stays readable on it."""
BRIGHT: Final = 0.18
"""Relative luminance from which black on a colour stands out more than white."""
CONDITION_ROLE: Final = Qt.ItemDataRole.UserRole
"""Corruption and severity of a cell, or None for a mean."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("corruptions", text)


class CorruptionGridModel(QAbstractTableModel):
    """Corruptions downwards, severities to the right, their mean last where there is one."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._grid = CorruptionGrid()

    @property
    def grid(self) -> CorruptionGrid:
        """What is shown."""
        return self._grid

    def show_grid(self, grid: CorruptionGrid) -> None:
        """Show other numbers; a view keeps its place where the conditions are the same."""
        old, same = self._grid, _shape(grid) == _shape(self._grid)
        if same and old.names:
            self._grid = grid
            last = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._grid = grid
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's null index
        """Return the number of corruptions."""
        return 0 if parent.isValid() else len(self._grid.names)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - the same
        """Return the number of severities, and one for the mean."""
        grid = self._grid
        return 0 if parent.isValid() else len(grid.severities) + bool(grid.means)

    def place_of(self, name: str, severity: int) -> QModelIndex:
        """Return the cell of a condition; an invalid one where it is not shown."""
        grid = self._grid
        if name not in grid.names or severity not in grid.severities:
            return QModelIndex()
        return self.index(grid.names.index(name), grid.severities.index(severity))

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return what one cell shows, or None."""
        if not index.isValid():
            return None
        name = self._grid.names[index.row()]
        is_mean = index.column() == len(self._grid.severities)
        severity = None if is_mean else self._grid.severities[index.column()]
        if role == CONDITION_ROLE:
            return None if severity is None else (name, severity)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return CENTRE
        if severity is None:
            measure = self._grid.means.get(name)
        else:
            measure = self._grid.cells.get((name, severity))
        return None if measure is None else self._shown(name, severity, measure, role)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return a corruption's name, or a severity."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        grid = self._grid
        if orientation == Qt.Orientation.Vertical:
            return condition_name(grid.names[section]) if section < len(grid.names) else None
        if section < len(grid.severities):
            return str(grid.severities[section])
        return _tr("mean")

    def _shown(self, name: str, severity: int | None, measure: Measure, role: int) -> object:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(measure.value)
            case Qt.ItemDataRole.BackgroundRole:
                return None if severity is None else QBrush(self._colour(measure.value))
            case Qt.ItemDataRole.ForegroundRole:
                is_map = severity is not None and self._grid.quantity != GridQuantity.DIFFERENCE
                return QBrush(ink_on(self._colour(measure.value))) if is_map else None
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                return self._sentence(name, severity, measure)
            case _:
                return None

    def _text(self, value: float) -> str:
        match self._grid.quantity:
            case GridQuantity.ERROR:
                return f"{100 * value:.0f}"
            case GridQuantity.DIFFERENCE:
                return f"{value:+.2f}"
            case _:
                return f"{value:.2f}"

    def _colour(self, value: float) -> QColor:
        reach = self._grid.reach
        share = min(max(value / reach, -1.0), 1.0) if reach and math.isfinite(value) else 0.0
        if self._grid.quantity == GridQuantity.DIFFERENCE:
            colour = QColor(BAR_COLOUR if value >= 0 else AGAINST_COLOUR)
            colour.setAlpha(round(STRONGEST_OPACITY * abs(share)))
            return colour
        red, green, blue = (int(one) for one in colour_table()[round(255 * max(share, 0.0))])
        colour = QColor()
        colour.setRgb(red, green, blue)
        return colour

    def _sentence(self, name: str, severity: int | None, measure: Measure) -> str:
        where = condition_name(name)
        if severity is None:
            where = _tr("{name}, mean over severities").format(name=where)
        else:
            where = condition_title(name, severity)
        is_error = self._grid.quantity == GridQuantity.ERROR
        low, high = measure.interval
        value, ends = (
            (format_percent(measure.value), [format_percent(one) for one in (low, high)])
            if is_error
            else (format_number(measure.value, 2), [format_number(one, 2) for one in (low, high)])
        )
        said = _tr("{where}: {what} {value}").format(
            where=where, what=quantity_name(self._grid.quantity), value=value
        )
        if math.isfinite(low) and math.isfinite(high):
            said += _tr(", interval {low} to {high}").format(low=ends[0], high=ends[1])
        return said


def condition_name(name: str) -> str:
    """Return a corruption's name as people read it."""
    return name.replace("_", " ")


def condition_title(name: str, severity: int) -> str:
    """Return name and severity as people read them."""
    return _tr("{name}, severity {severity}").format(name=condition_name(name), severity=severity)


def quantity_name(quantity: GridQuantity) -> str:
    """Return what the cells show, with its unit."""
    return {
        GridQuantity.ERROR: _tr("top-1 error (%)"),
        GridQuantity.LOSS: _tr("measured loss (nats)"),
        GridQuantity.PREDICTED: _tr("predicted loss (nats)"),
        GridQuantity.DIFFERENCE: _tr("predicted less measured loss (nats)"),
    }[quantity]


def ink_on(colour: QColor) -> QColor:
    """Return black or white, whichever can be read on a colour."""
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]  # noqa: PLR2004 - sRGB
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return QColor(Qt.GlobalColor.black if luminance > BRIGHT else Qt.GlobalColor.white)


def _shape(grid: CorruptionGrid) -> tuple[tuple[str, ...], tuple[int, ...], bool]:
    return grid.names, grid.severities, bool(grid.means)
