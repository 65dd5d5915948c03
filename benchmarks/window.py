"""How quick the window is: first paint, the band inspector, frames during an audit, memory.

    python benchmarks/window.py [--repeats 30] [--shared DIR] [--json benchmarks/window.json]

Prints, on this machine: seconds from the start of the process to the first picture of the window;
milliseconds from ticking a band to the composed image and the model's answer being shown, with
EfficientNet-Lite0; the longest times that the window's thread was busy at a stretch: until all
pages are there that come up by themselves, while a model is audited from the click to the result,
when stored results of 10,000 images of 1,000 classes are opened and their tabs looked at, and when
other pages are looked at for the first time; memory, objects and widgets early and late in 200
image steps and in 20 audits. The models audited are of the shared zoo where it is there, else the
built-in one.

A turn of the event loop is reported twice. ``busy`` is the time of the window's thread alone;
``elapsed`` counts what other threads and processes took from it too, which on as many cores as the
model has threads, or beside other work, is theirs to say.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_ui.app import Program
    from iaside_ui.state import Page

    from iaside_audit.spec import AuditSpec

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
SHOWN_S = 1.0
"""By then, what is there is painted too."""
LARGE_BANDS = (4, 16)
FRAMES_MODEL = "mobilenet_v2_100_224_qat"
AUDITS_MODEL = "mobilenet_v1_025_128_qat"
N_STEPS, N_AUDITS = 200, 20
EARLY_STEP, EARLY_AUDIT = 20, 3
"""When memory is first looked at: caches are filled by then."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--shared", type=Path, default=Path(os.environ.get("IASIDE_SHARED", "../shared"))
    )
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}
        found: dict[str, Any] = {
            "cores": os.cpu_count(),
            "load_before": os.getloadavg()[0],
            "first_paint_s": first_paint(folder),
        }
        found |= inside(Path(folder), options.repeats, options.shared)
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


@dataclass(frozen=True)
class Turns:
    """How long turns of the event loop took, in milliseconds."""

    busy: list[float] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)

    def take(
        self, process: Callable[[], None], is_there: Callable[[], bool], *, rest_s: float
    ) -> None:
        """Let the window work until something is there, and somewhat longer: it is to be painted.

        Parameters
        ----------
        process : callable
            Takes one turn.
        is_there : callable
            Says whether it is.
        rest_s : float
            How much longer, in seconds.
        """
        deadline = time.monotonic() + WAIT_S
        end = None
        while end is None or time.monotonic() < end:
            if time.monotonic() > deadline:
                raise TimeoutError("the window did not answer")
            started, thread = time.perf_counter(), time.thread_time()
            process()
            self.busy.append(1000 * (time.thread_time() - thread))
            self.elapsed.append(1000 * (time.perf_counter() - started))
            time.sleep(TICK_S)
            if end is None and is_there():
                end = time.monotonic() + rest_s

    def longest(self) -> dict[str, float]:
        """Return the longest of either kind."""
        return {"longest_busy_ms": max(self.busy), "longest_elapsed_ms": max(self.elapsed)}


def inside(folder: Path, repeats: int, shared: Path) -> dict[str, Any]:
    """Measure in one window."""
    from iaside_ui import pauses  # noqa: PLC0415 - after the environment
    from iaside_ui.app import Program, make_application  # noqa: PLC0415

    application = make_application(["benchmark"])
    process = application.processEvents
    pauses.shorten()
    program = Program(folder / "preferences.json")
    program.started.connect(pauses.settle)
    found = {
        "start": turns_at_the_start(program, process),
        "audit": turns_during_an_audit(
            program, process, spec_of(FRAMES_MODEL, shared, folder, n_images=60)
        ),
        "large_results": turns_with_large_results(program, process, folder),
        "first_looks": turns_at_first_looks(program, process),
        "inspector_ms": inspector_latency(program, process, repeats),
        "image_steps": memory_over_steps(program, process),
        "audits": memory_over_audits(
            program, process, spec_of(AUDITS_MODEL, shared, folder, n_images=20)
        ),
    }
    program.close()
    return found


def spec_of(model: str, shared: Path, folder: Path, *, n_images: int) -> AuditSpec:
    """Return an audit of a model of the zoo, or the demonstration where there is no zoo."""
    from iaside_audit.auditing.demo import demo_spec  # noqa: PLC0415 - after the environment
    from iaside_audit.classifier.preprocessing_sources import to_toml  # noqa: PLC0415
    from iaside_audit.robustness.study.spec import load_study  # noqa: PLC0415

    if not (shared / "zoo" / "models").is_dir():
        return demo_spec()
    study = load_study(Path(__file__).with_name("studies") / "zoo.toml")
    chosen = next(one for one in study.models if one.id == model)
    if chosen.preprocessing is None:
        raise ValueError(f"the study gives no preprocessing for {model!r}")
    preprocess = folder / f"{model}.toml"
    preprocess.write_text(to_toml(chosen.preprocessing), encoding="utf-8")
    zoo = (shared / "zoo").absolute()
    return replace(
        chosen.audit,
        model=zoo / "models" / f"{model}.onnx",
        images=zoo / "images",
        labels=str(zoo / "labels.csv"),
        preprocess=str(preprocess),
        max_images=n_images,
    )


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


def memory_over_steps(program: Program, process: Callable[[], None]) -> dict[str, Any]:
    """Step through images, each cut and answered, and look at the window's memory."""
    found = {}
    for step in range(1, N_STEPS + 1):
        program.inspector.next_image()
        wait(process, lambda: program.inspector.state.composed is not None)
        if step in {EARLY_STEP, N_STEPS}:
            found[f"after_{step}"] = held(program)
    return found


def memory_over_audits(
    program: Program, process: Callable[[], None], spec: AuditSpec
) -> dict[str, Any]:
    """Audit a model again and again, close each result, and look at the window's memory."""
    found = {}
    page = program.window.result_page
    page.tabs.setCurrentWidget(page.images)  # a tab is filled when it is in view
    for number in range(1, N_AUDITS + 1):
        program.audits.start(replace(spec, seed=number), asks_to_be_saved=False)
        wait(process, lambda: not program.shell.state.is_running)
        wait(process, lambda: page.images.model.rowCount() > 0)
        program.results.close_result()
        if number in {EARLY_AUDIT, N_AUDITS}:
            found[f"after_{number}"] = held(program)
    return found


def held(program: Program) -> dict[str, float]:
    """Return what the window holds now: memory, Qt's objects, and windows of its own."""
    from PySide6.QtCore import QCoreApplication, QEvent, QObject  # noqa: PLC0415
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    return {
        "memory_mb": resident_mb(),
        "objects": len(program.window.findChildren(QObject)),
        "top_level_widgets": len(QApplication.topLevelWidgets()),
    }


def turns_at_the_start(program: Program, process: Callable[[], None]) -> dict[str, float]:
    """Show the window, and wait until everything is there that was put off until then."""
    ended: list[bool] = []
    program.started.connect(partial(ended.append, True))
    program.open()
    turns = Turns()
    turns.take(process, lambda: bool(ended), rest_s=SHOWN_S)
    return turns.longest()


def turns_during_an_audit(
    program: Program, process: Callable[[], None], spec: AuditSpec
) -> dict[str, Any]:
    """Audit a model from the click until its result is shown."""
    from PySide6.QtCore import QTimer  # noqa: PLC0415 - after the environment

    n_results = len(program.shell.state.results)
    turns = Turns()
    QTimer.singleShot(0, partial(program.audits.start, spec, asks_to_be_saved=False))
    turns.take(process, lambda: len(program.shell.state.results) > n_results, rest_s=2 * SHOWN_S)
    return {
        "model": Path(spec.model).name,
        **turns.longest(),
        "five_longest_busy_ms": sorted(turns.busy)[-5:],
        "p999_busy_ms": sorted(turns.busy)[int(0.999 * len(turns.busy))],
        "n_turns": len(turns.busy),
    }


def turns_with_large_results(
    program: Program, process: Callable[[], None], folder: Path
) -> dict[str, Any]:
    """Open stored results like the one shown, as large as they get, and look at every tab."""
    from large_results import write_large_result  # noqa: PLC0415 - after the environment
    from PySide6.QtCore import QTimer  # noqa: PLC0415

    opened = program.shell.state.opened
    if opened is None:
        raise ValueError("a result must be shown: large ones are made like it")
    found: dict[str, Any] = {}
    tabs = program.window.result_page.tabs
    for n_bands in LARGE_BANDS:
        path = write_large_result(opened.result, folder / f"large-{n_bands}", n_bands=n_bands)
        seen = found[f"{n_bands}_bands"] = {}
        turns = Turns()
        QTimer.singleShot(0, partial(program.controller.open_path, path))
        turns.take(process, partial(is_shown, program, path), rest_s=SHOWN_S)
        seen["opening"] = turns.longest()
        for place in (*range(1, tabs.count()), 0):
            turns = Turns()
            QTimer.singleShot(0, partial(tabs.setCurrentIndex, place))
            turns.take(process, partial(is_tab, program, place), rest_s=SHOWN_S)
            seen[tabs.tabText(place)] = turns.longest()
        program.results.close_result()
        program.results.show_result()
    return found


def turns_at_first_looks(program: Program, process: Callable[[], None]) -> dict[str, Any]:
    """Go to each page that is made when it is first looked at."""
    from iaside_ui.state import PAGE_ACTIONS, Page  # noqa: PLC0415 - after the environment
    from PySide6.QtCore import QTimer  # noqa: PLC0415

    found = {}
    for page in (Page.SETUP, Page.COMPARISON, Page.ROBUSTNESS, Page.INSPECTOR):
        turns = Turns()
        action = program.window.actions_by_key[PAGE_ACTIONS[page]]
        QTimer.singleShot(0, action.trigger)
        turns.take(process, partial(is_page, program, page), rest_s=2 * SHOWN_S)
        found[page.name.lower()] = turns.longest()
    return found


def is_shown(program: Program, path: Path) -> bool:
    """Say whether a stored result is open, and its images are read."""
    opened = program.shell.state.opened
    return opened is not None and opened.path == path and not program.breakdown.is_busy


def is_tab(program: Program, place: int) -> bool:
    """Say which tab of the result is in view."""
    return program.window.result_page.tabs.currentIndex() == place


def is_page(program: Program, page: Page) -> bool:
    """Say which page is in view."""
    return program.shell.state.page == page


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
