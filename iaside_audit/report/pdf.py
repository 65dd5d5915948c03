"""The report that an auditor hands over: two tagged A4 pages, PDF/A-2a and PDF/UA-1.

Everything that a result holds reaches the template as data, never as markup; the dates are the
result's, so that one result gives the same bytes every time.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import matplotlib as mpl
import typst

from iaside_audit.report.content import report_content, result_moment
from iaside_audit.report.figures import importance_description, importance_figure, svg_bytes
from iaside_audit.report.files import write_bytes

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
            "report": json.dumps(report_content(result)),
            "figure": svg_bytes(
                importance_figure(result, has_title=False), importance_description(result)
            ).decode(),
        },
    )
    data = compiler.compile(
        format="pdf",
        pdf_standards=STANDARDS,
        timestamp=int(result_moment(result).timestamp()),
    )
    return cast("bytes", data)


def figure_fonts() -> typst.Fonts:
    """Return the fonts of the figures: matplotlib's copy, with which their text was measured."""
    return typst.Fonts(
        include_system_fonts=False,
        font_paths=[str(Path(mpl.get_data_path()) / "fonts" / "ttf")],
    )
