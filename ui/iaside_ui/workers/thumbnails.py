"""Small pictures of images, made in a thread when they are first asked for, the newest first."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QSize, Qt, QThreadPool, Signal, Slot
from PySide6.QtGui import QIcon, QImage, QImageReader, QPainter, QPixmap

MAX_KEPT: Final = 2000
"""At most 49 MB."""
SIZE: Final = QSize(96, 64)
"""Of every icon, whatever the shape of its picture, so that the names beside them line up."""

if TYPE_CHECKING:
    Found = OrderedDict[str, QIcon | None]


class Thumbnails(QObject):
    """A cache of icons by location.

    Parameters
    ----------
    parent : QObject or None
        Its owner.
    """

    thumbnailMade = Signal(str)
    _imageRead = Signal(str, QImage)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._icons: Found = OrderedDict()
        self._n_asked = 0
        self._imageRead.connect(self._take, Qt.ConnectionType.QueuedConnection)

    def icon(self, location: str) -> QIcon | None:
        """Return an icon, or None until :attr:`thumbnailMade` says that it is there."""
        if location in self._icons:
            self._icons.move_to_end(location)
            return self._icons[location]
        self._icons[location] = None
        while len(self._icons) > MAX_KEPT:
            self._icons.popitem(last=False)
        self._n_asked += 1  # what is asked for last is on the screen: it comes first
        self._pool.start(partial(self._read, location), self._n_asked)
        return None

    def forget(self) -> None:
        """Ask for nothing more of what was asked before."""
        self._pool.clear()
        self._icons.clear()

    def close(self) -> None:
        """Stop, and wait for the thread."""
        self._pool.clear()
        self._pool.waitForDone()

    def _read(self, location: str) -> None:
        """Run in the pool's thread; a file that is no picture gives none."""
        reader = QImageReader(location)
        reader.setAutoTransform(True)
        size = reader.size()
        if size.isValid():
            reader.setScaledSize(size.scaled(SIZE, Qt.AspectRatioMode.KeepAspectRatio))
        self._imageRead.emit(location, _centred(reader.read()))

    @Slot(str, QImage)
    def _take(self, location: str, image: QImage) -> None:
        if location in self._icons and not image.isNull():
            self._icons[location] = QIcon(QPixmap.fromImage(image))
            self.thumbnailMade.emit(location)


def _centred(picture: QImage) -> QImage:
    """Return a picture in the middle of an icon; nothing of nothing."""
    if picture.isNull():
        return picture
    # A picture that its camera turned was scaled before it was turned.
    fitting = picture.scaled(
        SIZE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    icon = QImage(SIZE, QImage.Format.Format_ARGB32_Premultiplied)
    icon.fill(Qt.GlobalColor.transparent)
    painter = QPainter(icon)
    inside = fitting.rect()
    inside.moveCenter(icon.rect().center())
    painter.drawImage(inside.topLeft(), fitting)
    painter.end()
    return icon
