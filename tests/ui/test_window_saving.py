"""Saving what would be lost, and what was to happen after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from iaside_ui.state import ActionKey, OpenResult, Page
from iaside_ui.views import Answer, FileKind
from PySide6.QtWidgets import QFileDialog
from window_dialogs import answer_with, choose
from window_material import RESULT

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.qtbot import QtBot


@pytest.fixture
def unsaved(program: Program) -> OpenResult:
    """Show a result that is in no file."""
    opened = OpenResult(result=RESULT, asks_to_be_saved=True)
    program.shell.show_opened(opened)
    return opened


@pytest.mark.usefixtures("unsaved")
def test_a_result_that_is_closed_and_saved_is_closed(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Saving is part of closing, not another thing to do."""
    path = tmp_path / "kept.json"
    answer_with(program, monkeypatch, Answer.YES)
    choose(program, monkeypatch, path)
    program.window.actions_by_key[ActionKey.CLOSE_RESULT].trigger()
    qtbot.waitUntil(lambda: program.window.page == Page.START)
    assert path.exists()
    assert program.shell.state.results == ()


def test_a_window_that_is_closed_asks_for_every_result(
    program: Program,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    unsaved: OpenResult,
) -> None:
    """The window closes once each is saved; what is saved is there again next time."""
    program.shell.show_opened(OpenResult(result=RESULT, asks_to_be_saved=True))
    paths = [tmp_path / "first.json", tmp_path / "second.json"]
    kept = list(paths)
    asked = answer_with(program, monkeypatch, Answer.YES)
    monkeypatch.setattr(program.window, "choose_path", lambda _kind, _name="": paths.pop(0))
    program.window.close()
    qtbot.waitUntil(program.window.isHidden)
    assert len(asked) == 2
    assert [one.path for one in program.shell.state.results] == kept
    assert unsaved not in program.shell.state.results


def test_a_copy_does_not_take_the_place_of_its_original(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Rows lie beside the file that was opened, not beside a copy: that is opened next time."""
    original, copy = tmp_path / "audit" / "result.json", tmp_path / "copy.json"
    program.shell.show_opened(OpenResult(result=RESULT, path=original))
    choose(program, monkeypatch, copy)
    program.window.actions_by_key[ActionKey.SAVE_RESULT].trigger()
    qtbot.waitUntil(lambda: "Written" in program.window.message_bar.text)
    assert copy.exists()
    assert [one.path for one in program.shell.state.results] == [original]


def test_a_name_without_a_suffix_gets_it_where_overwriting_is_asked_about(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The dialog itself knows the whole name, and hence whether such a file is there."""

    def choose_file(dialog: QFileDialog) -> int:
        assert dialog.selectedFiles()[0].endswith("proposed.svg")
        dialog.selectFile(str(tmp_path / "plot"))
        assert dialog.selectedFiles() == [str(tmp_path / "plot.svg")]
        dialog.filterSelected.emit(dialog.nameFilters()[1])
        return 1

    monkeypatch.setattr(QFileDialog, "exec", choose_file)
    path = program.window.choose_path(FileKind.PLOT, "proposed.svg")
    assert path == tmp_path / "plot.png"


def test_a_name_with_a_dot_gets_the_suffix_of_the_filter(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A number in a name is no suffix; where the whole name is taken, the dialog asks again."""
    (tmp_path / "v1.1.svg").touch()
    typed = ["v1.1", "v1.2"]
    shown: list[str] = []

    def choose_file(dialog: QFileDialog) -> int:
        shown.extend(dialog.selectedFiles())
        dialog.selectFile(str(tmp_path / typed.pop(0)))
        return 1

    monkeypatch.setattr(QFileDialog, "exec", choose_file)
    path = program.window.choose_path(FileKind.PLOT, str(tmp_path / "proposed.svg"))
    assert shown == [str(tmp_path / "proposed.svg"), str(tmp_path / "v1.1.svg")]
    assert path == tmp_path / "v1.2.svg"


@pytest.mark.usefixtures("unsaved")
@pytest.mark.parametrize(
    ("key", "proposed"),
    [
        (ActionKey.EXPORT_PLOT, "mobilenet_v2-1-0-importance-of-the-bands.svg"),
        (ActionKey.EXPORT_REPORT, "mobilenet_v2-1-0-report.pdf"),
        (ActionKey.SAVE_RESULT, "mobilenet_v2-1-0-result.json"),
    ],
)
def test_proposed_names_tell_models_apart(
    program: Program, monkeypatch: pytest.MonkeyPatch, key: ActionKey, proposed: str
) -> None:
    """What is exported of one model does not take the place of another's."""
    model = replace(RESULT.model, path="/models/mobilenet_v2 (1.0).onnx")
    program.shell.show_opened(OpenResult(result=replace(RESULT, model=model)))
    asked: list[str] = []
    monkeypatch.setattr(program.window, "choose_path", lambda _kind, name: asked.append(name))
    program.window.actions_by_key[key].trigger()
    assert asked == [proposed]


@pytest.mark.usefixtures("unsaved")
def test_a_result_that_cannot_be_saved_stays(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is closed where the file could not be written."""
    answer_with(program, monkeypatch, Answer.YES)
    (tmp_path / "file").touch()
    choose(program, monkeypatch, tmp_path / "file" / "kept.json")
    program.window.close()
    qtbot.waitUntil(lambda: bool(program.window.message_bar.text))
    assert program.window.isVisible()
    assert program.shell.state.unsaved is not None
