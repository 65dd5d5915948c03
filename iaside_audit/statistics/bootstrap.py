"""The bootstrap over units of resampling (METHOD.md, section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from iaside_audit.choices import IntervalMethod
from iaside_audit.randomness import Purpose

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.types import FloatMatrix, FloatVector

    Statistic = Callable[[FloatMatrix], FloatMatrix]

N_RESAMPLES: Final = 2000
"""Of a final estimate: the ends of a 95 % interval then lie on 50 resamples each."""

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


def jackknife_means(contributions: FloatMatrix) -> FloatMatrix:
    """Compute the column means without each row in turn.

    Parameters
    ----------
    contributions : (n_units, n_columns) float64
        At least two rows.

    Returns
    -------
    (n_units, n_columns) float64
        Row i is the mean of all rows but row i.
    """
    n_units = contributions.shape[0]
    with np.errstate(invalid="ignore"):  # inf - inf is NaN here, not an accident
        means: FloatMatrix = (contributions.sum(axis=0) - contributions) / (n_units - 1)
    return means


def expanded_tail(tail: float, n_units: int) -> float:
    """Return the share of resamples to leave outside, so that `tail` of the truth lies outside.

    Resamples of n units scatter too little, by sqrt((n - 1) / n), and know nothing of their own
    standard error's error, which Student's t does. Nominal 95 % intervals of phi from 5 images
    then cover it 90 % of the time instead of 82 %, from 10 94 instead of 89
    (``benchmarks/interval_coverage.py``); at 1,000 nothing changes that could be seen.

    Parameters
    ----------
    tail : float
        In (0, 1/2).
    n_units : int
        Units that were resampled; below 2 nothing is known, and `tail` is returned as it is.

    References
    ----------
    .. [1] T. C. Hesterberg, "What teachers should know about the bootstrap", 2015, section 3.3
       (expanded percentile interval). doi:10.1080/00031305.2015.1089789

    Examples
    --------
    >>> round(expanded_tail(0.025, 5), 5), round(expanded_tail(0.025, 1000), 4)
    (0.00095, 0.0248)
    """
    if n_units < 2:  # noqa: PLR2004 - one unit has no spread
        return tail
    spread = np.sqrt(n_units / (n_units - 1))
    return float(ndtr(spread * stdtrit(n_units - 1, tail)))


def percentile_interval(
    samples: FloatMatrix, *, confidence: float, n_units: int | None = None
) -> tuple[FloatVector, FloatVector]:
    """Return the central interval of bootstrap samples.

    Parameters
    ----------
    samples : (n_resamples, ...) float64
        One row for each resample.
    confidence : float
        Of the interval, in (0, 1).
    n_units : int, optional
        Units that were resampled, for numbers that are means of them or nearly so: the interval
        is wider then, see :func:`expanded_tail`. Without it, `confidence` is the share of the
        samples inside.

    Returns
    -------
    low, high : (...) float64
        NaN where a sample is NaN.
    """
    tail = (1 - confidence) / 2
    if n_units is not None:
        tail = expanded_tail(tail, n_units)
    with np.errstate(invalid="ignore"):  # interpolation between infinite samples gives NaN
        low, high = np.quantile(samples, [tail, 1 - tail], axis=0)
    return low, high


def bca_interval(
    samples: FloatMatrix, point: FloatVector, jackknife: FloatMatrix, *, confidence: float
) -> tuple[FloatVector, FloatVector]:
    """Return the bias-corrected and accelerated interval of bootstrap samples.

    The ends are quantiles of the samples too, moved for the bias of their median and for a
    standard error that changes with the number itself; second-order correct where that is smooth.

    Parameters
    ----------
    samples : (n_resamples, n_numbers) float64
        One row for each resample.
    point : (n_numbers,) float64
        Each number over all units.
    jackknife : (n_units, n_numbers) float64
        Each number without one unit in turn.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : (n_numbers,) float64
        NaN where a sample is NaN; the percentile interval where all samples lie on one side of the
        point, as those of an importance at its boundary do, and the correction is not defined.

    References
    ----------
    .. [1] B. Efron, "Better bootstrap confidence intervals", 1987.
       doi:10.1080/01621459.1987.10478410
    """
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        below = (samples < point).mean(axis=0) + (samples == point).mean(axis=0) / 2
        bias = ndtri(below)
        pulls = jackknife.mean(axis=0) - jackknife
        acceleration = (pulls**3).sum(axis=0) / (6 * (pulls**2).sum(axis=0) ** 1.5)
        shifted = bias + ndtri([[tail], [1 - tail]])
        levels = ndtr(bias + shifted / (1 - acceleration * shifted))
    plain = np.array([[tail], [1 - tail]])
    levels = np.where(np.isfinite(bias) & np.isfinite(acceleration), levels, plain)
    low, high = _column_quantiles(samples, levels)
    return low, high


class Resamples:
    """Rows and the means of their resamples, from which numbers and their intervals follow.

    Parameters
    ----------
    rows : (n_units, n_columns) float64
        One row for each unit of resampling; at least two.
    generator : numpy.random.Generator
        See :func:`bootstrap_generator`.
    n_resamples : int
        At least 2.
    """

    def __init__(
        self,
        rows: FloatMatrix,
        *,
        generator: np.random.Generator,
        n_resamples: int = N_RESAMPLES,
    ) -> None:
        self._rows = rows
        self._means = bootstrap_means(rows, n_resamples=n_resamples, generator=generator)

    def numbers(self, statistic: Statistic) -> FloatMatrix:
        """Return the numbers of every resample, (n_resamples, n_numbers).

        Parameters
        ----------
        statistic : callable
            From means (..., n_columns) to numbers (..., n_numbers).
        """
        with np.errstate(invalid="ignore"):  # rows that are not finite give NaN, not a warning
            return statistic(self._means)

    def intervals(
        self, statistic: Statistic, *, confidence: float, method: IntervalMethod
    ) -> FloatMatrix:
        """Return the intervals of the numbers, (n_numbers, 2); NaN where a resample's is.

        Parameters
        ----------
        statistic : callable
            As in :meth:`numbers`.
        confidence : float
            In (0, 1).
        method : IntervalMethod
            Percentile or BCa.
        """
        samples = self.numbers(statistic)
        with np.errstate(invalid="ignore"):  # the same
            if method == IntervalMethod.PERCENTILE:
                ends = percentile_interval(samples, confidence=confidence, n_units=len(self._rows))
            else:
                ends = bca_interval(
                    samples,
                    statistic(self._rows.mean(axis=0)),
                    statistic(jackknife_means(self._rows)),
                    confidence=confidence,
                )
        return np.stack(ends, axis=-1)

    def differences(
        self,
        statistic: Statistic,
        other: Resamples,
        other_statistic: Statistic,
        *,
        confidence: float,
        method: IntervalMethod,
    ) -> FloatMatrix:
        """Return the intervals of numbers less those of an independent group, (n_numbers, 2)."""
        samples = self.numbers(statistic) - other.numbers(other_statistic)
        with np.errstate(invalid="ignore"):  # the same
            if method == IntervalMethod.PERCENTILE:
                fewer = min(len(self._rows), len(other._rows))
                ends = percentile_interval(samples, confidence=confidence, n_units=fewer)
            else:
                left_out = statistic(jackknife_means(self._rows))
                other_left_out = other_statistic(jackknife_means(other._rows))
                point = statistic(self._rows.mean(axis=0))
                point = point - other_statistic(other._rows.mean(axis=0))
                pulls = np.vstack(
                    [
                        left_out - left_out.mean(axis=0),
                        other_left_out.mean(axis=0) - other_left_out,
                    ]
                )
                ends = bca_interval(samples, point, pulls, confidence=confidence)
        return np.stack(ends, axis=-1)


def bootstrap_generator(seed: int) -> np.random.Generator:
    """Return the generator of an audit's resamples; equal seeds draw equal resamples."""
    return np.random.default_rng(np.random.SeedSequence([seed, int(Purpose.BOOTSTRAP)]))


def _column_quantiles(samples: FloatMatrix, levels: FloatMatrix) -> FloatMatrix:
    """Return quantiles of each column at its own levels, (n_levels, n_columns), interpolated."""
    ordered = np.sort(samples, axis=0)  # NaN comes last
    places = levels * (len(samples) - 1)
    below = np.floor(places).astype(np.intp)
    above = np.minimum(below + 1, len(samples) - 1)
    columns = np.arange(samples.shape[1])
    with np.errstate(invalid="ignore"):  # interpolation between infinite samples gives NaN
        low, high = ordered[below, columns], ordered[above, columns]
        quantiles = low + (places - below) * (high - low)
    quantiles[:, np.isnan(ordered[-1])] = np.nan
    return quantiles


def _counts(generator: np.random.Generator, n_resamples: int, n_units: int) -> FloatMatrix:
    """Return how often each resample (row) draws each unit (column)."""
    draws = generator.integers(0, n_units, size=(n_resamples, n_units))
    draws += n_units * np.arange(n_resamples)[:, None]
    counts = np.bincount(draws.ravel(), minlength=draws.size)
    return counts.reshape(draws.shape).astype(np.float64)
