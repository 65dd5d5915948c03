"""Tabs of a result: pairs of bands, classes, single images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from iaside_audit.report import format_percent
from iaside_ui.qtmodels import ROW_ROLE, ImageModel, InteractionModel, class_model
from iaside_ui.state.breakdown import ClassRow, ImageRow
from iaside_ui.views.gap_panel import GapPanel
from iaside_ui.views.profile_plot import ProfilePlot
from iaside_ui.views.tables import fit_columns, make_heading, make_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QIcon

    from iaside_ui.state.breakdown import ImageTable, InteractionTable

ROW_LINES: Final = 2.2


class InteractionsPanel(GapPanel):
    """The square of pairs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = InteractionModel(self)
        self.table = make_table(
            self._model, self.tr("Interactions of pairs of bands"), self.content
        )
        self.table.setAlternatingRowColors(False)
        self.table.setShowGrid(True)
        self.table.verticalHeader().show()
        for header in (self.table.horizontalHeader(), self.table.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectItems)
        caption = QLabel(
            self.tr(
                "Shapley interaction index of every pair of bands, in the unit of the value. Plus "
                "(blue): worth more together than apart. Minus (vermilion): one stands in for the "
                "other. Hover for the standard error over the images."
            ),
            self.content,
        )
        caption.setWordWrap(True)
        layout = QVBoxLayout(self.content)
        layout.addWidget(caption)
        layout.addWidget(self.table)

    def show_table(self, table: InteractionTable) -> None:
        """Show another result's interactions."""
        self._model.show_table(table)
        self.show_gap(table.gap)


class ClassesPanel(GapPanel):
    """Classes left, the profile of the selected one right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = class_model(self)
        self.table = make_table(self._model, self.tr("Classes"), self.content)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.filter = _filter_field(self.tr("Filter classes"), self.content)
        self.plot = ProfilePlot(self.content)
        self._caption = QLabel(self.content)
        self._caption.setWordWrap(True)
        self._unit = ""
        left, right = QWidget(self.content), QWidget(self.content)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.filter)
        column.addWidget(self.table)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._caption)
        column.addWidget(self.plot, stretch=1)
        halves = QSplitter(Qt.Orientation.Horizontal, self.content)
        halves.setChildrenCollapsible(False)
        halves.addWidget(left)
        halves.addWidget(right)
        halves.setSizes([500, 500])  # shares of what there is
        layout = QVBoxLayout(self.content)
        layout.addWidget(halves)
        self.filter.textChanged.connect(self._model.set_filter)
        self.table.selectionModel().currentRowChanged.connect(self._show_class)

    def show_rows(self, rows: Sequence[ClassRow], *, unit: str, gap: str) -> None:
        """Show another result's classes."""
        self._unit = unit
        self._model.show_rows(rows)
        self.show_gap(gap)
        if rows:
            fit_columns(self.table)
            self.table.selectRow(0)

    @Slot(QModelIndex)
    def _show_class(self, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if not isinstance(row, ClassRow):
            return
        self.plot.show_profile(row.shapley, row.standard_error, unit=self._unit)
        top1 = format_percent(row.top1, 0) if row.top1 == row.top1 else self.tr("not measured")
        self._caption.setText(
            self.tr(
                "{name}: images {n}, top-1 {top1}. Whiskers: one standard error over its images."
            ).format(name=row.name, n=row.n_images, top1=top1)
        )


class ImagesPanel(GapPanel):
    """Every image as a line; the bands of the selected one beside it."""

    imageChosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ImageModel(self)
        self.table = make_table(self.model, self.tr("Images"), self.content)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        height = round(ROW_LINES * self.fontMetrics().lineSpacing())
        self.table.setIconSize(QSize(round(1.5 * height), height))
        header = self.table.verticalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # 10,000 rows are not measured
        header.setDefaultSectionSize(height + 2)
        self.filter = _filter_field(self.tr("Filter images"), self.content)
        self.inspect_button = QPushButton(self.tr("&Inspect its bands"), self.content)
        self.inspect_button.setEnabled(False)
        self.plot = ProfilePlot(self.content)
        self._unit = ""
        head = QHBoxLayout()
        head.addWidget(self.filter, stretch=1)
        head.addWidget(self.inspect_button)
        halves = QSplitter(Qt.Orientation.Horizontal, self.content)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.table)
        right = QWidget(self.content)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(
            make_heading(self.tr("Shapley values of the selected image"), self.plot, right)
        )
        column.addWidget(self.plot, stretch=1)
        halves.addWidget(right)
        halves.setStretchFactor(0, 2)
        halves.setStretchFactor(1, 1)
        layout = QVBoxLayout(self.content)
        layout.addLayout(head)
        layout.addWidget(halves)
        self.filter.textChanged.connect(self.model.set_filter)
        self.table.selectionModel().currentRowChanged.connect(self._show_image)
        self.table.doubleClicked.connect(self._inspect)
        self.inspect_button.clicked.connect(self._inspect)

    def set_thumbnails(self, thumbnail: Callable[[str], QIcon | None]) -> None:
        """Take small pictures from `thumbnail`: location to icon, None until there is one."""
        self.model.set_thumbnails(thumbnail)

    def show_table(self, table: ImageTable, *, unit: str) -> None:
        """Show another result's images."""
        self._unit = unit
        self.model.show_rows(table.rows)
        self.show_gap(table.gap)
        if table.rows:
            for column, share in enumerate((34, 18, 18, 8, 9, 10)):
                self.table.setColumnWidth(column, share * self.fontMetrics().averageCharWidth())
            last = self.model.columnCount() - 1
            self.table.horizontalHeader().setSectionResizeMode(last, QHeaderView.ResizeMode.Stretch)
            self.table.selectRow(0)

    @Slot(QModelIndex)
    def _show_image(self, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        self.inspect_button.setEnabled(isinstance(row, ImageRow))
        if isinstance(row, ImageRow):
            self.plot.show_profile(row.shapley, (), unit=self._unit)

    @Slot()
    def _inspect(self) -> None:
        row = self.table.currentIndex().data(ROW_ROLE)
        if isinstance(row, ImageRow):
            self.imageChosen.emit(row.path)


def _filter_field(name: str, parent: QWidget) -> QLineEdit:
    field = QLineEdit(parent)
    field.setPlaceholderText(name)
    field.setAccessibleName(name)
    field.setClearButtonEnabled(True)
    return field
