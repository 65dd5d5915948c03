"""The annex of a report: who and where an importance comes from, ready for a template.

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
    value_unit,
)
from iaside_audit.report.typesetting import table, text, typeset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iaside_audit.breakdown import ClassProfile, InteractionsRecord, OutcomesRecord
    from iaside_audit.report.typesetting import Run
    from iaside_audit.result import AuditResult
    from iaside_audit.types import Interval

MAX_CLASSES: Final = 24
"""More classes are shown by the highest and the lowest scores, half of the lines each."""
MAX_MATRIX_BANDS: Final = 12
"""More bands do not fit as a matrix; their strongest pairs are listed all the same."""
N_STRONGEST_PAIRS: Final = 8


def annex(result: AuditResult) -> dict[str, object] | None:
    """Return what the annex shows, as JSON-ready values; None where there is nothing to show."""
    unit = f" ({value_unit(result)})" if value_unit(result) else ""
    confidence = format_percent(result.spec.confidence)
    parts = {
        "outcomes": _outcomes(result.outcomes, unit) if result.outcomes else None,
        "interactions": _interactions(result.interactions, unit, confidence)
        if result.interactions
        else None,
        "classes": _classes(result.classes) if result.classes else None,
    }
    if not any(parts.values()):
        return None
    note = text(
        f"Intervals are at {confidence} and come from the bootstrap over the images of each group."
    )
    return {"title": "Annex: who and where", "note": note, **parts}


def _outcomes(record: OutcomesRecord, unit: str) -> dict[str, object]:
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
    return table(
        "Images that are classified right and wrong",
        (
            ("Band", "left"),
            ("Right", "right"),
            ("interval", "left"),
            ("Wrong", "right"),
            ("interval", "left"),
            ("Difference", "right"),
            ("interval", "left"),
        ),
        [*bands, ["Signed score", *_cells(scores, score_decimals)]],
        text(
            f"Shapley values{unit} of {correct.n_images} images classified right and "
            f"{wrong.n_images} classified wrong, unfiltered; difference: right less wrong."
        ),
    )


def _interactions(record: InteractionsRecord, unit: str, confidence: str) -> dict[str, object]:
    """Return the matrix, its cells shaded by their size, and the strongest pairs."""
    n_bands = len(record.matrix)
    pairs = [(one, other) for one in range(n_bands) for other in range(one + 1, n_bands)]
    is_told = {pair: _excludes_zero(record.interval[pair[0]][pair[1]]) for pair in pairs}
    strongest = sorted(pairs, key=lambda pair: -abs(record.matrix[pair[0]][pair[1]]))
    return {
        "title": "Bands together",
        "n_bands": n_bands,
        "matrix": _matrix(record, is_told) if n_bands <= MAX_MATRIX_BANDS else None,
        "no_matrix": text(
            f"The matrix of {n_bands} bands is too wide for this page; it is in ",
            ("code", "interactions.csv"),
            ".",
        ),
        "strongest": table(
            "Strongest pairs",
            (("Strongest pairs", "left"), ("Index", "right"), ("interval", "left")),
            [
                [
                    f"{one} and {other}",
                    *_cells(
                        [(record.matrix[one][other], record.interval[one][other])],
                        decimals_for(record.interval[one][other]),
                    ),
                ]
                for one, other in strongest[:N_STRONGEST_PAIRS]
            ],
        ),
        "note": text(
            f"Shapley interaction index{unit}: above 0, two bands are worth more together than "
            f"apart; below 0, one stands in for the other. {sum(is_told.values())} of {len(pairs)} "
            f"intervals exclude 0, shown bold; each at {confidence} by itself, so that some would "
            "by chance."
        ),
    }


def _matrix(
    record: InteractionsRecord, is_told: Mapping[tuple[int, int], bool]
) -> list[list[dict[str, object] | None]]:
    """Return the cells of the matrix row by row, None on its diagonal.

    Each is ``value``, a text; ``shade``, the value over the largest magnitude, -1..1; and
    ``is_told``, whether its interval excludes 0.
    """
    most = max((abs(record.matrix[one][other]) for one, other in is_told), default=0.0) or 1.0
    decimals = column_decimals(record.interval[one][other] for one, other in is_told)
    return [
        [
            None
            if one == other
            else {
                "value": typeset(format_number(value, decimals)),
                "shade": value / most,
                "is_told": is_told[min(one, other), max(one, other)],
            }
            for other, value in enumerate(row)
        ]
        for one, row in enumerate(record.matrix)
    ]


def _classes(classes: tuple[ClassProfile, ...]) -> dict[str, object]:
    """Return the classes by signed score, the highest first."""
    ordered = sorted(classes, key=lambda one: (-one.signed, one.label))
    shown = ordered
    if len(ordered) > MAX_CLASSES:
        shown = [*ordered[: MAX_CLASSES // 2], *ordered[-MAX_CLASSES // 2 :]]
    decimals = column_decimals(one.signed_interval for one in shown)
    left_out: tuple[Run | str, ...] = (
        f": the highest and the lowest of {len(ordered)}; all are in ",
        ("code", "classes.csv"),
    )
    return table(
        "Classes",
        (
            ("Class", "left"),
            ("Images", "right"),
            ("Top-1", "right"),
            ("Signed score", "right"),
            ("interval", "left"),
        ),
        [
            [
                one.name or f"class {one.label}",
                str(one.n_images),
                format_percent(one.top1, 0),
                *_cells([(one.signed, one.signed_interval)], decimals),
            ]
            for one in shown
        ],
        text(
            "Classes with at least five images, by signed score",
            *(left_out if len(ordered) > len(shown) else ()),
            ". With so few images the intervals are wide, and the highest and lowest of many are "
            "so by chance too.",
        ),
    )


def _cells(estimates: Sequence[tuple[float, Interval]], decimals: int) -> list[str]:
    """Return a number and its interval for each estimate."""
    return [
        text
        for value, interval in estimates
        for text in (format_number(value, decimals), format_interval(interval, decimals))
    ]


def _excludes_zero(interval: Interval) -> bool:
    return interval[0] > 0 or interval[1] < 0
