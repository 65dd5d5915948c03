"""Icons: SVG in ``currentColor``, painted in the colour of the text at device pixels."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

if TYPE_CHECKING:
    from PySide6.QtGui import QColor


class SvgIconEngine(QIconEngine):
    """Draws one SVG in the palette's colour of the moment.

    Parameters
    ----------
    name : str
        Of a file in ``iaside_ui/svg``, without its suffix.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def clone(self) -> SvgIconEngine:
        """Return another engine of the same icon; Qt asks for one before it changes an icon."""
        return SvgIconEngine(self._name)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:  # noqa: ARG002 - Qt's interface
        """Paint the icon into `rect`."""
        svg = _source(self._name).replace("currentColor", _colour(mode).name())
        renderer = QSvgRenderer(QByteArray(svg.encode()))
        renderer.render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Return the icon at `size`, in device pixels."""
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, pixmap.rect(), mode, state)
        painter.end()
        return pixmap


def icon(name: str) -> QIcon:
    """Return the icon of that name, in the colours of the palette wherever it is painted."""
    return QIcon(SvgIconEngine(name))


@cache
def _source(name: str) -> str:
    return files("iaside_ui").joinpath("svg", f"{name}.svg").read_text("utf-8")


def _colour(mode: QIcon.Mode) -> QColor:
    palette = QGuiApplication.palette()
    if mode == QIcon.Mode.Disabled:
        return palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.ButtonText)
    if mode == QIcon.Mode.Selected:
        return palette.color(QPalette.ColorRole.HighlightedText)
    return palette.color(QPalette.ColorRole.ButtonText)
