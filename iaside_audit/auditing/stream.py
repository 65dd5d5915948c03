"""Work in a thread of its own as a stream of events, so that a slow reader does not hold it up."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iaside_audit.events import Control

Item = TypeVar("Item")


def stream(
    work: Callable[[Callable[[Item], None]], None], control: Control, *, name: str
) -> Iterator[Item]:
    """Run `work` in a thread and yield what it emits; closing the iterator cancels it.

    Parameters
    ----------
    work : callable
        Takes the callable that emits an item.
    control : Control
        Looked at by `work`; cancelled where the iterator ends, whatever the reason.
    name : str
        Of the thread.

    Raises
    ------
    BaseException
        Whatever `work` raises, in the reader's thread, after all that was emitted before.
    """
    items: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()

    def run() -> None:
        try:
            work(items.put)
        except BaseException as error:  # noqa: BLE001 - handed to the reader's thread
            items.put(_End(error))
        else:
            items.put(_End(None))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        while not isinstance(item := items.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        control.cancel()
        thread.join()


class _End:
    """Stands behind the last item."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
