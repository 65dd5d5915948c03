"""Shares of images, such as accuracies, with intervals that hold near 0 and 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix, FloatVector, Interval


def share_interval(
    shares: FloatVector, n_images: int, *, confidence: float
) -> tuple[FloatVector, FloatVector]:
    """Return Wilson's interval of shares over independent images.

    Parameters
    ----------
    shares : (...) float64
        0..1.
    n_images : int
        At least 1.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    low, high : (...) float64
        Within 0..1, and of some width even where the share is 0 or 1.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
       1927. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> low, high = share_interval(np.array([0.0, 0.5]), 100, confidence=0.95)
    >>> low.round(3), high.round(3)
    (array([0.   , 0.404]), array([0.037, 0.596]))
    """
    z = float(ndtri((1 + confidence) / 2))
    width = 1 + z**2 / n_images
    middle = (shares + z**2 / (2 * n_images)) / width
    spread: FloatMatrix = (
        z * np.sqrt(shares * (1 - shares) / n_images + z**2 / (4 * n_images**2)) / width
    )
    return np.clip(middle - spread, 0, 1), np.clip(middle + spread, 0, 1)


def wilson_interval(n_right: int, n_images: int) -> Interval:
    """Return Wilson's 95 % interval of the share of one count.

    Examples
    --------
    >>> [round(end, 3) for end in wilson_interval(177, 200)]
    [0.833, 0.922]
    """
    low, high = share_interval(np.array([n_right / n_images]), n_images, confidence=0.95)
    return float(low[0]), float(high[0])
