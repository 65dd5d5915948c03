"""Dark and light, sizes, preferences."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import iaside_ui
import pytest
from iaside_ui.actions import ACTIONS
from iaside_ui.app import Program
from iaside_ui.appearance import BAR_COLOUR, TRACE_COLOUR, apply_colour_scheme, palette_of
from iaside_ui.icons import icon
from iaside_ui.preferences import (
    ColourScheme,
    Preferences,
    read_preferences,
    write_preferences,
)
from iaside_ui.qtmodels import queue_model
from iaside_ui.state import ActionKey, OpenResult, Page, QueuedRun, RunOutcome, RunState
from iaside_ui.views.dialogs import ShortcutsDialog
from iaside_ui.views.importance_plot import ImportancePlot
from iaside_ui.views.tables import fit_columns, make_table
from iaside_ui.views.turns import paint_in_turn
from iaside_ui.views.wrapped_label import WrappedLabel
from PySide6.QtCore import QSize, Qt, QThread
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea, QTableView, QVBoxLayout, QWidget
from sample_results import sample_result
from shiboken6 import delete

from iaside_audit.errors import IASideError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QPaintEvent
    from pytestqt.qtbot import QtBot

ROLE = QPalette.ColorRole
SCHEMES = [ColourScheme.LIGHT, ColourScheme.DARK]
PAIRS = [
    (ROLE.WindowText, ROLE.Window),
    (ROLE.Text, ROLE.Base),
    (ROLE.Text, ROLE.AlternateBase),
    (ROLE.ButtonText, ROLE.Button),
    (ROLE.HighlightedText, ROLE.Highlight),
    (ROLE.ToolTipText, ROLE.ToolTipBase),
    (ROLE.PlaceholderText, ROLE.Window),
    (ROLE.PlaceholderText, ROLE.Base),
    (ROLE.Link, ROLE.Window),
]


@pytest.fixture(autouse=True)
def _system_colours(qapp: QApplication) -> Iterator[None]:  # noqa: ARG001 - needs Qt
    """Leave the colours as they were."""
    yield
    apply_colour_scheme(ColourScheme.SYSTEM)


def contrast(first: QColor, second: QColor) -> float:
    """Return the contrast ratio of WCAG 2.1, 1..21."""

    def luminance(colour: QColor) -> float:
        parts = (colour.redF(), colour.greenF(), colour.blueF())
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("text", "ground"), PAIRS, ids=str)
def test_text_can_be_read(
    qtbot: QtBot,  # noqa: ARG001 - needs Qt
    scheme: ColourScheme,
    text: QPalette.ColorRole,
    ground: QPalette.ColorRole,
) -> None:
    """Every text stands out from its ground by 4.5 to 1 (WCAG AA)."""
    palette = palette_of(scheme)
    assert contrast(palette.color(text), palette.color(ground)) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("colour", [BAR_COLOUR, TRACE_COLOUR])
def test_data_can_be_seen(
    qtbot: QtBot,  # noqa: ARG001 - needs Qt
    scheme: ColourScheme,
    colour: str,
) -> None:
    """Bars and lines stand out from both grounds by 3 to 1 (WCAG AA for graphics)."""
    assert contrast(QColor(colour), palette_of(scheme).color(ROLE.Base)) >= 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_plot_follows_the_palette(qtbot: QtBot, scheme: ColourScheme) -> None:
    """A plot that exists already takes the ground of the new colours, and keeps its bars'."""
    plot = ImportancePlot()
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    plot.show_bands(sample_result(4).bands)
    apply_colour_scheme(scheme)
    image = plot.grab().toImage()
    found = {image.pixelColor(x, y).name() for x in range(0, 400, 2) for y in range(0, 300, 2)}
    assert palette_of(scheme).color(ROLE.Base).name() in found
    assert QColor(BAR_COLOUR).name() in found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_menu_overrides_the_system(program: Program, tmp_path: Path, scheme: ColourScheme) -> None:
    """The choice takes effect at once, is checked in the menu, and is remembered."""
    key = {ColourScheme.LIGHT: ActionKey.USE_LIGHT, ColourScheme.DARK: ActionKey.USE_DARK}[scheme]
    program.window.actions_by_key[key].trigger()
    ground = QGuiApplication.palette().color(ROLE.Window)
    assert (ground.lightnessF() < 0.5) == (scheme == ColourScheme.DARK)
    assert program.window.actions_by_key[key].isChecked()
    assert read_preferences(tmp_path / "preferences.json").colour_scheme == scheme


def test_bad_preferences_cost_one_warning(qtbot: QtBot, tmp_path: Path) -> None:
    """A file that cannot be used is named, and the window opens with the defaults."""
    path = tmp_path / "preferences.json"
    path.write_text("{")
    program = Program(path)
    program.open()
    qtbot.waitExposed(program.window)
    assert "preferences" in program.window.message_bar.text
    assert program.window.actions_by_key[ActionKey.FOLLOW_SYSTEM].isChecked()
    program.close()
    program.window.deleteLater()


@pytest.mark.parametrize("scheme", ColourScheme)
def test_preferences_read_back(tmp_path: Path, scheme: ColourScheme) -> None:
    """What was chosen is what is read, from a file with its version."""
    path = tmp_path / "new" / "preferences.json"
    write_preferences(Preferences(colour_scheme=scheme), path)
    assert read_preferences(path) == Preferences(colour_scheme=scheme)
    assert json.loads(path.read_text())["schema_version"] == 1


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema_version": 2}', "\xff"])
def test_preferences_of_another_kind_are_refused(tmp_path: Path, text: str) -> None:
    """A file of another kind or version is an error that names it."""
    path = tmp_path / "preferences.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(IASideError, match=r"preferences\.json"):
        read_preferences(path)


@pytest.mark.parametrize("name", sorted({info.icon for info in ACTIONS.values()} - {""}))
def test_icon_is_drawn_in_the_colour_of_text(qtbot: QtBot, name: str) -> None:  # noqa: ARG001
    """Every icon of the table exists and takes the palette's colour, in dark as in light."""
    for scheme in SCHEMES:
        apply_colour_scheme(scheme)
        image = icon(name).pixmap(QSize(32, 32), 1.0).toImage()
        opaque = {
            image.pixelColor(x, y).name()
            for x in range(32)
            for y in range(32)
            if image.pixelColor(x, y).alpha() == 255
        }
        assert QGuiApplication.palette().color(ROLE.ButtonText).name() in opaque


@pytest.mark.parametrize("page", Page)
def test_every_page_fits_a_small_laptop(program: Program, page: Page) -> None:
    """At 1366 x 768, less a title bar, no page must be scrolled and no label is cut."""
    window = program.window
    result = sample_result(8, n_warnings=6, has_long_names=True)
    program.shell.show_opened(OpenResult(result=result), page=page)
    window.resize(1366, 768 - 2 * window.fontMetrics().height())
    QApplication.processEvents()
    area = window._stack.currentWidget()
    assert isinstance(area, QScrollArea)
    assert area.viewport().rect().size() == area.widget().size()
    for label in area.findChildren(QLabel):
        if label.isVisible() and label.text():
            assert label.width() >= min(label.sizeHint().width(), label.minimumSizeHint().width())
            needed = label.heightForWidth(label.width()) if label.wordWrap() else 0
            assert label.height() >= needed, label.text()


def test_long_path_does_not_widen_the_window(program: Program) -> None:
    """A message that quotes a path without a break leaves the window on its screen."""
    program.window.resize(1000, 600)
    size = program.window.size()
    path = "x" * 500
    words = "Give the result of an audit, or the folder that holds it. " * 6
    program.shell.show_failure(SpecError(f"Expected a file, found nothing at '{path}'. {words}"))
    program.setup.audit_model()
    program.window.setup_page.fields["model"].show_fault(path)
    QApplication.processEvents()
    assert program.window.size() == size
    labels = [one for one in program.window.findChildren(WrappedLabel) if path in one.text()]
    assert len(labels) == 2
    for label in labels:
        words = QLabel.text(label).split()
        assert max(map(label.fontMetrics().horizontalAdvance, words)) <= label.width()
        assert path in label.toolTip()


def test_text_that_wraps_asks_for_no_height_of_a_column_of_words(qtbot: QtBot) -> None:
    """What it stands in may be as low as the text is at its width."""
    panel = QWidget()
    qtbot.addWidget(panel)
    label = WrappedLabel(panel)
    QVBoxLayout(panel).addWidget(label)
    label.setText("word " * 80)
    panel.resize(340, 300)
    panel.show()
    assert panel.minimumSizeHint().height() <= label.heightForWidth(label.width())


@pytest.mark.parametrize(("width", "is_whole"), [(1366, True), (420, False)])
def test_names_in_tables_use_the_room(qtbot: QtBot, width: int, *, is_whole: bool) -> None:
    """A long name is whole where all else is too, and leaves numbers in view where it is not."""
    model = queue_model()
    model.show_rows(
        [QueuedRun(number=1, model="x" * 60, images="y" * 60, outcome=RunOutcome.FINISHED)]
    )
    table = make_table(model, "runs", None)  # type: ignore[arg-type]  # it stands alone
    model.setParent(table)
    qtbot.addWidget(table)
    fit_columns(table)
    table.cap_names(1, 2)
    table.resize(width, 200)
    table.show()
    names = [table.columnWidth(column) for column in (1, 2)]
    assert (min(names) >= table.sizeHintForColumn(1)) == is_whole
    if is_whole:
        assert table.horizontalScrollBar().maximum() == 0


def test_list_of_keys_holds_whole_sentences(program: Program) -> None:
    """What every action does is read without a mouse, where the screen is wide enough."""
    dialog = ShortcutsDialog(program.window)
    table = dialog.findChild(QTableView)
    assert table is not None
    widest = sum(map(table.sizeHintForColumn, range(table.model().columnCount())))
    assert table.minimumWidth() >= min(widest, 0.8 * dialog.screen().availableSize().width())
    dialog.deleteLater()


def test_geometry_is_remembered(program: Program, qtbot: QtBot, tmp_path: Path) -> None:
    """The window opens where and as large as it was left."""
    program.window.resize(700, 500)
    size = program.window.size()
    program.window.close()
    again = Program(tmp_path / "preferences.json")
    again.open()
    qtbot.waitExposed(again.window)
    assert again.window.size() == size
    assert again.window.windowState() == Qt.WindowState.WindowNoState
    again.close()
    again.window.deleteLater()


def test_colours_stand_in_one_module() -> None:
    """Widgets take palette roles: no literal colour and no style sheet outside ``appearance``."""
    folder = Path(iaside_ui.__file__).parent
    for module in folder.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        assert "setStyleSheet" not in text, module
        if module.name != "appearance.py":
            assert not re.search(r"#[0-9a-fA-F]{6}|QColor\(\d", text), module


def test_foreign_names_are_no_markup(program: Program, qtbot: QtBot) -> None:
    """Names of files and classes are shown as they are written, wherever they stand."""
    name = "<i>x</i>.onnx"
    result = replace(sample_result(4), model=replace(sample_result(4).model, path=name))
    opened = OpenResult(result=result, path=Path(name))
    program.shell.show_opened(opened)
    program.window.run_page.show_run(RunState(name=name, confidence=0.95))
    program.window.setup_page.fields["model"].show_fault(name)
    program.shell.show_failure(SpecError(name))
    labels = [one for one in program.window.findChildren(QLabel) if "<i>" in one.text()]
    assert len(labels) >= 3
    assert {one.textFormat() for one in labels} == {Qt.TextFormat.PlainText}
    page = program.window.result_page
    page.tabs.setCurrentWidget(page.origin)
    table = page.origin.fact_table.model()
    qtbot.waitUntil(lambda: table.rowCount() > 0, timeout=10_000)
    tips = [table.index(row, 2).data(Qt.ItemDataRole.ToolTipRole) for row in range(3)]
    assert any("&lt;i&gt;" in tip for tip in tips)


class Painted(QWidget):
    """Notes that it was painted."""

    in_this_turn: ClassVar[list[Painted]] = []

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802 - Qt's
        """Note it."""
        self.in_this_turn.append(self)


def test_what_comes_up_is_painted_one_after_the_other(qtbot: QtBot) -> None:
    """No turn paints two; one that is gone meanwhile is passed over, and all are painted."""
    panel = QWidget()
    qtbot.addWidget(panel)
    column = QVBoxLayout(panel)
    parts = [Painted(panel) for _ in range(4)]
    for part in parts:
        column.addWidget(part)
    panel.resize(200, 200)
    panel.show()
    qtbot.waitUntil(lambda: len(Painted.in_this_turn) >= len(parts))
    for part in parts:
        paint_in_turn(part)
    Painted.in_this_turn.clear()
    delete(parts.pop(1))
    painted: list[Painted] = []
    while len(painted) < len(parts):
        QThread.msleep(1)
        QApplication.processEvents()
        assert len(Painted.in_this_turn) <= 1
        painted += Painted.in_this_turn
        Painted.in_this_turn.clear()
    assert painted == parts
