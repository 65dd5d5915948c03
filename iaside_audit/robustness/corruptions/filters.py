"""What several corruptions share: motion kernels, zooms and the way back to bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import ByteImage

    Pixels = NDArray[np.float32]

WHITE: Final = 255.0


def to_bytes(pixels: Pixels) -> ByteImage:
    """Clip to 0..255 and drop the fraction, as the published data sets were written."""
    return np.clip(pixels, 0, WHITE).astype(np.uint8)


def filtered(
    image: Pixels,
    kernel: NDArray[np.float32],
    *,
    anchor: tuple[int, int] = (-1, -1),
    border: int = cv2.BORDER_REFLECT_101,
) -> Pixels:
    """Correlate each channel with `kernel`; `anchor` is (x, y), its centre unless given."""
    result = cv2.filter2D(image, -1, kernel, anchor=anchor, borderType=border)
    return np.asarray(result, dtype=np.float32).reshape(image.shape)


def motion_blurred(image: Pixels, *, radius: int, sigma: float, angle_degrees: float) -> Pixels:
    """Smear an image along a line to one side, as ImageMagick's motion blur does.

    The weights are half a Gaussian over 2 radius + 1 steps of one pixel along the line; each step
    is rounded to a whole pixel. Outside, the border's pixels go on.

    Parameters
    ----------
    image : (H, W) or (H, W, C) float32
    radius : int
        In steps, at least 1.
    sigma : float
        In steps.
    angle_degrees : float
        Of the line, clockwise from the x axis.
    """
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-0.5 * np.square(steps / sigma))
    angle = np.deg2rad(angle_degrees)
    rows = np.ceil(steps * np.sin(angle) - 0.5).astype(np.int64)
    columns = np.ceil(steps * np.cos(angle) - 0.5).astype(np.int64)
    top, left = min(rows.min(), 0), min(columns.min(), 0)
    kernel = np.zeros((max(rows.max(), 0) - top + 1, max(columns.max(), 0) - left + 1))
    np.add.at(kernel, (rows - top, columns - left), weights / weights.sum())
    return filtered(
        image,
        kernel.astype(np.float32),
        anchor=(-int(left), -int(top)),
        border=cv2.BORDER_REPLICATE,
    )


def zoomed(image: Pixels, factor: float) -> Pixels:
    """Enlarge the middle of an image to the whole, by linear interpolation between corners.

    The middle has ``ceil(side / factor)`` pixels a side, and its corner pixels fall on those of an
    enlargement of ``round(factor * middle)`` pixels, of which the centre is kept.

    Parameters
    ----------
    image : (H, W) or (H, W, C) float32
    factor : float
        At least 1.
    """
    height, width = image.shape[:2]
    (row_step, row), (column_step, column) = _zoom_axis(height, factor), _zoom_axis(width, factor)
    to_source = np.array([[column_step, 0, column], [0, row_step, row]])
    result = cv2.warpAffine(
        image,
        to_source,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(result, dtype=np.float32).reshape(image.shape)


def _zoom_axis(side: int, factor: float) -> tuple[float, float]:
    """Return the step and the start, in pixels of the image, of the positions that are read."""
    middle = int(np.ceil(side / factor))
    enlarged = round(middle * factor)
    step = (middle - 1) / (enlarged - 1)
    return step, (side - middle) // 2 + step * ((enlarged - side) // 2)
