"""From answers under corruptions to corruption errors and the means that are all called mCE.

CE of a corruption is the mean over its severities of the top-1 error (METHOD.md, section 9). Four
means over corruptions are in use, and each is named for what it is: the plain mean, the mean of
ratios to AlexNet's published errors, and the same two of the error *added* to the clean one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.statistics import N_RESAMPLES, bootstrap_means, percentile_interval
from iaside_audit.statistics.shares import share_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix, FloatVector, Interval

ALEXNET_FILE: Final = "alexnet_errors.json"

MEANINGS: Final = {
    "mean_error": "mCE, unnormalised: mean over corruptions of the error",
    "relative_mean_error": (
        "relative mCE, unnormalised: mean over corruptions of the error added to the clean one"
    ),
    "mce_alexnet": "mCE by AlexNet's published errors: mean of the ratios to them",
    "relative_mce_alexnet": (
        "relative mCE by AlexNet: mean of the ratios of the error added to that added to AlexNet's"
    ),
}
"""The four means, each with what it is; those by AlexNet are for ImageNet's classes only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number with its bootstrap interval over images."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionResult:
    """One corruption at one severity.

    Parameters
    ----------
    corruption : str
        Its name.
    severity : int
        1..5.
    error : Measure
        Top-1 error, 0..1.
    log_p : Measure
        Mean natural-log probability of the label, nats.
    """

    corruption: str
    severity: int
    error: Measure
    log_p: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionResult:
    """One corruption over its severities.

    Parameters
    ----------
    corruption : str
        Its name.
    error : Measure
        CE: mean over the severities of the top-1 error, 0..1.
    log_p : Measure
        Mean over the severities, nats.
    alexnet_error : float or None
        AlexNet's published CE; None for what is not published.
    """

    corruption: str
    error: Measure
    log_p: Measure
    alexnet_error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionErrors:
    """How a model fares under corruptions; intervals are over images.

    Parameters
    ----------
    n_images : int
        Behind every number.
    clean_error, clean_log_p : Measure or None
        Without corruption; None where there are no clean images.
    conditions : tuple of ConditionResult
        As measured.
    corruptions : tuple of CorruptionResult
        In the same order.
    means : mapping of str to Measure
        By the names of :data:`MEANINGS`; those by AlexNet only where they apply.
    note : str
        What a reader of the means must know.
    """

    n_images: int
    clean_error: Measure | None
    clean_log_p: Measure | None
    conditions: tuple[ConditionResult, ...]
    corruptions: tuple[CorruptionResult, ...]
    means: Mapping[str, Measure]
    note: str


@cache
def alexnet_errors() -> tuple[float, Mapping[str, float]]:
    """Return AlexNet's clean error and its CE by corruption, as published; 0..1."""
    text = files(__package__).joinpath(ALEXNET_FILE).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)  # Any: JSON
    return float(document["clean"]), document["corrupted"]


def summarise(
    *,
    clean_log_p: FloatVector | None,
    clean_is_right: NDArray[np.bool_] | None,
    log_p: FloatMatrix,
    is_right: NDArray[np.bool_],
    conditions: Sequence[tuple[str, int]],
    has_imagenet_classes: bool,
    confidence: float,
    generator: np.random.Generator,
    labels_are_own: bool = False,
    n_resamples: int = N_RESAMPLES,
) -> CorruptionErrors:
    """Average answers over images, severities and corruptions, with intervals.

    Every resample of the images is carried through to the means, so the clean error, which all
    relative figures share, is resampled with them. The clean error and that of a single condition
    are shares of the images and have Wilson's interval, of some width even where none is wrong.

    Parameters
    ----------
    clean_log_p : (n_images,) float64 or None
        Natural-log probability of the label without corruption; None without clean images.
    clean_is_right : (n_images,) bool or None
        Whether the label was the prediction.
    log_p : (n_images, n_conditions) float64
        Under each condition.
    is_right : (n_images, n_conditions) bool
        The same.
    conditions : sequence of (str, int)
        Corruption and severity of each column.
    has_imagenet_classes : bool
        Whether AlexNet's errors are of the same task.
    confidence : float
        Of the intervals.
    generator : numpy.random.Generator
        Of the resamples.
    labels_are_own : bool
        Whether the labels are the model's answers without corruption, of which none is wrong.
    n_resamples : int
        How many.
    """
    n_images, n_conditions = log_p.shape
    has_clean = clean_is_right is not None
    clean = [np.full(n_images, np.nan)] * 2
    if clean_is_right is not None and clean_log_p is not None:
        clean = [~clean_is_right, clean_log_p]
    columns = np.column_stack([*clean, ~is_right, log_p]).astype(np.float64)
    samples = np.vstack(
        [
            columns.mean(axis=0),
            bootstrap_means(columns, n_resamples=n_resamples, generator=generator),
        ]
    )
    clean_error, clean_mean = samples[:, 0], samples[:, 1]
    errors = samples[:, 2 : 2 + n_conditions]
    means = samples[:, 2 + n_conditions :]

    def measure(values: FloatVector) -> Measure:
        """Take the first as the value, the others as its resamples."""
        low, high = percentile_interval(values[1:, None], confidence=confidence, n_units=n_images)
        return Measure(value=float(values[0]), interval=(float(low[0]), float(high[0])))

    def measure_share(values: FloatVector) -> Measure:
        """Take the first, a share of the images, as the value."""
        low, high = share_interval(values[:1], n_images, confidence=confidence)
        return Measure(value=float(values[0]), interval=(float(low[0]), float(high[0])))

    measure_clean = measure if labels_are_own else measure_share
    places: dict[str, list[int]] = {}
    for place, (name, _) in enumerate(conditions):
        places.setdefault(name, []).append(place)
    ce = {name: errors[:, where].mean(axis=1) for name, where in places.items()}
    _, published = alexnet_errors()
    return CorruptionErrors(
        n_images=n_images,
        clean_error=measure_clean(clean_error) if has_clean else None,
        clean_log_p=measure(clean_mean) if has_clean else None,
        conditions=tuple(
            ConditionResult(
                corruption=name,
                severity=severity,
                error=measure_share(errors[:, place]),
                log_p=measure(means[:, place]),
            )
            for place, (name, severity) in enumerate(conditions)
        ),
        corruptions=tuple(
            CorruptionResult(
                corruption=name,
                error=measure(ce[name]),
                log_p=measure(means[:, where].mean(axis=1)),
                alexnet_error=published.get(name),
            )
            for name, where in places.items()
        ),
        means={
            name: measure(values)
            for name, values in _means(ce, clean_error, conditions, has_imagenet_classes).items()
            if np.isfinite(values[0])
        },
        note=_note(conditions, has_imagenet_classes),
    )


def _means(
    ce: Mapping[str, FloatVector],
    clean: FloatVector,
    conditions: Sequence[tuple[str, int]],
    has_imagenet_classes: bool,  # noqa: FBT001 - one caller, by name in the docstring
) -> dict[str, FloatVector]:
    means = {
        "mean_error": np.mean(list(ce.values()), axis=0),
        "relative_mean_error": np.mean(list(ce.values()), axis=0) - clean,
    }
    alexnet_clean, published = alexnet_errors()
    if has_imagenet_classes and is_published_suite(conditions):
        ratios = [ce[name] / published[name] for name in ce]
        added = [(ce[name] - clean) / (published[name] - alexnet_clean) for name in ce]
        means["mce_alexnet"] = np.mean(ratios, axis=0)
        means["relative_mce_alexnet"] = np.mean(added, axis=0)
    return means


def is_published_suite(conditions: Sequence[tuple[str, int]]) -> bool:
    """Say whether the conditions are the 75 that AlexNet's errors are means of."""
    _, published = alexnet_errors()
    return set(conditions) == {(name, level) for name in published for level in range(1, 6)}


def _note(
    conditions: Sequence[tuple[str, int]],
    has_imagenet_classes: bool,  # noqa: FBT001
) -> str:
    """Say what a reader of the means by AlexNet must know."""
    if not has_imagenet_classes:
        return (
            "AlexNet's published errors are of ImageNet's 1000 classes and say nothing about this "
            "model's, so there is no mCE by AlexNet."
        )
    if not is_published_suite(conditions):
        return (
            "AlexNet's published errors are means over five severities, and the published mCE over "
            "fifteen corruptions; not all 75 conditions were measured, so there is no mCE by "
            "AlexNet."
        )
    return (
        "Corruptions were applied in memory, after resize and crop; the published errors were "
        "measured on JPEG files of quality 85, which adds a little error."
    )
