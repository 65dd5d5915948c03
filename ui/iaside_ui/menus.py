"""The menus and the bar of pages: where each action stands, and the actions made for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from iaside_ui.actions import ACTIONS, key_sequences, marked, plain_text, translated
from iaside_ui.icons import icon
from iaside_ui.state import PAGE_ACTIONS, ActionKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QObject

    from iaside_ui.actions import ActionInfo

SEPARATOR: Final = None

MENUS: Final[Mapping[str, tuple[ActionKey | None, ...]]] = {
    marked("&File"): (
        ActionKey.OPEN_RESULT,
        ActionKey.CLOSE_RESULT,
        ActionKey.SAVE_RESULT,
        ActionKey.CHECK_RESULT,
        SEPARATOR,
        ActionKey.EXPORT_REPORT,
        ActionKey.EXPORT_PLOT,
        ActionKey.EXPORT_NUMBERS,
        SEPARATOR,
        ActionKey.OPEN_MEASUREMENTS,
        ActionKey.SAVE_MEASUREMENTS,
        SEPARATOR,
        ActionKey.LOAD_SETTINGS,
        ActionKey.SAVE_SETTINGS,
        SEPARATOR,
        ActionKey.QUIT,
    ),
    marked("&Edit"): (
        ActionKey.UNDO,
        ActionKey.REDO,
        ActionKey.RESET_SETTINGS,
        SEPARATOR,
        ActionKey.COPY,
        ActionKey.COPY_COMMAND,
    ),
    marked("&Audit"): (
        ActionKey.TRY_DEMO,
        ActionKey.START_AUDIT,
        ActionKey.FIND_PREPROCESSING,
        SEPARATOR,
        ActionKey.TOGGLE_PAUSE,
        ActionKey.CANCEL_AUDIT,
        SEPARATOR,
        ActionKey.MEASURE,
        ActionKey.STOP_MEASURING,
    ),
    marked("&Inspect"): (
        ActionKey.INSPECT_OTHERS,
        ActionKey.NEXT_IMAGE,
        ActionKey.PREVIOUS_IMAGE,
        SEPARATOR,
        ActionKey.ALL_BANDS,
        ActionKey.NO_BANDS,
        ActionKey.BANDS_UP_TO,
        ActionKey.BANDS_FROM,
        ActionKey.ONLY_BAND,
        ActionKey.WITHOUT_BAND,
    ),
    marked("&View"): (
        ActionKey.SHOW_START,
        ActionKey.AUDIT_MODEL,
        ActionKey.SHOW_RUN,
        ActionKey.SHOW_RESULT,
        ActionKey.INSPECT_BANDS,
        ActionKey.SHOW_COMPARISON,
        ActionKey.SHOW_ROBUSTNESS,
        SEPARATOR,
        ActionKey.FOLLOW_SYSTEM,
        ActionKey.USE_LIGHT,
        ActionKey.USE_DARK,
    ),
    marked("&Help"): (ActionKey.SHOW_SHORTCUTS, SEPARATOR, ActionKey.SHOW_ABOUT),
}
"""The menu bar, from left to right."""

TOOLBAR: Final = tuple(PAGE_ACTIONS.values())
"""The bar of pages, from the top."""


def make_actions(parent: QObject) -> dict[ActionKey, QAction]:
    """Make every action of the table as a child of `parent`; nothing is connected yet."""
    actions: dict[ActionKey, QAction] = {}
    groups: dict[str, QActionGroup] = {}
    for key, info in ACTIONS.items():
        action = QAction(translated(info.text), parent)
        action.setObjectName(key)
        action.setIconText(translated(info.page_text) or plain_text(info.text))
        action.setToolTip(_tip_with_keys(info))
        action.setShortcuts(key_sequences(info))
        action.setMenuRole(info.role)
        if info.icon:
            action.setIcon(icon(info.icon))
        if info.group:
            action.setCheckable(True)
            group = groups.get(info.group) or groups.setdefault(info.group, QActionGroup(parent))
            group.addAction(action)
        actions[key] = action
    return actions


def _tip_with_keys(info: ActionInfo) -> str:
    keys = key_sequences(info)
    if not keys:
        return translated(info.tip)
    return f"{translated(info.tip)} ({keys[0].toString(QKeySequence.SequenceFormat.NativeText)})"
