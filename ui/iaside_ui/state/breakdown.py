"""Who and where in a result: single images, groups of them, pairs of bands, as rows to show.

Numbers and intervals are those of the result. Its value rows are read only for what a result does
not list: the images beyond a thousand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import IASideError, StoreError
from iaside_ui.state.facts import provenance
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iaside_audit.breakdown import GroupProfile
    from iaside_audit.result import AuditResult
    from iaside_audit.types import Interval
    from iaside_ui.state.facts import Fact

UNDEFINED: Final = (math.nan, math.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """What one image says by itself.

    Parameters
    ----------
    path : str
        As reports name it.
    location : str
        The file on this machine; it may be gone.
    label, prediction : str
        Names of the classes, or their numbers.
    class_index : int
        Position of the label in the model's output: two classes may have one name.
    is_right : bool or None
        Whether they agree; None where the labels are the model's own.
    empty, grand : float
        Values of the empty and the grand coalition.
    shapley : tuple of float
        One for each band.
    """

    path: str
    location: str
    label: str
    prediction: str
    class_index: int
    is_right: bool | None
    empty: float
    grand: float
    shapley: tuple[float, ...]

    @property
    def strongest(self) -> int:
        """The band of the largest Shapley value."""
        return _strongest(self.shapley)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTable:
    """The rows of a result's images; `gap` says why there are none."""

    rows: tuple[ImageRow, ...] = ()
    gap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """Some of the images together: all, those that are right or wrong, or those of one class.

    Parameters
    ----------
    name : str
        Of the class, or what the images have in common.
    is_class : bool
        Whether it is a class.
    n_images : int
        Its images.
    top1 : float
        Share of right answers; NaN where that is not measured.
    top1_interval : (float, float)
        Of `top1`.
    signed : float
        The signed score of the group; NaN for a class of too few images.
    signed_interval : (float, float)
        Of `signed`.
    shapley : tuple of float
        Mean Shapley values of the bands.
    interval : tuple of (float, float)
        Of `shapley`; NaN for a class of too few images.
    """

    name: str
    is_class: bool
    n_images: int
    top1: float
    top1_interval: Interval = UNDEFINED
    signed: float = math.nan
    signed_interval: Interval = UNDEFINED
    shapley: tuple[float, ...]
    interval: tuple[Interval, ...] = ()

    @property
    def strongest(self) -> int:
        """The band of the largest Shapley value."""
        return _strongest(self.shapley)


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionTable:
    """How pairs of bands act together; `gap` says why that is not known.

    Parameters
    ----------
    values : tuple of tuple of float
        M rows of M numbers, symmetric, 0 on the diagonal; positive where two bands are worth more
        together than apart.
    intervals : tuple of tuple of (float, float)
        Of the values; NaN for too few images.
    gap : str
        Empty where there are numbers.
    """

    values: tuple[tuple[float, ...], ...] = ()
    intervals: tuple[tuple[Interval, ...], ...] = ()
    gap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Everything that the tabs of a result show of who and where, and of its origin.

    Parameters
    ----------
    images, groups, interactions
        The tabs.
    facts : tuple of Fact
        Its provenance; the report's id is a hash over all of it, which takes a while.
    unit : str
        Of the Shapley values; empty for a pure number.
    confidence : float
        Of the intervals.
    are_draws : bool
        Whether a single image's Shapley values come from random orders: unbiased, and noisy.
    """

    images: ImageTable = ImageTable()
    groups: tuple[GroupRow, ...] = ()
    interactions: InteractionTable = InteractionTable()
    facts: tuple[Fact, ...] = ()
    unit: str = ""
    confidence: float = 0.95
    are_draws: bool = False

    @classmethod
    def waiting(cls, text: str) -> Breakdown:
        """Return what is shown until it is there."""
        return cls(images=ImageTable(gap=text), interactions=InteractionTable(gap=text))


def breakdown(result: AuditResult) -> Breakdown:
    """Gather who and where of a result; for a thread."""
    from iaside_audit.choices import Estimator  # noqa: PLC0415 - with the engine's other imports
    from iaside_audit.statistics.values import value_unit  # noqa: PLC0415

    images = image_table(result)
    return Breakdown(
        images=images,
        groups=tuple(group_rows(result, images)),
        interactions=interaction_table(result),
        facts=provenance(result),
        unit=value_unit(result.spec.value),
        confidence=result.spec.confidence,
        are_draws=result.estimator.kind == Estimator.PERMUTATION.value,
    )


def image_table(result: AuditResult) -> ImageTable:
    """Return what each image says, from the rows where the result does not list its images."""
    from iaside_audit.auditing.outcome.groups import image_records_of  # noqa: PLC0415 - start-up time
    from iaside_audit.images import FROM_MODEL  # noqa: PLC0415

    try:
        records = image_records_of(result)
    except StoreError as error:
        return ImageTable(gap=error.message)
    is_own = result.data.labels == FROM_MODEL
    names = _class_names(result)
    spec = result.spec
    base = spec.images if spec.images.is_dir() else spec.images.parent
    return ImageTable(
        rows=tuple(
            ImageRow(
                path=one.path,
                location=str(base / one.path),
                label=names.get(one.label, str(one.label)),
                prediction=names.get(one.prediction, str(one.prediction)),
                class_index=one.label,
                is_right=None if is_own else one.label == one.prediction,
                empty=one.empty,
                grand=one.grand,
                shapley=one.shapley,
            )
            for one in records
        )
    )


def group_rows(result: AuditResult, images: ImageTable) -> Iterator[GroupRow]:
    """Yield all images, those that are right and wrong, then the classes, the largest first.

    A class of too few images for a profile has the means of its images, and no interval.
    """
    yield GroupRow(
        name=tr("All images"),
        is_class=False,
        n_images=result.data.n_images,
        top1=result.accuracy.top1,
        top1_interval=result.accuracy.interval,
        signed=result.score.signed.value,
        signed_interval=result.score.signed.interval,
        shapley=tuple(band.shapley for band in result.bands),
        interval=tuple(band.interval for band in result.bands),
    )
    if result.outcomes is not None:  # their accuracy is 1 and 0 by choice, and has no interval
        for name, one in (
            (tr("Right"), result.outcomes.correct),
            (tr("Wrong"), result.outcomes.wrong),
        ):
            yield replace(_group(name, one), top1_interval=UNDEFINED)
    names = _class_names(result)
    classes = [
        _group(names.get(one.label, str(one.label)), one, is_class=True)
        for one in result.classes or ()
    ]
    known = {one.label for one in result.classes or ()}
    members: dict[int, list[ImageRow]] = {}
    for row in images.rows:
        if row.class_index not in known:
            members.setdefault(row.class_index, []).append(row)
    classes += [_small_class(rows) for rows in members.values()]
    yield from sorted(classes, key=lambda one: (-one.n_images, one.name))


def interaction_table(result: AuditResult) -> InteractionTable:
    """Return the interaction index of every pair of bands, or why there is none."""
    record = result.interactions
    if record is None:
        return InteractionTable(
            gap=tr(
                "Interactions need the value of every coalition, and this audit walked through "
                "random orders. Run it again with the estimator exact."
            )
        )
    return InteractionTable(values=record.matrix, intervals=record.interval)


def _class_names(result: AuditResult) -> Mapping[int, str]:
    """Return what classes are called, as far as that is known here."""
    from iaside_audit.images import class_table  # noqa: PLC0415 - start-up time

    try:
        table = class_table(result.spec.classes, result.model.output.n_classes).names
    except (OSError, IASideError):  # the table of names is gone: numbers do
        table = None
    names = dict(enumerate(table or ()))
    return names | {one.label: one.name for one in result.classes or () if one.name}


def _group(name: str, profile: GroupProfile, *, is_class: bool = False) -> GroupRow:
    return GroupRow(
        name=name,
        is_class=is_class,
        n_images=profile.n_images,
        top1=profile.top1,
        top1_interval=profile.top1_interval,
        signed=profile.signed,
        signed_interval=profile.signed_interval,
        shapley=profile.shapley,
        interval=profile.interval,
    )


def _small_class(members: list[ImageRow]) -> GroupRow:
    """Return the means of a class that the result has no profile of."""
    n_images = len(members)
    known = [row.is_right for row in members if row.is_right is not None]
    return GroupRow(
        name=members[0].label,
        is_class=True,
        n_images=n_images,
        top1=sum(known) / n_images if known else math.nan,
        shapley=tuple(
            sum(column) / n_images for column in zip(*(row.shapley for row in members), strict=True)
        ),
    )


def _strongest(shapley: tuple[float, ...]) -> int:
    return max(range(len(shapley)), key=shapley.__getitem__)
