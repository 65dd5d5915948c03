"""What every plot has: the palette's colours, fixed axes, and words for those who cannot see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette, QPen
from PySide6.QtWidgets import QFrame, QVBoxLayout

from iaside_ui.views.exportable import Exportable
from iaside_ui.views.plain_plot import AXES, PlainPlot

if TYPE_CHECKING:
    from PySide6.QtGui import QColor
    from PySide6.QtWidgets import QWidget

MIN_LINES: Final = 10
"""A lower plot could not be read."""


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
        half_line = self.fontMetrics().lineSpacing() / 2
        self.plot = PlainPlot((half_line, half_line, 2 * half_line, half_line / 2), self)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setLabel("bottom", x_label)
        self.plot.setLabel("left", y_label)
        self.setMinimumHeight(MIN_LINES * self.fontMetrics().lineSpacing())
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.plot)

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
