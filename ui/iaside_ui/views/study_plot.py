"""The models of a study as points with their names; one of them can be looked at closely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QFontMetricsF
from PySide6.QtWidgets import QToolTip

from iaside_ui.appearance import SERIES_COLOURS
from iaside_ui.qtmodels import plain_tip
from iaside_ui.views.symbol_key import SYMBOL_SIZE, Symbol, SymbolKey
from iaside_ui.views.themed_plot import ThemedPlot

import pyqtgraph as pg  # isort: skip - after Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
    from PySide6.QtGui import QKeyEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from iaside_ui.state.study import StudyPoint

SYMBOLS: Final = "osdt+xph"
RING_SIZE: Final = 17
REACH: Final = 24
"""So near, in device-independent pixels, must the mouse come to a point."""
MARGIN: Final = 0.12
NAME_CHARACTERS: Final = 28
STEPS: Final = {
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
}


class StudyPlot(ThemedPlot):
    """A scatter plot. Points are reached by mouse and by the arrow keys, from left to right.

    Models of one lineage have one symbol, which the key below names.
    A name is left out where it would lie on another one; hovering and choosing show it.
    """

    pointChosen = Signal(int)  # place among the points

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            name=self.tr("Models of a study"),
            x_label=self.tr("predicted"),
            y_label=self.tr("measured"),
            parent=parent,
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._points: tuple[StudyPoint, ...] = ()
        self._titles = ("", "")
        self._chosen = -1
        self._dots = pg.ScatterPlotItem(size=SYMBOL_SIZE)
        self._ring = pg.ScatterPlotItem(size=RING_SIZE, symbol="o", brush=None)
        self.plot.addItem(self._dots)
        self.plot.addItem(self._ring)
        self._names: list[pg.TextItem] = []
        self.key = SymbolKey(self)
        self.key.setToolTip(self.tr("Models of one lineage have one symbol."))
        self._column.addWidget(self.key)
        self._later = QTimer(self, interval=0, singleShot=True)
        self._later.timeout.connect(self._place_names)
        self.plot.view.sigTransformChanged.connect(self._place_later)
        self.plot.scene().sigMouseMoved.connect(self._hover)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.recolour()

    @property
    def chosen(self) -> int:
        """Place of the point with the ring; -1 for none."""
        return self._chosen

    def show_points(self, points: Sequence[StudyPoint], titles: tuple[str, str]) -> None:
        """Draw other points; the model that was chosen stays so."""
        name = self._points[self._chosen].name if self._chosen >= 0 else ""
        self._points = tuple(points)
        self._titles = titles
        self._chosen = next((i for i, one in enumerate(self._points) if one.name == name), -1)
        self.plot.setLabel("bottom", titles[0])
        self.plot.setLabel("left", titles[1])
        self._draw()

    def choose(self, place: int) -> None:
        """Draw a ring around a point."""
        if place != self._chosen and -1 <= place < len(self._points):
            self._chosen = place
            self._draw_ring()
            self._later.start()
            self.pointChosen.emit(place)

    def numbers(self) -> list[Sequence[object]]:
        """Return both numbers of every model."""
        rows: list[Sequence[object]] = [("model", "lineage", *self._titles)]
        rows += [(one.name, one.lineage, one.predicted, one.measured) for one in self._points]
        return rows

    def recolour(self) -> None:
        """Draw names and ring in the colour of text."""
        super().recolour()
        self._draw()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step from point to point."""
        step = STEPS.get(Qt.Key(event.key()), 0)
        if not step or not self._points:
            super().keyPressEvent(event)
            return
        order = sorted(
            range(len(self._points)),
            key=lambda i: (self._points[i].predicted, self._points[i].measured),
        )
        at = order.index(self._chosen) + step if self._chosen >= 0 else 0
        self.choose(order[at % len(order)])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find room for the names once the plot has its new size."""
        super().resizeEvent(event)
        self._later.start()

    def event(self, event: QEvent) -> bool:
        """Find room for the names where text has another size."""
        if event.type() in {QEvent.Type.FontChange, QEvent.Type.DevicePixelRatioChange}:
            self._later.start()
        return super().event(event)

    def _draw(self) -> None:
        for name in self._names:
            self.plot.removeItem(name)
        self._names = []
        x = np.array([one.predicted for one in self._points])
        y = np.array([one.measured for one in self._points])
        symbols = [self._symbol(one) for one in self._points]
        self._dots.setData(
            x=x,
            y=y,
            symbol=[one.shape for one in symbols],
            brush=[one.colour for one in symbols],
            pen=[one.pen for one in symbols],
        )
        lineages = {one.name: one for one in symbols}
        is_grouped = len({one.group for one in self._points}) > 1
        self.key.show_symbols(tuple(lineages.values()) if is_grouped else ())
        for one in self._points:
            text = pg.TextItem(_short(one.name), color=self.ink(), anchor=(0, 0.5))
            text.setFont(self.font())
            self._names.append(text)
            self.plot.addItem(text, ignoreBounds=True)
        if self._points:
            self.plot.setXRange(*_range(x), padding=0)
            self.plot.setYRange(*_range(y), padding=0)
        self._draw_ring()
        self._later.start()

    def _symbol(self, point: StudyPoint) -> Symbol:
        """Return what a point looks like, after its lineage."""
        colour = QColor(SERIES_COLOURS[point.group % len(SERIES_COLOURS)])
        return Symbol(
            name=point.lineage,
            shape=SYMBOLS[point.group % len(SYMBOLS)],
            colour=colour,
            pen=self.pen(colour),
        )

    def _draw_ring(self) -> None:
        chosen = [self._points[self._chosen]] if self._chosen >= 0 else []
        self._ring.setData(x=[one.predicted for one in chosen], y=[one.measured for one in chosen])
        self._ring.setPen(self.pen(self.ink(), 2))
        self.setAccessibleDescription(self.words_of(self._chosen) if chosen else "")

    def words_of(self, place: int) -> str:
        """Return name and numbers of a point."""
        one = self._points[place]
        return self.tr("{name}: {x_title} {x}, {y_title} {y}").format(
            name=one.name,
            x_title=self._titles[0],
            x=f"{one.predicted:.3f}",
            y_title=self._titles[1],
            y=f"{one.measured:.3f}",
        )

    @Slot()
    def _place_later(self) -> None:
        self._later.start()

    @Slot()
    def _place_names(self) -> None:
        """Write each name beside its point, where it touches neither a name nor a point."""
        view = self.plot.view
        frame = view.sceneBoundingRect()
        metrics = QFontMetricsF(self.font())
        at = [view.mapViewToScene(QPointF(one.predicted, one.measured)) for one in self._points]
        half = SYMBOL_SIZE / 2
        taken = [QRectF(one.x() - half, one.y() - half, SYMBOL_SIZE, SYMBOL_SIZE) for one in at]
        first = [self._chosen] if self._chosen >= 0 else []
        others = [place for place in range(len(at)) if place != self._chosen]
        for place in (*first, *others):
            text = self._names[place]
            name = _short(self._points[place].name)
            width, height = metrics.horizontalAdvance(name) + 4, metrics.height()
            for anchor, box in _sides(at[place], width, height):
                fits = frame.contains(box) and not any(
                    box.intersects(other) for number, other in enumerate(taken) if number != place
                )
                if fits or place == self._chosen:
                    text.setAnchor(anchor)
                    one = self._points[place]
                    text.setPos(one.predicted, one.measured)
                    taken.append(box)
                    text.show()
                    break
            else:
                text.hide()

    def _nearest(self, scene: QPointF) -> int:
        """Return the point under the mouse; -1 for none."""
        view = self.plot.view
        best, place = float(REACH), -1
        for number, one in enumerate(self._points):
            there = view.mapViewToScene(QPointF(one.predicted, one.measured)) - scene
            distance = float(np.hypot(there.x(), there.y()))
            if distance < best:
                best, place = distance, number
        return place

    @Slot(object)
    def _hover(self, scene: QPointF) -> None:
        """Name the point under the mouse."""
        place = self._nearest(scene)
        if place < 0:
            QToolTip.hideText()
            return
        position = self.plot.mapToGlobal(self.plot.mapFromScene(scene))
        QToolTip.showText(position, plain_tip(self.words_of(place)), self.plot)

    @Slot(object)
    def _click(self, event: MouseClickEvent) -> None:
        """Choose the point under the mouse."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        place = self._nearest(event.scenePos())
        if place >= 0:
            self.choose(place)


def _short(name: str) -> str:
    return (
        name
        if len(name) <= NAME_CHARACTERS
        else f"{name[: NAME_CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
    )


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of an axis, with room for names."""
    low, high = float(values.min()), float(values.max())
    room = MARGIN * ((high - low) or abs(high) or 1.0)
    return low - room, high + room


def _sides(
    centre: QPointF, width: float, height: float
) -> list[tuple[tuple[float, float], QRectF]]:
    """Return where a name may stand beside its point, the best first: anchor and box."""
    x, y = centre.x(), centre.y()
    gap = SYMBOL_SIZE / 2 + 1
    return [
        ((-gap / width, 0.5), QRectF(x + gap, y - height / 2, width, height)),
        ((1 + gap / width, 0.5), QRectF(x - gap - width, y - height / 2, width, height)),
        ((0.5, 1 + gap / height), QRectF(x - width / 2, y - gap - height, width, height)),
        ((0.5, -gap / height), QRectF(x - width / 2, y + gap, width, height)),
        ((-gap / width, 1), QRectF(x + gap, y - height, width, height)),
        ((-gap / width, 0), QRectF(x + gap, y, width, height)),
        ((1 + gap / width, 1), QRectF(x - gap - width, y - height, width, height)),
        ((1 + gap / width, 0), QRectF(x - gap - width, y, width, height)),
    ]
