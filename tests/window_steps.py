"""What a user of the window does: choose a menu entry, start an audit, wait for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iaside_ui.state import ActionKey, Form, Page

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.qtbot import QtBot


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
