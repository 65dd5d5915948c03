"""CSV and TSV files: the rows ``path,label`` of a data set, and the cells of any table."""

from __future__ import annotations

import csv
import io
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import SpecError
from iaside_audit.paths import check_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TABLE_SUFFIXES: Final = (".csv", ".tsv")

MAX_BYTES: Final = 256 << 20
"""Three million rows; what is called ``labels.csv`` beside images may be anything."""

_SHOWN_FAULTS: Final = 3
"""How many faults a message lists; a wrong column would otherwise list every line."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of a data set's table; `label` is None where the table has no such column."""

    path: str
    label: str | None
    line: int


def read_table(path: Path) -> tuple[TableRow, ...]:
    """Read the rows ``path,label`` of a data set, in the order of the file.

    The columns are found by a header that names ``path`` (and ``label``; others are ignored), else
    the first column is the path and the second the label. Paths are normalised to ``/`` and
    without ``.`` and ``..`` where these can be resolved.

    Raises
    ------
    SpecError
        If the file cannot be read as a table, holds no row, or holds an empty or a repeated path;
        the first faults are listed with their lines.
    """
    cells = read_cells(path)
    header = [name.strip().casefold() for name in cells[0][1]] if cells else []
    if "path" in header:
        cells = cells[1:]
        path_column = header.index("path")
        label_column = header.index("label") if "label" in header else None
    else:
        path_column, label_column = 0, 1 if len(header) > 1 else None
    n_columns = max(path_column, label_column or 0) + 1
    rows: list[TableRow] = []
    first_lines: dict[str, int] = {}
    faults: list[str] = []
    for line, row in cells:
        if len(row) < n_columns or not row[path_column].strip():
            faults.append(f"line {line} has no path or no label")
            continue
        text = posixpath.normpath(row[path_column].strip().replace("\\", "/"))
        if text in first_lines:
            faults.append(f"line {line} repeats {text!r} of line {first_lines[text]}")
            continue
        first_lines[text] = line
        label = None if label_column is None else row[label_column].strip()
        rows.append(TableRow(text, label, line))
    if not rows and not faults:
        faults.append("no row at all")
    if faults:
        found = enumerate_few(faults)
        raise SpecError(
            f"Expected each image once as a row path,label in '{path}', found {found}. "
            "Mend the file, or choose other labels with --labels.",
            path=str(path),
            expected="path,label",
            found=found,
        )
    return tuple(rows)


def read_cells(path: Path) -> list[tuple[int, list[str]]]:
    """Read the cells of a CSV or TSV file, with line numbers; blank lines are skipped.

    The delimiter is the tab in ``.tsv``, else whichever of comma, semicolon and tab is most
    frequent in the first line.

    Raises
    ------
    SpecError
        If the file cannot be read as UTF-8 text or its quotes do not match.
    """
    text = read_text(path)
    first_line = text.partition("\n")[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise SpecError(
            f"Expected a table of comma- or tab-separated text in '{path}', found a fault in line "
            f"{reader.line_num} ({error}).",
            path=str(path),
        ) from error


def read_text(path: Path) -> str:
    """Read UTF-8 text, with or without a byte-order mark.

    Raises
    ------
    SpecError
        If there is no such file, it is larger than :data:`MAX_BYTES`, or it is not UTF-8.
    """
    check_path(path, to="a text file")
    try:
        with path.open("rb") as file:  # of a device or a pipe, no size is known before
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise SpecError(
                f"Expected a text file of at most {MAX_BYTES:,} bytes at '{path}', found more. "
                "Leave out what is no label.",
                path=str(path),
            )
        return data.decode("utf-8-sig")
    except OSError as error:
        raise SpecError(
            f"Expected a text file at '{path}', found none that can be read ({error.strerror}). "
            "Check the path.",
            path=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError(
            f"Expected UTF-8 text in '{path}', found other bytes at offset {error.start}. "
            "Save the file as UTF-8.",
            path=str(path),
            expected="UTF-8",
        ) from error


def enumerate_few(faults: Sequence[str]) -> str:
    """Join the first faults, and count the rest.

    Examples
    --------
    >>> enumerate_few(["a", "b", "c", "d", "e"])
    'a; b; c; and 2 more'
    """
    shown = [*faults[:_SHOWN_FAULTS]]
    if len(faults) > _SHOWN_FAULTS:
        shown.append(f"and {len(faults) - _SHOWN_FAULTS} more")
    return "; ".join(shown)
