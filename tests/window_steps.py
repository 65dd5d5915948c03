"""What a user of the window does: open it, choose a menu entry, start an audit, measure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from iaside_ui.state import ActionKey, Form, Page
from iaside_ui.workers.measurements import PartFound, PlanEnded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_ui.app import Program
    from iaside_ui.state.robustness import Held
    from pytestqt.qtbot import QtBot
    from robustness_material import ScriptedMeasurement


@contextmanager
def shown(qtbot: QtBot, program: Program) -> Iterator[Program]:
    """Show a program, and end it and its window."""
    program.open()
    qtbot.waitExposed(program.window)
    yield program
    program.close()
    program.window.deleteLater()
    program.deleteLater()


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


def show_robustness(program: Program) -> None:
    """Go to the page of robustness."""
    trigger(program, ActionKey.SHOW_ROBUSTNESS)


def begin_measuring(qtbot: QtBot, program: Program, measurement: ScriptedMeasurement) -> None:
    """Start to measure, from the page."""
    show_robustness(program)
    trigger(program, ActionKey.MEASURE)
    qtbot.waitUntil(lambda: len(measurement.plans) == 1)


def hold(
    qtbot: QtBot, program: Program, measurement: ScriptedMeasurement, held: tuple[Held, ...]
) -> None:
    """Measure, as far as the page can tell, and wait for the picture."""
    begin_measuring(qtbot, program, measurement)
    measurement.send(PartFound(held=held), PlanEnded(is_cancelled=False))
    qtbot.waitUntil(
        lambda: bool(program.robustness.state.held) and not program.robustness.is_running
    )
    if program.robustness.state.corruption is not None:
        qtbot.waitUntil(lambda: program.robustness.state.pair is not None)
