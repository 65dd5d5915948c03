"""The signed score settling as images are added, inside its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from iaside_ui.appearance import TRACE_COLOUR
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from iaside_ui.state import ScorePoint

BAND_OPACITY: Final = 70
"""Of 255: the interval is seen, and the grid and the zero line through it."""
LINE_WIDTH: Final = 2.0
SYMBOL_SIZE: Final = 5
"""Both in device-independent pixels."""


class ScoreTrace(ThemedPlot):
    """A line for the score, a band for its interval, over the number of images."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            name=self.tr("Signed score so far"),
            x_label=self.tr("images"),
            y_label=self.tr("signed score"),
            parent=parent,
        )
        self._points: tuple[ScorePoint, ...] = ()
        colour = QColor(TRACE_COLOUR)
        band = QColor(colour)
        band.setAlpha(BAND_OPACITY)
        self._line = pg.PlotDataItem(symbol="o", symbolSize=SYMBOL_SIZE, antialias=True)
        self._line.setSymbolBrush(colour)
        self._line.setSymbolPen(None)
        self._ends = (pg.PlotCurveItem(), pg.PlotCurveItem())
        self._band = pg.FillBetweenItem(*self._ends, brush=band)
        self._zero = pg.InfiniteLine(angle=0)
        for item in (self._zero, self._band, self._line):
            self.plot.addItem(item)
        self.plot.setXRange(0, 1, padding=0)
        self.plot.setYRange(-1, 1, padding=0)
        self.recolour()

    def show_points(self, points: Sequence[ScorePoint], n_images: int) -> None:
        """Draw the trace; the axis reaches to `n_images`, where it will end."""
        self._points = tuple(points)
        n_done = np.array([point.n_images for point in points], dtype=float)
        table = np.array([(point.value, point.low, point.high) for point in points])
        values, lows, highs = table.reshape(-1, 3).T
        is_known = np.isfinite(lows) & np.isfinite(highs)
        self._line.setData(n_done, values)
        self._ends[0].setData(n_done[is_known], lows[is_known])
        self._ends[1].setData(n_done[is_known], highs[is_known])
        self.plot.setXRange(0, max(n_images, 1), padding=0.03)
        if points:
            shown = np.concatenate([values, lows[is_known], highs[is_known], [0.0]])
            self.plot.setYRange(shown.min(), shown.max(), padding=0.1)

    def numbers(self) -> list[Sequence[object]]:
        """Return the trace."""
        rows: list[Sequence[object]] = [("n_images", "signed", "low", "high")]
        rows += [(one.n_images, one.value, one.low, one.high) for one in self._points]
        return rows

    def recolour(self) -> None:
        """Draw the zero line in the colour of text."""
        super().recolour()
        self._zero.setPen(self.pen(self.ink(), style=Qt.PenStyle.DashLine))
        self._line.setPen(self.pen(QColor(TRACE_COLOUR), LINE_WIDTH))
