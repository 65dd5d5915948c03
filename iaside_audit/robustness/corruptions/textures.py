"""Random textures: the plasma of fog, and plates of frost.

The published frost is a crop of one of five photographs of frosted windows. Ours is drawn: streaks
of ice in random directions, with the mean colour of one of four kinds of plate and that kind's mean
power in eight bands, both measured on the photographs. So brightness, colour and spectrum agree,
and every image gets a plate of its own; what is not there is the photographs' large forms (ferns,
a frame, a gradient from edge to edge) and their skewed distribution of brightness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from scipy.fft import irfft2, rfft2

from iaside_audit.robustness.corruptions.filters import WHITE, motion_blurred

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.robustness.corruptions.filters import Pixels

_N_POWER_BANDS: Final = 8
_STREAK_SHARE: Final = 0.05
_STREAK_LENGTHS: Final = (12, 7, 3)
"""Half the steps of the three families of streaks, in pixels of the plate."""


@dataclass(frozen=True, slots=True)
class _Plate:
    """One kind of frost.

    Parameters
    ----------
    share : float
        Chance to be drawn.
    colour : three floats
        Mean of red, green and blue, 0..255.
    colour_spread : float
        Standard deviation of the brightness from plate to plate, 0..255.
    power : eight floats
        Variance of a channel, (0..255)^2, in the eight uniform linf bands.
    """

    share: float
    colour: tuple[float, float, float]
    colour_spread: float
    power: tuple[float, ...]


_PLATES: Final = (
    _Plate(0.2, (78, 149, 166), 9, (219, 22, 23, 24, 20, 14, 8.3, 5.4)),
    _Plate(0.4, (201, 205, 214), 6, (230, 64, 40, 30, 22, 15, 7.5, 3.3)),
    _Plate(0.2, (138, 153, 165), 7, (265, 114, 98, 81, 63, 41, 25, 17)),
    _Plate(0.2, (112, 123, 135), 13, (652, 203, 122, 88, 69, 57, 50, 51)),
)


def plasma(side: int, decay: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw a cloud by the diamond-square algorithm on a torus.

    Each level halves the grid: a new point is the mean of its four neighbours and a uniform draw,
    whose range shrinks by the square of `decay` from level to level.

    Parameters
    ----------
    side : int
        The cloud has at least this many pixels a side: the next power of two.
    decay : float
        Above 1; the larger, the smoother.
    generator : numpy.random.Generator
        Of this cloud.

    Returns
    -------
    (n, n) float32
        From 0 to 1, both reached.
    """
    n = 1 << max(1, math.ceil(math.log2(side)))
    cloud = np.zeros((n, n))
    step, reach = n, 1.0
    while step > 1:
        half = step // 2
        corners = cloud[::step, ::step]
        below = corners + np.roll(corners, -1, axis=0)
        middles = _unsettled(below + np.roll(below, -1, axis=1), reach, generator)
        cloud[half::step, half::step] = middles
        above_and_below = middles + np.roll(middles, 1, axis=0)
        beside = corners + np.roll(corners, -1, axis=1)
        cloud[::step, half::step] = _unsettled(above_and_below + beside, reach, generator)
        left_and_right = middles + np.roll(middles, 1, axis=1)
        cloud[half::step, ::step] = _unsettled(left_and_right + below, reach, generator)
        step, reach = half, reach / decay**2
    cloud -= cloud.min()
    return np.asarray(cloud / cloud.max(), dtype=np.float32)


def frost_texture(height: int, width: int, zoom: float, generator: np.random.Generator) -> Pixels:
    """Draw a plate of frost.

    Parameters
    ----------
    height, width : int
        Of the result, pixels.
    zoom : float
        The plate is drawn at ``size / zoom`` and resized, as the photographs are for small images:
        without antialiasing.
    generator : numpy.random.Generator
        Of this plate.

    Returns
    -------
    (height, width, 3) float32
        RGB, 0..255.
    """
    plate = _PLATES[generator.choice(len(_PLATES), p=[one.share for one in _PLATES])]
    size = (math.ceil(height / zoom), math.ceil(width / zoom))
    relief = _with_power(_streaks(size, generator), plate.power)
    relief += np.float32(plate.colour_spread * generator.standard_normal())
    drawn = np.clip(relief[..., None] + np.array(plate.colour, dtype=np.float32), 0, WHITE)
    if size == (height, width):
        return drawn
    resized = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.float32)


def _unsettled(
    four: NDArray[np.float64], reach: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return the mean of four neighbours, given as their sum, and a draw."""
    return four / 4 + generator.uniform(-reach, reach, four.shape)


def _streaks(size: tuple[int, int], generator: np.random.Generator) -> Pixels:
    """Draw needles of ice: sparse bright points, smeared in three random directions."""
    total = np.zeros(size, dtype=np.float32)
    for length in _STREAK_LENGTHS:
        points = generator.random(size, dtype=np.float32)
        bright = np.where(points < _STREAK_SHARE, points, 0)
        total += motion_blurred(
            bright, radius=length, sigma=length, angle_degrees=generator.uniform(-180, 180)
        )
    return total


def _with_power(texture: Pixels, power: tuple[float, ...]) -> Pixels:
    """Give a texture, without its mean, the variance `power` in the eight bands.

    Inside a band the power falls with the frequency, along straight lines on log-log axes, and
    as 1 / f^2 in the lowest.
    """
    height, width = texture.shape
    spectrum = rfft2(texture, s=texture.shape, axes=(0, 1), norm="backward", workers=1)
    rows, columns = np.abs(np.fft.fftfreq(height)), np.abs(np.fft.rfftfreq(width))
    rho = 2 * np.maximum(rows[:, None], columns)
    rho[0, 0] = 1  # any number but 0; its coefficient is none
    spectrum[0, 0] = 0
    band = np.minimum((rho * _N_POWER_BANDS).astype(np.int64), _N_POWER_BANDS - 1)
    # Whiten by band, then lay the slope and the band's power on it.
    middles = (np.arange(_N_POWER_BANDS) + 0.5) / _N_POWER_BANDS
    density = np.log(np.array(power) / (2 * np.arange(_N_POWER_BANDS) + 1))
    slope = np.exp(0.5 * np.interp(np.log(rho), np.log(middles), density))
    lowest = rho < middles[0]
    slope[lowest] *= middles[0] / rho[lowest]
    shaped = spectrum * slope
    twice = np.full(rho.shape[1], 2.0)  # the half plane holds these columns' mirror images too
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    found = np.bincount(
        band.ravel(),
        weights=(twice * np.square(np.abs(shaped))).ravel() / (height * width) ** 2,
        minlength=_N_POWER_BANDS,
    )
    gain = np.sqrt(np.array(power) / np.maximum(found, np.finfo(np.float64).tiny))
    relief = irfft2(shaped * gain[band], s=texture.shape, axes=(0, 1), norm="backward", workers=1)
    return np.asarray(relief, dtype=np.float32)
