"""A real window on a real screen, driven with mouse and keyboard from a model to a report."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from audit_material import ConvNet, save_images
from PIL import Image
from shared_material import shared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DRIVE = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
folder, model, images = map(Path, sys.argv[1:])
QSettings.setDefaultFormat(QSettings.Format.IniFormat)
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder / "settings"))
from iaside_ui.app import Program, make_application
from iaside_ui.state import ActionKey, Page
application = make_application(["test"])
program = Program(folder / "preferences.json")
program.open()
window = program.window
window.resize(1300, 720)
left, ctrl = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier

def wait(is_there, what):
    deadline = time.monotonic() + 240
    while not is_there():
        assert time.monotonic() < deadline, (what, window.message_bar.text)
        application.processEvents()
        time.sleep(0.01)

def press(key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(QTest_target(), key, modifier)

def QTest_target():
    return application.focusWidget() or window

def button(action):
    from PySide6.QtWidgets import QToolButton
    found = [one for one in window.findChildren(QToolButton)
             if one.defaultAction() is window.actions_by_key[action] and one.isVisible()]
    assert found, action
    return found[0]

def click(widget):
    QTest.mouseClick(widget, left, pos=widget.rect().center())

paths = []
window.choose_path = lambda kind, name="": paths.pop(0)
window.activateWindow()  # there is no window manager to do it
wait(window.isActiveWindow, "active window")

# the form: model and images by keyboard
press(Qt.Key.Key_N, ctrl)
wait(lambda: window.page == Page.SETUP, "set-up page")
for name, text in (("model", model), ("images", images), ("out", folder / "audit")):
    editor = window.setup_page.fields[name].editor
    editor.setFocus()
    QTest.keyClicks(editor, str(text))
    QTest.keyClick(editor, Qt.Key.Key_Return)
wait(lambda: "evaluations" in window.setup_page.plan_text, "plan")

# the assistant by mouse
panel = window.setup_page.assistant
click(panel._find)
wait(lambda: panel.verdict, "verdict")
paths.append(folder / "found.toml")
panel.table.selectRow(0)
click(panel.use_button)
wait(lambda: program.setup.form.text("preprocess"), "preprocessing taken")

# run to live estimates, cancel, resume
click(button(ActionKey.START_AUDIT))
wait(lambda: window.run_page.score_text.startswith("Signed"), "live estimate")
press(Qt.Key.Key_Period, ctrl)
wait(lambda: not program.shell.state.is_running, "cancelled")
n_first = len(program.shell.state.results)
assert n_first == 1 and program.shell.state.opened.is_partial
n_partial = program.shell.state.opened.result.data.n_images
press(Qt.Key.Key_N, ctrl)
press(Qt.Key.Key_Return, ctrl)
wait(lambda: program.shell.state.is_running, "resumed")
wait(lambda: not program.shell.state.is_running, "finished")
opened = program.shell.state.opened
assert not opened.is_partial and opened.path == folder / "audit" / "result.json"
assert opened.result.runtime.n_resumed >= n_partial, opened.result.runtime

# one image and its bands
press(Qt.Key.Key_I, ctrl)
inspector = program.inspector
wait(lambda: inspector.state.explanation is not None
     and inspector.state.explanation.n_done == inspector.state.explanation.n_total, "bands")
click(window.inspector_page.tiles.tiles[0].picture)
wait(lambda: inspector.state.composed is not None
     and inspector.state.composed.composition.code == inspector.state.code, "composed")
assert not inspector.state.code & 1
press(Qt.Key.Key_PageDown)
wait(lambda: inspector.state.subject.place == 1 and not inspector.state.stage, "next image")

# a second result, and both side by side
press(Qt.Key.Key_N, ctrl)
window.setup_page.fields["out"].set_text("")
window.setup_page.fields["seed"].set_text("3")
press(Qt.Key.Key_Return, ctrl)
wait(lambda: len(program.shell.state.results) >= 2 and not program.shell.state.is_running, "second")
press(Qt.Key.Key_D, ctrl)
compared = window.comparison_page.compared
wait(lambda: "matched by content" in compared.note, "comparison")
assert compared.difference_table.model().rowCount() == 2 * 8 + 6
compared.quantity.setFocus()
QTest.keyClick(compared.quantity, Qt.Key.Key_Down)
assert compared.plot.numbers()[0][-1] == "p_corrected"

# the report
window.actions_by_key[ActionKey.SHOW_RESULT].trigger()
paths.append(folder / "report.pdf")
press(Qt.Key.Key_E, ctrl)
wait((folder / "report.pdf").exists, "report")
wait(lambda: not program.shell.state.is_busy, "written")
window.screen().grabWindow(0).save(str(folder / "screen.png"))
print("driven", application.platformName())
program.close()
"""


def small_material(folder: Path) -> tuple[Path, Path]:
    """Return a network of a few weights, and images for it."""
    model = folder / "model.onnx"
    ConvNet(side=64).save(model)
    return model, save_images(folder / "images", 150, side=64, n_classes=5)


def zoo_material(_: Path) -> tuple[Path, Path]:
    """Return a real ImageNet classifier and real photographs, labelled in a table beside them."""
    return shared("zoo/models/mobilenet_v1_025_128_qat.onnx"), shared("zoo/images")


@pytest.mark.slow
@pytest.mark.parametrize("material", [small_material, zoo_material])
def test_from_model_to_report(
    screen: str, tmp_path: Path, material: Callable[[Path], tuple[Path, Path]]
) -> None:
    """Model, assistant, live estimates, cancel, resume, bands, comparison, PDF: all by hand."""
    model, images = material(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", DRIVE, str(tmp_path), str(model), str(images)],
        env=os.environ | {"DISPLAY": screen, "QT_QPA_PLATFORM": "xcb"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["driven", "xcb"]
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    with Image.open(tmp_path / "screen.png") as picture:
        assert picture.size == (1366, 768)
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
    assert colours is not None
    assert len(colours) > 20
