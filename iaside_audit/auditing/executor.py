"""Run leases on worker processes of this machine; lost workers are replaced.

One thread a worker sends it leases and hands on its answers; the supervisor reads them all from one
queue. What is tried again, and what is given up, is decided in ``attempts``.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from iaside_audit.auditing.books import BookedExecutor, Running
from iaside_audit.auditing.workers import raise_if_error
from iaside_audit.errors import MemoryExhaustedError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from iaside_audit.auditing.attempts import Lease
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker

POLL_S: Final = 0.1
"""How long a wait lasts before cancelling is looked at again."""
LEASES_AHEAD: Final = 4
"""One lease runs while the images of the next ones are made ready, so that no worker idles."""


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


class LocalExecutor(BookedExecutor):
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
        super().__init__(batch)
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

    def close(self) -> None:
        """End every worker at once."""
        self._attempts.stop()
        self._is_closing.set()
        for thread in self._threads:
            thread.join()

    def _serve(self, number: int, seat: Seat, worker: Worker | None) -> None:
        """Keep one seat busy until the end."""
        batch = self._batch
        running: deque[Running] = deque()
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
                    if reply is not None and self._take(number, running[0], reply, batch):
                        running.popleft()
                except WorkerLostError as error:
                    if worker is not None:
                        worker.kill()
                    worker = None
                    self._lose(running, error)
                    running.clear()
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

    def _fill(self, worker: Worker, running: deque[Running]) -> None:
        """Keep as many leases in the worker as it takes to be busy."""
        while len(running) < LEASES_AHEAD:
            last = running[-1].lease if running else None
            lease = self._attempts.next(0 if running else POLL_S, behind=last)
            if lease is None:
                return
            running.append(Running(lease))
            worker.send(lease.message())
