"""The page of robustness, driven as a user drives it, with a scripted engine and with the real."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from iaside_ui.app import Program
from iaside_ui.appearance import apply_colour_scheme, palette_of
from iaside_ui.exporting import write_picture
from iaside_ui.pixels import colour_table
from iaside_ui.preferences import ColourScheme
from iaside_ui.qtmodels.corruptions import CONDITION_ROLE, CorruptionGridModel, ink_on
from iaside_ui.state import ActionKey, OpenResult, Page
from iaside_ui.state.measuring import Choice, Kind, Target, cost_of
from iaside_ui.state.robustness import CorruptionGrid, GridQuantity, Held, grid_of
from iaside_ui.views import Answer, FileKind
from iaside_ui.workers import measurement_rows
from iaside_ui.workers.measurement_rows import RowsBeside, RowsFound, RowsNotKept
from iaside_ui.workers.measurements import PartFound, PartStarted, PlanEnded
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea
from robustness_material import N_IMAGES, ScriptedMeasurement, sample_measurements
from sample_results import sample_result
from window_dialogs import answer_with, choose
from window_material import ScriptedAudit, image_done

from iaside_audit.auditing.demo import demo_spec
from iaside_audit.errors import InferenceError
from iaside_audit.robustness.errors_by_corruption import Measure
from iaside_audit.robustness.findings import CorruptionFinding, PredictionFinding
from iaside_audit.robustness.requests import PassbandRequest
from iaside_audit.robustness.rows import MeasuredRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from iaside_audit.result import AuditResult

UNKNOWN = (math.nan, math.nan)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditResult, tuple[Held, ...]]:
    """Return an audit of a small network, and one measurement of every kind."""
    return sample_measurements(tmp_path_factory.mktemp("robustness"))


@pytest.fixture
def audit_of_it(material: tuple[AuditResult, tuple[Held, ...]]) -> AuditResult:
    """Return the audit."""
    return material[0]


@pytest.fixture
def held(material: tuple[AuditResult, tuple[Held, ...]]) -> tuple[Held, ...]:
    """Return the measurements: corruptions, SNR, pass bands, heat map."""
    return material[1]


@pytest.fixture
def engine() -> ScriptedMeasurement:
    """Return an engine that yields what the test tells it to."""
    return ScriptedMeasurement()


@pytest.fixture
def program(
    qtbot: QtBot, tmp_path: Path, engine: ScriptedMeasurement, audit: ScriptedAudit
) -> Iterator[Program]:
    """Show the whole program, with scripted measurements and audits."""
    program = Program(tmp_path / "preferences.json", measure=engine, run_audit=audit)
    program.open()
    qtbot.waitExposed(program.window)
    yield program
    program.close()
    program.window.deleteLater()
    program.deleteLater()


def show(program: Program) -> None:
    """Go to the page."""
    program.window.actions_by_key[ActionKey.SHOW_ROBUSTNESS].trigger()


def hold(
    qtbot: QtBot, program: Program, engine: ScriptedMeasurement, held: tuple[Held, ...]
) -> None:
    """Measure, as far as the page can tell, and wait for the picture."""
    show(program)
    program.window.actions_by_key[ActionKey.MEASURE].trigger()
    engine.send(PartFound(held=held), PlanEnded(is_cancelled=False))
    qtbot.waitUntil(
        lambda: bool(program.robustness.state.held) and not program.robustness.is_running
    )
    if program.robustness.state.corruption is not None:
        qtbot.waitUntil(lambda: program.robustness.state.pair is not None)


def test_page_says_what_it_would_measure_and_what_that_takes(
    program: Program, audit_of_it: AuditResult
) -> None:
    """Without a result the demo is measured; with one, its own model, images and speed."""
    show(program)
    page = program.window.robustness_page
    assert "no result is open" in page.target_text
    assert "start" in page.corruption_gap.gap
    assert not page.corruption_gap.is_made
    program.shell.show_opened(OpenResult(result=audit_of_it), page=None)
    assert "as in the open result" in page.target_text
    # Five images; itself and 75 corruptions, itself and 17 + 17 pass bands and 2 x 4 noises.
    assert page.cost_text.startswith(f"{N_IMAGES} images x {76 + 1 + 34 + 8} = 595 evaluations, ")
    page.boxes[Kind.CORRUPTION].setChecked(False)
    page.boxes[Kind.PASSBAND].setChecked(False)
    assert page.boxes[Kind.SNR].isEnabled()
    assert page.cost_text.startswith("5 images x 1 = 5 evaluations")
    page.boxes[Kind.SNR].setChecked(False)
    assert page.cost_text == "Tick what to measure."
    levels = Choice(kinds=frozenset(), severities=tuple(range(3, 4)))
    program.robustness.choose(levels)
    assert page.severities.currentText() == "3"
    assert not program.window.actions_by_key[ActionKey.MEASURE].isEnabled()


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


def test_grid_fills_and_a_cell_shows_everything_about_it(
    program: Program,
    qtbot: QtBot,
    engine: ScriptedMeasurement,
    audit_of_it: AuditResult,
    held: tuple[Held, ...],
) -> None:
    """Progress, errors so far, then picture, SNR and predicted loss of the chosen condition."""
    program.shell.show_opened(OpenResult(result=audit_of_it), page=None)
    show(program)
    page = program.window.robustness_page
    panel = page.corruptions
    program.window.actions_by_key[ActionKey.MEASURE].trigger()
    qtbot.waitUntil(lambda: len(engine.plans) == 1)
    assert engine.plans[0].audit is audit_of_it
    assert not program.window.actions_by_key[ActionKey.MEASURE].isEnabled()
    finding = held[0].finding
    assert isinstance(finding, CorruptionFinding)
    so_far = grid_of(finding, GridQuantity.ERROR)
    cells = {key: Measure(value=0.25, interval=UNKNOWN) for key in so_far.cells}
    engine.send(PartStarted(kind="snr", number=1, total=2), RowsFound(n_images=1))
    engine.send(image_done(2, 5))
    engine.send(replace(so_far, cells=cells, means={}, n_images=2))
    qtbot.waitUntil(lambda: panel.grid.summary == "So far: 2 images.")
    assert panel.grid.model.index(0, 0).data() == "25"
    words = "Corruptions and SNR (1 of 2): 2 of 5 images"
    qtbot.waitUntil(lambda: page.progress_text.startswith(words))
    said = "Corruptions and SNR (1 of 2): images measured before, and kept: 1."
    assert program.window.message_bar.text == said
    assert re.search(r"about \d+ s left \(about .* for everything\)", page.progress_text)
    engine.send(PartFound(held=held), PlanEnded(is_cancelled=False))
    qtbot.waitUntil(lambda: program.robustness.state.pair is not None)
    assert page.progress_text == ""
    assert "mean over corruptions" in panel.grid.summary
    assert "model's own" in panel.grid.summary
    # By keyboard to another cell: everything follows.
    panel.grid.table.setCurrentIndex(panel.grid.model.index(0, 0))
    panel.grid.table.setFocus()
    qtbot.keyClick(panel.grid.table, Qt.Key.Key_Down)
    qtbot.keyClick(panel.grid.table, Qt.Key.Key_Right)
    assert panel.title == "fog, severity 3"
    qtbot.waitUntil(lambda: _pair_of(program) == ("fog", 3))
    assert panel.corrupted.image != panel.clean.image
    assert panel.captions[1].startswith("Corrupted: ")
    assert "p(label)" in panel.captions[1]
    assert [one.name for one in panel.snr.panel.series] == ["bands", "fine"]
    assert panel.sentence.startswith("Additive prediction of the loss ")
    assert "of the predicted loss comes from band" in panel.sentence
    # By mouse to a point of the other plot.
    panel.losses.conditionChosen.emit(("contrast", 1))
    assert panel.grid.table.currentIndex().data(CONDITION_ROLE) == ("contrast", 1)


def _pair_of(program: Program) -> tuple[str, int] | None:
    pair = program.robustness.state.pair
    return None if pair is None else pair.condition


def test_picture_is_the_one_that_was_measured(
    program: Program, qtbot: QtBot, engine: ScriptedMeasurement, held: tuple[Held, ...]
) -> None:
    """Another image is another picture, and what is said of it is what the model answered."""
    hold(qtbot, program, engine, held)
    answers = held[0].answers
    assert answers is not None
    first = program.robustness.state.pair
    assert first is not None
    assert first.path == answers.paths[0]
    program.robustness.choose_place(2)
    qtbot.waitUntil(lambda: getattr(program.robustness.state.pair, "place", 0) == 2)
    second = program.robustness.state.pair
    assert second is not None
    assert second.path == answers.paths[2]
    assert (first.clean != second.clean).any()
    assert first.clean.shape == first.corrupted.shape == (32, 32, 3)


def test_quantities_of_the_grid(
    program: Program, qtbot: QtBot, engine: ScriptedMeasurement, held: tuple[Held, ...]
) -> None:
    """Errors, losses, predictions and their difference stand in the same cells."""
    hold(qtbot, program, engine, held)
    panel = program.window.robustness_page.corruptions
    finding = held[0].finding
    assert isinstance(finding, CorruptionFinding)
    prediction = program.robustness.state.predictions[0]
    expected = {
        GridQuantity.LOSS: f"{prediction.measured.value:.2f}",
        GridQuantity.PREDICTED: f"{prediction.predicted.value:.2f}",
        GridQuantity.DIFFERENCE: f"{prediction.difference:+.2f}",
    }
    for quantity, text in expected.items():
        panel.grid.quantity.setCurrentIndex(panel.grid.quantity.findData(quantity))
        panel.grid.quantity.activated.emit(panel.grid.quantity.currentIndex())
        assert panel.grid.model.index(0, 0).data() == text


def test_spectra_alone_are_shown_where_they_belong(
    program: Program, qtbot: QtBot, engine: ScriptedMeasurement, held: tuple[Held, ...]
) -> None:
    """Without corruptions the axis is in view, and a corruption is chosen above it."""
    hold(qtbot, program, engine, held[2:3])
    page = program.window.robustness_page
    assert page.tabs.currentWidget() is page.frequency
    assert page.frequency.stack.snr.isVisible()
    assert not page.frequency.stack.passband.isVisible()
    page.frequency.chooser.setCurrentIndex(1)
    page.frequency.chooser.activated.emit(1)
    names = [one.name for one in page.frequency.stack.snr.panel.series]
    assert names == ["fog, severity 1", "fog, severity 3"]


def test_one_frequency_axis_and_the_map(
    program: Program,
    qtbot: QtBot,
    engine: ScriptedMeasurement,
    audit_of_it: AuditResult,
    held: tuple[Held, ...],
) -> None:
    """Four plots share their axis; the map is walked with the arrow keys."""
    program.shell.show_opened(OpenResult(result=audit_of_it), page=None)
    hold(qtbot, program, engine, held)
    page = program.window.robustness_page
    page.tabs.setCurrentIndex(1)
    stack = page.frequency.stack
    assert all(plot.isVisible() for plot in stack.plots)
    ranges = {tuple(plot.plot.view.viewRange()[0]) for plot in stack.plots}
    assert ranges == {(0.0, 1.0)}
    starts = {plot.plot.view.sceneBoundingRect().left() for plot in stack.plots}
    assert len(starts) == 1
    page.tabs.setCurrentIndex(2)
    qtbot.keyClick(page.heatmap.plot, Qt.Key.Key_Right)
    qtbot.keyClick(page.heatmap.plot, Qt.Key.Key_Up)
    assert "horizontal 0.125, vertical 0.125" in page.heatmap.plot.accessibleDescription()


def test_everything_is_exported(
    program: Program,
    qtbot: QtBot,
    engine: ScriptedMeasurement,
    held: tuple[Held, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each tab gives a picture in three formats and its numbers, from the menu."""
    hold(qtbot, program, engine, held)
    window = program.window
    counts = []
    for place in range(3):
        window.robustness_page.tabs.setCurrentIndex(place)
        widget = window.exported_widget()
        assert widget is not None
        counts.append(len(window.numbers_of(widget)))
        for suffix in (".svg", ".png", ".pdf"):
            path = tmp_path / f"{place}{suffix}"
            write_picture(widget, path)
            assert path.stat().st_size > 1000
    assert counts[0] == 1 + 6 + 3  # cells and means
    assert counts[1] > 40
    assert counts[2] == 1 + 9 * 9
    losses = window.robustness_page.corruptions.losses
    assert len(losses.numbers()) == 1 + 6
    asked: list[str] = []
    monkeypatch.setattr(window, "choose_path", lambda _kind, name="": asked.append(name))
    losses.pictureAsked.emit(losses)  # of its own menu; it was made after the page
    assert asked == ["predicted-and-measured-loss.svg"]


def test_measurements_are_saved_and_opened(
    program: Program,
    qtbot: QtBot,
    engine: ScriptedMeasurement,
    held: tuple[Held, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is saved is opened again and looks the same; a folder with files is asked about."""
    hold(qtbot, program, engine, held)
    folder = tmp_path / "saved"
    folder.mkdir()
    panel = program.window.robustness_page.corruptions
    summary, sentence = panel.grid.summary, panel.sentence
    asked = choose(program, monkeypatch, folder)
    program.window.actions_by_key[ActionKey.SAVE_MEASUREMENTS].trigger()
    qtbot.waitUntil(lambda: not program.robustness.state.has_unsaved)
    assert asked == [FileKind.MEASUREMENT_FOLDER]
    assert sorted(path.name for path in folder.iterdir()) == [
        "corruption.json",
        "heatmap.json",
        "passband.json",
        "prediction.json",
        "snr.json",
    ]
    questions = answer_with(program, monkeypatch, Answer.CANCEL)
    program.measurements.save_measurements()
    assert "corruption.json" in questions[0].consequence
    program.robustness.discard()
    assert not program.robustness.state.held
    program.controller.open_path(folder)
    qtbot.waitUntil(lambda: len(program.robustness.state.held) == 5)
    assert program.window.page == Page.ROBUSTNESS
    assert (panel.grid.summary, panel.sentence) == (summary, sentence)
    qtbot.waitUntil(lambda: program.robustness.state.pair is not None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "something else"),
        ('{"kind": "corruption", "schema_version": 99}', "Update this program"),
        ('{"kind": "heatmap", "schema_version": 1}', "other fields"),
        ('{"kind": "attack"}', "'attack'"),
        (None, "No such file"),
    ],
    ids=["damaged", "newer", "short", "another kind", "gone"],
)
def test_bad_files_are_messages(
    program: Program,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    words: str,
) -> None:
    """What cannot be shown is said in the message bar; the page stays as it was."""
    path = tmp_path / "corruption.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    choose(program, monkeypatch, path)
    program.window.actions_by_key[ActionKey.OPEN_MEASUREMENTS].trigger()
    qtbot.waitUntil(lambda: words in program.window.message_bar.text)
    assert not program.robustness.state.held


def test_a_prediction_alone_asks_for_what_was_measured(
    program: Program, qtbot: QtBot, held: tuple[Held, ...], tmp_path: Path
) -> None:
    """A prediction is shown beside the corruptions of its model, opened after them."""
    paths = [tmp_path / "prediction.json", tmp_path / "corruption.json"]
    for path, one in zip(paths, (held[1], held[0]), strict=True):
        path.write_text(json.dumps(one.document), encoding="utf-8")
    program.controller.open_path(paths[0])
    qtbot.waitUntil(lambda: "open corruption.json" in program.window.message_bar.text)
    program.controller.open_path(paths[1])
    qtbot.waitUntil(lambda: program.robustness.state.corruption is not None)
    assert not program.robustness.state.predictions  # it may be of other corruptions
    program.controller.open_path(paths[0])
    qtbot.waitUntil(lambda: len(program.robustness.state.predictions) == 6)


def test_images_that_are_gone_are_a_message(
    program: Program,
    qtbot: QtBot,
    held: tuple[Held, ...],
    tmp_path: Path,
) -> None:
    """Without its images a file still shows its numbers, and says why there is no picture.

    What the file itself warns of is said first.
    """
    document: dict[str, Any] = json.loads(json.dumps(held[0].document))  # Any: JSON
    document["data"]["path"] = str(tmp_path / "gone")
    document["data"]["failed"] = [{"path": "a.png", "reason": "truncated"}]
    document["warnings"] = [{"code": "near_chance", "message": "Near chance."}]
    path = tmp_path / "corruption.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    heard: list[str] = []
    bar = program.window.message_bar
    bar.show_message = lambda one: heard.append(one.text)  # type: ignore[method-assign]
    program.controller.open_path(path)
    qtbot.waitUntil(lambda: any("gone" in text for text in heard))
    assert heard[0] == "Near chance. Images left out: 1."
    assert heard[-1].startswith(f"{heard[0]} No picture: "), "the second does not hide the first"
    assert program.session.recent[0] == path
    panel = program.window.robustness_page.corruptions
    assert panel.grid.model.rowCount() == 3
    assert panel.clean.image.isNull()


def test_a_failing_measurement_is_a_message(
    program: Program, qtbot: QtBot, engine: ScriptedMeasurement
) -> None:
    """What the engine raises is said, and measuring can be tried again."""
    show(program)
    program.window.actions_by_key[ActionKey.MEASURE].trigger()
    engine.send(InferenceError("Expected a model, found none."))
    qtbot.waitUntil(lambda: "found none" in program.window.message_bar.text)
    assert program.window.actions_by_key[ActionKey.MEASURE].isEnabled()
    assert program.robustness.state.run is None


def test_measuring_is_stopped(
    program: Program, qtbot: QtBot, engine: ScriptedMeasurement, audit: ScriptedAudit
) -> None:
    """The stop button ends it, an empty end is said, and the audit that waited for it starts."""
    show(program)
    program.window.actions_by_key[ActionKey.MEASURE].trigger()
    qtbot.waitUntil(lambda: len(engine.plans) == 1)
    program.window.actions_by_key[ActionKey.TRY_DEMO].trigger()
    assert program.window.page == Page.RUN
    assert "once that has ended" in program.window.run_page.progress_text
    assert (program.audits.n_waiting, program.audits.is_running) == (1, False)
    program.window.actions_by_key[ActionKey.STOP_MEASURING].trigger()
    qtbot.waitUntil(lambda: not program.robustness.is_running)
    assert "stopped before" in program.window.message_bar.text
    qtbot.waitUntil(lambda: len(audit.specs) == 1)
    show(program)
    assert program.window.robustness_page.cost_text.startswith("An audit is running")


def test_closing_asks_about_what_would_be_lost(
    program: Program,
    qtbot: QtBot,
    engine: ScriptedMeasurement,
    held: tuple[Held, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Running or unsaved measurements hold the window open until the user has said so."""
    show(program)
    program.window.actions_by_key[ActionKey.MEASURE].trigger()
    qtbot.waitUntil(lambda: len(engine.plans) == 1)
    questions = answer_with(program, monkeypatch, Answer.CANCEL)
    program.window.close()
    assert program.window.isVisible()
    assert "Stop it?" in questions[0].text
    engine.send(PartFound(held=held[2:3]), PlanEnded(is_cancelled=False))
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
    engine: ScriptedMeasurement,
    audit: ScriptedAudit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopping the measurement in front of it closes the window, with no second question."""
    show(program)
    program.window.actions_by_key[ActionKey.MEASURE].trigger()
    qtbot.waitUntil(lambda: len(engine.plans) == 1)
    program.window.actions_by_key[ActionKey.TRY_DEMO].trigger()
    questions = answer_with(program, monkeypatch, Answer.YES)
    program.window.close()
    qtbot.waitUntil(lambda: not program.window.isVisible())
    assert [one.text for one in questions] == ["Robustness is being measured. Stop it?"]
    assert audit.specs == []


def test_grid_is_a_correct_model(qtmodeltester: ModelTester, held: tuple[Held, ...]) -> None:
    """The grid keeps the rules of Qt's models while it fills and changes its quantity."""
    model = CorruptionGridModel()
    qtmodeltester.check(model)
    finding = held[0].finding
    assert isinstance(finding, CorruptionFinding)
    predicted = held[1].finding
    assert isinstance(predicted, PredictionFinding)
    for quantity in GridQuantity:
        model.show_grid(grid_of(finding, quantity, predicted.predictions))
        assert model.rowCount() == 3
        said = model.index(1, 1).data(Qt.ItemDataRole.AccessibleTextRole)
        assert said.startswith("fog, severity 3: ")
        assert ("interval" in said) == (quantity != GridQuantity.DIFFERENCE)
    model.show_grid(CorruptionGrid())
    assert model.rowCount() == model.columnCount() == 0


def test_numbers_can_be_read_on_every_colour() -> None:
    """Black or white stands out from each colour of the map by 4.5 to 1 (WCAG AA)."""

    def luminance(colour: QColor) -> float:
        parts = (colour.redF(), colour.greenF(), colour.blueF())
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for red, green, blue in colour_table().tolist():
        ground = QColor(red, green, blue)
        low, high = sorted([luminance(ground), luminance(ink_on(ground))])
        assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("scheme", [ColourScheme.LIGHT, ColourScheme.DARK])
def test_page_fits_a_small_laptop_in_both_schemes(
    program: Program,
    qtbot: QtBot,
    engine: ScriptedMeasurement,
    audit_of_it: AuditResult,
    held: tuple[Held, ...],
    scheme: ColourScheme,
) -> None:
    """With everything measured, no tab must be scrolled, no label is cut, plots are recoloured."""
    program.shell.show_opened(OpenResult(result=audit_of_it), page=None)
    hold(qtbot, program, engine, held)
    window, page = program.window, program.window.robustness_page
    apply_colour_scheme(scheme)
    window.resize(1366, 768 - 2 * window.fontMetrics().height())
    area = window._areas[Page.ROBUSTNESS]
    assert isinstance(area, QScrollArea)
    for place in range(page.tabs.count()):
        page.tabs.setCurrentIndex(place)
        QApplication.processEvents()
        assert area.viewport().rect().size() == area.widget().size()
        for label in area.findChildren(QLabel):
            if label.isVisible() and label.wordWrap() and label.text():
                assert label.height() >= label.heightForWidth(label.width()), label.text()
    ground = palette_of(scheme).color(QPalette.ColorRole.Base)
    image = page.heatmap.profile.grab().toImage()
    assert image.pixelColor(image.width() // 2, 4).name() == ground.name()
    apply_colour_scheme(ColourScheme.SYSTEM)


def test_other_models_keep_their_own_axis(
    program: Program, qtbot: QtBot, engine: ScriptedMeasurement, held: tuple[Held, ...]
) -> None:
    """The importance of one model does not stand above the measurements of another."""
    program.shell.show_opened(OpenResult(result=sample_result(8)), page=None)
    hold(qtbot, program, engine, held)
    page = program.window.robustness_page
    page.tabs.setCurrentIndex(1)
    assert not page.frequency.stack.importance.isVisible()
    assert page.frequency.stack.passband.isVisible()
    assert page.target_text.startswith("shown: model; to measure: ")


def test_real_measurements_in_a_child(
    real_program: Program, qtbot: QtBot, audit_of_it: AuditResult, tmp_path: Path
) -> None:
    """Every kind is measured by the engine itself; its rows are kept beside the open result."""
    opened = OpenResult(result=audit_of_it, path=tmp_path / "result.json")
    real_program.shell.show_opened(opened, page=None)
    show(real_program)
    choice = Choice(kinds=frozenset(Kind), n_images=3, severities=(3,))
    real_program.robustness.choose(choice)
    with qtbot.waitSignal(real_program.robustness.measuringEnded, timeout=60_000):
        real_program.window.actions_by_key[ActionKey.MEASURE].trigger()
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
    real_program: Program, qtbot: QtBot, audit_of_it: AuditResult, tmp_path: Path
) -> None:
    """A result whose model was deleted since says so when robustness is to be measured."""
    model = tmp_path / "moved.onnx"
    shutil.copy(audit_of_it.spec.model, model)
    spec = replace(audit_of_it.spec, model=model)
    model.unlink()
    real_program.shell.show_opened(OpenResult(result=replace(audit_of_it, spec=spec)), page=None)
    show(real_program)
    with qtbot.waitSignal(real_program.robustness.measuringEnded, timeout=30_000):
        real_program.window.actions_by_key[ActionKey.MEASURE].trigger()
    assert "moved.onnx" in real_program.window.message_bar.text
