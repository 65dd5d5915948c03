"""Open results side by side: bars of their bands, their scores, and what differs between them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from iaside_ui.appearance import enlarge_font, series_brush
from iaside_ui.qtmodels import compared_model, difference_model
from iaside_ui.state import ActionKey
from iaside_ui.views.buttons import action_button
from iaside_ui.views.tables import fit_columns, make_heading, make_table
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QAction

    from iaside_ui.state.comparison import ComparisonState

GROUP_WIDTH: Final = 0.84


class ComparedPlot(ThemedPlot):
    """The importance of every band, a bar for each result, with intervals."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            name=self.tr("Importance of the bands, results side by side"),
            x_label=self.tr("band"),
            y_label=self.tr("spectral importance"),
            parent=parent,
        )
        self._state: ComparisonState | None = None
        self._items: list[pg.GraphicsObject] = []
        self.recolour()

    def show_state(self, state: ComparisonState) -> None:
        """Draw other results."""
        self._state = state
        self._draw()

    def numbers(self) -> list[Sequence[object]]:
        """Return importance and interval of every band of every result."""
        rows: list[Sequence[object]] = [("result", "band", "importance", "low", "high")]
        for one in () if self._state is None else self._state.results:
            rows += [
                (one.name, band.index, band.importance, *band.importance_interval)
                for band in one.bands
            ]
        return rows

    def recolour(self) -> None:
        """Draw the whiskers in the colour of text."""
        super().recolour()
        self._draw()

    def _draw(self) -> None:
        for item in self._items:
            self.plot.removeItem(item)
        self._items = []
        results = () if self._state is None else self._state.results
        width = GROUP_WIDTH / max(len(results), 1)
        top, n_bands = 0.1, 1
        for place, one in enumerate(results):
            colour = series_brush(place).color()
            heights = np.array([_finite(band.importance) for band in one.bands])
            ends = np.array([band.importance_interval for band in one.bands]).reshape(-1, 2)
            positions = np.arange(len(heights)) + (place - (len(results) - 1) / 2) * width
            bars = pg.BarGraphItem(
                x=positions,
                height=heights,
                width=0.92 * width,
                pen=self.pen(colour),
                brush=series_brush(place),
            )
            is_known = np.isfinite(ends).all(axis=1)
            whiskers = pg.ErrorBarItem(
                x=positions[is_known],
                y=heights[is_known],
                bottom=np.maximum(heights - ends[:, 0], 0)[is_known],
                top=np.maximum(ends[:, 1] - heights, 0)[is_known],
                beam=width / 3,
                pen=self.pen(self.ink()),
            )
            for item in (bars, whiskers):
                self.plot.addItem(item)
                self._items.append(item)
            n_bands = max(n_bands, len(heights))
            top = max(top, float(heights.max(initial=0)), float(np.nanmax(ends, initial=0)))
        self.plot.setXRange(-0.5, n_bands - 0.5, padding=0)
        self.plot.setYRange(0, 1.05 * top, padding=0)
        self.plot.getAxis("bottom").setTicks([[(one, str(one)) for one in range(n_bands)]])


class ComparisonPage(QWidget):
    """The plot above; below it the results, and their differences from the first.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(self.tr("Compare results"), self)
        enlarge_font(title, 1.4)
        head = QHBoxLayout()
        head.addWidget(title, stretch=1)
        head.addWidget(action_button(actions[ActionKey.OPEN_RESULT], self))
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        self.plot = ComparedPlot(self)
        self._results = compared_model(self)
        self._differences = difference_model(self)
        self.result_table = make_table(self._results, self.tr("Results"), self)
        self.difference_table = make_table(self._differences, self.tr("Differences"), self)
        below = QSplitter(Qt.Orientation.Horizontal, self)
        below.setChildrenCollapsible(False)
        for heading, table in (
            (self.tr("&Results"), self.result_table),
            (self.tr("&Differences from the first"), self.difference_table),
        ):
            panel = QWidget(self)
            column = QVBoxLayout(panel)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(make_heading(heading, table, panel))
            column.addWidget(table)
            below.addWidget(panel)
        halves = QSplitter(Qt.Orientation.Vertical, self)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.plot)
        halves.addWidget(below)
        halves.setStretchFactor(0, 3)
        halves.setStretchFactor(1, 2)
        halves.setSizes([600, 400])  # shares of what there is
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(self._note)
        layout.addWidget(halves, stretch=1)

    @property
    def note(self) -> str:
        """What there is to say of the comparison."""
        return self._note.text()

    def show_state(self, state: ComparisonState) -> None:
        """Show one snapshot."""
        self._note.setText(state.note)
        self.plot.show_state(state)
        self._results.show_rows(state.results)
        self._differences.show_rows(state.differences)
        fit_columns(self.result_table)
        fit_columns(self.difference_table)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
