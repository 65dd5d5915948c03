"""Shapley values of the bands of some images, with or without whiskers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_ui.views.sweep_plot import ShapleyPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget


class ProfilePlot(ShapleyPlot):
    """Bars as those of one image; whiskers of one standard error where there are several."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._whiskers = pg.ErrorBarItem(beam=0.2)
        super().__init__(parent)
        self.setAccessibleName(self.tr("Profile"))
        self.plot.addItem(self._whiskers)

    def show_profile(self, shapley: Sequence[float], errors: Sequence[float], *, unit: str) -> None:
        """Draw other values; `errors` may be empty."""
        values = np.array(shapley, dtype=np.float64)
        self.show_values(values, len(values), unit)
        spread = np.array(errors, dtype=np.float64)
        is_known = np.isfinite(spread) if len(spread) else np.zeros(len(values), dtype=bool)
        spread = np.resize(spread, len(values)) if len(spread) else np.zeros(len(values))
        self._whiskers.setData(
            x=np.arange(len(values))[is_known],
            y=values[is_known],
            top=spread[is_known],
            bottom=spread[is_known],
            pen=self.pen(self.ink()),
        )
        if is_known.any():
            low = min(0.0, float((values - spread)[is_known].min()))
            high = max(0.0, float((values + spread)[is_known].max()))
            self.plot.setYRange(low, high, padding=0.06)

    def recolour(self) -> None:
        """Draw the whiskers in the colour of text, too."""
        super().recolour()
        self._whiskers.setData(pen=self.pen(self.ink()))
