"""Results side by side, band by band: their importance, or how they differ from the first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_ui.appearance import series_brush
from iaside_ui.state.comparison import ComparedQuantity, ComparisonState
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from iaside_audit.comparison import Difference
    from iaside_audit.result import BandResult
    from iaside_ui.state.comparison import ComparedPair

GROUP_WIDTH: Final = 0.84
SYMBOL_SIZE: Final = 9
SYMBOLS: Final = "osdt+x"
"""Of results, as their colours: either tells them apart."""
LEAST_REACH: Final = 0.01
"""Of the axis of differences: equal results are not blown up to noise."""


class ComparedPlot(ThemedPlot):
    """Bars of importance, a bar for each result; or differences from the first, as points.

    Results that are cut into other bands have no place on the axis of the first.
    Points that are told apart from 0, after correction, are filled; the others are hollow.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            name=self.tr("Results side by side"),
            x_label=self.tr("band"),
            y_label=self.tr("spectral importance"),
            parent=parent,
        )
        self._state = ComparisonState()
        self._quantity = ComparedQuantity.IMPORTANCE
        self._items: list[pg.GraphicsObject] = []
        self._zero = pg.InfiniteLine(angle=0)
        self.plot.addItem(self._zero)
        self.recolour()

    def show_state(self, state: ComparisonState) -> None:
        """Draw other results."""
        self._state = state
        self._draw()

    def show_quantity(self, quantity: ComparedQuantity) -> None:
        """Draw importance, or a difference."""
        self._quantity = quantity
        self._draw()

    def numbers(self) -> list[Sequence[object]]:
        """Return what is drawn, with its intervals."""
        if self._quantity == ComparedQuantity.IMPORTANCE:
            rows: list[Sequence[object]] = [("result", "band", "importance", "low", "high")]
            for one in self._state.side_by_side:
                rows += [
                    (one.name, band.index, band.importance, *band.importance_interval)
                    for band in one.bands
                ]
            return rows
        rows = [("result", "band", "difference", "low", "high", "p_value", "p_corrected")]
        for pair in self._state.pairs:
            rows += [
                (pair.name, band, one.difference, *one.interval, one.p_value, one.p_corrected)
                for band, one in enumerate(self._differences(pair))
            ]
        return rows

    def recolour(self) -> None:
        """Draw the whiskers in the colour of text."""
        super().recolour()
        self._zero.setPen(self.pen(self.ink()))
        self._draw()

    def _draw(self) -> None:
        for item in self._items:
            self.plot.removeItem(item)
        self._items = []
        if self._quantity == ComparedQuantity.IMPORTANCE:
            n_bands = self._draw_bars()
        else:
            n_bands = self._draw_points()
        self.plot.setLabel("left", self._label())
        self.plot.setXRange(-0.5, n_bands - 0.5, padding=0)
        self.plot.getAxis("bottom").setTicks([[(one, str(one)) for one in range(n_bands)]])

    def _label(self) -> str:
        match self._quantity:
            case ComparedQuantity.IMPORTANCE:
                return self.tr("spectral importance")
            case ComparedQuantity.IMPORTANCE_DIFFERENCE:
                return self.tr("difference of importance")
            case ComparedQuantity.SHAPLEY_DIFFERENCE:
                unit = self._state.value_unit
                label = self.tr("difference of Shapley value")
                return f"{label} ({unit})" if unit else label

    def _draw_bars(self) -> int:
        """Draw a bar for each band of each result, and return the number of bands."""
        results = self._state.side_by_side
        width = GROUP_WIDTH / max(len(results), 1)
        top, n_bands = 0.1, 1
        for place, one in enumerate(results):
            brush = series_brush(one.place)
            heights = np.array([_importance(band) for band in one.bands])
            ends = np.array([band.importance_interval for band in one.bands]).reshape(-1, 2)
            positions = np.arange(len(heights)) + (place - (len(results) - 1) / 2) * width
            self._add(
                pg.BarGraphItem(
                    x=positions,
                    height=heights,
                    width=0.92 * width,
                    pen=self.pen(brush.color()),
                    brush=brush,
                )
            )
            self._add_whiskers(positions, heights, ends, beam=width / 3)
            n_bands = max(n_bands, len(heights))
            top = max(top, float(heights.max(initial=0)), float(np.nanmax(ends, initial=0)))
        self.plot.setYRange(0, 1.05 * top, padding=0)
        return n_bands

    def _draw_points(self) -> int:
        """Draw a point for each band of each pair, and return the number of bands."""
        pairs = self._state.pairs
        width = GROUP_WIDTH / max(len(pairs), 1)
        low, high, n_bands = -LEAST_REACH, LEAST_REACH, 1
        for number, pair in enumerate(pairs):
            lines = self._differences(pair)
            values = np.array([one.difference for one in lines])
            ends = np.array([one.interval for one in lines]).reshape(-1, 2)
            positions = np.arange(len(lines)) + (number - (len(pairs) - 1) / 2) * width
            colour = series_brush(pair.place).color()
            is_clear = [one.p_corrected <= 1 - self._state.confidence for one in lines]
            base = self.palette().base()
            self._add_whiskers(positions, values, ends, beam=min(width / 3, 0.2))
            self._add(
                pg.ScatterPlotItem(
                    x=positions,
                    y=values,
                    symbol=SYMBOLS[pair.place % len(SYMBOLS)],
                    size=SYMBOL_SIZE,
                    pen=self.pen(colour, 2),
                    brush=[colour if clear else base for clear in is_clear],
                )
            )
            n_bands = max(n_bands, len(lines))
            low = min(low, float(np.nanmin(ends, initial=0)), float(np.nanmin(values, initial=0)))
            high = max(high, float(np.nanmax(ends, initial=0)), float(np.nanmax(values, initial=0)))
        room = 0.06 * (high - low)
        self.plot.setYRange(low - room, high + room, padding=0)
        return n_bands

    def _differences(self, pair: ComparedPair) -> list[Difference]:
        bands = pair.comparison.bands
        if self._quantity == ComparedQuantity.SHAPLEY_DIFFERENCE:
            return [band.shapley for band in bands]
        return [band.importance for band in bands]

    def _add_whiskers(
        self,
        positions: np.ndarray,
        values: np.ndarray,
        ends: np.ndarray,
        *,
        beam: float,
    ) -> None:
        is_known = np.isfinite(ends).all(axis=1)
        self._add(
            pg.ErrorBarItem(
                x=positions[is_known],
                y=values[is_known],
                bottom=np.maximum(values - ends[:, 0], 0)[is_known],
                top=np.maximum(ends[:, 1] - values, 0)[is_known],
                beam=beam,
                pen=self.pen(self.ink()),
            )
        )

    def _add(self, item: pg.GraphicsObject) -> None:
        self.plot.addItem(item)
        self._items.append(item)


def _importance(band: BandResult) -> float:
    return band.importance if math.isfinite(band.importance) else 0.0
