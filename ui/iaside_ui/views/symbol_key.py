"""What the symbols of a plot stand for, in as many lines as it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from iaside_ui.appearance import characters_wide

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QColor, QPaintEvent, QPen

SYMBOL_SIZE: Final = 9
"""Of every symbol of a plot and its key, in device-independent pixels."""
GAP_CHARACTERS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One symbol, as pyqtgraph names it, and what it stands for."""

    name: str
    shape: str
    colour: QColor
    pen: QPen


class SymbolKey(QWidget):
    """Symbols with their names, one after the other; part of what is exported of its plot."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._symbols: tuple[Symbol, ...] = ()
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    @property
    def names(self) -> tuple[str, ...]:
        """What is explained, in order; nothing while the key is not shown."""
        return () if self.isHidden() else tuple(one.name for one in self._symbols)

    def show_symbols(self, symbols: Sequence[Symbol]) -> None:
        """Explain other symbols; without any, there is no key."""
        self._symbols = tuple(symbols)
        self.setVisible(bool(symbols))
        self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines."""
        return round(self._places(width)[-1].y() + 1.5 * self._line) if self._symbols else 0

    def sizeHint(self) -> QSize:
        """Ask for all lines at the width there is."""
        return QSize(1, self.heightForWidth(self.width()))

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw symbols and names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        for one, place in zip(self._symbols, self._places(self.width()), strict=True):
            painter.save()
            painter.translate(place + QPointF(SYMBOL_SIZE / 2, self._line / 2))
            pg.graphicsItems.ScatterPlotItem.drawSymbol(
                painter, one.shape, SYMBOL_SIZE, one.pen, pg.mkBrush(one.colour)
            )
            painter.restore()
            painter.setPen(self.palette().color(QPalette.ColorRole.Text))
            at = place + QPointF(self._indent, (self._line + metrics.ascent()) / 2 - 1)
            painter.drawText(at, one.name)
        painter.end()

    @property
    def _line(self) -> int:
        return self.fontMetrics().lineSpacing()

    @property
    def _indent(self) -> int:
        return SYMBOL_SIZE + characters_wide(self, 1)

    def _places(self, width: int) -> list[QPointF]:
        """Return where each symbol stands, from left to right and then below."""
        gap = characters_wide(self, GAP_CHARACTERS)
        places, at = [], QPointF(gap, 0)
        for one in self._symbols:
            wide = self._indent + self.fontMetrics().horizontalAdvance(one.name)
            if at.x() > gap and at.x() + wide + gap > width:
                at = QPointF(gap, at.y() + self._line)
            places.append(QPointF(at))
            at.setX(at.x() + wide + gap)
        return places
