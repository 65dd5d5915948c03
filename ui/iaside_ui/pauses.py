"""Python's collections of garbage, made short: the window stands still while one runs.

A full collection looks at every object there is. Pages and their imports are some 300,000, which
takes 30 to 90 ms, in whichever thread it comes up, and it comes up most while much is made: pages
in the first seconds, a result being read. Most garbage needs no collection at all; what refers to
itself in circles can wait.
"""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (10_000, 10, 50)
"""Of the three generations. A large result is read without a full collection (it takes about
500,000 objects, this waits for 5,000,000), and none of the smaller ones takes a frame."""


def put_off() -> None:
    """Collect nothing while the program starts: what it makes now, it keeps."""
    gc.disable()


def settle() -> None:
    """Collect from now on, and never look again at what is there already."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
