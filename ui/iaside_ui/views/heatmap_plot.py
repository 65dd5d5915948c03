"""The Fourier heat map: an error rate for every spatial frequency of the plane."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor

from iaside_audit.choices import Norm
from iaside_audit.report import format_percent
from iaside_ui.appearance import TRACE_COLOUR
from iaside_ui.pixels import colour_table
from iaside_ui.state.frequency import AXIS_CYCLES_PER_PX
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QWidget

    from iaside_audit.robustness.curves import Heatmap
    from iaside_audit.robustness.findings import HeatmapFinding

N_CIRCLE: Final = 181
STEPS: Final = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (1, 0),
    Qt.Key.Key_Down: (-1, 0),
}
"""Rows go up, as frequencies do."""


class HeatmapPlot(ThemedPlot):
    """The map with the edges of the bands; a frequency is pointed at by click or arrow keys."""

    frequencyPointed = Signal(str)  # what the map says of it

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            name=self.tr("Fourier heat map"),
            x_label=self.tr("horizontal frequency (cycles per pixel)"),
            y_label=self.tr("vertical frequency (cycles per pixel)"),
            parent=parent,
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._map: Heatmap | None = None
        self._place = (0, 0)
        self._edges: list[pg.PlotCurveItem] = []
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setLookupTable(colour_table())
        self._mark = pg.PlotCurveItem()
        self._mark.setZValue(2)
        for item in (self._image, self._mark):
            self.plot.addItem(item)
        self.plot.view.setAspectLocked(True)
        self.plot.scene().sigMouseClicked.connect(self._point)
        self.recolour()

    def show_finding(self, finding: HeatmapFinding | None) -> None:
        """Draw another map."""
        self._map = None if finding is None else finding.heatmap
        for edge in self._edges:
            self.plot.removeItem(edge)
        self._edges.clear()
        if finding is None or self._map is None:
            self._image.clear()
            self._mark.setData([], [])
            return
        shown = self._map
        self._image.setImage(shown.error, levels=(0.0, 1.0))
        half_y, half_x = _halves(shown)
        height = shown.rows[-1] - shown.rows[0] + 2 * half_y
        width = shown.columns[-1] - shown.columns[0] + 2 * half_x
        rect = QRectF(shown.columns[0] - half_x, shown.rows[0] - half_y, width, height)
        self._image.setRect(rect)
        self.plot.setXRange(rect.left(), rect.right(), padding=0.01)
        self.plot.setYRange(rect.top(), rect.bottom(), padding=0.01)
        for edge in finding.edges[1:-1]:
            x, y = _ring(edge, finding.origin.norm)
            # In two colours, to be seen on any.
            for colour, width_px in ((Qt.GlobalColor.black, 3.0), (Qt.GlobalColor.white, 1.0)):
                line = pg.PlotCurveItem(x, y, pen=self.pen(QColor(colour), width_px))
                self.plot.addItem(line)
                self._edges.append(line)
        self._place = (len(shown.rows) // 2, len(shown.columns) // 2)
        self._show_place()

    def numbers(self) -> list[Sequence[object]]:
        """Return the error of every frequency."""
        rows: list[Sequence[object]] = [
            ("vertical_cycles_per_px", "horizontal_cycles_per_px", "error")
        ]
        shown = self._map
        if shown is not None:
            rows += [
                (float(shown.rows[i]), float(shown.columns[j]), float(shown.error[i, j]))
                for i, j in np.ndindex(shown.error.shape)
            ]
        return rows

    def recolour(self) -> None:
        """Draw the mark so that it is seen on any colour."""
        super().recolour()
        self._mark.setPen(self.pen(QColor(TRACE_COLOUR), 2.0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Point at the next frequency."""
        step = STEPS.get(Qt.Key(event.key()))
        if step is None or self._map is None:
            super().keyPressEvent(event)
            return
        self._go(self._place[0] + step[0], self._place[1] + step[1])

    def _go(self, row: int, column: int) -> None:
        if self._map is None:
            return
        n_rows, n_columns = self._map.error.shape
        self._place = (min(max(row, 0), n_rows - 1), min(max(column, 0), n_columns - 1))
        self._show_place()

    @Slot(object)
    def _point(self, event: MouseClickEvent) -> None:
        """Point at the frequency under the mouse."""
        if self._map is None:
            return
        place = self.plot.view.mapSceneToView(event.scenePos())
        row = int(np.abs(self._map.rows - place.y()).argmin())
        column = int(np.abs(self._map.columns - place.x()).argmin())
        self._go(row, column)

    def _show_place(self) -> None:
        """Frame the cell, and say what it holds."""
        shown = self._map
        if shown is None:
            return
        row, column = self._place
        half_y, half_x = _halves(shown)
        x, y = shown.columns[column], shown.rows[row]
        self._mark.setData(
            x + half_x * np.array([-1, 1, 1, -1, -1]), y + half_y * np.array([-1, -1, 1, 1, -1])
        )
        said = self.tr("horizontal {x}, vertical {y} cycles per pixel: error {error}").format(
            x=f"{x:.3f}", y=f"{y:.3f}", error=format_percent(float(shown.error[row, column]))
        )
        self.setAccessibleDescription(said)
        self.frequencyPointed.emit(said)


def _halves(shown: Heatmap) -> tuple[float, float]:
    """Return half the height and width of a cell."""
    return (
        float(shown.rows[1] - shown.rows[0]) / 2,
        float(shown.columns[1] - shown.columns[0]) / 2,
    )


def _ring(edge: float, norm: Norm) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the line rho = `edge` in cycles per pixel."""
    reach = edge * AXIS_CYCLES_PER_PX[norm]
    if norm == Norm.LINF:
        return reach * np.array([-1.0, 1, 1, -1, -1]), reach * np.array([-1.0, -1, 1, 1, -1])
    turn = np.linspace(0, 2 * math.pi, N_CIRCLE)
    return reach * np.cos(turn), reach * np.sin(turn)
