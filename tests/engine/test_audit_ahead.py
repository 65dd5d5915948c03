"""What is made ready in advance is what would have been made when it is asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from audit_material import assert_same_rows, audit_here, convnet_spec

from iaside_audit.auditing.evaluation import evaluate
from iaside_audit.auditing.evaluation.ahead import MAX_BYTES, MAX_THREADS, Ahead, threads_ahead
from iaside_audit.auditing.evaluation.evaluate import LeaseEvaluator, LeaseItem
from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.images import IndexedImage
from iaside_audit.result import FailedImage

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


def test_what_does_not_fit_beside_others_is_made_alone() -> None:
    """Memory that ran out in a thread is no reason to halve the model's batch."""
    here = threading.current_thread()

    def make(item: int) -> int:
        if threading.current_thread() is not here:
            raise MemoryError
        return item

    ahead = Ahead(make, n_threads=1, made_bytes=8)
    ahead.begin([(0, 5)])
    assert ahead.take(0, 5) == 5
    ahead.close()


def test_images_tried_again_one_by_one_stay_begun() -> None:
    """Leases of one block follow each other; each lets go of its own images alone."""
    made: list[int] = []

    def make(item: LeaseItem) -> FailedImage:
        made.append(item.index)
        return FailedImage(path=item.image.path, reason="a test")

    evaluator = LeaseEvaluator.__new__(LeaseEvaluator)
    evaluator._ahead = Ahead(make, n_threads=1, made_bytes=8)
    items = [
        LeaseItem(
            index=index,
            image=IndexedImage(
                path=f"{index}.png",
                location="",
                position=None,
                image_id="",
                label=0,
                height=8,
                width=8,
            ),
        )
        for index in range(3)
    ]
    for item in items:
        evaluator.begin(items, {item.index})
    for item in items:
        assert [one.index for one, _ in evaluator(items, {item.index})] == [item.index]
    evaluator.close()
    assert made == [0, 1, 2]


def test_large_frames_count_as_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands are cut at the frame, whatever the model's input."""
    sizes: list[int] = []

    def noted(*args: Any, made_bytes: int, **others: Any) -> Ahead[Any, Any]:  # Any: its own
        sizes.append(made_bytes)
        return Ahead(*args, made_bytes=made_bytes, **others)

    monkeypatch.setattr(evaluate, "Ahead", noted)
    spec = convnet_spec(tmp_path, n_images=2, frame=64)
    audit_here(spec)
    assert sizes == [(1 + spec.bands) * 3 * 64 * 64 * 4]


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
