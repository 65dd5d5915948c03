"""Plots over spatial frequency that stand above one another on one axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor

from iaside_audit.choices import Norm
from iaside_ui.appearance import BAR_COLOUR, SERIES_COLOURS
from iaside_ui.state.frequency import AXIS_CYCLES_PER_PX, Panel
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPen, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from iaside_ui.state.frequency import Series
    from iaside_ui.views.plain_plot import PlainPlot

MIN_LINES: Final = 5
"""Of text; several plots share the height of a page."""
WIDTH: Final = 1.5
STRONG_WIDTH: Final = 3.0
INTERVAL_OPACITY: Final = 50
EDGE_OPACITY: Final = 70
MAX_TICKS: Final = 9
STYLES: Final = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
    Qt.PenStyle.DashDotDotLine,
)
"""Curves differ by their lines too, so nothing is said by colour alone."""
ROOM: Final = 0.06
LEAST_REACH: Final = 0.05
"""Of the axis, in shares of its largest number: nearly equal numbers look equal."""
LEGEND_ROOM: Final = 0.25
"""Of the range of the numbers."""
CHARACTERS: Final = 6
"""Of the labels beside the vertical axis, so that plots above one another begin alike."""
RHO: Final = "\N{GREEK SMALL LETTER RHO}"


class _Curve:
    """The items of one curve, kept and used again: making them is what takes time."""

    def __init__(self, plot: PlainPlot) -> None:
        self.line = pg.PlotDataItem(connect="finite", antialias=True)
        self._ends = (pg.PlotCurveItem(), pg.PlotCurveItem())
        self._veil = pg.FillBetweenItem(*self._ends)
        for item in (self._veil, self.line):
            plot.addItem(item)

    def show(self, series: Series, colour: QColor, pen: QPen) -> None:
        """Draw other numbers."""
        at, values, low, high = _outlined(series)
        known = np.isfinite(low) & np.isfinite(high)
        veil = QColor(colour)
        veil.setAlpha(INTERVAL_OPACITY)
        for item, end in zip(self._ends, (low, high), strict=True):
            item.setData(at[known], end[known])
        self._veil.setBrush(QBrush(veil))
        self._veil.setVisible(bool(known.any()))
        self.line.setData(at, values)
        self.line.setPen(pen)
        self.line.setVisible(True)

    def hide(self) -> None:
        """Draw nothing."""
        self._veil.setVisible(False)
        self.line.setVisible(False)


class FrequencyPlot(ThemedPlot):
    """Curves with intervals, steps and bars over rho, with the edges of the bands.

    Parameters
    ----------
    name : str
        For screen readers.
    y_label : str
        With the unit.
    has_axis : bool
        Whether the frequency axis is written below; the lowest of several has it.
    parent : QWidget or None
        Its owner.
    """

    def __init__(
        self, *, name: str, y_label: str, has_axis: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(name=name, x_label="", y_label=y_label, parent=parent)
        self._panel = Panel()
        self._axis: tuple[tuple[float, ...], Norm, bool] | None = None
        self._lines: list[pg.InfiniteLine] = []
        self._curves: list[_Curve] = []
        self._names: tuple[str, ...] = ()
        self._has_axis = has_axis
        line = self.fontMetrics().lineSpacing()
        self.setMinimumHeight(MIN_LINES * line)
        self.plot.getAxis("left").setWidth(
            CHARACTERS * self.fontMetrics().averageCharWidth() + 2 * line
        )
        self._bars = pg.BarGraphItem(x=[], height=[], width=1)
        self._whiskers = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0))
        self._level = pg.InfiniteLine(angle=0)
        for item in (self._bars, self._whiskers, self._level):
            self.plot.addItem(item)
        # In a row above the curves, for which the axis leaves room.
        self._legend = pg.LegendItem(offset=(-line // 2, 1), labelTextColor=self.ink())
        self._legend.setParentItem(self.plot.view)
        self._basis = pg.TextItem(anchor=(0, 0))  # at the other end of that row
        self.plot.addItem(self._basis, ignoreBounds=True)
        self.plot.setXRange(0, 1, padding=0)
        self.show_axis((), Norm.LINF)
        self.recolour()

    @property
    def panel(self) -> Panel:
        """What is drawn."""
        return self._panel

    def set_has_axis(self, has_axis: bool) -> None:  # noqa: FBT001 - as Qt's setters
        """Say whether the axis is written below; :meth:`show_axis` does it."""
        self._has_axis = has_axis

    def show_axis(self, edges: Sequence[float], norm: Norm) -> None:
        """Write the axis of a radius, with the edges of the bands."""
        wanted = (tuple(edges), norm, self._has_axis)
        if wanted == self._axis:
            return
        self._axis = wanted
        axis = self.plot.getAxis("bottom")
        axis.setStyle(showValues=self._has_axis)
        self._set_ticks()
        axis.showLabel(self._has_axis)
        if self._has_axis:
            unit = f"{AXIS_CYCLES_PER_PX[norm]:.2g}"
            what = self.tr("frequency {rho} (1 is {cycles} cycles per pixel)")
            self.plot.setLabel("bottom", what.format(rho=RHO, cycles=unit))
        for line in self._lines:
            self.plot.removeItem(line)
        self._lines = [pg.InfiniteLine(edge, angle=90) for edge in wanted[0][1:-1]]
        for line in self._lines:
            line.setZValue(-1)
            self.plot.addItem(line)
        self._recolour_lines()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Label as many edges as there is room for."""
        super().resizeEvent(event)
        self._set_ticks()
        self._fit()

    def show_panel(self, panel: Panel) -> None:
        """Draw other numbers."""
        self._panel = panel
        self._describe()
        self._draw()

    def numbers(self) -> list[Sequence[object]]:
        """Return every curve: where, value and interval; steps from one edge to the next."""
        rows: list[Sequence[object]] = [("curve", "rho_low", "rho_high", "value", "low", "high")]
        for one in self._panel.everything:
            ends = (one.at[:-1], one.at[1:]) if one.is_stepped else (one.at, one.at)
            columns = (*ends, one.values, one.low, one.high)
            rows += [(one.name, *map(float, row)) for row in zip(*columns, strict=True)]
        return rows

    def recolour(self) -> None:
        """Take the colours of everything but the data from the palette."""
        super().recolour()
        self._legend.setLabelTextColor(self.ink())
        self._basis.setColor(self.ink())
        self._names = ()  # labels take their colour when they are made
        self._recolour_lines()
        self._draw()

    def _recolour_lines(self) -> None:
        ink = QColor(self.ink())
        self._level.setPen(self.pen(ink, 1.0, Qt.PenStyle.DotLine))
        ink.setAlpha(EDGE_OPACITY)
        for line in self._lines:
            line.setPen(self.pen(ink))

    def _set_ticks(self) -> None:
        edges = () if self._axis is None else self._axis[0]
        ends = edges or tuple(np.linspace(0, 1, 5))
        room = self.width() / (2 * CHARACTERS * self.fontMetrics().averageCharWidth())
        n_bands = len(ends) - 1
        least = math.ceil(n_bands / min(max(room - 1, 1), MAX_TICKS - 1))
        # The last edge is labelled too, where some step ends on it.
        ending = (one for one in range(least, n_bands) if n_bands % one == 0)
        step = next(ending, least)
        ticks = [(edge, f"{edge:.3g}") for edge in ends[::step]]
        self.plot.getAxis("bottom").setTicks([ticks])

    def _draw(self) -> None:
        panel = self._panel
        self._draw_bars(panel.bars)
        self._level.setVisible(math.isfinite(panel.level))
        if math.isfinite(panel.level):
            self._level.setValue(panel.level)
        while len(self._curves) < len(panel.series):
            self._curves.append(_Curve(self.plot))
        for place, curve in enumerate(self._curves):
            if place >= len(panel.series):
                curve.hide()
                continue
            one = panel.series[place]
            colour = QColor(SERIES_COLOURS[place % len(SERIES_COLOURS)])
            width = STRONG_WIDTH if one.is_strong else WIDTH
            curve.show(one, colour, self.pen(colour, width, STYLES[place % len(STYLES)]))
        self._draw_legend()
        self._basis.setText(panel.basis)
        self._fit()

    def _draw_bars(self, bars: Series | None) -> None:
        self._bars.setVisible(bars is not None)
        self._whiskers.setVisible(bars is not None)
        if bars is None:
            return
        colour = QColor(BAR_COLOUR)
        middles = (bars.at[1:] + bars.at[:-1]) / 2
        heights = np.nan_to_num(bars.values)
        widths = 0.94 * np.diff(bars.at)
        self._bars.setOpts(
            x=middles, height=heights, width=widths, brush=QBrush(colour), pen=self.pen(colour)
        )
        known = np.isfinite(bars.low) & np.isfinite(bars.high)
        self._whiskers.setData(
            x=middles[known],
            y=heights[known],
            top=np.maximum(bars.high - heights, 0)[known],
            bottom=np.maximum(heights - bars.low, 0)[known],
            beam=float(widths.min()) / 4,
            pen=self.pen(self.ink()),
        )

    def _draw_legend(self) -> None:
        names = tuple(one.name for one in self._panel.series)
        self._legend.setVisible(len(names) > 1)
        if names == self._names:
            return
        self._names = names
        self._legend.clear()
        self._legend.setColumnCount(max(len(names), 1))
        for curve, name in zip(self._curves, names, strict=False):
            self._legend.addItem(curve.line, name)

    def _place_legend(self) -> int:
        """Put the legend right of the basis, or below it where there is no room; return the rows.

        Each takes :data:`LEGEND_ROOM`.
        """
        line = self.fontMetrics().lineSpacing()
        has_basis, has_legend = bool(self._panel.basis), len(self._panel.series) > 1
        needed = self._basis.boundingRect().width() + self._legend.boundingRect().width() + line
        is_below = has_basis and has_legend and needed > self.plot.view.width() > 0
        self._legend.setOffset((-line // 2, line if is_below else 1))
        return 2 if is_below else int(has_basis or has_legend)

    def _fit(self) -> None:
        """Let the axis reach over everything that is drawn."""
        panel = self._panel
        if panel.is_empty:
            return
        legend = LEGEND_ROOM * self._place_legend()
        if panel.ends is not None:
            low, high = panel.ends
            room = ROOM * (high - low)
            top = high + room + legend * (high - low)
            self.plot.setYRange(low - room, top, padding=0)
            self._basis.setPos(0, top)
            ticks = [(one, f"{one:g}") for one in np.linspace(low, high, 5)]
            self.plot.getAxis("left").setTicks([ticks])
            return
        numbers = [end for one in panel.everything for end in (*one.values, *one.low, *one.high)]
        known = [one for one in numbers if math.isfinite(one)]
        low, high = min(known, default=0.0), max(known, default=1.0)
        if panel.bars is not None:
            low = min(low, 0.0)
        reach = max(high - low, LEAST_REACH * max(abs(low), abs(high)), 1e-3)
        room = ROOM * reach
        is_standing = panel.bars is not None and low == 0
        top = high + room + legend * reach
        self.plot.setYRange(low - (0 if is_standing else room), top, padding=0)
        self._basis.setPos(0, top)

    def _describe(self) -> None:
        """Say in words what is drawn."""
        said = []
        for one in self._panel.everything:
            known = np.isfinite(one.values)
            if known.any():
                words = self.tr("{name}: {first} at the lowest frequency, {last} at the highest")
                values = one.values[known]
                said.append(
                    words.format(name=one.name, first=f"{values[0]:.3g}", last=f"{values[-1]:.3g}")
                )
        if said and self._panel.basis:
            said.append(self._panel.basis)
        self.setAccessibleDescription("; ".join(said))


def _outlined(one: Series) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the points of a line; of steps both ends of every tread."""
    if not one.is_stepped:
        return one.at, one.values, one.low, one.high
    at = np.repeat(one.at, 2)[1:-1]
    return at, np.repeat(one.values, 2), np.repeat(one.low, 2), np.repeat(one.high, 2)
