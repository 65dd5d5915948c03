"""Every page driven as a user drives it, with a scripted engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import pytest
from iaside_ui.state import ActionKey, Form, Page
from iaside_ui.views import Answer, FileKind
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox
from window_dialogs import answer_with, choose
from window_material import RESULT, ScriptedAudit, estimate, image_done, planned

from iaside_audit.auditing.demo import demo_spec
from iaside_audit.errors import SignatureError
from iaside_audit.events import Finished, ImageFailed, Preparing, Warned
from iaside_audit.report import null_sentence, score_sentence, write_result
from iaside_audit.result import AuditWarning

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


def trigger(program: Program, key: ActionKey) -> None:
    """Choose a menu entry that must be possible now."""
    action = program.window.actions_by_key[key]
    assert action.isEnabled()
    action.trigger()


def reach(qtbot: QtBot, program: Program, page: Page) -> None:
    """Wait until a page is shown."""
    qtbot.waitUntil(lambda: program.window.page == page)


def start_audit(program: Program, tmp_path: Path, **options: object) -> None:
    """Start an audit of files that exist, through the form."""
    model = tmp_path / "model.onnx"
    model.touch()
    program.setup.change(Form.of({"model": model, "images": tmp_path, **options}))
    program.setup.audit_model()
    trigger(program, ActionKey.START_AUDIT)


def test_start_page_offers_its_ways_in(program: Program) -> None:
    """The window opens with large buttons, each doing what its menu entry does."""
    assert program.window.page == Page.START
    buttons = program.window.start_page.buttons
    assert len(buttons) == 4
    assert all(button.isEnabled() and button.accessibleName() for button in buttons)


def test_demo_is_one_click_away(program: Program, qtbot: QtBot, audit: ScriptedAudit) -> None:
    """The first button starts the audit of the built-in model and shows it."""
    demo = program.window.start_page.buttons[0]
    qtbot.mouseClick(demo, Qt.MouseButton.LeftButton)
    assert program.window.page == Page.RUN
    qtbot.waitUntil(lambda: len(audit.specs) == 1)
    assert str(audit.specs[0].model) == "efficientnet_lite0"


def test_run_page_shows_progress_and_estimates(
    program: Program, qtbot: QtBot, audit: ScriptedAudit
) -> None:
    """Progress, rate, time left, bands, score and log follow the events."""
    trigger(program, ActionKey.TRY_DEMO)
    page = program.window.run_page
    audit.send(Preparing(stage="reading the images", done=1, total=4))
    qtbot.waitUntil(lambda: "Reading the images, 1 of 4" in page.progress_text)
    audit.send(planned(10), ImageFailed(path="a.png", reason="truncated"))
    audit.send(Warned(code="few", message="Few images."), image_done(3), estimate(3))
    qtbot.waitUntil(lambda: "3 of 10 images" in page.progress_text)
    assert "32 evaluations a second" in page.progress_text
    assert "about 4 s left" in page.progress_text
    assert page.log.model().rowCount() == 3
    assert "Signed score 0." in page.score_text
    assert page.plot.accessibleDescription().startswith("band 0: ")


def test_finished_audit_shows_its_result(
    program: Program, qtbot: QtBot, audit: ScriptedAudit
) -> None:
    """After the last event the result stands in the window, in the engine's words."""
    trigger(program, ActionKey.TRY_DEMO)
    audit.send(planned(), Finished(result=RESULT))
    reach(qtbot, program, Page.RESULT)
    page = program.window.result_page
    assert score_sentence(RESULT) in page.sentences
    assert null_sentence(RESULT) in page.sentences
    assert page.importance.band_table.model().rowCount() == len(RESULT.bands)
    assert page.importance.score_table.model().rowCount() == 3
    assert program.window.actions_by_key[ActionKey.EXPORT_REPORT].isEnabled()


def test_cancel_by_keyboard(program: Program, qtbot: QtBot, audit: ScriptedAudit) -> None:
    """Ctrl and the full stop cancel; without any numbers the window goes back and says so."""
    trigger(program, ActionKey.TRY_DEMO)
    qtbot.waitUntil(lambda: len(audit.controls) == 1)
    qtbot.keyClick(program.window, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    reach(qtbot, program, Page.START)
    assert audit.controls[0].is_cancelled
    assert "before there was anything" in program.window.message_bar.text


def test_cancelled_audit_shows_what_there_is(
    program: Program, qtbot: QtBot, audit: ScriptedAudit
) -> None:
    """Numbers over the images done are shown, with the warning that they are partial."""
    audit.partial = RESULT
    trigger(program, ActionKey.TRY_DEMO)
    trigger(program, ActionKey.CANCEL_AUDIT)
    reach(qtbot, program, Page.RESULT)
    notes = program.window.result_page.origin.warning_list.model()
    assert "was cancelled" in str(notes.data(notes.index(0, 0)))


def test_pause_and_resume(program: Program, qtbot: QtBot, audit: ScriptedAudit) -> None:
    """One action pauses and, under another name, resumes."""
    trigger(program, ActionKey.TRY_DEMO)
    qtbot.waitUntil(lambda: len(audit.controls) == 1)
    pause = program.window.actions_by_key[ActionKey.TOGGLE_PAUSE]
    pause.trigger()
    assert audit.controls[0].is_paused
    assert pause.iconText() == "Resume"
    assert "Paused" in program.window.run_page.progress_text
    pause.trigger()
    assert not audit.controls[0].is_paused
    assert pause.iconText() == "Pause"


def test_failed_audit_shows_why(
    program: Program, qtbot: QtBot, audit: ScriptedAudit, tmp_path: Path
) -> None:
    """A refused model brings the form back, as it was, under the engine's message."""
    trigger(program, ActionKey.AUDIT_MODEL)
    start_audit(program, tmp_path)
    audit.send(SignatureError("Expected one image input, found two.", found="2"))
    reach(qtbot, program, Page.SETUP)
    assert program.window.message_bar.text == "Expected one image input, found two."
    assert program.setup.form.text("images") == str(tmp_path)


def test_form_refuses_what_cannot_work(program: Program) -> None:
    """An empty form stays, and every fault is named."""
    trigger(program, ActionKey.AUDIT_MODEL)
    trigger(program, ActionKey.START_AUDIT)
    assert program.window.page == Page.SETUP
    assert "for the model" in program.window.message_bar.text
    assert "folder of images" in program.window.message_bar.text


def test_form_becomes_the_specification(
    program: Program, qtbot: QtBot, audit: ScriptedAudit, tmp_path: Path
) -> None:
    """What is filled in arrives at the engine."""
    (tmp_path / "labels.csv").touch()
    (tmp_path / "model.toml").touch()
    labels, preprocess = str(tmp_path / "labels.csv"), str(tmp_path / "model.toml")
    start_audit(program, tmp_path, labels=labels, preprocess=preprocess, out=tmp_path / "kept")
    qtbot.waitUntil(lambda: len(audit.specs) == 1)
    assert audit.specs[0].labels == labels
    assert audit.specs[0].preprocess == preprocess
    assert audit.folders == [tmp_path / "kept"]


def test_form_is_kept_while_looking_elsewhere(program: Program) -> None:
    """Going back and forth loses nothing that was typed."""
    trigger(program, ActionKey.AUDIT_MODEL)
    program.window.setup_page.fields["model"].set_text("half-typed")
    trigger(program, ActionKey.SHOW_START)
    assert program.window.page == Page.START
    trigger(program, ActionKey.AUDIT_MODEL)
    assert program.window.setup_page.fields["model"].text == "half-typed"


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


@pytest.mark.parametrize("suffix", [".pdf", ".csv", ".svg", ".png", ".json"])
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


def test_audits_queue_up(program: Program, qtbot: QtBot, audit: ScriptedAudit) -> None:
    """A second audit waits for the first; a waiting one can be taken out."""
    for _ in range(3):
        trigger(program, ActionKey.TRY_DEMO)
    qtbot.waitUntil(lambda: len(audit.specs) == 1)
    page = program.window.run_page
    assert [page.queue.model().index(row, 3).data() for row in range(3)] == [
        "waiting",
        "waiting",
        "running",
    ]
    page.queue.selectRow(0)
    page.remove_button.click()
    assert program.audits.n_waiting == 1
    audit.send(Finished(result=RESULT))
    qtbot.waitUntil(lambda: len(audit.specs) == 2)
    assert program.window.page == Page.RUN
    audit.send(Finished(result=RESULT))
    reach(qtbot, program, Page.RESULT)
    assert len(program.shell.state.results) == 2
    assert program.window.result_page.chooser.count() == 2


def test_end_of_an_audit_does_not_take_the_user_away(
    program: Program, qtbot: QtBot, audit: ScriptedAudit
) -> None:
    """Who looks at another page stays there, and is told."""
    trigger(program, ActionKey.TRY_DEMO)
    trigger(program, ActionKey.AUDIT_MODEL)
    lost = AuditWarning(code="images_failed", message="40 of 60 images could not be used.")
    audit.send(Finished(result=replace(RESULT, warnings=(lost,))))
    bar = program.window.message_bar
    qtbot.waitUntil(lambda: "has ended" in bar.text)
    assert bar.text.endswith("40 of 60 images could not be used.")
    assert program.window.page == Page.SETUP
    trigger(program, ActionKey.SHOW_RESULT)
    assert program.window.page == Page.RESULT


def test_audit_that_fails_in_the_queue_lets_the_next_one_run(
    program: Program, qtbot: QtBot, audit: ScriptedAudit
) -> None:
    """A crash is a message and a line in the queue, not the end."""
    trigger(program, ActionKey.TRY_DEMO)
    trigger(program, ActionKey.TRY_DEMO)
    audit.send(SignatureError("Expected one image input, found two."))
    qtbot.waitUntil(lambda: len(audit.specs) == 2)
    assert "one image input" in program.window.message_bar.text
    queue = program.window.run_page.queue.model()
    assert queue.index(1, 3).data() == "failed"
    audit.send(Finished(result=RESULT))
    reach(qtbot, program, Page.RESULT)


def drop(program: Program, path: Path) -> None:
    """Drag a file over the window and let go."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    # Qt deprecates the making of such events: only the platform makes them.
    entering = MagicMock(spec=QDragEnterEvent)
    dropping = MagicMock(spec=QDropEvent)
    for event in (entering, dropping):
        event.mimeData.return_value = data
    program.window.dragEnterEvent(entering)
    entering.acceptProposedAction.assert_called_once()
    program.window.dropEvent(dropping)


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


def test_idle_window_closes_at_once(program: Program) -> None:
    """Without an audit or an unsaved result, closing asks nothing."""
    program.window.close()
    assert program.window.isHidden()


def test_closing_while_running_asks(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit is stopped only where the user says so; then the window closes by itself."""
    trigger(program, ActionKey.TRY_DEMO)
    asked = answer_with(program, monkeypatch, Answer.CANCEL)
    program.window.close()
    assert len(asked) == 1
    QApplication.processEvents()
    assert program.window.isVisible()
    answer_with(program, monkeypatch, Answer.NO)
    program.window.close()
    qtbot.waitUntil(program.window.isHidden)
    assert not program.shell.state.is_running


def test_audit_can_go_on_without_the_window(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, audit: ScriptedAudit
) -> None:
    """Kept in the background, the audit runs to its end; an unsaved result brings a question."""
    program.audits.start(demo_spec())
    answer_with(program, monkeypatch, Answer.YES)
    program.window.close()
    qtbot.waitUntil(program.window.isHidden)
    assert program.shell.state.is_running
    asked = answer_with(program, monkeypatch, Answer.CANCEL)
    audit.send(Finished(result=RESULT))
    qtbot.waitUntil(lambda: len(asked) == 1)
    assert "Save the result" in asked[0].text
    assert program.window.isVisible()


@pytest.mark.parametrize(("answer", "is_closed"), [(Answer.NO, True), (Answer.CANCEL, False)])
def test_unsaved_result_is_not_lost_unasked(
    program: Program,
    qtbot: QtBot,
    audit: ScriptedAudit,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    answer: Answer,
    is_closed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """The result of a user's own audit is thrown away only where they say so."""
    start_audit(program, tmp_path)
    audit.send(Finished(result=RESULT))
    reach(qtbot, program, Page.RESULT)
    assert program.window.isWindowModified()
    asked = answer_with(program, monkeypatch, answer)
    program.window.close()
    assert len(asked) == 1
    qtbot.waitUntil(lambda: program.window.isHidden() == is_closed)
    assert program.window.isWindowModified() != is_closed


def test_saved_result_is_asked_about_no_more(
    program: Program,
    qtbot: QtBot,
    audit: ScriptedAudit,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Saving makes a result safe: its file reads back, and closing asks nothing."""
    start_audit(program, tmp_path)
    audit.send(Finished(result=RESULT))
    reach(qtbot, program, Page.RESULT)
    choose(program, monkeypatch, tmp_path / "kept.json")
    trigger(program, ActionKey.SAVE_RESULT)
    qtbot.waitUntil(lambda: not program.window.isWindowModified())
    asked = answer_with(program, monkeypatch, Answer.CANCEL)
    program.window.close()
    assert asked == []
    assert (tmp_path / "kept.json").exists()


def test_question_can_be_answered_by_keyboard(program: Program, qtbot: QtBot) -> None:
    """A question is not modal to the program; Esc is the answer that loses nothing."""
    trigger(program, ActionKey.TRY_DEMO)
    program.window.close()
    box = program.window.findChild(QMessageBox)
    assert box is not None
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert program.window.isVisible()
    assert program.window.page == Page.RUN


@pytest.mark.parametrize("key", [ActionKey.SHOW_ABOUT, ActionKey.SHOW_SHORTCUTS])
def test_help_opens_and_closes(program: Program, qtbot: QtBot, key: ActionKey) -> None:
    """Both help windows open without stopping the program, and close by Esc."""
    trigger(program, key)
    dialog = program.window.findChild(QDialog)
    assert dialog is not None
    qtbot.waitExposed(dialog)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(dialog.isHidden)
