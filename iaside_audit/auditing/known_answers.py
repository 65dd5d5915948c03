"""Answers that the self-check works out for itself, in plain numpy and from other formulas.

Nothing here is shared with the code it checks: whole complex transforms instead of real ones, masks
instead of band maps, sums over subsets instead of weight matrices.
"""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix, FloatVector


def linear_shapley_linf(
    images: FloatMatrix, direction: FloatMatrix, *, n_bands: int
) -> FloatMatrix:
    """Return the Shapley values of a linear score in uniform linf bands.

    Parameters
    ----------
    images : (n, C, side, side) float64
        In 0..1.
    direction : (C, side, side) float64
        The score is the inner product with it.
    n_bands : int
        M; side must be a multiple of 2 M, so that no edge needs care.

    Returns
    -------
    (n, n_bands) float64
        The inner product of `direction` with each band's image.
    """
    frequencies = np.abs(np.fft.fftfreq(images.shape[-1]))
    radius = 2 * np.maximum(frequencies[:, None], frequencies[None])
    bands = np.minimum((radius * n_bands).astype(int), n_bands - 1)
    spectra = np.fft.fft2(images)
    return np.stack(
        [
            (np.fft.ifft2(spectra * (bands == band)).real * direction).sum(axis=(1, 2, 3))
            for band in range(n_bands)
        ],
        axis=1,
    )


def reference_shapley(images: FloatMatrix, direction: FloatMatrix, *, n_bands: int) -> FloatVector:
    """Return what the authors' algorithm gives a two-class linear model (METHOD.md, section 7).

    Parameters
    ----------
    images : (n, C, side, side) float64
        One batch, in 0..1; all of class 0.
    direction : (C, side, side) float64
        The scores are the inner product with it, and 0.
    n_bands : int
        M.

    Returns
    -------
    (n_bands,) float64
        Shapley values of the mean log-probability of class 0, baseline zero.
    """
    side = images.shape[-1]
    spectra = np.fft.fftshift(np.fft.fft2(images), axes=(-2, -1))
    windows = [_window(side, band, n_bands) for band in range(n_bands + 1)]

    def value(players: tuple[int, ...]) -> float:
        mixed = np.zeros_like(images)
        if players:
            mask = sum(windows[band + 1] - windows[band] for band in players)
            mixed = np.abs(np.fft.ifft2(np.fft.ifftshift(spectra * mask, axes=(-2, -1))))
            mixed -= mixed.min()
            mixed /= mixed.max()
        scores = (mixed * direction).sum(axis=(1, 2, 3))
        return float(-np.log1p(np.exp(-scores)).mean())

    shapley = np.zeros(n_bands)
    for band in range(n_bands):
        others = [one for one in range(n_bands) if one != band]
        for size in range(n_bands):
            weight = factorial(size) * factorial(n_bands - size - 1) / factorial(n_bands)
            for players in combinations(others, size):
                gain = value(tuple(sorted((*players, band)))) - value(players)
                shapley[band] += weight * gain
    return shapley


def _window(side: int, band: int, n_bands: int) -> NDArray[np.float64]:
    """Return the square window of the frequencies below a band."""
    width = int(side * (band * (1.0 / n_bands)))
    start = (side - width) // 2
    window = np.zeros((side, side))
    window[start : start + width, start : start + width] = 1.0
    return window
