"""Which lease is tried next, and what is given up: the bookkeeping of an executor.

A lease whose worker was lost is tried again image by image, the others of its block left empty, so
that shapes and bits stay what they were and the guilty image is found. An image that ends three
workers is given up.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.result import FailedImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.auditing.evaluation.evaluate import LeaseItem
    from iaside_audit.auditing.wire import Message
    from iaside_audit.errors import InferenceError

MAX_STRIKES: Final = 3
"""Workers that an image may end before it is given up."""
MAX_BARREN: Final = 6
"""So many failures in a row without one row say that it is the model, not an image."""
MAX_BARREN_AT_FIRST: Final = 4
"""The same before the first row: one image that ends three workers, and the next that fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A fixed block of consecutive images, evaluated together.

    Parameters
    ----------
    number : int
        Its place among all leases of the audit.
    items : tuple of LeaseItem
        The whole block: its size fixes the shape of every batch.
    wanted : frozenset of int
        Indices of the images to be evaluated; the others leave a hole.
    is_divisible : bool
        Whether an image may be evaluated without the others of its block.
    task : str
        The worker's task.
    parameters : dict
        What else the task takes; JSON values and arrays.
    """

    number: int
    items: tuple[LeaseItem, ...]
    wanted: frozenset[int]
    is_divisible: bool = True
    task: str = "lease"
    parameters: dict[str, Any] = field(default_factory=dict)  # Any: JSON

    @classmethod
    def of(cls, items: Sequence[LeaseItem], *, number: int, is_divisible: bool = True) -> Lease:
        """Return the lease of a whole block."""
        wanted = frozenset(item.index for item in items)
        return cls(number=number, items=tuple(items), wanted=wanted, is_divisible=is_divisible)

    def message(self) -> Message:
        """Return the task for the worker."""
        return {
            **self.parameters,
            "task": self.task,
            "lease": self.number,
            "items": [item.to_wire() for item in self.items],
            "wanted": sorted(self.wanted),
        }

    def name_of(self, index: int) -> str:
        """Return the path of one of its images."""
        return next(item.image.path for item in self.items if item.index == index)


class Attempts:
    """The leases that wait, and the strikes against images; used from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Lease] = deque()
        self._strikes: Counter[int] = Counter()
        self._n_open = 0
        self._n_barren = 0
        self._has_rows = False
        self._is_stopped = False

    @property
    def n_open(self) -> int:
        """Leases that wait or run."""
        with self._changed:
            return self._n_open

    def add(self, lease: Lease) -> None:
        """Queue a lease behind the others."""
        with self._changed:
            self._waiting.append(lease)
            self._n_open += 1
            self._changed.notify()

    def next(self, timeout_s: float, *, behind: Lease | None = None) -> Lease | None:
        """Return the lease to be tried now, if one comes in time.

        Parameters
        ----------
        timeout_s : float
            How long to wait for one.
        behind : Lease or None
            What the worker has already. A worker prepares the images of what it has next while the
            model runs, so an image that ends workers would be taken for one before it: what failed
            once is tried alone.
        """
        with self._changed:
            if not self._waiting and timeout_s:
                self._changed.wait(timeout_s)
            if not self._waiting:
                return None
            if behind is not None and (
                self._is_suspect(behind) or self._is_suspect(self._waiting[0])
            ):
                return None
            return self._waiting.popleft()

    def again(self, leases: Sequence[Lease]) -> None:
        """Queue leases before the others: nobody is to blame for their loss."""
        with self._changed:
            self._requeue(leases)

    def stop(self) -> None:
        """Forget what waits, and what would have been tried again."""
        with self._changed:
            self._is_stopped = True
            self._n_open -= len(self._waiting)
            self._waiting.clear()

    def answered(self) -> None:
        """Note that a row came: the model works."""
        with self._changed:
            self._n_barren = 0
            self._has_rows = True

    def finished(self) -> None:
        """Note that a lease is done."""
        with self._changed:
            self._n_open -= 1

    def barren(self, error: InferenceError) -> None:
        """Note that a worker was lost while it had no lease.

        Raises
        ------
        InferenceError
            `error`, where too many were lost in a row.
        """
        with self._changed:
            self._count_barren(error)

    def struck(
        self, lease: Lease, missing: frozenset[int], error: InferenceError
    ) -> dict[int, FailedImage]:
        """Note that a lease failed, queue what is tried again, and return what is given up.

        The lease itself stays open until :meth:`finished`, so that what is given up can be told.

        Parameters
        ----------
        lease : Lease
            What the worker had.
        missing : frozenset of int
            The images of it without an answer.
        error : InferenceError
            Why; raised again where too many workers in a row were lost without a row.
        """
        with self._changed:
            self._strikes.update(missing)
            given_up = {
                index: FailedImage(path=lease.name_of(index), reason=_why(error))
                for index in sorted(missing)
                if self._strikes[index] >= MAX_STRIKES
            }
            self._count_barren(error)
            rest = sorted(missing - given_up.keys())
            groups = [[index] for index in rest] if lease.is_divisible else [rest]
            again = [replace(lease, wanted=frozenset(group)) for group in groups if group]
            self._n_open += len(again)
            self._requeue(again)
        return given_up

    def _is_suspect(self, lease: Lease) -> bool:
        return any(self._strikes[index] for index in lease.wanted)

    def _requeue(self, leases: Sequence[Lease]) -> None:
        if self._is_stopped:
            self._n_open -= len(leases)
            return
        self._waiting.extendleft(reversed(leases))
        self._changed.notify(len(leases))

    def _count_barren(self, error: InferenceError) -> None:
        self._n_barren += 1
        if self._n_barren >= (MAX_BARREN if self._has_rows else MAX_BARREN_AT_FIRST):
            raise error


def _why(error: InferenceError) -> str:
    return f"given up after {MAX_STRIKES} tries: {error.message}"
