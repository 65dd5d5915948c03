"""The table of actions, and what is built from it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from iaside_ui.actions import ACTIONS, key_sequences, plain_text
from iaside_ui.controllers import (
    AssistantController,
    AuditController,
    CheckController,
    ColourController,
    ComparisonController,
    ExportController,
    InspectorController,
    MainController,
    MeasurementFilesController,
    ResultsController,
    RobustnessController,
    SetupController,
)
from iaside_ui.menus import MENUS
from iaside_ui.state import ActionKey, OpenResult, Page
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTabWidget,
    QWidget,
)
from sample_results import sample_result

from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from iaside_ui.app import Program


def test_every_action_is_in_one_menu() -> None:
    """Whatever can be done can be found in the menus, once."""
    listed = Counter(key for keys in MENUS.values() for key in keys if key is not None)
    assert listed == dict.fromkeys(ActionKey, 1)
    assert set(ACTIONS) == set(ActionKey)


@pytest.mark.parametrize("key", ActionKey)
def test_every_action_has_one_handler(key: ActionKey) -> None:
    """The value of a key names a slot of exactly one controller."""
    controllers = (
        MainController,
        AssistantController,
        AuditController,
        CheckController,
        ColourController,
        ComparisonController,
        ExportController,
        InspectorController,
        MeasurementFilesController,
        ResultsController,
        RobustnessController,
        SetupController,
    )
    assert sum(callable(getattr(one, key, None)) for one in controllers) == 1


def test_shortcuts_are_unique(program: Program) -> None:  # noqa: ARG001 - keys need a platform
    """No two actions listen to the same key."""
    keys = Counter(key.toString() for info in ACTIONS.values() for key in key_sequences(info))
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize("menu", MENUS)
def test_mnemonics_of_a_menu_are_unique(menu: str) -> None:
    """Within a menu, each underlined letter belongs to one entry."""
    texts = [ACTIONS[key].text for key in MENUS[menu] if key is not None]
    letters = [found.group(1).lower() for text in texts if (found := re.search("&(.)", text))]
    assert len(letters) == len(set(letters)) == len(texts)


def test_mnemonics_of_a_page_are_unique(program: Program) -> None:
    """On every page, each underlined letter belongs to one thing, or to one menu."""
    window = program.window
    program.shell.show_opened(OpenResult(result=sample_result(4)))
    program.shell.show_failure(SpecError("Expected a, found b.", path="x.toml"))
    assert window.message_bar.details_button.isVisible()
    menus = [action.text() for action in window.menuBar().actions()]
    for page in Page:
        program.shell.change(page=page)
        window.setup_page.advanced_button.setChecked(True)
        tabs = [one for one in window.findChildren(QTabWidget) if one.isVisible()]
        for place in range(tabs[0].count()) if tabs else [0]:
            if tabs:
                tabs[0].setCurrentIndex(place)
            shown = [one for one in window.findChildren(QWidget) if one.isVisible()]
            texts = [one.text() for one in shown if isinstance(one, (QLabel, QAbstractButton))]
            found = [re.search("&(\\w)", text) for text in menus + texts]
            letters = Counter(one.group(1).lower() for one in found if one)
            assert [letter for letter, times in letters.items() if times > 1] == [], page


def test_plain_text_is_for_buttons() -> None:
    """A button needs neither the mnemonic nor the dots of a menu entry."""
    assert plain_text("&Open a result...") == "Open a result"


def test_every_control_has_an_accessible_name(program: Program) -> None:
    """A screen reader can name whatever Tab can reach."""
    for page in Page:
        program.shell.change(page=page)
    kinds = (QAbstractButton, QAbstractItemView, QLineEdit)
    ours = [one for one in program.window.findChildren(QWidget) if isinstance(one, kinds)]
    named = [one for one in ours if one.accessibleName() or getattr(one, "text", str)()]
    reachable = [one for one in ours if _is_reachable(one) and one.window() is program.window]
    assert len(reachable) > 20
    assert [one for one in reachable if one not in named] == []


def _is_reachable(widget: QWidget) -> bool:
    """Say whether Tab stops at a widget; at labels only a mouse does, and at what Qt owns."""
    is_ours = not isinstance(widget, (QLabel, QHeaderView))
    return is_ours and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)


def test_form_is_walked_from_top_to_bottom(program: Program) -> None:
    """Tab goes through the fields in the order in which they are read."""
    program.setup.audit_model()
    page = program.window.setup_page
    names = []
    for _ in range(9):
        widget = QApplication.focusWidget()
        names.append(widget.accessibleName() or getattr(widget, "text", str)())
        page.focusNextChild()
    assert names == [
        "Model",
        "Browse: Model",
        "Images",
        "Browse: Images",
        "Labels",
        "Browse: Labels",
        "Class names",
        "Browse: Class names",
        "Preprocessing",
    ]
