"""Every page driven as a user drives it, with a scripted engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from iaside_ui.state import ActionKey, Page
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog
from window_material import RESULT, ScriptedAudit, estimate, image_done, planned
from window_steps import reach, start_audit, trigger

from iaside_audit.errors import SignatureError
from iaside_audit.events import Finished, ImageFailed, Preparing, Stage, Warned
from iaside_audit.report import null_sentence, score_sentence
from iaside_audit.result import AuditWarning

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.qtbot import QtBot


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
    audit.send(Preparing(stage=Stage.READING_IMAGES, done=1, total=4))
    qtbot.waitUntil(lambda: "Reading the images, 1 of 4" in page.progress_text)
    audit.send(planned(10), ImageFailed(path="a.png", reason="truncated"))
    audit.send(Warned(code="few", message="Few images."), image_done(3), estimate(3))
    qtbot.waitUntil(lambda: "3 of 10 images" in page.progress_text)
    assert "32 evaluations a second" in page.progress_text
    assert "about 4 s left" in page.progress_text
    assert page.log.model().rowCount() == 3
    assert "Signed score 0." in page.score_text
    assert page.plot.accessibleDescription().startswith("band 0: ")
    audit.send(Finished(result=RESULT))
    reach(qtbot, program, Page.RESULT)
    assert "Signed score 0." not in page.score_text  # an estimate that was overtaken


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


@pytest.mark.parametrize("key", [ActionKey.SHOW_ABOUT, ActionKey.SHOW_SHORTCUTS])
def test_help_opens_and_closes(program: Program, qtbot: QtBot, key: ActionKey) -> None:
    """Both help windows open without stopping the program, and close by Esc."""
    trigger(program, key)
    dialog = program.window.findChild(QDialog)
    assert dialog is not None
    qtbot.waitExposed(dialog)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(dialog.isHidden)
