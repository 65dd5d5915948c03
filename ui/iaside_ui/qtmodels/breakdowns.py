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
from PySide6.QtGui import QBrush, QColor, QFont

from iaside_audit.report import format_interval, format_number
from iaside_audit.report.summary import NOT_DEFINED, decimals_for
from iaside_ui.appearance import AGAINST_COLOUR, BAR_COLOUR
from iaside_ui.qtmodels.rows import Column, RowModel
from iaside_ui.state.breakdown import GroupRow, ImageRow, InteractionTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QIcon

    from iaside_audit.types import Interval

RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTRE: Final = Qt.AlignmentFlag.AlignCenter
MAX_WITH_INTERVALS: Final = 10
"""Bands; of more, an interval is wider than its cell."""
STRONGEST_OPACITY: Final = 200
"""Of 255, behind the largest interaction; text stays readable on it."""
SHOWN_ROLES: Final = frozenset(
    {
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.FontRole,
        Qt.ItemDataRole.TextAlignmentRole,
        Qt.ItemDataRole.BackgroundRole,
        Qt.ItemDataRole.ToolTipRole,
    }
)
"""Of a pair of bands; a view asks for others too, of every cell."""


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
                Column(
                    heading=_tr("v(all)"),
                    text=_grand,
                    side=RIGHT,
                    value=attrgetter("grand"),
                    meaning=_tr("Value of the image with all its bands."),
                ),
                Column(
                    heading=_tr("v(empty)"),
                    text=_empty,
                    side=RIGHT,
                    value=attrgetter("empty"),
                    meaning=_tr("Value of the baseline alone, with no band of the image."),
                ),
                Column(
                    heading=_tr("Strongest band"),
                    text=_strongest,
                    side=RIGHT,
                    value=attrgetter("strongest"),
                    meaning=_strongest_meaning(),
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


def _strongest_meaning() -> str:
    return _tr("The band of the largest Shapley value, and that value.")


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


def group_model(parent: QObject | None = None) -> RowModel[GroupRow]:
    """Return the table of groups of images and of classes, every number with its interval."""
    return RowModel[GroupRow](
        (
            Column(heading=_tr("Images of"), text=attrgetter("name"), tip=_group_tip),
            Column(heading=_tr("Images"), text=_n_images, side=RIGHT, value=attrgetter("n_images")),
            Column(heading=_tr("Top-1 (%)"), text=_top1, side=RIGHT, value=attrgetter("top1")),
            Column(heading=_tr("Interval"), text=_top1_interval, side=CENTRE),
            Column(
                heading=_tr("Signed score"), text=_signed, side=RIGHT, value=attrgetter("signed")
            ),
            Column(heading=_tr("Interval"), text=_signed_interval, side=CENTRE),
            Column(
                heading=_tr("Strongest"),
                text=_group_strongest,
                side=RIGHT,
                value=attrgetter("strongest"),
                meaning=_strongest_meaning(),
            ),
        ),
        parent,
    )


def _group_tip(row: GroupRow) -> str:
    if row.is_class and not row.interval:
        return _tr("{name}: too few images for an interval.").format(name=row.name)
    return row.name


def _n_images(row: GroupRow) -> str:
    return str(row.n_images)


def _top1(row: GroupRow) -> str:
    return "" if math.isnan(row.top1) else format_number(100 * row.top1, 0)


def _top1_interval(row: GroupRow) -> str:
    low, high = row.top1_interval
    return _interval((100 * low, 100 * high), 0)


def _signed(row: GroupRow) -> str:
    return "" if math.isnan(row.signed) else format_number(row.signed, _decimals(row))


def _signed_interval(row: GroupRow) -> str:
    return _interval(row.signed_interval, _decimals(row))


def _decimals(row: GroupRow) -> int:
    return decimals_for(row.signed_interval)


def _interval(interval: Interval, decimals: int) -> str:
    """Return an interval, or nothing where there is none."""
    text = format_interval(interval, decimals)
    return "" if text == NOT_DEFINED else text


def _group_strongest(row: GroupRow) -> str:
    return f"{row.strongest} ({row.shapley[row.strongest]:+.2f})"


class InteractionModel(QAbstractTableModel):
    """Pairs of bands as a square of numbers; blue and plus together, vermilion and minus apart.

    The interval stands below its number, as long as there is room for so many columns; a number
    whose interval leaves 0 out is bold.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table = InteractionTable()
        self._reach = 0.0
        self._plain, self._bold = QFont(), QFont()
        self._bold.setBold(True)

    def show_table(self, table: InteractionTable) -> None:
        """Show other numbers."""
        self.beginResetModel()
        self._table = table
        self._reach = max((abs(one) for row in table.values for one in row), default=0.0)
        self.endResetModel()

    def numbers(self) -> list[Sequence[object]]:
        """Return every pair with its value and interval, the headings first."""
        rows: list[Sequence[object]] = [("first", "second", "interaction", "low", "high")]
        table = self._table
        rows += [
            (first, second, table.values[first][second], *table.intervals[first][second])
            for first in range(len(table.values))
            for second in range(first + 1, len(table.values))
        ]
        return rows

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
        if role not in SHOWN_ROLES or not index.isValid():
            return None
        first, second = index.row(), index.column()
        if first == second:
            return None
        value = self._table.values[first][second]
        interval = self._table.intervals[first][second]
        answer: object = None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                answer = self._text(value, interval)
            case Qt.ItemDataRole.FontRole:
                answer = self._bold if interval[0] > 0 or interval[1] < 0 else self._plain
            case Qt.ItemDataRole.TextAlignmentRole:
                answer = CENTRE
            case Qt.ItemDataRole.BackgroundRole:
                answer = QBrush(self._colour(value))
            case Qt.ItemDataRole.ToolTipRole:
                answer = self._tip(first, second, value)
        return answer

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,  # noqa: ARG002 - both alike
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return the number of a band."""
        return str(section) if role == Qt.ItemDataRole.DisplayRole else None

    def _text(self, value: float, interval: Interval) -> str:
        text = f"{value:+.2f}".replace("-0.00", "0.00").replace("+0.00", "0.00")
        if len(self._table.values) > MAX_WITH_INTERVALS:
            return text
        ends = _interval(interval, 2)
        return f"{text}\n{ends}" if ends else text

    def _colour(self, value: float) -> QColor:
        colour = QColor(BAR_COLOUR if value >= 0 else AGAINST_COLOUR)
        share = abs(value) / self._reach if self._reach else 0.0
        colour.setAlpha(round(STRONGEST_OPACITY * share))
        return colour

    def _tip(self, first: int, second: int, value: float) -> str:
        what = (
            _tr("worth more together than apart")
            if value >= 0
            else _tr("one stands in for the other")
        )
        interval = format_interval(self._table.intervals[first][second], 3)
        return _tr("Bands {first} and {second}: {value:+.3f}, interval {interval}; {what}").format(
            first=first, second=second, value=value, interval=interval, what=what
        )
