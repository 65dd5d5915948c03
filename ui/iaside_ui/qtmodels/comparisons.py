"""The columns of the tables of comparisons: results, their differences, models of a study."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap

from iaside_audit.report import format_number
from iaside_ui.appearance import series_brush
from iaside_ui.qtmodels.rows import Column, RowModel
from iaside_ui.qtmodels.tables import MIDDLE, RIGHT
from iaside_ui.state.comparison import ComparedRow, DifferenceLine
from iaside_ui.state.study import StudyPoint

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

SWATCH: Final = 32


def _tr(text: str) -> str:
    return QCoreApplication.translate("comparisons", text)


def compared_model(parent: QObject | None = None) -> RowModel[ComparedRow]:
    """Return the table of the results that are compared."""
    return RowModel[ComparedRow](
        (
            Column(
                heading=_tr("Result"),
                text=attrgetter("name"),
                tip=attrgetter("name"),
                icon=_swatch,
            ),
            Column(heading=_tr("Signed score"), text=attrgetter("score"), side=RIGHT),
            Column(heading=_tr("Interval"), text=attrgetter("interval"), side=MIDDLE),
            Column(heading=_tr("Top-1 (%)"), text=attrgetter("top1"), side=RIGHT),
            Column(heading=_tr("Images"), text=_compared_images, side=RIGHT),
        ),
        parent,
    )


def _swatch(row: ComparedRow | DifferenceLine) -> QIcon:
    """Return what the bars of a result look like."""
    pixmap = QPixmap(SWATCH, SWATCH)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    brush = series_brush(row.place)
    painter.setPen(brush.color())
    painter.setBrush(brush)
    painter.drawRect(0, 0, SWATCH - 1, SWATCH - 1)
    painter.end()
    return QIcon(pixmap)


def _compared_images(row: ComparedRow) -> str:
    return str(row.n_images)


def difference_model(parent: QObject | None = None) -> RowModel[DifferenceLine]:
    """Return the table of differences from the reference."""
    return RowModel[DifferenceLine](
        (
            Column(
                heading=_tr("Result"),
                text=attrgetter("name"),
                tip=attrgetter("name"),
                icon=_swatch,
            ),
            Column(heading=_tr("Number"), text=attrgetter("row.name")),
            Column(heading=_tr("Reference"), text=attrgetter("row.first"), side=RIGHT),
            Column(heading=_tr("This result"), text=attrgetter("row.second"), side=RIGHT),
            Column(heading=_tr("Difference"), text=attrgetter("row.difference"), side=RIGHT),
            Column(heading=_tr("Interval"), text=attrgetter("row.interval"), side=MIDDLE),
            Column(heading=_tr("p"), text=attrgetter("row.p_value"), side=RIGHT),
            Column(heading=_tr("p, corrected"), text=attrgetter("row.p_corrected"), side=RIGHT),
            Column(heading=_tr("Told apart"), text=_clearness, side=MIDDLE),
        ),
        parent,
    )


def _clearness(line: DifferenceLine) -> str:
    return _tr("yes") if line.row.is_clear else ""


def study_model(parent: QObject | None = None) -> RowModel[StudyPoint]:
    """Return the table of the models of a study."""
    return RowModel[StudyPoint](
        (
            Column(heading=_tr("Model"), text=attrgetter("name")),
            Column(
                heading=_tr("Predictor"), text=_predicted, side=RIGHT, value=attrgetter("predicted")
            ),
            Column(
                heading=_tr("Measured"), text=_measured, side=RIGHT, value=attrgetter("measured")
            ),
            Column(heading=_tr("Lineage"), text=attrgetter("lineage")),
        ),
        parent,
    )


def _predicted(row: StudyPoint) -> str:
    return format_number(row.predicted, 3)


def _measured(row: StudyPoint) -> str:
    return format_number(row.measured, 3)
