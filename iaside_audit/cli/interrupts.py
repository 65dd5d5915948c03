"""Ctrl-C while the program is still starting, which an import may swallow or turn into a fault."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

asked: Final = threading.Event()
"""Whether the user has asked to stop, whatever became of the exception."""


def listen() -> None:
    """Note every Ctrl-C from now on, besides raising it."""
    asked.clear()
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    asked.set()
    raise KeyboardInterrupt
