"""The audit thread and the short jobs beside the window."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from iaside_ui.state import ActionKey, Page, RunState
from iaside_ui.workers import AuditRunner, Jobs
from iaside_ui.workers.streams import FRAME_MS
from PySide6.QtCore import QThread
from window_material import RESULT, ScriptedAudit, image_done, planned

from iaside_audit.errors import InferenceError
from iaside_audit.events import Finished
from iaside_audit.report import load_result
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.qtbot import QtBot

SPEC = AuditSpec(model="model.onnx", images="photos")  # type: ignore[arg-type]  # strings are read


@pytest.fixture
def runner(qtbot: QtBot, audit: ScriptedAudit) -> Iterator[AuditRunner]:  # noqa: ARG001 - needs Qt
    """Start an audit thread with a scripted engine."""
    runner = AuditRunner(audit)
    yield runner
    runner.close()


def test_audit_runs_in_its_own_thread(qtbot: QtBot) -> None:
    """The engine is iterated outside the window's thread; its result arrives inside."""
    threads: list[QThread] = []

    def engine(_spec: AuditSpec, _control: object, _out: object) -> Iterator[Finished]:
        threads.append(QThread.currentThread())
        yield Finished(result=RESULT)

    runner = AuditRunner(engine)
    here = QThread.currentThread()
    heard: list[QThread] = []
    runner.auditFinished.connect(lambda _: heard.append(QThread.currentThread()))
    with qtbot.waitSignal(runner.auditFinished) as finished:
        runner.start(SPEC)
    runner.close()
    assert finished.args == [RESULT]
    assert heard == [here]
    assert threads != [here]


def test_many_events_are_shown_thirty_times_a_second(
    qtbot: QtBot, runner: AuditRunner, audit: ScriptedAudit
) -> None:
    """A flood of events is folded whole, and shown at a rate that a window can draw."""
    shown: list[tuple[float, RunState]] = []
    runner.stateChanged.connect(lambda run: shown.append((time.perf_counter(), run)))
    runner.start(SPEC)
    n_images = 3000
    audit.send(planned(n_images), *(image_done(i + 1, n_images) for i in range(n_images)))
    with qtbot.waitSignal(runner.auditFinished, timeout=20_000):
        audit.send(Finished(result=RESULT))
    assert shown[-1][1].n_done == n_images
    elapsed_ms = 1000 * (shown[-1][0] - shown[0][0])
    assert len(shown) <= elapsed_ms / FRAME_MS + 3  # the first, the last, and one begun
    assert all(a.n_done <= b.n_done for (_, a), (_, b) in pairwise(shown))


def test_late_replies_are_dropped(qtbot: QtBot, runner: AuditRunner, audit: ScriptedAudit) -> None:
    """Nothing of an abandoned run reaches the window, however late it comes."""
    runner.start(SPEC)
    qtbot.waitUntil(lambda: len(audit.controls) == 1)
    runner.abandon()
    assert audit.controls[0].is_cancelled
    runner.start(SPEC)
    qtbot.waitUntil(lambda: len(audit.controls) == 2)
    heard: list[object] = []
    for signal in (runner.auditFinished, runner.auditCancelled, runner.auditFailed):
        signal.connect(heard.append)
    runner._worker.eventHappened.emit(1, Finished(result=RESULT))
    runner._worker.failed.emit(1, InferenceError("late"))
    audit.send(image_done(1))
    with qtbot.waitSignal(runner.stateChanged, check_params_cb=lambda run: run.n_done == 1):
        pass
    assert heard == []
    assert runner.is_running


def test_engine_error_is_handed_over(
    qtbot: QtBot, runner: AuditRunner, audit: ScriptedAudit
) -> None:
    """What the engine raises arrives as it is, and the next audit can start."""
    error = InferenceError("Expected an answer, found a dead process.")
    runner.start(SPEC)
    with qtbot.waitSignal(runner.auditFailed) as failed:
        audit.send(error)
    assert failed.args == [error]
    assert not runner.is_running
    runner.start(SPEC)
    with qtbot.waitSignal(runner.auditFinished):
        audit.send(Finished(result=RESULT))


def test_closing_ends_the_thread(qtbot: QtBot, audit: ScriptedAudit) -> None:
    """Closing cancels what runs and waits for it."""
    runner = AuditRunner(audit)
    runner.start(SPEC)
    qtbot.waitUntil(lambda: len(audit.controls) == 1)
    runner.close()
    assert audit.controls[0].is_cancelled
    assert runner._thread.isFinished()


def test_jobs_run_beside_the_window(qtbot: QtBot) -> None:
    """A job runs in another thread; what it returns or raises is heard in this one."""
    jobs = Jobs()
    heard: list[tuple[str, object, int]] = []

    def hear(name: str, outcome: object) -> None:
        heard.append((name, outcome, threading.get_ident()))

    def fail() -> None:
        raise InferenceError("no")

    jobs.start(threading.get_ident, lambda x: hear("done", x), lambda x: hear("failed", x))
    jobs.start(fail, lambda x: hear("done", x), lambda x: hear("failed", x))
    assert jobs.is_busy
    qtbot.waitUntil(lambda: not jobs.is_busy)
    here = threading.get_ident()
    assert [name for name, _, _ in heard] == ["done", "failed"]
    assert heard[0][1] != here
    assert {thread for _, _, thread in heard} == {here}
    jobs.close()


def test_closed_jobs_say_nothing(qtbot: QtBot) -> None:
    """After closing, no handler is called: its widgets may be gone."""
    jobs = Jobs()
    heard: list[object] = []
    jobs.start(lambda: 1, heard.append, heard.append)
    jobs.close()
    with qtbot.waitSignal(Jobs(jobs).objectNameChanged, timeout=50, raising=False):
        pass
    assert heard == []


def test_real_audit_to_the_first_estimate_then_cancelled(
    real_program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    """The built-in model is audited in a child, shows numbers live, and stops when told to."""
    window = real_program.window
    window.actions_by_key[ActionKey.TRY_DEMO].trigger()
    with qtbot.waitSignal(
        real_program.runner.stateChanged,
        timeout=60_000,
        check_params_cb=lambda run: bool(run.score),
    ) as heard:
        pass
    assert heard.args is not None
    assert sum(band.importance for band in heard.args[0].bands) == pytest.approx(1)
    assert "Signed score" in window.run_page.score_text
    window.actions_by_key[ActionKey.CANCEL_AUDIT].trigger()
    qtbot.waitUntil(lambda: window.page == Page.RESULT, timeout=10_000)
    opened = real_program.shell.state.opened
    assert opened is not None
    assert opened.is_partial
    assert 2 <= opened.result.data.n_images < 12
    path = tmp_path / "partial.json"
    path.write_text(opened.result.to_json(), encoding="utf-8")
    assert load_result(path).data.n_images == opened.result.data.n_images
