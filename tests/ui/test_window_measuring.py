"""Robustness is measured: what that costs, how it ends, and what stands in its way."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from iaside_ui.state import ActionKey, OpenResult, Page
from iaside_ui.state.measuring import Choice, Kind, Target, cost_of
from iaside_ui.views import Answer
from iaside_ui.workers import measurement_rows
from iaside_ui.workers.measurement_rows import RowsBeside, RowsNotKept
from iaside_ui.workers.measurements import PartFound, PlanEnded
from robustness_material import N_IMAGES, ScriptedMeasurement
from window_dialogs import answer_with
from window_steps import begin_measuring, show_robustness, trigger

from iaside_audit.auditing.demo import demo_spec
from iaside_audit.errors import InferenceError
from iaside_audit.robustness.requests import PassbandRequest
from iaside_audit.robustness.rows import MeasuredRow

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from iaside_ui.state.robustness import Held
    from pytestqt.qtbot import QtBot
    from window_material import ScriptedAudit

    from iaside_audit.result import AuditResult


def test_cost_counts_what_the_engine_evaluates(held: tuple[Held, ...]) -> None:
    """The forecast of a choice is what its measurements report."""
    spec = replace(demo_spec(), bands=8)
    choice = Choice(kinds=frozenset({Kind.HEATMAP}), n_images=3)
    cost = cost_of(choice, Target(spec=spec, rate=100.0, n_counted=2))
    assert cost.n_images == 2
    # 16 x 16 frequencies, each with its negative but for four that are their own; and the image.
    assert cost.by_request == (("heatmap", 1 + (16 * 16 - 4) // 2 + 4),)
    assert cost.remaining_s == pytest.approx(cost.n_evaluations / 100)
    runtime = held[0].document["runtime"]
    conditions = held[0].document["conditions"]
    assert runtime["n_evaluations"] == N_IMAGES * (1 + len(conditions))


def test_a_failing_measurement_is_a_message(
    program: Program, qtbot: QtBot, measurement: ScriptedMeasurement
) -> None:
    """What the engine raises is said, and measuring can be tried again."""
    show_robustness(program)
    trigger(program, ActionKey.MEASURE)
    measurement.send(InferenceError("Expected a model, found none."))
    qtbot.waitUntil(lambda: "found none" in program.window.message_bar.text)
    assert program.window.actions_by_key[ActionKey.MEASURE].isEnabled()
    assert program.robustness.state.run is None


def test_measuring_is_stopped(
    program: Program, qtbot: QtBot, measurement: ScriptedMeasurement, audit: ScriptedAudit
) -> None:
    """The stop button ends it, an empty end is said, and the audit that waited for it starts."""
    begin_measuring(qtbot, program, measurement)
    trigger(program, ActionKey.TRY_DEMO)
    assert program.window.page == Page.RUN
    assert "once that has ended" in program.window.run_page.progress_text
    assert (program.audits.n_waiting, program.audits.is_running) == (1, False)
    trigger(program, ActionKey.STOP_MEASURING)
    qtbot.waitUntil(lambda: not program.robustness.is_running)
    assert "stopped before" in program.window.message_bar.text
    qtbot.waitUntil(lambda: len(audit.specs) == 1)
    show_robustness(program)
    assert program.window.robustness_page.cost_text.startswith("An audit is running")


def test_closing_asks_about_what_would_be_lost(
    program: Program,
    qtbot: QtBot,
    measurement: ScriptedMeasurement,
    held: tuple[Held, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Running or unsaved measurements hold the window open until the user has said so."""
    begin_measuring(qtbot, program, measurement)
    questions = answer_with(program, monkeypatch, Answer.CANCEL)
    program.window.close()
    assert program.window.isVisible()
    assert "Stop it?" in questions[0].text
    measurement.send(PartFound(held=held[2:3]), PlanEnded(is_cancelled=False))
    qtbot.waitUntil(lambda: program.robustness.state.has_unsaved)
    qtbot.waitUntil(lambda: not program.robustness.is_running)
    program.window.close()
    assert "Save the measurements" in questions[1].text
    answer_with(program, monkeypatch, Answer.NO)
    program.window.close()
    qtbot.waitUntil(lambda: not program.window.isVisible())


def test_an_audit_that_waits_does_not_start_as_the_window_closes(
    program: Program,
    qtbot: QtBot,
    measurement: ScriptedMeasurement,
    audit: ScriptedAudit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopping the measurement in front of it closes the window, with no second question."""
    begin_measuring(qtbot, program, measurement)
    trigger(program, ActionKey.TRY_DEMO)
    questions = answer_with(program, monkeypatch, Answer.YES)
    program.window.close()
    qtbot.waitUntil(lambda: not program.window.isVisible())
    assert [one.text for one in questions] == ["Robustness is being measured. Stop it?"]
    assert audit.specs == []


def test_real_measurements_in_a_child(
    real_program: Program, qtbot: QtBot, measured_audit: AuditResult, tmp_path: Path
) -> None:
    """Every kind is measured by the engine itself; its rows are kept beside the open result."""
    opened = OpenResult(result=measured_audit, path=tmp_path / "result.json")
    real_program.shell.show_opened(opened, page=None)
    show_robustness(real_program)
    choice = Choice(kinds=frozenset(Kind), n_images=3, severities=(3,))
    real_program.robustness.choose(choice)
    with qtbot.waitSignal(real_program.robustness.measuringEnded, timeout=60_000):
        trigger(real_program, ActionKey.MEASURE)
    assert real_program.window.message_bar.text == ""
    state = real_program.robustness.state
    assert set(state.held) == set(Kind)
    assert state.corruption is not None
    assert len(state.predictions) == 15
    assert state.corruption.origin.n_images == 3
    assert np.isfinite(state.predictions[0].predicted.interval).all()
    assert (tmp_path / "passband.sqlite").is_file()


def test_rows_of_other_settings_are_moved_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is deleted beside a result; a folder that cannot be written costs no measurement."""
    row = MeasuredRow(
        index=0, image_id="0" * 64, path="a.png", label=1, prediction=1, arrays={"x": np.zeros(2)}
    )
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr(measurement_rows, "_cache_folder", lambda: cache)
    for folder, n_left in ((tmp_path, 1), (None, 0)):
        for seed, n_before in ((0, 0), (0, 1), (1, 0)):
            rows = RowsBeside(folder, PassbandRequest())
            assert len(rows.begin({"seed": seed})) == n_before
            assert len(list(rows.notes())) == n_before
            rows.put(row)
            rows.close()
        assert len(list((folder or cache).glob("passband.1.sqlite"))) == n_left
    rows = RowsBeside(tmp_path / "gone", PassbandRequest())
    assert rows.begin({}) == []
    rows.put(row)
    assert rows.rows == [row]
    assert [type(one) for one in rows.notes()] == [RowsNotKept]


def test_model_that_is_gone_is_a_message(
    real_program: Program, qtbot: QtBot, measured_audit: AuditResult, tmp_path: Path
) -> None:
    """A result whose model was deleted since says so when robustness is to be measured."""
    model = tmp_path / "moved.onnx"
    shutil.copy(measured_audit.spec.model, model)
    spec = replace(measured_audit.spec, model=model)
    model.unlink()
    real_program.shell.show_opened(OpenResult(result=replace(measured_audit, spec=spec)), page=None)
    show_robustness(real_program)
    with qtbot.waitSignal(real_program.robustness.measuringEnded, timeout=30_000):
        trigger(real_program, ActionKey.MEASURE)
    assert "moved.onnx" in real_program.window.message_bar.text
