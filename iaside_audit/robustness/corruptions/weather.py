"""Weather: snow, frost and fog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.robustness.corruptions.filters import WHITE, motion_blurred, zoomed
from iaside_audit.robustness.corruptions.textures import frost_texture, plasma

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.robustness.corruptions.filters import Pixels
    from iaside_audit.robustness.corruptions.parameters import Setting

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def snow(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Whiten the image and let flakes fall in two opposite directions."""
    mean, deviation, zoom, threshold, radius, sigma, kept = setting.parameters
    scale = setting.scale
    flakes = generator.normal(mean, deviation, image.shape[:2]).astype(np.float32)
    flakes = zoomed(flakes, max(1.0, zoom * scale))
    flakes[flakes < threshold] = 0
    fallen = motion_blurred(
        np.floor(np.clip(flakes, 0, 1) * np.float32(WHITE)),
        radius=max(1, round(radius * scale)),
        sigma=sigma * scale,
        angle_degrees=generator.uniform(-135, -45),
    )
    whitened = np.maximum(image, _grey(image) * np.float32(1.5) + np.float32(WHITE / 2))
    covered = np.float32(kept) * image + np.float32(1 - kept) * whitened
    snowed: Pixels = covered + (fallen + np.rot90(fallen, k=2))[..., None]
    return snowed


def frost(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Lay a plate of ice over the image, by :func:`.textures.frost_texture`."""
    kept, laid, zoom = setting.parameters
    height, width, n_channels = image.shape
    plate = frost_texture(height, width, zoom * setting.scale, generator)
    if n_channels == 1:
        plate = _grey(plate)
    return np.float32(kept) * image + np.float32(laid) * plate


def fog(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Add a plasma cloud, and scale back so that the brightest value stays possible."""
    density, decay = setting.parameters
    height, width = image.shape[:2]
    cloud = plasma(max(height, width), decay, generator)[:height, :width, None]
    brightest = float(image.max()) / WHITE
    return (image + np.float32(density * WHITE) * cloud) * np.float32(
        brightest / (brightest + density)
    )


def _grey(image: Pixels) -> NDArray[np.float32]:
    """Return the luminance, (H, W, 1)."""
    if image.shape[2] == 1:
        return image
    return (image @ _LUMINANCE)[..., None]
