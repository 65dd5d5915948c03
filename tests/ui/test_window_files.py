"""Results are opened, dropped, exported and copied; what cannot be is a message."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import pytest
from iaside_ui.state import ActionKey, Page
from iaside_ui.views import FileKind
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from window_dialogs import choose
from window_material import RESULT
from window_steps import reach, trigger

from iaside_audit.report import write_result

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.qtbot import QtBot


@pytest.fixture
def result_file(tmp_path: Path) -> Path:
    """Return a file that holds a result."""
    path = tmp_path / "result.json"
    write_result(RESULT, path)
    return path


def drop(program: Program, *paths: Path) -> None:
    """Drag files over the window and let go."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    # Qt deprecates the making of such events: only the platform makes them.
    entering = MagicMock(spec=QDragEnterEvent)
    dropping = MagicMock(spec=QDropEvent)
    for event in (entering, dropping):
        event.mimeData.return_value = data
    program.window.dragEnterEvent(entering)
    entering.acceptProposedAction.assert_called_once()
    program.window.dropEvent(dropping)


def test_open_result(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, result_file: Path
) -> None:
    """A result is read beside the window and shown under its name."""
    assert choose(program, monkeypatch, result_file) == []
    trigger(program, ActionKey.OPEN_RESULT)
    reach(qtbot, program, Page.RESULT)
    assert "result.json" in program.window.windowTitle()
    assert not program.window.isWindowModified()


def test_no_file_chosen_changes_nothing(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing the file dialog without a choice is no error."""
    asked = choose(program, monkeypatch, None)
    trigger(program, ActionKey.OPEN_RESULT)
    assert asked == [FileKind.RESULT]
    assert program.window.page == Page.START
    assert program.window.message_bar.text == ""


@pytest.mark.parametrize("text", ["{", '{"schema_version": 1}', '{"schema_version": 99}', ""])
def test_damaged_result_shows_a_message(
    program: Program, qtbot: QtBot, tmp_path: Path, text: str
) -> None:
    """A file that is no result costs a message that names it, with details; nothing else."""
    path = tmp_path / "damaged.json"
    path.write_text(text)
    program.controller.open_path(path)
    bar = program.window.message_bar
    qtbot.waitUntil(lambda: "damaged.json" in bar.text)
    assert program.window.page == Page.START
    assert bar.details_button.isVisible()
    assert not bar.details.isVisible()
    bar.details_button.click()
    assert bar.details.isVisible()
    bar.close_button.click()
    assert bar.isHidden()


@pytest.mark.parametrize("suffix", [".pdf", ".html", ".csv", ".svg", ".png", ".json"])
def test_export_writes_the_report(
    program: Program,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    result_file: Path,
    suffix: str,
) -> None:
    """Every format is written by the worker, and the bar says where."""
    program.controller.open_path(result_file)
    reach(qtbot, program, Page.RESULT)
    path = result_file.with_name(f"report{suffix}")
    choose(program, monkeypatch, path)
    trigger(program, ActionKey.EXPORT_REPORT)
    qtbot.waitUntil(lambda: str(path) in program.window.message_bar.text, timeout=30_000)
    assert path.stat().st_size > 100


def test_export_that_fails_says_why(
    program: Program,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    result_file: Path,
    tmp_path: Path,
) -> None:
    """A place that cannot be written is named, and the result stays open."""
    program.controller.open_path(result_file)
    reach(qtbot, program, Page.RESULT)
    choose(program, monkeypatch, tmp_path / "missing" / "a.csv")
    trigger(program, ActionKey.EXPORT_REPORT)
    qtbot.waitUntil(lambda: "Create the folder first" in program.window.message_bar.text)
    assert program.window.page == Page.RESULT


@pytest.mark.parametrize(("name", "page"), [("model.onnx", Page.SETUP), ("folder", Page.SETUP)])
def test_dropped_file_is_opened(program: Program, tmp_path: Path, name: str, page: Page) -> None:
    """A model or a folder dropped on the window fills its place in the form."""
    path = tmp_path / name
    path.mkdir() if name == "folder" else path.touch()
    drop(program, path)
    assert program.window.page == page
    form = program.setup.form
    assert str(path) in {form.text("model"), form.text("images")}


def test_dropped_result_is_opened(program: Program, qtbot: QtBot, result_file: Path) -> None:
    """A result dropped on the window, or the folder that holds it, is shown."""
    drop(program, result_file.parent)
    reach(qtbot, program, Page.RESULT)


def test_several_files_are_dropped_at_once(program: Program, tmp_path: Path) -> None:
    """Each finds its place; one that has none is named, with what would have."""
    model, images, strange = (tmp_path / name for name in ("a.onnx", "images", "strange.jpg"))
    images.mkdir()
    for path in (model, strange):
        path.touch()
    drop(program, model, images, strange)
    form = program.setup.form
    assert (form.text("model"), form.text("images")) == (str(model), str(images))
    assert "found 'strange.jpg'" in program.window.message_bar.text
    program.controller.open_path(tmp_path / ("z" * 300))
    assert program.window.message_bar.text.startswith("Expected a path that can be looked at")


def test_result_dropped_on_a_comparison_is_compared(
    program: Program, qtbot: QtBot, result_file: Path
) -> None:
    """Whoever compares results goes on comparing, with one more."""
    program.shell.change(page=Page.COMPARISON)
    drop(program, result_file)
    qtbot.waitUntil(lambda: len(program.shell.state.results) == 1)
    assert program.window.page == Page.COMPARISON


def test_result_can_be_opened_while_an_audit_runs(
    program: Program, qtbot: QtBot, result_file: Path
) -> None:
    """The audit goes on behind the result, and can be gone back to."""
    trigger(program, ActionKey.TRY_DEMO)
    drop(program, result_file)
    reach(qtbot, program, Page.RESULT)
    assert program.shell.state.is_running
    trigger(program, ActionKey.SHOW_RUN)
    assert program.window.page == Page.RUN


def test_selected_rows_are_copied(program: Program, qtbot: QtBot, result_file: Path) -> None:
    """Copy gives the selected rows as text for a spreadsheet."""
    program.controller.open_path(result_file)
    reach(qtbot, program, Page.RESULT)
    table = program.window.result_page.importance.band_table
    table.setFocus()
    table.selectRow(1)
    qtbot.waitUntil(table.hasFocus)
    trigger(program, ActionKey.COPY)
    assert QGuiApplication.clipboard().text().split("\t")[0] == "1"
