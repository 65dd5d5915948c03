"""The annex of the PDF: who and where an importance comes from, ready for the template.

Right against wrong images, the classes that stand out, and how pairs of bands act together; each
only where the result has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iaside_audit.report.summary import (
    column_decimals,
    decimals_for,
    format_interval,
    format_number,
    format_percent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.breakdown import ClassProfile, InteractionsRecord, OutcomesRecord
    from iaside_audit.result import AuditResult
    from iaside_audit.types import Interval

MAX_CLASSES: Final = 24
"""More classes are shown by the highest and the lowest scores, half of the lines each."""
MAX_MATRIX_BANDS: Final = 12
"""More bands do not fit as a matrix; their strongest pairs are listed all the same."""
N_STRONGEST_PAIRS: Final = 8


def annex(result: AuditResult) -> dict[str, object] | None:
    """Return what the annex shows, as JSON-ready values; None where there is nothing to show."""
    parts: dict[str, object] = {
        "outcomes": result.outcomes and _outcomes(result.outcomes),
        "classes": result.classes and _classes(result.classes),
        "interactions": result.interactions and _interactions(result.interactions),
    }
    return parts if any(parts.values()) else None


def _outcomes(record: OutcomesRecord) -> dict[str, object]:
    """Return a line for each band, and one for the signed score."""
    correct, wrong, difference = record.correct, record.wrong, record.difference
    decimals = column_decimals((*correct.interval, *wrong.interval, *difference.interval))
    columns = (
        (correct.shapley, correct.interval),
        (wrong.shapley, wrong.interval),
        (difference.shapley, difference.interval),
    )
    scores = (
        (correct.signed, correct.signed_interval),
        (wrong.signed, wrong.signed_interval),
        (difference.signed, difference.signed_interval),
    )
    bands = [
        [str(band), *_cells([(one[band], ends[band]) for one, ends in columns], decimals)]
        for band in range(len(correct.shapley))
    ]
    score_decimals = column_decimals(ends for _, ends in scores)
    return {
        "n_correct": correct.n_images,
        "n_wrong": wrong.n_images,
        "rows": [*bands, ["Signed score", *_cells(scores, score_decimals)]],
    }


def _classes(classes: tuple[ClassProfile, ...]) -> dict[str, object]:
    """Return the classes by signed score, the highest first."""
    ordered = sorted(classes, key=lambda one: (-one.signed, one.label))
    shown = ordered
    if len(ordered) > MAX_CLASSES:
        shown = [*ordered[: MAX_CLASSES // 2], *ordered[-MAX_CLASSES // 2 :]]
    decimals = column_decimals(one.signed_interval for one in shown)
    return {
        "n_classes": len(ordered),
        "rows": [
            [
                one.name or f"class {one.label}",
                str(one.n_images),
                format_percent(one.top1, 0),
                *_cells([(one.signed, one.signed_interval)], decimals),
            ]
            for one in shown
        ],
    }


def _interactions(record: InteractionsRecord) -> dict[str, object]:
    """Return the matrix, its cells shaded by their size, and the strongest pairs."""
    n_bands = len(record.matrix)
    pairs = [(one, other) for one in range(n_bands) for other in range(one + 1, n_bands)]
    most = max((abs(record.matrix[one][other]) for one, other in pairs), default=0.0) or 1.0
    decimals = column_decimals(record.interval[one][other] for one, other in pairs)
    is_told = {pair: _excludes_zero(record.interval[pair[0]][pair[1]]) for pair in pairs}
    strongest = sorted(pairs, key=lambda pair: -abs(record.matrix[pair[0]][pair[1]]))
    return {
        "n_bands": n_bands,
        "n_pairs": len(pairs),
        "n_told": sum(is_told.values()),
        "matrix": [
            [
                {
                    "value": format_number(record.matrix[one][other], decimals),
                    "shade": record.matrix[one][other] / most,
                    "is_told": is_told[min(one, other), max(one, other)],
                }
                if one != other
                else None
                for other in range(n_bands)
            ]
            for one in range(n_bands)
        ]
        if n_bands <= MAX_MATRIX_BANDS
        else None,
        "strongest": [
            [
                f"{one} and {other}",
                *_cells(
                    [(record.matrix[one][other], record.interval[one][other])],
                    decimals_for(record.interval[one][other]),
                ),
            ]
            for one, other in strongest[:N_STRONGEST_PAIRS]
        ],
    }


def _cells(estimates: Sequence[tuple[float, Interval]], decimals: int) -> list[str]:
    """Return a number and its interval for each estimate."""
    return [
        text
        for value, interval in estimates
        for text in (format_number(value, decimals), format_interval(interval, decimals))
    ]


def _excludes_zero(interval: Interval) -> bool:
    return interval[0] > 0 or interval[1] < 0
