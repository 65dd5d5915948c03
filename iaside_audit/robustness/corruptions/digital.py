"""Digital corruptions: contrast, elastic deformation, pixelation and JPEG; and brightness."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from iaside_audit.robustness.corruptions.filters import WHITE, to_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.robustness.corruptions.filters import Pixels
    from iaside_audit.robustness.corruptions.parameters import Setting


def brightness(image: Pixels, setting: Setting, _generator: np.random.Generator) -> Pixels:
    """Raise the value (V of HSV, the largest channel) by a share of white.

    Hue and saturation stay, so all channels of a pixel grow by one factor; black becomes grey.
    """
    (rise,) = setting.parameters
    value = image.max(axis=2, keepdims=True)
    raised = np.minimum(value + np.float32(rise * WHITE), WHITE)
    is_black = value == 0
    factor = raised / np.where(is_black, 1, value)
    return np.asarray(np.where(is_black, raised, image * factor), dtype=np.float32)


def contrast(image: Pixels, setting: Setting, _generator: np.random.Generator) -> Pixels:
    """Shrink each channel's distance to its mean over the image."""
    (factor,) = setting.parameters
    mean = image.mean(axis=(0, 1), keepdims=True)
    shrunk: Pixels = (image - mean) * np.float32(factor) + mean
    return shrunk


def elastic_transform(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Shear by a random affine map, then shift pixels by smooth random displacements."""
    amplitude, sigma, corner_shift = (setting.scale * one for one in setting.parameters)
    height, width = image.shape[:2]
    arm = min(height, width) // 3
    corners = np.array([[arm, arm], [arm, -arm], [-arm, -arm]], dtype=np.float32)
    corners += np.array([width // 2, height // 2], dtype=np.float32)
    moved = corners + generator.uniform(-corner_shift, corner_shift, corners.shape)
    sheared = cv2.warpAffine(
        image,
        cv2.getAffineTransform(corners, moved.astype(np.float32)),
        (width, height),
        borderMode=cv2.BORDER_REFLECT_101,
    )
    rows, columns = np.indices((height, width), dtype=np.float32)
    if amplitude:
        blur_rows, blur_columns = _gaussian_matrix(height, sigma), _gaussian_matrix(width, sigma)
        noise = generator.uniform(-1, 1, (2, height, width)).astype(np.float32)
        shifts = np.float32(amplitude) * (blur_rows @ noise @ blur_columns.T)
        columns, rows = columns + shifts[0], rows + shifts[1]
    deformed = cv2.remap(sheared, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(deformed, dtype=np.float32).reshape(image.shape)


def pixelate(image: Pixels, setting: Setting, _generator: np.random.Generator) -> Pixels:
    """Average over boxes, and show each box as one colour."""
    (share,) = setting.parameters
    height, width = image.shape[:2]
    picture = _picture(image)
    small = picture.resize((int(width * share), int(height * share)), Image.Resampling.BOX)
    large = small.resize((width, height), Image.Resampling.BOX)
    return np.asarray(large, dtype=np.float32).reshape(image.shape)


def jpeg_compression(image: Pixels, setting: Setting, _generator: np.random.Generator) -> Pixels:
    """Write and read as JPEG; colour at half the resolution, as Pillow does unless told."""
    (quality,) = setting.parameters
    stream = io.BytesIO()
    _picture(image).save(stream, "JPEG", quality=int(quality))
    with Image.open(stream) as decoded:
        return np.asarray(decoded, dtype=np.float32).reshape(image.shape)


def _picture(image: Pixels) -> Image.Image:
    pixels = to_bytes(image)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


@lru_cache(maxsize=16)
def _gaussian_matrix(side: int, sigma: float) -> NDArray[np.float32]:
    """Return the blur of an axis as a matrix: at sigma 171 px, 30 times faster than the filter."""
    blur = gaussian_filter1d(np.eye(side), sigma, axis=0, mode="reflect", truncate=3)
    matrix = blur.astype(np.float32)
    matrix.flags.writeable = False
    return matrix
