"""Who and where: interactions, classes, outcomes and single images, from what each image says."""

from __future__ import annotations

from functools import partial
from math import comb
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.auditing.outcome.assemble import (
    ImageProfiles,
    estimate,
    image_profiles,
    min_units,
    unit_means,
)
from iaside_audit.breakdown import (
    ClassProfile,
    GroupProfile,
    ImageProfile,
    InteractionsRecord,
    MoebiusCoefficient,
    OutcomesRecord,
    ProfileDifference,
)
from iaside_audit.choices import Estimator, Mode
from iaside_audit.games import coalition_matrix, moebius_transform, pair_interactions
from iaside_audit.statistics import (
    Resamples,
    bootstrap_generator,
    boundary_bands,
    candidates,
    hull,
    profile_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.result import AuditResult
    from iaside_audit.rows import ValueRows
    from iaside_audit.spec import AuditSpec
    from iaside_audit.statistics import ProfileEstimate
    from iaside_audit.types import FloatMatrix, Interval

MIN_GROUP_IMAGES: Final = 5
"""Fewer images of a class, or right or wrong, make no profile."""
MAX_LISTED_IMAGES: Final = 1000
"""More images are not listed in a result, only in ``images.csv``."""
MAX_COEFFICIENTS: Final = 256
"""All Moebius coefficients of 8 bands; beyond, those of the largest order that fit."""
TABLES_TOGETHER: Final = 64
"""Images whose coefficients are computed at once: 34 MB at 16 bands."""


def interactions_record(profiles: ImageProfiles, spec: AuditSpec) -> InteractionsRecord | None:
    """Return how bands act together, with intervals; None unless every coalition was evaluated."""
    if profiles.table is None:
        return None
    n_bands = spec.bands
    codes, order = moebius_codes(n_bands)
    first, second = np.triu_indices(n_bands, 1)
    n_images = len(profiles.table)
    parts = []
    for start in range(0, n_images, TABLES_TOGETHER):
        table = profiles.table[start : start + TABLES_TOGETHER]
        pairs = pair_interactions(table, n_players=n_bands)[:, first, second]
        parts.append(np.hstack([pairs, moebius_transform(table, n_players=n_bands)[:, codes]]))
    rows = unit_means(np.vstack(parts), spec)
    with np.errstate(invalid="ignore"):  # reference mode may hold -inf
        means = rows.mean(axis=0)
    intervals = np.full((means.size, 2), np.nan)
    if len(rows) >= min_units(spec):
        resamples = Resamples(rows, generator=bootstrap_generator(spec.seed))
        intervals = resamples.intervals(
            lambda means: means, confidence=spec.confidence, method=spec.interval
        )
    matrix = np.zeros((n_bands, n_bands))
    ends = np.zeros((n_bands, n_bands, 2))
    for one, other in ((first, second), (second, first)):
        matrix[one, other] = means[: first.size]
        ends[one, other] = intervals[: first.size]
    members = coalition_matrix(codes, n_players=n_bands)
    return InteractionsRecord(
        kind="SII",
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        interval=tuple(_intervals(row) for row in ends),
        moebius_order=order,
        moebius=tuple(
            MoebiusCoefficient(bands=tuple(np.flatnonzero(row).tolist()), value=value, interval=one)
            for row, value, one in zip(
                members,
                means[first.size :].tolist(),
                _intervals(intervals[first.size :]),
                strict=True,
            )
        ),
    )


def moebius_codes(n_bands: int) -> tuple[NDArray[np.uint32], int]:
    """Return the coalitions whose coefficients are listed, by size and members, and their order.

    Examples
    --------
    >>> codes, order = moebius_codes(3)
    >>> codes.tolist(), order
    ([0, 1, 2, 4, 3, 5, 6, 7], 3)
    """
    n_up_to = np.cumsum([comb(n_bands, size) for size in range(n_bands + 1)])
    order = int(np.flatnonzero(n_up_to <= MAX_COEFFICIENTS)[-1])
    codes = np.arange(1 << n_bands, dtype=np.uint32)
    codes = codes[np.bitwise_count(codes) <= order]
    members = coalition_matrix(codes, n_players=n_bands)
    by_members = np.lexsort((*~members.T[::-1], np.bitwise_count(codes)))
    return codes[by_members], order


def class_profiles(
    profiles: ImageProfiles,
    labels: NDArray[np.int64],
    spec: AuditSpec,
    *,
    names: Sequence[str] | None,
) -> tuple[ClassProfile, ...] | None:
    """Return the profile of every class with at least 5 images, by label; None without any."""
    if spec.mode == Mode.REFERENCE:  # a batch, not an image, is the unit there
        return None
    classes, counts = np.unique(labels, return_counts=True)
    return (
        tuple(
            ClassProfile(
                label=label,
                name=names[label] if names else "",
                **_group(estimate(_subset(profiles, labels == label), spec)),
            )
            for label in classes[counts >= MIN_GROUP_IMAGES].tolist()
        )
        or None
    )


def outcomes_record(profiles: ImageProfiles, spec: AuditSpec) -> OutcomesRecord | None:
    """Return right against wrong images; None with own labels or too few of either."""
    is_correct = profiles.correct == 1  # NaN is neither right nor wrong
    is_wrong = profiles.correct == 0
    if spec.mode == Mode.REFERENCE or min(is_correct.sum(), is_wrong.sum()) < MIN_GROUP_IMAGES:
        return None
    correct, wrong = _subset(profiles, is_correct), _subset(profiles, is_wrong)
    correct_profile, wrong_profile = estimate(correct, spec), estimate(wrong, spec)
    n_bands = spec.bands
    ends = _group_differences(correct, wrong, spec)
    signed = 2 * n_bands + 1
    return OutcomesRecord(
        correct=GroupProfile(**_chosen_group(correct_profile)),
        wrong=GroupProfile(**_chosen_group(wrong_profile)),
        difference=ProfileDifference(
            shapley=tuple((correct_profile.shapley - wrong_profile.shapley).tolist()),
            interval=_intervals(ends[:n_bands]),
            importance=tuple((correct_profile.importance - wrong_profile.importance).tolist()),
            importance_interval=_intervals(ends[n_bands : 2 * n_bands]),
            signed=correct_profile.signed - wrong_profile.signed,
            signed_interval=_intervals(ends[signed : signed + 1])[0],
        ),
    )


def image_records(rows: ValueRows, profiles: ImageProfiles) -> tuple[ImageProfile, ...]:
    """Return what each image says by itself, in the order of the audit."""
    return tuple(
        ImageProfile(
            path=path,
            image_id=image_id,
            label=label,
            prediction=prediction,
            empty=empty,
            grand=grand,
            shapley=tuple(shapley),
        )
        for path, image_id, label, prediction, empty, grand, shapley in zip(
            rows.path,
            rows.image_id,
            rows.label.tolist(),
            rows.prediction.tolist(),
            profiles.empty.tolist(),
            profiles.grand.tolist(),
            profiles.shapley.tolist(),
            strict=True,
        )
    )


def image_records_of(result: AuditResult) -> tuple[ImageProfile, ...]:
    """Return the images of a result, from its rows where it does not list them.

    Raises
    ------
    StoreError
        If the result does not list its images, and its rows are gone.
    """
    if result.images is not None:
        return result.images
    rows = result.rows()
    estimator = Estimator(result.estimator.kind)
    return image_records(rows, image_profiles(rows, result.spec, estimator, labels_are_own=False))


def breakdown(
    rows: ValueRows, profiles: ImageProfiles, spec: AuditSpec, *, names: Sequence[str] | None
) -> dict[str, Any]:  # Any: fields of AuditResult, of several types
    """Return who and where an importance comes from, as fields of a result."""
    is_listed = len(rows) <= MAX_LISTED_IMAGES
    return {
        "interactions": interactions_record(profiles, spec),
        "classes": class_profiles(profiles, rows.label, spec, names=names),
        "outcomes": outcomes_record(profiles, spec),
        "images": image_records(rows, profiles) if is_listed else None,
    }


def _group_differences(first: ImageProfiles, second: ImageProfiles, spec: AuditSpec) -> FloatMatrix:
    """Return the intervals of one group's numbers less another's, of different images."""
    plain = partial(profile_numbers, n_bands=spec.bands, beta=spec.beta)
    generator = bootstrap_generator(spec.seed)  # one after the other: independent draws
    one, other = (Resamples(_rows(group), generator=generator) for group in (first, second))
    lowest = [
        candidates(boundary_bands(group.numbers(plain), n_bands=spec.bands))[-1]
        for group in (one, other)
    ]
    return hull(
        [
            one.differences(
                partial(plain, lowest=reading[0]),
                other,
                partial(plain, lowest=reading[1]),
                confidence=spec.confidence,
                method=spec.interval,
            )
            for reading in ((None, None), lowest)
        ]
    )


def _subset(profiles: ImageProfiles, where: NDArray[np.bool_]) -> ImageProfiles:
    return ImageProfiles(
        shapley=profiles.shapley[where],
        empty=profiles.empty[where],
        grand=profiles.grand[where],
        correct=profiles.correct[where],
    )


def _rows(profiles: ImageProfiles) -> FloatMatrix:
    return np.column_stack([profiles.shapley, profiles.empty, profiles.grand, profiles.correct])


def _group(profile: ProfileEstimate) -> dict[str, Any]:  # Any: fields of GroupProfile
    return {
        "n_images": profile.n_units,
        "top1": profile.top1,
        "top1_interval": profile.top1_interval,
        "shapley": tuple(profile.shapley.tolist()),
        "interval": _intervals(profile.shapley_interval),
        "importance": tuple(profile.importance.tolist()),
        "importance_interval": _intervals(profile.importance_interval),
        "at_boundary": tuple(profile.at_boundary.tolist()),
        "signed": profile.signed,
        "signed_interval": profile.signed_interval,
    }


def _chosen_group(profile: ProfileEstimate) -> dict[str, Any]:  # Any: fields of GroupProfile
    """Return a group of images that are all right or all wrong: by choice, so that is certain."""
    return {**_group(profile), "top1_interval": (profile.top1, profile.top1)}


def _intervals(ends: FloatMatrix) -> tuple[Interval, ...]:
    return tuple((low, high) for low, high in ends.tolist())
