"""How models differ on the same images: paired intervals and sign-flip tests.

Every number of a profile, linear or not, becomes one pseudo-value an image whose mean is the
difference of the two models; the test flips the signs of the images' pseudo-values. For Shapley
values, coalition values and accuracy a pseudo-value is the image's own difference, so the test is
the ordinary paired permutation test; for importance and scores it is the image's influence on
their difference (the jackknife), so the hypothesis is that these numbers are equal, whatever else
the two models do. Where it is not known which band is lowest, both readings of
:func:`~iaside_audit.statistics.estimates.candidates` are tested, as the interval holds both, and
the larger p-value counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.choices import IntervalMethod
from iaside_audit.errors import SpecError
from iaside_audit.randomness import Purpose
from iaside_audit.statistics.bootstrap import (
    CHUNK_CELLS,
    N_RESAMPLES,
    Resamples,
    bootstrap_generator,
    jackknife_means,
)
from iaside_audit.statistics.estimates import (
    attainable,
    boundary_bands,
    candidates,
    hull,
    profile_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.statistics.bootstrap import Statistic
    from iaside_audit.types import FloatMatrix, FloatVector

N_PERMUTATIONS: Final = 9999
"""With the images as they are, 10,000 arrangements: p-values are multiples of 0.0001."""
ROUNDING: Final = 1e-9
"""Pseudo-values below this share of the numbers they come from are rounding, so equal numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedDifferences:
    """One model less another on the same units; arrays have one entry a number of the profile.

    The numbers are those of :func:`~iaside_audit.statistics.estimates.profile_numbers`.

    Parameters
    ----------
    first, second : (n_numbers,) float64
        The number of each model.
    interval : (n_numbers, 2) float64
        Of `second` less `first`; NaN below two units.
    p_values : (n_numbers,) float64
        Two-sided, of single numbers; NaN where a row is not finite, or below two units.
    p_corrected : (n_numbers,) float64
        The same, corrected over the numbers of all models compared together.
    """

    first: FloatVector
    second: FloatVector
    interval: FloatMatrix
    p_values: FloatVector
    p_corrected: FloatVector


def paired_differences(
    first: FloatMatrix,
    others: Sequence[FloatMatrix],
    *,
    beta: float,
    confidence: float,
    seed: int,
    method: IntervalMethod = IntervalMethod.PERCENTILE,
    n_resamples: int = N_RESAMPLES,
    n_permutations: int = N_PERMUTATIONS,
) -> list[PairedDifferences]:
    """Compare models with a first one, unit by unit.

    Parameters
    ----------
    first : (n_units, n_bands + 3) float64
        Of each unit: Shapley values, the values of the empty and the grand coalition, top-1.
    others : sequence of (n_units, n_bands + 3) float64
        The same units, in the same order, of other models.
    beta : float
        Weight ratio of the scores, in (0, 1).
    confidence : float
        Of every interval, in (0, 1).
    seed : int
        Of the resamples and of the sign flips.
    method : IntervalMethod
        Percentile or BCa.
    n_resamples, n_permutations : int
        Of the bootstrap and of the test.

    Returns
    -------
    list of PairedDifferences
        One for each of `others`.

    Raises
    ------
    SpecError
        If the models do not have the same units, or there is none.
    """
    if not len(first) or any(one.shape != first.shape for one in others):
        raise SpecError(
            "Expected the same images of every model, at least one, found rows of shapes "
            f"{', '.join(str(one.shape) for one in (first, *others))}."
        )
    n_units, n_columns = first.shape
    numbers = partial(profile_numbers, n_bands=n_columns - 3, beta=beta)
    with np.errstate(invalid="ignore"):  # rows that are not finite give NaN, not a warning
        points = [numbers(one.mean(axis=0)) for one in (first, *others)]
    intervals = [np.full((points[0].size, 2), np.nan) for _ in others]
    pseudo_values = np.full((2, len(others), n_units, points[0].size), np.nan)  # of each reading
    least, greatest = attainable(n_columns - 3, beta)
    for place, other in enumerate(others if n_units > 1 else ()):
        rows = np.hstack([first, other])
        resamples = Resamples(rows, generator=bootstrap_generator(seed), n_resamples=n_resamples)
        statistics = _statistics(resamples, numbers, n_columns)
        intervals[place] = hull(
            [
                resamples.intervals(statistic, confidence=confidence, method=method)
                for statistic in statistics
            ]
        )
        bounded = intervals[place][n_columns - 3 : -3]
        np.clip(bounded, least - greatest, greatest - least, out=bounded)
        for reading, statistic in enumerate((statistics[0], statistics[-1])):
            pseudo_values[reading, place] = _pseudo_values(rows, statistic, points[0])
    p_values, p_corrected = np.max(
        [
            sign_flip_test(
                np.hstack(list(one)), n_permutations=n_permutations, generator=_flip_generator(seed)
            )
            for one in pseudo_values
        ],
        axis=0,
    )
    return [
        PairedDifferences(
            first=points[0],
            second=points[1 + place],
            interval=intervals[place],
            p_values=single,
            p_corrected=corrected,
        )
        for place, (single, corrected) in enumerate(
            zip(np.split(p_values, len(others)), np.split(p_corrected, len(others)), strict=True)
        )
    ]


def _flip_generator(seed: int) -> np.random.Generator:
    """Return what draws the sign flips of an audit's seed."""
    return np.random.default_rng(np.random.SeedSequence([seed, int(Purpose.SIGN_FLIPS)]))


def sign_flip_test(
    pairs: FloatMatrix, *, n_permutations: int, generator: np.random.Generator
) -> tuple[FloatVector, FloatVector]:
    """Test, for each column, whether differences that scatter around 0 could have this mean.

    All columns of a unit share its sign, so that the correction knows how they go together.

    Parameters
    ----------
    pairs : (n_units, n_columns) float64
        Differences of pairs.
    n_permutations : int
        Random assignments of signs; the given one counts as one more.
    generator : numpy.random.Generator
        For :attr:`~iaside_audit.randomness.Purpose.SIGN_FLIPS`.

    Returns
    -------
    p_values : (n_columns,) float64
        Two-sided, at least ``1 / (n_permutations + 1)``; 1 where all differences are 0, NaN where
        one is not finite.
    p_corrected : (n_columns,) float64
        Of the step-down procedure on the largest studentised mean (max-T): the chance of one false
        finding among all columns is at most the level.

    References
    ----------
    .. [1] P. H. Westfall, S. S. Young, "Resampling-based multiple testing", 1993.
    """
    is_defined = np.isfinite(pairs).all(axis=0)
    scales = np.sqrt(np.square(pairs[:, is_defined]).mean(axis=0))
    # Flips change no square, so one scale studentises every arrangement.
    scaled = pairs[:, is_defined] / np.where(scales > 0, scales, 1)
    found = np.abs(scaled.mean(axis=0))
    order = np.argsort(-found)  # the most conspicuous first
    reached = np.ones((2, order.size))  # the given arrangement reaches itself
    n_units = len(pairs)
    n_together = max(1, CHUNK_CELLS // n_units)
    threshold = found[order] * (1 - ROUNDING)
    for start in range(0, n_permutations, n_together):
        n_rows = min(n_together, n_permutations - start)
        signs = generator.integers(0, 2, size=(n_rows, n_units), dtype=np.int8) * 2.0 - 1
        means = np.abs(signs @ scaled[:, order]) / n_units
        # Step down: each column is held against itself and all that are less conspicuous.
        largest = np.maximum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        reached[0] += (means >= threshold).sum(axis=0)
        reached[1] += (largest >= threshold).sum(axis=0)
    single, corrected = reached / (n_permutations + 1)
    p_values, p_corrected = np.full((2, pairs.shape[1]), np.nan)
    places = np.flatnonzero(is_defined)[order]
    p_values[places] = single
    p_corrected[places] = np.maximum.accumulate(corrected)
    return p_values, p_corrected


def _difference(
    numbers: partial[FloatMatrix],
    n_columns: int,
    lowest: Sequence[NDArray[np.bool_] | None] = (None, None),
) -> Statistic:
    """Return the numbers of the second model less those of the first, from means side by side."""

    def difference(means: FloatMatrix) -> FloatMatrix:
        parts = (means[..., :n_columns], means[..., n_columns:])
        one, other = (numbers(part, lowest=at) for part, at in zip(parts, lowest, strict=True))
        gaps: FloatMatrix = other - one
        return gaps

    return difference


def _of_columns(
    means: FloatMatrix, *, numbers: partial[FloatMatrix], columns: slice
) -> FloatMatrix:
    return numbers(means[..., columns])


def _statistics(
    resamples: Resamples, numbers: partial[FloatMatrix], n_columns: int
) -> list[Statistic]:
    """Return the readings of the difference: see :func:`~.estimates.candidates`."""
    lowest: list[NDArray[np.bool_] | None] = []
    for columns in (slice(None, n_columns), slice(n_columns, None)):
        samples = resamples.numbers(partial(_of_columns, numbers=numbers, columns=columns))
        at_boundary = boundary_bands(samples, n_bands=n_columns - 3)
        lowest.append(candidates(at_boundary)[-1])
    plain = _difference(numbers, n_columns)
    if all(at is None for at in lowest):
        return [plain]
    return [plain, _difference(numbers, n_columns, lowest)]


def _pseudo_values(rows: FloatMatrix, differences: Statistic, scale: FloatVector) -> FloatMatrix:
    """Return one number a unit whose mean is the difference, up to the jackknife's bias."""
    n_units = len(rows)
    with np.errstate(invalid="ignore"):  # the same
        whole = differences(rows.mean(axis=0))
        pulls = (n_units - 1) * (whole - differences(jackknife_means(rows)))
        pulls -= pulls.mean(axis=0)  # without the bias, so that their mean is the difference shown
        pseudo_values: FloatMatrix = whole + pulls
        tiny = ROUNDING * n_units * np.maximum(np.abs(scale), np.abs(whole))
        pseudo_values[:, (np.abs(pseudo_values) <= tiny).all(axis=0)] = 0.0
    return pseudo_values
