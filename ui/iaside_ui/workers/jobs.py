"""Short jobs beside the window: reading a result, writing a report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QThreadPool, Signal, Slot

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Any], None]  # Any: what the job returns, or the Exception it raised


class Jobs(QObject):
    """Runs one job after the other in a thread, and hands what came of it to the window's thread.

    Parameters
    ----------
    parent : QObject or None
        Its owner.
    """

    _jobEnded = Signal(int, object, bool)  # number, what it returned or raised, whether it worked

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._handlers: dict[int, tuple[Handler, Handler]] = {}
        self._n_started = 0
        self._jobEnded.connect(self._hand_over, Qt.ConnectionType.QueuedConnection)

    @property
    def is_busy(self) -> bool:
        """Whether some job has not been heard of yet."""
        return bool(self._handlers)

    def start(self, job: Callable[[], object], on_done: Handler, on_failed: Handler) -> None:
        """Run `job` in the thread; one of the two handlers is then called in this one."""
        self._n_started += 1
        self._handlers[self._n_started] = (on_done, on_failed)
        self._pool.start(partial(self._run, self._n_started, job))

    def close(self) -> None:
        """Wait for the job under way, and hear no more of it: files are written whole."""
        self._handlers.clear()
        self._pool.waitForDone()

    def _run(self, number: int, job: Callable[[], object]) -> None:
        """Run in the pool's thread."""
        try:
            self._jobEnded.emit(number, job(), True)
        except Exception as error:  # noqa: BLE001 - handed to the window's thread
            self._jobEnded.emit(number, error, False)

    @Slot(int, object, bool)
    def _hand_over(self, number: int, outcome: object, has_worked: bool) -> None:  # noqa: FBT001 - Qt's signals have no keywords
        handlers = self._handlers.pop(number, None)
        if handlers is not None:
            on_done, on_failed = handlers
            (on_done if has_worked else on_failed)(outcome)
