"""A worker's memory and silence have limits, and nobody is blamed for what others took."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.auditing import limits as module
from iaside_audit.auditing.limits import (
    BATCH_MEDIANS,
    GIB,
    IMAGE_S,
    LOAD_BYTES_PER_S,
    Deadline,
    Limits,
    check_memory,
    default_memory_bytes,
    reading_s,
    resident_bytes,
)
from iaside_audit.errors import InferenceError

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.auditing.wire import Message

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux")
LIMITS = Limits(memory_bytes=None, load_s=10, batch_s=5)
OPEN: Message = {"task": "open", "model": "nowhere.onnx"}
DONE: Message = {"kind": "done"}


def settle(batch: int) -> Message:
    """Return the message that fixes the batch."""
    return {"task": "settle", "settings": {"batch": batch}}


def alive(rows: int, elapsed_s: float) -> Message:
    """Return a sign of life."""
    return {"kind": "alive", "rows": rows, "elapsed_s": elapsed_s}


def in_a_process(code: str) -> str:
    """Run code in a process of its own, where limits can be set, and return what it prints."""
    start = "import os, resource\nfrom iaside_audit.auditing.limits import *\n"
    start += "from iaside_audit.auditing import limits\nGIB = 1 << 30\n"
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@linux_only
def test_limited_process_cannot_take_more() -> None:
    """What does not fit fails at once, as an error of Python, and without a core dump."""
    printed = in_a_process(
        "limits.apply_limits(0)\n"
        "small = bytearray(GIB)\n"
        "try:\n"
        "    bytearray(8 * GIB)\n"
        "except MemoryError:\n"
        "    print('refused', resource.getrlimit(resource.RLIMIT_CORE),\n"
        "          open('/proc/self/oom_score_adj').read().strip())\n"
    )
    assert printed == "refused (0, 0) 1000"


@linux_only
def test_limited_process_cannot_fill_the_disk(tmp_path: Path) -> None:
    """A worker's files, its log above all, end at a size; they are free again for CUDA's cache."""
    printed = in_a_process(
        "limits.apply_limits(None)\n"
        f"file = open({str(tmp_path / 'file')!r}, 'wb')\n"
        "try:\n"
        "    file.truncate(limits.LARGEST_FILE + 1)\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
        "limits.lift_address_space_limit()\n"
        "print(file.truncate(limits.LARGEST_FILE + 1))\n"
    )
    assert printed.splitlines() == ["File too large", str(module.LARGEST_FILE + 1)]


@linux_only
@pytest.mark.parametrize("undo", ["limits.apply_limits(None)", "limits.lift_address_space_limit()"])
def test_process_without_limit_reserves_freely(undo: str) -> None:
    """None sets no limit, and a limit can be lifted for CUDA."""
    first = "" if "None" in undo else "limits.apply_limits(0)\n"
    printed = in_a_process(
        f"import mmap\n{first}{undo}\n"
        "flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE\n"
        "print(len(mmap.mmap(-1, 64 * GIB, flags=flags)) // GIB)\n"
    )
    assert printed == "64"


@linux_only
def test_hard_limit_of_the_user_stays() -> None:
    """A limit that the user's shell set is neither raised nor an error."""
    printed = in_a_process(
        "most = 64 * GIB\n"
        "resource.setrlimit(resource.RLIMIT_AS, (most, most))\n"
        "limits.apply_limits(10**18)\n"
        "print(resource.getrlimit(resource.RLIMIT_AS) == (most, most))\n"
        "limits.lift_address_space_limit()\n"
        "print(resource.getrlimit(resource.RLIMIT_AS) == (most, most))\n"
    )
    assert printed.split() == ["True", "True"]


@linux_only
def test_default_memory_is_less_than_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The default leaves a tenth to others, and honours the limit of a container."""
    monkeypatch.setattr(module, "CGROUP_LIMIT", tmp_path / "none")
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert default_memory_bytes() == int(0.9 * physical)
    (tmp_path / "max").write_text("max\n")
    monkeypatch.setattr(module, "CGROUP_LIMIT", tmp_path / "max")
    assert default_memory_bytes() == int(0.9 * physical)
    (tmp_path / "some").write_text("1000000\n")
    monkeypatch.setattr(module, "CGROUP_LIMIT", tmp_path / "some")
    assert default_memory_bytes() == 900_000
    assert Limits().memory_bytes == 900_000


@linux_only
def test_memory_of_a_process_is_watched() -> None:
    """More than the limit is an error with both numbers; an ended process holds nothing."""
    held = resident_bytes(os.getpid())
    assert held is not None
    assert 10_000_000 < held < 10 * GIB
    check_memory(os.getpid(), Limits(memory_bytes=100 * GIB))
    check_memory(os.getpid(), Limits(memory_bytes=None))
    with pytest.raises(InferenceError, match=r"at most 0\.0 GiB of memory, found .*--batch"):
        check_memory(os.getpid(), Limits(memory_bytes=1_000_000))
    assert resident_bytes(2**30) is None
    check_memory(2**30, Limits(memory_bytes=0))


def test_loading_has_a_deadline() -> None:
    """A model that does not open is an error; waiting is summed over calls."""
    deadline = Deadline(LIMITS)
    deadline.sent(OPEN)
    for _ in range(10):
        deadline.waited(1.0)
    with pytest.raises(InferenceError, match=r"open within 10 s.*made to hang"):
        deadline.waited(0.1)


def test_large_models_have_longer(tmp_path: Path) -> None:
    """The deadline for loading grows with the file."""
    path = tmp_path / "m.onnx"
    path.touch()
    os.truncate(path, int(7 * LOAD_BYTES_PER_S))
    message = {"task": "inspect", "model": str(path)}
    assert reading_s(message) == pytest.approx(7)
    deadline = Deadline(LIMITS)
    deadline.sent(message)
    assert deadline.limit_s == pytest.approx(17)
    assert reading_s({"model": "no\0where.onnx"}) == reading_s({"task": "settle"}) == 0


@pytest.mark.parametrize("reply", [{"kind": "row"}, alive(1, 0.0)], ids=["row", "alive"])
def test_sign_of_life_starts_the_wait_anew(reply: Message) -> None:
    """Only silence in one piece counts."""
    deadline = Deadline(LIMITS)
    deadline.sent({"task": "lease"})
    for _ in range(5):
        deadline.waited(4.0)
        deadline.heard(reply)
    deadline.waited(5.0)
    with pytest.raises(InferenceError, match="the next batch of 1 within 5 s"):
        deadline.waited(0.1)


def test_idle_worker_has_no_deadline() -> None:
    """A worker that has nothing to do may be silent, and its next task starts anew."""
    deadline = Deadline(LIMITS)
    assert deadline.limit_s is None
    deadline.waited(1e9)
    for last in (DONE, {"kind": "error"}):
        deadline.sent(OPEN)
        deadline.sent({"task": "lease"})
        deadline.heard(DONE)
        assert deadline.limit_s == LIMITS.batch_s
        deadline.heard(last)
        deadline.waited(1e9)
        deadline.sent(OPEN)
        deadline.waited(9.0)
        deadline.heard(DONE)


def test_images_of_a_task_give_it_longer() -> None:
    """Reading and decoding come before the first batch."""
    for task in ({"task": "lease", "wanted": [0] * 7}, {"task": "statistics", "images": [0] * 7}):
        deadline = Deadline(LIMITS)
        deadline.sent(task)
        assert deadline.limit_s == LIMITS.batch_s + 7 * IMAGE_S


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=50), st.integers(1, 256))
def test_deadline_of_a_batch_follows_the_median(times: list[float], batch: int) -> None:
    """It is twenty times the median row so far, for as many rows as a batch has, or the least."""
    deadline = Deadline(LIMITS)
    deadline.sent(settle(batch))
    for elapsed_s in times:
        deadline.heard(alive(4, elapsed_s))
    row_s = sorted(times)[len(times) // 2] / 4
    lower = sorted(times)[(len(times) - 1) // 2] / 4
    limit_s = deadline.limit_s
    assert limit_s is not None
    slack = 1e-6 * (1 + limit_s)
    assert max(5, BATCH_MEDIANS * batch * lower) - slack <= limit_s
    assert limit_s <= max(5, BATCH_MEDIANS * batch * row_s) + slack


@pytest.mark.parametrize("reply", [{}, {"kind": 3}, DONE, {"kind": "alive", "rows": 0}])
def test_answers_that_nobody_asked_for_do_no_harm(reply: dict[str, Any]) -> None:
    """A worker cannot upset the deadline with what it sends."""
    deadline = Deadline(LIMITS)
    if reply.get("kind") == "alive":
        reply |= {"elapsed_s": 1.0}
    deadline.heard(reply)
    deadline.sent(OPEN)
    deadline.waited(1.0)
    assert deadline.limit_s == LIMITS.load_s
