"""What comes up is painted piece by piece, each in a turn of the event loop of its own.

A page that is shown is laid out and painted in one turn. Plots and tables take most of that, about
10 ms each; painted one after the other, none keeps the window from answering.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QTimer
from shiboken6 import isValid

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

NEXT_MS: Final = 1
"""Of 0, Qt makes a posted event, which is handled in the turn in which it is posted."""

_waiting: Final[deque[QWidget]] = deque()


def paint_in_turn(widget: QWidget) -> None:
    """Paint a widget that is about to be painted in a later turn, after those that wait already."""
    widget.setUpdatesEnabled(False)
    _waiting.append(widget)
    if len(_waiting) == 1:
        QTimer.singleShot(NEXT_MS, _paint_next)


def _paint_next() -> None:
    """Let the first that is still there be painted when this turn ends."""
    widget = _waiting.popleft()
    while not isValid(widget) and _waiting:
        widget = _waiting.popleft()
    if isValid(widget):
        widget.setUpdatesEnabled(True)
    if _waiting:
        QTimer.singleShot(NEXT_MS, _paint_next)
