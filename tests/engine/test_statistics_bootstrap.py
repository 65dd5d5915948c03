"""The bootstrap: agreement with the plain definition and with normal theory."""

from __future__ import annotations

import numpy as np
import pytest

from iaside_audit.statistics import bootstrap, bootstrap_means, percentile_interval


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


def test_percentile_interval_of_nan_is_nan() -> None:
    """A sample that is undefined leaves the interval undefined."""
    samples = np.zeros((10, 2))
    samples[3, 0] = np.nan
    low, high = percentile_interval(samples, confidence=0.95)
    np.testing.assert_array_equal(np.isnan(low), [True, False])
    np.testing.assert_array_equal(np.isnan(high), [True, False])
