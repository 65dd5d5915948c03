"""What a model that takes bytes is given of an image whose pixels are not whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHITE: Final = 255


def as_bytes(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return images of any finite pixels as whole numbers within 0..255, still float32.

    >>> as_bytes(np.array([-3.0, 0.4, 254.6, 300.0], dtype=np.float32))
    array([  0.,   0., 255., 255.], dtype=float32)
    """
    rounded: NDArray[np.float32] = np.rint(np.clip(images, 0, WHITE))
    return rounded
