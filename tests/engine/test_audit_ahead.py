"""What is made ready in advance is what would have been made when it is asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from audit_material import assert_same_rows, audit_here, convnet_spec

from iaside_audit.auditing.evaluation import evaluate
from iaside_audit.auditing.evaluation.ahead import MAX_BYTES, MAX_THREADS, Ahead, threads_ahead
from iaside_audit.auditing.workers import InProcessWorker

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.auditing.wire import Message


class Maker:
    """Doubles numbers, and remembers where each was doubled."""

    def __init__(self) -> None:
        self.made: list[tuple[int, str]] = []

    def __call__(self, item: int) -> int:
        """Return twice the item; refuse what is negative."""
        self.made.append((item, threading.current_thread().name))
        if item < 0:
            raise ValueError(item)
        return 2 * item


def test_begun_items_are_made_once_elsewhere_and_others_here() -> None:
    """An item that was not begun, or another one at its place, is made in the caller's thread."""
    maker = Maker()
    ahead = Ahead(maker, n_threads=2, made_bytes=8)
    ahead.begin([(0, 10), (1, 11), (2, -1)])
    assert [ahead.take(0, 10), ahead.take(1, 99), ahead.take(5, 7)] == [20, 198, 14]
    with pytest.raises(ValueError, match="-1"):
        ahead.take(2, -1)
    ahead.close()
    here = threading.current_thread().name
    assert {item for item, name in maker.made if name == here} == {99, 7}
    assert [item for item, _ in maker.made].count(10) == 1


def test_no_more_is_begun_than_fits_and_nothing_after_the_end() -> None:
    """Memory is bounded, what was forgotten makes room, and a late beginning does no harm."""
    maker = Maker()
    ahead = Ahead(maker, n_threads=1, made_bytes=MAX_BYTES // 2)
    ahead.begin((place, place) for place in range(5))
    assert [ahead.take(place, place) for place in range(5)] == [0, 2, 4, 6, 8]
    assert len([name for _, name in maker.made if name.startswith("ahead")]) == 2
    ahead.begin([(0, 0), (1, 1)])
    ahead.forget(range(2))
    ahead.begin([(7, 7)])
    assert ahead.take(7, 7) == 14
    assert maker.made[-1][1].startswith("ahead")
    ahead.close()
    ahead.begin([(8, 8)])
    assert ahead.take(8, 8) == 16


def test_threads_leave_two_cores_to_the_model() -> None:
    """Beside a GPU there is always one."""
    assert [threads_ahead(n, is_beside=False) for n in (1, 2, 3, 4, 16)] == [0, 0, 0, 2, 4]
    assert [threads_ahead(n, is_beside=True) for n in (1, 2, 16)] == [1, 1, MAX_THREADS]


def test_rows_are_the_same_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that were announced give the bits of those that were not; so do damaged images."""
    spec = convnet_spec(tmp_path, n_images=9, baseline="noise", batch=14)
    (tmp_path / "images" / "004.png").write_bytes(b"damaged")
    plain = audit_here(spec)
    begun: list[int] = []

    class Announced(InProcessWorker):
        def send(self, message: Message) -> None:
            self._server.announce(message)
            super().send(message)

    monkeypatch.setattr(evaluate, "threads_ahead", lambda *_, **__: 2)
    begin = Ahead.begin

    def counted(self: Any, items: Any) -> None:  # Any: generic
        listed = list(items)
        begun.extend(place for place, _ in listed)
        begin(self, listed)

    monkeypatch.setattr(Ahead, "begin", counted)
    ahead = audit_here(spec, start_worker=Announced)
    assert begun == list(range(8))
    assert_same_rows(ahead, plain)
    assert ahead.data.failed == plain.data.failed
