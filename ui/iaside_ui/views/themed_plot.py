"""What every plot has: the palette's colours, fixed axes, and words for those who cannot see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette, QPen
from PySide6.QtWidgets import QFrame, QVBoxLayout

from iaside_ui.views.exportable import Exportable

import pyqtgraph as pg  # isort: skip - it takes the Qt that it finds imported

if TYPE_CHECKING:
    from PySide6.QtGui import QColor
    from PySide6.QtWidgets import QWidget

AXES: Final = ("left", "bottom")
MIN_LINES: Final = 10
"""A lower plot could not be read."""
TICK_LENGTH: Final = 4
"""In device-independent pixels, towards the labels."""


class ThemedPlot(Exportable):
    """One plot, recoloured with the palette; it does not scroll or zoom.

    Parameters
    ----------
    name : str
        For screen readers.
    x_label, y_label : str
        With the unit, where there is one.
    parent : QWidget or None
        Its owner.
    """

    def __init__(
        self, *, name: str, x_label: str, y_label: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName(name)
        self.plot = pg.PlotWidget(self, enableMenu=False)
        item = self.plot.getPlotItem()
        item.ctrlMenu.deleteLater()  # a window without a parent, which nothing would ever close
        item.ctrlMenu = None
        self.plot.setFrameShape(QFrame.Shape.NoFrame)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setLabel("bottom", x_label)
        self.plot.setLabel("left", y_label)
        for axis in (self.plot.getAxis(name) for name in AXES):
            axis.enableAutoSIPrefix(False)
            # Two levels of ticks, all labelled and outside; labels at the ends are not left out.
            axis.setStyle(maxTickLevel=1, tickLength=TICK_LENGTH, hideOverlappingLabels=False)
        self.setMinimumHeight(MIN_LINES * self.fontMetrics().lineSpacing())
        half_line = self.fontMetrics().lineSpacing() / 2
        item.layout.setContentsMargins(half_line, half_line, 2 * half_line, half_line / 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.recolour()

    def event(self, event: QEvent) -> bool:
        """Follow the screen: lines are as thick on one of small pixels."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.recolour()
        return super().event(event)

    def recolour(self) -> None:
        """Take the colours of background and axes from the palette."""
        ink = self.ink()
        self.plot.setBackground(self.palette().color(QPalette.ColorRole.Base))
        for name in AXES:
            axis = self.plot.getAxis(name)
            axis.setPen(self.pen(ink))
            axis.setTextPen(ink)

    def pen(
        self,
        colour: QColor,
        width: float = 1.0,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
    ) -> QPen:
        """Return a pen whose width, in device-independent pixels, no zoom of the plot changes."""
        pen = QPen(colour, width * self.devicePixelRatioF(), style)
        pen.setCosmetic(True)
        return pen

    def ink(self) -> QColor:
        """Return the colour of text on the plot."""
        return self.palette().color(QPalette.ColorRole.Text)
