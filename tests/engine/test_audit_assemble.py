"""From rows to the numbers of a result: means, intervals, stopping, and what must be said."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from audit_material import ConvNet, audit_here, convnet_spec, save_npz

from iaside_audit.auditing.outcome.assemble import (
    estimate,
    estimator_record,
    image_profiles,
)
from iaside_audit.auditing.outcome.notices import number_warnings, with_failures
from iaside_audit.choices import Estimator
from iaside_audit.result import AuditWarning, FailedImage, ValuesRecord
from iaside_audit.spec import AuditSpec
from iaside_audit.statistics import estimate_profile

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult
    from iaside_audit.statistics import ProfileEstimate

SMALL = ConvNet(side=16)
"""An audit of hundreds of images then takes a fraction of a second."""
N_IMAGES = 220


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small model and many small images."""
    folder = tmp_path_factory.mktemp("many")
    save_npz(folder / "images.npz", N_IMAGES, side=SMALL.side)
    return folder


@cache
def many(place: Path, **options: object) -> AuditResult:
    """Audit the small model on the many images, once for the same options."""
    return audit_here(convnet_spec(place, SMALL, images=place / "images.npz", **options))


def halfwidth(result: AuditResult) -> float:
    """Return the half-width of the signed score's interval."""
    low, high = result.score.signed.interval
    return (high - low) / 2


def test_walks_agree_with_the_exact_values(place: Path) -> None:
    """Every exact Shapley value lies in the interval of the walks, whose error is no smaller."""
    exact = many(place, estimator="exact")
    walks = many(place, estimator="permutation")
    for one, other in zip(exact.bands, walks.bands, strict=True):
        assert other.interval[0] <= one.shapley <= other.interval[1]
        assert other.standard_error > 0.95 * one.standard_error
    assert walks.values == exact.values or abs(walks.values.grand - exact.values.grand) < 1e-4
    assert walks.score.signed.interval[0] <= exact.score.signed.value
    assert exact.score.signed.value <= walks.score.signed.interval[1]


def test_a_result_repeats_its_rows(place: Path) -> None:
    """Bands, ends and top-1 are means over the rows that the result hands out."""
    result = many(place, max_images=40)
    rows = result.rows()
    profiles = image_profiles(rows, result.spec, Estimator.PERMUTATION, labels_are_own=False)
    np.testing.assert_allclose(
        [band.shapley for band in result.bands], profiles.shapley.mean(axis=0), rtol=1e-12
    )
    assert result.values.empty == pytest.approx(rows.log_p[:, 0].mean(dtype=np.float64))
    assert result.values.grand == pytest.approx(rows.log_p[:, 1].mean(dtype=np.float64))
    assert result.accuracy.top1 == (rows.prediction == rows.label).mean()
    psi = np.array([band.importance for band in result.bands])
    assert psi.sum() == pytest.approx(1)
    assert psi.min() == 0


@pytest.mark.parametrize("value", ["log-probability", "probability", "accuracy", "margin"])
def test_every_value_function_reads_the_same_rows(place: Path, value: str) -> None:
    """The value function decides what rows mean, not what is stored."""
    result = many(place, max_images=10, value=value, estimator="exact")
    rows = result.rows()
    log_p, other = rows.log_p.astype(np.float64), rows.best_other.astype(np.float64)
    grand = {
        "log-probability": log_p,
        "probability": np.exp(log_p),
        "accuracy": (log_p > other).astype(np.float64),
        "margin": log_p - other,
    }[value][:, 1]
    assert result.values.grand == pytest.approx(grand.mean(), abs=1e-12)
    total = sum(band.shapley for band in result.bands)
    assert total == pytest.approx(result.values.grand - result.values.empty, abs=1e-9)


class Edges(NamedTuple):
    """A spacing and the edges that it stands for."""

    options: dict[str, object]
    expected: tuple[float, ...]


EDGES = [
    Edges({"bands": 4}, (0, 0.25, 0.5, 0.75, 1)),
    Edges({"bands": 3, "spacing": "octave"}, (0, 0.25, 0.5, 1)),
    Edges({"bands": 0, "spacing": "0.1,0.6"}, (0, 0.1, 0.6, 1)),
]


@pytest.mark.parametrize("case", EDGES, ids=lambda case: str(case.options))
def test_bands_carry_their_edges(tmp_path: Path, case: Edges) -> None:
    """Every band says where it begins and ends; each begins where the one before it ended."""
    bands = audit_here(convnet_spec(tmp_path, **case.options)).bands
    assert [band.index for band in bands] == list(range(len(bands)))
    assert (*(band.low for band in bands), bands[-1].high) == pytest.approx(case.expected)
    assert [band.high for band in bands[:-1]] == [band.low for band in bands[1:]]


def test_a_model_that_ignores_its_input_is_uniform(tmp_path: Path) -> None:
    """All Shapley values are 0: importance is uniform, scores are 0, and that is said."""
    result = audit_here(convnet_spec(tmp_path, ConvNet(gain=0.0)))
    assert [band.shapley for band in result.bands] == [0, 0, 0, 0]
    assert [band.importance for band in result.bands] == [0.25, 0.25, 0.25, 0.25]
    score = result.score
    assert (score.paper.value, score.signed.value, score.comparable.value) == (0, 0, 0)
    assert "all_equal" in {one.code for one in result.warnings}


def test_stopping_takes_the_first_checkpoint_that_meets_the_target(place: Path) -> None:
    """At 100, else at 200, else at the end of the data; the answer is that of those images."""
    widths = {n: halfwidth(many(place, max_images=n)) for n in (100, 200, N_IMAGES)}
    assert widths[100] > widths[200] > widths[N_IMAGES], "the cases below are three"
    for n_images, width in widths.items():
        stopped = many(place, target_halfwidth=width)
        assert stopped.estimator.converged is True
        assert stopped.data.n_images == stopped.estimator.n_images == n_images
        assert stopped.bands == many(place, max_images=n_images).bands


def test_a_target_that_is_missed_is_said(place: Path) -> None:
    """Where the interval is wider than asked at the end, the result has not converged."""
    width = halfwidth(many(place))
    missed = many(place, target_halfwidth=np.nextafter(width, 0))
    assert missed.estimator.converged is False
    assert missed.data.n_images == N_IMAGES
    assert many(place).estimator.converged is None


def test_nothing_converges_below_100_images(place: Path) -> None:
    """However narrow the interval, fewer than 100 images are never called converged."""
    few = many(place, max_images=99, target_halfwidth=0.999)
    assert few.estimator.converged is False
    enough = many(place, max_images=100, target_halfwidth=0.999)
    assert enough.estimator.converged is True


def test_target_is_looked_at_when_the_budget_ends(place: Path) -> None:
    """The end of the budget is an end like that of the data."""
    budget = 1 + 150 * 7
    width = halfwidth(many(place, budget=budget))
    assert width < halfwidth(many(place, max_images=100))
    result = many(place, budget=budget, target_halfwidth=width)
    assert (result.data.n_images, result.estimator.converged) == (150, True)
    assert result.estimator.n_evaluations == budget


def test_confidence_widens_the_intervals(place: Path) -> None:
    """More confidence is a wider interval around the same number."""
    narrow, wide = (many(place, max_images=50, confidence=one) for one in (0.8, 0.99))
    for one, other in zip(narrow.bands, wide.bands, strict=True):
        assert one.shapley == other.shapley
        assert other.interval[0] < one.interval[0] < one.interval[1] < other.interval[1]


def test_one_image_has_no_interval(tmp_path: Path) -> None:
    """One image is an answer about that image: every interval is undefined, and that is said."""
    result = audit_here(convnet_spec(tmp_path, max_images=1))
    assert np.isnan([band.interval for band in result.bands]).all()
    assert np.isnan(result.score.signed.interval).all()
    assert "few_images" in {one.code for one in result.warnings}
    assert result.data.n_images == 1


class Chance(NamedTuple):
    """A top-1, and whether it is near chance."""

    n_classes: int
    top1: float
    is_near: bool


CHANCES = [
    Chance(1000, 0.001, is_near=True),
    Chance(1000, 0.003, is_near=False),
    Chance(10, 0.19, is_near=True),
    Chance(10, 0.21, is_near=False),
    Chance(3, 0.5, is_near=True),
    Chance(3, 0.7, is_near=False),
    Chance(2, 0.6, is_near=True),
    Chance(2, 0.9, is_near=False),
    Chance(2, float("nan"), is_near=False),
]


def profile_of(
    top1: float, *, n_units: int = 50, shapley: float = 1.0, n_bands: int = 4
) -> ProfileEstimate:
    """Return a profile of made-up rows with a given top-1."""
    generator = np.random.default_rng(0)
    rows = generator.normal(shapley, 1, (n_units, n_bands))
    return estimate_profile(
        rows,
        np.zeros(n_units),
        rows.sum(axis=1),
        np.full(n_units, top1),
        beta=0.75,
        confidence=0.95,
        seed=0,
        n_resamples=100,
    )


def test_what_luck_reaches_on_few_images_is_not_called_chance() -> None:
    """All of three right says little of two classes, and is not near a half."""
    few = warned(profile_of(1.0, n_units=3), n_classes=2)["near_chance"]
    assert "100.0%, no more than luck may reach on 3 images" in few
    assert "near_chance" not in warned(profile_of(1.0, n_units=5), n_classes=2)


def warned(profile: ProfileEstimate, *, n_classes: int = 1000, **options: object) -> dict[str, str]:
    """Return the warnings that a profile deserves, by code."""
    values = {"empty": -7.0, "grand": -1.0, "efficiency_residual": 0.0, "floored_share": 0.0}
    record = ValuesRecord(
        **(values | {name: options.pop(name) for name in list(options) if name in values}),  # type: ignore[arg-type]
        empty_standard_error=0.0,
        empty_interval=(0.0, 0.0),
        grand_standard_error=0.0,
        grand_interval=(0.0, 0.0),
    )
    spec = AuditSpec(model="m", images="i", **options)  # type: ignore[arg-type]
    return {
        one.code: one.message for one in number_warnings(spec, profile, record, n_classes=n_classes)
    }


@pytest.mark.parametrize("case", CHANCES, ids=str)
def test_near_chance_is_said(case: Chance) -> None:
    """A broken pipeline is told from a good one by its top-1, also with few classes."""
    codes = warned(profile_of(case.top1, n_units=2000), n_classes=case.n_classes)
    assert ("near_chance" in codes) == case.is_near


@pytest.mark.parametrize(("n_right", "is_near"), [(1, True), (2, False)])
def test_what_guessing_reaches_on_so_few_images_is_said(n_right: int, is_near: bool) -> None:  # noqa: FBT001 - a case
    """One of 200 right among 1000 classes is five times chance, and no evidence against it."""
    assert ("near_chance" in warned(profile_of(n_right / 200, n_units=200))) == is_near


@pytest.mark.parametrize(("n_images", "is_few"), [(29, True), (30, False)])
def test_few_images_are_said(n_images: int, is_few: bool) -> None:  # noqa: FBT001 - a case
    """Below 30 images the intervals are rough."""
    assert ("few_images" in warned(profile_of(0.5, n_units=n_images))) == is_few


def test_what_intervals_of_very_few_images_are_worth_is_said() -> None:
    """Three images lie on one side of the truth in a quarter of cases; six in a 32nd."""
    said = {n: warned(profile_of(1.0, n_units=n))["few_images"] for n in (1, 3, 6)}
    assert "no intervals" in said[1]
    assert "75% of the time at best" in said[3]
    assert "at best" not in said[6]


def test_other_warnings_are_said_where_they_hold() -> None:
    """Nothing is said of sound numbers; each fault has its own code."""
    sound = profile_of(0.5)
    assert warned(sound).keys() == set()
    assert warned(sound, floored_share=0.002).keys() == {"floored"}
    assert warned(sound, floored_share=0.0009).keys() == set()
    assert warned(sound, efficiency_residual=2e-4).keys() == {"efficiency"}
    assert warned(profile_of(0.5, shapley=-np.inf)).keys() == {"not_finite"}
    assert warned(profile_of(0.5, shapley=-1.0)).keys() == {"loss"}
    assert warned(profile_of(0.5, n_bands=2), bands=2).keys() == {"two_bands"}
    assert warned(sound, baseline="shuffle").keys() == {"approximate_intervals"}
    assert warned(profile_of(0.5, n_units=7), mode="reference").keys() == {"no_intervals"}
    assert warned(profile_of(0.5, n_units=8), mode="reference").keys() == set()


def test_images_left_out_are_warned_of_once() -> None:
    """The images that failed later join those of the preparation in one warning."""
    before = [FailedImage(path="a.png", reason="truncated")]
    other = AuditWarning(code="labels", message="Guessed.")
    known = (*with_failures([], before, n_known=0, n_used=9), other)
    assert with_failures(known, before, n_known=1, n_used=5) == known
    late = FailedImage(path="b.png", reason="gone")
    first, second = with_failures(known, [*before, late], n_known=1, n_used=3)
    assert first == other
    assert second.message == (
        "2 of 5 images could not be used and were left out of every number. "
        "The first: a.png: truncated."
    )


def test_reference_mode_resamples_batches(place: Path) -> None:
    """The unit is the batch: the estimate is that of the means of consecutive rows."""
    result = many(place, max_images=40, estimator="exact")
    profiles = image_profiles(result.rows(), result.spec, Estimator.EXACT, labels_are_own=False)
    spec = AuditSpec(model="m", images="i", mode="reference", reference_batch=4)  # type: ignore[arg-type]
    found = estimate(profiles, spec)
    expected = estimate_profile(
        profiles.shapley.reshape(10, 4, -1).mean(axis=1),
        profiles.empty.reshape(10, 4).mean(axis=1),
        profiles.grand.reshape(10, 4).mean(axis=1),
        profiles.correct.reshape(10, 4).mean(axis=1),
        beta=0.75,
        confidence=0.95,
        seed=0,
        min_units=8,
    )
    assert found.n_units == 10
    np.testing.assert_array_equal(found.shapley_interval, expected.shapley_interval)
    assert found.signed_interval == expected.signed_interval


def test_estimator_record_has_pairs_for_walks_only() -> None:
    """Exact mode has neither pairs nor a control variate, few images have no mean game."""
    spec = AuditSpec(model="m", images="i", pairs=3)  # type: ignore[arg-type]
    records = {
        kind: estimator_record(spec, kind, n_images=30, n_evaluations=9, converged=None)
        for kind in (Estimator.EXACT, Estimator.PERMUTATION)
    }
    assert records[Estimator.EXACT].pairs is None
    assert records[Estimator.PERMUTATION].pairs == 3
    assert records[Estimator.EXACT].control_variate is None
    assert records[Estimator.PERMUTATION].control_variate == "mean_game"
    few = estimator_record(
        spec, Estimator.PERMUTATION, n_images=29, n_evaluations=9, converged=None
    )
    assert few.control_variate is None
