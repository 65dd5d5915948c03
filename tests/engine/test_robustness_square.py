"""The Square attack on linear classifiers, whose optimum is a formula, and its budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from iaside_audit.errors import SpecError
from iaside_audit.robustness.requests import AttackNorm, AttackRequest
from iaside_audit.robustness.square import SquareAttack, window_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.types import FloatImage, FloatVector

SIDE = 8
SHAPE = (3, SIDE, SIDE)


class Linear:
    """Two classes whose margin is a weighted sum of the pixels: all is known of it."""

    def __init__(self, seed: int = 0, *, offset: float = 1.0) -> None:
        self.weights = np.random.default_rng(seed).normal(size=SHAPE) / 50
        self.offset = offset
        self.n_asked = 0

    def __call__(self, images: Sequence[FloatImage], _labels: NDArray[np.int64]) -> FloatVector:
        """Return the margins of grey images plus a change."""
        self.n_asked += len(images)
        return np.array([self.offset + float((self.weights * (one - 0.5)).sum()) for one in images])

    def optimum(self, norm: AttackNorm, radius: float) -> float:
        """Return the lowest margin within the ball, by duality."""
        order = 1 if norm == AttackNorm.LINF else 2
        return self.offset - radius * float(np.linalg.norm(self.weights.ravel(), order))


def attack(
    model: Linear, norm: AttackNorm, radius: float, queries: int, *, seed: int = 0
) -> tuple[float, int, FloatImage]:
    """Attack one grey image."""
    request = AttackRequest(norm=norm, radii=(radius,), queries=queries)
    grey = np.full(SHAPE, 0.5, dtype=np.float32)
    margins, n_queries, found = SquareAttack(request, radius).run(
        [grey], np.zeros(1, dtype=np.int64), model, [np.random.default_rng(seed)]
    )
    return float(margins[0]), int(n_queries[0]), found[0]


def test_the_linf_attack_reaches_the_optimum_of_a_linear_classifier() -> None:
    """Given queries, every pixel ends on the side that lowers the margin most."""
    model = Linear()
    best, _, _ = attack(model, AttackNorm.LINF, 0.05, 2500)
    reached = (model.offset - best) / (model.offset - model.optimum(AttackNorm.LINF, 0.05))
    assert 0.99 <= reached <= 1 + 1e-5


def test_the_l2_attack_goes_most_of_the_way_to_the_optimum() -> None:
    """Its bumps cannot follow any weights, but go far beyond as many random directions."""
    model = Linear()
    model.weights = gaussian_filter(model.weights, (0, 1, 1))
    best, _, _ = attack(model, AttackNorm.L2, 0.5, 1000)
    fall = model.offset - model.optimum(AttackNorm.L2, 0.5)
    directions = np.random.default_rng(1).normal(size=(1000, *SHAPE))
    directions *= 0.5 / np.sqrt((directions**2).sum(axis=(1, 2, 3), keepdims=True))
    by_chance = (directions * model.weights).sum(axis=(1, 2, 3)).max()
    assert (model.offset - best) / fall <= 1 + 1e-5
    assert (model.offset - best) / fall >= 0.6
    assert by_chance / fall < 0.35


@pytest.mark.parametrize("norm", AttackNorm)
def test_a_linear_classifier_breaks_only_within_its_known_radius(norm: AttackNorm) -> None:
    """Below the radius at which the optimum crosses zero nothing is found, well above it is."""
    model = Linear(offset=0.1)
    critical = 0.1 / float(
        np.linalg.norm(model.weights.ravel(), 1 if norm == AttackNorm.LINF else 2)
    )
    assert attack(model, norm, 0.99 * critical, 1200)[0] > 0
    assert attack(model, norm, 2 * critical, 1200)[0] <= 0


@pytest.mark.parametrize("norm", AttackNorm)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_found_lies_within_the_radius(norm: AttackNorm, seed: int) -> None:
    """No change is larger than allowed, and no pixel leaves 0..1."""
    _, _, found = attack(Linear(seed), norm, 0.3, 60, seed=seed)
    change = (found.astype(np.float64) - 0.5).ravel()
    size = np.abs(change).max() if norm == AttackNorm.LINF else np.linalg.norm(change)
    assert size <= 0.3 * (1 + 1e-5)
    assert found.min() >= 0
    assert found.max() <= 1


def test_queries_are_counted_and_never_exceeded() -> None:
    """A model that cannot be broken costs its budget; one that is broken at once costs 1."""
    model = Linear(offset=100)
    assert attack(model, AttackNorm.LINF, 0.01, 37)[1] == 37 == model.n_asked
    assert attack(Linear(offset=-1), AttackNorm.LINF, 0.01, 37)[1] == 1


def test_an_image_s_search_does_not_depend_on_its_company() -> None:
    """Attacked alone or together, an image gets the same queries."""
    images = [np.full(SHAPE, level, dtype=np.float32) for level in (0.4, 0.5, 0.6)]
    labels = np.zeros(3, dtype=np.int64)
    runner = SquareAttack(AttackRequest(queries=40), 0.05)
    together, _, _ = runner.run(
        images, labels, Linear(), [np.random.default_rng(i) for i in range(3)]
    )
    alone = [
        runner.run([image], labels[:1], Linear(), [np.random.default_rng(i)])[0][0]
        for i, image in enumerate(images)
    ]
    np.testing.assert_array_equal(together, alone)


def test_windows_shrink_on_the_published_schedule() -> None:
    """The shares halve where the paper says, scaled to the queries, and never grow."""
    shares = [window_share(0.8, query, 10_000) for query in (0, 10, 11, 51, 201, 8001)]
    assert shares == [0.8, 0.8, 0.4, 0.2, 0.1, 0.8 / 512]
    scaled = [window_share(0.05, query, 200) for query in range(200)]
    assert scaled == sorted(scaled, reverse=True)


def test_a_faulty_request_names_every_fault() -> None:
    """Norm, radii and queries are all named."""
    with pytest.raises(SpecError, match=r"norm.*radii above 0.*1 to 100,000 queries"):
        AttackRequest(norm="l1", radii=(0.2, 0.1), queries=0)
