"""Item models of single images, classes and pairs of bands."""

from __future__ import annotations

import math
from operator import attrgetter
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
from iaside_ui.qtmodels.rows import Column, RowModel
from iaside_ui.state.breakdown import ClassRow, ImageRow, InteractionTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QIcon

RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTRE: Final = Qt.AlignmentFlag.AlignCenter
STRONGEST_OPACITY: Final = 200
"""Of 255, behind the largest interaction; text stays readable on it."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("breakdowns", text)


class ImageModel(RowModel[ImageRow]):
    """The images of a result, with thumbnails that are made when they are first looked at."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(
            (
                Column(heading=_tr("Image"), text=attrgetter("path"), tip=attrgetter("location")),
                Column(heading=_tr("Label"), text=attrgetter("label")),
                Column(heading=_tr("Prediction"), text=attrgetter("prediction")),
                Column(heading=_tr("Right"), text=_rightness),
                Column(heading=_tr("v(all)"), text=_grand, side=RIGHT, value=attrgetter("grand")),
                Column(heading=_tr("v(empty)"), text=_empty, side=RIGHT, value=attrgetter("empty")),
                Column(
                    heading=_tr("Strongest band"),
                    text=_strongest,
                    side=RIGHT,
                    value=attrgetter("strongest"),
                ),
            ),
            parent,
        )
        self._thumbnail: Callable[[str], QIcon | None] = _no_thumbnail

    def set_thumbnails(self, thumbnail: Callable[[str], QIcon | None]) -> None:
        """Take small pictures from `thumbnail`."""
        self._thumbnail = thumbnail

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return what one cell shows; the thumbnail only when a view asks for it."""
        is_picture = role == Qt.ItemDataRole.DecorationRole and index.column() == 0
        if index.isValid() and is_picture:
            return self._thumbnail(self.rows[index.row()].location)
        return super().data(index, role)

    def show_thumbnail(self, location: str) -> None:
        """Say that the thumbnail of an image is there now."""
        for place, row in enumerate(self.rows):
            if row.location == location:
                index = self.index(place, 0)
                self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])


def _no_thumbnail(_: str) -> QIcon | None:
    return None


def _rightness(row: ImageRow) -> str:
    if row.is_right is None:
        return ""
    return _tr("right") if row.is_right else _tr("wrong")


def _grand(row: ImageRow) -> str:
    return format_number(row.grand, 2)


def _empty(row: ImageRow) -> str:
    return format_number(row.empty, 2)


def _strongest(row: ImageRow) -> str:
    return f"{row.strongest} ({row.shapley[row.strongest]:+.2f})"


def class_model(parent: QObject | None = None) -> RowModel[ClassRow]:
    """Return the table of classes."""
    return RowModel[ClassRow](
        (
            Column(heading=_tr("Class"), text=attrgetter("name")),
            Column(heading=_tr("Images"), text=_n_images, side=RIGHT, value=attrgetter("n_images")),
            Column(heading=_tr("Top-1"), text=_top1, side=RIGHT, value=attrgetter("top1")),
            Column(heading=_tr("Strongest band"), text=_class_strongest, side=RIGHT, value=_peak),
        ),
        parent,
    )


def _n_images(row: ClassRow) -> str:
    return str(row.n_images)


def _top1(row: ClassRow) -> str:
    return "" if math.isnan(row.top1) else format_percent(row.top1, 0)


def _peak(row: ClassRow) -> float:
    return max(range(len(row.shapley)), key=row.shapley.__getitem__)


def _class_strongest(row: ClassRow) -> str:
    band = int(_peak(row))
    return f"{band} ({row.shapley[band]:+.2f})"


class InteractionModel(QAbstractTableModel):
    """Pairs of bands as a square of numbers; blue and plus together, vermilion and minus apart."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table = InteractionTable()

    def show_table(self, table: InteractionTable) -> None:
        """Show other numbers."""
        self.beginResetModel()
        self._table = table
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's null index
        """Return the number of bands."""
        return 0 if parent.isValid() else len(self._table.values)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - the same
        """Return the number of bands."""
        return 0 if parent.isValid() else len(self._table.values)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return what one pair shows; nothing on the diagonal."""
        if not index.isValid() or index.row() == index.column():
            return None
        first, second = index.row(), index.column()
        value = self._table.values[first][second]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return f"{value:+.2f}".replace("-0.00", "0.00").replace("+0.00", "0.00")
            case Qt.ItemDataRole.TextAlignmentRole:
                return CENTRE
            case Qt.ItemDataRole.BackgroundRole:
                return QBrush(self._colour(value))
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(first, second, value)
            case _:
                return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,  # noqa: ARG002 - both alike
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return the number of a band."""
        return str(section) if role == Qt.ItemDataRole.DisplayRole else None

    def _colour(self, value: float) -> QColor:
        reach = max((abs(one) for row in self._table.values for one in row), default=0.0)
        colour = QColor(BAR_COLOUR if value >= 0 else AGAINST_COLOUR)
        colour.setAlpha(round(STRONGEST_OPACITY * abs(value) / reach) if reach else 0)
        return colour

    def _tip(self, first: int, second: int, value: float) -> str:
        what = (
            _tr("worth more together than apart")
            if value >= 0
            else _tr("one stands in for the other")
        )
        error = self._table.standard_errors[first][second]
        return _tr(
            "Bands {first} and {second}: {value:+.3f}, standard error {error}; {what}"
        ).format(first=first, second=second, value=value, error=format_number(error), what=what)
