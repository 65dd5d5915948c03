"""Reading a store that may be damaged, and saving what is whole.

A row counts only where its checksum holds; what is lost is computed again. The damaged file is
moved aside, never deleted.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import StoreError
from iaside_audit.result import FailedImage
from iaside_audit.store.header import StoreHeader, header_checksum
from iaside_audit.store.schema import COLUMNS, check_version, readable, row_of

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.rows import ValueRow
    from iaside_audit.store.schema import Record

WAIT_S: Final = 10.0
"""How long a reader waits for a writer's commit, and the other way round."""
SIDE_FILES: Final = ("", "-wal", "-shm")
"""What SQLite keeps beside a database; they move together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAudit:
    """What a store holds.

    Parameters
    ----------
    header : StoreHeader
        What its rows depend on.
    rows : tuple of ValueRow
        The whole ones, by ascending index.
    failures : dict of int to FailedImage
        Images without a row, by index.
    n_damaged : int
        Rows whose checksum does not hold, or that cannot be read.
    is_sound : bool
        Whether SQLite finds its own structure whole.
    """

    header: StoreHeader
    rows: tuple[ValueRow, ...]
    failures: dict[int, FailedImage]
    n_damaged: int
    is_sound: bool


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a database; bytes that are not UTF-8 read as half surrogate pairs, not as errors.

    Reading leaves nothing behind and takes no right to write: a log in which nothing is left to
    come needs no index in a file beside it.
    """
    mode = "rwc"
    if read_only:
        mode = "ro" if _has_log(path) else "ro&immutable=1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=WAIT_S
    )
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")
    return connection


def _has_log(path: Path) -> bool:
    """Say whether a database may hold less than its log, as while somebody writes to it."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except OSError:
        return False


def has_begun(path: Path) -> bool:
    """Say whether there is a store with a header: one that was cut off before holds nothing."""
    if not path.exists():
        return False
    try:
        with closing(_opened(path)) as connection:
            return bool(check_version(connection, name=str(path))) and (
                connection.execute("SELECT count(*) FROM header").fetchone() != (0,)
            )
    except (StoreError, sqlite3.DatabaseError):
        return True  # and it is damaged, or another's: whoever reads it says so


def read_header(path: Path) -> StoreHeader:
    """Return the header of a store, without a look at its rows.

    Raises
    ------
    StoreError
        If it cannot be read, is damaged, or is of another program or a newer version.
    """
    with closing(_opened(path)) as connection:
        return _header(connection, path)


def read_store(path: Path) -> StoredAudit:
    """Read everything that is whole in a store; nothing is changed.

    Raises
    ------
    StoreError
        If its header cannot be read or is damaged, or it is of another program or newer version.
    """
    with closing(_opened(path)) as connection:
        header = _header(connection, path)
        try:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError:
            verdict = "damaged"
        n_images = int(header.data.get("n_images", 0))
        records, n_unreadable = _records(connection, n_images)
        rows = [row_of(record) for record in records]
        whole = [row for row in rows if row is not None]
        failures: dict[int, FailedImage] = {}
        with suppress(sqlite3.DatabaseError):
            failures = {
                position: FailedImage(path=readable(name), reason=reason)
                for position, name, reason in connection.execute(
                    "SELECT position, path, reason FROM failures ORDER BY position"
                )
            }
        return StoredAudit(
            header=header,
            rows=tuple(whole),
            failures=failures,
            n_damaged=n_unreadable + len(rows) - len(whole),
            is_sound=verdict == "ok",
        )


def set_aside(path: Path, word: str = "") -> Path:
    """Move a store away under the next free name, ``values.N.sqlite``, and return that.

    Raises
    ------
    StoreError
        If it cannot be moved.
    """
    number = 1
    while (target := path.with_suffix(f".{word}{number}{path.suffix}")).exists():
        number += 1
    try:
        for suffix in reversed(SIDE_FILES):
            source = path.with_name(path.name + suffix)
            if source.exists():
                source.rename(target.with_name(target.name + suffix))
    except OSError as error:
        raise StoreError(
            f"Expected to move '{path}' aside, found: {error.strerror or error}. "
            "Choose another --out.",
            path=str(path),
        ) from error
    return target


def _opened(path: Path) -> sqlite3.Connection:
    """Open an existing store to read it."""
    if not path.is_file():
        raise StoreError(
            f"Expected a store of value rows, found no file at '{path}'. "
            "Put it beside the result under that name, or run the audit again.",
            path=str(path),
        )
    connection = connect(path, read_only=True)
    try:
        check_version(connection, name=str(path))
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN:
            raise StoreError(
                f"Expected to read '{path}', found: {error}. Check its permissions.",
                path=str(path),
                found=str(error),
            ) from error
        raise _unreadable(path, str(error)) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _header(connection: sqlite3.Connection, path: Path) -> StoreHeader:
    try:
        text, checksum = connection.execute("SELECT value, checksum FROM header").fetchone()
        if checksum != header_checksum(text):
            raise _unreadable(path, "a checksum that does not hold")
        return StoreHeader.from_json(text)
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, str(error)) from error
    except (TypeError, ValueError, KeyError) as error:
        raise _unreadable(path, "no header") from error


def _records(connection: sqlite3.Connection, n_images: int) -> tuple[list[Record], int]:
    """Return the records that SQLite can read, and how many it cannot."""
    try:
        query = f"SELECT {COLUMNS} FROM images ORDER BY position"  # noqa: S608 - a constant
        return connection.execute(query).fetchall(), 0
    except sqlite3.DatabaseError:
        pass
    records: list[Record] = []
    n_unreadable = 0
    query = f"SELECT {COLUMNS} FROM images WHERE position = ?"  # noqa: S608 - a constant
    for position in range(n_images):
        try:
            record = connection.execute(query, (position,)).fetchone()
        except sqlite3.DatabaseError:
            n_unreadable += 1
            continue
        if record is not None:
            records.append(record)
    return records, n_unreadable


def _unreadable(path: Path, found: str) -> StoreError:
    return StoreError(
        f"Expected a store of value rows in '{path}', found it damaged beyond use: {found}. "
        "Take an unchanged copy, or start the audit again with --no-resume, which moves it aside.",
        path=str(path),
        found=found,
    )
