"""What the model says of one image as bands are added, from either end; and its Shapley values."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QBrush, QColor

from iaside_ui.appearance import (
    AGAINST_COLOUR,
    BAR_COLOUR,
    HIGH_COLOUR,
    LOW_COLOUR,
)
from iaside_ui.views.exportable import Exportable
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
    from PySide6.QtWidgets import QWidget

    from iaside_audit.auditing.inspector.profiles import Sweep
    from iaside_audit.types import FloatVector

LINE_WIDTH: Final = 2.0
SYMBOL_SIZE: Final = 7
FLIP_SIZE: Final = 13
BAR_WIDTH: Final = 0.8
MAX_TICKS: Final = 9


class SweepPlot(ThemedPlot):
    """Probability of the label over the number of bands kept; a ring marks a changed prediction.

    Low-pass is the solid line with dots, high-pass the dashed one with squares.

    A click chooses the coalition of the nearest step.
    """

    codeChosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            name=self.tr("Sweeps of the cut-off"),
            x_label=self.tr("bands kept"),
            y_label=self.tr("p(label)"),
            parent=parent,
        )
        self._sweeps: dict[str, Sweep | None] = {"low": None, "high": None}
        self._lines: dict[str, pg.PlotDataItem] = {}
        self._flips: dict[str, pg.ScatterPlotItem] = {}
        for key, symbol in (("low", "o"), ("high", "s")):
            self._lines[key] = pg.PlotDataItem(
                symbol=symbol, symbolSize=SYMBOL_SIZE, antialias=True
            )
            self._flips[key] = pg.ScatterPlotItem(symbol="o", size=FLIP_SIZE, brush=None)
            self.plot.addItem(self._lines[key])
            self.plot.addItem(self._flips[key])
        self.plot.setYRange(0, 1, padding=0.06)
        self.plot.setXRange(0, 1, padding=0.06)
        self.plot.scene().sigMouseClicked.connect(self._choose)
        self.recolour()

    def show_sweeps(self, low: Sweep | None, high: Sweep | None) -> None:
        """Draw other sweeps; None where one is not known yet."""
        self._sweeps = {"low": low, "high": high}
        for key, sweep in self._sweeps.items():
            shares = np.array([]) if sweep is None else np.exp(sweep.log_p)
            self._lines[key].setData(np.arange(len(shares)), shares)
            flips = list(sweep.flips) if sweep is not None else []
            self._flips[key].setData(x=flips, y=shares[flips] if flips else [])
            if sweep is not None:
                n_bands = len(shares) - 1
                self.plot.setXRange(0, n_bands, padding=0.06)
                step = max(1, -(-n_bands // (MAX_TICKS - 1)))
                ticks = [(one, str(one)) for one in range(0, n_bands + 1, step)]
                self.plot.getAxis("bottom").setTicks([ticks])

    def numbers(self) -> list[Sequence[object]]:
        """Return the label's log-probability and the prediction at every step of both sweeps."""
        low, high = self._sweeps["low"], self._sweeps["high"]
        rows: list[Sequence[object]] = [
            ("bands_kept", "low_pass_log_p", "low_pass_class", "high_pass_log_p", "high_pass_class")
        ]
        if low is not None and high is not None:
            steps = zip(low.log_p, low.predictions, high.log_p, high.predictions, strict=True)
            rows += [(kept, *(one.item() for one in step)) for kept, step in enumerate(steps)]
        return rows

    def recolour(self) -> None:
        """Take the colours of everything but the data from the palette."""
        super().recolour()
        for key, colour in (("low", LOW_COLOUR), ("high", HIGH_COLOUR)):
            style = Qt.PenStyle.SolidLine if key == "low" else Qt.PenStyle.DashLine
            self._lines[key].setPen(self.pen(QColor(colour), LINE_WIDTH, style))
            self._lines[key].setSymbolBrush(QColor(colour))
            self._lines[key].setSymbolPen(None)
            self._flips[key].setPen(self.pen(self.ink(), LINE_WIDTH))

    @Slot(object)
    def _choose(self, event: MouseClickEvent) -> None:
        """Choose the coalition of the nearest step."""
        view = self.plot.view
        place = view.mapSceneToView(event.scenePos())
        distances = []
        for sweep in self._sweeps.values():
            if sweep is not None:
                step = int(np.clip(round(place.x()), 0, len(sweep.codes) - 1))
                distance = abs(float(np.exp(sweep.log_p[step])) - place.y())
                distances.append((distance, int(sweep.codes[step])))
        if distances:
            self.codeChosen.emit(min(distances)[1])


class ShapleyPlot(ThemedPlot):
    """The Shapley value of every band of one image; bars below zero are hatched."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            name=self.tr("Shapley values of this image"),
            x_label=self.tr("band"),
            y_label=self.tr("Shapley value"),
            parent=parent,
        )
        self._values: FloatVector = np.zeros(0)
        self._bars = pg.BarGraphItem(x=[], height=[], width=BAR_WIDTH)
        self._zero = pg.InfiniteLine(angle=0)
        self.plot.addItem(self._bars)
        self.plot.addItem(self._zero)
        self.recolour()

    def show_values(self, values: FloatVector | None, n_bands: int, unit: str) -> None:
        """Draw other values; none where they are not known yet."""
        self._values = np.zeros(n_bands) if values is None else values
        label = self.tr("Shapley")  # short: the plot may be low
        self.plot.setLabel("left", f"{label} ({unit})" if unit else label)
        self.setAccessibleDescription(
            "" if values is None else ", ".join(f"{one:+.2f}" for one in values)
        )
        self._draw()

    def numbers(self) -> list[Sequence[object]]:
        """Return the Shapley value of every band."""
        rows: list[Sequence[object]] = [("band", "shapley")]
        rows += [(band, float(value)) for band, value in enumerate(self._values)]
        return rows

    def recolour(self) -> None:
        """Draw the zero line in the colour of text."""
        super().recolour()
        self._zero.setPen(self.pen(self.ink()))
        self._draw()

    def _draw(self) -> None:
        n_bands = len(self._values)
        colours = [QColor(BAR_COLOUR if one >= 0 else AGAINST_COLOUR) for one in self._values]
        self._bars.setOpts(
            x=np.arange(n_bands),
            height=self._values,
            width=BAR_WIDTH,
            pens=[self.pen(one) for one in colours] or None,  # not for an empty list
            brushes=[
                QBrush(colour) if value >= 0 else QBrush(colour, Qt.BrushStyle.BDiagPattern)
                for colour, value in zip(colours, self._values, strict=True)
            ],
        )
        if n_bands:
            self.plot.setXRange(-0.5, n_bands - 0.5, padding=0)
            step = max(1, -(-n_bands // MAX_TICKS))
            self.plot.getAxis("bottom").setTicks(
                [[(one, str(one)) for one in range(0, n_bands, step)]]
            )
            low, high = min(0.0, float(self._values.min())), max(0.0, float(self._values.max()))
            room = 0.06 * ((high - low) or 1.0)  # a whole unit, where all are 0 or not known yet
            high = high if high > low else 1.0
            self.plot.setYRange(low - (room if low < 0 else 0), high + room, padding=0)


class ImagePlots(Exportable):
    """What is plotted of one image: the menu exports all of it, a right click one plot alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Bands of one image"))
        self.shapley = ShapleyPlot(self)
        self.sweeps = SweepPlot(self)

    def numbers(self) -> list[Sequence[object]]:
        """Return the numbers of both plots side by side; sweeps have a step more than bands."""
        left, right = self.shapley.numbers(), self.sweeps.numbers()
        pairs = zip_longest(left, right)
        return [
            (*(one or [""] * len(left[0])), *(other or [""] * len(right[0])))
            for one, other in pairs
        ]
