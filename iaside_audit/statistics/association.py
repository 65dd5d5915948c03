"""How closely two columns of numbers over models follow each other (METHOD.md, section 9).

Every function works on leading axes too, so that a bootstrap over models is one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import rankdata

from iaside_audit.errors import SpecError
from iaside_audit.statistics.bootstrap import percentile_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix, FloatVector, Interval

    Statistic = Callable[[FloatMatrix], FloatVector]

N_MODEL_RESAMPLES: Final = 4000
"""Of models; the ends of a 95 % interval then lie on 100 resamples each."""
MIN_MODELS: Final = 4
"""Over fewer, a correlation of ranks takes a handful of values only."""
EQUAL_SPREAD: Final = 1e-12
"""A column whose spread is this share of its size is a constant, to rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A number over models with its bootstrap interval.

    Parameters
    ----------
    value : float
        NaN where it is not defined, as for a constant column.
    interval : (float, float)
        NaN below :data:`MIN_MODELS` models. Resamples in which the number is not defined, such as
        those that draw one model only, are left out.
    """

    value: float
    interval: Interval

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of 0."""
        low, high = self.interval
        return low > 0 or high < 0


def pearson(first: FloatMatrix, second: FloatMatrix) -> FloatVector:
    """Compute the correlation of Pearson along the last axis.

    Parameters
    ----------
    first, second : (..., n) float64
        Broadcast against each other.

    Returns
    -------
    (...) float64
        -1..1; NaN where a column is constant.

    Examples
    --------
    >>> pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])).round(6)
    np.float64(1.0)
    """
    x, y = _standardised(first), _standardised(second)
    correlations: FloatVector = np.clip((x * y).sum(axis=-1), -1, 1)
    return correlations


def spearman(first: FloatMatrix, second: FloatMatrix) -> FloatVector:
    """Compute the correlation of Spearman: that of the ranks, ties at their mean rank."""
    return pearson(rankdata(first, axis=-1), rankdata(second, axis=-1))


def partial_correlation(first: FloatMatrix, second: FloatMatrix, given: FloatMatrix) -> FloatVector:
    """Compute the correlation of what is left of two columns once a third one is taken out.

    Parameters
    ----------
    first, second, given : (..., n) float64
        Each column of `given` is taken out of the others by a straight line.

    Returns
    -------
    (...) float64
        -1..1; NaN where nothing is left, or a column is constant.

    References
    ----------
    .. [1] R. A. Fisher, "The distribution of the partial correlation coefficient", 1924.
    """
    z = _standardised(given)

    def left_over(column: FloatMatrix) -> FloatMatrix:
        x = _standardised(column)
        rest = x - (x * z).sum(axis=-1, keepdims=True) * z
        # A rest of rounding errors only would be standardised to a meaningless direction.
        is_rounding = np.linalg.norm(rest, axis=-1, keepdims=True) < np.sqrt(EQUAL_SPREAD)
        return np.where(is_rounding, np.nan, rest)

    return pearson(left_over(first), left_over(second))


def associate(
    columns: FloatMatrix,
    statistic: Statistic,
    *,
    seed: int,
    confidence: float,
    n_resamples: int = N_MODEL_RESAMPLES,
) -> Association:
    """Compute a statistic over models with its bootstrap interval.

    Equal seeds and numbers of models give equal resamples, so that statistics of the same models
    are paired.

    Parameters
    ----------
    columns : (n_columns, n_models) float64
        One column for each number that `statistic` needs.
    statistic : callable
        Takes (..., n_columns, n_models) and returns (...).
    seed : int
        Of the resamples.
    confidence : float
        Of the interval, in (0, 1).
    n_resamples : int
        At least 1.
    """
    value = float(statistic(columns))
    n_models = columns.shape[-1]
    if n_models < MIN_MODELS:
        return Association(value=value, interval=(np.nan, np.nan))
    draws = resampled_models(n_models, seed=seed, n_resamples=n_resamples)
    samples = statistic(np.moveaxis(columns[:, draws], 0, -2))
    defined = samples[np.isfinite(samples)]
    if defined.size < n_resamples / 2:
        return Association(value=value, interval=(np.nan, np.nan))
    low, high = percentile_interval(defined, confidence=confidence)
    return Association(value=value, interval=(float(low), float(high)))


def resampled_models(n_models: int, *, seed: int, n_resamples: int) -> NDArray[np.intp]:
    """Return the models that each resample draws, (n_resamples, n_models)."""
    generator = np.random.default_rng(np.random.SeedSequence([seed, n_models]))
    return generator.integers(0, n_models, size=(n_resamples, n_models))


def correlation(columns: FloatMatrix) -> FloatVector:
    """Return the correlation of the two columns of (..., 2, n)."""
    return pearson(columns[..., 0, :], columns[..., 1, :])


def rank_correlation(columns: FloatMatrix) -> FloatVector:
    """Return the rank correlation of the two columns of (..., 2, n)."""
    return spearman(columns[..., 0, :], columns[..., 1, :])


def correlation_given(columns: FloatMatrix) -> FloatVector:
    """Return the correlation of the first two columns of (..., 3, n), given the third."""
    return partial_correlation(columns[..., 0, :], columns[..., 1, :], columns[..., 2, :])


def correlation_difference(columns: FloatMatrix) -> FloatVector:
    """Return how much closer the first column of (..., 3, n) follows the third than the second."""
    return correlation(columns[..., [0, 2], :]) - correlation(columns[..., [1, 2], :])


def principal_map(profiles: FloatMatrix, n_axes: int = 2) -> tuple[FloatMatrix, FloatVector]:
    """Lay profiles out on the axes along which they differ most.

    Parameters
    ----------
    profiles : (n_models, n_bands) float64
        Importances, for example.
    n_axes : int
        Axes of the map, at most the smaller side of `profiles`.

    Returns
    -------
    places : (n_models, n_axes) float64
        In the unit of the profiles, their mean at 0. The signs are fixed: the largest weight of a
        band is positive.
    shares : (n_axes,) float64
        Share of the variance that each axis shows, 0..1; 0 where all profiles are equal.

    Raises
    ------
    SpecError
        If there are fewer models or bands than axes.
    """
    if min(profiles.shape) < n_axes:
        raise SpecError(
            f"Expected at least {n_axes} models and bands for a map of profiles, found "
            f"{profiles.shape[0]} and {profiles.shape[1]}."
        )
    centred = profiles - profiles.mean(axis=0)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    rows = np.arange(n_axes)
    signs = np.sign(right[rows, np.abs(right[rows]).argmax(axis=1)])
    places = left[:, :n_axes] * sizes[:n_axes] * np.where(signs == 0, 1, signs)
    total = (sizes**2).sum()
    shares = sizes[:n_axes] ** 2 / total if total > 0 else np.zeros(n_axes)
    return places, shares


def _standardised(columns: FloatMatrix) -> FloatMatrix:
    """Centre and scale the last axis to length 1; constant columns become NaN."""
    centred = columns - columns.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    is_constant = length <= EQUAL_SPREAD * np.linalg.norm(columns, axis=-1, keepdims=True)
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # constant columns are NaN, not an accident
        return np.where(is_constant, np.nan, centred / length)
