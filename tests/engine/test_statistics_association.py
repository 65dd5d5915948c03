"""Correlations over models against scipy, closed forms and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from iaside_audit.errors import SpecError
from iaside_audit.statistics.association import (
    associate,
    correlation,
    correlation_difference,
    correlation_given,
    partial_correlation,
    pearson,
    principal_map,
    rank_correlation,
    spearman,
)

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(3, 20))
def test_correlations_are_those_of_scipy(seed: int, n: int) -> None:
    """An independent implementation gives the same numbers, ties included."""
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=n), generator.integers(0, 4, size=n).astype(float)
    if np.ptp(y) == 0:
        y[0] += 1
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


@given(seeds)
def test_partial_correlation_is_that_of_the_residuals(seed: int) -> None:
    """The closed form agrees with two regressions, and does not change with the given's scale."""
    x, y, z = np.random.default_rng(seed).normal(size=(3, 12))
    design = np.column_stack([np.ones(12), z])
    left = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    expected = stats.pearsonr(*left).statistic
    assert partial_correlation(x, y, z) == pytest.approx(expected, abs=1e-9)
    assert partial_correlation(x, y, 5 - 3 * z) == pytest.approx(expected, abs=1e-9)


def test_partial_correlation_is_undefined_where_nothing_is_left() -> None:
    """A column that is a straight line of the given one has no residual to correlate."""
    z = np.arange(6.0)
    assert np.isnan(partial_correlation(2 * z + 1, np.array([1.0, 0, 3, 2, 5, 9]), z))


def test_constant_columns_have_no_correlation() -> None:
    """Nothing follows a constant; a spread of rounding errors counts as constant."""
    x = np.arange(5.0)
    assert np.isnan(pearson(x, np.full(5, 0.1 + 0.2)))
    assert np.isnan(pearson(x, 0.3 + 1e-17 * x))


def test_the_interval_over_models_covers_the_correlation() -> None:
    """Over correlated normal pairs the interval covers rho about as often as it says."""
    rho, n_covered = 0.6, 0
    for seed in range(150):
        pair = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, rho], [rho, 1]], 60)
        low, high = associate(
            pair.T, correlation, seed=seed, confidence=0.95, n_resamples=500
        ).interval
        n_covered += low <= rho <= high
    assert 130 <= n_covered <= 149


def test_a_difference_is_paired_over_models() -> None:
    """Two predictors that differ by a hair give an interval of a hair, however noisy both are."""
    generator = np.random.default_rng(3)
    truth = generator.normal(size=20)
    noisy = truth + generator.normal(size=20)
    columns = np.stack([noisy, noisy + 1e-6 * generator.normal(size=20), truth])
    difference = associate(columns, correlation_difference, seed=0, confidence=0.95)
    assert np.abs(difference.interval).max() < 1e-4
    better = np.stack([truth + 0.1 * generator.normal(size=20), noisy, truth])
    assert associate(better, correlation_difference, seed=0, confidence=0.95).excludes_zero


def test_associations_repeat_and_need_a_few_models() -> None:
    """Equal seeds give equal intervals; three models give none."""
    columns = np.random.default_rng(4).normal(size=(3, 10))
    first, second = (
        associate(columns, correlation_given, seed=5, confidence=0.9) for _ in range(2)
    )
    assert first == second
    few = associate(columns[:2, :3], rank_correlation, seed=5, confidence=0.9)
    assert np.isfinite(few.value)
    assert np.isnan(few.interval).all()


def test_the_map_of_profiles_keeps_distances_on_a_line() -> None:
    """Profiles that differ along one direction lie on the first axis, at their distances."""
    direction = np.array([3.0, -4.0]) / 5
    places, shares = principal_map(np.outer([0.0, 1.0, 3.0], direction) + 7)
    np.testing.assert_allclose(np.abs(np.diff(places[:, 0])), [1, 2], atol=1e-12)
    np.testing.assert_allclose(shares, [1, 0], atol=1e-12)
    flat, none = principal_map(np.ones((3, 4)))
    assert not flat.any()
    assert not none.any()


def test_the_map_needs_two_models() -> None:
    """One profile spans no map."""
    with pytest.raises(SpecError, match="at least 2 models"):
        principal_map(np.ones((1, 8)))
