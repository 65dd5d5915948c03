"""Several results side by side, and how they differ on the images that they share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from iaside_audit.choices import IntervalMethod, Mode
from iaside_audit.errors import IASideError
from iaside_audit.report import format_interval, format_number, format_percent
from iaside_audit.report.comparisons import DifferenceRow, difference_rows
from iaside_audit.report.summary import decimals_for
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.auditing.outcome.compare import NamedResult
    from iaside_audit.comparison import Comparison, ComparisonReport
    from iaside_audit.result import BandResult


class ComparedQuantity(Enum):
    """What the plot of a comparison shows."""

    IMPORTANCE = auto()
    IMPORTANCE_DIFFERENCE = auto()
    SHAPLEY_DIFFERENCE = auto()


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
class DifferenceLine:
    """One number of a result against the first one's; `name` and `place` are of the result."""

    name: str
    place: int
    row: DifferenceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPair:
    """A result that could be compared with the first one, and how they differ."""

    name: str
    place: int
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonState:
    """What the page of comparisons shows.

    Parameters
    ----------
    results : tuple of ComparedRow
        All that are open.
    first : int
        Place of the one that the others are compared with; -1 before there is any.
    pairs : tuple of ComparedPair
        Those that can be compared with it.
    lines : tuple of DifferenceLine
        Every number of every pair.
    confidence : float
        Of the intervals; a corrected p-value of at most 1 less this tells two numbers apart.
    value_unit : str
        Unit of the Shapley values; empty for a pure number.
    note : str
        What was done, in a sentence or two.
    refusals : tuple of str
        Why results could not be compared, a line each.
    """

    results: tuple[ComparedRow, ...] = ()
    first: int = -1
    pairs: tuple[ComparedPair, ...] = ()
    lines: tuple[DifferenceLine, ...] = ()
    confidence: float = 0.95
    value_unit: str = ""
    note: str = ""
    refusals: tuple[str, ...] = ()

    @property
    def side_by_side(self) -> tuple[ComparedRow, ...]:
        """The results whose bands have the first's edges, and a place on one axis with them."""
        if not 0 <= self.first < len(self.results):
            return self.results
        cut = _cut(self.results[self.first])
        return tuple(one for one in self.results if _cut(one) == cut)


def compared(results: Sequence[NamedResult], first: int = 0) -> ComparisonState:
    """Compare results with one of them, by the engine's paired statistics; for a thread.

    What cannot be compared with it is shown beside the others all the same, and the refusal names
    everything that differs.
    """
    from iaside_audit.auditing.outcome.compare import (  # noqa: PLC0415 - start-up time
        compare_results,
        setting_differences,
    )
    from iaside_audit.statistics.values import value_unit  # noqa: PLC0415

    rows = tuple(_row(one, place) for place, one in enumerate(results))
    reference = results[first]
    found = {
        place: setting_differences(reference.result, other.result)
        for place, other in enumerate(results)
        if place != first
    }
    refusals = [
        tr("{name} is not compared, for its settings differ: {settings}.").format(
            name=results[place].name, settings="; ".join(settings)
        )
        for place, settings in found.items()
        if settings
    ]
    places = [place for place, settings in found.items() if not settings]
    state = ComparisonState(results=rows, first=first, refusals=tuple(refusals))
    if not places:
        return state
    try:
        report = compare_results([reference, *(results[place] for place in places)])
    except IASideError as error:  # other images, other labels, rows that are gone
        return ComparisonState(results=rows, first=first, refusals=(*refusals, error.message))
    pairs = tuple(
        ComparedPair(name=results[place].name, place=place, comparison=comparison)
        for place, comparison in zip(places, report.comparisons, strict=True)
    )
    return ComparisonState(
        results=rows,
        first=first,
        pairs=pairs,
        lines=tuple(
            DifferenceLine(name=pair.name, place=pair.place, row=row)
            for pair in pairs
            for row in difference_rows(pair.comparison, confidence=report.confidence)
        ),
        confidence=report.confidence,
        value_unit=value_unit(report.value),
        note=_note(report),
        refusals=tuple(refusals),
    )


def _note(report: ComparisonReport) -> str:
    said = tr(
        "{n} images, matched by content. {confidence} intervals by the paired {bootstrap}; "
        "p-values from {flips} sign flips, corrected over every line and result ({correction}). "
        "Told apart: corrected p at most {level}."
    ).format(
        n=report.n_images,
        confidence=format_percent(report.confidence),
        bootstrap=_bootstrap(report),
        flips=report.n_permutations,
        correction=report.correction,
        level=format_percent(1 - report.confidence),
    )
    return " ".join((said, *report.warnings))


def _bootstrap(report: ComparisonReport) -> str:
    is_bca = report.interval_method == IntervalMethod.BCA
    if report.mode == Mode.REFERENCE:
        return tr("BCa bootstrap over batches") if is_bca else tr("bootstrap over batches")
    return tr("BCa bootstrap over images") if is_bca else tr("bootstrap over images")


def _cut(row: ComparedRow) -> list[tuple[float, float]]:
    return [(band.low, band.high) for band in row.bands]


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
