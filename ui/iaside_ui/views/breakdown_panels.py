"""Tabs of a result: pairs of bands, groups of images and classes, single images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, QModelIndex, QSize, Qt, Signal, Slot
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

from iaside_audit.report import format_estimate, format_percent
from iaside_ui.qtmodels import ROW_ROLE, ImageModel, InteractionModel, group_model
from iaside_ui.state.breakdown import GroupRow, ImageRow
from iaside_ui.views.gap_panel import GapPanel
from iaside_ui.views.gapped import Gapped
from iaside_ui.views.profile_plot import ProfilePlot
from iaside_ui.views.tables import (
    choose_again,
    fit_columns,
    make_heading,
    make_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QIcon

    from iaside_ui.state.breakdown import Breakdown

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
        self._caption = QLabel(self.content)
        self._caption.setWordWrap(True)
        layout = QVBoxLayout(self.content)
        layout.addWidget(self._caption)
        layout.addWidget(self.table)

    def show_breakdown(self, found: Breakdown) -> None:
        """Show another result's interactions."""
        unit = found.unit or self.tr("the unit of the value")
        self._caption.setText(
            self.tr(
                "Shapley interaction index of every pair of bands in {unit}, with {confidence} "
                "intervals (on hovering, where there is no room); bold where they leave 0 out. "
                "Plus (blue): worth more together than apart. Minus (vermilion): one stands in for "
                "the other."
            ).format(unit=unit, confidence=format_percent(found.confidence))
        )
        self._model.show_table(found.interactions)
        self.show_gap(found.interactions.gap)


class GroupsPanel(GapPanel):
    """Groups of images and classes left, the profile of the selected one right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = group_model(self)
        self.table = make_table(self._model, self.tr("Classes"), self.content)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.filter = _filter_field(self.tr("Filter classes"), self.content)
        self._plot_gap = Gapped(ProfilePlot, self.content)
        self._caption = QLabel(self.content)
        self._caption.setWordWrap(True)
        self._caption.setTextFormat(Qt.TextFormat.PlainText)  # names of classes are a stranger's
        self._unit = ""
        self._chosen: GroupRow | None = None
        self._confidence = 0.95
        left, right = QWidget(self.content), QWidget(self.content)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.filter)
        column.addWidget(self.table)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._caption)
        column.addWidget(self._plot_gap, stretch=1)
        halves = QSplitter(Qt.Orientation.Horizontal, self.content)
        halves.setChildrenCollapsible(False)
        halves.addWidget(left)
        halves.addWidget(right)
        halves.setSizes([640, 360])  # shares of what there is
        layout = QVBoxLayout(self.content)
        layout.addWidget(halves)
        self.filter.textChanged.connect(self._model.set_filter)
        self._model.modelReset.connect(self._choose_again)
        self.table.selectionModel().currentRowChanged.connect(self._show_group)

    @property
    def plot(self) -> ProfilePlot:
        """What is drawn of the selected row, made now if need be."""
        return self._plot_gap.content

    def show_breakdown(self, found: Breakdown) -> None:
        """Show another result's groups."""
        self._unit = found.unit
        self._confidence = found.confidence
        self._model.show_rows(found.groups)
        self.show_gap("" if found.groups else found.images.gap)
        if found.groups:
            fit_columns(self.table)
            self.table.cap_names(0)
            self.table.selectRow(0)

    @Slot()
    def _choose_again(self) -> None:
        """Keep to the row that was chosen, as far as the filter leaves it."""
        if not choose_again(self.table, self._model, self._chosen):
            self._caption.clear()
            self._plot_gap.show_gap(_nothing_left())

    @Slot(QModelIndex)
    def _show_group(self, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if isinstance(row, GroupRow):
            self._chosen = row
            self._plot_gap.show_gap("")
            self.plot.show_profile(row.shapley, row.interval, unit=self._unit)
            self._caption.setText(self._words(row))

    def _words(self, row: GroupRow) -> str:
        said = self.tr("{name}: {n} images, top-1 {top1}.").format(
            name=row.name,
            n=row.n_images,
            top1=self.tr("not measured") if math.isnan(row.top1) else format_percent(row.top1, 0),
        )
        if not row.interval:
            return f"{said} " + self.tr("Too few for an interval: the mean of its images.")
        signed = format_estimate(row.signed, row.signed_interval, confidence=self._confidence)
        whiskers = self.tr("Whiskers: {confidence} intervals by the bootstrap over its images.")
        return " ".join(
            (
                said,
                self.tr("Signed score {signed}.").format(signed=signed),
                whiskers.format(confidence=format_percent(self._confidence)),
            )
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
        self.inspect_button = QPushButton(self.tr("Inspect its &bands"), self.content)
        self.inspect_button.setEnabled(False)
        self._plot_gap = Gapped(ProfilePlot, self.content)
        self._caption = QLabel(
            self.tr("From random orders: each value is a draw, unbiased and noisy."), self.content
        )
        self._caption.setWordWrap(True)
        self._unit = ""
        self._chosen: ImageRow | None = None
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
            make_heading(self.tr("Shapley values of the selected image"), self._plot_gap, right)
        )
        column.addWidget(self._caption)
        column.addWidget(self._plot_gap, stretch=1)
        halves.addWidget(right)
        halves.setStretchFactor(0, 2)
        halves.setStretchFactor(1, 1)
        layout = QVBoxLayout(self.content)
        layout.addLayout(head)
        layout.addWidget(halves)
        self.filter.textChanged.connect(self.model.set_filter)
        self.model.modelReset.connect(self._choose_again)
        self.table.selectionModel().currentRowChanged.connect(self._show_image)
        self.table.doubleClicked.connect(self._inspect)
        self.inspect_button.clicked.connect(self._inspect)

    def set_thumbnails(self, thumbnail: Callable[[str], QIcon | None]) -> None:
        """Take small pictures from `thumbnail`: location to icon, None until there is one."""
        self.model.set_thumbnails(thumbnail)

    @property
    def plot(self) -> ProfilePlot:
        """What is drawn of the selected image, made now if need be."""
        return self._plot_gap.content

    def show_breakdown(self, found: Breakdown) -> None:
        """Show another result's images."""
        table = found.images
        self._unit = found.unit
        self._caption.setVisible(found.are_draws)
        self.model.show_rows(table.rows)
        self.show_gap(table.gap)
        if table.rows:
            for column, share in enumerate((34, 18, 18, 8, 9, 10)):
                self.table.setColumnWidth(column, share * self.fontMetrics().averageCharWidth())
            last = self.model.columnCount() - 1
            self.table.horizontalHeader().setSectionResizeMode(last, QHeaderView.ResizeMode.Stretch)
            self.table.selectRow(0)

    @Slot()
    def _choose_again(self) -> None:
        """Keep to the image that was chosen, as far as the filter leaves it."""
        if not choose_again(self.table, self.model, self._chosen):
            self.inspect_button.setEnabled(False)
            self._plot_gap.show_gap(_nothing_left())

    @Slot(QModelIndex)
    def _show_image(self, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        self.inspect_button.setEnabled(isinstance(row, ImageRow))
        if isinstance(row, ImageRow):
            self._chosen = row
            self._plot_gap.show_gap("")
            self.plot.show_profile(row.shapley, (), unit=self._unit)

    @Slot()
    def _inspect(self) -> None:
        row = self.table.currentIndex().data(ROW_ROLE)
        if isinstance(row, ImageRow):
            self.imageChosen.emit(row.path)


def _nothing_left() -> str:
    return QCoreApplication.translate("breakdowns", "No line holds the words of the filter.")


def _filter_field(name: str, parent: QWidget) -> QLineEdit:
    field = QLineEdit(parent)
    field.setPlaceholderText(name)
    field.setAccessibleName(name)
    field.setClearButtonEnabled(True)
    return field
