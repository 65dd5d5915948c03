"""The tables of ``values.sqlite``, their versions, and how a row becomes a record and back.

Every record carries a checksum of its own: SQLite notices a damaged page of its tree, but not a
flipped bit inside a value.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.errors import StoreError
from iaside_audit.rows import ValueRow

if TYPE_CHECKING:
    import sqlite3

APPLICATION_ID: Final = 0x49415349
"""``IASI``; says in the file's first bytes whose database this is."""

MIGRATIONS: Final = (
    """
    CREATE TABLE header (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        value TEXT NOT NULL,
        checksum INTEGER NOT NULL
    );
    CREATE TABLE images (
        position INTEGER PRIMARY KEY,
        image_id TEXT NOT NULL,
        path TEXT NOT NULL,
        label INTEGER NOT NULL,
        prediction INTEGER NOT NULL,
        coalitions BLOB NOT NULL,
        log_p BLOB NOT NULL,
        best_other BLOB NOT NULL,
        n_floored INTEGER NOT NULL,
        worker INTEGER NOT NULL,
        elapsed_s REAL NOT NULL,
        created REAL NOT NULL,
        checksum INTEGER NOT NULL
    );
    CREATE TABLE failures (
        position INTEGER PRIMARY KEY,
        path TEXT NOT NULL,
        reason TEXT NOT NULL
    );
    """,
)
"""Statement sets that bring a store from version k to k + 1; the first makes an empty one."""

SCHEMA_VERSION: Final = len(MIGRATIONS)

COLUMNS: Final = (
    "position, image_id, path, label, prediction, coalitions, log_p, best_other, n_floored, worker,"
    " elapsed_s, created, checksum"
)
INSERT: Final = f"INSERT OR REPLACE INTO images ({COLUMNS}) VALUES ({', '.join('?' * 13)})"  # noqa: S608 - constants
INSERT_FAILURE: Final = "INSERT OR REPLACE INTO failures (position, path, reason) VALUES (?, ?, ?)"

Record = tuple[Any, ...]  # Any: what SQLite holds


def migrate(connection: sqlite3.Connection, *, name: str) -> None:
    """Bring a store to the present version, in one transaction a step.

    Raises
    ------
    StoreError
        If it was made by a newer version of the program, or by another program.
    """
    version = check_version(connection, name=name)
    for number in range(version, SCHEMA_VERSION):
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[number]}"
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number + 1}; COMMIT;"
        )


def check_version(connection: sqlite3.Connection, *, name: str) -> int:
    """Return the version of a store that this program can read; 0 for an empty file.

    Raises
    ------
    StoreError
        If it was made by a newer version of the program, or by another program.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (n_tables or version):
        raise StoreError(
            f"Expected a store of value rows in '{name}', found a database of another program. "
            "Choose another --out.",
            path=name,
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"Expected a store of version {SCHEMA_VERSION} or older in '{name}', found version "
            f"{version}. Update this program to go on with it.",
            path=name,
            expected=str(SCHEMA_VERSION),
            found=str(version),
        )
    return int(version)


def record_of(row: ValueRow, *, created: float) -> Record:
    """Return what the table holds of a row; `created` is in seconds since 1970."""
    values = (
        row.index,
        row.image_id,
        storable(row.path),
        row.label,
        row.prediction,
        row.coalitions.astype("<u4").tobytes(),
        row.log_p.astype("<f4").tobytes(),
        row.best_other.astype("<f4").tobytes(),
        row.n_floored,
        row.worker,
        row.elapsed_s,
        created,
    )
    return (*values, _checksum(values))


def row_of(record: Record) -> ValueRow | None:
    """Return the row of a record; None where the record is damaged."""
    try:
        if record[-1] != _checksum(record[:-1]):
            return None
        return ValueRow(
            index=record[0],
            image_id=record[1],
            path=readable(record[2]),
            label=record[3],
            prediction=record[4],
            coalitions=np.frombuffer(record[5], dtype="<u4"),
            log_p=np.frombuffer(record[6], dtype="<f4"),
            best_other=np.frombuffer(record[7], dtype="<f4"),
            n_floored=record[8],
            worker=record[9],
            elapsed_s=record[10],
        )
    except (TypeError, ValueError, AttributeError):  # a flipped type tag: text where bytes were
        return None


def storable(text: str) -> str | bytes:
    """Return a file name as SQLite can hold it: text, or bytes where it is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape")
    return text


def readable(value: str | bytes) -> str:
    """Return the file name of :func:`storable`'s value."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value


def _checksum(values: Record) -> int:
    """Return the CRC-32 of a record's values, each with its type."""
    checksum = 0
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode()
        checksum = zlib.crc32(data, zlib.crc32(type(value).__name__.encode(), checksum))
    return checksum
