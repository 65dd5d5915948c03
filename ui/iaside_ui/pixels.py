"""Arrays of pixels as Qt's images, and the colours of maps."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QImage

from iaside_ui.appearance import MAP_COLOURS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def image_of(pixels: NDArray[np.uint8]) -> QImage:
    """Return (H, W, 3) bytes as an image that owns its memory."""
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()


@cache
def colour_table() -> NDArray[np.uint8]:
    """Return the 256 colours of maps, (256, 3): between a few that grow lighter evenly."""
    import numpy as np  # noqa: PLC0415 - start-up time

    known = [QColor(one) for one in MAP_COLOURS]
    stops = np.array([(one.red(), one.green(), one.blue()) for one in known], dtype=np.float64)
    places = np.linspace(0, 1, len(stops))
    levels = np.linspace(0, 1, 256)
    columns = [np.interp(levels, places, stops[:, channel]) for channel in range(3)]
    return np.stack(columns, axis=1).round().astype(np.uint8)
