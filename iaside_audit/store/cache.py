"""Rows by what decides them, across audits.

A second audit of the same model and images, with other statistics or more images, finds its rows
here and puts nothing through the model. The cache only ever saves time: where it cannot be read or
written, an audit goes on without it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.errors import StoreError
from iaside_audit.store.repair import SIDE_FILES, connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from iaside_audit.rows import ValueRow

CACHE_NAME: Final = "rows.sqlite"
CACHE_VERSION: Final = 1
DEFAULT_CACHE_BYTES: Final = 2 << 30
"""Rows used longest ago go first when the cache outgrows this: 600,000 exact rows of 8 bands."""
DAY_S: Final = 86_400.0
PRUNE_TO: Final = 0.8
"""Of the limit; so that not every audit prunes."""

_TABLES: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS subjects (
    subject TEXT PRIMARY KEY, model TEXT NOT NULL, provider TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS rows (
    subject TEXT NOT NULL, image TEXT NOT NULL, label INTEGER NOT NULL,
    prediction INTEGER NOT NULL, codes BLOB NOT NULL, log_p BLOB NOT NULL,
    best_other BLOB NOT NULL, n_floored INTEGER NOT NULL, used REAL NOT NULL,
    checksum INTEGER NOT NULL, PRIMARY KEY (subject, image)
);
CREATE INDEX IF NOT EXISTS rows_used ON rows (used);
PRAGMA user_version = {CACHE_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """What the cache holds for one model on one provider."""

    model: str
    provider: str
    n_rows: int
    size_bytes: int
    last_used: float


def default_cache_path() -> Path:
    """Return where the rows of this user are kept."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - start-up time

    return user_cache_path("iaside-audit", appauthor=False) / CACHE_NAME


class RowCache:
    """The cached rows of one subject: everything that decides a row, besides its image.

    Parameters
    ----------
    path : Path
        Of the cache's file; made where it is missing.
    facts : dict
        Model identity, preprocessing, bands, baseline and the rest, as JSON values.
    model, provider : str
        For people who look at the cache.

    Raises
    ------
    StoreError
        If the file cannot be used.
    """

    def __init__(self, path: Path, facts: dict[str, Any], *, model: str, provider: str) -> None:
        # Any: JSON values
        text = json.dumps(facts, sort_keys=True)
        self._subject = hashlib.sha256(text.encode()).hexdigest()
        self._connection = _open(path)
        self._path = path
        with self._guarded():
            self._connection.execute(
                "INSERT OR IGNORE INTO subjects VALUES (?, ?, ?, ?)",
                (self._subject, model, provider, text),
            )

    def find(self, image: str, codes: NDArray[np.uint32]) -> dict[str, Any] | None:
        """Return what is known of an image under all of `codes`, in their order.

        Parameters
        ----------
        image : str
            Its identity, with everything about it that decides its row.
        codes : (P,) uint32
            The coalitions wanted.

        Returns
        -------
        dict or None
            Label, prediction, log_p and best_other (P,) float32, n_floored; None where some
            coalition is not known, or the record is damaged.
        """
        with self._guarded():
            record = self._connection.execute(
                "SELECT label, prediction, codes, log_p, best_other, n_floored, checksum FROM rows "
                "WHERE subject = ? AND image = ?",
                (self._subject, image),
            ).fetchone()
        if record is None or record[-1] != _checksum(record[:-1]):
            return None
        known = np.frombuffer(record[2], dtype="<u4")
        places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        if not np.array_equal(known[places], codes):
            return None
        if record[5] and len(known) != len(codes):  # floored among these, or among the others?
            return None
        return {
            "label": record[0],
            "prediction": record[1],
            "log_p": np.frombuffer(record[3], dtype="<f4")[places],
            "best_other": np.frombuffer(record[4], dtype="<f4")[places],
            "n_floored": record[5],
        }

    def keep(self, rows: Sequence[tuple[str, ValueRow]]) -> None:
        """Keep rows, each with its image's identity; a row with fewer coalitions gives way."""
        records = [_record(self._subject, image, row) for image, row in rows]
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (subject, image) DO UPDATE SET label = excluded.label, "
                "prediction = excluded.prediction, codes = excluded.codes, "
                "log_p = excluded.log_p, best_other = excluded.best_other, "
                "n_floored = excluded.n_floored, used = excluded.used, "
                "checksum = excluded.checksum WHERE length(excluded.codes) >= length(codes)",
                records,
            )
            self._connection.execute("COMMIT")

    def touch(self, images: Sequence[str]) -> None:
        """Note that rows were used, so that they are not the first to go."""
        now = time.time()
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "UPDATE rows SET used = ? WHERE subject = ? AND image = ?",
                ((now, self._subject, image) for image in images),
            )
            self._connection.execute("COMMIT")

    def close(self, *, most_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        """Prune what is too much, and let go of the file."""
        with suppress(StoreError):
            if _size(self._path) > most_bytes:
                with self._guarded():
                    _shrink(self._connection, self._path, int(PRUNE_TO * most_bytes))
        self._connection.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise _unusable(self._path, error) from error


def cache_uses(path: Path) -> list[CacheUse]:
    """Return what a cache holds, the latest used first.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    if not path.exists():
        return []
    connection = _open(path)
    try:
        return [
            CacheUse(model=model, provider=provider, n_rows=n, size_bytes=size, last_used=used)
            for model, provider, n, size, used in connection.execute(
                "SELECT model, provider, count(*), "
                "sum(length(codes) + length(log_p) + length(best_other)), max(used) AS latest "
                "FROM rows JOIN subjects USING (subject) GROUP BY model, provider "
                "ORDER BY latest DESC"
            )
        ]
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    finally:
        connection.close()


def prune_cache(
    path: Path, *, older_than_days: float | None = None, most_bytes: int | None = None
) -> int:
    """Forget rows; all of them where neither an age nor a size is given. Return how many.

    Raises
    ------
    StoreError
        If the cache cannot be written.
    """
    if not path.exists():
        return 0
    connection = _open(path)
    try:
        before = connection.total_changes
        if older_than_days is None and most_bytes is None:
            connection.execute("DELETE FROM rows WHERE true")
        if older_than_days is not None:
            limit = time.time() - older_than_days * DAY_S
            connection.execute("DELETE FROM rows WHERE used < ?", (limit,))
        if most_bytes is not None:
            _shrink(connection, path, most_bytes)
        n_forgotten = connection.total_changes - before
        connection.execute("DELETE FROM subjects WHERE subject NOT IN (SELECT subject FROM rows)")
        connection.execute("VACUUM")
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    finally:
        connection.close()
    return n_forgotten


def _open(path: Path) -> sqlite3.Connection:
    """Open a cache; one that is damaged is replaced, for it holds nothing that is not elsewhere."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error
    for attempt in range(2):
        try:
            connection = connect(path)
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.executescript(_TABLES)
                version = CACHE_VERSION
            if version == CACHE_VERSION:
                return connection
            connection.close()
            if version > CACHE_VERSION:
                raise _unusable(path, "made by a newer version of this program")
        except sqlite3.OperationalError as error:  # locked, read-only, a full disk: not damaged
            connection.close()
            raise _unusable(path, error) from error
        except sqlite3.DatabaseError as error:
            connection.close()
            if attempt:
                raise _unusable(path, error) from error
        for suffix in SIDE_FILES:
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
    raise _unusable(path, "it cannot be made anew")


def _record(subject: str, image: str, row: ValueRow) -> tuple[Any, ...]:  # Any: SQLite's values
    codes, places = np.unique(row.coalitions, return_index=True)
    values = (
        row.label,
        row.prediction,
        codes.astype("<u4").tobytes(),
        row.log_p[places].astype("<f4").tobytes(),
        row.best_other[places].astype("<f4").tobytes(),
        row.n_floored,
    )
    return (subject, image, *values, time.time(), _checksum(values))


def _checksum(values: Sequence[Any]) -> int:  # Any: SQLite's values
    return zlib.crc32(
        b"".join(one if isinstance(one, bytes) else f"{one},".encode() for one in values)
    )


def _size(path: Path) -> int:
    return sum(
        one.stat().st_size
        for one in (path.with_name(path.name + suffix) for suffix in SIDE_FILES)
        if one.exists()
    )


def _shrink(connection: sqlite3.Connection, path: Path, most_bytes: int) -> None:
    """Forget the rows used longest ago until the rest takes at most so much."""
    (n_rows,) = connection.execute("SELECT count(*) FROM rows").fetchone()
    size = _size(path)
    if size <= most_bytes or not n_rows:
        return
    n_surplus = n_rows - int(n_rows * most_bytes / size)
    connection.execute(
        "DELETE FROM rows WHERE rowid IN (SELECT rowid FROM rows ORDER BY used LIMIT ?)",
        (n_surplus,),
    )
    connection.execute("VACUUM")


def _unusable(path: Path, found: object) -> StoreError:
    return StoreError(
        f"Expected a cache of rows in '{path}', found: {found}. "
        "Go on with --no-cache, or remove the file.",
        path=str(path),
        found=str(found),
    )
