"""Noise: Gaussian, shot (Poisson) and impulse (salt and pepper)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.robustness.corruptions.filters import WHITE

if TYPE_CHECKING:
    from iaside_audit.robustness.corruptions.filters import Pixels
    from iaside_audit.robustness.corruptions.parameters import Setting


def gaussian_noise(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Add white noise; its standard deviation is a share of white."""
    (deviation,) = setting.parameters
    noise = generator.standard_normal(image.shape, dtype=np.float32)
    return image + np.float32(deviation * WHITE) * noise


def shot_noise(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Count photons: Poisson, with the given mean number at white."""
    (photons,) = setting.parameters
    counts = generator.poisson(image * np.float32(photons / WHITE))
    return (counts * (WHITE / photons)).astype(np.float32)


def impulse_noise(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Set a share of the values, channel by channel, to black or white with equal chance."""
    (share,) = setting.parameters
    draws = generator.random(image.shape, dtype=np.float32)
    noisy = image.copy()
    noisy[draws < share] = WHITE
    noisy[draws < share / 2] = 0
    return noisy
