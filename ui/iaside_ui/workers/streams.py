"""Something that yields events, in a thread of its own: one at a time.

The worker iterates the events and hands each on with the number of its run. The runner, in the
window's thread, drops those of an older run, folds the rest into a
:class:`~iaside_ui.state.RunState`, and shows that at most thirty times a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from iaside_audit.events import Control
from iaside_ui.state import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Start = Callable[[Control], Iterable[Any]]  # Any: events of the engine, and what it found

FRAME_MS: Final = 33
"""Thirty pictures a second are as many as anyone sees."""


class StreamWorker(QObject):
    """Iterates events; lives in the runner's thread."""

    eventHappened = Signal(int, object)  # the run's number, an event
    failed = Signal(int, Exception)

    @Slot(int, object, Control)
    def run(self, number: int, start: Start, control: Control) -> None:
        """Hand on every event, to the last."""
        try:
            for event in start(control):
                self.eventHappened.emit(number, event)
        except Exception as error:  # noqa: BLE001 - handed to the window's thread
            self.failed.emit(number, error)


class StreamRunner(QObject):
    """The window's handle on the thread; a subclass says what starts, and how it ends.

    Parameters
    ----------
    parent : QObject or None
        Its owner.
    """

    stateChanged = Signal(RunState)
    failed = Signal(Exception)
    _runAsked = Signal(int, object, Control)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._number = 0
        self._control: Control | None = None
        self._state: RunState | None = None
        self._frame = QTimer(self, interval=FRAME_MS, singleShot=True)
        self._frame.timeout.connect(self._show)
        self._thread = QThread(self)
        self._worker = StreamWorker()
        self._worker.moveToThread(self._thread)
        self._runAsked.connect(self._worker.run)
        self._worker.eventHappened.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._worker.failed.connect(self._fail, Qt.ConnectionType.QueuedConnection)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether something is under way."""
        return self._control is not None

    @property
    def is_paused(self) -> bool:
        """Whether what is under way starts no further images."""
        return self._control is not None and self._control.is_paused

    @property
    def is_cancelling(self) -> bool:
        """Whether what is under way was asked to stop."""
        return self._control is not None and self._control.is_cancelled

    def toggle_pause(self) -> None:
        """Pause, or go on."""
        if self._control is None or self._state is None:
            return
        if self._control.is_paused:
            self._control.resume()
        else:
            self._control.pause()
        self._show()

    def cancel(self) -> None:
        """Ask what runs to stop; its end follows within a second."""
        if self._control is not None:
            self._control.cancel()
            self._show()

    def abandon(self) -> None:
        """Cancel what runs and hear no more of it."""
        if self._control is not None:
            self._control.cancel()
            self._end()
            self._number += 1

    def close(self) -> None:
        """Cancel what runs and wait for the thread, a second at most in good order."""
        self.abandon()
        self._thread.quit()
        self._thread.wait()

    def _begin(self, state: RunState, start: Start) -> None:
        """Start; what ran before, if it still does, is abandoned."""
        self.abandon()
        self._number += 1
        self._control = Control()
        self._state = state
        self._show()
        self._runAsked.emit(self._number, start, self._control)

    def _hear(self, event: Any) -> bool:  # Any: as Start
        """Say whether an event is one that the subclass deals with itself."""
        raise NotImplementedError

    @Slot(int, object)
    def _take(self, number: int, event: Any) -> None:  # Any: as Start
        """Fold one event, unless it is a late one of an older run."""
        if number != self._number or self._state is None or self._hear(event):
            return
        self._state = self._state.after(event)
        if not self._frame.isActive():
            self._frame.start()

    @Slot(int, Exception)
    def _fail(self, number: int, error: Exception) -> None:
        if number == self._number:
            self._end()
            self.failed.emit(error)

    def _end(self) -> None:
        """Show the last state, and be idle."""
        self._frame.stop()
        self._show()
        self._control = None
        self._state = None

    @Slot()
    def _show(self) -> None:
        if self._state is not None:
            self._state = self._state.with_control(
                is_paused=self.is_paused, is_cancelling=self.is_cancelling
            )
            self.stateChanged.emit(self._state)
