"""Shapley values of the bands of some images, with their intervals where there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_ui.views.sweep_plot import ShapleyPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from iaside_audit.types import Interval


class ProfilePlot(ShapleyPlot):
    """Bars as those of one image; whiskers where the mean has an interval."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._whiskers = pg.ErrorBarItem(beam=0.2)
        self._intervals: Sequence[Interval] = ()
        super().__init__(parent)
        self.setAccessibleName(self.tr("Profile"))
        self.plot.addItem(self._whiskers)

    def show_profile(
        self, shapley: Sequence[float], intervals: Sequence[Interval], *, unit: str
    ) -> None:
        """Draw other values; `intervals` may be empty."""
        self._intervals = tuple(intervals)
        values = np.array(shapley, dtype=np.float64)
        self.show_values(values, len(values), unit)
        ends = np.full((len(values), 2), np.nan)
        if self._intervals:
            ends = np.array(self._intervals, dtype=np.float64)
        is_known = np.isfinite(ends).all(axis=1)
        self._whiskers.setData(
            x=np.arange(len(values))[is_known],
            y=values[is_known],
            top=np.maximum(ends[:, 1] - values, 0)[is_known],
            bottom=np.maximum(values - ends[:, 0], 0)[is_known],
            pen=self.pen(self.ink()),
        )
        if is_known.any():
            low = min(0.0, float(ends[is_known].min()), float(values.min()))
            high = max(0.0, float(ends[is_known].max()), float(values.max()))
            room = 0.06 * max(high - low, 1e-3)
            self.plot.setYRange(low - (room if low < 0 else 0), high + room, padding=0)

    def numbers(self) -> list[Sequence[object]]:
        """Return the Shapley value of every band, with its interval where there is one."""
        rows = super().numbers()
        if not self._intervals:
            return rows
        heading, *bands = rows
        ends = zip(bands, self._intervals, strict=True)
        return [(*heading, "low", "high"), *((*band, *interval) for band, interval in ends)]

    def recolour(self) -> None:
        """Draw the whiskers in the colour of text, too."""
        super().recolour()
        self._whiskers.setData(pen=self.pen(self.ink()))
