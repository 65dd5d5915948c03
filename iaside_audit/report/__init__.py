"""What a result becomes: JSON, CSV, figures, PDF, HTML, and the words that describe it.

============================  =====================================================================
``documents``                 ``result.json``, written and read back, checked by its JSON Schema
``tables``                    the bands as CSV
``figures``                   importance and Shapley values as SVG or PNG
``pdf``, ``report.typ``       the report that an auditor hands over
``html``                      the same as one page, by ``report.html.jinja`` and ``report.css``
``sections``                  its conclusions, identity and provenance
``measurement_figures``       heat map, pass bands, attack; ``measurement_outputs`` their numbers
``findings``                  measurements and predictions read back from their JSON
``common_axis``               an audit and its measurements on one frequency axis
``study_outputs``             a study as JSON, CSV, figures and PDF, with ``study_words``,
                              ``study_figures``, ``study_pdf`` and ``study.typ``
``study_documents``           a study read back, for plots of it
``summary``                   sentences and digits shared with the command line
``verification``              the checks of a result, as words and as JSON
``commands``                  the command that repeats an audit
``outputs``                   one report by its suffix, or the output folder of an audit
``schemas``                   the JSON Schemas of all documents
``files``                     files written whole or not at all
============================  =====================================================================

The names below are imported when first used, as those of :mod:`iaside_audit` are: who only formats
numbers pays for no reader of results, and nobody loads matplotlib, typst or jinja2.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iaside_audit.report.commands import command_line_of, command_lines_of
    from iaside_audit.report.documents import load_result, report_id, write_result
    from iaside_audit.report.files import RESULT_NAME, write_bytes, write_text
    from iaside_audit.report.outputs import write_beside, write_output_folder, write_report
    from iaside_audit.report.schemas import document_faults, document_schema, result_schema
    from iaside_audit.report.summary import (
        ImportanceRow,
        ScoreRow,
        format_duration,
        format_estimate,
        format_interval,
        format_number,
        format_percent,
        format_size,
        importance_rows,
        null_sentence,
        rough_duration,
        score_rows,
        score_sentence,
    )
    from iaside_audit.report.tables import importance_csv, write_csv

_HOMES = {
    "iaside_audit.report.commands": (
        "command_line_of",
        "command_lines_of",
    ),
    "iaside_audit.report.documents": (
        "load_result",
        "report_id",
        "write_result",
    ),
    "iaside_audit.report.files": (
        "RESULT_NAME",
        "write_bytes",
        "write_text",
    ),
    "iaside_audit.report.outputs": (
        "write_beside",
        "write_output_folder",
        "write_report",
    ),
    "iaside_audit.report.schemas": (
        "document_faults",
        "document_schema",
        "result_schema",
    ),
    "iaside_audit.report.summary": (
        "ImportanceRow",
        "ScoreRow",
        "format_duration",
        "format_estimate",
        "format_interval",
        "format_number",
        "format_percent",
        "format_size",
        "importance_rows",
        "null_sentence",
        "rough_duration",
        "score_rows",
        "score_sentence",
    ),
    "iaside_audit.report.tables": (
        "importance_csv",
        "write_csv",
    ),
}

__all__ = [
    "RESULT_NAME",
    "ImportanceRow",
    "ScoreRow",
    "command_line_of",
    "command_lines_of",
    "document_faults",
    "document_schema",
    "format_duration",
    "format_estimate",
    "format_interval",
    "format_number",
    "format_percent",
    "format_size",
    "importance_csv",
    "importance_rows",
    "load_result",
    "null_sentence",
    "report_id",
    "result_schema",
    "rough_duration",
    "score_rows",
    "score_sentence",
    "write_beside",
    "write_bytes",
    "write_csv",
    "write_output_folder",
    "write_report",
    "write_result",
    "write_text",
]


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
