"""The check of a result, in its dialog."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from audit_material import audit_here, command_here, convnet_spec
from iaside_ui.app import Program
from iaside_ui.state import ActionKey, AppState, OpenResult, Page, possible_actions
from iaside_ui.state.checking import CheckState, recorded_files
from iaside_ui.views import Answer
from iaside_ui.views.check_dialog import FOUND_COLUMN, CheckDialog
from iaside_ui.workers.checks import place_of
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QWidget
from window_dialogs import answer_with
from window_material import RESULT
from window_steps import shown, trigger

from iaside_audit.auditing.verification.originals import IMAGES, MODEL
from iaside_audit.auditing.verification.verdicts import Verdict, VerificationCheck
from iaside_audit.errors import IASideError, ImageError, InferenceError, SpecError, StoreError
from iaside_audit.report import RESULT_NAME, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_ui.workers.checks import CheckPlan
    from pytestqt.qtbot import QtBot

    from iaside_audit.events import Control

FIRST = VerificationCheck(name="rows are whole", verdict=Verdict.PASSED, found="6 rows")


class ScriptedCheck:
    """Stands in for the engine: makes one check, and then nothing more until it is cancelled."""

    def __init__(self) -> None:
        self.controls: list[Control] = []

    def __call__(self, plan: CheckPlan, control: Control) -> Iterator[VerificationCheck]:
        """Yield the check."""
        assert plan.path.name == RESULT_NAME
        self.controls.append(control)
        yield FIRST
        while not control.is_cancelled:
            control._cancelled.wait(0.01)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Audit a small network into a folder."""
    folder = tmp_path_factory.mktemp("checked")
    out = folder / "audit"
    write_result(audit_here(convnet_spec(folder), out=out), out / RESULT_NAME)
    return out


def opened_dialog(qtbot: QtBot, program: Program, folder: Path) -> CheckDialog:
    """Open a result and the dialog that checks it."""
    program.controller.open_path(folder)
    qtbot.waitUntil(lambda: program.window.page == Page.RESULT, timeout=30_000)
    trigger(program, ActionKey.CHECK_RESULT)
    dialog = program.checks.dialog
    assert dialog is not None
    return dialog


def write(dialog: CheckDialog, name: str, text: str) -> None:
    """Put a text into a field."""
    editor = dialog.fields[name].editor
    assert isinstance(editor, QLineEdit)
    editor.setText(text)


def check_numbers(qtbot: QtBot, dialog: CheckDialog) -> None:
    """Check without model and images, which needs no child."""
    for name in ("model", "images"):
        write(dialog, name, "")
    assert not dialog.sample.isEnabled()
    qtbot.keyClick(dialog.check_button, Qt.Key.Key_Return)
    assert dialog.focusWidget() is dialog.cancel_button
    qtbot.waitUntil(lambda: bool(dialog.conclusion), timeout=30_000)


def test_a_result_that_holds_is_said_and_saved_as_on_the_command_line(
    program: Program,
    qtbot: QtBot,
    original: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The fields begin with the files of the audit; rows, sentence and document are `verify`'s."""
    dialog = opened_dialog(qtbot, program, original)
    spec = convnet_spec(original.parent)
    assert dialog.texts == {
        "model": str(spec.model),
        "images": str(spec.images),
        "labels": "auto",
        "classes": "",
    }
    assert dialog.sample.isEnabled()
    check_numbers(qtbot, dialog)
    saved = tmp_path / "kept.json"
    monkeypatch.setattr(dialog, "choose_file", lambda _: saved)
    dialog.save_button.click()
    qtbot.waitUntil(saved.exists)
    document = json.loads(saved.read_text(encoding="utf-8"))
    outcome = command_here(
        capsys, "verify", original / RESULT_NAME, "--json", "--seed", document["seed"]
    )
    assert document == json.loads(outcome.out)
    verdicts = [dialog.table.model().index(row, 0).data() for row in range(5)]
    assert verdicts == ["passed", "passed", "not checked", "not checked", "not checked"]
    dialog.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert dialog.conclusion.startswith("The result holds as far as it was checked: 2 of 5")
    assert copied.startswith(f"Report {document['report_id']}: ")
    assert copied.endswith(dialog.conclusion)
    qtbot.waitUntil(lambda: document["report_id"] in dialog.identity)


def test_an_edited_result_does_not_hold(
    program: Program, qtbot: QtBot, original: Path, tmp_path: Path
) -> None:
    """What differs is in the row, which can be copied."""
    folder = shutil.copytree(original, tmp_path / "edited")
    document = json.loads((folder / RESULT_NAME).read_text(encoding="utf-8"))
    document["accuracy"]["top1"] = 1.0
    (folder / RESULT_NAME).write_text(json.dumps(document), encoding="utf-8")
    dialog = opened_dialog(qtbot, program, folder)
    check_numbers(qtbot, dialog)
    assert dialog.conclusion == "The result does not hold: 1 of 5 checks failed."
    dialog.table.selectRow(1)
    dialog.activateWindow()
    dialog.table.setFocus()
    qtbot.waitUntil(dialog.table.hasFocus)
    qtbot.keyClick(dialog.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("FAILED\tnumbers follow from the rows\taccuracy.top1 is 1, the rows")


def test_a_model_that_is_missing_is_said_by_its_field(
    program: Program, qtbot: QtBot, original: Path
) -> None:
    """What was found before stands; with another path it can be tried again."""
    dialog = opened_dialog(qtbot, program, original)
    model = dialog.fields["model"]
    write(dialog, "model", "gone.onnx")
    dialog.check_button.click()
    qtbot.waitUntil(lambda: not model.fault.isHidden(), timeout=30_000)
    assert "found nothing at 'gone.onnx'" in model.fault.text()
    assert all(one.fault.isHidden() for one in dialog.fields.values() if one is not model)
    assert (dialog.texts["model"], dialog.table.model().rowCount()) == ("gone.onnx", 2)
    assert dialog.check_button.isEnabled()
    check_numbers(qtbot, dialog)
    assert model.fault.isHidden()


def test_a_check_stops_at_once(
    qtbot: QtBot, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Escape, with what was found kept; with the dialog, for another result, with the window."""
    check = ScriptedCheck()
    with shown(qtbot, Program(tmp_path / "preferences.json", check=check)) as program:
        dialog = opened_dialog(qtbot, program, original)
        for n_checks, stop in enumerate((dialog.cancel_button.click, dialog.close), start=1):
            dialog.check_button.click()
            qtbot.waitUntil(lambda: dialog.table.model().rowCount() == 1)
            assert not dialog.check_button.isEnabled()
            stop()
            assert [one.is_cancelled for one in check.controls] == [True] * n_checks
            assert dialog.isVisible() == (n_checks == 1)
        assert program.checks.dialog is None
        trigger(program, ActionKey.CHECK_RESULT)
        again = program.checks.dialog
        assert again is not None
        again.check_button.click()
        qtbot.waitUntil(lambda: len(check.controls) == 3)
        qtbot.keyClick(again, Qt.Key.Key_Escape)
        assert check.controls[2].is_cancelled
        assert again.isVisible()
        again.check_button.click()
        qtbot.waitUntil(lambda: len(check.controls) == 4)
        asked = answer_with(program, monkeypatch, Answer.YES)
        other = OpenResult(result=RESULT, path=original / RESULT_NAME, has_rows=True)
        program.shell.show_opened(other)
        trigger(program, ActionKey.CHECK_RESULT)
        qtbot.waitUntil(lambda: program.checks.dialog not in (None, again))
        assert len(asked) == 1
        assert check.controls[3].is_cancelled
        program.window.close()
        assert program.checks.dialog is None


@pytest.mark.parametrize(
    ("error", "made", "place"),
    [
        (InferenceError("died"), {MODEL, IMAGES}, "model"),
        (ImageError("none can be read", path="/a/photos/1.png"), {MODEL}, "images"),
        (SpecError("a table is faulty", path="/a/labels.csv"), {MODEL}, "labels"),
        (SpecError("classes are missing", path="names.txt"), {MODEL}, "classes"),
        (SpecError("found beside", path="/a/photos/labels.csv"), {MODEL}, "labels"),
        (SpecError("does not fit", path="the result"), {MODEL, IMAGES}, ""),
        (StoreError("full"), set(), ""),
    ],
    ids=lambda value: str(value) if isinstance(value, (Exception, str)) else None,
)
def test_a_fault_belongs_to_a_field(error: IASideError, made: set[str], place: str) -> None:
    """By the path that it names, else by its kind and by how far the check is."""
    places = {
        "model": "/a/model.onnx",
        "images": "/a/photos",
        "labels": "/a/labels.csv",
        "classes": "/a/names.txt",
    }
    assert place_of(error, places, made) == place


def test_a_result_without_rows_cannot_be_checked(program: Program, tmp_path: Path) -> None:
    """The action says why."""
    action = program.window.actions_by_key[ActionKey.CHECK_RESULT]
    usual = action.toolTip()
    for path, word in ((None, "in no file"), (tmp_path / RESULT_NAME, "values.sqlite")):
        program.shell.show_opened(OpenResult(result=RESULT, path=path))
        assert not action.isEnabled()
        assert word in action.toolTip()
    program.shell.change(page=Page.START)
    assert action.toolTip() == usual
    whole = OpenResult(result=RESULT, path=tmp_path, has_rows=True)
    state = AppState(page=Page.RESULT).with_result(whole)
    assert ActionKey.CHECK_RESULT in possible_actions(state)


def test_what_is_gone_is_named_and_the_field_left_empty(tmp_path: Path) -> None:
    """Model, images, labels and class names may all have moved."""
    gone = {name: tmp_path / name for name in ("model", "images", "labels", "classes")}
    result = replace(RESULT, spec=replace(RESULT.spec, **gone | {"labels": str(gone["labels"])}))
    for name, recorded in recorded_files(result).items():
        assert recorded.text == ""
        assert str(gone[name]) in recorded.note


def test_the_dialog_is_for_the_keyboard_and_shows_long_texts_whole(qtbot: QtBot) -> None:
    """Letters are unique, Tab stops at what has a name, and a hash is wrapped, not cut."""
    window = QWidget()
    qtbot.addWidget(window)
    dialog = CheckDialog(recorded_files(RESULT), 40, window)
    dialog.show()
    parts = [
        one for one in dialog.findChildren(QWidget) if isinstance(one, (QLabel, QAbstractButton))
    ]
    letters = Counter(
        found.group(1).lower() for one in parts if (found := re.search("&(\\w)", one.text()))
    )
    assert len(letters) == 10
    assert set(letters.values()) == {1}
    stops = []
    dialog.fields["model"].editor.setFocus()
    for _ in range(11):
        widget = dialog.focusWidget()
        stops.append(widget.accessibleName() or getattr(widget, "text", str)())
        dialog.focusNextChild()
    assert stops == [
        "Model",
        "Browse: Model",
        "Images",
        "Browse: Images",
        "Labels",
        "Browse: Labels",
        "Class names",
        "Browse: Class names",
        "Checks",
        "Chec&k",
        "Cl&ose",
    ]
    long = replace(FIRST, verdict=Verdict.FAILED, found="0123456789abcdef" * 40)
    dialog.show_state(CheckState(checks=(FIRST, long)))
    qtbot.waitUntil(lambda: dialog.table.rowHeight(1) > 3 * dialog.table.rowHeight(0))
    height = dialog.table.rowHeight(1)
    dialog.resize(dialog.width() + 400, dialog.height())
    qtbot.waitUntil(lambda: dialog.table.rowHeight(1) < height)
    assert dialog.table.model().index(1, FOUND_COLUMN).data() == long.found
