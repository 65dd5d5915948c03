"""Read-only tables and lists, and what copying from them gives."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QTextLayout, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from iaside_ui.appearance import BAR_COLOUR, characters_wide
from iaside_ui.qtmodels import VALUE_ROLE, InteractionModel, RowModel
from iaside_ui.views.turns import paint_in_turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QAbstractItemModel
    from PySide6.QtGui import QResizeEvent, QShowEvent

ROOM_CHARACTERS: Final = 2
MIN_LINES: Final = 7
MEASURED_ROWS: Final = 40
NAME_CHARACTERS: Final = 26
"""So much of a name is seen in any case, and more as the numbers beside it leave room; its tooltip
holds it whole."""
SHARE_OPACITY: Final = 110


class Table(QTableView):
    """A table in which long names push nothing that stands beside them out of view."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._wishes: dict[int, int] = {}
        self._others = 0

    def cap_names(self, *columns: int) -> None:
        """Let some columns, all being as wide as their texts, be no wider than there is room for.

        The last column is none of them: it takes what is left.
        """
        last = self.model().columnCount() - 1
        widths = [self.columnWidth(column) for column in range(last)]
        self._wishes = {column: widths[column] for column in columns}
        self._others = sum(widths) - sum(self._wishes.values())
        self._others += max(
            self.sizeHintForColumn(last), self.horizontalHeader().sectionSizeHint(last)
        )
        self._share_room()

    def showEvent(self, event: QShowEvent) -> None:
        """Be painted after what is around it."""
        super().showEvent(event)
        paint_in_turn(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show more of long names, or less."""
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """Give names what all else leaves of the width, the first before the next."""
        least = characters_wide(self, NAME_CHARACTERS)
        widths = {column: min(wish, least) for column, wish in self._wishes.items()}
        room = max(0, self.viewport().width() - self._others - sum(widths.values()))
        for column, width in widths.items():
            more = min(room, self._wishes[column] - width)
            room -= more
            self.setColumnWidth(column, width + more)


def make_table(model: QAbstractItemModel, name: str, parent: QWidget) -> Table:
    """Return a table that shows `model`; Tab leaves it, the arrow keys move inside.

    Parameters
    ----------
    model : QAbstractItemModel
        What it shows.
    name : str
        For screen readers.
    parent : QWidget
        Its owner.
    """
    table = Table(parent)
    table.setModel(model)
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    table.verticalHeader().hide()
    table.horizontalHeader().setHighlightSections(False)
    return table


def make_list(model: QAbstractItemModel, name: str, parent: QWidget) -> QListView:
    """Return a list that shows `model`, long lines wrapped; parameters as above."""
    view = QListView(parent)
    view.setModel(model)
    view.setAccessibleName(name)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setWordWrap(True)
    view.setTextElideMode(Qt.TextElideMode.ElideNone)
    view.setResizeMode(QListView.ResizeMode.Adjust)
    side = view.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
    view.setIconSize(QSize(side, side))
    return view


def make_heading(text: str, buddy: QWidget, parent: QWidget) -> QLabel:
    """Return a heading in bold; its mnemonic moves the keyboard to `buddy`."""
    label = QLabel(text, parent)
    label.setBuddy(buddy)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def fit_columns(table: QTableView) -> None:
    """Make the columns of a table as wide as their texts, with room between them.

    Of a long table, only the first rows are measured, and all rows are as high as the first: to
    measure a thousand would take longer than a frame.
    """
    if table.model().rowCount():
        table.verticalHeader().setDefaultSectionSize(table.sizeHintForRow(0))
    table.horizontalHeader().setResizeContentsPrecision(MEASURED_ROWS)
    table.resizeColumnsToContents()
    room = characters_wide(table, ROOM_CHARACTERS)
    last = table.model().columnCount() - 1
    for column in range(last):
        table.setColumnWidth(column, table.columnWidth(column) + room)
    table.horizontalHeader().setSectionResizeMode(last, QHeaderView.ResizeMode.Stretch)


def keep_columns_in_view(table: QTableView) -> None:
    """Make a table, once its columns fit, no narrower than they are."""
    last = table.model().columnCount() - 1
    width = max(table.sizeHintForColumn(last), table.horizontalHeader().sectionSizeHint(last))
    width += sum(table.columnWidth(column) for column in range(last)) + 2 * table.frameWidth()
    width += table.verticalScrollBar().sizeHint().width()
    table.setMinimumWidth(width)


def fit_to_rows(table: QTableView) -> None:
    """Make a table no higher than its rows, and no narrower than its columns."""
    fit_columns(table)
    keep_columns_in_view(table)
    height = table.horizontalHeader().sizeHint().height() + 2 * table.frameWidth()
    height += sum(table.rowHeight(row) for row in range(table.model().rowCount()))
    table.setMaximumHeight(height)
    table.setMinimumHeight(min(height, MIN_LINES * table.fontMetrics().lineSpacing()))


def span_groups(table: QTableView, groups: Sequence[str]) -> None:
    """Let each run of equal texts in the first column, one for each row, be one cell."""
    table.clearSpans()
    start = 0
    for _, run in groupby(groups):
        length = len(list(run))
        if length > 1:
            table.setSpan(start, 0, length, 1)
        start += length


def choose_again(table: QTableView, model: RowModel[Any], row: object) -> bool:
    """Choose a row after sorting or filtering, the first where it is gone; False without rows."""
    if not model.rows:
        return False
    places = (place for place, one in enumerate(model.rows) if one is row)
    table.selectRow(next(places, 0))
    return True


def selected_text(view: QAbstractItemView) -> str:
    """Return the selected rows, a line each, cells divided by tabs."""
    selection = sorted(view.selectionModel().selectedIndexes(), key=lambda one: one.row())
    lines: dict[int, dict[int, str]] = {}
    for index in selection:
        lines.setdefault(index.row(), {})[index.column()] = " ".join(str(index.data()).split("\n"))
    return "\n".join("\t".join(text for _, text in sorted(line.items())) for line in lines.values())


def table_rows(table: QTableView) -> list[Sequence[object]]:
    """Return every cell of a table as text, the headings first; of a square, its numbers."""
    model = table.model()
    if isinstance(model, InteractionModel):
        return model.numbers()
    columns, horizontal = range(model.columnCount()), Qt.Orientation.Horizontal
    rows: list[Sequence[object]] = [[str(model.headerData(one, horizontal)) for one in columns]]
    rows += [
        [str(model.index(row, column).data() or "") for column in columns]
        for row in range(model.rowCount())
    ]
    return rows


class ShareDelegate(QStyledItemDelegate):
    """Paints a bar behind a share, as long as the share is large."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint the bar, then the text over it."""
        share = index.data(VALUE_ROLE)
        if isinstance(share, float):
            rect = QRectF(option.rect)
            colour = QColor(BAR_COLOUR)
            colour.setAlpha(SHARE_OPACITY)
            rect.setWidth(rect.width() * min(max(share, 0.0), 1.0))
            painter.fillRect(rect.adjusted(0, 2, 0, -2), colour)
        super().paint(painter, option, index)


class WrappingDelegate(QStyledItemDelegate):
    """Shows all of a text, wrapped within words where need be: a hash or a path has no spaces."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint the cell without its text, then the lines."""
        self.initStyleOption(option, index)
        lines = self._laid_out(option, option.rect.width())
        option.text = ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if is_selected else QPalette.ColorRole.Text
        painter.setPen(option.palette.color(role))
        top = (option.rect.height() - lines.boundingRect().height()) / 2
        side, _ = self._margins(option)
        lines.draw(painter, QPointF(option.rect.topLeft()) + QPointF(side, top))

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return the height of all lines in the column's width as it is."""
        self.initStyleOption(option, index)
        view = option.widget
        width = view.columnWidth(index.column()) if isinstance(view, QTableView) else 0
        lines = self._laid_out(option, width)
        _, margin = self._margins(option)
        return QSize(width, round(lines.boundingRect().height() + 2 * margin))

    @staticmethod
    def _margins(option: QStyleOptionViewItem) -> tuple[int, int]:
        """Return the room left and right of a text, and that above and below, as Qt leaves it."""
        style = option.widget.style()
        metric = QStyle.PixelMetric.PM_FocusFrameHMargin
        side = style.pixelMetric(metric, option, option.widget) + 1
        return side, side

    def _laid_out(self, option: QStyleOptionViewItem, width: int) -> QTextLayout:
        room = width - 2 * self._margins(option)[0]
        layout = QTextLayout(option.text, option.font)
        wrapping = QTextOption()
        wrapping.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(wrapping)
        layout.beginLayout()
        height = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(max(room, 1))
            line.setPosition(QPointF(0, height))
            height += line.height()
        layout.endLayout()
        return layout
