"""What a written report says: every template shows this, all of it and no more.

Everything is data, never markup, and the dates are the result's: one result always says the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from iaside_audit.report.annex import annex
from iaside_audit.report.claims import PREDICTION_CLAIM
from iaside_audit.report.commands import command_lines_of
from iaside_audit.report.documents import report_id
from iaside_audit.report.figures import importance_description
from iaside_audit.report.files import RESULT_NAME
from iaside_audit.report.sections import (
    Row,
    conclusions,
    identity_sections,
    measured_note,
    measured_rows,
)
from iaside_audit.report.summary import (
    base_name,
    format_percent,
    importance_rows,
    radius_meaning,
    score_rows,
    score_sentence,
    value_unit,
)
from iaside_audit.report.typesetting import legible, table, text, typeset

if TYPE_CHECKING:
    from iaside_audit.report.typesetting import Run
    from iaside_audit.result import AuditResult

TITLE: Final = "Spectral robustness audit"

_RHO: Final = "\N{GREEK SMALL LETTER RHO}"
_BETA: Final = "\N{GREEK SMALL LETTER BETA}"
_SIGN_OFF: Final = tuple(
    (f"{done} by: name and role", "Date", "Signature") for done in ("Prepared", "Reviewed")
)


def report_content(result: AuditResult) -> dict[str, object]:
    """Return everything that a template shows, as JSON-ready values that any font draws."""
    moment = result_moment(result)
    identity = report_id(result)
    model = base_name(result.model.path)
    content: dict[str, object] = {
        "id": identity,
        "stamp": text("Report ", ("code", identity)),
        "standing": "Indicative, not authoritative",
        "title": TITLE,
        "subject": f"{TITLE} of {model}",
        "tool": f"{result.tool.name} {result.tool.version}",
        "date": moment.strftime("%Y-%m-%d %H:%M UTC"),
        "moment": [moment.year, moment.month, moment.day, moment.hour, moment.minute],
        "model": model,
        "headline": typeset(score_sentence(result)),
        "conclusions": [typeset(paragraph) for paragraph in conclusions(result)],
        "figure_alt": typeset(importance_description(result)),
        "bands": _bands(result),
        "scores": _scores(result),
        "values": table(
            "Values",
            (("Value", "left"), ("Mean", "right"), ("interval", "left")),
            measured_rows(result),
            text(measured_note(result)),
        ),
        "identity": {
            "title": "Identity and provenance",
            "sections": [
                {"title": title, "rows": _facts(rows)} for title, rows in identity_sections(result)
            ],
        },
        "warnings": {
            "title": "Warnings",
            "rows": _facts([(warning.code, warning.message) for warning in result.warnings]),
            "none": "None.",
        },
        "limits": {"title": "Limits", "words": _limits()},
        "repeat": {
            "title": "How to repeat and check it",
            "lines": command_lines_of(result.spec),
            "note": text(
                f"With {result.tool.name} {result.tool.version} on the same kind of device, all "
                "but date and runtime comes out the same. The number of this report begins the "
                "SHA-256 of its ",
                ("code", RESULT_NAME),
                ", which ",
                ("code", "iaside-audit verify"),
                " holds against its rows, the model and the images.",
            ),
        },
        "sign_off": {"title": "Sign-off", "lines": _SIGN_OFF},
        "annex": annex(result),
    }
    return cast("dict[str, object]", legible(content))


def result_moment(result: AuditResult) -> datetime:
    """Return when the result was made, in UTC; a time without a zone is taken as UTC."""
    moment = datetime.fromisoformat(result.created)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bands(result: AuditResult) -> dict[str, object]:
    rows = importance_rows(result)
    unit = value_unit(result)
    boundary = (
        " * the lowest band, or not told from it: its importance is 0 by construction, its "
        "interval one-sided."
    )
    return table(
        "Bands",
        (
            ("Band", "center"),
            (f"Edges, {_RHO}", "left"),
            ("Shapley", "right"),
            ("interval", "left"),
            ("Importance", "right"),
            ("interval", "left"),
        ),
        [
            (
                row.band,
                row.edges,
                row.shapley,
                row.shapley_interval,
                f"{row.importance}\N{NO-BREAK SPACE}*" if row.at_boundary else row.importance,
                row.importance_interval,
            )
            for row in rows
        ],
        text(
            f"Intervals are at {format_percent(result.spec.confidence)}. Shapley values"
            f"{f' ({unit})' if unit else ''} share out the difference that all bands make; "
            f"{_RHO}: {radius_meaning(result)}."
            f"{boundary if any(row.at_boundary for row in rows) else ''}"
        ),
    )


def _scores(result: AuditResult) -> dict[str, object]:
    return table(
        "Scores",
        (("Score", "left"), ("Value", "right"), ("interval", "left"), ("random", "left")),
        [(row.name, row.value, row.interval, row.random) for row in score_rows(result)],
        text(
            ("emph", "random"),
            ": from the 5 % to the 95 % quantile of random profiles. ",
            ("emph", "paper"),
            ": as published, without the sign. ",
            ("emph", "anchored"),
            ": 1 when all importance is in band 0; compare it only at the same bands and "
            f"{_BETA} = {result.score.beta:g}.",
        ),
    )


def _limits() -> list[Run]:
    return text(
        "This report is indicative, not authoritative: one input to an assessment, never its only "
        "basis. It holds for the model, the images and the protocol named above. ",
        ("strong", "Not measured"),
        ": adversarial robustness and deliberate attack; accuracy under corruption, weather, "
        "compression or geometric change; behaviour on other data; fairness between groups; "
        "calibration; how the numbers depend on the bands, the baseline and the other choices of "
        f"the protocol. {PREDICTION_CLAIM}",
    )


def _facts(rows: list[Row]) -> list[tuple[str, list[Run]]]:
    """Return labels with their texts."""
    return [(label, text(fact)) for label, fact in rows]
