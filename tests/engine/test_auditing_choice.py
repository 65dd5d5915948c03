"""The rule by which preprocessings are compared and chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from assistant_material import IMAGENET
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from iaside_audit.auditing.assistant.choice import (
    Candidate,
    Gain,
    Measured,
    balanced_confidences,
    choose,
    gain_over,
    promising,
    sign_test,
)
from iaside_audit.auditing.evaluation.trials import Answers
from iaside_audit.statistics.shares import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def measured(
    right: Sequence[bool] | NDArray[np.bool_],
    log_p: float | Sequence[float] = -1.0,
    *,
    is_configured: bool = False,
) -> Measured:
    """Return a candidate with given answers."""
    n_images = len(right)
    return Measured(
        candidate=Candidate(name="c", preprocessing=IMAGENET, is_configured=is_configured),
        answers=Answers(
            log_p=np.broadcast_to(np.asarray(log_p, dtype=float), n_images),
            confidence=np.full(n_images, 0.5),
            prediction=np.where(right, 1, 0),
        ),
        labels=np.ones(n_images, dtype=np.int64),
        n_classes=10,
    )


def first_of(n_right: int, n_images: int = 200) -> NDArray[np.bool_]:
    """Return truth values, the first so many True."""
    return np.arange(n_images) < n_right


def test_choice_is_the_highest_top1() -> None:
    """More right answers win, whatever the log-probabilities say."""
    good, bad = measured(first_of(150), -3.0), measured(first_of(140), -0.1)
    assert choose([bad, good]) is good


def test_near_tie_is_broken_by_log_probability() -> None:
    """Two points that a sign test does not tell apart are a tie."""
    more, sure = measured(first_of(104), -2.0), measured(first_of(100), -1.0)
    assert choose([more, sure]) is sure


def test_clear_difference_of_two_points_is_no_tie() -> None:
    """With many images a point and a half is no luck, and decides."""
    more, sure = measured(first_of(1030, 2000), -2.0), measured(first_of(1000, 2000), -1.0)
    assert choose([more, sure]) is more


def test_tie_in_everything_goes_to_the_configured_then_the_first() -> None:
    """Candidates that cannot be told apart do not displace the configured one."""
    alike = [measured(first_of(100)) for _ in range(3)]
    assert choose(alike) is alike[0]
    now = measured(first_of(100), is_configured=True)
    assert choose([*alike, now]) is now


@given(data=st.data())
def test_choice_is_never_far_from_the_most_right(data: st.DataObject) -> None:
    """What is chosen is one image or two points behind the best, at most."""
    n_images = data.draw(st.integers(1, 60))
    rows = data.draw(
        st.lists(
            st.lists(st.booleans(), min_size=n_images, max_size=n_images), min_size=1, max_size=5
        )
    )
    candidates = [measured(row, data.draw(st.floats(-5, 0))) for row in rows]
    most = max(one.n_right for one in candidates)
    assert most - choose(candidates).n_right <= max(1, 0.02 * n_images)


@given(n_kept=st.integers(1, 8), seed=st.integers(0, 99))
def test_promising_keep_the_best_of_either_kind(n_kept: int, seed: int) -> None:
    """So many stay, in order, the most right one always, and of two also the surest one."""
    generator = np.random.default_rng(seed)
    candidates = [
        measured(generator.random(20) < 0.5, float(generator.uniform(-5, 0))) for _ in range(8)
    ]
    kept = promising(candidates, n_kept)
    assert len(kept) == n_kept
    assert kept == [one for one in candidates if one in kept]
    assert max(one.n_right for one in kept) == max(one.n_right for one in candidates)
    if n_kept > 1:
        assert max(candidates, key=lambda one: float(one.fine.mean())) in kept


@given(n_won=st.integers(0, 60), n_lost=st.integers(0, 60))
def test_sign_test_is_the_binomial_test(n_won: int, n_lost: int) -> None:
    """The p-value is that of a fair coin."""
    expected = binomtest(n_won, n_won + n_lost).pvalue if n_won + n_lost else 1.0
    assert sign_test(n_won, n_lost) == pytest.approx(expected, rel=1e-9)


@given(n_images=st.integers(1, 300), data=st.data())
def test_interval_is_wilsons(n_images: int, data: st.DataObject) -> None:
    """The interval of top-1 is scipy's."""
    n_right = data.draw(st.integers(0, n_images))
    expected = binomtest(n_right, n_images).proportion_ci(method="wilson")
    assert wilson_interval(n_right, n_images) == pytest.approx(
        (expected.low, expected.high), abs=1e-12
    )


@pytest.mark.parametrize(
    ("gain", "is_clear"),
    [
        (Gain(n_won=8, n_lost=0, n_images=50, p_value=sign_test(8, 0)), True),
        (Gain(n_won=2, n_lost=0, n_images=10, p_value=sign_test(2, 0)), False),
        (Gain(n_won=20, n_lost=9, n_images=200, p_value=sign_test(20, 9)), True),
        (Gain(n_won=20, n_lost=10, n_images=200, p_value=sign_test(20, 10)), False),
        (Gain(n_won=0, n_lost=30, n_images=50, p_value=sign_test(0, 30)), False),
    ],
    ids=["sign test", "few images", "over 5 points", "5 points", "worse"],
)
def test_gain_is_clear_by_test_or_by_size(gain: Gain, is_clear: bool) -> None:  # noqa: FBT001
    """1 % of the sign test, or more than five points and five images, and never a loss."""
    assert gain.is_clear is is_clear


@given(pairs=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_gain_counts_discordant_images(pairs: list[tuple[bool, bool]]) -> None:
    """Won less lost is the difference of right answers."""
    one, other = (measured(list(row)) for row in zip(*pairs, strict=True))
    gain = gain_over(one, other)
    assert gain.n_won - gain.n_lost == one.n_right - other.n_right
    assert gain.n_won + gain.n_lost == sum(a != b for a, b in pairs)
    assert gain.top1 == pytest.approx((one.n_right - other.n_right) / len(pairs))


@given(seed=st.integers(0, 99), n_images=st.integers(1, 60), n_classes=st.integers(2, 12))
def test_balanced_confidence_counts_each_class_so_often(
    seed: int, n_images: int, n_classes: int
) -> None:
    """A class counts with its most confident answers, half its even share, at least one."""
    generator = np.random.default_rng(seed)
    confidence = generator.uniform(0.1, 1, n_images)
    prediction = generator.integers(n_classes, size=n_images)
    counted = balanced_confidences(confidence, prediction, n_classes=n_classes)
    most = max(1, n_images // (2 * n_classes))
    for one in np.unique(prediction):
        expected = np.sort(confidence[prediction == one])[::-1][:most]
        assert counted[prediction == one].sum() == pytest.approx(expected.sum())


def test_collapsed_network_is_not_taken_for_a_confident_one() -> None:
    """Sure of one class for every image is worth less than fairly sure of many."""
    collapsed = measured(first_of(0, 20))
    diverse = replace(
        collapsed,
        answers=replace(
            collapsed.answers, prediction=np.arange(20) % 10, confidence=np.full(20, 0.3)
        ),
    )
    unlabelled = [replace(one, labels=None) for one in (collapsed, diverse)]
    assert choose(unlabelled) is unlabelled[1]
