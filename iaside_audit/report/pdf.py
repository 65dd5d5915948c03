"""The report that an auditor hands over: two tagged A4 pages, PDF/A-2a and PDF/UA-1.

Everything that a result holds reaches the template as data, never as markup; the dates are the
result's, so that one result gives the same bytes every time.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import matplotlib as mpl
import typst

from iaside_audit.report.annex import annex
from iaside_audit.report.claims import PREDICTION_CLAIM
from iaside_audit.report.commands import command_lines_of
from iaside_audit.report.documents import report_id
from iaside_audit.report.figures import importance_description, importance_figure, svg_bytes
from iaside_audit.report.files import write_bytes
from iaside_audit.report.sections import (
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

if TYPE_CHECKING:
    from typst import PDFStandard

    from iaside_audit.result import AuditResult

STANDARDS: Final[list[PDFStandard]] = ["a-2a", "ua-1"]
"""Archival with structure, and accessible; the compiler refuses what breaks them."""


def write_pdf(result: AuditResult, path: Path) -> None:
    """Write the report as PDF, whole or not at all.

    Raises
    ------
    ReportError
        If the file cannot be written.
    """
    write_bytes(path, pdf_bytes(result))


def pdf_bytes(result: AuditResult) -> bytes:
    """Return the report as PDF, the same bytes every time for the same result."""
    compiler = typst.Compiler(
        files("iaside_audit.report").joinpath("report.typ").read_bytes(),
        font_paths=figure_fonts(),
        ignore_system_fonts=True,
        sys_inputs={
            "report": json.dumps(legible(report_data(result))),
            "figure": svg_bytes(
                importance_figure(result, has_title=False), importance_description(result)
            ).decode(),
        },
    )
    data = compiler.compile(
        format="pdf", pdf_standards=STANDARDS, timestamp=int(_moment(result).timestamp())
    )
    return cast("bytes", data)


def figure_fonts() -> typst.Fonts:
    """Return the fonts of the figures: matplotlib's copy, with which their text was measured."""
    return typst.Fonts(
        include_system_fonts=False,
        font_paths=[str(Path(mpl.get_data_path()) / "fonts" / "ttf")],
    )


def report_data(result: AuditResult) -> dict[str, object]:
    """Return everything that the template shows, as JSON-ready values."""
    moment = _moment(result)
    unit = value_unit(result)
    return {
        "id": report_id(result),
        "tool": f"{result.tool.name} {result.tool.version}",
        "date": moment.strftime("%Y-%m-%d %H:%M UTC"),
        "moment": [moment.year, moment.month, moment.day, moment.hour, moment.minute],
        "model": base_name(result.model.path),
        "n_images": result.estimator.n_images,
        "headline": score_sentence(result),
        "conclusions": conclusions(result),
        "figure_alt": importance_description(result),
        "confidence": format_percent(result.spec.confidence),
        "unit": f" ({unit})" if unit else "",
        "radius": radius_meaning(result),
        "beta": f"{result.score.beta:g}",
        "bands": [asdict(row) for row in importance_rows(result)],
        "scores": [asdict(row) for row in score_rows(result)],
        "measured": measured_rows(result),
        "measured_note": measured_note(result),
        "annex": annex(result),
        "sections": identity_sections(result),
        "warnings": [[warning.code, warning.message] for warning in result.warnings],
        "claim": PREDICTION_CLAIM,
        "command": command_lines_of(result.spec),
    }


def _moment(result: AuditResult) -> datetime:
    """Return when the result was made, in UTC; a time without a zone is taken as UTC."""
    moment = datetime.fromisoformat(result.created)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def legible(value: object) -> object:
    r"""Return JSON-ready values with what no font draws as an escape such as ``\x1b``."""
    match value:
        case str():
            return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in value)
        case list():
            return [legible(one) for one in value]
        case dict():
            return {key: legible(one) for key, one in value.items()}
        case _:
            return value
