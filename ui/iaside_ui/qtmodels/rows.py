"""A table of frozen rows, described by its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = TypeVar("Row")

ROW_ROLE: Final = Qt.ItemDataRole.UserRole
"""The row itself, for whoever needs more than its text."""


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
    """

    heading: str
    text: Callable[[Row], str]
    tip: Callable[[Row], str] | None = None
    side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


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

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Replace every row."""
        self.beginResetModel()
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
        """Return what one cell shows, or None."""
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], self._columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.text(row)
            case Qt.ItemDataRole.ToolTipRole:
                return column.text(row) if column.tip is None else column.tip(row)
            case Qt.ItemDataRole.TextAlignmentRole:
                return column.side
            case _:
                return row if role == ROW_ROLE else None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return the heading of a column."""
        is_column = orientation == Qt.Orientation.Horizontal and section < len(self._columns)
        if is_column and role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section].heading
        if is_column and role == Qt.ItemDataRole.TextAlignmentRole:
            return self._columns[section].side
        return None
