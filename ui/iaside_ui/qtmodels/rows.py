"""A table of frozen rows, described by its columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QIcon, QPixmap

from iaside_ui.pixels import image_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

Row = TypeVar("Row")

ROW_ROLE: Final = Qt.ItemDataRole.UserRole
"""The row itself, for whoever needs more than its text."""
VALUE_ROLE: Final = Qt.ItemDataRole.UserRole + 1
"""What a cell's text stands for, as a number or text that can be sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """One column: its heading, and the text of a row in it.

    Parameters
    ----------
    heading : str
        Translated.
    text : callable
        Row to text.
    tip : callable or None
        Row to the text that hovering shows, empty for none; the text itself where None.
    side : Qt.AlignmentFlag
        Where its texts stand: numbers right, intervals in the middle, groups above.
    value : callable or None
        Row to what sorts and measures the cell; its text where None.
    picture : callable or None
        Row to (H, W, 3) uint8 pixels shown before the text; None for no picture.
    icon : callable or None
        Row to a sign shown before the text; None for none.
    meaning : str
        What hovering over the heading shows; empty where the heading says it.
    """

    heading: str
    text: Callable[[Row], str]
    tip: Callable[[Row], str] | None = None
    side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    value: Callable[[Row], float | str] | None = None
    picture: Callable[[Row], NDArray[np.uint8] | None] | None = None
    icon: Callable[[Row], QIcon] | None = None
    meaning: str = ""


class RowModel(QAbstractTableModel, Generic[Row]):
    """A read-only table of rows that are replaced as a whole.

    Parameters
    ----------
    columns : sequence of Column
        From left to right.
    parent : QObject or None
        Its owner.
    """

    def __init__(self, columns: Sequence[Column[Row]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._all: tuple[Row, ...] = ()
        self._words: tuple[str, ...] = ()
        self._filter = ""
        self._order: tuple[int, Qt.SortOrder] | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows, as they were given."""
        return self._rows

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of the columns."""
        return tuple(column.heading for column in self._columns)

    def texts(self) -> list[list[str]]:
        """Return the text of every cell, row by row."""
        return [[column.text(row) for column in self._columns] for row in self._rows]

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Replace every row; filter and order stay as they are."""
        self._all = tuple(rows)
        self._words = ()
        self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only rows that hold all the words of `text`, in any column."""
        if text != self._filter:
            self._filter = text
            self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows by a column; a column of -1 gives the order in which they came."""
        self._order = None if column < 0 else (column, order)
        self._arrange()

    def _arrange(self) -> None:
        """Bring filter and order to bear on all rows."""
        self.beginResetModel()
        rows = list(self._all)
        words = self._filter.casefold().split()
        if words:
            if not self._words:
                self._words = tuple(
                    " ".join(column.text(row) for column in self._columns).casefold()
                    for row in self._all
                )
            held = zip(self._all, self._words, strict=True)
            rows = [row for row, text in held if all(word in text for word in words)]
        if self._order is not None:
            place, order = self._order
            rows.sort(
                key=partial(_sort_key, self._columns[place], order),
                reverse=order == Qt.SortOrder.DescendingOrder,
            )
        self._rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's null index
        """Return the number of rows; none below a row, for this is no tree."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - the same
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return what one cell shows, or None.

        A view asks for half a dozen roles that nobody gave a thought to, of every cell it paints or
        measures: those are answered first.
        """
        read = READERS.get(role)
        if read is None or not index.isValid():
            return None
        return read(self._rows[index.row()], self._columns[index.column()])

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return the heading of a column, or what it means."""
        is_column = orientation == Qt.Orientation.Horizontal and section < len(self._columns)
        if is_column and role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section].heading
        if is_column and role == Qt.ItemDataRole.TextAlignmentRole:
            return self._columns[section].side
        if is_column and role == Qt.ItemDataRole.ToolTipRole:
            return self._columns[section].meaning
        return None


def plain_tip(text: str) -> str:
    """Return a tip that is shown as it is written: names of files and classes may look like HTML.

    Examples
    --------
    >>> plain_tip("cat"), plain_tip("<b>cat</b>")
    ('cat', '<span>&lt;b&gt;cat&lt;/b&gt;</span>')
    """
    return f"<span>{escape(text)}</span>" if "<" in text else text


def _sort_key(column: Column[Row], order: Qt.SortOrder, row: Row) -> tuple[bool, float | str]:
    """Return what orders a row by a column; a number that is not defined comes last either way."""
    value = _value(row, column)
    is_undefined = isinstance(value, float) and math.isnan(value)
    is_descending = order == Qt.SortOrder.DescendingOrder
    return (is_undefined != is_descending, 0.0 if is_undefined else value)


def _text(row: Row, column: Column[Row]) -> str:
    return column.text(row)


def _tip(row: Row, column: Column[Row]) -> str:
    return plain_tip(column.text(row) if column.tip is None else column.tip(row))


def _side(_: Row, column: Column[Row]) -> Qt.AlignmentFlag:
    return column.side


def _decoration(row: Row, column: Column[Row]) -> QIcon | None:
    """Return what stands before the text of a cell."""
    if column.icon is not None:
        return column.icon(row)
    pixels = None if column.picture is None else column.picture(row)
    return None if pixels is None else QIcon(QPixmap.fromImage(image_of(pixels)))


def _value(row: Row, column: Column[Row]) -> float | str:
    return column.text(row) if column.value is None else column.value(row)


def _row(row: Row, _: Column[Row]) -> Row:
    return row


READERS: Final[Mapping[int, Callable[[Any, Column[Any]], object]]] = {  # Any: rows of any table
    Qt.ItemDataRole.DisplayRole: _text,
    Qt.ItemDataRole.ToolTipRole: _tip,
    Qt.ItemDataRole.TextAlignmentRole: _side,
    Qt.ItemDataRole.DecorationRole: _decoration,
    VALUE_ROLE: _value,
    ROW_ROLE: _row,
}
"""What a cell answers to each role."""
