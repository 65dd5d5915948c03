"""The cache of rows gives back what fits, forgets the oldest first, and is never in the way."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from audit_material import command_here

from iaside_audit.errors import StoreError
from iaside_audit.rows import ValueRow
from iaside_audit.store.cache import RowCache, cache_uses, default_cache_path, prune_cache

if TYPE_CHECKING:
    from pathlib import Path

FACTS = {"model": "abc", "bands": [0.0, 0.5, 1.0]}


def opened(path: Path, facts: dict[str, Any] | None = None, model: str = "m.onnx") -> RowCache:
    """Open a cache for one subject."""
    return RowCache(path, facts or FACTS, model=model, provider="CPUExecutionProvider")


def row(codes: list[int], *, n_floored: int = 0) -> ValueRow:
    """Return a row whose values are its codes."""
    return ValueRow(
        index=0,
        image_id="i",
        path="i.png",
        label=3,
        prediction=4,
        coalitions=np.array(codes, dtype=np.uint32),
        log_p=-np.array(codes, dtype=np.float32),
        best_other=np.array(codes, dtype=np.float32) / 2,
        n_floored=n_floored,
    )


def codes(*values: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return coalition codes."""
    return np.array(values, dtype=np.uint32)


def test_rows_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    """Any coalitions of a cached row are found, in any order; others are not."""
    with closing(opened(tmp_path / "c")) as cache:
        assert cache.find("i", codes(1)) is None
        cache.keep([("i", row([5, 0, 7, 2]))])
        found = cache.find("i", codes(7, 5, 0))
        assert found is not None
        np.testing.assert_array_equal(found["log_p"], [-7, -5, 0])
        np.testing.assert_array_equal(found["best_other"], [3.5, 2.5, 0])
        assert (found["label"], found["prediction"]) == (3, 4)
        assert cache.find("i", codes(7, 3)) is None
        assert cache.find("i", codes(9)) is None
        assert cache.find("j", codes(7)) is None
    with closing(opened(tmp_path / "c", {"model": "other"})) as other:
        assert other.find("i", codes(7)) is None
    with closing(opened(tmp_path / "c")) as again:
        assert again.find("i", codes(7)) is not None


def test_a_row_with_more_coalitions_stays(tmp_path: Path) -> None:
    """A walk never replaces an exact row."""
    with closing(opened(tmp_path / "c")) as cache:
        cache.keep([("i", row(list(range(8))))])
        cache.keep([("i", row([0, 7, 1]))])
        assert cache.find("i", codes(6)) is not None


def test_floored_values_of_a_part_are_not_guessed(tmp_path: Path) -> None:
    """Where some values were floored, only the whole row says how many."""
    with closing(opened(tmp_path / "c")) as cache:
        cache.keep([("i", row([0, 1, 2], n_floored=1))])
        assert cache.find("i", codes(0, 1)) is None
        found = cache.find("i", codes(2, 1, 0))
        assert found is not None
        assert found["n_floored"] == 1


def test_a_damaged_record_is_not_used(tmp_path: Path) -> None:
    """A value that changed behind our back is as good as absent."""
    path = tmp_path / "c"
    with closing(opened(path)) as cache:
        cache.keep([("i", row([0, 1]))])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE rows SET label = 2")
    with closing(opened(path)) as cache:
        assert cache.find("i", codes(0)) is None


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    """It holds nothing that is not elsewhere."""
    path = tmp_path / "c"
    path.write_bytes(b"not a database, however long it is read" * 100)
    with closing(opened(path)) as cache:
        cache.keep([("i", row([0]))])
        assert cache.find("i", codes(0)) is not None


def test_a_newer_cache_is_left_alone(tmp_path: Path) -> None:
    """A version that this program does not know is neither read nor removed."""
    path = tmp_path / "c"
    opened(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        opened(path)
    assert path.exists()


def test_what_was_used_longest_ago_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By age, by size, or all; a row that is used again is young again."""
    path = tmp_path / "c"
    now = time.time()
    with closing(opened(path)) as cache:
        for day in range(10):
            monkeypatch.setattr(time, "time", lambda day=day: now - day * 86_400)
            cache.keep([(f"day {day}", row(list(range(256))))])
        monkeypatch.setattr(time, "time", lambda: now)
        cache.touch(["day 9"])
    assert prune_cache(path, older_than_days=5.5) == 3
    with closing(opened(path)) as cache:
        kept = [day for day in range(10) if cache.find(f"day {day}", codes(1)) is not None]
    assert kept == [0, 1, 2, 3, 4, 5, 9]
    size = path.stat().st_size
    n_pruned = prune_cache(path, most_bytes=size // 2)
    assert 3 <= n_pruned <= 5, "about half"
    with closing(opened(path)) as cache:
        assert cache.find("day 0", codes(1)) is not None
        assert cache.find("day 5", codes(1)) is None
    assert prune_cache(path) == 7 - n_pruned
    assert cache_uses(path) == []
    assert prune_cache(tmp_path / "none") == 0


def test_a_cache_outgrown_is_pruned_when_it_is_closed(tmp_path: Path) -> None:
    """The limit holds without anybody asking."""
    path = tmp_path / "c"
    cache = opened(path)
    for number in range(100):
        cache.keep([(f"{number}", row(list(range(256))))])
    cache.close(most_bytes=100_000)
    assert path.stat().st_size < 100_000
    assert 0 < cache_uses(path)[0].n_rows < 40


def test_the_command_shows_and_prunes(capsys: pytest.CaptureFixture[str]) -> None:
    """`cache` says what is held for which model, and `cache prune` forgets it."""
    prune_cache(default_cache_path())
    assert "No rows" in command_here(capsys, "cache").out
    with closing(opened(default_cache_path(), model="a [red]model[/].onnx")) as cache:
        cache.keep([("i", row([0, 1])), ("j", row([0, 1]))])
    assert "[red]model" in command_here(capsys, "cache").out
    document = json.loads(command_here(capsys, "cache", "--json").out)
    assert document["models"][0]["n_rows"] == 2
    assert command_here(capsys, "cache", "prune", "--older-than", 1).out == "0 rows forgotten.\n"
    assert command_here(capsys, "cache", "prune").out == "2 rows forgotten.\n"
