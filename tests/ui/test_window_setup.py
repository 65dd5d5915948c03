"""The form of an audit: its text, its faults, its files, its plan, and the assistant."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from audit_material import ConvNet, convnet_spec, save_images
from hypothesis import given, settings
from hypothesis import strategies as st
from iaside_ui.controllers.audits import RATES
from iaside_ui.state import ActionKey, Form, Page
from iaside_ui.state.form import FORM_FIELDS, GROUPS, OUT, default_text, help_text
from iaside_ui.views import FileKind
from iaside_ui.workers import Examiner
from PySide6.QtCore import QCoreApplication, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QWheelEvent

from iaside_audit.cli.options import HELP
from iaside_audit.cli.run import read_config
from iaside_audit.errors import SpecError
from iaside_audit.events import Stage
from iaside_audit.spec import AuditSpec
from iaside_audit.store import STORE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.app import Program
    from pytestqt.qtbot import QtBot


@pytest.fixture
def form(tmp_path: Path) -> Form:
    """Return the form of an audit that can run."""
    spec = convnet_spec(tmp_path, n_images=6)
    return Form.of({"model": spec.model, "images": spec.images, "bands": 4})


def test_every_option_has_its_field() -> None:
    """Whatever the command line can be told, a person can choose, with the same explanation."""
    assert set(FORM_FIELDS) - {OUT} == {"model", *HELP}
    assert sum(map(len, GROUPS.values())) == len(FORM_FIELDS)
    for name in FORM_FIELDS:
        assert len(help_text(name)) > 10
        assert "{" not in help_text(name)


def test_form_reads_back_as_its_specification(form: Form) -> None:
    """From form to specification and back nothing is lost, and defaults are left out."""
    spec = form.with_text("norm", "l2").with_text("spacing", "0.1,0.5").with_text("bands", "")
    made = spec.to_spec()
    assert made.spacing == (0.1, 0.5)
    assert Form.of_spec(made) == spec
    assert form.with_text("norm", "linf") == form


def test_form_as_toml_is_what_the_command_line_reads(form: Form, tmp_path: Path) -> None:
    """The file of settings gives the same specification through ``--config``."""
    full = form.with_text("beta", "0.5").with_text("baseline", "noise").with_text("seed", "7")
    path = tmp_path / "audit.toml"
    path.write_text(full.to_toml(), encoding="utf-8")
    assert AuditSpec.from_dict(read_config(path)) == full.to_spec()
    assert tomllib.loads(full.to_toml())["audit"]["seed"] == 7


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bands", "1", "at least 2"),
        ("bands", "many", "whole number"),
        ("images", "z" * 300, "Expected a"),
        ("norm", "l3", "l2"),
        ("baseline", "zeros", "Did you mean 'zero'"),
        ("spacing", "0.5,0.1", "ascend"),
        ("confidence", "95", "below 1"),
        ("device", "gpu", "cpu"),
        ("labels", "missing.csv", "nothing at"),
        ("classes", "missing.txt", "nothing at"),
    ],
)
def test_fault_stands_at_its_field(form: Form, name: str, text: str, words: str) -> None:
    """What is wrong with one field is said there, and nowhere else."""
    faults = form.with_text(name, text).faults()
    assert list(faults) == [name]
    assert words in faults[name]


def test_fault_of_a_combination_stands_apart(form: Form) -> None:
    """Options that are right alone and wrong together are said once, at no field."""
    faults = form.with_text("bands", "20").with_text("estimator", "exact").faults()
    assert list(faults) == [""]
    assert "at most 16 bands" in faults[""]


def test_part_of_the_images_needs_a_folder(form: Form, tmp_path: Path) -> None:
    """A part is there to be merged: without a folder there would be nothing to merge."""
    part = form.with_text("shard", "1/3")
    assert list(part.faults()) == [OUT]
    kept = part.with_text(OUT, str(tmp_path / "out")).with_text("resume", "no")
    assert (kept.to_spec().shard, kept.to_spec().resume) == ("1/3", False)


def test_rare_options_are_folded_away(program: Program) -> None:
    """They show on demand, and by themselves where something in them is filled in."""
    page = program.window.setup_page
    program.setup.audit_model()
    field = page.fields["scheduler"]
    assert not field.isVisible()
    page.advanced_button.click()
    assert field.isVisible()
    page.advanced_button.click()
    program.setup.edit("scheduler", "local:2")
    assert field.isVisible()


def test_pairs_in_vain_are_said(form: Form) -> None:
    """The plan tells of pairs that `auto` does not use; where the form rules them out, a fault."""
    sentences = Examiner(lambda _: None).examine(form.with_text("pairs", "50")).sentences()
    assert any("50 pairs of orders are not used" in one for one in sentences)
    exact = form.with_text("pairs", "50").with_text("estimator", "exact")
    assert "found pairs 50" in exact.faults()[""]
    batch = form.with_text("reference_batch", "3")
    assert "in reference mode alone" in batch.faults()[""]
    assert batch.with_text("mode", "reference").faults() == {}


def test_rows_of_before_are_said(form: Form, tmp_path: Path) -> None:
    """The plan tells what becomes of rows that the folder holds."""
    examiner = Examiner(lambda _: None)
    kept = form.with_text(OUT, str(tmp_path))
    assert not any("rows" in one for one in examiner.examine(kept).sentences())
    (tmp_path / STORE_NAME).touch()
    assert any("goes on with them" in one for one in examiner.examine(kept).sentences())
    again = kept.with_text("resume", "no")
    assert any("moved aside" in one for one in examiner.examine(again).sentences())


def test_empty_form_names_what_is_missing() -> None:
    """Model and images are asked for together."""
    with pytest.raises(SpecError) as caught:
        Form().to_spec()
    assert "model" in caught.value.message
    assert "images" in caught.value.message


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(FORM_FIELDS)), st.text(max_size=8)))
def test_any_text_gives_faults_or_a_specification(entries: dict[str, str]) -> None:
    """However the form is filled in, it becomes a specification or says why not."""
    form = Form()
    for name, text in entries.items():
        form = form.with_text(name, text)
    if form.faults():
        with pytest.raises(SpecError):
            form.to_spec()
    else:
        form.to_spec()


def test_defaults_are_shown(program: Program) -> None:
    """Every field shows its default, as text or as a hint."""
    for name, field in program.window.setup_page.fields.items():
        shown = field.text or getattr(field.editor, "placeholderText", str)()
        assert shown == default_text(name)
        assert help_text(name) in field.editor.toolTip()


def test_edits_are_undone_and_redone(program: Program, qtbot: QtBot) -> None:
    """Each change of a field is one step; the keys are the platform's."""
    program.setup.audit_model()
    actions = program.window.actions_by_key
    field = program.window.setup_page.fields["bands"]
    assert not actions[ActionKey.UNDO].isEnabled()
    for text in ("4", "16"):
        field.editor.clear()  # type: ignore[union-attr]
        field.editor.setFocus()
        qtbot.keyClicks(field.editor, text)
        qtbot.keyClick(field.editor, Qt.Key.Key_Return)
    assert program.setup.form.text("bands") == "16"
    actions[ActionKey.UNDO].trigger()
    assert field.text == "4"
    actions[ActionKey.UNDO].trigger()
    assert field.text == ""
    assert not actions[ActionKey.UNDO].isEnabled()
    actions[ActionKey.REDO].trigger()
    assert program.setup.form.text("bands") == "4"


@pytest.mark.parametrize("name", ["max_images", "spacing"])
def test_keys_of_undo_reach_the_form_from_within_a_field(
    program: Program, qtbot: QtBot, name: str
) -> None:
    """What is typed is undone in the field, what the form has heard of by the form."""
    program.setup.audit_model()
    program.window.activateWindow()
    program.setup.edit(name, "0.1,0.2")
    field = program.window.setup_page.fields[name]
    field.setFocus()
    qtbot.keyClicks(field.editor, "9")
    assert field.text == "0.1,0.29"
    qtbot.keySequence(field.editor, QKeySequence.StandardKey.Undo)
    assert field.text == "0.1,0.2"
    qtbot.keyClicks(field.editor, "9")
    qtbot.keyClick(field.editor, Qt.Key.Key_Return)
    for expected in ("0.1,0.2", default_text(name)):
        qtbot.keySequence(field.editor, QKeySequence.StandardKey.Undo)
        assert field.text == expected
        assert program.setup.form == Form().with_text(name, expected)


def test_actions_take_what_is_still_being_typed(program: Program, qtbot: QtBot, form: Form) -> None:
    """Keys that ask for an action leave the keyboard in its field; its text counts all the same."""
    program.setup.change(form)
    program.setup.audit_model()
    field = program.window.setup_page.fields["max_images"]
    field.setFocus()
    qtbot.keyClicks(field.editor, "5")
    program.window.actions_by_key[ActionKey.COPY_COMMAND].trigger()
    assert "--max-images 5" in QGuiApplication.clipboard().text()


def test_wheel_changes_no_option(program: Program) -> None:
    """Whoever scrolls the form with the mouse over a list of choices changes nothing."""
    program.setup.audit_model()
    editor = program.window.setup_page.fields["estimator"].editor
    nothing = QPoint()
    wheel = QWheelEvent(
        QPointF(editor.rect().center()),
        QPointF(editor.mapToGlobal(editor.rect().center())),
        nothing,
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QCoreApplication.sendEvent(editor, wheel)
    assert program.setup.form == Form()


def test_reset_can_be_undone(program: Program, form: Form) -> None:
    """Model and images stay; the rest comes back with undo."""
    program.setup.change(form)
    program.setup.audit_model()
    program.window.actions_by_key[ActionKey.RESET_SETTINGS].trigger()
    assert program.setup.form.text("bands") == ""
    assert program.setup.form.text("model") == form.text("model")
    program.window.actions_by_key[ActionKey.UNDO].trigger()
    assert program.setup.form == form


def test_plan_follows_the_form(program: Program, qtbot: QtBot, form: Form) -> None:
    """Model, images, evaluations and memory are found out beside the window, and shown."""
    page = program.window.setup_page
    program.setup.change(form)
    qtbot.waitUntil(lambda: "evaluations" in page.plan_text, timeout=60_000)
    assert "Images found: 6." in page.plan_text
    assert "3 x 32 x 32" in page.plan_text
    assert "Memory: about" in page.plan_text
    assert "Exact estimator: 6 images, 91 evaluations" in page.plan_text
    program.setup.edit("estimator", "permutation")
    qtbot.waitUntil(lambda: "Permutation estimator" in page.plan_text, timeout=60_000)
    inspection = program.setup.examination.inspection
    assert inspection is not None
    assert "Time: not known" in page.plan_text
    QSettings().setValue(f"{RATES}/{inspection.sha256}", 50.0)  # an audit has run since
    program.setup.audit_model()
    qtbot.waitUntil(lambda: "Time: about" in page.plan_text, timeout=60_000)
    program.setup.edit("bands", "99")
    program.setup.start_audit()
    assert "3 x 32 x 32" in page.plan_text
    program.setup.edit("model", "another.onnx")
    assert "3 x 32 x 32" not in page.plan_text


def test_faults_appear_beside_their_fields(program: Program, qtbot: QtBot, form: Form) -> None:
    """A wrong number, and a model that is none, are said below their fields."""
    page = program.window.setup_page
    program.setup.audit_model()
    program.setup.change(form.with_text("bands", "99"))
    qtbot.waitUntil(lambda: "at most 32" in page.fields["bands"].fault.text(), timeout=60_000)
    assert page.fields["bands"].fault.isVisible()
    program.setup.edit("bands", "4")
    qtbot.waitUntil(lambda: not page.fields["bands"].fault.isVisible(), timeout=60_000)
    text = str(__file__)
    program.setup.edit("model", text)
    qtbot.waitUntil(page.fields["model"].fault.isVisible, timeout=60_000)
    assert not page.fields["images"].fault.isVisible()


def test_command_line_is_copied(program: Program, form: Form) -> None:
    """The clipboard holds the command that runs the same audit."""
    program.setup.change(form)
    program.setup.audit_model()
    program.window.actions_by_key[ActionKey.COPY_COMMAND].trigger()
    command = QGuiApplication.clipboard().text()
    assert command.startswith("iaside-audit run ")
    assert "--bands 4 --out audit" in command


def test_settings_are_saved_and_loaded(
    program: Program, qtbot: QtBot, form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of settings brings the form back, from any page; loading can be undone."""
    path = tmp_path / "audit.toml"
    asked: list[FileKind] = []

    def choose(kind: FileKind, _name: str = "") -> Path:
        asked.append(kind)
        return path

    monkeypatch.setattr(program.window, "choose_path", choose)
    program.setup.change(form)
    program.setup.audit_model()
    program.window.actions_by_key[ActionKey.SAVE_SETTINGS].trigger()
    qtbot.waitUntil(path.exists)
    with path.open("a", encoding="utf-8") as settings:  # as the command line takes it too
        settings.write('formats = "json"\ncache = false\n')
    program.setup.change(Form())
    program.controller.show_start()
    program.window.actions_by_key[ActionKey.LOAD_SETTINGS].trigger()
    qtbot.waitUntil(lambda: program.setup.form == form)
    assert program.window.page == Page.SETUP
    assert asked == [FileKind.SAVED_SETTINGS, FileKind.SETTINGS]


@pytest.mark.parametrize("text", ["[audit]\nband = 3\n", "[other]\n", "[audit"])
def test_faulty_settings_are_refused(
    program: Program, qtbot: QtBot, tmp_path: Path, text: str
) -> None:
    """A file that names no known option changes nothing, and is named."""
    path = tmp_path / "bad.toml"
    path.write_text(text)
    program.controller.open_path(path)
    bar = program.window.message_bar
    qtbot.waitUntil(lambda: bar.text.startswith("Expected"))
    assert program.setup.form == Form()


def test_assistant_finds_the_preprocessing_and_the_form_takes_it(
    program: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candidates come as a table with pictures; the chosen one becomes a file and a setting."""
    model = tmp_path / "model.onnx"
    ConvNet().save(model)
    images = save_images(tmp_path / "images", 6, n_classes=5)
    program.setup.change(Form.of({"model": model, "images": images}))
    program.setup.audit_model()
    panel = program.window.setup_page.assistant
    stages: set[Stage] = set()
    program.setup.assistant._progressed.connect(lambda stage, _done, _total: stages.add(stage))
    program.window.actions_by_key[ActionKey.FIND_PREPROCESSING].trigger()
    qtbot.waitUntil(lambda: bool(panel.verdict), timeout=120_000)
    assert {Stage.STARTING, Stage.NORMALISATIONS} <= stages
    rows = panel.table.model()
    assert rows.rowCount() > 1
    assert not rows.index(0, 2).data(Qt.ItemDataRole.DecorationRole).isNull()
    assert " to " in rows.index(0, 3).data()
    steps = [rows.index(row, 1).data() for row in range(rows.rowCount())]
    assert len(set(steps)) == len(steps)  # what tells candidates apart is written
    program.window.resize(1366, 768)  # and all pictures are seen without scrolling
    qtbot.waitUntil(lambda: panel.table.horizontalScrollBar().maximum() == 0)
    assert panel.table.columnWidth(2) >= panel.table.iconSize().width()
    path = tmp_path / "found.toml"
    monkeypatch.setattr(program.window, "choose_path", lambda _kind, _name="": path)
    panel.table.selectRow(0)
    panel.use_button.click()
    qtbot.waitUntil(lambda: program.setup.form.text("preprocess") == str(path))
    assert "[preprocess]" in path.read_text()
    assert program.window.page == Page.SETUP
    assert panel.verdict
    program.setup.edit("model", "another.onnx")
    assert not panel.verdict  # it was of the first model
