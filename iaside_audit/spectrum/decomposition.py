"""Cutting an image into the images of its bands, which add up to it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.fft import irfft2, rfft2

from iaside_audit.errors import ImageError

if TYPE_CHECKING:
    from iaside_audit.spectrum.partition import Partition
    from iaside_audit.types import BandImages, FloatImage

_AXES: Final = (-2, -1)


def decompose(image: FloatImage, partition: Partition, *, workers: int = 1) -> BandImages:
    """Cut an image into one image for each band.

    Band image *i* is the inverse transform of the spectrum restricted to band *i*; the channels are
    transformed one by one. The last band is the rest, so M - 1 inverse transforms are enough.

    Parameters
    ----------
    image : (C, H, W) float32
        Any number of channels, any range.
    partition : Partition
        Of the image's height and width.
    workers : int
        Threads of the transform.

    Returns
    -------
    (M, C, H, W) float32
        They add up to `image`, to rounding. An image without contrast lies in band 0, exactly.

    Raises
    ------
    ImageError
        If the image has another size than the partition.
    """
    size = (partition.height, partition.width)
    if image.ndim != 3 or image.shape[1:] != size:  # noqa: PLR2004 - (C, H, W)
        raise ImageError(
            f"Expected an image of shape (C, {size[0]}, {size[1]}), found {image.shape}. "
            "Make the partition for the image's size.",
            expected=f"(C, {size[0]}, {size[1]})",
            found=str(image.shape),
        )
    bands = np.zeros((partition.n_bands, *image.shape), dtype=np.float32)
    if np.array_equal(image, np.broadcast_to(image[:, :1, :1], image.shape)):
        bands[0] = image
        return bands
    spectrum = rfft2(
        image.astype(np.float32, copy=False), s=size, axes=_AXES, norm="backward", workers=workers
    )
    bands[-1] = image
    for band in range(partition.n_bands - 1):
        # Band after band: all masked spectra at once fall out of the cache and take 2.5 times as
        # long.
        # As bool, it takes 1.6 times as long.
        mask = (partition.band_map == band).astype(np.float32)
        bands[band] = irfft2(
            spectrum * mask,
            s=size,
            axes=_AXES,
            norm="backward",
            workers=workers,
            overwrite_x=True,
        )
        bands[-1] -= bands[band]
    return bands
