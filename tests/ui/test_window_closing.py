"""The window closes at once, or asks about what would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from iaside_ui.state import ActionKey, Page
from iaside_ui.views import Answer
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox
from window_dialogs import answer_with, choose
from window_material import RESULT, ScriptedAudit
from window_steps import reach, start_audit, trigger

from iaside_audit.auditing.demo import demo_spec
from iaside_audit.events import Finished

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.qtbot import QtBot


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
