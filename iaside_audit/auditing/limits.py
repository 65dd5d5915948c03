"""What a worker may take: memory, the size of a model, and time until its next sign of life.

On a CPU the process limits its own address space, so that what does not fit fails in it at once.
CUDA reserves far more than it uses; there, and in addition everywhere, the process that talks to
the user watches the memory that the worker really holds, and ends it.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from iaside_audit.choices import MAX_MODEL_BYTES
from iaside_audit.errors import WorkerLostError

if TYPE_CHECKING:
    from iaside_audit.auditing.wire import Message

GIB: Final = 1 << 30
MEMORY_SHARE: Final = 0.9
LEAST_ADDRESS_SPACE: Final = 4 * GIB
"""Beyond what the interpreter and its libraries have: a session of a usual model needs 1 GiB."""
LARGEST_FILE: Final = 64 << 20
"""Bytes of a file that a worker may write: its log, and what a library keeps of its own accord."""
CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
FIRST_TO_END: Final = b"1000"
"""Linux's score of what is ended first when memory runs out: the worker, never the window."""

LOAD_S: Final = 120.0
LOAD_BYTES_PER_S: Final = 20e6
"""A slow network disk; a model is read three times."""
BATCH_S: Final = 60.0
BATCH_MEDIANS: Final = 20
"""A batch may take so many times the median so far, where that is more than :data:`BATCH_S`."""
IMAGE_S: Final = 2.0
"""To read and decode one image of the largest size."""
REMEMBERED: Final = 101
ALIVE: Final = "alive"
"""The kind of a worker's message after each run of its model; it holds `rows` and `elapsed_s`."""


def default_memory_bytes() -> int | None:
    """Return nine tenths of the memory of this machine, or of its container; None if not known."""
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
    with suppress(OSError, ValueError):  # no control group, or the word "max"
        physical = min(physical, int(CGROUP_LIMIT.read_text(encoding="ascii")))
    return int(MEMORY_SHARE * physical)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a worker may take.

    Parameters
    ----------
    memory_bytes : int or None
        Of the process; None for no limit.
    max_model_bytes : int
        Of a model with its external data.
    load_s : float
        To open a model, beside the time to read it.
    batch_s : float
        Between two signs of life, at least.
    """

    memory_bytes: int | None = field(default_factory=default_memory_bytes)
    max_model_bytes: int = MAX_MODEL_BYTES
    load_s: float = LOAD_S
    batch_s: float = BATCH_S

    @classmethod
    def shared_by(cls, n_workers: int, *, max_model_bytes: int) -> Limits:
        """Return the limits of each of several workers on this machine."""
        total = default_memory_bytes()
        return cls(
            memory_bytes=None if total is None else total // n_workers,
            max_model_bytes=max_model_bytes,
        )


def apply_limits(address_space_bytes: int | None) -> None:
    """Limit this process: its memory, its files, no core dumps, first to end when memory runs out.

    Parameters
    ----------
    address_space_bytes : int or None
        None for no limit. What the process has already and 4 GiB are left to it in any case.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_least(LARGEST_FILE, most), most))
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_bytes(FIRST_TO_END)
    if address_space_bytes is not None:
        least = (_pages(os.getpid(), _VIRTUAL) or 0) + LEAST_ADDRESS_SPACE
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = max(address_space_bytes, least)
        with suppress(ValueError, OSError):  # macOS knows this limit, and refuses it
            resource.setrlimit(resource.RLIMIT_AS, (_least(limit, most), most))


def lift_address_space_limit() -> None:
    """Undo limits of :func:`apply_limits` for CUDA, which reserves freely and keeps kernels."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
        _, most = resource.getrlimit(kind)
        resource.setrlimit(kind, (most, most))


def _least(limit: int, most: int) -> int:
    """Return the lower of a limit and the user's own, of which a negative one is none."""
    return limit if most < 0 else min(limit, most)


def resident_bytes(pid: int) -> int | None:
    """Return the memory that a process holds; None where /proc does not say."""
    return _pages(pid, _RESIDENT)


_VIRTUAL: Final = 0
_RESIDENT: Final = 1


def _pages(pid: int, place: int) -> int | None:
    try:
        words = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
        return int(words[place]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def reading_s(message: Message) -> float:
    """Return how long the model file that a task names may take to be read."""
    try:
        return Path(str(message["model"])).stat().st_size / LOAD_BYTES_PER_S
    except (KeyError, OSError, ValueError):
        return 0.0


class Deadline:
    """How long a worker may be silent while it has a task.

    Only time that somebody waited counts: a process that was stopped, or busy elsewhere, has no
    right to blame its worker.

    Parameters
    ----------
    limits : Limits
        The least times.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tasks: deque[Message] = deque()
        self._silent_s = 0.0
        self._batch = 1
        self._row_s: deque[float] = deque(maxlen=REMEMBERED)

    def sent(self, message: Message) -> None:
        """Note a task that the worker was given."""
        if not self._tasks:
            self._silent_s = 0.0
        self._tasks.append(message)
        if "settings" in message:
            self._batch = int(message["settings"]["batch"])

    def heard(self, reply: Message) -> None:
        """Note a sign of life."""
        self._silent_s = 0.0
        if reply.get("kind") == ALIVE:
            self._row_s.append(reply["elapsed_s"] / max(reply["rows"], 1))
        elif reply.get("kind") in {"done", "error"} and self._tasks:
            self._tasks.popleft()

    @property
    def limit_s(self) -> float | None:
        """The silence that is allowed now; None where nothing is to be done."""
        if not self._tasks:
            return None
        message = self._tasks[0]
        if message.get("task") in {"inspect", "open"}:
            return self._limits.load_s + reading_s(message)
        row_s = median(self._row_s) if self._row_s else 0.0
        n_images = len(message.get("wanted") or message.get("images") or ())
        batch_s = max(self._limits.batch_s, BATCH_MEDIANS * row_s * self._batch)
        return batch_s + IMAGE_S * n_images

    def waited(self, seconds: float) -> None:
        """Note that the worker was silent for so long.

        Raises
        ------
        WorkerLostError
            If that is longer than :attr:`limit_s`.
        """
        self._silent_s += seconds
        limit_s = self.limit_s
        if limit_s is None or self._silent_s <= limit_s:
            return
        if self._tasks[0].get("task") in {"inspect", "open"}:
            raise WorkerLostError(
                f"Expected the model to open within {limit_s:.0f} s, found that it did not, and "
                "ended its process. The file may be damaged or made to hang."
            )
        raise WorkerLostError(
            f"Expected the next batch of {self._batch} within {limit_s:.0f} s, found that the "
            "model still ran, and ended its process. The model may loop without end, or need a "
            "smaller --batch."
        )


def check_memory(pid: int, limits: Limits) -> None:
    """Refuse a worker that holds too much memory.

    Raises
    ------
    WorkerLostError
        If it holds more than ``limits.memory_bytes``.
    """
    held = resident_bytes(pid) or 0
    if limits.memory_bytes is not None and held > limits.memory_bytes:
        raise WorkerLostError(
            f"Expected the worker process to hold at most {limits.memory_bytes / GIB:.1f} GiB of "
            f"memory, found {held / GIB:.1f} GiB, and ended it. Try a smaller --batch."
        )
