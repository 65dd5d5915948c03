"""Resize and crop as the model's preprocessing says, with Pillow's antialiased filters.

Pillow's filters are those of the training pipelines (torchvision's PIL path). A filter without
antialiasing folds 6 to 15 times more power into the highest bands, and with it the verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from iaside_audit.errors import ImageError
from iaside_audit.images.decode import MAX_PIXELS
from iaside_audit.preprocessing import ChannelOrder, Interpolation, Rounding

if TYPE_CHECKING:
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.types import ByteImage, Components, FloatImage

_FILTERS: Final = {
    Interpolation.BILINEAR: Image.Resampling.BILINEAR,
    Interpolation.BICUBIC: Image.Resampling.BICUBIC,
    Interpolation.LANCZOS: Image.Resampling.LANCZOS,
    Interpolation.AREA: Image.Resampling.BOX,
    Interpolation.NEAREST: Image.Resampling.NEAREST,
}


def prepare(image: ByteImage, preprocessing: Preprocessing) -> FloatImage:
    """Resize and crop an image, and scale it to 0..1.

    Channels are in RGB order (one channel for a grey model) whatever the model's channel order:
    that order, mean and std are applied to the components later.

    Parameters
    ----------
    image : (H, W, 3) uint8
        A decoded image, RGB.
    preprocessing : Preprocessing
        Of the model; of another frame by :meth:`Preprocessing.at_frame`.

    Returns
    -------
    (C, h, w) float32
        uint8 / 255, of the preprocessing's crop size; 0..1.

    Raises
    ------
    ImageError
        If the image is smaller than the crop after resizing.
    """
    pixels = resize_and_crop(image, preprocessing).transpose(2, 0, 1)
    return np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255)


def resize_and_crop(image: ByteImage, preprocessing: Preprocessing) -> ByteImage:
    """Resize and centre-crop in uint8, by default as torchvision's transforms do.

    A grey model's image is converted to grey first. With torchvision's rounding the longer side
    becomes ``int(long * resize / short)``, and the crop starts at ``round((side - crop) / 2)``.

    Parameters
    ----------
    image : (H, W, 3) uint8
        A decoded image, RGB.
    preprocessing : Preprocessing
        Resize, crop, interpolation, rounding and whether the model is grey.

    Returns
    -------
    (h, w, C) uint8
        Of the preprocessing's crop size.

    Raises
    ------
    ImageError
        If the image is smaller than the crop after resizing, or so elongated that resizing it
        would exceed :data:`~iaside_audit.images.decode.MAX_PIXELS`.
    """
    original_height, original_width = image.shape[:2]
    height, width = resized_size(
        original_height, original_width, preprocessing.resize, preprocessing.rounding
    )
    crop_height, crop_width = preprocessing.crop_size
    if height < crop_height or width < crop_width:
        raise ImageError(
            f"Expected at least {crop_height} x {crop_width} px to crop, found {height} x {width} "
            f"px after resizing {original_height} x {original_width} px. "
            "Leave the image out, or set resize in the preprocessing to at least the crop.",
            expected=f"at least {crop_height} x {crop_width} px",
            found=f"{height} x {width} px",
        )
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"Expected at most {MAX_PIXELS:,} pixels after resizing, found {height} x {width} px. "
            "Leave out this elongated image, or give resize as height and width.",
            expected=f"at most {MAX_PIXELS:,} pixels",
            found=f"{height} x {width} px",
        )
    picture = Image.fromarray(image)
    if preprocessing.channel_order == ChannelOrder.GREY:
        picture = picture.convert("L")
    picture = picture.resize((width, height), _FILTERS[preprocessing.interpolation])
    top = _offset(height - crop_height, preprocessing.rounding)
    left = _offset(width - crop_width, preprocessing.rounding)
    cropped = picture.crop((left, top, left + crop_width, top + crop_height))
    return np.array(cropped).reshape(crop_height, crop_width, preprocessing.n_channels)


def _offset(room: int, rounding: Rounding) -> int:
    """Return where a centred crop starts, of `room` pixels to spare."""
    return round(room / 2) if rounding == Rounding.TORCHVISION else room // 2


def resized_size(
    height: int,
    width: int,
    resize: int | tuple[int, int],
    rounding: Rounding = Rounding.TORCHVISION,
) -> tuple[int, int]:
    """Return height and width in pixels after resizing.

    Parameters
    ----------
    height, width : int
        Of the image, in pixels.
    resize : int or (int, int)
        The shorter side, or height and width; 0 leaves the size alone.
    rounding : Rounding
        Of the longer side.

    Examples
    --------
    >>> resized_size(374, 500, 255), resized_size(374, 500, 255, Rounding.NEAREST)
    ((255, 340), (255, 341))
    >>> resized_size(375, 500, 0)
    (375, 500)
    """
    if isinstance(resize, tuple):
        return resize
    if resize == 0:
        return height, width
    exact = max(height, width) * resize / min(height, width)
    longer = round(exact) if rounding == Rounding.NEAREST else int(exact)
    return (resize, longer) if height <= width else (longer, resize)


def resize_components(
    components: Components, size: tuple[int, int], interpolation: Interpolation
) -> Components:
    """Resize components from the frame to the model's input size, in float.

    The map is linear in the pixels and does not clip, so it may act on each component by itself
    (METHOD.md, section 1).

    Parameters
    ----------
    components : (K, C, N, N) float32
        Baseline and differences at the frame.
    size : (int, int)
        Height and width of the model's input, in pixels.
    interpolation : Interpolation
        The preprocessing's filter; antialiased where the size shrinks.

    Returns
    -------
    (K, C, H, W) float32
        The input itself where the size is right already.
    """
    if components.shape[2:] == size:
        return components
    n_components, n_channels = components.shape[:2]
    resized = np.empty((n_components, n_channels, *size), dtype=np.float32)
    for plane in np.ndindex(n_components, n_channels):
        channel = Image.fromarray(components[plane]).resize(size[::-1], _FILTERS[interpolation])
        resized[plane] = np.asarray(channel)
    return resized
