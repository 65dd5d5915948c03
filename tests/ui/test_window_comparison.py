"""Results side by side, by the engine's paired statistics; the models of a study as points."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audit_material import ConvNet, audit_here, convnet_spec
from iaside_ui.qtmodels import difference_model, study_model
from iaside_ui.state import ActionKey, OpenResult, Page
from iaside_ui.state.comparison import ComparedQuantity, ComparisonState, compared
from iaside_ui.state.study import StudyState
from PySide6.QtCore import QPointF, Qt

from iaside_audit.auditing.outcome.compare import NamedResult, compare_results
from iaside_audit.report.study_documents import load_study_record

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from iaside_audit.result import AuditResult

N_IMAGES = 8
N_LINES = 2 * 4 + 6
"""Shapley value and importance of four bands, three scores, two ends and accuracy."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditResult, AuditResult]:
    """Return the results of two networks on the same images; the second one is less sure."""
    folder = tmp_path_factory.mktemp("compared")
    one = audit_here(convnet_spec(folder, n_images=N_IMAGES))
    weak = folder / "weak.onnx"
    ConvNet(gain=0.3).save(weak)
    return one, audit_here(replace(one.spec, model=weak))


def state_of(*results: AuditResult, first: int = 0) -> ComparisonState:
    """Compare results under the names a, b, ..."""
    named = [NamedResult(name=n, result=one) for n, one in zip("abc", results, strict=False)]
    return compared(named, first)


def study_document(n_models: int = 5) -> dict[str, Any]:
    """Return a study whose error rises with what is predicted."""
    models = [
        {
            "id": f"model {place}",
            "lineage": f"family {place // 2}",
            "predictors": {"signed": 0.5 - 0.1 * place, "clean_error": 0.3 + 0.01 * place},
            "measured": {"corruption_error": 0.2 + 0.1 * place, "log_loss": None},
        }
        for place in range(n_models)
    ]
    numbers = {
        name: {"value": -1.0, "interval": [-1.0, -0.75]}
        for name in ("pearson", "spearman", "given_clean_error")
    }
    return {
        "schema_version": 1,
        "title": "Five <b>models</b>",
        "created": "2026-01-01T00:00:00+00:00",
        "spec": {"confidence": 0.9},
        "models": models,
        "failed": [],
        "pairings": [{"predictor": "signed", "measured": "corruption_error", **numbers}],
        "default_form": "signed",
    }


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return the output folder of a study."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.json").write_text(json.dumps(study_document()))
    return folder


def test_lines_are_the_engines(pair: tuple[AuditResult, AuditResult]) -> None:
    """Every number of the comparison is that of ``compare``."""
    state = state_of(*pair)
    report = compare_results(
        [NamedResult(name=n, result=one) for n, one in zip("ab", pair, strict=True)]
    )
    assert state.pairs[0].comparison == report.comparisons[0]
    assert len(state.lines) == N_LINES
    assert f"{N_IMAGES} images" in state.note
    assert "by the paired bootstrap over images;" in state.note
    assert state.refusals == ()
    by_bca = [replace(one, spec=replace(one.spec, interval="bca")) for one in pair]
    assert "by the paired BCa bootstrap over images;" in state_of(*by_bca).note


def test_another_result_can_be_the_reference(pair: tuple[AuditResult, AuditResult]) -> None:
    """Signs turn with the reference, and colours stay with the results."""
    there, back = state_of(*pair), state_of(*pair, first=1)
    first, second = (one.pairs[0].comparison.score["signed"] for one in (there, back))
    assert first.difference == pytest.approx(-second.difference)
    assert (there.pairs[0].place, back.pairs[0].place) == (1, 0)


def test_what_keeps_results_from_being_compared_is_listed(
    pair: tuple[AuditResult, AuditResult],
) -> None:
    """A result of another game is named with all that differs; the others are compared."""
    one, other = pair
    foreign = replace(other, spec=replace(other.spec, baseline="mean", norm="l2"))
    state = state_of(one, other, foreign)
    assert [pair.name for pair in state.pairs] == ["b"]
    assert len(state.results) == 3
    [refusal] = state.refusals
    assert refusal.startswith("c is not compared")
    assert "norm l2 instead of linf; baseline mean instead of zero" in refusal
    assert len(state.side_by_side) == 3
    otherwise_cut = replace(foreign, bands=foreign.bands[:3])
    assert [row.name for row in state_of(one, otherwise_cut).side_by_side] == ["a"]


def test_gone_rows_are_a_refusal(pair: tuple[AuditResult, AuditResult]) -> None:
    """Results without their rows are shown, and the reason for the rest is the engine's."""
    bare = replace(pair[1], row_source=None)
    state = state_of(pair[0], bare)
    assert state.pairs == ()
    assert len(state.results) == 2
    assert "rows" in state.refusals[0]


def test_page_follows_what_is_open(
    program: Program, qtbot: QtBot, pair: tuple[AuditResult, AuditResult]
) -> None:
    """Before two results the page says what it needs; then it compares; the plot has numbers."""
    program.window.actions_by_key[ActionKey.SHOW_COMPARISON].trigger()
    panel = program.window.comparison_page.compared
    assert "Open two or more" in panel.note
    program.shell.show_opened(OpenResult(result=pair[0]))
    program.window.actions_by_key[ActionKey.SHOW_COMPARISON].trigger()
    qtbot.waitUntil(lambda: "Open two or more" in panel.note)
    program.shell.show_opened(OpenResult(result=pair[1]), page=None)
    qtbot.waitUntil(lambda: "matched by content" in panel.note, timeout=30_000)
    assert program.window.page == Page.COMPARISON
    assert panel.difference_table.model().rowCount() == N_LINES
    assert len(panel.plot.numbers()) == 1 + 2 * 4
    panel.quantity.setCurrentIndex(
        list(ComparedQuantity).index(ComparedQuantity.SHAPLEY_DIFFERENCE)
    )
    assert len(panel.plot.numbers()) == 1 + 4
    with qtbot.waitSignal(panel.firstChosen):
        panel.first.setFocus()
        qtbot.keyClick(panel.first, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: panel.first.currentIndex() == 1)


def test_study_is_opened_from_its_folder(program: Program, qtbot: QtBot, study: Path) -> None:
    """Its default pair is drawn with r, its interval and every model's name."""
    program.controller.open_path(study)
    panel = program.window.comparison_page.study
    qtbot.waitUntil(lambda: bool(panel.sentence), timeout=10_000)
    assert program.window.page == Page.COMPARISON
    assert panel.sentence.startswith("r = -1.00 [-1.00, -0.75]")
    assert "5 models, 90 % intervals" in panel.sentence
    assert [row[0] for row in panel.plot.numbers()[1:]] == [f"model {i}" for i in range(5)]
    key = panel.plot.key
    assert key.names == ("family 0", "family 1", "family 2")
    assert key.heightForWidth(1) == pytest.approx(3 * key.heightForWidth(10_000), rel=0.3)
    assert program.window.start_page.recent_table.model().index(0, 0).data() == "study.json"


def test_points_are_reached_by_keys_and_mouse(program: Program, qtbot: QtBot, study: Path) -> None:
    """Arrow keys walk from left to right; a click chooses; the table follows, and leads."""
    program.controller.open_path(study / "study.json")
    panel = program.window.comparison_page.study
    qtbot.waitUntil(lambda: bool(panel.sentence), timeout=10_000)
    qtbot.keyClick(panel.plot, Qt.Key.Key_Right)
    assert panel.chosen_text.startswith("model 4:")  # the least predicted
    qtbot.keyClick(panel.plot, Qt.Key.Key_Right)
    assert panel.table.currentIndex().row() == 3
    panel.table.selectRow(1)
    assert panel.plot.chosen == 1
    qtbot.wait(20)  # the plot takes its size
    view = panel.plot.plot.view
    scene = view.mapViewToScene(QPointF(0.5, 0.2))
    qtbot.mouseClick(
        panel.plot.plot.viewport(),
        Qt.MouseButton.LeftButton,
        pos=panel.plot.plot.mapFromScene(scene),
    )
    qtbot.waitUntil(lambda: panel.plot.chosen == 0)


def test_columns_of_a_study_are_chosen(program: Program, qtbot: QtBot, study: Path) -> None:
    """Another pair is drawn; numbers that are not there leave no point."""
    program.controller.open_path(study)
    panel = program.window.comparison_page.study
    qtbot.waitUntil(lambda: bool(panel.sentence), timeout=10_000)
    panel.predictor.setFocus()
    qtbot.keyClick(panel.predictor, Qt.Key.Key_Down)
    assert panel.plot.numbers()[0][2] == "clean error (no spectrum)"
    assert "nothing of this pair" in panel.sentence
    panel.measured.setFocus()
    qtbot.keyClick(panel.measured, Qt.Key.Key_Down)
    assert len(panel.plot.numbers()) == 1


def test_damaged_study_is_said(program: Program, qtbot: QtBot, study: Path) -> None:
    """A file that is no study is named in the message bar, and nothing else happens."""
    (study / "study.json").write_text("{}")
    program.controller.open_path(study)
    qtbot.waitUntil(lambda: "Expected a study" in program.window.message_bar.text, timeout=10_000)
    assert program.window.page == Page.START


def test_models_of_the_page_are_sound(
    qtmodeltester: ModelTester, pair: tuple[AuditResult, AuditResult], study: Path
) -> None:
    """Qt's own checks hold for the tables."""
    differences, models = difference_model(), study_model()
    differences.show_rows(state_of(*pair).lines)
    models.show_rows(StudyState.of(load_study_record(study)).points())
    for model in (differences, models):
        qtmodeltester.check(model)
