"""How quick the window is: first paint, the band inspector, frames during an audit.

    python benchmarks/window.py [--repeats 30] [--json FILE]

Prints, on this machine: seconds from the start of the process to the first picture of the window;
milliseconds from ticking a band to the composed image and the model's answer being shown, with
EfficientNet-Lite0; the longest time that the window's thread was busy at a stretch while the
built-in model was audited; memory after 200 image steps against memory after 20.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_ui.app import Program

FIRST_PAINT = """
import sys, time
from pathlib import Path
from iaside_ui.app import Program, make_application
application = make_application(["benchmark"])
program = Program(Path(sys.argv[1]) / "preferences.json")
program.open()
program.window.repaint()
print(time.time())
program.close()
"""
TICK_S = 0.002
WAIT_S = 600.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder
        found: dict[str, Any] = {"first_paint_s": first_paint(folder)}
        found |= inside(Path(folder), options.repeats)
    text = json.dumps(found, indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")


def first_paint(folder: str, n_starts: int = 5) -> dict[str, float]:
    """Start the program several times."""
    taken = []
    for _ in range(n_starts):
        started = time.time()
        done = subprocess.run(
            [sys.executable, "-c", FIRST_PAINT, folder], capture_output=True, text=True, check=True
        )
        taken.append(float(done.stdout.split()[-1]) - started)
    return {"least": min(taken), "median": statistics.median(taken)}


def inside(folder: Path, repeats: int) -> dict[str, Any]:
    """Measure in one window."""
    from iaside_ui.app import Program, make_application  # noqa: PLC0415 - after the environment

    application = make_application(["benchmark"])
    program = Program(folder / "preferences.json")
    program.open()
    process = application.processEvents
    found = {
        "inspector_ms": inspector_latency(program, process, repeats),
        "memory_mb": memory_over_steps(program, process),
        "audit": frames_during_an_audit(program, process),
    }
    program.close()
    return found


def inspector_latency(
    program: Program, process: Callable[[], None], repeats: int
) -> dict[str, float]:
    """Tick one band after the other, and wait for image and answer of each."""
    from iaside_ui.state import Page  # noqa: PLC0415 - after the environment

    from iaside_audit.auditing.demo import demo_spec  # noqa: PLC0415

    inspector = program.inspector
    program.shell.change(page=Page.INSPECTOR)
    inspector.open(demo_spec())
    wait(process, lambda: is_explained(program))
    shown, engine, codes = [], [], [1 + 3 * one % 254 for one in range(repeats)]
    for code in codes:
        started = time.perf_counter()
        inspector.choose_code(code)
        wait(process, lambda code=code: composed_code(program) == code)
        shown.append(1000 * (time.perf_counter() - started))
        composed = inspector.state.composed
        engine.append(0.0 if composed is None else 1000 * composed.composition.elapsed_s)
    return {
        "least": min(shown),
        "median": statistics.median(shown),
        "p95": statistics.quantiles(shown, n=20)[-1],
        "of_it_in_the_child_median": statistics.median(engine),
    }


def memory_over_steps(program: Program, process: Callable[[], None]) -> dict[str, float]:
    """Step through images, each cut and answered, and look at the window's memory."""
    found = {}
    for step in range(1, 201):
        program.inspector.next_image()
        wait(process, lambda: program.inspector.state.composed is not None)
        if step in (20, 200):
            found[f"after_{step}_steps"] = resident_mb()
    return found


def frames_during_an_audit(program: Program, process: Callable[[], None]) -> dict[str, float]:
    """Audit the built-in model, and note how long each turn of the event loop keeps the thread."""
    program.audits.try_demo()
    busy: list[float] = []
    deadline = time.monotonic() + WAIT_S
    while program.shell.state.is_running and time.monotonic() < deadline:
        started = time.thread_time()  # of this thread alone: other processes do not count
        process()
        busy.append(1000 * (time.thread_time() - started))
        time.sleep(TICK_S)
    while_running = sorted(busy[:-1])
    return {
        "longest_frame_ms": while_running[-1],
        "p999_frame_ms": while_running[int(0.999 * len(while_running))],
        "n_turns": len(busy),
    }


def is_explained(program: Program) -> bool:
    """Say whether the inspector has no question left."""
    known = program.inspector.state.explanation
    return known is not None and known.n_done == known.n_total


def composed_code(program: Program) -> int:
    """Return the coalition that is shown; -1 for none."""
    composed = program.inspector.state.composed
    return -1 if composed is None else composed.composition.code


def wait(process: Callable[[], None], is_there: Callable[[], bool]) -> None:
    """Let the window work until something is there."""
    deadline = time.monotonic() + WAIT_S
    while not is_there():
        if time.monotonic() > deadline:
            raise TimeoutError("the window did not answer")
        process()
        time.sleep(TICK_S)


def resident_mb() -> float:
    """Return the memory that this process holds now, in MB."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
