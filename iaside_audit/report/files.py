"""Files written whole or not at all, and their folders."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RESULT_NAME: Final = "result.json"
"""The result's name in the output folder of an audit."""

STUDY_NAME: Final = "study.json"
"""The same of a study."""

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_MISSING: Final = (errno.ENOENT, errno.ENOTDIR)


def refuse_newer(version: object, *, newest: int, kind: str, path: Path | str) -> None:
    """Refuse a document of a later version of this program.

    Parameters
    ----------
    version : object
        Its ``schema_version``; what is no number is left to its reader.
    newest : int
        The last version that is known.
    kind : str
        What the document is.
    path : Path or str
        Where it is from.

    Raises
    ------
    ReportError
        If the version is later.
    """
    if isinstance(version, int) and version > newest:
        raise ReportError(
            f"Expected {kind} of schema version {newest}, found {version} in {str(path)!r}. "
            "Update this program to read it.",
            path=str(path),
            expected=str(newest),
            found=str(version),
        )


def write_bytes(path: Path, data: bytes, *, again: str = "") -> None:
    """Write a file whole, or leave what was there.

    The bytes go to a temporary sibling, reach the disk, and then take the name of `path` in one
    step; after a failure the sibling is gone and an older file is untouched.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    data : bytes
        Everything it will hold.
    again : str
        How to repeat this once there is space; how to write a report, unless given.

    Raises
    ------
    ReportError
        Naming the file, the reason and the next step.
    """
    sibling = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with sibling.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # some file systems notice a full disk only here
        sibling.replace(path)
    except OSError as error:
        again = again or f"run `iaside-audit report RESULT --out {path}` again"
        raise ReportError(
            f"Expected to write {str(path)!r}, found: {error.strerror or error}. "
            f"{_next_step(error.errno, again)}",
            path=str(path),
            expected="a file that can be written",
            found=error.strerror or str(error),
        ) from error
    finally:
        with contextlib.suppress(OSError):
            sibling.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, whole or not at all; see :func:`write_bytes`."""
    write_bytes(path, text.encode())


def make_folder(folder: Path) -> Path:
    """Make a folder, and those above it, where it is missing; return it.

    Raises
    ------
    ReportError
        Naming the folder, the reason and the next step.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(
            f"Expected to make the folder {str(folder)!r}, found: {error.strerror or error}. "
            "Choose another output folder.",
            path=str(folder),
            found=error.strerror or str(error),
        ) from error
    return folder


def json_text(document: Mapping[str, Any]) -> str:  # Any: JSON
    """Return a document as an indented JSON file; numbers that are not finite are null."""
    from iaside_audit.comparison import finite  # noqa: PLC0415 - who writes bytes needs no numpy

    return json.dumps(finite(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table as CSV (RFC 4180)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _next_step(code: int | None, again: str) -> str:
    """Return the sentence that says what to do after an error of the operating system."""
    if code in _FULL:
        return f"Free some space and {again}."
    if code in _FORBIDDEN:
        return "Choose a place where you may write."
    if code in _MISSING:
        return "Create the folder first, or choose another one."
    return "Choose another place."
