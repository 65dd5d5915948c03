"""The rows of one audit in ``values.sqlite``: every row is on disk before anyone is told of it.

SQLite in WAL mode, one commit a row (0.1 ms): a killed process loses at most what was not
acknowledged, and a reader may follow along. One writer a file; one file a shard.
"""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import SpecError, StoreError
from iaside_audit.store.header import StoreHeader, difference_list, header_checksum
from iaside_audit.store.lock import StoreLock
from iaside_audit.store.memory import MemoryRowStore
from iaside_audit.store.repair import (
    StoredAudit,
    connect,
    has_begun,
    read_header,
    read_store,
    set_aside,
)
from iaside_audit.store.schema import INSERT, INSERT_FAILURE, migrate, record_of, storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from iaside_audit.result import FailedImage
    from iaside_audit.rows import ValueRow

__all__ = [
    "STORE_NAME",
    "SqliteRowStore",
    "StoredAudit",
    "Wanted",
    "has_begun",
    "read_header",
    "read_store",
    "set_aside",
]

STORE_NAME: Final = "values.sqlite"
"""The file's name in the output folder of an audit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One image that an audit wants a row of; `label` is None where the model itself will say."""

    index: int
    image_id: str
    label: int | None
    path: str


class SqliteRowStore:
    """Keeps rows on disk, and those that the audit wants in memory beside it.

    A store that exists is continued: its rows are used again where what decides them has not
    changed.

    Parameters
    ----------
    path : Path
        Of the file; it and its folder are made where they are missing.
    header : StoreHeader
        What the rows depend on.
    wanted : sequence of Wanted
        The images of the audit, in its order.

    Attributes
    ----------
    notes : list of str
        What a user must know of the store that was continued: damage, images that changed.
    n_resumed : int
        Rows that were there already.

    Raises
    ------
    SpecError
        If the file holds rows of another audit; every difference is named.
    StoreError
        If the file cannot be read or written, or another process writes to it.
    """

    def __init__(self, path: Path, header: StoreHeader, wanted: Sequence[Wanted]) -> None:
        self._path = path
        self._header = header
        self._memory = MemoryRowStore(one.index for one in wanted)
        self._wanted = {one.index for one in wanted}
        self.notes: list[str] = []
        self.n_resumed = 0
        _make_folder(path.parent)
        self._lock = StoreLock(path)
        try:
            kept = self._continued(read_store(path), wanted) if has_begun(path) else None
            self._connection = connect(path)
            try:
                self._begin(kept)
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            self._lock.release()
            raise

    def __len__(self) -> int:
        return len(self._memory)

    def put(self, index: int, row: ValueRow) -> None:
        """Keep the row of one image; it is on disk when this returns.

        Raises
        ------
        StoreError
            If it cannot be written; the rows before it are kept.
        """
        with self._writing():
            self._connection.execute(INSERT, record_of(row, created=time.time()))
            self._connection.execute("DELETE FROM failures WHERE position = ?", (index,))
        self._memory.put(index, row)

    def put_all(self, rows: Sequence[ValueRow], failures: Mapping[int, FailedImage]) -> None:
        """Keep many rows, and what has none, at once.

        Raises
        ------
        StoreError
            If they cannot be written; none of them is kept then.
        """
        now = time.time()
        with self._writing():
            self._connection.executemany(INSERT, (record_of(row, created=now) for row in rows))
            self._connection.executemany(
                INSERT_FAILURE,
                (
                    (index, storable(one.path), storable(one.reason))
                    for index, one in failures.items()
                ),
            )
        for row in rows:
            self._memory.put(row.index, row)
        for index, one in failures.items():
            self._memory.fail(index, one)

    def fail(self, index: int, failure: FailedImage) -> None:
        """Note that one image has no row, and why.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        with self._writing():
            self._connection.execute(
                INSERT_FAILURE, (index, storable(failure.path), storable(failure.reason))
            )
        self._memory.fail(index, failure)

    def missing(self) -> list[int]:
        """Return the wanted indices that have no row, ascending."""
        return self._memory.missing()

    def rows(self) -> list[ValueRow]:
        """Return the wanted rows there are, by ascending index."""
        return self._memory.rows()

    def failures(self) -> dict[int, FailedImage]:
        """Return the images without a row, by ascending index."""
        return self._memory.failures()

    def settled(self) -> int:
        """Return how many images from the first on, without a gap, have a row or have failed."""
        return self._memory.settled()

    def prefix(self) -> list[ValueRow]:
        """Return the rows of the images that :meth:`settled` counts."""
        return self._memory.prefix()

    def describe(self, header: StoreHeader) -> None:
        """Replace the header: a smaller batch, or the context of the result.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        self._header = header
        with self._writing():
            self._write_header()

    @property
    def header(self) -> StoreHeader:
        """What the rows depend on."""
        return self._header

    def close(self) -> None:
        """Leave one file behind, without SQLite's side files, and let others write."""
        with suppress(sqlite3.Error):  # a full disk: the log stays beside the file, and is whole
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._lock.release()

    def _continued(self, stored: StoredAudit, wanted: Sequence[Wanted]) -> StoredAudit:
        """Return what of a store can be used again, by the indices of this audit."""
        differences = difference_list(stored.header.deciding, self._header.deciding)
        differences += difference_list(stored.header.settings, self._header.settings)
        if differences:
            raise _another_audit(self._path, differences)
        rows = _by_content(stored.rows, wanted)
        self.n_resumed = len({row.index for row in rows} & self._wanted)
        if stored.header.data.get("manifest") != self._header.data.get("manifest"):
            if stored.rows and not self.n_resumed:
                raise _another_audit(
                    self._path, [f"none of its {len(stored.rows)} images is among the images now"]
                )
            rest = ", the others are of images that are gone or changed"
            rest = rest if len(rows) < len(stored.rows) else ""
            self.notes.append(
                f"The images have changed since '{self._path.name}' was made: {len(rows)} of its "
                f"{len(stored.rows)} rows are used again{rest}."
            )
        if not stored.is_sound or stored.n_damaged:
            aside = set_aside(self._path, "damaged-")
            self.notes.append(
                f"'{self._path.name}' was damaged: {len(rows)} rows are whole and used again, "
                f"{stored.n_damaged} are lost and computed again; the damaged file is kept as "
                f"'{aside.name}'."
            )
        return replace(stored, rows=rows)

    def _begin(self, kept: StoredAudit | None) -> None:
        """Make the tables where they are missing, and write what is used again."""
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            migrate(self._connection, name=str(self._path))
            with self._writing():
                self._write_header()
                self._connection.execute("DELETE FROM failures")
                if kept is not None:
                    # Rows of the same place keep their record, and with it when they were made.
                    (n_stored,) = self._connection.execute("SELECT count(*) FROM images").fetchone()
                    if n_stored != len(kept.rows) or self.notes:
                        self._connection.execute("DELETE FROM images")
                        now = time.time()
                        self._connection.executemany(
                            INSERT, (record_of(row, created=now) for row in kept.rows)
                        )
        except sqlite3.Error as error:
            raise unwritable(self._path, error) from error
        for row in kept.rows if kept is not None else ():
            if row.index in self._wanted:
                self._memory.put(row.index, row)

    def _write_header(self) -> None:
        text = self._header.to_json()
        self._connection.execute(
            "INSERT OR REPLACE INTO header VALUES (1, ?, ?)", (text, header_checksum(text))
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Run statements as one transaction."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise unwritable(self._path, error) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Expected to make the folder '{folder}', found: {error.strerror or error}. "
            "Choose another output folder.",
            path=str(folder),
        ) from error


def unwritable(path: Path, error: sqlite3.Error) -> StoreError:
    """Return the error of a file of rows that cannot be written to."""
    return StoreError(
        f"Expected to keep rows in '{path}', found: {error}. "
        "What was written before is kept: make space, then run the same command again.",
        path=str(path),
        found=str(error),
    )


def _by_content(rows: Sequence[ValueRow], wanted: Sequence[Wanted]) -> tuple[ValueRow, ...]:
    """Return the rows that can be used again, at the places of their images.

    Rows beyond the images wanted (an audit of more images came before) keep their place.
    """
    left = {row.index: row for row in rows}
    kept: dict[int, ValueRow] = {}
    unplaced: list[Wanted] = []
    for one in wanted:
        row = left.get(one.index)
        if row is not None and _is_of(row, one):
            kept[one.index] = left.pop(one.index)
        else:
            unplaced.append(one)
    by_content: defaultdict[str, list[ValueRow]] = defaultdict(list)
    for row in left.values():
        by_content[row.image_id].append(row)
    for one in unplaced:
        row = next((row for row in by_content[one.image_id] if _is_of(row, one)), None)
        if row is not None:
            by_content[one.image_id].remove(row)
            kept[one.index] = replace(left.pop(row.index), index=one.index, path=one.path)
    last = max((one.index for one in wanted), default=-1)
    beyond = {index: row for index, row in left.items() if index > last}
    return tuple(row for _, row in sorted({**beyond, **kept}.items()))


def _is_of(row: ValueRow, one: Wanted) -> bool:
    return row.image_id == one.image_id and one.label in {None, row.label}


def _another_audit(path: Path, differences: list[str]) -> SpecError:
    return SpecError(
        f"Expected the rows of the same audit in '{path}', found those of another: "
        f"{'; '.join(differences)}. Choose another --out, or --no-resume to start again there "
        "(the old rows are moved aside).",
        path=str(path),
        found="; ".join(differences),
    )
