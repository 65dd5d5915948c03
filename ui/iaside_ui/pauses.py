"""Where the window would wait for Python itself: collections of garbage, and other threads.

A full collection looks at every object there is. Pages and their imports are some 300,000, which
takes 30 to 90 ms, in whichever thread it comes up, and it comes up most while much is made: pages
in the first seconds, a result being read. Most garbage needs no collection at all; what refers to
itself in circles can wait.

A thread that computes in Python keeps the others waiting for Python's switch interval, and the
window's thread has to wait anew after every call of Qt that lets others run, dozens in a turn.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

SWITCH_S: Final = 0.0005
"""A tenth of Python's own: turns took half as long while a large result was read in a thread."""
THRESHOLDS: Final = (10_000, 10, 50)
"""Of the three generations. A large result is read without a full collection (it takes about
500,000 objects, this waits for 5,000,000), and none of the smaller ones takes a frame."""


def shorten() -> None:
    """Let no thread keep the window waiting, and collect nothing while the program starts.

    What it makes then, it keeps.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.disable()


def settle() -> None:
    """Collect from now on, and never look again at what is there already."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
