"""The bootstrap: agreement with the plain definition and with normal theory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from iaside_audit.choices import IntervalMethod
from iaside_audit.statistics import (
    Resamples,
    bca_interval,
    bootstrap,
    bootstrap_generator,
    bootstrap_means,
    expanded_tail,
    jackknife_means,
    percentile_interval,
)

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix


def test_bootstrap_means_are_means_of_drawn_rows() -> None:
    """The product of counts and rows is the mean over the rows drawn."""
    rows = np.random.default_rng(0).normal(size=(13, 3))
    means = bootstrap_means(rows, n_resamples=50, generator=np.random.default_rng(5))
    draws = np.random.default_rng(5).integers(0, 13, size=(50, 13))
    np.testing.assert_allclose(means, rows[draws].mean(axis=1), atol=1e-14)


@pytest.mark.parametrize("cells", [1, 14, 13 * 7 + 5])
def test_bootstrap_means_do_not_depend_on_the_chunks(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many resamples are held at once bounds the memory and changes no draw."""
    rows = np.random.default_rng(0).normal(size=(13, 3))
    at_once = bootstrap_means(rows, n_resamples=50, generator=np.random.default_rng(5))
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", cells)
    chunked = bootstrap_means(rows, n_resamples=50, generator=np.random.default_rng(5))
    np.testing.assert_allclose(chunked, at_once, atol=1e-14)


def test_the_bootstrap_agrees_with_normal_theory() -> None:
    """Standard error and interval of a mean are s / sqrt(n), and 1.96 of it to each side.

    With 4000 resamples the standard error is known to 1.1 % and an end to about 0.04 of it.
    """
    rows = np.random.default_rng(1).normal([0.0, 5.0], [1.0, 0.2], size=(400, 2))
    means = bootstrap_means(rows, n_resamples=4000, generator=np.random.default_rng(2))
    errors = rows.std(axis=0) / np.sqrt(400)
    np.testing.assert_allclose(means.std(axis=0), errors, rtol=0.05)
    low, high = percentile_interval(means, confidence=0.95)
    np.testing.assert_allclose((low - rows.mean(axis=0)) / errors, -1.96, atol=0.15)
    np.testing.assert_allclose((high - rows.mean(axis=0)) / errors, 1.96, atol=0.15)


def test_columns_share_their_resamples() -> None:
    """A difference of two columns has the bootstrap of the column of differences."""
    rows = np.random.default_rng(0).normal(size=(20, 2))
    paired = np.column_stack([rows, rows[:, 0] - rows[:, 1]])
    means = bootstrap_means(paired, n_resamples=30, generator=np.random.default_rng(0))
    np.testing.assert_allclose(means[:, 0] - means[:, 1], means[:, 2], atol=1e-14)


@pytest.mark.parametrize("value", [np.nan, -np.inf], ids=str)
def test_a_broken_column_stays_alone(value: float) -> None:
    """A number that is not finite spoils its column in every resample, and no other column."""
    rows = np.random.default_rng(0).normal(size=(9, 3))
    rows[4, 1] = value
    means = bootstrap_means(rows, n_resamples=200, generator=np.random.default_rng(0))
    assert np.isfinite(means[:, [0, 2]]).all()
    assert not np.isfinite(means[:, 1]).any()


def test_percentile_interval_holds_its_share() -> None:
    """Of the samples 0..100, 80 % lie between 10 and 90."""
    samples = np.arange(101.0)[:, None] * [1.0, 2.0]
    low, high = percentile_interval(samples, confidence=0.8)
    np.testing.assert_allclose(low, [10, 20])
    np.testing.assert_allclose(high, [90, 180])


def test_the_expanded_tail_gives_students_interval_of_a_normal_mean() -> None:
    """A normal with the variance of resampled means, cut at that tail, ends where Student's t does.

    The variance of resampled means is that of the rows about their mean, over n: for n normal rows
    the ends are then mean -+ t s / sqrt(n), which covers exactly.
    """
    for n_units, tail in ((5, 0.025), (30, 0.005), (1000, 0.05)):
        narrow = np.sqrt((n_units - 1) / n_units)
        reach = -stats.norm.ppf(expanded_tail(tail, n_units)) * narrow
        assert reach == pytest.approx(-stats.t.ppf(tail, n_units - 1), rel=1e-9)
    assert expanded_tail(0.025, 1) == 0.025


def test_intervals_of_few_images_cover_the_truth() -> None:
    """Of 400 samples of 6 rows, nominal 90 % intervals cover in 86 to 94 %; plain ones in 80 %."""
    generator = np.random.default_rng(0)
    hits = plain_hits = 0
    for _ in range(400):
        rows = generator.normal(size=(6, 1))
        means = bootstrap_means(rows, n_resamples=500, generator=generator)
        low, high = percentile_interval(means, confidence=0.9, n_units=6)
        hits += low[0] <= 0 <= high[0]
        low, high = percentile_interval(means, confidence=0.9)
        plain_hits += low[0] <= 0 <= high[0]
    assert 0.86 <= hits / 400 <= 0.94
    assert plain_hits / 400 < 0.83


def test_percentile_interval_of_nan_is_nan() -> None:
    """A sample that is undefined leaves the interval undefined."""
    samples = np.zeros((10, 2))
    samples[3, 0] = np.nan
    low, high = percentile_interval(samples, confidence=0.95)
    np.testing.assert_array_equal(np.isnan(low), [True, False])
    np.testing.assert_array_equal(np.isnan(high), [True, False])


def test_jackknife_means_leave_each_row_out() -> None:
    """Row i is the mean of the others."""
    rows = np.random.default_rng(0).normal(size=(7, 2))
    expected = [np.delete(rows, row, axis=0).mean(axis=0) for row in range(7)]
    np.testing.assert_allclose(jackknife_means(rows), expected, atol=1e-14)


def test_bca_agrees_with_scipy() -> None:
    """On the same data an independent implementation finds the same ends, to resampling noise."""
    rows = np.random.default_rng(1).standard_exponential((60, 1))
    means = bootstrap_means(rows, n_resamples=20_000, generator=np.random.default_rng(2))
    statistic = np.log(means)
    low, high = bca_interval(
        statistic, np.log(rows.mean(axis=0)), np.log(jackknife_means(rows)), confidence=0.95
    )
    oracle = stats.bootstrap(
        (rows[:, 0],),
        lambda sample, axis=-1: np.log(sample.mean(axis=axis)),
        n_resamples=20_000,
        method="BCa",
        rng=np.random.default_rng(3),
    ).confidence_interval
    width = oracle.high - oracle.low
    assert low[0] == pytest.approx(oracle.low, abs=0.03 * width)
    assert high[0] == pytest.approx(oracle.high, abs=0.03 * width)
    plain = percentile_interval(statistic, confidence=0.95)
    assert abs(plain[1][0] - oracle.high) > 0.03 * width, "skewed enough to tell them apart"


def test_bca_is_the_percentile_interval_where_nothing_is_skewed() -> None:
    """Symmetric samples and units leave the ends where they are."""
    samples = np.linspace(-1, 1, 2001)[:, None]
    units = np.linspace(-1, 1, 11)[:, None]
    ends = bca_interval(samples, np.zeros(1), units, confidence=0.9)
    np.testing.assert_allclose(ends, percentile_interval(samples, confidence=0.9), atol=1e-12)


def test_bca_of_a_number_at_its_edge_is_the_percentile_interval() -> None:
    """Where no sample lies below the point the correction is not defined, and not made up."""
    samples = np.abs(np.random.default_rng(4).normal(size=(500, 1))) + 1
    units = np.random.default_rng(5).normal(size=(20, 1))
    ends = bca_interval(samples, np.zeros(1), units, confidence=0.95)
    np.testing.assert_allclose(ends, percentile_interval(samples, confidence=0.95), rtol=1e-12)


def test_bca_keeps_undefined_columns_alone() -> None:
    """NaN in a column is NaN in its ends, and in no other's."""
    rows = np.random.default_rng(6).normal(size=(30, 2))
    rows[2, 0] = np.nan
    resamples = Resamples(rows, generator=bootstrap_generator(0))
    intervals = resamples.intervals(lambda means: means, confidence=0.95, method=IntervalMethod.BCA)
    np.testing.assert_array_equal(np.isnan(intervals), [[True, True], [False, False]])


def group_differences(
    first: FloatMatrix, second: FloatMatrix, *, method: IntervalMethod, n_resamples: int
) -> FloatMatrix:
    """Return the interval of a difference of means of two groups, resampled independently."""
    generator = bootstrap_generator(0)
    one, other = (
        Resamples(rows, generator=generator, n_resamples=n_resamples) for rows in (first, second)
    )
    return one.differences(
        lambda means: means, other, lambda means: means, confidence=0.95, method=method
    )


@pytest.mark.parametrize("method", list(IntervalMethod))
def test_groups_differ_as_welch_says(method: IntervalMethod) -> None:
    """Two independent groups of normal numbers have the interval of their standard errors."""
    generator = np.random.default_rng(7)
    first, second = generator.normal(1, 1, (200, 1)), generator.normal(0, 3, (100, 1))
    ends = group_differences(first, second, method=method, n_resamples=8000)
    gap = first.mean() - second.mean()
    error = np.hypot(first.std() / np.sqrt(200), second.std() / 10)
    np.testing.assert_allclose((ends[0] - gap) / error, [-1.96, 1.96], atol=0.15)


def test_bca_of_groups_looks_both_ways() -> None:
    """The acceleration has each group's skewness with its sign: swapping them mirrors the ends."""
    generator = np.random.default_rng(8)
    first = generator.standard_exponential((40, 1))
    second = generator.normal(size=(40, 1))

    def ends(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return group_differences(one, other, method=IntervalMethod.BCA, n_resamples=20_000)[0]

    there, back = ends(first, second), ends(second, first)
    np.testing.assert_allclose(there, -back[::-1], atol=0.02)
    centre = first.mean() - second.mean()
    assert there[1] - centre > centre - there[0], "longer on the side of the skewness"
