"""Predicted against measured loss: a point for every condition."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor

from iaside_ui.appearance import BAR_COLOUR, TRACE_COLOUR
from iaside_ui.qtmodels.corruptions import condition_title
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
    from PySide6.QtWidgets import QWidget

    from iaside_audit.robustness.findings import ConditionPrediction

SIZE: Final = 6
CHOSEN_SIZE: Final = 13
ROOM: Final = 0.06


class LossPlot(ThemedPlot):
    """Measured loss over predicted loss; on the dashed line they agree.

    The chosen condition is a diamond with both intervals; a click chooses the nearest.
    """

    conditionChosen = Signal(object)  # (corruption, severity)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            name=self.tr("Predicted and measured loss"),
            x_label=self.tr("predicted loss (nats)"),
            y_label=self.tr("measured loss (nats)"),
            parent=parent,
        )
        self._predictions: tuple[ConditionPrediction, ...] = ()
        self._chosen: ConditionPrediction | None = None
        self._points = pg.ScatterPlotItem(symbol="o", size=SIZE, pen=None)
        self._mark = pg.ScatterPlotItem(symbol="d", size=CHOSEN_SIZE)
        self._whiskers = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0))
        self._agreement = pg.InfiniteLine((0, 0), angle=45)
        for item in (self._agreement, self._points, self._whiskers, self._mark):
            self.plot.addItem(item)
        self.plot.scene().sigMouseClicked.connect(self._choose)
        self.recolour()

    def show_predictions(
        self, predictions: Sequence[ConditionPrediction], chosen: ConditionPrediction | None
    ) -> None:
        """Draw other numbers."""
        self._predictions = tuple(one for one in predictions if math.isfinite(one.measured.value))
        self._chosen = chosen if chosen in self._predictions else None
        self._draw()

    def numbers(self) -> list[Sequence[object]]:
        """Return both losses of every condition, with intervals."""
        names = ("predicted", "measured")
        ends = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
        rows: list[Sequence[object]] = [("corruption", "severity", *ends, "clean", "midpoint")]
        for one in self._predictions:
            measures = (one.predicted, one.measured)
            numbers = [end for each in measures for end in (each.value, *each.interval)]
            rows.append((one.corruption, one.severity, *numbers, one.clean, one.midpoint))
        return rows

    def recolour(self) -> None:
        """Take the colours of everything but the data from the palette."""
        super().recolour()
        self._agreement.setPen(self.pen(self.ink(), 1.0, Qt.PenStyle.DashLine))
        self._points.setBrush(QColor(BAR_COLOUR))
        self._mark.setBrush(QColor(TRACE_COLOUR))
        self._mark.setPen(self.pen(self.ink()))
        self._whiskers.setData(pen=self.pen(self.ink()))

    def _draw(self) -> None:
        x = np.array([one.predicted.value for one in self._predictions])
        y = np.array([one.measured.value for one in self._predictions])
        self._points.setData(x=x, y=y)
        chosen = self._chosen
        self._mark.setVisible(chosen is not None)
        self._whiskers.setVisible(chosen is not None)
        if chosen is not None:
            (left, right), (bottom, top) = chosen.predicted.interval, chosen.measured.interval
            at = np.array([chosen.predicted.value]), np.array([chosen.measured.value])
            self._mark.setData(x=at[0], y=at[1])
            self._whiskers.setData(
                x=at[0],
                y=at[1],
                left=at[0] - left,
                right=right - at[0],
                bottom=at[1] - bottom,
                top=top - at[1],
            )
            words = self.tr("{condition}: predicted {predicted}, measured {measured} nats")
            self.setAccessibleDescription(
                words.format(
                    condition=condition_title(chosen.corruption, chosen.severity),
                    predicted=f"{chosen.predicted.value:.2f}",
                    measured=f"{chosen.measured.value:.2f}",
                )
            )
        if len(x):
            # Both axes share one range, so that the line of agreement is the diagonal.
            low, high = float(min(x.min(), y.min(), 0)), float(max(x.max(), y.max(), 1e-3))
            room = ROOM * (high - low)
            self.plot.setXRange(low - room, high + room, padding=0)
            self.plot.setYRange(low - room, high + room, padding=0)

    @Slot(object)
    def _choose(self, event: MouseClickEvent) -> None:
        """Choose the nearest point."""
        if not self._predictions:
            return
        place = self.plot.view.mapSceneToView(event.scenePos())

        def distance(one: ConditionPrediction) -> float:
            return float(np.hypot(one.predicted.value - place.x(), one.measured.value - place.y()))

        nearest = min(self._predictions, key=distance)
        self.conditionChosen.emit((nearest.corruption, nearest.severity))
