"""What goes wrong around the window: each looks right and says what is the matter."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from audit_material import TamperingWorker, convnet_spec
from iaside_ui.app import Program
from iaside_ui.state import ActionKey, AppState, OpenResult, Page
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from sample_results import sample_result
from window_material import RESULT, ScriptedAudit

from iaside_audit.auditing import run_audit
from iaside_audit.errors import InferenceError
from iaside_audit.events import Finished, ImageFailed
from iaside_audit.report import write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from iaside_audit.events import Control, Event
    from iaside_audit.spec import AuditSpec


N_MANY = 120
"""Images of an audit that is not over in the blink of an eye."""


def tampered(tamper: Callable[[], object]) -> Callable[..., Iterator[Event]]:
    """Return an engine whose worker does something to the world before the first lease."""

    def run(spec: AuditSpec, control: Control, _out: Path | None) -> Iterator[Event]:
        return run_audit(spec, control, start_worker=lambda: TamperingWorker(tamper))

    return run


def test_images_deleted_during_a_run(qtbot: QtBot, tmp_path: Path) -> None:
    """Every lost image is named in the log, and the end says that none could be used."""
    spec = convnet_spec(tmp_path, n_images=6)
    engine = tampered(lambda: shutil.rmtree(spec.images))
    program = Program(tmp_path / "preferences.json", run_audit=engine)
    program.open()
    program.audits.start(spec)
    bar = program.window.message_bar
    qtbot.waitUntil(lambda: bool(bar.text), timeout=30_000)
    assert "all 6 failed: Expected" in bar.text
    assert program.window.page == Page.SETUP
    log = program.window.run_page.log.model()
    lines = [str(log.data(log.index(row, 0))) for row in range(log.rowCount())]
    assert sum("Left out" in line for line in lines) == 6
    program.close()
    program.window.deleteLater()


def test_model_deleted_during_a_run_changes_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    """The model is in its process already: the audit ends as if nothing had happened."""
    spec = convnet_spec(tmp_path, n_images=6)
    program = Program(tmp_path / "preferences.json", run_audit=tampered(spec.model.unlink))
    program.open()
    program.audits.start(spec, asks_to_be_saved=False)
    qtbot.waitUntil(lambda: program.window.page == Page.RESULT, timeout=30_000)
    assert program.shell.state.opened.result.data.n_images == 6  # type: ignore[union-attr]
    program.close()
    program.window.deleteLater()


def test_killed_worker_is_replaced(real_program: Program, qtbot: QtBot, tmp_path: Path) -> None:
    """A model's process that is killed in mid-run costs a line in the log, and no image."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("looks for the process where Linux lists it")
    before = set(_children())
    with qtbot.waitSignal(
        real_program.runner.stateChanged,
        check_params_cb=lambda run: 0 < run.n_done < N_MANY and not run.stage,
        timeout=60_000,
    ):
        real_program.audits.start(convnet_spec(tmp_path, n_images=N_MANY), asks_to_be_saved=False)
    for child in set(_children()) - before:
        os.kill(child, signal.SIGKILL)
    qtbot.waitUntil(lambda: real_program.window.page == Page.RESULT, timeout=60_000)
    opened = real_program.shell.state.opened
    assert opened is not None
    assert opened.result.data.n_images == N_MANY
    assert opened.result.runtime.n_workers_lost == 1


def _children() -> list[int]:
    """Return the processes that the threads of this one started."""
    tasks = Path("/proc/self/task").iterdir()
    return [int(child) for one in tasks for child in (one / "children").read_text().split()]


def test_dead_worker_is_a_message(program: Program, qtbot: QtBot, audit: ScriptedAudit) -> None:
    """A model's process that died for good ends the run, not the window."""
    program.window.actions_by_key[ActionKey.TRY_DEMO].trigger()
    audit.send(ImageFailed(path="a.png", reason="three workers died on it"))
    audit.send(InferenceError("Expected the worker process to answer, found that it ended."))
    bar = program.window.message_bar
    qtbot.waitUntil(lambda: "worker process" in bar.text)
    assert program.window.page == Page.START
    assert program.window.actions_by_key[ActionKey.TRY_DEMO].isEnabled()


def test_information_goes_by_itself(program: Program, qtbot: QtBot) -> None:
    """What asks for nothing goes, but not from under the keyboard; an error stays."""
    window, bar = program.window, program.window.message_bar
    qtbot.waitUntil(window.isActiveWindow)
    program.shell.inform("Written: a.svg")
    bar.close_button.setFocus()
    bar._linger.timeout.emit()
    assert bar.text == "Written: a.svg"
    assert bar._linger.isActive()
    window.start_page.setFocus()
    bar._linger.timeout.emit()
    assert bar.text == ""
    program.shell.inform("Written: b.svg")
    program.shell.show_failure(InferenceError("Expected a, found b."))
    assert not bar._linger.isActive()


@pytest.mark.parametrize("n_bands", [2, 4, 16, 32])
def test_results_of_any_number_of_bands_fit(program: Program, n_bands: int) -> None:
    """Few bands or many, long names and warnings: the window keeps its size."""
    result = sample_result(n_bands, n_warnings=6, has_long_names=True)
    program.shell.show_opened(OpenResult(result=result))
    program.window.resize(1280, 690)
    QCoreApplication.processEvents()
    assert program.window.width() == 1280
    assert program.window.height() == 690
    assert program.window.result_page.importance.band_table.model().rowCount() == n_bands


def test_thousand_classes_are_shown_at_once(program: Program, qtbot: QtBot) -> None:
    """Only the first rows are measured, long names hide no number, every class can be found."""
    result = sample_result(8, has_breakdown=True)
    assert result.classes is not None
    classes = tuple(
        replace(result.classes[0], label=label, name=f"class {label} {'of a long name' * 5}")
        for label in range(1000)
    )
    program.window.resize(1280, 690)
    program.shell.show_opened(OpenResult(result=replace(result, classes=classes)))
    panel = program.window.result_page.groups
    program.window.result_page.tabs.setCurrentWidget(panel)
    model = panel.table.model()
    qtbot.waitUntil(lambda: model.rowCount() > 1000, timeout=10_000)
    qtbot.waitUntil(lambda: panel.table.horizontalScrollBar().maximum() == 0)
    panel.filter.setText("class 99")
    assert 11 <= model.rowCount() < 40  # 99 and 990 to 999, and numbers that hold 99
    panel.table.selectRow(model.rowCount() - 1)
    assert len(panel.plot.numbers()) == 1 + 8


def test_long_name_of_a_running_model_fits(
    program: Program, qtbot: QtBot, audit: ScriptedAudit, tmp_path: Path
) -> None:
    """A name of sixty characters does not widen the window."""
    spec = convnet_spec(tmp_path, n_images=6)
    long = tmp_path / f"{'efficientnet_' * 5}.onnx"
    spec.model.rename(long)
    program.window.resize(1280, 690)
    program.audits.start(type(spec).from_dict(spec.to_dict() | {"model": str(long)}))
    qtbot.waitUntil(lambda: len(audit.specs) == 1)
    QCoreApplication.processEvents()
    assert program.window.width() == 1280


def test_result_of_last_time_that_is_gone_is_passed_over(
    program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    """A file that was open last time and is gone costs nothing."""
    path = tmp_path / "result.json"
    write_result(RESULT, path)
    program.controller.open_path(path)
    qtbot.waitUntil(lambda: len(program.shell.state.results) == 1)
    program.window.close()
    path.unlink()
    again = Program(tmp_path / "preferences.json")
    again.open()
    QCoreApplication.processEvents()
    assert again.shell.state == AppState()
    assert again.session.recent == ()
    again.close()
    again.window.deleteLater()


def test_twenty_audits_leave_nothing_behind(
    program: Program, qtbot: QtBot, audit: ScriptedAudit
) -> None:
    """Audits and closed results come and go; the number of objects in the window stays."""

    def once() -> None:
        program.audits.try_demo()
        audit.send(Finished(result=RESULT))
        qtbot.waitUntil(lambda: program.shell.state.opened is not None)
        qtbot.waitUntil(lambda: not program.shell.state.is_running)
        program.results.close_result()
        assert program.shell.state.results == ()

    def n_objects() -> int:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return len(program.window.findChildren(QObject))

    for _ in range(3):
        once()
    before = n_objects()
    for _ in range(20):
        once()
    assert n_objects() <= before + 2
