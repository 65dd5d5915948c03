"""The profile of a result: bars, numbers, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from iaside_audit.report import format_percent, importance_rows, score_rows
from iaside_ui.qtmodels import band_model, score_model
from iaside_ui.views.importance_plot import ImportancePlot, Quantity
from iaside_ui.views.tables import (
    fit_columns,
    fit_to_rows,
    keep_columns_in_view,
    make_heading,
    make_table,
)

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult

QUANTITIES = (Quantity.IMPORTANCE, Quantity.SHAPLEY)


class ImportancePanel(QWidget):
    """Bars above, their numbers and the scores below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result: AuditResult | None = None
        self._caption = QLabel(self)
        self._caption.setWordWrap(True)
        self.quantity = QComboBox(self)
        self.quantity.setAccessibleName(self.tr("What the bars show"))
        self.quantity.addItems(
            [self.tr("Importance (normalised)"), self.tr("Shapley values (raw)")]
        )
        self.logarithmic = QCheckBox(self.tr("&Logarithmic"), self)
        self.logarithmic.setToolTip(self.tr("Draw importance on a logarithmic scale."))
        self.plot = ImportancePlot(self)
        self._bands = band_model(self)
        self._scores = score_model(self)
        self.band_table = make_table(self._bands, self.tr("Bands"), self)
        self.score_table = make_table(self._scores, self.tr("Scores"), self)
        self._arrange()
        self.quantity.currentIndexChanged.connect(self._choose)
        self.logarithmic.toggled.connect(self._choose)

    def show_result(self, result: AuditResult) -> None:
        """Show another result."""
        self._result = result
        self.plot.show_bands(result.bands)
        self._bands.show_rows(importance_rows(result))
        self._scores.show_rows(score_rows(result))
        fit_columns(self.band_table)
        keep_columns_in_view(self.band_table)
        fit_to_rows(self.score_table)
        self._choose()

    def csv(self) -> str:
        """Return the numbers behind the plot."""
        from iaside_audit.report import importance_csv  # noqa: PLC0415 - start-up time

        return "" if self._result is None else importance_csv(self._result)

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._caption, stretch=1)
        head.addWidget(self.quantity)
        head.addWidget(self.logarithmic)
        top = QWidget(self)
        above = QVBoxLayout(top)
        above.setContentsMargins(0, 0, 0, 0)
        above.addLayout(head)
        above.addWidget(self.plot, stretch=1)
        below = QSplitter(Qt.Orientation.Horizontal, self)
        below.setChildrenCollapsible(False)
        for heading, table, stretch in (
            (self.tr("&Bands"), self.band_table, 3),
            (self.tr("S&cores"), self.score_table, 2),
        ):
            panel = QWidget(self)
            column = QVBoxLayout(panel)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(make_heading(heading, table, panel))
            column.addWidget(table, stretch=1)
            column.addStretch(0)
            below.addWidget(panel)
            below.setStretchFactor(below.count() - 1, stretch)
        halves = QSplitter(Qt.Orientation.Vertical, self)
        halves.setChildrenCollapsible(False)
        halves.addWidget(top)
        halves.addWidget(below)
        halves.setStretchFactor(0, 3)
        halves.setStretchFactor(1, 2)
        layout = QVBoxLayout(self)
        layout.addWidget(halves)

    @Slot()
    def _choose(self) -> None:
        result = self._result
        quantity = QUANTITIES[self.quantity.currentIndex()]
        self.logarithmic.setEnabled(quantity == Quantity.IMPORTANCE)
        if result is None:
            return
        unit = "nats" if result.spec.value in {"log-probability", "margin"} else ""
        self.plot.show_quantity(quantity, unit=unit, is_logarithmic=self.logarithmic.isChecked())
        self._caption.setText(self._caption_of(result, quantity))

    def _caption_of(self, result: AuditResult, quantity: Quantity) -> str:
        name = (
            self.tr("Importance of the bands")
            if quantity == Quantity.IMPORTANCE
            else self.tr("Shapley values of the bands")
        )
        caption = self.tr("{name} (images: {n}); whiskers: {confidence} intervals").format(
            name=name,
            n=result.estimator.n_images,
            confidence=format_percent(result.spec.confidence),
        )
        is_hatched = any(band.at_boundary for band in result.bands)
        if quantity == Quantity.IMPORTANCE and is_hatched:
            caption += self.tr("; hatched: the lowest band, or not told from it")
        elif quantity == Quantity.SHAPLEY:
            caption += self.tr("; hatched: the band hurts")
        return caption
