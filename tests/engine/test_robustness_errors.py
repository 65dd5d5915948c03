"""Corruption errors and their means, against sums by hand and the published definition."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from iaside_audit.errors import SpecError
from iaside_audit.registry import CORRUPTIONS
from iaside_audit.robustness.corruption_run import CorruptionPlan, corruption_errors
from iaside_audit.robustness.errors_by_corruption import MEANINGS, alexnet_errors, summarise
from iaside_audit.robustness.requests import CorruptionRequest
from iaside_audit.robustness.rows import MeasuredRows
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from iaside_audit.robustness.errors_by_corruption import CorruptionErrors

ALL = [(name, severity) for name in CORRUPTIONS.builtin for severity in range(1, 6)]


def errors_of(
    is_right: np.ndarray, clean: np.ndarray, conditions: list[tuple[str, int]], **options: Any
) -> CorruptionErrors:
    """Summarise answers whose log-probabilities are 0 where right, -2 where wrong."""
    return summarise(
        clean_log_p=np.where(clean, 0.0, -2.0),
        clean_is_right=clean,
        log_p=np.where(is_right, 0.0, -2.0),
        is_right=is_right,
        conditions=conditions,
        has_imagenet_classes=options.pop("has_imagenet_classes", True),
        confidence=0.95,
        generator=np.random.default_rng(0),
        **options,
    )


def random_answers(n_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Return answers under all conditions and without any, right by chance."""
    generator = np.random.default_rng(1)
    return generator.random((n_images, 75)) < 0.4, generator.random(n_images) < 0.7


def test_alexnet_against_itself_is_one() -> None:
    """A model with AlexNet's errors has mCE 1 and relative mCE 1, by AlexNet's normaliser."""
    clean_error, published = alexnet_errors()
    n_images = 100_000
    ranks = np.arange(n_images) / n_images
    is_right = np.stack([ranks >= published[name] for name, _ in ALL], axis=1)
    found = errors_of(is_right, ranks >= clean_error, ALL, n_resamples=2)
    assert_allclose(found.means["mce_alexnet"].value, 1, atol=1e-4)
    assert_allclose(found.means["relative_mce_alexnet"].value, 1, atol=1e-3)
    assert_allclose(found.means["mean_error"].value, np.mean(list(published.values())), atol=1e-4)


def test_means_are_those_of_the_definition() -> None:
    """CE is the mean over severities, the means are over corruptions, relative ones less clean."""
    is_right, clean = random_answers(40)
    found = errors_of(is_right, clean, ALL)
    ce = 1 - is_right.reshape(40, 15, 5).mean(axis=(0, 2))
    assert_allclose([one.error.value for one in found.corruptions], ce)
    assert_allclose(found.means["mean_error"].value, ce.mean())
    assert_allclose(found.means["relative_mean_error"].value, ce.mean() - (1 - clean.mean()))
    alexnet = np.array([alexnet_errors()[1][one.corruption] for one in found.corruptions])
    assert_allclose(found.means["mce_alexnet"].value, (ce / alexnet).mean())
    assert_allclose(found.conditions[7].log_p.value, -2 * (1 - is_right[:, 7].mean()))
    assert set(found.means) == set(MEANINGS)


def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 200 samples of 60 images, the 95 % interval of the mean error covers the truth in 90 %."""
    generator = np.random.default_rng(5)
    hardness = np.linspace(0.2, 0.8, 4)
    conditions = ALL[:4]
    hits = 0
    for _ in range(200):
        ability = generator.normal(0, 0.15, (60, 1))  # images differ, so conditions hang together
        is_right = generator.random((60, 4)) < np.clip(hardness + ability, 0, 1)
        low, high = errors_of(
            is_right, is_right[:, 0], conditions, n_resamples=300
        ).means["mean_error"].interval  # fmt: skip
        hits += low <= 0.5 <= high
    assert 0.90 <= hits / 200 <= 0.99


def test_errors_of_one_condition_have_a_width_where_no_image_is_wrong() -> None:
    """A share of the images has Wilson's interval; four right answers are no certainty."""
    is_right = np.ones((4, 1), dtype=bool)
    found = errors_of(is_right, is_right[:, 0], ALL[:1])
    for one in (found.clean_error, found.conditions[0].error):
        assert one is not None
        assert one.value == 0
        assert one.interval == pytest.approx((0.0, 0.4899), abs=1e-4)


def test_relative_error_is_paired_with_the_clean_one() -> None:
    """Where corruption changes no answer, the error added is 0 in every resample."""
    clean = np.random.default_rng(2).random(50) < 0.6
    found = errors_of(np.repeat(clean[:, None], 75, axis=1), clean, ALL)
    assert found.means["relative_mean_error"].interval == pytest.approx((0, 0), abs=1e-12)
    assert found.means["mean_error"].interval[0] < found.means["mean_error"].interval[1]


@pytest.mark.parametrize(
    ("conditions", "options", "note"),
    [
        (ALL[:10], {}, "not all 75 conditions"),
        (ALL, {"has_imagenet_classes": False}, "1000 classes"),
    ],
    ids=["subset", "other classes"],
)
def test_alexnet_normalises_only_what_it_was_measured_on(
    conditions: list[tuple[str, int]], options: dict[str, Any], note: str
) -> None:
    """No mCE by AlexNet for a part of the conditions or another task; a note says why."""
    is_right, clean = random_answers(20)
    found = errors_of(is_right[:, : len(conditions)], clean, conditions, **options)
    assert set(found.means) == {"mean_error", "relative_mean_error"}
    assert note in found.note


def test_every_builtin_corruption_has_a_published_error() -> None:
    """The table's names are the registry's."""
    assert tuple(alexnet_errors()[1]) == CORRUPTIONS.builtin


@pytest.mark.parametrize("has_clean", [True, False])
def test_a_model_near_chance_is_refused(has_clean: bool) -> None:  # noqa: FBT001 - a parameter
    """Right on 3 of 30 among 10 classes, nothing is lost; without clean images, who knows."""
    margins = np.repeat(np.float32([1, -1]), [3, 27])
    rows = MeasuredRows(
        index=np.arange(30),
        label=np.zeros(30, dtype=np.int64),
        prediction=np.zeros(30, dtype=np.int64),
        image_id=("",) * 30,
        path=("",) * 30,
        arrays={
            "clean_log_p": margins - 2,
            "clean_best_other": np.full(30, -2, dtype=np.float32),
            "log_p": (margins - 2)[:, None],
            "best_other": np.full((30, 1), -2, dtype=np.float32),
        },
    )
    measured = SimpleNamespace(
        rows=rows,
        model=SimpleNamespace(output=SimpleNamespace(n_classes=10)),
        data=SimpleNamespace(labels="labels.csv"),
    )
    plan = CorruptionPlan(
        spec=AuditSpec(model="m.onnx", images="images"),
        request=CorruptionRequest(names=("fog",), severities=(1,)),
        has_clean=has_clean,
    )
    if has_clean:
        with pytest.raises(SpecError, match="found 3 of 30 right among 10 classes"):
            corruption_errors(measured, plan)
    else:
        assert corruption_errors(measured, plan).clean_error is None
