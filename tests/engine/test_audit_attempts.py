"""What an executor does with lost workers, failing leases and small memories, by its books."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.auditing.attempts import MAX_BARREN, MAX_STRIKES, Attempts, Lease
from iaside_audit.auditing.evaluation.evaluate import LeaseItem
from iaside_audit.auditing.executor import LocalExecutor, Seat
from iaside_audit.errors import InferenceError, SpecError, WorkerLostError
from iaside_audit.images import IndexedImage

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.auditing.wire import Message


def lease(number: int, size: int = 3, *, is_divisible: bool = True) -> Lease:
    """Return a lease of a few images."""
    items = [
        LeaseItem(
            index=index,
            image=IndexedImage(
                path=f"{index}.png",
                location=f"/{index}.png",
                position=None,
                image_id=f"{index:064x}",
                label=0,
                height=8,
                width=8,
            ),
        )
        for index in range(number * size, (number + 1) * size)
    ]
    return Lease.of(items, number=number, is_divisible=is_divisible)


class FakeWorker:
    """A worker that follows a rule: what becomes of each image it is asked for.

    The rule says ``row``, ``dies``, ``fails``, ``full`` or ``refuses``, or ``poisons``: it dies as
    soon as the image is prepared, whatever it runs.
    """

    def __init__(self, rule: Callable[[int, int], str]) -> None:
        self._rule = rule
        self._batch = 0
        self._replies: list[Message | Exception] = []
        self.is_dead = False

    def send(self, message: Message) -> None:
        """Answer at once."""
        if message["task"] == "settle":
            self._batch = message["batch"]
            self._replies.append({"kind": "done", "n_evaluations": 1})
            return
        outcomes = {index: self._rule(index, self._batch) for index in message["wanted"]}
        if "poisons" in outcomes.values():
            self._replies = [WorkerLostError("it died")]
            return
        error: Message | Exception | None = None
        for outcome in outcomes.values():
            match outcome:
                case "dies":
                    error = WorkerLostError("it died")
                case "fails" | "full" | "refuses":
                    kind = {"fails": "InferenceError", "full": "MemoryExhaustedError"}
                    error = {
                        "kind": "error",
                        "error": kind.get(outcome, "SpecError"),
                        "message": outcome,
                    }
        if error is not None:
            self._replies.append(error)
            return
        self._replies += [{"kind": "row", "index": index} for index in outcomes]
        done = {"kind": "done", "lease": message["lease"], "n_evaluations": len(outcomes)}
        self._replies.append(done | {"elapsed_s": 0.1})

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next reply."""
        if not self._replies:
            time.sleep(min(timeout_s, 0.001))
            return None
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def kill(self) -> None:
        """Be dead."""
        self.is_dead = True


class Books:
    """What came out of an executor."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.failed: dict[int, str] = {}
        self.batches: list[int] = []
        self.n_lost = 0
        self.n_evaluations = 0

    def take(self, answer: Message | None) -> None:
        """Note an answer."""
        match answer:
            case {"kind": "row", "index": index}:
                self.rows.append(index)
            case {"kind": "failed", "index": index, "reason": reason}:
                self.failed[index] = reason
            case {"kind": "done", "n_evaluations": n}:
                self.n_evaluations += n
            case {"kind": "lost"}:
                self.n_lost += 1
            case {"kind": "batch", "batch": batch}:
                self.batches.append(batch)


def run(
    rule: Callable[[int, int], str],
    leases: list[Lease],
    *,
    n_seats: int = 1,
    batch: int = 8,
) -> tuple[Books, list[FakeWorker]]:
    """Run leases to the end."""
    workers: list[FakeWorker] = []

    def start() -> FakeWorker:
        workers.append(FakeWorker(rule))
        return workers[-1]

    seat = Seat(start=start, preparation=lambda batch: [{"task": "settle", "batch": batch}])
    first = start()
    first._batch = batch
    executor = LocalExecutor([seat] * n_seats, first, batch=batch)
    books = Books()
    try:
        pending = list(reversed(leases))
        while pending or not executor.is_idle:
            if pending and executor.has_room:
                executor.submit(pending.pop())
            else:
                books.take(executor.receive(0.05))
    finally:
        executor.close()
    assert all(worker.is_dead for worker in workers)
    return books, workers


@given(
    fates=st.lists(st.sampled_from(["row", "row", "row", "dies", "fails"]), min_size=1, max_size=9),
    n_seats=st.integers(1, 3),
)
def test_every_image_is_answered_once(fates: list[str], n_seats: int) -> None:
    """Whatever images do to workers, each has a row or is given up, and the good ones have rows."""
    guilty = [index for index, fate in enumerate(fates) if fate != "row"]
    if len(guilty) > 1:  # more in a row without a row are the model's fault: the next test
        fates = ["row" if index in guilty[1:] else fate for index, fate in enumerate(fates)]
        guilty = guilty[:1]
    leases = [lease(number, 1) for number in range(len(fates))]
    books, _ = run(lambda index, _: fates[index], leases, n_seats=n_seats)
    assert sorted(books.rows) == [index for index, fate in enumerate(fates) if fate == "row"]
    assert sorted(books.failed) == guilty
    deaths = sum(fates[index] == "dies" for index in guilty)
    assert books.n_lost == MAX_STRIKES * deaths


def test_the_guilty_image_of_a_lease_is_found() -> None:
    """After one death the images of a lease are tried one by one; only the guilty is given up."""
    books, workers = run(lambda index, _: "dies" if index == 4 else "row", [lease(0), lease(1)])
    assert sorted(books.rows) == [0, 1, 2, 3, 5]
    assert list(books.failed) == [4]
    assert books.failed[4] == "given up after 3 tries: it died"
    assert len(workers) == 1 + MAX_STRIKES


@pytest.mark.parametrize("n_seats", [1, 2])
def test_nobody_is_given_up_for_an_image_that_is_prepared_ahead(n_seats: int) -> None:
    """What failed once runs alone, so that the next death tells whose fault it is."""
    leases = [lease(number) for number in range(5)]
    books, _ = run(lambda index, _: "poisons" if index == 10 else "row", leases, n_seats=n_seats)
    assert list(books.failed) == [10]
    assert sorted(books.rows) == [index for index in range(15) if index != 10]


def test_a_batch_of_the_reference_is_not_divided() -> None:
    """Where images depend on each other, the whole lease is tried again, and given up as one."""
    books, _ = run(
        lambda index, _: "dies" if index == 4 else "row",
        [lease(number, is_divisible=False) for number in range(3)],
    )
    assert sorted(books.rows) == [0, 1, 2, 6, 7, 8]
    assert sorted(books.failed) == [3, 4, 5]


@pytest.mark.parametrize("fate", ["dies", "fails"])
def test_a_model_at_fault_ends_the_audit(fate: str) -> None:
    """After so many failures without a row between them it is not the images."""
    with pytest.raises(InferenceError, match="it died" if fate == "dies" else "fails"):
        run(lambda _, __: fate, [lease(number) for number in range(20)])


def test_other_errors_end_the_audit_at_once() -> None:
    """What is no failure of the model is not tried again."""
    with pytest.raises(SpecError, match="refuses"):
        run(lambda index, _: "refuses" if index == 3 else "row", [lease(0), lease(1)])


@pytest.mark.parametrize("n_seats", [1, 2])
def test_a_batch_is_halved_until_it_fits(n_seats: int) -> None:
    """Nothing is lost, every worker is settled anew, and nobody is blamed."""
    books, workers = run(
        lambda _, batch: "full" if batch > 3 else "row",
        [lease(number) for number in range(6)],
        n_seats=n_seats,
        batch=24,
    )
    assert sorted(books.rows) == list(range(18))
    assert books.batches == [12, 6, 3]
    assert not books.failed
    assert len(workers) == n_seats


def test_an_image_too_large_for_any_batch_is_given_up() -> None:
    """A batch of one that does not fit is that image's failure."""
    books, _ = run(lambda index, _: "full" if index == 2 else "row", [lease(0, 1), lease(2, 1)])
    assert books.rows == [0]
    assert list(books.failed) == [2]
    assert books.batches == [4, 2, 1]


def test_stopping_forgets_what_waits() -> None:
    """After stop() nothing is leased, also nothing that failed before."""
    attempts = Attempts()
    attempts.add(lease(0))
    attempts.add(lease(1))
    first = attempts.next(0)
    assert first is not None
    attempts.stop()
    assert attempts.next(0) is None
    assert attempts.struck(first, first.wanted, InferenceError("x")) == {}
    assert attempts.next(0) is None
    attempts.finished()
    assert attempts.n_open == 0


def test_a_row_clears_the_model() -> None:
    """Failures with rows between them never add up to a broken model."""
    attempts = Attempts()
    attempts.answered()
    for number in range(3 * MAX_BARREN):
        attempts.barren(WorkerLostError("x"))
        if number % (MAX_BARREN - 1) == MAX_BARREN - 2:
            attempts.answered()
