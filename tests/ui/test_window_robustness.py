"""The page of robustness: what it shows of measurements, driven as a user drives it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from iaside_ui.appearance import apply_colour_scheme, palette_of
from iaside_ui.pixels import colour_table
from iaside_ui.preferences import ColourScheme
from iaside_ui.qtmodels.corruptions import CONDITION_ROLE, CorruptionGridModel, ink_on
from iaside_ui.state import ActionKey, OpenResult, Page
from iaside_ui.state.measuring import Choice, Kind
from iaside_ui.state.robustness import CorruptionGrid, GridQuantity, Held, grid_of
from iaside_ui.views.plain_plot import PlainPlot
from iaside_ui.workers.measurement_rows import RowsFound
from iaside_ui.workers.measurements import PartFound, PartStarted, PlanEnded
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea
from robustness_material import N_IMAGES, ScriptedMeasurement
from sample_results import sample_result
from window_material import image_done
from window_steps import begin_measuring, hold, show_robustness

from iaside_audit.robustness.errors_by_corruption import Measure
from iaside_audit.robustness.findings import CorruptionFinding, PredictionFinding

if TYPE_CHECKING:
    from iaside_ui.app import Program
    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from iaside_audit.result import AuditResult

UNKNOWN = (math.nan, math.nan)


def test_page_says_what_it_would_measure_and_what_that_takes(
    program: Program, measured_audit: AuditResult
) -> None:
    """Without a result the demo is measured; with one, its own model, images and speed."""
    show_robustness(program)
    page = program.window.robustness_page
    assert "no result is open" in page.target_text
    assert "start" in page.corruption_gap.gap
    assert not page.corruption_gap.is_made
    program.shell.show_opened(OpenResult(result=measured_audit), page=None)
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


def test_grid_fills_and_a_cell_shows_everything_about_it(
    program: Program,
    qtbot: QtBot,
    measurement: ScriptedMeasurement,
    measured_audit: AuditResult,
    held: tuple[Held, ...],
) -> None:
    """Progress, errors so far, then picture, SNR and predicted loss of the chosen condition."""
    program.shell.show_opened(OpenResult(result=measured_audit), page=None)
    page = program.window.robustness_page
    panel = page.corruptions
    begin_measuring(qtbot, program, measurement)
    assert measurement.plans[0].audit is measured_audit
    assert not program.window.actions_by_key[ActionKey.MEASURE].isEnabled()
    finding = held[0].finding
    assert isinstance(finding, CorruptionFinding)
    so_far = grid_of(finding, GridQuantity.ERROR)
    cells = {key: Measure(value=0.25, interval=UNKNOWN) for key in so_far.cells}
    measurement.send(PartStarted(kind="snr", number=1, total=2), RowsFound(n_images=1))
    measurement.send(image_done(2, 5))
    measurement.send(replace(so_far, cells=cells, means={}, n_images=2))
    qtbot.waitUntil(lambda: panel.grid.summary == "So far: 2 images.")
    assert panel.grid.model.index(0, 0).data() == "25"
    words = "Corruptions and SNR (1 of 2): 2 of 5 images"
    qtbot.waitUntil(lambda: page.progress_text.startswith(words))
    said = "Corruptions and SNR (1 of 2): images measured before, and kept: 1."
    assert program.window.message_bar.text == said
    assert re.search(r"about \d+ s left \(about .* for everything\)", page.progress_text)
    measurement.send(PartFound(held=held), PlanEnded(is_cancelled=False))
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
    measured: Program, qtbot: QtBot, held: tuple[Held, ...]
) -> None:
    """Another image is another picture, and what is said of it is what the model answered."""
    answers = held[0].answers
    assert answers is not None
    first = measured.robustness.state.pair
    assert first is not None
    assert first.path == answers.paths[0]
    measured.robustness.choose_place(2)
    qtbot.waitUntil(lambda: getattr(measured.robustness.state.pair, "place", 0) == 2)
    second = measured.robustness.state.pair
    assert second is not None
    assert second.path == answers.paths[2]
    assert (first.clean != second.clean).any()
    assert first.clean.shape == first.corrupted.shape == (32, 32, 3)


def test_quantities_of_the_grid(measured: Program, held: tuple[Held, ...]) -> None:
    """Errors, losses, predictions and their difference stand in the same cells."""
    panel = measured.window.robustness_page.corruptions
    finding = held[0].finding
    assert isinstance(finding, CorruptionFinding)
    prediction = measured.robustness.state.predictions[0]
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
    program: Program, qtbot: QtBot, measurement: ScriptedMeasurement, held: tuple[Held, ...]
) -> None:
    """Without corruptions the axis is in view, and a corruption is chosen above it."""
    hold(qtbot, program, measurement, held[2:3])
    page = program.window.robustness_page
    assert page.tabs.currentWidget() is page.frequency
    assert page.frequency.stack.snr.isVisible()
    assert re.fullmatch(r"\d+ images, 95 % intervals", page.frequency.stack.snr.panel.basis)
    assert not page.frequency.stack.passband.isVisible()
    page.frequency.chooser.setCurrentIndex(1)
    page.frequency.chooser.activated.emit(1)
    names = [one.name for one in page.frequency.stack.snr.panel.series]
    assert names == ["fog, severity 1", "fog, severity 3"]


def test_one_frequency_axis_and_the_map(
    program: Program,
    qtbot: QtBot,
    measurement: ScriptedMeasurement,
    measured_audit: AuditResult,
    held: tuple[Held, ...],
) -> None:
    """Four plots share their axis; the map is walked with the arrow keys."""
    program.shell.show_opened(OpenResult(result=measured_audit), page=None)
    hold(qtbot, program, measurement, held)
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
    measurement: ScriptedMeasurement,
    measured_audit: AuditResult,
    held: tuple[Held, ...],
    scheme: ColourScheme,
) -> None:
    """With everything measured, no tab must be scrolled, no label is cut, plots are recoloured."""
    program.shell.show_opened(OpenResult(result=measured_audit), page=None)
    hold(qtbot, program, measurement, held)
    window, page = program.window, program.window.robustness_page
    apply_colour_scheme(scheme)
    window.resize(1366, 768 - 2 * window.fontMetrics().height())
    area = window._areas[Page.ROBUSTNESS]
    assert isinstance(area, QScrollArea)
    for place in range(page.tabs.count()):
        page.tabs.setCurrentIndex(place)
        QApplication.processEvents()
        qtbot.waitUntil(lambda: all(one.updatesEnabled() for one in page.findChildren(PlainPlot)))
        assert area.viewport().rect().size() == area.widget().size()
        for label in area.findChildren(QLabel):
            if label.isVisible() and label.wordWrap() and label.text():
                assert label.height() >= label.heightForWidth(label.width()), label.text()
    ground = palette_of(scheme).color(QPalette.ColorRole.Base)
    image = page.heatmap.profile.grab().toImage()
    assert image.pixelColor(image.width() // 2, 4).name() == ground.name()
    apply_colour_scheme(ColourScheme.SYSTEM)


def test_other_models_keep_their_own_axis(
    program: Program, qtbot: QtBot, measurement: ScriptedMeasurement, held: tuple[Held, ...]
) -> None:
    """The importance of one model does not stand above the measurements of another."""
    program.shell.show_opened(OpenResult(result=sample_result(8)), page=None)
    hold(qtbot, program, measurement, held)
    page = program.window.robustness_page
    page.tabs.setCurrentIndex(1)
    assert not page.frequency.stack.importance.isVisible()
    assert page.frequency.stack.passband.isVisible()
    assert page.target_text.startswith("shown: model on the images of ")
    snr = next(one for one in held if one.finding.origin.kind == "snr")
    origin = replace(snr.finding.origin, model="", identity=None)  # it was measured alone
    program.robustness.discard()
    program.robustness.hold((replace(snr, finding=replace(snr.finding, origin=origin)),))
    assert page.target_text.startswith("shown: the images of ")
