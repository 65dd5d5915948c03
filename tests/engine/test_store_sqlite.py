"""A store on disk gives back what was put, survives damage, and never mixes two audits."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iaside_audit.errors import SpecError, StoreError
from iaside_audit.result import FailedImage
from iaside_audit.rows import ValueRow
from iaside_audit.store import (
    STORE_NAME,
    SqliteRowStore,
    StoreHeader,
    Wanted,
    has_begun,
    read_header,
    read_store,
    set_aside,
)
from iaside_audit.store.header import header_checksum
from iaside_audit.store.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

N_CODES = 16


def row(index: int, *, content: int | None = None, label: int = 1, path: str = "") -> ValueRow:
    """Return a row whose values follow from its content."""
    content = index if content is None else content
    generator = np.random.default_rng(content)
    return ValueRow(
        index=index,
        image_id=f"{content:064x}",
        path=path or f"{content}.png",
        label=label,
        prediction=2,
        coalitions=np.arange(N_CODES, dtype=np.uint32),
        log_p=generator.normal(size=N_CODES).astype(np.float32),
        best_other=generator.normal(size=N_CODES).astype(np.float32),
        n_floored=3,
        worker=1,
        elapsed_s=0.25,
    )


def wanted(contents: Sequence[int], *, label: int | None = 1) -> list[Wanted]:
    """Return images wanted, by their contents in the audit's order."""
    return [
        Wanted(index=index, image_id=f"{content:064x}", label=label, path=f"{content}.png")
        for index, content in enumerate(contents)
    ]


def header(manifest: str = "m", n_images: int = 8, **deciding: Any) -> StoreHeader:
    """Return a header."""
    return StoreHeader(
        deciding={"bands": 4, "model": "abc", **deciding},
        settings={"batch": 8, "threads": 2},
        data={"manifest": manifest, "n_images": n_images},
    )


def fill(path: Path, contents: Sequence[int] = range(8)) -> None:
    """Make a store of finished rows."""
    with closing(SqliteRowStore(path, header(), wanted(contents))) as store:
        for index, content in enumerate(contents):
            store.put(index, row(index, content=content))


def assert_rows_equal(found: Sequence[ValueRow], expected: Sequence[ValueRow]) -> None:
    """Compare rows field by field, floats by their bits."""
    assert [one.index for one in found] == [one.index for one in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("image_id", "path", "label", "prediction", "n_floored", "worker", "elapsed_s"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("coalitions", "log_p", "best_other"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_rows_and_failures_come_back(tmp_path: Path) -> None:
    """What was put is read again, bit for bit, by a store that continues and by a reader."""
    path = tmp_path / STORE_NAME
    with closing(SqliteRowStore(path, header(), wanted(range(4)))) as store:
        for index in (2, 0):
            store.put(index, row(index))
        store.fail(1, FailedImage(path="1.png", reason="not finite"))
        assert store.missing() == [1, 3]
        assert store.settled() == 3
        assert [one.index for one in store.prefix()] == [0, 2]
    stored = read_store(path)
    assert_rows_equal(stored.rows, [row(0), row(2)])
    assert stored.failures == {1: FailedImage(path="1.png", reason="not finite")}
    assert (stored.n_damaged, stored.is_sound) == (0, True)
    with closing(SqliteRowStore(path, header(), wanted(range(4)))) as store:
        assert_rows_equal(store.rows(), [row(0), row(2)])
        assert store.missing() == [1, 3]
        assert (store.n_resumed, store.notes) == (2, [])
        assert store.failures() == {}, "failed images are tried again"
    assert sorted(one.name for one in tmp_path.iterdir()) == [STORE_NAME]


def test_a_name_that_is_not_unicode_is_kept(tmp_path: Path) -> None:
    """A file name with an undecodable byte goes in and comes out."""
    path = tmp_path / STORE_NAME
    name = "caf\udce9.png"
    with closing(SqliteRowStore(path, header(), wanted([0]))) as store:
        store.put(0, row(0, path=name))
        store.fail(0, FailedImage(path=name, reason="r"))
    stored = read_store(path)
    assert stored.rows[0].path == name
    assert stored.failures[0].path == name


def test_a_reader_follows_a_writer(tmp_path: Path) -> None:
    """Another connection sees every row as soon as put() returns."""
    path = tmp_path / STORE_NAME
    with closing(SqliteRowStore(path, header(), wanted(range(3)))) as store:
        for index in range(3):
            store.put(index, row(index))
            assert len(read_store(path).rows) == index + 1


def test_reading_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither beside a store that is whole, nor beside one that is cut: the folder may be a proof.

    SQLite's own files beside a database could not be made in a folder that is read-only at all.
    """
    path = tmp_path / STORE_NAME
    with closing(SqliteRowStore(path, header(), wanted([0]))) as store:
        store.put(0, row(0))
    assert len(read_store(path).rows) == 1
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(StoreError, match="Take an unchanged copy"):
        read_store(path)
    assert list(tmp_path.iterdir()) == [path]


def test_there_is_one_writer(tmp_path: Path) -> None:
    """A second writer is refused, also from another process; the lock ends with its holder."""
    path = tmp_path / STORE_NAME
    with closing(SqliteRowStore(path, header(), wanted([0]))):
        with pytest.raises(StoreError, match=f"found that process {os.getpid()} does"):
            SqliteRowStore(path, header(), wanted([0]))
        script = (
            "import pathlib, sys\nfrom iaside_audit.errors import StoreError\n"
            "from iaside_audit.store.lock import StoreLock\n"
            "try:\n    StoreLock(pathlib.Path(sys.argv[1]))\n"
            "except StoreError:\n    print('refused')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
        )
        assert done.stdout == "refused\n"
    SqliteRowStore(path, header(), wanted([0])).close()


def test_another_audit_is_refused_with_every_difference(tmp_path: Path) -> None:
    """Nothing is changed, and the message lists what differs."""
    path = tmp_path / STORE_NAME
    fill(path)
    before = path.read_bytes()
    other = replace(header(bands=6, model="def"), settings={"batch": 8, "threads": 4})
    with pytest.raises(
        SpecError, match=r"bands was 4, now 6; the model file has changed; threads was 2, now 4\. "
    ):
        SqliteRowStore(path, other, wanted(range(8)))
    assert path.read_bytes() == before


def test_rows_move_with_their_images(tmp_path: Path) -> None:
    """Where images changed, rows are found by content, and only the changed are computed again."""
    path = tmp_path / STORE_NAME
    fill(path, range(6))
    now = [5, 9, 0, 1, 3, 4]  # 2 was replaced by 9, and the order differs
    with closing(SqliteRowStore(path, header("n"), wanted(now))) as store:
        assert store.missing() == [1]
        assert store.n_resumed == 5
        assert len(store.notes) == 1
        assert "5 of its 6 rows are used again" in store.notes[0]
        assert_rows_equal(
            store.rows(), [row(at, content=one) for at, one in enumerate(now) if one != 9]
        )
        store.put(1, row(1, content=9))
    assert_rows_equal(read_store(path).rows, [row(at, content=one) for at, one in enumerate(now)])


def test_a_changed_label_is_computed_again(tmp_path: Path) -> None:
    """A row is of an image and its label; with the model's own labels, of the image alone."""
    path = tmp_path / STORE_NAME
    fill(path, range(3))
    images = [*wanted(range(2)), Wanted(index=2, image_id=f"{2:064x}", label=7, path="2.png")]
    with closing(SqliteRowStore(path, header("n"), images)) as store:
        assert store.missing() == [2]
    with closing(SqliteRowStore(path, header("o"), wanted(range(3), label=None))) as store:
        assert store.missing() == [2]


def test_other_images_are_another_audit(tmp_path: Path) -> None:
    """A store of which no image is left is not taken over."""
    path = tmp_path / STORE_NAME
    fill(path, range(3))
    with pytest.raises(SpecError, match="none of its 3 images"):
        SqliteRowStore(path, header("n"), wanted([11, 12]))


def test_an_audit_of_fewer_images_keeps_the_others(tmp_path: Path) -> None:
    """Rows beyond the images wanted are not used, and are there for an audit that grows again."""
    path = tmp_path / STORE_NAME
    fill(path, range(8))
    with closing(SqliteRowStore(path, header(), wanted(range(3)))) as store:
        assert len(store.rows()) == 3
    with closing(SqliteRowStore(path, header(), wanted(range(8)))) as store:
        assert store.missing() == []


def test_a_store_moved_aside_is_not_lost(tmp_path: Path) -> None:
    """Each goes to the next free name."""
    path = tmp_path / STORE_NAME
    for number in (1, 2):
        fill(path)
        assert set_aside(path).name == f"values.{number}.sqlite"
    assert len(read_store(tmp_path / "values.2.sqlite").rows) == 8


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A schema that this program does not know is not touched."""
    path = tmp_path / STORE_NAME
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="Update this program"):
        read_header(path)
    with pytest.raises(StoreError, match="Update this program"):
        SqliteRowStore(path, header(), wanted(range(8)))


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """No table is added to somebody else's file."""
    path = tmp_path / STORE_NAME
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="another program"):
        SqliteRowStore(path, header(), wanted([0]))
    path.write_bytes(b"no database at all, but long enough to be read as one" * 40)
    with pytest.raises(StoreError, match="--no-resume"):
        SqliteRowStore(path, header(), wanted([0]))


def test_a_damaged_header_is_not_believed(tmp_path: Path) -> None:
    """A header whose checksum does not hold is refused, with the way on."""
    path = tmp_path / STORE_NAME
    fill(path)
    text = header(bands=8).to_json()
    assert header_checksum(text) != header_checksum(header().to_json())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE header SET value = ?", (text,))
    with pytest.raises(StoreError, match=r"checksum that does not hold.*--no-resume"):
        SqliteRowStore(path, header(), wanted(range(8)))


@pytest.mark.parametrize("column", ["log_p", "label", "image_id", "coalitions", "position"])
def test_a_flipped_value_is_noticed(tmp_path: Path, column: str) -> None:
    """A row of which one value changed is not used; the file is kept aside, the rest goes on."""
    path = tmp_path / STORE_NAME
    fill(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        value = {
            "log_p": row(0).log_p.tobytes(),
            "coalitions": row(3).coalitions[::-1].tobytes(),
            "label": 2,
            "image_id": f"{7:064x}",
            "position": 100,
        }[column]
        connection.execute(f"UPDATE images SET {column} = ? WHERE position = 3", (value,))  # noqa: S608
    with closing(SqliteRowStore(path, header(), wanted(range(8)))) as store:
        assert store.missing() == [3]
        assert "7 rows are whole and used again, 1 are lost" in store.notes[0]
    assert (tmp_path / "values.damaged-1.sqlite").exists()
    assert len(read_store(path).rows) == 7


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_refused_or_repaired_never_used(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever bytes are flipped or cut off, no row comes back that is not as it was put."""
    folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    path = folder / STORE_NAME
    fill(path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="truncate"):
        del content[data.draw(st.integers(0, len(content) - 1), label="length") :]
    else:
        for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=20)):
            content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    original = {index: row(index) for index in range(8)}
    try:
        store = SqliteRowStore(path, header(), wanted(range(8)))
    except (StoreError, SpecError):
        return
    with closing(store):
        assert_rows_equal(store.rows(), [original[one.index] for one in store.rows()])
        for index in store.missing():
            store.put(index, original[index])
    stored = read_store(path)
    assert stored.is_sound
    assert_rows_equal(stored.rows, list(original.values()))


def test_a_full_disk_stops_with_a_message_and_loses_nothing(tmp_path: Path) -> None:
    """Under a limit on the size of files, acknowledged rows stay, and later the rest goes on."""
    script = """
import pathlib, resource, signal, sys
sys.path.insert(0, sys.argv[2])
from test_store_sqlite import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteRowStore(pathlib.Path(sys.argv[1]), header(n_images=4000), wanted(range(4000)))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for index in range(4000):
    try:
        store.put(index, row(index))
    except StoreError as error:
        print(error.message)
        break
    print(index, flush=True)
store.close()
"""
    path = tmp_path / STORE_NAME
    done = subprocess.run(
        [sys.executable, "-c", script, path, os.path.dirname(__file__)],  # noqa: PTH120
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    *indices, message = done.stdout.splitlines()
    assert "make space, then run the same command again" in message
    stored = read_store(path)
    assert stored.is_sound
    assert len(stored.rows) == len(indices) > 10
    with closing(SqliteRowStore(path, header(n_images=4000), wanted(range(4000)))) as store:
        assert store.n_resumed == len(indices)
        store.put(len(indices), row(len(indices)))


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    """A crash before the first commit leaves no bytes; the audit starts there."""
    path = tmp_path / STORE_NAME
    path.touch()
    assert not has_begun(path)
    fill(path)
    assert has_begun(path)
    assert len(read_store(path).rows) == 8
