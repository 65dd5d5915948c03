"""Blurs: defocus, frosted glass, motion and zoom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from iaside_audit.robustness.corruptions.filters import filtered, motion_blurred, to_bytes, zoomed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.robustness.corruptions.filters import Pixels
    from iaside_audit.robustness.corruptions.parameters import Setting

_SMALL_DISK: Final = 8
"""Disks up to this radius lie in a kernel of this radius and are smoothed over 3 x 3 pixels."""


def defocus_blur(image: Pixels, setting: Setting, _generator: np.random.Generator) -> Pixels:
    """Average over a disk whose edge is softened a little.

    A disk of a pixel or more stays so at any size. As published, the kernel is mirrored where it is
    softened, which brightens by 1 % at the radii that touch its border (8 and more).
    """
    radius, edge_sigma = setting.parameters
    return filtered(image, _disk(max(radius * setting.scale, min(radius, 1)), edge_sigma))


def glass_blur(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Blur, let pixels take the place of near ones, blur again."""
    sigma, max_step, n_rounds = setting.parameters
    sigma *= setting.scale
    max_step = max(1, round(max_step * setting.scale))
    pixels = to_bytes(_gaussian_blurred(image, sigma)).reshape(-1, image.shape[2])
    for _ in range(int(n_rounds)):
        pixels = pixels[_displaced(image.shape[0], image.shape[1], max_step, generator)]
    return _gaussian_blurred(pixels.reshape(image.shape).astype(np.float32), sigma)


def motion_blur(image: Pixels, setting: Setting, generator: np.random.Generator) -> Pixels:
    """Smear along a line within 45 degrees of the horizontal."""
    radius, sigma = setting.parameters
    return motion_blurred(
        image,
        radius=max(1, round(radius * setting.scale)),
        sigma=sigma * setting.scale,
        angle_degrees=generator.uniform(-45, 45),
    )


def zoom_blur(image: Pixels, setting: Setting, _generator: np.random.Generator) -> Pixels:
    """Average the image and its enlargements by 1, 1 + step, ... below the given end."""
    end, step = setting.parameters
    factors = np.arange(1, end, step)  # may reach the end by rounding, as published
    total = image.copy()
    for factor in factors:
        total += zoomed(image, float(factor))
    return total / np.float32(len(factors) + 1)


def _disk(radius: float, edge_sigma: float) -> NDArray[np.float32]:
    half, smoothing = (_SMALL_DISK, 3) if radius <= _SMALL_DISK else (math.ceil(radius), 5)
    positions = np.arange(-half, half + 1)
    disk = np.hypot(positions[:, None], positions) <= radius
    weights = (disk / disk.sum()).astype(np.float32)
    softened = cv2.GaussianBlur(weights, (smoothing, smoothing), edge_sigma)
    return np.asarray(softened, dtype=np.float32)


def _gaussian_blurred(image: Pixels, sigma: float) -> Pixels:
    """Blur over 4 sigma to each side; the border's pixels go on outside."""
    side = 2 * int(4 * sigma + 0.5) + 1
    result = cv2.GaussianBlur(
        image, (side, side), sigma, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(result, dtype=np.float32).reshape(image.shape)


def _displaced(
    height: int, width: int, max_step: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return where each pixel of a frosted image comes from.

    As published, pixels are visited from the last to the first, and each takes what its partner, at
    most `max_step` away, holds *then*: what was there before, where the partner is visited later,
    or what the partner itself has taken. (The published loop is written as a swap, but on views of
    one array, so nothing is written back; the published images are the result of that.) Taking
    from a visited partner makes a chain, which ends at a pixel that was not visited yet. All chains
    are followed at once, twice as far each time, so the loop over pixels is gone and the result is
    the same.

    Returns
    -------
    (H W,) int64
        Indices into the flattened image.
    """
    n_pixels = height * width
    here = np.arange(n_pixels).reshape(height, width)
    rows = slice(max_step + 1, height - max_step + 1)
    columns = slice(max_step + 1, width - max_step + 1)
    moved = here[rows, columns]
    row_step, column_step = generator.integers(-max_step, max_step, size=(2, *moved.shape))
    partner = here.copy()
    partner[rows, columns] += row_step * width + column_step
    # Numbers from n_pixels on stand for what lay there before, and end a chain.
    is_visited = np.zeros((height, width), dtype=np.bool_)
    is_visited[rows, columns] = True
    takes_taken = (partner > here) & is_visited.ravel()[partner]
    source = np.where(takes_taken, partner, partner + n_pixels).ravel()
    source = np.concatenate([source, np.arange(n_pixels, 2 * n_pixels)])
    while (source[:n_pixels] < n_pixels).any():
        source = source[source]
    return source[:n_pixels] - n_pixels
