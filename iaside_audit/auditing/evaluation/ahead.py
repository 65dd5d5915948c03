"""Images made ready before they are asked for, in threads beside the model's run.

To decode an image and to cut it into bands takes one core as long as a small model takes several
cores for all coalitions of a walk, and longer than a GPU does.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_THREADS: Final = 4
"""More than a model on one GPU can follow."""
LEAST_SHARED: Final = 4
"""Cores from which on a model on the CPU gains by it (about a fifth on four)."""
MAX_BYTES: Final = 1 << 28
"""Of what is ready and not yet taken; images of usual sizes take a tenth of it."""

Item = TypeVar("Item")
Made = TypeVar("Made")


def threads_ahead(model_threads: int, *, is_beside: bool) -> int:
    """Return how many threads may work ahead of a model.

    Parameters
    ----------
    model_threads : int
        Cores that are the model's, or that it leaves alone.
    is_beside : bool
        Whether it leaves them alone, as on a GPU. Else it waits for the slowest of its threads, so
        that on two cores work beside it costs more than it spares.
    """
    if not is_beside and model_threads < LEAST_SHARED:
        return 0
    return max(1, min(MAX_THREADS, model_threads // 2))


class Ahead(Generic[Item, Made]):
    """Makes things of items, some of them before they are asked for.

    Parameters
    ----------
    make : callable
        Makes one; called from several threads at once, and the same for an item every time.
    n_threads : int
        How many work ahead; none for 0.
    made_bytes : int
        What one thing takes, while it is made or when it is; as many are begun as fit into
        :data:`MAX_BYTES`.
    """

    def __init__(self, make: Callable[[Item], Made], *, n_threads: int, made_bytes: int) -> None:
        self._make = make
        self._most = MAX_BYTES // made_bytes if n_threads else 0
        self._pool = ThreadPoolExecutor(max(1, n_threads), thread_name_prefix="ahead")
        self._begun: dict[int, tuple[Item, Future[Made]]] = {}

    def begin(self, items: Iterable[tuple[int, Item]]) -> None:
        """Begin with items, each at its place; may be called from another thread."""
        with suppress(RuntimeError):  # closed meanwhile
            for place, item in items:
                if len(self._begun) < self._most:
                    self._begun[place] = item, self._pool.submit(self._make, item)

    def take(self, place: int, item: Item) -> Made:
        """Return what is made of an item, here and now unless that was begun.

        Raises
        ------
        Exception
            Whatever making it raised.
        """
        begun = self._begun.pop(place, None)
        if begun is not None and begun[0] == item:
            with suppress(MemoryError):  # beside others; alone it may fit
                return begun[1].result()
        return self._make(item)

    def forget(self, places: Iterable[int]) -> None:
        """Let go of what was begun at some places and never taken."""
        for place in places:
            begun = self._begun.pop(place, None)
            if begun is not None:
                begun[1].cancel()

    def close(self) -> None:
        """Begin nothing more; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
