"""The band inspector's arrays as pixels; made outside the window's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_ui.state.inspection import CompositionPicture, Picture, ViewPictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.auditing.inspector.exploration import Composition, View

GAINS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
SHOWN_SHARE: Final = 0.995
"""So many of a band's values are shown without being cut off."""
MIDDLE: Final = 0.5
"""The grey that stands for 0 in the picture of a band."""
POWER_QUANTILES: Final = (0.02, 0.998)
"""Ends of the colour scale of a spectrum: a few coefficients must not take all of it."""


def pictures_of_view(view: View) -> ViewPictures:
    """Turn a view into pictures: band 0 as it is, the others amplified around grey."""
    finite = view.spectrum.ravel()
    low, high = (float(np.quantile(finite, one)) for one in POWER_QUANTILES)
    scaled = (view.spectrum - low) / max(high - low, 1e-9)
    return ViewPictures(
        view=view,
        image=Picture(pixels=to_pixels(view.image)),
        bands=(
            Picture(pixels=to_pixels(view.bands[0])),
            *(amplified(band) for band in view.bands[1:]),
        ),
        spectrum=np.ascontiguousarray((255 * np.clip(scaled, 0, 1)).astype(np.uint8)),
        power_ends=(low, high),
    )


def picture_of_composition(composition: Composition) -> CompositionPicture:
    """Turn a composition into a picture; without band 0, it is shown around grey."""
    image = composition.image
    if not composition.code & 1 and composition.code:
        image = image + np.float32(MIDDLE)
    return CompositionPicture(composition=composition, picture=Picture(pixels=to_pixels(image)))


def amplified(band: NDArray[np.float32]) -> Picture:
    """Show a band that varies around 0: 0 is grey, and most of its values fit the range."""
    reach = float(np.quantile(np.abs(band), SHOWN_SHARE))
    gain = max((one for one in GAINS if one * reach <= MIDDLE), default=GAINS[0])
    return Picture(pixels=to_pixels(band * np.float32(gain) + np.float32(MIDDLE)), gain=gain)


def to_pixels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a (C, H, W) image in 0..1 as (H, W, 3) bytes; what lies outside is cut off."""
    pixels = (255 * np.clip(image, 0, 1) + 0.5).astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
