"""The books of an executor: answers on their way to the supervisor, and what a lost lease costs.

What all executors share, wherever their workers run: rows are handed on, a batch that does not fit
the memory is halved, and ``attempts`` decides what is tried again and what is given up.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iaside_audit.auditing.attempts import Attempts, Lease
from iaside_audit.auditing.workers import raise_if_error
from iaside_audit.errors import InferenceError, MemoryExhaustedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.auditing.wire import Message
    from iaside_audit.errors import WorkerLostError


@dataclass(slots=True)
class Running:
    """A lease that a worker has, and its images without an answer."""

    lease: Lease
    missing: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.missing = set(self.lease.wanted)


class BookedExecutor:
    """What executors share; the threads that serve the workers are the subclass's.

    Parameters
    ----------
    batch : int
        Rows of every call of the model; halved where they do not fit the memory.
    """

    def __init__(self, batch: int) -> None:
        self._attempts = Attempts()
        self._answers: queue.SimpleQueue[Message | BaseException] = queue.SimpleQueue()
        self._batch = batch
        self._batch_lock = threading.Lock()

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

    def _take(self, number: int, current: Running, reply: Message, batch: int) -> bool:
        """Hand on an answer, and keep the books; say whether the lease has ended."""
        match reply["kind"]:
            case "row" | "failed":
                current.missing.discard(reply["index"])
                self._attempts.answered()
                self._answers.put({**reply, "worker": number})
                return False
            case "done":
                self._answers.put(reply)
                self._attempts.finished()
            case _:
                try:
                    raise_if_error(reply)
                except MemoryExhaustedError as error:
                    if self._halve(batch, error):
                        self._attempts.again([current.lease])
                    else:
                        self._strike(current, error)
                except InferenceError as error:
                    self._strike(current, error)
        return True

    def _lose(self, running: Sequence[Running], error: WorkerLostError) -> None:
        """Decide what becomes of the leases of a worker that is gone; it ran the first of them."""
        self._answers.put({"kind": "lost", "message": error.message})
        if not running:
            self._attempts.barren(error)
            return
        current, *others = running
        self._attempts.again([one.lease for one in others])
        self._strike(current, error)

    def _strike(self, current: Running, error: InferenceError) -> None:
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
