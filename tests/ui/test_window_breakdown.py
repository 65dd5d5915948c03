"""Images, classes, interactions and exports of results."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audit_material import audit_here, convnet_spec
from iaside_ui.qtmodels import ROW_ROLE, ImageModel, InteractionModel, group_model
from iaside_ui.state import ActionKey, OpenResult, Page
from iaside_ui.state.breakdown import (
    Breakdown,
    GroupRow,
    ImageRow,
    ImageTable,
    InteractionTable,
    breakdown,
    group_rows,
    image_table,
    interaction_table,
)
from iaside_ui.views.gapped import Gapped
from iaside_ui.workers import Thumbnails
from iaside_ui.workers.thumbnails import SIZE
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from sample_results import sample_result

from iaside_audit.errors import StoreError
from iaside_audit.report import load_result, write_result

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from iaside_audit.result import AuditResult

N_IMAGES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small network and its images."""
    return tmp_path_factory.mktemp("material")


@pytest.fixture(scope="module")
def exact(folder: Path) -> AuditResult:
    """Return a result of all coalitions, with its rows."""
    return audit_here(convnet_spec(folder, n_images=N_IMAGES, estimator="exact"))


def an_image(number: int, *, label: str = "a", is_right: bool | None = True) -> ImageRow:
    """Return a row of numbers that follow from `number`."""
    return ImageRow(
        path=f"{number}.png",
        location=f"/nowhere/{number}.png",
        label=label,
        prediction=label if is_right else "other",
        class_index=ord(label[0]),
        is_right=is_right,
        empty=-3.0,
        grand=float(-number),
        shapley=(float(number), -1.0, 0.5),
    )


def a_group(name: str, signed: float) -> GroupRow:
    """Return a class of some score."""
    return GroupRow(
        name=name, is_class=True, n_images=5, top1=1.0, signed=signed, shapley=(1.0, -1.0, 0.5)
    )


def test_images_add_up_to_the_result(exact: AuditResult) -> None:
    """Shapley values of the images average to those of the model, and sum to each one's gain."""
    rows = image_table(exact).rows
    assert len(rows) == N_IMAGES
    means = np.mean([row.shapley for row in rows], axis=0)
    assert means == pytest.approx([band.shapley for band in exact.bands])
    for row in rows:
        assert sum(row.shapley) == pytest.approx(row.grand - row.empty)
    assert np.mean([row.is_right for row in rows]) == pytest.approx(exact.accuracy.top1)


def test_interactions_are_those_of_the_result(exact: AuditResult) -> None:
    """Every pair has the result's number and interval; as numbers, each pair is there once."""
    record = exact.interactions
    assert record is not None
    table = interaction_table(exact)
    assert (table.values, table.intervals, table.gap) == (record.matrix, record.interval, "")
    model = InteractionModel()
    model.show_table(table)
    pairs = model.numbers()[1:]
    assert len(pairs) == 4 * 3 / 2
    assert pairs[0] == (0, 1, record.matrix[0][1], *record.interval[0][1])
    low, high = record.interval[0][1]
    assert f"{low:.2f} to {high:.2f}" in str(model.index(0, 1).data())
    is_clear = low > 0 or high < 0
    assert model.index(0, 1).data(Qt.ItemDataRole.FontRole).bold() == is_clear


def test_walks_have_no_interactions(folder: Path) -> None:
    """Random orders say why there is nothing, and what to do; single images are called draws."""
    found = breakdown(audit_here(convnet_spec(folder, n_images=N_IMAGES)))
    assert "estimator exact" in found.interactions.gap
    assert found.are_draws


def test_result_without_rows_shows_what_it_lists(exact: AuditResult, tmp_path: Path) -> None:
    """A file alone is enough for a thousand images; beyond, the rows are asked for."""
    path = tmp_path / "result.json"
    write_result(exact, path)
    alone = load_result(path)
    assert breakdown(alone) == breakdown(exact)
    unlisted = replace(alone, images=None)
    table = image_table(unlisted)
    assert table.rows == ()
    assert "rows" in table.gap
    assert next(row.name for row in group_rows(unlisted, table)) == "All images"
    assert image_table(replace(exact, images=None)) == image_table(exact)


def test_groups_are_those_of_the_result() -> None:
    """All images, right and wrong ones, and classes have the intervals of their records."""
    result = sample_result(4, has_breakdown=True)
    assert result.classes is not None
    assert result.outcomes is not None
    everyone, right, wrong, *classes = group_rows(result, ImageTable())
    assert everyone.interval == tuple(band.interval for band in result.bands)
    assert (right.interval, wrong.top1) == (
        result.outcomes.correct.interval,
        result.outcomes.wrong.top1,
    )
    assert {one.shapley for one in classes} == {one.shapley for one in result.classes}
    assert all(one.is_class and one.interval for one in classes)


def test_small_classes_have_means_and_no_interval() -> None:
    """A class without a profile gathers its images; the largest class comes first."""
    images = ImageTable(
        rows=(an_image(1, label="b"), an_image(2), an_image(4, is_right=False)),
    )
    bare = replace(sample_result(3), classes=None, outcomes=None)
    _, first, second = group_rows(bare, images)
    assert (first.name, first.n_images, first.top1) == ("a", 2, 0.5)
    assert first.shapley == (3.0, -1.0, 0.5)
    assert (first.interval, second.interval) == ((), ())


@pytest.mark.parametrize("n_rows", [0, 1, 50])
def test_models_are_sound(qtmodeltester: ModelTester, n_rows: int) -> None:
    """Qt's own checks find nothing, empty, filtered or sorted."""
    images = tuple(an_image(number, label=str(number % 3)) for number in range(n_rows))
    model = ImageModel()
    model.show_rows(images)
    model.set_filter("1")
    model.sort(4, Qt.SortOrder.DescendingOrder)
    groups = group_model()
    groups.show_rows(tuple(group_rows(sample_result(3), ImageTable(rows=images))))
    square = InteractionModel()
    square.show_table(
        InteractionTable(
            values=((0.0, 1.0), (1.0, 0.0)),
            intervals=(((0.0, 0.0), (0.5, 1.5)), ((0.5, 1.5), (0.0, 0.0))),
        )
        if n_rows
        else InteractionTable()
    )
    for one in (model, groups, square):
        qtmodeltester.check(one)


def test_table_is_sorted_by_number_and_filtered_by_words() -> None:
    """Numbers sort as numbers; all words must be there; clearing brings every row back."""
    model = ImageModel()
    model.show_rows([an_image(number) for number in (10, 9, 100)])
    model.sort(4, Qt.SortOrder.DescendingOrder)
    assert [row.grand for row in model.rows] == [-9.0, -10.0, -100.0]
    model.set_filter("right 10")
    assert [row.path for row in model.rows] == ["10.png", "100.png"]
    model.set_filter("")
    model.sort(-1)
    assert [row.path for row in model.rows] == ["10.png", "9.png", "100.png"]


@pytest.mark.parametrize("order", Qt.SortOrder)
def test_numbers_that_are_not_defined_are_sorted_last(order: Qt.SortOrder) -> None:
    """Whoever looks for the largest or the least is not shown those that are unknown first."""
    model = group_model()
    model.show_rows([a_group("unknown", math.nan), a_group("low", 0.1), a_group("high", 0.4)])
    model.sort(4, order)
    names = [row.name for row in model.rows]
    assert names[2] == "unknown"
    assert sorted(names[:2], reverse=order == Qt.SortOrder.AscendingOrder) == names[:2]


def test_what_is_drawn_is_the_row_that_is_chosen(program: Program) -> None:
    """Sorting keeps the choice; a filter takes the first line left, or says that there is none."""
    panel = program.window.result_page.groups
    program.shell.change(page=Page.RESULT)
    program.window.result_page.tabs.setCurrentWidget(panel)
    groups = tuple(a_group(name, score) for name, score in (("ant", 0.1), ("bee", 0.4)))
    images = ImageTable(rows=(an_image(1), an_image(2)))
    panel.show_breakdown(Breakdown(groups=groups, images=images, unit="nats"))
    panel.table.selectRow(1)
    panel.table.sortByColumn(4, Qt.SortOrder.DescendingOrder)
    assert panel.table.currentIndex().data(ROW_ROLE) is groups[1]
    panel.filter.setText("ant")
    assert panel.table.currentIndex().data(ROW_ROLE) is groups[0]
    panel.filter.setText("wasp")
    assert "No line" in panel.findChild(Gapped).gap
    single = program.window.result_page.images
    program.window.result_page.tabs.setCurrentWidget(single)
    single.show_breakdown(Breakdown(images=images, unit="nats"))
    assert single.inspect_button.isEnabled()
    single.filter.setText("wasp")
    assert not single.inspect_button.isEnabled()
    single.filter.setText("")
    assert single.inspect_button.isEnabled()


def test_ten_thousand_images_are_shown_at_once(program: Program, qtbot: QtBot) -> None:
    """A long list is shown, filtered and sorted without waiting; pictures are asked for if seen."""
    asked: list[str] = []
    panel = program.window.result_page.images
    panel.set_thumbnails(asked.append)  # type: ignore[arg-type]  # None: no picture yet
    rows = tuple(an_image(number, label=f"class {number % 1000}") for number in range(10_000))
    program.shell.change(page=Page.RESULT)
    program.window.result_page.tabs.setCurrentWidget(panel)
    panel.show_breakdown(Breakdown(images=ImageTable(rows=rows), unit="nats"))
    qtbot.waitUntil(lambda: len(asked) > 0)
    assert len(set(asked)) < 200
    panel.filter.setText("class 77")
    texts = [f"{row.path} {row.label}" for row in rows]
    assert panel.model.rowCount() == sum("77" in text for text in texts)
    panel.table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
    assert panel.model.rows[0].grand == min(row.grand for row in panel.model.rows)


def test_thumbnails_come_later_and_once(qtbot: QtBot, exact: AuditResult) -> None:
    """The first look gives nothing, a signal says when there is something; no file, no picture."""
    thumbnails = Thumbnails()
    location = image_table(exact).rows[0].location
    with qtbot.waitSignal(thumbnails.thumbnailMade) as made:
        assert thumbnails.icon(location) is None
    assert made.args == [location]
    icon = thumbnails.icon(location)
    assert icon is not None
    assert icon.availableSizes() == [SIZE]
    assert thumbnails.icon("/nowhere.png") is None
    thumbnails.close()


def test_tabs_show_the_rows_of_the_result(
    program: Program, qtbot: QtBot, exact: AuditResult
) -> None:
    """A tab is filled when it is looked at: interactions, classes, images; no other before."""
    program.shell.show_opened(OpenResult(result=exact))
    page = program.window.result_page
    page.tabs.setCurrentWidget(page.images)
    qtbot.waitUntil(lambda: page.images.model.rowCount() == N_IMAGES, timeout=30_000)
    groups, pairs = page.groups.table.model(), page.interactions.table.model()
    assert (groups.rowCount(), pairs.rowCount()) == (0, 0)
    page.tabs.setCurrentWidget(page.interactions)
    assert (groups.rowCount(), pairs.rowCount()) == (0, 4)
    page.tabs.setCurrentWidget(page.groups)
    assert groups.index(0, 0).data() == "All images"
    assert (
        sum(groups.index(row, 0).data(ROW_ROLE).is_class for row in range(groups.rowCount())) == 5
    )
    assert page.groups.plot.accessibleDescription()
    assert page.groups.plot.numbers()[0] == ("band", "shapley", "low", "high")
    with qtbot.waitSignal(page.imageChosen) as chosen:
        page.images.table.selectRow(2)
        page.images.inspect_button.click()
    assert chosen.args == [page.images.model.rows[2].path]


def test_unreadable_images_are_not_waited_for(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong beside the window is said, and takes the place of the note to wait."""

    def fail(_: object) -> None:
        raise StoreError("Expected rows, found none.")

    monkeypatch.setattr("iaside_ui.controllers.breakdown.breakdown", fail)
    program.shell.show_opened(OpenResult(result=sample_result(4)))
    page = program.window.result_page
    page.tabs.setCurrentWidget(page.images)
    qtbot.waitUntil(lambda: page.images.gap == "Expected rows, found none.")
    assert page.images.gap in program.window.message_bar.text


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_plot_is_exported(
    program: Program,
    exact: AuditResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    """The plot of the page is a file of its kind."""
    path = tmp_path / f"plot{suffix}"
    monkeypatch.setattr(program.window, "choose_path", lambda _kind, _name="": path)
    program.shell.show_opened(OpenResult(result=exact))
    program.window.actions_by_key[ActionKey.EXPORT_PLOT].trigger()
    data = path.read_bytes()
    starts = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert data.startswith(starts[suffix])
    if suffix == ".png":
        image = QImage(str(path))
        colours = {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, 200, 7)}
        assert len(colours) > 2
    if suffix == ".svg":
        assert b"edges of the bands" in data


@pytest.mark.parametrize("tab", range(5))
def test_numbers_of_every_tab_are_exported(
    program: Program,
    qtbot: QtBot,
    exact: AuditResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tab: int,
) -> None:
    """Whatever the tab shows can be had as a table that reads back."""
    path = tmp_path / "numbers.csv"
    monkeypatch.setattr(program.window, "choose_path", lambda _kind, _name="": path)
    program.shell.show_opened(OpenResult(result=exact))
    page = program.window.result_page
    page.tabs.setCurrentWidget(page.images)
    qtbot.waitUntil(lambda: page.images.model.rowCount() == N_IMAGES, timeout=30_000)
    page.tabs.setCurrentIndex(tab)
    program.window.actions_by_key[ActionKey.EXPORT_NUMBERS].trigger()
    qtbot.waitUntil(path.exists)
    rows = list(csv.reader(io.StringIO(path.read_text())))
    assert len(rows) > 1
    assert {len(row) for row in rows} == {len(rows[0])}


def test_session_is_restored(
    program: Program, qtbot: QtBot, exact: AuditResult, tmp_path: Path
) -> None:
    """Results that were open come back behind the start page, which lists them as recent."""
    from iaside_ui.app import Program as Again  # noqa: PLC0415 - a second one

    path = tmp_path / "result.json"
    write_result(exact, path)
    program.controller.open_path(path)
    qtbot.waitUntil(lambda: len(program.shell.state.results) == 1)
    program.window.close()
    again = Again(tmp_path / "preferences.json")
    again.open()
    qtbot.waitUntil(lambda: len(again.shell.state.results) == 1, timeout=10_000)
    assert again.window.page == Page.START
    table = again.window.start_page.recent_table
    assert table.model().index(0, 0).data() == "result.json"
    again.close()
    again.window.deleteLater()
