"""From rows of single images to the profile of a model, with intervals (METHOD.md, section 6)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.choices import IntervalMethod
from iaside_audit.errors import SpecError
from iaside_audit.statistics.bootstrap import (
    N_RESAMPLES,
    Resamples,
    bootstrap_generator,
    expanded_tail,
)
from iaside_audit.statistics.scores import anchored_score, importance, paper_score, signed_score
from iaside_audit.statistics.shares import share_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix, FloatVector, Interval

N_LIVE_RESAMPLES: Final = 500
"""Of an estimate that is shown while the audit runs."""

BOUNDARY_SHARE: Final = 0.01
"""A band that is lowest in more than this share of the resamples is at the boundary."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProfileEstimate:
    """The profile of one model over its units (images, or batches in reference mode).

    Parameters
    ----------
    n_units : int
        Rows behind the numbers.
    shapley : (n_bands,) float64
        Mean Shapley values, in the unit of the value function.
    shapley_se : (n_bands,) float64
        Their standard errors; every other number has its own, named alike.
    shapley_interval : (n_bands, 2) float64
        Lower and upper ends.
    importance : (n_bands,) float64
        psi of the mean Shapley values, 0..1.
    importance_interval : (n_bands, 2) float64
        Lower and upper ends; from 0, one-sided, where `at_boundary`.
    at_boundary : (n_bands,) bool
        Whether the band is lowest, so that its psi is 0 by construction, in more than 1 % of the
        resamples.
    paper, signed, comparable : float
        The robustness scores of `importance`; each has its standard error and interval beside it.
    empty, grand : float
        Mean values of the empty and the grand coalition, in the unit of the value function.
    top1 : float
        Share of images whose unfiltered prediction is the label, 0..1.

    Notes
    -----
    Every standard error and interval is NaN where there are fewer units than asked for.
    """

    n_units: int
    shapley: FloatVector
    shapley_se: FloatVector
    shapley_interval: FloatMatrix
    importance: FloatVector
    importance_se: FloatVector
    importance_interval: FloatMatrix
    at_boundary: NDArray[np.bool_]
    paper: float
    paper_se: float
    paper_interval: Interval
    signed: float
    signed_se: float
    signed_interval: Interval
    comparable: float
    comparable_se: float
    comparable_interval: Interval
    empty: float
    empty_se: float
    empty_interval: Interval
    grand: float
    grand_se: float
    grand_interval: Interval
    top1: float
    top1_se: float
    top1_interval: Interval

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                array = value.copy()
                array.flags.writeable = False
                object.__setattr__(self, field.name, array)


def estimate_profile(
    shapley_rows: FloatMatrix,
    empty_rows: FloatVector,
    grand_rows: FloatVector,
    correct_rows: FloatVector,
    *,
    beta: float,
    confidence: float,
    seed: int,
    method: IntervalMethod = IntervalMethod.PERCENTILE,
    n_resamples: int = N_RESAMPLES,
    min_units: int = 2,
) -> ProfileEstimate:
    """Estimate the profile of a model from the rows of its units.

    The bootstrap draws whole rows, and recomputes psi and the scores inside each resample, so that
    every interval carries the variance between images and that of the random orders together.
    Where it is not known which band is lowest, see :func:`candidates`. Accuracy over images has
    Wilson's interval, which holds near 0 and 1.

    Parameters
    ----------
    shapley_rows : (n_units, n_bands) float64
        Shapley values of each unit, in the unit of the value function.
    empty_rows, grand_rows : (n_units,) float64
        Values of the empty and the grand coalition.
    correct_rows : (n_units,) float64
        1 where the unfiltered prediction is the label, else 0 (a share for a batch); NaN
        throughout where the labels are the model's own.
    beta : float
        Weight ratio of the scores, in (0, 1).
    confidence : float
        Of every interval, in (0, 1).
    seed : int
        The audit's seed; equal rows and seeds give equal estimates.
    method : IntervalMethod
        How the ends of the intervals follow from the resamples.
    n_resamples : int
        2000, or 500 for an estimate that is shown while the audit runs.
    min_units : int
        Fewer units give no intervals (NaN); reference mode asks for 8 batches.

    Returns
    -------
    ProfileEstimate
        A number whose rows are not all finite is NaN or infinite, and its interval NaN.

    Raises
    ------
    SpecError
        If there is no row.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993.
       doi:10.1201/9780429246593
    """
    rows = np.column_stack([shapley_rows, empty_rows, grand_rows, correct_rows])
    rows = rows.astype(np.float64, copy=False)
    n_units, n_bands = shapley_rows.shape
    if n_units == 0:
        raise SpecError("Expected the row of at least one image, found none. Audit more images.")
    with np.errstate(invalid="ignore"):  # rows that are not finite give NaN, not a warning
        point = profile_numbers(rows.mean(axis=0), n_bands=n_bands, beta=beta)
    samples = np.full((2, point.size), np.nan)
    intervals = np.full((point.size, 2), np.nan)
    at_boundary = np.zeros(n_bands, dtype=np.bool_)
    if n_units >= min_units:
        resamples = Resamples(rows, generator=bootstrap_generator(seed), n_resamples=n_resamples)
        plain = partial(profile_numbers, n_bands=n_bands, beta=beta)
        samples = resamples.numbers(plain)
        at_boundary = boundary_bands(samples, n_bands=n_bands)
        intervals = hull(
            [
                resamples.intervals(
                    partial(plain, lowest=lowest), confidence=confidence, method=method
                )
                for lowest in candidates(at_boundary)
            ]
        )
        bounded = intervals[n_bands : 2 * n_bands + 3]
        np.clip(bounded, *attainable(n_bands, beta), out=bounded)
    # Resamples of n units scatter too little, by sqrt((n - 1) / n): see expanded_tail.
    spread = np.sqrt(n_units / (n_units - 1)) if n_units > 1 else np.nan
    with np.errstate(invalid="ignore"):  # the same
        errors = samples.std(axis=0, ddof=1) * spread

    phi, psi = slice(0, n_bands), slice(n_bands, 2 * n_bands)
    upper = np.quantile(samples[:, psi], 1 - expanded_tail(1 - confidence, n_units), axis=0)
    one_sided = np.stack([np.zeros(n_bands), upper], axis=-1)
    paper, signed, comparable, empty, grand, top1 = point[2 * n_bands :].tolist()
    if n_units >= min_units and np.isin(correct_rows, (0, 1)).all():
        # A bootstrap of images that are all right has no width.
        intervals[-1] = np.hstack(share_interval(np.array([top1]), n_units, confidence=confidence))
    ends = [(float(low), float(high)) for low, high in intervals[2 * n_bands :]]
    spreads = errors[2 * n_bands :].tolist()
    return ProfileEstimate(
        n_units=n_units,
        shapley=point[phi],
        shapley_se=errors[phi],
        shapley_interval=intervals[phi],
        importance=point[psi],
        importance_se=errors[psi],
        importance_interval=np.where(at_boundary[:, None], one_sided, intervals[psi]),
        at_boundary=at_boundary,
        paper=paper,
        paper_se=spreads[0],
        paper_interval=ends[0],
        signed=signed,
        signed_se=spreads[1],
        signed_interval=ends[1],
        comparable=comparable,
        comparable_se=spreads[2],
        comparable_interval=ends[2],
        empty=empty,
        empty_se=spreads[3],
        empty_interval=ends[3],
        grand=grand,
        grand_se=spreads[4],
        grand_interval=ends[4],
        top1=top1,
        top1_se=spreads[5],
        top1_interval=ends[5],
    )


def boundary_bands(samples: FloatMatrix, *, n_bands: int) -> NDArray[np.bool_]:
    """Return which bands might be the lowest: those that are in more than 1 % of the resamples.

    Parameters
    ----------
    samples : (n_resamples, n_numbers) float64
        Of :func:`profile_numbers`.
    n_bands : int
        M.
    """
    is_lowest = samples[:, n_bands : 2 * n_bands] == 0
    at_boundary: NDArray[np.bool_] = is_lowest.mean(axis=0) > BOUNDARY_SHARE
    return at_boundary


def candidates(at_boundary: NDArray[np.bool_]) -> list[NDArray[np.bool_] | None]:
    """Return what min phi may be read as: the least one and, with several lowest bands, their mean.

    Psi hangs on min phi, and where several bands are about equally low, the least of their
    estimates lies below every one of the true values: importance and scores are then biased, and
    a resample doubles the bias instead of showing it. The mean of the bands that might be lowest
    is at least their minimum, so the truth lies between the two readings, and the interval is the
    hull of both. On a real network with six bands about equal, coverage of the signed score at 100
    images rises so from below 5 % to 96 % (``benchmarks/interval_coverage.py``); with six bands
    exactly equal and independent noise, the worst case, it is still short of 95 %.
    """
    return [None, at_boundary] if at_boundary.sum() > 1 else [None]


def hull(intervals: Sequence[FloatMatrix]) -> FloatMatrix:
    """Return the least interval that holds all of several, (n_numbers, 2) each; NaN of NaN."""
    stacked = np.stack(intervals)
    return np.stack([stacked[..., 0].min(axis=0), stacked[..., 1].max(axis=0)], axis=-1)


def attainable(n_bands: int, beta: float) -> tuple[FloatMatrix, FloatMatrix]:
    """Return the least and the greatest values that psi and the scores can have.

    With the mean of several bands for min phi (:func:`candidates`) and few units, the ends of an
    interval may lie beyond, where no true value is.

    Parameters
    ----------
    n_bands : int
        M.
    beta : float
        Weight ratio of the scores, in (0, 1).

    Returns
    -------
    least, greatest : (n_bands + 3, 1) float64
        Of psi, and of the paper, signed and anchored scores.
    """
    # Scores are linear in psi, or the absolute value of what is: their extremes are scores of
    # profiles with all in one band, or 0, that of the even profile.
    profiles = np.eye(n_bands + 1, n_bands + 3)
    profiles[:, n_bands] = 0.0
    numbers = profile_numbers(profiles, n_bands=n_bands, beta=beta)[:, n_bands : 2 * n_bands + 3]
    return numbers.min(axis=0)[:, None], numbers.max(axis=0)[:, None]


def profile_numbers(
    means: FloatMatrix, *, n_bands: int, beta: float, lowest: NDArray[np.bool_] | None = None
) -> FloatMatrix:
    """Extend means of rows to every number of a profile.

    Parameters
    ----------
    means : (..., n_bands + 3) float64
        Shapley values, then the values of the empty and the grand coalition, then top-1.
    n_bands : int
        M.
    beta : float
        Weight ratio of the scores, in (0, 1).
    lowest : (n_bands,) bool or None
        As in :func:`~iaside_audit.statistics.scores.importance`.

    Returns
    -------
    (..., 2 * n_bands + 6) float64
        phi, psi, the paper, signed and anchored scores, empty, grand and top-1.
    """
    psi = importance(means[..., :n_bands], lowest=lowest)
    scores = [score(psi, beta=beta) for score in (paper_score, signed_score, anchored_score)]
    return np.concatenate(
        [means[..., :n_bands], psi, np.stack(scores, axis=-1), means[..., n_bands:]], axis=-1
    )
