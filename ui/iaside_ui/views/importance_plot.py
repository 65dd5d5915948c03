"""Bars of the bands, with their intervals: importance or Shapley values."""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor

from iaside_audit.report import format_number, format_percent
from iaside_ui.appearance import AGAINST_COLOUR, BAR_COLOUR
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget

    from iaside_audit.result import BandResult

BAR_WIDTH: Final = 0.86
MAX_EDGE_LABELS: Final = 9
"""More labels than these would touch each other."""
STEP: Final = 0.1
"""The axis ends at a multiple of this, so that it stands still while the numbers settle."""
LEAST_LOGARITHM: Final = -4
"""Shares below 0.01 % are drawn as this."""


class Quantity(Enum):
    """What the bars show."""

    IMPORTANCE = auto()
    SHAPLEY = auto()


class ImportancePlot(ThemedPlot):
    """One bar a band, equally wide whatever the spacing; the edges stand below in rho.

    Bars of bands whose importance may be 0 by construction are hatched, as in the report; so are
    Shapley values below 0.
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
        self._quantity = Quantity.IMPORTANCE
        self._unit = ""
        self._is_logarithmic = False
        self._bars = pg.BarGraphItem(x=[], height=[], width=BAR_WIDTH)
        self._whiskers = pg.ErrorBarItem(beam=BAR_WIDTH / 4)
        self._zero = pg.InfiniteLine(angle=0)
        for item in (self._bars, self._whiskers, self._zero):
            self.plot.addItem(item)
        self.plot.setXRange(0, 1, padding=0)
        self.plot.setYRange(0, 2 * STEP, padding=0)
        self.recolour()

    def show_bands(self, bands: Sequence[BandResult]) -> None:
        """Draw other numbers."""
        self._bands = tuple(bands)
        self._draw()

    def show_quantity(
        self, quantity: Quantity, *, unit: str = "", is_logarithmic: bool = False
    ) -> None:
        """Draw importance, on a linear or logarithmic scale, or Shapley values in their unit."""
        self._quantity = quantity
        self._unit = unit
        self._is_logarithmic = is_logarithmic and quantity == Quantity.IMPORTANCE
        if quantity == Quantity.IMPORTANCE:
            label = self.tr("spectral importance")
        else:
            label = self.tr("Shapley value")
            label += f" ({unit})" if unit else ""
        self.plot.setLabel("left", label)
        self._draw()

    def numbers(self) -> list[Sequence[object]]:
        """Return bands, edges, values and intervals, whatever the scale."""
        names = ("shapley", "shapley_low", "shapley_high", "importance", "importance_low")
        rows: list[Sequence[object]] = [
            ("band", "low", "high", *names, "importance_high", "at_boundary")
        ]
        for band in self._bands:
            numbers = (band.shapley, *band.interval, band.importance, *band.importance_interval)
            rows.append((band.index, band.low, band.high, *numbers, band.at_boundary))
        return rows

    def recolour(self) -> None:
        """Take the colours of everything but the bars from the palette."""
        super().recolour()
        self._zero.setPen(self.pen(self.ink()))
        self._draw()

    def _draw(self) -> None:
        """Bring the plot's items to the bands."""
        bands = self._bands
        positions = np.arange(len(bands))
        values, ends = self._numbers()
        is_hatched = [
            band.at_boundary if self._quantity == Quantity.IMPORTANCE else value < 0
            for band, value in zip(bands, values, strict=True)
        ]
        colours = [QColor(AGAINST_COLOUR if value < 0 else BAR_COLOUR) for value in values]
        base, heights, ends = self._scaled(values, ends)
        self._bars.setOpts(
            x=positions,
            y0=np.full(len(bands), base),
            height=heights - base,
            width=BAR_WIDTH,
            pens=[self.pen(colour) for colour in colours] or None,  # not for an empty list
            brushes=[
                QBrush(colour, Qt.BrushStyle.BDiagPattern) if hatched else QBrush(colour)
                for colour, hatched in zip(colours, is_hatched, strict=True)
            ],
        )
        is_known = np.isfinite(ends).all(axis=1)
        self._whiskers.setData(
            x=positions[is_known],
            y=heights[is_known],
            bottom=np.maximum(heights - ends[:, 0], 0)[is_known],
            top=np.maximum(ends[:, 1] - heights, 0)[is_known],
            pen=self.pen(self.ink()),
        )
        self._zero.setPos(base)
        if len(bands):
            self.plot.setXRange(-0.5, len(bands) - 0.5, padding=0)
            self._fit(base, heights, ends)
        self.plot.getAxis("bottom").setTicks([_edge_ticks(bands)])
        self._describe()

    def _numbers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return values and ends of the intervals; what is not defined is drawn as nothing."""
        if self._quantity == Quantity.IMPORTANCE:
            values = [_finite(band.importance) for band in self._bands]
            ends = [_ends(band) for band in self._bands]
        else:
            values = [_finite(band.shapley) for band in self._bands]
            ends = [band.interval for band in self._bands]
        return np.array(values), np.array(ends).reshape(len(values), 2)

    def _scaled(
        self, values: NDArray[np.float64], ends: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return where bars begin, where they end, and their whiskers, on the scale shown."""
        if not self._is_logarithmic:
            return 0.0, values, ends
        least = 10.0**LEAST_LOGARITHM
        return (
            float(LEAST_LOGARITHM),
            np.log10(np.maximum(values, least)),
            np.log10(np.maximum(ends, least)),
        )

    def _fit(self, base: float, heights: NDArray[np.float64], ends: NDArray[np.float64]) -> None:
        """Let the axis reach over bars and whiskers."""
        axis = self.plot.getAxis("left")
        if self._is_logarithmic:
            ticks = [(place, format_percent(10.0**place)) for place in range(LEAST_LOGARITHM, 1)]
            axis.setTicks([ticks])
            self.plot.setYRange(base, 0, padding=0)
            return
        axis.setTicks(None)
        top = max(float(np.nanmax(ends, initial=0)), float(heights.max(initial=0)))
        low = min(float(np.nanmin(ends, initial=0)), float(heights.min(initial=0)))
        if self._quantity == Quantity.IMPORTANCE:
            self.plot.setYRange(0, STEP * max(math.ceil(1.02 * top / STEP), 1), padding=0)
        else:
            room = 0.05 * max(top - low, 1e-6)
            self.plot.setYRange(low - (room if low < 0 else 0), top + room, padding=0)

    def _describe(self) -> None:
        """Say in words what is drawn."""
        parts = []
        for band in self._bands:
            if self._quantity == Quantity.IMPORTANCE:
                number = format_percent(band.importance, 0)
            else:
                number = f"{format_number(band.shapley)} {self._unit}".rstrip()
            parts.append(self.tr("band {index}: {number}").format(index=band.index, number=number))
        self.setAccessibleDescription(", ".join(parts))


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
