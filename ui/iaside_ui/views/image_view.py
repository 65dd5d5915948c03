"""A picture that fills the room it is given, and the spectrum of one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from iaside_audit.choices import Norm
from iaside_ui.pixels import colour_table, image_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QMouseEvent, QPaintEvent

MIN_SIDE: Final = 56
USUAL_SIDE: Final = 200
"""In device-independent pixels: a smaller picture could not be read."""
ABSENT_OPACITY: Final = 150
EDGE_WIDTH: Final = 1.0


class ImageView(QWidget):
    """One picture, as large as fits, its sides in proportion.

    Parameters
    ----------
    name : str
        For screen readers.
    parent : QWidget or None
        Its owner.
    height_share : float
        Of the room left over in height, how much goes above the picture, 0..1.
    """

    clicked = Signal()

    def __init__(
        self, name: str, parent: QWidget | None = None, *, height_share: float = 0.5
    ) -> None:
        super().__init__(parent)
        self._height_share = height_share
        self.setAccessibleName(name)
        self._image = QImage()
        self._is_dimmed = False
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setSizePolicy(policy)

    @property
    def image(self) -> QImage:
        """The picture shown; null where there is none."""
        return self._image

    def show_pixels(self, pixels: NDArray[np.uint8] | None) -> None:
        """Show other pixels, (H, W, 3) uint8."""
        self._image = QImage() if pixels is None else image_of(pixels)
        self.update()

    def set_dimmed(self, is_dimmed: bool) -> None:  # noqa: FBT001 - as Qt's setters
        """Show that the picture does not take part."""
        if is_dimmed != self._is_dimmed:
            self._is_dimmed = is_dimmed
            self.update()

    def sizeHint(self) -> QSize:
        """Return the usual size."""
        return QSize(USUAL_SIDE, USUAL_SIDE)

    def minimumSizeHint(self) -> QSize:
        """Return the least that can be read."""
        return QSize(MIN_SIDE, MIN_SIDE)

    def picture_rect(self) -> QRectF:
        """Return where the picture is painted, in the widget's coordinates."""
        if self._image.isNull():
            return QRectF(self.rect())
        scale = min(self.width() / self._image.width(), self.height() / self._image.height())
        width, height = scale * self._image.width(), scale * self._image.height()
        top = self._height_share * (self.height() - height)
        return QRectF((self.width() - width) / 2, top, width, height)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Paint the picture, or an empty frame."""
        painter = QPainter(self)
        rect = self.picture_rect()
        if self._image.isNull():
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), EDGE_WIDTH))
            painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(rect, self._image)
        self.paint_over(painter, rect)
        if self._is_dimmed:
            painter.fillRect(rect, _veil(self))

    def paint_over(self, painter: QPainter, rect: QRectF) -> None:
        """Paint what belongs on top of the picture; nothing here."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Say that the picture was clicked."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(
            event.position().toPoint()
        ):
            self.clicked.emit()


class SpectrumView(ImageView):
    """The power of an image over its frequencies, with the edges of the bands; absent ones are dim.

    Zero frequency is in the middle; the sides are the Nyquist frequency of each axis.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._edges: tuple[float, ...] = ()
        self._norm = Norm.LINF
        self._code = 0

    def show_spectrum(self, levels: NDArray[np.uint8], edges: Sequence[float], norm: Norm) -> None:
        """Show another spectrum, (H, W) uint8, cut at `edges` of the radius `norm`."""
        self._edges = tuple(edges)
        self._norm = norm
        self.show_pixels(colour_table()[levels])

    def show_coalition(self, code: int) -> None:
        """Dim the bands that are absent."""
        self._code = code
        self.update()

    def paint_over(self, painter: QPainter, rect: QRectF) -> None:
        """Dim the absent bands, and draw the edges in two colours, to be seen on any."""
        painter.save()
        painter.setClipRect(rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rings = [self._ring(rect, edge) for edge in self._edges[1:]]
        for band, ring in enumerate(rings):
            if not self._code >> band & 1:
                inside = rings[band - 1] if band else QPainterPath()
                painter.fillPath(ring.subtracted(inside), _veil(self))
        for colour, width in ((Qt.GlobalColor.black, 3 * EDGE_WIDTH), (Qt.GlobalColor.white, 1.0)):
            painter.setPen(QPen(QColor(colour), width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for ring in rings[:-1]:
                painter.drawPath(ring)
        painter.restore()

    def _ring(self, rect: QRectF, edge: float) -> QPainterPath:
        """Return the line rho = `edge`."""
        path = QPainterPath()
        centre = rect.center()
        if self._norm == Norm.LINF:
            half = QPointF(edge * rect.width() / 2, edge * rect.height() / 2)
            path.addRect(QRectF(centre - half, centre + half))
        else:
            # rho is 1 in the corner, where each axis has its Nyquist frequency, half the picture.
            path.addEllipse(
                centre, edge * rect.width() / math.sqrt(2), edge * rect.height() / math.sqrt(2)
            )
        return path


class ColourBar(QWidget):
    """The colours of a map and the numbers at their ends.

    Parameters
    ----------
    name : str
        What the colours stand for, with the unit.
    parent : QWidget or None
        Its owner.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._ends = ("", "")
        self.setAccessibleName(name)
        self.setFixedHeight(2 * self.fontMetrics().lineSpacing())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_name(self, name: str) -> None:
        """Let the colours stand for something else."""
        self._name = name
        self.setAccessibleName(name)
        self.update()

    def show_ends(self, low: str, high: str) -> None:
        """Write other numbers at the ends."""
        self._ends = (low, high)
        self.setAccessibleDescription(f"{low} - {high}")
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        """Paint the bar with its name and ends below."""
        painter = QPainter(self)
        line = self.fontMetrics().lineSpacing()
        bar = QRectF(0, 2, self.width(), line - 4)
        colours = colour_table()[None]
        painter.drawImage(bar, image_of(np.ascontiguousarray(colours)))
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        below = QRectF(0, line, self.width(), line)
        for flag, text in (
            (Qt.AlignmentFlag.AlignLeft, self._ends[0]),
            (Qt.AlignmentFlag.AlignHCenter, self._name),
            (Qt.AlignmentFlag.AlignRight, self._ends[1]),
        ):
            painter.drawText(below, flag, text)


def _veil(widget: QWidget) -> QColor:
    colour = widget.palette().color(QPalette.ColorRole.Window)
    colour.setAlpha(ABSENT_OPACITY)
    return colour
