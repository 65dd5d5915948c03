"""The bootstrap over units of resampling (METHOD.md, section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix, FloatVector

CHUNK_CELLS: Final = 1 << 20
"""Resample-by-row cells held at once: 32 MB at the peak, measured at 1,000 and 50,000 rows."""


def bootstrap_means(
    contributions: FloatMatrix, *, n_resamples: int, generator: np.random.Generator
) -> FloatMatrix:
    """Compute the column means of resamples drawn over the rows, with replacement.

    All columns of a resample share its rows: columns of one image stay paired, and so do two
    models whose columns stand side by side.

    Parameters
    ----------
    contributions : (n_units, n_columns) float64
        One row for each unit of resampling; at least one. Where a unit is made of several images
        (the batches of reference mode), the caller averages them first.
    n_resamples : int
        At least 1.
    generator : numpy.random.Generator
        For :attr:`~iaside_audit.randomness.Purpose.BOOTSTRAP`.

    Returns
    -------
    (n_resamples, n_columns) float64
        In the units of the columns. A column that holds a number that is not finite is not finite
        in any resample, for its own mean is not.
    """
    n_units = contributions.shape[0]
    n_together = max(1, CHUNK_CELLS // n_units)
    means = np.empty((n_resamples, contributions.shape[1]))
    with np.errstate(invalid="ignore"):  # 0 * inf is NaN here, not an accident
        for start in range(0, n_resamples, n_together):
            chunk = means[start : start + n_together]
            counts = _counts(generator, len(chunk), n_units)
            np.matmul(counts, contributions, out=chunk)
    means /= n_units
    return means


def percentile_interval(
    samples: FloatMatrix, *, confidence: float
) -> tuple[FloatVector, FloatVector]:
    """Return the central interval of bootstrap samples.

    Parameters
    ----------
    samples : (n_resamples, ...) float64
        One row for each resample.
    confidence : float
        Share of the samples inside, in (0, 1).

    Returns
    -------
    low, high : (...) float64
        NaN where a sample is NaN.
    """
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):  # interpolation between infinite samples gives NaN
        low, high = np.quantile(samples, [tail, 1 - tail], axis=0)
    return low, high


def _counts(generator: np.random.Generator, n_resamples: int, n_units: int) -> FloatMatrix:
    """Return how often each resample (row) draws each unit (column)."""
    draws = generator.integers(0, n_units, size=(n_resamples, n_units))
    draws += n_units * np.arange(n_resamples)[:, None]
    counts = np.bincount(draws.ravel(), minlength=draws.size)
    return counts.reshape(draws.shape).astype(np.float64)
