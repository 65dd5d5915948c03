"""Measurements are exported, saved and opened; what cannot be shown is a message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from iaside_ui.exporting import write_picture
from iaside_ui.state import ActionKey, Page
from iaside_ui.views import Answer, FileKind
from window_dialogs import answer_with, choose
from window_steps import trigger

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from iaside_ui.state.robustness import Held
    from pytestqt.qtbot import QtBot


def test_everything_is_exported(
    measured: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tab gives a picture in three formats and its numbers, from the menu."""
    window = measured.window
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
    assert asked == ["model-predicted-and-measured-loss.svg"]


def test_measurements_are_saved_and_opened(
    measured: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is saved is opened again and looks the same; a folder with files is asked about."""
    folder = tmp_path / "saved"
    folder.mkdir()
    panel = measured.window.robustness_page.corruptions
    summary, sentence = panel.grid.summary, panel.sentence
    asked = choose(measured, monkeypatch, folder)
    trigger(measured, ActionKey.SAVE_MEASUREMENTS)
    qtbot.waitUntil(lambda: not measured.robustness.state.has_unsaved)
    assert asked == [FileKind.MEASUREMENT_FOLDER]
    assert sorted(path.name for path in folder.iterdir()) == [
        "corruption.json",
        "heatmap.json",
        "passband.json",
        "prediction.json",
        "snr.json",
    ]
    questions = answer_with(measured, monkeypatch, Answer.CANCEL)
    measured.measurements.save_measurements()
    assert "corruption.json" in questions[0].consequence
    measured.robustness.discard()
    assert not measured.robustness.state.held
    measured.controller.open_path(folder)
    qtbot.waitUntil(lambda: len(measured.robustness.state.held) == 5)
    assert measured.window.page == Page.ROBUSTNESS
    assert (panel.grid.summary, panel.sentence) == (summary, sentence)
    qtbot.waitUntil(lambda: measured.robustness.state.pair is not None)


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
    trigger(program, ActionKey.OPEN_MEASUREMENTS)
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
