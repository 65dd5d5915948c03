"""Bars of the bands' importance, with their intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor

from iaside_audit.report import format_percent
from iaside_ui.appearance import BAR_COLOUR
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from iaside_audit.result import BandResult

BAR_WIDTH: Final = 0.86
MAX_EDGE_LABELS: Final = 9
"""More labels than these would touch each other."""
STEP: Final = 0.1
"""The axis ends at a multiple of this, so that it stands still while the numbers settle."""


class ImportancePlot(ThemedPlot):
    """One bar a band, equally wide whatever the spacing; the edges stand below in rho.

    Bars of bands whose importance may be 0 by construction are hatched, as in the report.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        rho = "\N{GREEK SMALL LETTER RHO}"
        super().__init__(
            name=self.tr("Importance of the bands"),
            x_label=self.tr("edges of the bands, frequency {rho}").format(rho=rho),
            y_label=self.tr("spectral importance"),
            parent=parent,
        )
        self._bands: tuple[BandResult, ...] = ()
        self._bars = pg.BarGraphItem(x=[], height=[], width=BAR_WIDTH)
        self._whiskers = pg.ErrorBarItem(beam=BAR_WIDTH / 4)
        self.plot.addItem(self._bars)
        self.plot.addItem(self._whiskers)
        self.plot.setXRange(0, 1, padding=0)
        self.plot.setYRange(0, 2 * STEP, padding=0)
        self.recolour()

    def show_bands(self, bands: Sequence[BandResult]) -> None:
        """Draw other numbers."""
        self._bands = tuple(bands)
        self.setAccessibleDescription(
            ", ".join(
                self.tr("band {index}: {share}").format(
                    index=band.index, share=format_percent(band.importance, 0)
                )
                for band in bands
            )
        )
        self._draw()

    def recolour(self) -> None:
        """Take the colours of everything but the bars from the palette."""
        super().recolour()
        self._draw()

    def _draw(self) -> None:
        """Bring the plot's items to the bands."""
        bands = self._bands
        n_bands = len(bands)
        positions = np.arange(n_bands)
        heights = np.array([_finite(band.importance) for band in bands])
        colour = QColor(BAR_COLOUR)
        hatched = QBrush(colour, Qt.BrushStyle.BDiagPattern)
        self._bars.setOpts(
            x=positions,
            height=heights,
            width=BAR_WIDTH,
            pen=self.pen(colour),
            brushes=[hatched if band.at_boundary else QBrush(colour) for band in bands],
        )
        ends = np.array([_ends(band) for band in bands]).reshape(n_bands, 2)
        is_known = np.isfinite(ends).all(axis=1)
        self._whiskers.setData(
            x=positions[is_known],
            y=heights[is_known],
            bottom=np.maximum(heights - ends[:, 0], 0)[is_known],
            top=np.maximum(ends[:, 1] - heights, 0)[is_known],
            pen=self.pen(self.ink()),
        )
        if n_bands:
            self.plot.setXRange(-0.5, n_bands - 0.5, padding=0)
            top = max(np.nanmax(ends, initial=0), heights.max(initial=0))
            self.plot.setYRange(0, STEP * max(math.ceil(1.02 * top / STEP), 1), padding=0)
        self.plot.getAxis("bottom").setTicks([_edge_ticks(bands)])


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _ends(band: BandResult) -> tuple[float, float]:
    """Return the ends of the interval; a one-sided one begins at 0."""
    low, high = band.importance_interval
    return (0.0 if band.at_boundary and math.isfinite(high) else low), high


def _edge_ticks(bands: Sequence[BandResult]) -> list[tuple[float, str]]:
    """Return position and label of the edges, as many as can be read."""
    if not bands:
        return []
    edges = [band.low for band in bands] + [bands[-1].high]
    step = math.ceil((len(edges) - 1) / (MAX_EDGE_LABELS - 1))
    return [(i - 0.5, f"{edge:.3g}") for i, edge in list(enumerate(edges))[::step]]
