"""Importance, scores and null level: laws, and the numbers of the method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies_games import betas, profiles

from iaside_audit.errors import SpecError
from iaside_audit.statistics import (
    anchored_score,
    importance,
    null_level,
    paper_score,
    signed_score,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.types import FloatVector

SCORES = [paper_score, signed_score, anchored_score]


@given(profiles())
def test_importance_is_a_profile(shapley: FloatVector) -> None:
    """Importances lie in 0..1, add up to 1, and the least is 0."""
    psi = importance(shapley)
    assert psi.min() == 0
    assert psi.max() <= 1
    np.testing.assert_allclose(psi.sum(), 1, atol=1e-12)


@given(profiles(), st.floats(0.01, 100), st.floats(-100, 100))
def test_importance_ignores_unit_and_level(
    shapley: FloatVector, factor: float, level: float
) -> None:
    """A positive factor and a constant change nothing."""
    np.testing.assert_allclose(importance(factor * shapley + level), importance(shapley), atol=1e-6)


@pytest.mark.parametrize("value", [0.0, -3.5, 1e-300], ids=str)
def test_importance_of_equal_bands_is_uniform(value: float) -> None:
    """Where all Shapley values are equal psi is undefined, and uniform by convention."""
    np.testing.assert_array_equal(importance(np.full((2, 8), value)), np.full((2, 8), 1 / 8))


def test_importance_does_not_amplify_rounding() -> None:
    """Values that are equal but for rounding are equal."""
    shapley = np.full(8, 0.7) + 1e-16 * np.arange(8)
    np.testing.assert_array_equal(importance(shapley), np.full(8, 1 / 8))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_importance_of_a_broken_profile_is_nan(value: float) -> None:
    """One value that is not finite spoils its own profile, no other, and warns nobody."""
    shapley = np.array([[1.0, 2.0, 4.0], [1.0, value, 2.0]])
    psi = importance(shapley)
    np.testing.assert_allclose(psi[0], [0, 0.25, 0.75])
    assert np.isnan(psi[1]).all()
    assert np.isnan(signed_score(psi, beta=0.75)[1])


@pytest.mark.parametrize("score", SCORES)
@given(n_bands=st.integers(2, 32), beta=betas)
def test_the_uniform_profile_scores_zero(
    score: Callable[..., FloatVector], n_bands: int, beta: float
) -> None:
    """A model that uses all bands alike has every score exactly 0."""
    assert score(np.full(n_bands, 1 / n_bands), beta=beta) == 0


@given(profiles(), betas)
def test_scores_follow_their_definitions(shapley: FloatVector, beta: float) -> None:
    """The vectorised scores are the formulas of section 5, written out."""
    psi = importance(shapley)
    n_bands = psi.size
    powers = np.array([beta**k for k in range(n_bands)])
    norm = np.sqrt((powers**2).sum())
    projection = sum(powers[k] / norm * psi[k] for k in range(n_bands))
    uniform = powers.sum() / (n_bands * norm)
    signed = (projection - uniform) / abs(1 - uniform)
    np.testing.assert_allclose(signed_score(psi, beta=beta), signed, atol=1e-12)
    np.testing.assert_allclose(paper_score(psi, beta=beta), abs(signed), atol=1e-12)
    np.testing.assert_allclose(
        anchored_score(psi, beta=beta),
        (projection - uniform) / (1 / norm - uniform),
        atol=1e-12,
    )


@given(profiles(), betas)
def test_sorting_importance_towards_low_bands_raises_the_score(
    shapley: FloatVector, beta: float
) -> None:
    """Lower bands weigh more: of all orders of a profile the falling one scores most."""
    psi = importance(shapley)
    falling = np.sort(psi)[::-1]
    assert signed_score(falling, beta=beta) >= signed_score(psi, beta=beta) - 1e-12
    assert signed_score(falling, beta=beta) > 0
    assert signed_score(falling[::-1], beta=beta) < 0


@pytest.mark.parametrize(
    ("n_bands", "lowest_band", "lower_end"),
    [(4, 0.422, -0.83), (8, 0.522, -0.58), (16, 0.595, -0.31)],
)
def test_anchors_are_those_of_the_method(
    n_bands: int, lowest_band: float, lower_end: float
) -> None:
    """All importance in band 0, and in the last band, score what section 5 says."""
    ends = np.eye(n_bands)[[0, -1]]
    assert paper_score(ends, beta=0.75)[0] == pytest.approx(lowest_band, abs=5e-4)
    assert anchored_score(ends, beta=0.75)[0] == pytest.approx(1, abs=1e-12)
    assert anchored_score(ends, beta=0.75)[1] == pytest.approx(lower_end, abs=5e-3)


def test_the_paper_score_does_not_tell_high_from_low() -> None:
    """All importance in the highest of 8 bands scores 0.300, and -0.300 with its sign."""
    highest = np.eye(8)[-1]
    assert paper_score(highest, beta=0.75) == pytest.approx(0.300, abs=5e-4)
    assert signed_score(highest, beta=0.75) == -paper_score(highest, beta=0.75)


@pytest.mark.parametrize(("n_bands", "expected"), [(4, 0.304), (8, 0.193), (16, 0.111)])
def test_the_null_level_is_that_of_the_method(n_bands: int, expected: float) -> None:
    """The 95 % quantile of the paper score of random profiles is the published number."""
    assert null_level(n_bands, 0.75).q95 == pytest.approx(expected, abs=0.003)


def test_the_null_level_agrees_with_another_sample() -> None:
    """Profiles made one by one from exponentials have the same quantiles."""
    generator = np.random.default_rng(99)
    psi = importance(generator.standard_exponential((50_000, 8)))
    quantiles = null_level(8, 0.75).quantiles
    for kind, score in (
        ("paper", paper_score),
        ("signed", signed_score),
        ("comparable", anchored_score),
    ):
        np.testing.assert_allclose(
            np.quantile(score(psi, beta=0.75), [0.05, 0.95]), quantiles[kind], atol=0.006
        )


@pytest.mark.parametrize("beta", [0.5, 0.75, 0.9])
def test_the_one_low_profile_of_two_bands_is_above_half_of_the_null(beta: float) -> None:
    """Importance is (1, 0) or (0, 1) there; rounding puts no score above its equals."""
    level = null_level(2, beta)
    low = np.array([1.0, 0.0])
    assert level.percentile("signed", float(signed_score(low, beta=beta))) == pytest.approx(
        0.5, abs=0.01
    )
    assert level.percentile("comparable", float(anchored_score(low, beta=beta))) == pytest.approx(
        0.5, abs=0.01
    )
    assert level.percentile("paper", float(paper_score(low, beta=beta))) == 0


def test_percentiles_are_shares_of_the_null() -> None:
    """The quantiles' percentiles are their levels; beyond the samples lie 0 and 1."""
    level = null_level(8, 0.75)
    for kind, (low, high) in level.quantiles.items():
        assert level.percentile(kind, low) == pytest.approx(0.05, abs=1e-4)
        assert level.percentile(kind, high) == pytest.approx(0.95, abs=1e-4)
        assert level.percentile(kind, -2.0) == 0
        assert level.percentile(kind, 2.0) == 1
    assert level.q95 == level.quantiles["paper"][1]
    assert np.isnan(level.percentile("signed", float("nan")))


def test_the_null_level_is_kept() -> None:
    """It is drawn once, and its samples cannot be spoiled."""
    level = null_level(8, 0.75)
    assert level is null_level(8, 0.75)
    assert all(not one.flags.writeable for one in level.samples.values())
    assert all(one.size == 200_000 for one in level.samples.values())


@pytest.mark.parametrize("beta", [0.0, 1.0, -0.5, float("nan")])
def test_scores_refuse_a_weight_ratio_outside_the_unit_interval(beta: float) -> None:
    """At beta 1 all bands weigh alike and the score says nothing."""
    for score in SCORES:
        with pytest.raises(SpecError, match="beta between 0 and 1"):
            score(np.full(4, 0.25), beta=beta)


def test_scores_refuse_a_single_band() -> None:
    """One band holds all importance, always."""
    with pytest.raises(SpecError, match="at least 2 bands"):
        null_level(1, 0.75)


@given(profiles(), st.data())
def test_another_reading_of_the_lowest_stays_bounded(phi: FloatVector, data: st.DataObject) -> None:
    """Whatever bands are taken for the lowest, psi adds up to 1 and is at most 2 in size."""
    sizes = {"min_size": phi.size, "max_size": phi.size}
    lowest = np.array(data.draw(st.lists(st.booleans(), **sizes).filter(any)))
    psi = importance(phi, lowest=lowest)
    assert psi.sum() == pytest.approx(1)
    assert (np.abs(psi) <= 2 + 1e-9).all()
    only = phi == phi.min()
    np.testing.assert_allclose(importance(phi, lowest=only), importance(phi), atol=1e-12)
