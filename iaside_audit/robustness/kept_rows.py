"""The rows of a measurement on disk, one commit each: what was killed goes on where it was."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from iaside_audit.errors import SpecError, StoreError
from iaside_audit.robustness.rows import MeasuredRows
from iaside_audit.store import difference_list, set_aside, unwritable
from iaside_audit.store.lock import StoreLock
from iaside_audit.store.repair import connect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iaside_audit.robustness.requests import Request
    from iaside_audit.robustness.rows import MeasuredRow

    Json = Mapping[str, Any]  # Any: JSON

HEADER_TABLE: Final = "header (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT)"
ROWS_TABLE: Final = (
    "rows (image_id TEXT, path TEXT, arrays BLOB, checksum INTEGER, PRIMARY KEY (image_id, path))"
)
FILE_NAMES: Final = {"ready-made": "corruption"}
"""Kinds that share a document share a file too; the others have that of their own name."""


class Keeper(Protocol):
    """Something that keeps the rows of one measurement."""

    def begin(self, header: Json) -> list[MeasuredRow]:
        """Return the rows that are there already; `header` is all that decides them."""

    def put(self, row: MeasuredRow) -> None:
        """Keep one more row; it is safe when this returns."""

    def close(self) -> None:
        """Let go of what holds the rows."""


class KeptRows:
    """Rows in an SQLite file.

    Parameters
    ----------
    path : Path
        Of the file; made where it is missing, its folder must exist.
    starts_anew : bool
        Whether rows of other settings are thrown away; else they are refused.
    """

    def __init__(self, path: Path, *, starts_anew: bool = False) -> None:
        self._path = path
        self._starts_anew = starts_anew
        self._lock: StoreLock | None = None
        self._connection: sqlite3.Connection | None = None
        self._n_rows = 0

    def begin(self, header: Json) -> list[MeasuredRow]:
        """Return the rows that are there already.

        A file that is damaged is moved aside, and its rows are measured again.

        Raises
        ------
        SpecError
            If they are of another measurement; every difference is named.
        StoreError
            If the file cannot be read or written, or another process writes to it.
        """
        self._lock = StoreLock(self._path)
        now: dict[str, Any] = json.loads(json.dumps(header))  # as it is read back; Any: JSON
        try:
            try:
                rows = self._opened(now)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                self._close_connection()
                set_aside(self._path, "damaged-")
                rows = self._opened(now)
        except sqlite3.Error as error:
            self.close()
            raise unwritable(self._path, error) from error
        except BaseException:
            self.close()
            raise
        return rows

    def put(self, row: MeasuredRow) -> None:
        """Keep one more row; it is on disk when this returns.

        Raises
        ------
        StoreError
            If it cannot be written; the rows before it are kept.
        """
        if self._connection is None:
            raise StoreError("Expected rows after the header, found none begun.")
        file = io.BytesIO()
        values: dict[str, Any] = MeasuredRows.stack([row]).to_arrays()
        np.savez(file, **values)  # Any: numpy types a flag among the arrays
        data = file.getvalue()
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
                (row.image_id, _storable(row.path), data, zlib.crc32(data)),
            )
        except sqlite3.Error as error:
            raise unwritable(self._path, error) from error
        self._n_rows += 1

    def close(self) -> None:
        """Leave one file behind, none where no row was kept, and let others write."""
        is_empty = self._connection is not None and not self._n_rows
        self._close_connection()
        if is_empty:
            with suppress(OSError):
                self._path.unlink()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def remove(self) -> None:
        """Close, and delete the file: its rows are kept elsewhere now."""
        self.close()
        self._path.unlink(missing_ok=True)

    def _opened(self, header: dict[str, Any]) -> list[MeasuredRow]:  # Any: JSON
        self._connection = connect(self._path)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        for table in (HEADER_TABLE, ROWS_TABLE):
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
        found = self._connection.execute("SELECT json FROM header").fetchone()
        (self._n_rows,) = self._connection.execute("SELECT count(*) FROM rows").fetchone()
        differences = []
        if found is not None and self._n_rows:
            differences = difference_list(json.loads(found[0]), header)
        if differences and not self._starts_anew:
            raise SpecError(
                f"Expected the rows of the same measurement in '{self._path}', found those of "
                f"another: {'; '.join(differences)}. Choose another --out, or --no-resume to start "
                "again there (the old rows are moved aside).",
                path=str(self._path),
                found="; ".join(differences),
            )
        if differences:
            self._connection.execute("DELETE FROM rows")
            self._n_rows = 0
        self._connection.execute(
            "INSERT OR REPLACE INTO header VALUES (1, ?)", (json.dumps(header),)
        )
        records = self._connection.execute("SELECT arrays, checksum FROM rows").fetchall()
        return [row for data, checksum in records for row in _rows_of(data, checksum)]

    def _close_connection(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):  # a full disk: the log stays beside the file
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
            self._connection = None


def keeper_in(out: Path, request: Request, *, resume: bool) -> KeptRows:
    """Return what keeps the rows of a measurement in its output folder.

    Parameters
    ----------
    out : Path
        The folder, which must exist.
    request : Request
        What is measured.
    resume : bool
        Whether rows that are there are used again; else they are moved aside.

    Raises
    ------
    StoreError
        If they cannot be moved.
    """
    path = out / f"{FILE_NAMES.get(request.kind, request.kind)}.sqlite"
    if not resume and path.exists():
        set_aside(path)
    return KeptRows(path)


def _rows_of(data: bytes, checksum: int) -> list[MeasuredRow]:
    """Return the row that a record holds, or none where it is damaged."""
    if zlib.crc32(data) != checksum:
        return []
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return MeasuredRows.from_arrays(dict(file)).rows()
    except (ValueError, KeyError, zipfile.BadZipFile):
        return []


def _storable(path: str) -> str:
    """Return a path without half surrogate pairs, which SQLite does not take."""
    return path.encode(errors="backslashreplace").decode()
