"""Several results side by side, and how they differ on the images that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import IASideError
from iaside_audit.report import format_interval, format_number
from iaside_audit.report.summary import decimals_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.result import AuditResult, BandResult

GAME: Final = ("mode", "bands", "norm", "spacing", "baseline", "range", "value", "beta", "frame")
"""Settings that must agree for two profiles to mean the same."""
N_RESAMPLES: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One result of a comparison; `place` is its position, which decides its colour."""

    name: str
    bands: tuple[BandResult, ...]
    score: str
    interval: str
    top1: str
    n_images: int
    place: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """One number of another result less that of the first, over the images that both have."""

    name: str
    quantity: str
    difference: str
    interval: str
    is_clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonState:
    """What the page of comparisons shows."""

    results: tuple[ComparedRow, ...] = ()
    differences: tuple[DifferenceRow, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedResult:
    """A result, and the name under which it is shown."""

    name: str
    result: AuditResult


def compared(results: Sequence[NamedResult]) -> ComparisonState:
    """Compare every result with the first one; for a thread.

    Differences are of the same images, matched by content, with intervals by the paired bootstrap;
    where they cannot be had, the note says why.
    """
    rows = tuple(_row(one, place) for place, one in enumerate(results))
    first, *others = results
    differing = [
        f"{other.name}: {', '.join(names)}"
        for other in others
        if (names := _differing(first.result, other.result))
    ]
    if differing:
        note = (
            "Not comparable number by number, for the settings differ: "
            f"{'; '.join(differing)}. The bars are shown for orientation."
        )
        return ComparisonState(results=rows, note=note)
    try:
        found = [_differences(first, other) for other in others]
    except IASideError as error:
        return ComparisonState(results=rows, note=f"No paired differences: {error.message}")
    differences = tuple(row for part, _ in found for row in part)
    n_shared = min(n_images for _, n_images in found)
    note = (
        f"Images shared, matched by content: {n_shared}. Differences are each result less the "
        "first; an interval without 0 is marked."
        if n_shared
        else "The results share no images: their bars stand beside each other, no more."
    )
    return ComparisonState(results=rows, differences=differences, note=note)


def _row(one: NamedResult, place: int) -> ComparedRow:
    signed = one.result.score.signed
    decimals = decimals_for(signed.interval)
    top1 = one.result.accuracy.top1
    return ComparedRow(
        name=one.name,
        bands=one.result.bands,
        score=format_number(signed.value, decimals),
        interval=format_interval(signed.interval, decimals),
        top1=format_number(100 * top1, 1),
        n_images=one.result.data.n_images,
        place=place,
    )


def _differing(first: AuditResult, other: AuditResult) -> list[str]:
    return [name for name in GAME if getattr(first.spec, name) != getattr(other.spec, name)]


def _differences(first: NamedResult, other: NamedResult) -> tuple[tuple[DifferenceRow, ...], int]:
    """Return the differences of two results, and how many images they share."""
    import numpy as np  # noqa: PLC0415 - beside the engine's imports, which are slow

    from iaside_audit.auditing.assemble import image_profiles  # noqa: PLC0415
    from iaside_audit.images import FROM_MODEL  # noqa: PLC0415
    from iaside_audit.spec import Estimator  # noqa: PLC0415
    from iaside_audit.statistics.scores import importance, signed_score  # noqa: PLC0415

    units, places = [], []
    for one in (first, other):
        rows = one.result.rows()
        profiles = image_profiles(
            rows,
            one.result.spec,
            Estimator(one.result.estimator.kind),
            labels_are_own=one.result.data.labels == FROM_MODEL,
        )
        places.append({image_id: place for place, image_id in enumerate(rows.image_id)})
        units.append(np.column_stack([profiles.shapley, profiles.correct]))
    shared = [image_id for image_id in places[0] if image_id in places[1]]
    if len(shared) < 2:  # noqa: PLR2004 - a spread needs two
        return (), 0
    pair = [unit[[at[one] for one in shared]] for unit, at in zip(units, places, strict=True)]
    generator = np.random.default_rng(first.result.spec.seed)
    draws = generator.integers(len(shared), size=(N_RESAMPLES, len(shared)))
    beta = first.result.spec.beta

    def numbers(means: np.ndarray) -> np.ndarray:
        psi = importance(means[..., :-1])
        score = signed_score(psi, beta=beta)
        return np.concatenate([score[..., None], means[..., -1:], psi], axis=-1)

    points = [numbers(one.mean(axis=0)) for one in pair]
    samples = [numbers(np.stack([one[draw].mean(axis=0) for draw in draws])) for one in pair]
    difference = points[1] - points[0]
    tail = (1 - first.result.spec.confidence) / 2
    with np.errstate(invalid="ignore"):
        low, high = np.quantile(samples[1] - samples[0], (tail, 1 - tail), axis=0)
    names = ["signed score", "top-1"]
    names += [f"importance of band {band}" for band in range(len(difference) - 2)]
    return tuple(
        _difference_row(other.name, name, float(value), (float(bottom), float(top)))
        for name, value, bottom, top in zip(names, difference, low, high, strict=True)
    ), len(shared)


def _difference_row(
    name: str, quantity: str, value: float, interval: tuple[float, float]
) -> DifferenceRow:
    decimals = decimals_for(interval)
    return DifferenceRow(
        name=name,
        quantity=quantity,
        difference=f"{value:+.{decimals}f}" if value == value else format_number(value),  # noqa: PLR0124 - NaN
        interval=format_interval(interval, decimals),
        is_clear=interval[0] > 0 or interval[1] < 0,
    )
