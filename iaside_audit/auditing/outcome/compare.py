"""Compare results on the same images: who may be compared with whom, matching, and the report."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.auditing.outcome.assemble import ImageProfiles, image_profiles, unit_means
from iaside_audit.choices import Estimator, Mode
from iaside_audit.comparison import (
    BandDifference,
    ComparedResult,
    Comparison,
    ComparisonReport,
    Difference,
)
from iaside_audit.errors import SpecError
from iaside_audit.images import FROM_MODEL
from iaside_audit.spectrum import baseline_needs
from iaside_audit.statistics import N_PERMUTATIONS, N_RESAMPLES, paired_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iaside_audit.result import AuditResult
    from iaside_audit.rows import ValueRows
    from iaside_audit.statistics import PairedDifferences
    from iaside_audit.types import FloatMatrix

MIN_IMAGES: Final = 2
FEW_IMAGES: Final = 30
SAME_GAME: Final = ("mode", "bands", "norm", "spacing", "baseline", "range", "value", "beta")
"""Fields of a specification that must agree for two numbers to mean the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedResult:
    """A result, and the name under which it was given."""

    name: str
    result: AuditResult


def compare_results(results: Sequence[NamedResult]) -> ComparisonReport:
    """Compare every result with the first one, over the images that all of them have.

    Parameters
    ----------
    results : sequence of NamedResult
        At least two; their rows must be there.

    Returns
    -------
    ComparisonReport
        Confidence, interval method and seed are those of the first.

    Raises
    ------
    SpecError
        If two results are not comparable; everything that differs is named.
    StoreError
        If the rows of a result are gone.
    """
    if len(results) < 2:  # noqa: PLR2004 - a pair
        raise SpecError("Expected at least two results to compare, found one. Give another.")
    first, *others = results
    _check_same_game(first, others)
    rows = [one.result.rows() for one in results]
    places = _matched([_keys(one) for one in rows])
    _check_matched(results, rows, places)
    spec = first.result.spec
    units = [
        _unit_rows(one, stacked, at) for one, stacked, at in zip(results, rows, places, strict=True)
    ]
    found = paired_differences(
        units[0],
        units[1:],
        beta=spec.beta,
        confidence=spec.confidence,
        seed=spec.seed,
        method=spec.interval,
    )
    return ComparisonReport(
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        first=_compared(first),
        comparisons=tuple(
            _comparison(first, other, one) for other, one in zip(others, found, strict=True)
        ),
        n_images=len(places[0]),
        confidence=spec.confidence,
        interval_method=spec.interval,
        mode=spec.mode,
        value=spec.value,
        correction="max-T",
        n_permutations=N_PERMUTATIONS,
        n_resamples=N_RESAMPLES,
        seed=spec.seed,
        warnings=tuple(
            # a result that is given twice is not warned of twice
            dict.fromkeys(
                _warnings(
                    results,
                    rows,
                    matched=[rows[0].image_id[at] for at in places[0]],
                    n_units=len(units[0]),
                )
            )
        ),
    )


def setting_differences(first: AuditResult, other: AuditResult) -> tuple[str, ...]:
    """Say what keeps two results from being compared number by number.

    Returns
    -------
    tuple of str
        Such as ``"norm l2 instead of linf"``, the other result's setting first; empty where their
        numbers mean the same.
    """
    return tuple(
        f"{name} {found[1]} instead of {found[0]}"
        for name, found in _settings(first, other)
        if found[0] != found[1]
    )


def _check_same_game(first: NamedResult, others: Sequence[NamedResult]) -> None:
    """Refuse results whose numbers do not mean the same, and say all that differs."""
    differences = {
        other.name: "; ".join(found)
        for other in others
        if (found := setting_differences(first.result, other.result))
    }
    if differences:
        named = ", and ".join(f"'{name}' with {found}" for name, found in differences.items())
        raise SpecError(
            f"Expected results of the same game as '{first.name}', found {named}. "
            f"Audit all models with the same options.{_frame_advice([first, *others])}",
            expected=first.name,
            found="; ".join(differences.values()),
        )


def _settings(one: AuditResult, other: AuditResult) -> Iterator[tuple[str, tuple[object, object]]]:
    """Yield what must agree, by name, as both results have it."""
    for name in SAME_GAME:
        yield name, (getattr(one.spec, name), getattr(other.spec, name))
    yield "frame", (_frame(one), _frame(other))
    if one.spec.mode == Mode.REFERENCE:
        yield "reference_batch", (one.spec.reference_batch, other.spec.reference_batch)
    if one.data.statistics_digest != other.data.statistics_digest:
        yield "the data set's statistics", (_statistics(one), _statistics(other))
    own = [result for result in (one, other) if result.data.labels == FROM_MODEL]
    if len({result.model.identity for result in own}) > 1 or len(own) == 1:
        yield "labels", (_labels(one), _labels(other))


def _statistics(result: AuditResult) -> str:
    """Name the mean colour and spectrum that a baseline is made of; a seed chooses their images."""
    digest = result.data.statistics_digest
    return "none" if digest is None else f"{digest[:8]} of seed {result.spec.seed}"


def _labels(result: AuditResult) -> str:
    is_own = result.data.labels == FROM_MODEL
    return f"by '{result.model.path}' itself" if is_own else f"from {result.data.labels}"


def _frame(result: AuditResult) -> str:
    height, width = _frame_size(result)
    return f"{height} x {width} px"


def _frame_size(result: AuditResult) -> tuple[int, int]:
    """Return height and width at which the bands were taken."""
    frame = result.spec.frame
    return (frame, frame) if isinstance(frame, int) else result.model.preprocessing.crop_size


def _frame_advice(results: Sequence[NamedResult]) -> str:
    """Say what makes models of several input sizes comparable: a frame that all of them contain."""
    sizes = {_frame_size(one.result) for one in results}
    if len(sizes) == 1:
        return ""
    return f" Give --frame {min(map(min, sizes))} to models whose inputs differ in size."


def _keys(rows: ValueRows) -> list[tuple[str, int]]:
    """Return the content of each image, and how often it came before."""
    seen: Counter[str] = Counter()
    keys = []
    for image_id in rows.image_id:
        keys.append((image_id, seen[image_id]))
        seen[image_id] += 1
    return keys


def _matched(keys: Sequence[Sequence[tuple[str, int]]]) -> list[list[int]]:
    """Return where each result has the images that all have, in the order of the first."""
    common = set(keys[0]).intersection(*keys[1:])
    wanted = [key for key in keys[0] if key in common]
    at = [{key: place for place, key in enumerate(one)} for one in keys]
    return [[one[key] for key in wanted] for one in at]


def _check_matched(
    results: Sequence[NamedResult], rows: Sequence[ValueRows], places: Sequence[Sequence[int]]
) -> None:
    n_images = len(places[0])
    names = ", ".join(f"'{one.name}'" for one in results)
    if n_images < MIN_IMAGES:
        raise SpecError(
            f"Expected at least {MIN_IMAGES} images that all of {names} have, found {n_images}. "
            "Audit the models on the same images."
        )
    if results[0].result.spec.mode == Mode.REFERENCE and any(
        list(at) != list(range(len(one))) for one, at in zip(rows, places, strict=True)
    ):
        raise SpecError(
            f"Expected the same batches in {names}, found other images or another order. In "
            "reference mode an image's values depend on its batch: audit the same list."
        )
    labels = np.stack([one.label[at] for one, at in zip(rows, places, strict=True)])
    n_other = int((labels != labels[0]).any(axis=0).sum())
    if n_other:
        raise SpecError(
            f"Expected the same labels in {names}, found others for {n_other} of {n_images} "
            "images. Audit the models with the same labels."
        )


def _unit_rows(one: NamedResult, rows: ValueRows, at: Sequence[int]) -> FloatMatrix:
    """Return Shapley values, ends and correctness of the matched images, or of their batches."""
    result = one.result
    profiles: ImageProfiles = image_profiles(
        rows,
        result.spec,
        Estimator(result.estimator.kind),
        labels_are_own=result.data.labels == FROM_MODEL,
    )
    columns = np.column_stack([profiles.shapley, profiles.empty, profiles.grand, profiles.correct])
    return unit_means(columns[list(at)], result.spec)


def _compared(one: NamedResult) -> ComparedResult:
    result = one.result
    return ComparedResult(
        path=one.name,
        model=result.model.path,
        sha256=result.model.sha256,
        created=result.created,
        n_images=result.data.n_images,
    )


def _comparison(first: NamedResult, other: NamedResult, found: PairedDifferences) -> Comparison:
    """Give names to the numbers of a profile."""
    lines = [
        Difference(
            first=one,
            second=another,
            difference=another - one,
            interval=(low, high),
            p_value=p_value,
            p_corrected=p_corrected,
        )
        for one, another, (low, high), p_value, p_corrected in zip(
            found.first.tolist(),
            found.second.tolist(),
            found.interval.tolist(),
            found.p_values.tolist(),
            found.p_corrected.tolist(),
            strict=True,
        )
    ]
    bands = first.result.bands
    n_bands = len(bands)
    paper, signed, comparable, empty, grand, top1 = lines[2 * n_bands :]
    return Comparison(
        model=_compared(other),
        bands=tuple(
            BandDifference(
                index=band.index,
                low=band.low,
                high=band.high,
                shapley=lines[band.index],
                importance=lines[n_bands + band.index],
            )
            for band in bands
        ),
        score={"paper": paper, "signed": signed, "comparable": comparable},
        values={"empty": empty, "grand": grand},
        top1=top1,
    )


def _is_drawn(result: AuditResult) -> bool:
    """Say whether an image's row depends on the seed."""
    walks = result.estimator.kind == Estimator.PERMUTATION
    return walks or not baseline_needs(result.spec.baseline).is_constant


def _warnings(
    results: Sequence[NamedResult],
    rows: Sequence[ValueRows],
    *,
    matched: Sequence[str],
    n_units: int,
) -> Iterator[str]:
    """Say what a reader of the differences must know."""
    n_images = len(matched)
    for one, stacked in zip(results, rows, strict=True):
        if len(stacked) > n_images:
            yield (
                f"'{one.name}' has {len(stacked)} images, of which the {n_images} that all "
                "results share were compared."
            )
    first = results[0].result
    for other in results[1:]:
        result = other.result
        if result.spec.seed != first.spec.seed and (_is_drawn(first) or _is_drawn(result)):
            yield (
                f"'{other.name}' drew other random numbers (seed {result.spec.seed} against "
                f"{first.spec.seed}): the comparison is valid and less precise."
            )
        if result.spec.interval != first.spec.interval:
            yield (
                f"'{other.name}' has {result.spec.interval} intervals of its own; those of the "
                f"differences are {first.spec.interval}, as of '{results[0].name}'."
            )
        if result.estimator.kind != first.estimator.kind:
            yield (
                f"'{other.name}' used the {result.estimator.kind} estimator, "
                f"'{results[0].name}' the {first.estimator.kind} one."
            )
    n_repeated = n_images - len(set(matched))
    if n_repeated:
        yield (
            f"{n_repeated} of the {n_images} images repeat the content of another one: intervals "
            "and p-values are smaller than they should be."
        )
    if n_units < FEW_IMAGES:
        what = "batches" if first.spec.mode == Mode.REFERENCE else "images"
        yield f"Only {n_units} {what}: intervals and p-values are rough."
