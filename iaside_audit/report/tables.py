"""The bands as a table for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from iaside_audit.report.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult

COLUMNS: Final = (
    "index",
    "low",
    "high",
    "shapley",
    "standard_error",
    "shapley_low",
    "shapley_high",
    "importance",
    "importance_standard_error",
    "importance_low",
    "importance_high",
    "at_boundary",
)
"""`low` and `high` are edges in rho; Shapley values are in the unit of the value function."""


def importance_csv(result: AuditResult) -> str:
    r"""Return the bands as CSV (RFC 4180), a header and a line for each band.

    Numbers are written so that they read back exactly, those that are not defined as ``nan``,
    claims as ``true`` and ``false``; lines end in ``\r\n``.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for band in result.bands:
        writer.writerow(
            (
                band.index,
                band.low,
                band.high,
                band.shapley,
                band.standard_error,
                *band.interval,
                band.importance,
                band.importance_standard_error,
                *band.importance_interval,
                str(band.at_boundary).lower(),
            )
        )
    return text.getvalue()


def write_csv(result: AuditResult, path: Path) -> None:
    """Write the bands as CSV; see :func:`importance_csv`.

    Raises
    ------
    ReportError
        If the file cannot be written.
    """
    write_text(path, importance_csv(result))
