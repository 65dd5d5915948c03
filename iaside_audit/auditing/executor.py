"""Run leases on worker processes of this machine; lost workers are replaced.

One thread a worker sends it leases and hands on its answers; the supervisor reads them all from one
queue. What is tried again, and what is given up, is decided in ``attempts``.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from iaside_audit.auditing.attempts import Attempts, Lease
from iaside_audit.auditing.workers import raise_if_error
from iaside_audit.errors import InferenceError, MemoryExhaustedError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker

POLL_S: Final = 0.1
"""How long a wait lasts before cancelling is looked at again."""
LEASES_AHEAD: Final = 2
"""One lease runs while the next one waits in the worker, so that it never idles."""


class Executor(Protocol):
    """Something that runs leases."""

    @property
    def has_room(self) -> bool:
        """Whether a further lease would keep a worker busy."""

    @property
    def is_idle(self) -> bool:
        """Whether every lease is answered, and every answer received."""

    def submit(self, lease: Lease) -> None:
        """Queue a lease."""

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next answer, or None when the time is up.

        Its `kind` is ``row``; ``failed``, an image without a row; ``done``, of a lease, with
        `n_evaluations` and `elapsed_s`; ``lost``, a worker that was replaced; or ``batch``, which
        was halved.
        """

    def stop(self) -> None:
        """Start no further lease; those that run may still answer."""

    def close(self) -> None:
        """End every worker at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a worker is started, and how it is made ready.

    Parameters
    ----------
    start : callable
        Starts a worker.
    preparation : callable
        Takes the rows of a batch; returns the tasks that come before the first lease.
    """

    start: Callable[[], Worker]
    preparation: Callable[[int], Sequence[Message]]


@dataclass(slots=True)
class _Running:
    """A lease that a worker has, and its images without an answer."""

    lease: Lease
    missing: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.missing = set(self.lease.wanted)


class LocalExecutor:
    """Runs leases on the workers of some seats.

    Parameters
    ----------
    seats : sequence of Seat
        One for each worker.
    first : Worker
        The worker of the first seat, made ready.
    batch : int
        Rows of every call of the model; halved where they do not fit the memory.
    """

    def __init__(self, seats: Sequence[Seat], first: Worker, *, batch: int) -> None:
        self._attempts = Attempts()
        self._answers: queue.SimpleQueue[Message | BaseException] = queue.SimpleQueue()
        self._batch = batch
        self._batch_lock = threading.Lock()
        self._is_closing = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._serve,
                args=(number, seat, first if number == 0 else None),
                name=f"audit worker {number}",
                daemon=True,
            )
            for number, seat in enumerate(seats)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def has_room(self) -> bool:
        """Whether a further lease would keep a worker busy."""
        return self._attempts.n_open < LEASES_AHEAD * len(self._threads)

    @property
    def is_idle(self) -> bool:
        """Whether every lease is answered, and every answer received."""
        # A lease counts as open until its answers are in the queue, so the order matters.
        return self._attempts.n_open == 0 and self._answers.empty()

    def submit(self, lease: Lease) -> None:
        """Queue a lease."""
        self._attempts.add(lease)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next answer, or None when the time is up.

        Raises
        ------
        IASideError
            If no worker can go on.
        """
        try:
            answer = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def stop(self) -> None:
        """Start no further lease; those that run may still answer."""
        self._attempts.stop()

    def close(self) -> None:
        """End every worker at once."""
        self._attempts.stop()
        self._is_closing.set()
        for thread in self._threads:
            thread.join()

    def _serve(self, number: int, seat: Seat, worker: Worker | None) -> None:
        """Keep one seat busy until the end."""
        batch = self._batch
        running: deque[_Running] = deque()
        try:
            while not self._is_closing.is_set():
                try:
                    if worker is None:
                        worker = seat.start()
                        batch = -1
                    if batch != self._batch and not running:
                        batch = self._prepare(worker, seat, is_new=batch < 0)
                        continue
                    if batch == self._batch:
                        self._fill(worker, running)
                    reply = worker.receive(POLL_S) if running else None
                    if reply is not None:
                        self._take(number, running, reply, batch)
                except WorkerLostError as error:
                    if worker is not None:
                        worker.kill()
                    worker = None
                    self._lose(running, error)
        except BaseException as error:  # noqa: BLE001 - raised in the supervisor's thread
            self._answers.put(error)
        finally:
            if worker is not None:
                worker.kill()

    def _prepare(self, worker: Worker, seat: Seat, *, is_new: bool) -> int:
        """Make a worker ready, or settle it anew after the batch was halved; return its batch."""
        batch = self._batch
        messages = seat.preparation(batch)
        try:
            for message in messages if is_new else messages[-1:]:
                worker.send(message)
                while (reply := worker.receive(POLL_S)) is None:
                    if self._is_closing.is_set():
                        return batch
                raise_if_error(reply)
        except MemoryExhaustedError as error:
            if not self._halve(batch, error):
                raise
        return batch

    def _fill(self, worker: Worker, running: deque[_Running]) -> None:
        """Keep as many leases in the worker as it takes to be busy."""
        while len(running) < LEASES_AHEAD:
            lease = self._attempts.next(0 if running else POLL_S)
            if lease is None:
                return
            running.append(_Running(lease))
            worker.send(lease.message())

    def _take(self, number: int, running: deque[_Running], reply: Message, batch: int) -> None:
        """Hand on an answer, and keep the books."""
        current = running[0]
        match reply["kind"]:
            case "row" | "failed":
                current.missing.discard(reply["index"])
                self._attempts.answered()
                self._answers.put({**reply, "worker": number})
            case "done":
                running.popleft()
                self._answers.put(reply)
                self._attempts.finished()
            case _:
                running.popleft()
                try:
                    raise_if_error(reply)
                except MemoryExhaustedError as error:
                    if self._halve(batch, error):
                        self._attempts.again([current.lease])
                    else:
                        self._strike(current, error)
                except InferenceError as error:
                    self._strike(current, error)

    def _lose(self, running: deque[_Running], error: WorkerLostError) -> None:
        """Decide what becomes of the leases of a worker that is gone."""
        self._answers.put({"kind": "lost", "message": error.message})
        if not running:
            self._attempts.barren(error)
            return
        current, *others = running
        running.clear()
        self._attempts.again([one.lease for one in others])
        self._strike(current, error)

    def _strike(self, current: _Running, error: InferenceError) -> None:
        given_up = self._attempts.struck(current.lease, frozenset(current.missing), error)
        for index, failure in given_up.items():
            self._answers.put(
                {"kind": "failed", "index": index, "path": failure.path, "reason": failure.reason}
            )
        self._attempts.finished()

    def _halve(self, batch: int, error: MemoryExhaustedError) -> bool:
        """Halve the batch unless another worker just did; say whether a smaller one is possible."""
        with self._batch_lock:
            if self._batch != batch:
                return True
            if batch == 1:
                return False
            self._batch = -(-batch // 2)
            self._answers.put({"kind": "batch", "batch": self._batch, "message": error.message})
            return True
