"""A view box and two axes: a plot without the menus and settings that pyqtgraph's own come with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QFontMetricsF, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QGraphicsGridLayout

from iaside_ui.views.turns import paint_in_turn

import pyqtgraph as pg  # isort: skip - it takes the Qt that it finds imported

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

AXES: Final = {"left": (0, 0), "bottom": (1, 1)}
"""Row and column of each axis; the view box is above the one and right of the other."""
TICK_LENGTH: Final = 4
"""In device-independent pixels, towards the labels."""
ABOVE_IMAGES: Final = 0.5
USUAL_NUMBER: Final = "0.00"


class PlainPlot(pg.GraphicsView):  # type: ignore[misc]  # pyqtgraph has no types
    """What is drawn, between a vertical and a horizontal axis; methods are called as pyqtgraph's.

    A ``pyqtgraph.PlotWidget`` is made three times as slowly: most of it are two more axes, a title,
    a button and a form of settings in six menus, which nothing here would ever show. A page of
    eight plots took 150 ms longer for them.

    Parameters
    ----------
    margins : (float, float, float, float)
        Left, top, right and bottom, in device-independent pixels.
    parent : QWidget or None
        Its owner.

    Attributes
    ----------
    view : pyqtgraph.ViewBox
        Maps numbers to pixels; the mouse neither moves nor zooms it.
    """

    def __init__(
        self, margins: tuple[float, float, float, float], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.enableMouse(b=False)
        self.view = pg.ViewBox(enableMouse=False, enableMenu=False)
        self._axes = {name: _make_axis(name, self.view) for name in AXES}
        layout = QGraphicsGridLayout()
        layout.setContentsMargins(*margins)
        layout.setSpacing(0)
        for name, place in AXES.items():
            layout.addItem(self._axes[name], *place)
        layout.addItem(self.view, 0, 1)
        middle = pg.GraphicsWidget()
        middle.setLayout(layout)
        self.setCentralItem(middle)

    def showEvent(self, event: QShowEvent) -> None:
        """Be painted after what is around it."""
        super().showEvent(event)
        paint_in_turn(self)

    def getAxis(self, name: str) -> pg.AxisItem:
        """Return an axis: ``left`` or ``bottom``."""
        return self._axes[name]

    def setLabel(self, name: str, text: str) -> None:
        """Write something beside an axis."""
        self._axes[name].setLabel(text)

    def addItem(self, item: pg.GraphicsObject, **options: bool) -> None:
        """Draw an item; options are those of the view box."""
        self.view.addItem(item, **options)

    def removeItem(self, item: pg.GraphicsObject) -> None:
        """Draw an item no more."""
        self.view.removeItem(item)

    def setXRange(self, low: float, high: float, padding: float) -> None:
        """Show the horizontal axis from `low` to `high`, with a share of their distance beyond."""
        self.view.setXRange(low, high, padding=padding)

    def setYRange(self, low: float, high: float, padding: float) -> None:
        """Show the vertical axis from `low` to `high`, likewise."""
        self.view.setYRange(low, high, padding=padding)


def _make_axis(name: str, view: pg.ViewBox) -> pg.AxisItem:
    """Return an axis: two levels of ticks, all labelled and outside, those at the ends too."""
    axis = pg.AxisItem(name, maxTickLength=TICK_LENGTH)
    axis.enableAutoSIPrefix(False)  # would write the label anew with every change of range
    axis.setStyle(maxTickLevel=1, hideOverlappingLabels=False)
    axis.setZValue(ABOVE_IMAGES)
    # An axis learns the width of its numbers as it is painted, and then has all painted again. Up
    # to ten pixels more than they take it leaves as they are.
    axis.textWidth = QFontMetricsF(QGuiApplication.font()).horizontalAdvance(USUAL_NUMBER)
    axis.linkToView(view)
    return axis
