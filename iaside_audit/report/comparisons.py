"""A comparison as rows of words, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import SpecError
from iaside_audit.report.files import write_text
from iaside_audit.report.summary import (
    NOT_DEFINED,
    SCORE_TITLES,
    base_name,
    decimals_for,
    format_interval,
    format_number,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_audit.comparison import Comparison, ComparisonReport, Difference

CSV_COLUMNS: Final = (
    "first",
    "second",
    "number",
    "value_first",
    "value_second",
    "difference",
    "low",
    "high",
    "p_value",
    "p_corrected",
    "confidence",
    "interval_method",
)
"""`low` and `high` are of the difference; the last two are the same on every line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """One line of the table that is printed; `is_clear` where the corrected p-value says so."""

    name: str
    first: str
    second: str
    difference: str
    interval: str
    p_value: str
    p_corrected: str
    is_clear: bool


def difference_rows(comparison: Comparison, *, confidence: float) -> tuple[DifferenceRow, ...]:
    """Return every number of two models in words, accuracy and scores first."""
    return tuple(_row(name, one, confidence=confidence) for name, one in _in_words(comparison))


def model_names(report: ComparisonReport) -> tuple[str, ...]:
    """Return a short name for every model, the first one first; paths where names are equal."""
    everyone = (report.first, *(one.model for one in report.comparisons))
    names = tuple(base_name(one.model).removesuffix(".onnx") for one in everyone)
    return names if len(set(names)) == len(names) else tuple(one.path for one in everyone)


def comparison_csv(report: ComparisonReport) -> str:
    """Return every number of every comparison as CSV (RFC 4180), exactly."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for comparison in report.comparisons:
        for name, one in comparison.lines():
            numbers = (one.first, one.second, one.difference, *one.interval)
            writer.writerow(
                (
                    report.first.path,
                    comparison.model.path,
                    name,
                    *numbers,
                    one.p_value,
                    one.p_corrected,
                    report.confidence,
                    report.interval_method,
                )
            )
    return text.getvalue()


def check_comparison_name(path: Path) -> None:
    """Refuse a file name that does not say how a comparison is written.

    Raises
    ------
    SpecError
        If the suffix is neither ``.json`` nor ``.csv``.
    """
    if (found := path.suffix.lower()) not in {".json", ".csv"}:
        raise SpecError(
            f"Expected a file ending in .json or .csv, found {found!r} in {str(path)!r}.",
            path=str(path),
            expected=".json, .csv",
            found=found,
        )


def write_comparison(report: ComparisonReport, path: Path) -> None:
    """Write a comparison; the suffix, ``.json`` or ``.csv``, says how.

    Raises
    ------
    SpecError
        If the suffix is another one.
    ReportError
        If the file cannot be written.
    """
    check_comparison_name(path)
    is_json = path.suffix.lower() == ".json"
    write_text(path, report.to_json() if is_json else comparison_csv(report))


def _in_words(comparison: Comparison) -> Iterator[tuple[str, Difference]]:
    yield "top-1", comparison.top1
    for key, title in SCORE_TITLES.items():
        yield f"{title} score", comparison.score[key]
    yield "v(all)", comparison.values["grand"]
    yield "v(empty)", comparison.values["empty"]
    for band in comparison.bands:
        yield f"Shapley, band {band.index}", band.shapley
    for band in comparison.bands:
        yield f"importance, band {band.index}", band.importance


def _row(name: str, one: Difference, *, confidence: float) -> DifferenceRow:
    decimals = decimals_for(one.interval)
    sign = "+" if one.difference > 0 else ""
    return DifferenceRow(
        name=name,
        first=format_number(one.first, decimals),
        second=format_number(one.second, decimals),
        difference=f"{sign}{format_number(one.difference, decimals)}",
        interval=format_interval(one.interval, decimals),
        p_value=_p_value(one.p_value),
        p_corrected=_p_value(one.p_corrected),
        is_clear=one.p_corrected <= 1 - confidence,
    )


def _p_value(value: float) -> str:
    """Return a p-value with the digits that it has."""
    if value != value:  # noqa: PLR0124 - NaN
        return NOT_DEFINED
    return "0.0001" if value < 0.00015 else f"{value:.4f}" if value < 0.01 else f"{value:.2f}"  # noqa: PLR2004
