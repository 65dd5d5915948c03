"""The plan: variance parts are told apart, and half-widths come out as promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from iaside_audit.errors import SpecError
from iaside_audit.statistics import estimate_profile, score_influence, score_variance

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix

TRUTH = np.array([2.0, 1.2, 0.7, 0.0])


def draw(n_images: int, *, within: float, seed: int = 0) -> tuple[FloatMatrix, FloatMatrix]:
    """Draw two independent sets of walks of the same images."""
    generator = np.random.default_rng(seed)
    own = TRUTH + 0.5 * generator.normal(size=(n_images, TRUTH.size))
    first, second = (own + within * generator.normal(size=own.shape) for _ in range(2))
    return first, second


def test_influences_make_the_standard_error_of_the_score() -> None:
    """Their spread over sqrt(n) is the bootstrap's standard error, read from its interval."""
    rows, _ = draw(400, within=0.5)
    influence = score_influence(rows, beta=0.75)
    profile = estimate_profile(
        rows, rows[:, 0], rows[:, 1], rows[:, 2], beta=0.75, confidence=0.95, seed=0
    )
    halfwidth = np.diff(profile.signed_interval).item() / 2
    assert influence.sum() == pytest.approx(0, abs=1e-9)
    assert 1.96 * influence.std(ddof=1) / 20 == pytest.approx(halfwidth, rel=0.06)


def test_two_walks_tell_images_from_orders() -> None:
    """Orders add what they add, images keep their own: 0.5 and 1.0 of standard deviation each."""
    variance = score_variance(*draw(40_000, within=1.0), beta=0.75, n_resamples=2)
    assert variance.within / variance.between == pytest.approx(4.0, rel=0.15)
    exact, _ = draw(40_000, within=0.0)
    assert variance.between == pytest.approx(
        score_variance(exact, None, beta=0.75, n_resamples=2).between, rel=0.1
    )


def test_more_pairs_and_more_images_narrow_as_they_should() -> None:
    """The half-width falls with the root of the images; pairs divide only the orders' part."""
    variance = score_variance(*draw(200, within=1.0), beta=0.75)
    one = variance.halfwidth(100, pairs=1, confidence=0.95)
    assert variance.halfwidth(400, pairs=1, confidence=0.95) == pytest.approx(one / 2)
    assert variance.halfwidth(100, pairs=10**9, confidence=0.95) == pytest.approx(
        variance.halfwidth(100, pairs=None, confidence=0.95), rel=1e-6
    )
    needed = variance.images_needed(0.03, pairs=1, confidence=0.95)
    assert variance.halfwidth(needed, pairs=1, confidence=0.95) <= 0.03
    assert variance.halfwidth(needed - 1, pairs=1, confidence=0.95) > 0.03


@pytest.mark.parametrize(("pairs", "within"), [(1, 1.0), (None, 1.0), (None, 3.0)])
def test_a_pilot_foresees_the_images_needed(pairs: int | None, within: float) -> None:
    """Over 60 pilots of 32 images, what is needed lies in the range; exact mode never needs none.

    The range holds 90 %, from skewed squares of 32 images: 75 % of the pilots is the least that is
    asked of it.
    """
    known = score_variance(*draw(20_000, within=within), beta=0.75, n_resamples=2)
    truth = known.images_needed(0.001, pairs=pairs, confidence=0.95)
    hits = 0
    for seed in range(60):
        pilot = score_variance(*draw(32, within=within, seed=seed + 1), beta=0.75, n_resamples=50)
        low, high = pilot.images_range(0.001, pairs=pairs, confidence=0.95)
        hits += low <= truth <= high
        assert pilot.images_needed(0.001, pairs=pairs, confidence=0.95) > 2
        ends = pilot.halfwidth_range(truth, pairs=pairs, confidence=0.95)
        for end, n_images in zip(ends, (low, high), strict=True):
            assert max(2, truth * (end / 0.001) ** 2) == pytest.approx(n_images, abs=1)
    assert hits >= 45


def test_identical_images_need_no_more() -> None:
    """No variance: two images are enough, whatever the target."""
    rows = np.tile(TRUTH, (10, 1))
    variance = score_variance(rows, rows, beta=0.75)
    assert (variance.between, variance.within) == pytest.approx((0, 0), abs=1e-20)
    assert variance.images_needed(1e-6, pairs=1, confidence=0.95) == 2


def test_one_image_is_no_pilot() -> None:
    """A variance needs two."""
    with pytest.raises(SpecError, match="at least two images"):
        score_variance(np.ones((1, 4)), None, beta=0.75)
