"""Paired differences and sign flips: definitions, error rates, and what a null looks like."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from iaside_audit.errors import SpecError
from iaside_audit.statistics import (
    bootstrap_generator,
    bootstrap_means,
    paired_differences,
    percentile_interval,
    profile_numbers,
    sign_flip_test,
)

if TYPE_CHECKING:
    from iaside_audit.statistics import PairedDifferences
    from iaside_audit.types import FloatMatrix

N_BANDS = 4
SIGNED = 2 * N_BANDS + 1


def draw_model(
    generator: np.random.Generator, shared: FloatMatrix, shapley: tuple[float, ...]
) -> FloatMatrix:
    """Draw a model's rows around `shapley`, correlated with others through `shared`."""
    n_units = len(shared)
    phi = np.array(shapley) + shared + 0.3 * generator.normal(size=(n_units, N_BANDS))
    ends = np.column_stack([np.zeros(n_units), phi.sum(axis=1)])
    return np.column_stack([phi, ends, generator.random(n_units) < 0.7])


def compare(first: FloatMatrix, *others: FloatMatrix, **options: Any) -> list[PairedDifferences]:
    """Compare with fewer permutations than a real comparison takes."""
    settings_used = {"beta": 0.75, "confidence": 0.95, "seed": 0, "n_permutations": 999} | options
    return paired_differences(first, others, **settings_used)


def test_a_model_against_itself_differs_nowhere() -> None:
    """Zeros with intervals of no width, and p-values of 1."""
    generator = np.random.default_rng(0)
    rows = draw_model(generator, generator.normal(size=(40, 1)), (2.0, 1.0, 0.5, 0.0))
    [found] = compare(rows, rows.copy())
    np.testing.assert_array_equal(found.second - found.first, 0)
    np.testing.assert_array_equal(found.interval, 0)
    np.testing.assert_array_equal(found.p_values, 1)
    np.testing.assert_array_equal(found.p_corrected, 1)


def test_differences_are_paired() -> None:
    """What two models share cancels: the interval is that of the images' own differences."""
    generator = np.random.default_rng(1)
    shared = 5 * generator.normal(size=(100, 1))
    one, other = (draw_model(generator, shared, (2.0, 1.0, 0.5, 0.0)) for _ in range(2))
    [found] = compare(one, other)
    gaps = (other - one)[:, 0]
    error = gaps.std(ddof=1) / 10
    np.testing.assert_allclose(
        found.interval[0], gaps.mean() + np.array([-1.96, 1.96]) * error, atol=0.3 * error
    )
    alone = one[:, 0].std(ddof=1) / 10
    assert np.diff(found.interval[0]) < alone


def test_nonlinear_numbers_are_recomputed_in_each_resample() -> None:
    """The interval of a difference of scores is that of the plain definition."""
    generator = np.random.default_rng(2)
    shared = generator.normal(size=(50, 1))
    one = draw_model(generator, shared, (2.0, 1.0, 0.5, 0.0))
    other = draw_model(generator, shared, (1.5, 1.2, 0.6, 0.1))
    [found] = compare(one, other)
    means = bootstrap_means(
        np.hstack([one, other]), n_resamples=2000, generator=bootstrap_generator(0)
    )
    numbers = [
        profile_numbers(part, n_bands=N_BANDS, beta=0.75) for part in np.split(means, 2, axis=1)
    ]
    expected = percentile_interval(numbers[1] - numbers[0], confidence=0.95, n_units=50)
    np.testing.assert_allclose(found.interval.T, expected, atol=1e-12)


def test_sign_flips_agree_with_full_enumeration() -> None:
    """The sampled p-value of eight pairs is that of all 256 assignments of signs."""
    gaps = np.random.default_rng(3).normal(0.6, 1, (8, 1))
    everything = np.array(list(product([-1, 1], repeat=8))) @ gaps / 8
    exact = (np.abs(everything) >= np.abs(gaps.mean()) - 1e-12).mean()
    found, corrected = sign_flip_test(
        gaps, n_permutations=20_000, generator=np.random.default_rng(0)
    )
    assert found[0] == pytest.approx(exact, abs=0.012)
    assert corrected[0] == found[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 30), st.integers(1, 6), st.integers(0, 1000))
def test_correction_never_helps(n_units: int, n_columns: int, seed: int) -> None:
    """Corrected p-values are at least the single ones, and keep their order."""
    generator = np.random.default_rng(seed)
    pairs = generator.normal(generator.normal(0, 1, n_columns), 1, (n_units, n_columns))
    single, corrected = sign_flip_test(pairs, n_permutations=199, generator=generator)
    assert (corrected >= single).all()
    assert (corrected <= 1).all()
    size = np.abs(pairs.mean(axis=0)) / np.sqrt(np.square(pairs).mean(axis=0))
    assert (np.diff(corrected[np.argsort(-size)]) >= 0).all()


def test_copies_of_a_column_cost_nothing() -> None:
    """The correction knows that one number told three ways is one finding."""
    gaps = np.random.default_rng(4).normal(0.5, 1, (40, 1))
    single, corrected = sign_flip_test(
        np.hstack([gaps, -2 * gaps, 0.1 * gaps]),
        n_permutations=999,
        generator=np.random.default_rng(0),
    )
    np.testing.assert_allclose(corrected, single, atol=1e-12)
    assert single.max() == single.min()


def test_undefined_columns_stay_alone() -> None:
    """NaN rows have NaN p-values and change no other; the seeds decide everything."""
    generator = np.random.default_rng(5)
    pairs = generator.normal(0.2, 1, (30, 2))
    with_nan = np.column_stack([pairs[:, 0], np.full(30, np.nan), pairs[:, 1]])
    found = sign_flip_test(with_nan, n_permutations=499, generator=np.random.default_rng(7))
    expected = sign_flip_test(pairs, n_permutations=499, generator=np.random.default_rng(7))
    for one, other in zip(found, expected, strict=True):
        assert np.isnan(one[1])
        np.testing.assert_array_equal(one[[0, 2]], other)


def test_error_rates_hold_where_nothing_differs() -> None:
    """Of 300 pairs of equal models, about 5 % have p <= 0.05 on a score, at most 5 % any corrected.

    The bounds are those that a true rate of 5 % (at most 5 % for the family) leaves with a chance
    below 1 in 1000.
    """
    generator = np.random.default_rng(6)
    n_pairs = 300
    false_score = false_any = 0
    for seed in range(n_pairs):
        shared = generator.standard_exponential((60, 1))
        one, other = (draw_model(generator, shared, (2.0, 1.2, 0.7, 0.2)) for _ in range(2))
        [found] = compare(one, other, seed=seed, n_permutations=199, n_resamples=50)
        false_score += found.p_values[SIGNED] <= 0.05
        false_any += np.nanmin(found.p_corrected) <= 0.05
    most = stats.binom.ppf(0.999, n_pairs, 0.05)
    assert stats.binom.ppf(0.001, n_pairs, 0.05) <= false_score <= most
    assert false_any <= most


def test_a_real_difference_is_found_and_signed() -> None:
    """A model that lost its low band has a lower score, clearly, in every way of saying it."""
    generator = np.random.default_rng(8)
    shared = generator.normal(size=(100, 1))
    one = draw_model(generator, shared, (2.0, 1.0, 0.5, 0.0))
    other = draw_model(generator, shared, (1.0, 1.0, 0.5, 0.0))
    [found] = compare(one, other)
    for place in (0, SIGNED):
        assert found.second[place] < found.first[place]
        assert found.interval[place][1] < 0
        assert found.p_corrected[place] == pytest.approx(0.001)
    assert found.p_values[1] > 0.01


def test_three_models_are_corrected_together() -> None:
    """More models make corrected p-values larger, single ones stay."""
    generator = np.random.default_rng(9)
    shared = generator.normal(size=(60, 1))
    one, second, third = (draw_model(generator, shared, (2.0, 1.0, 0.5, 0.0)) for _ in range(3))
    [alone] = compare(one, second)
    together, _ = compare(one, second, third)
    np.testing.assert_allclose(together.interval, alone.interval)
    np.testing.assert_allclose(together.p_values, alone.p_values, atol=0.05)
    assert (together.p_corrected >= alone.p_corrected - 0.05).all()


def test_bands_that_might_be_lowest_widen_a_comparison() -> None:
    """Where one model's lowest band is not known, or both models' are not, intervals still hold."""
    generator = np.random.default_rng(10)
    shared = generator.normal(size=(80, 1))
    known = draw_model(generator, shared, (2.0, 1.0, 0.5, -1.0))
    tied = draw_model(generator, shared, (2.0, 1.0, 0.0, 0.0))
    [there], [back] = compare(known, tied), compare(tied, known)
    np.testing.assert_allclose(there.interval, -back.interval[:, ::-1], atol=1e-9)
    assert (np.diff(there.interval) > 0)[:SIGNED].all()
    rows = np.hstack([known, tied])
    means = bootstrap_means(rows, n_resamples=2000, generator=bootstrap_generator(0))
    one, other = (
        profile_numbers(part, n_bands=N_BANDS, beta=0.75) for part in np.split(means, 2, axis=1)
    )
    low, high = percentile_interval((other - one)[:, SIGNED], confidence=0.95, n_units=80)
    assert there.interval[SIGNED][0] == pytest.approx(low)
    assert there.interval[SIGNED][1] > high, "the tied model's score is read too low"
    [alone] = compare(tied, tied)
    np.testing.assert_array_equal(alone.interval, 0)


def test_noise_that_lowers_the_lowest_band_is_no_difference() -> None:
    """Of two equal profiles one is noisier, so that its least band and its score are read too low.

    The interval holds 0; the p-value of that reading alone is 0.028, and does not count alone.
    """
    generator, ends = np.random.default_rng(18), np.ones((60, 3))
    steady, noisy = (
        np.hstack([(2.0, 0.0, 0.0, 0.0) + spread * generator.normal(size=(60, N_BANDS)), ends])
        for spread in (0.05, 1.0)
    )
    [found] = compare(steady, noisy)
    low, high = found.interval[SIGNED]
    assert low < 0 < high
    assert found.p_values[SIGNED] > 0.2


def test_other_images_are_refused() -> None:
    """Rows that do not match cannot be paired."""
    with pytest.raises(SpecError, match="same images of every model"):
        compare(np.zeros((5, 7)), np.zeros((4, 7)))
    with pytest.raises(SpecError, match="at least one"):
        compare(np.zeros((0, 7)), np.zeros((0, 7)))
