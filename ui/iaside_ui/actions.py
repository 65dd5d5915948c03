"""Every action of the window, in one table: menus, buttons and the shortcut page are built from it.

A text is written once here and translated when it is used; the name of the slot that handles an
action is its key's value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from iaside_ui.icons import icon
from iaside_ui.state import ActionKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QObject

CONTEXT: Final = "actions"
_STANDARD: Final = QKeySequence.StandardKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInfo:
    """What one action is called, looks like and listens to.

    Parameters
    ----------
    text : str
        In a menu; ``&`` before the mnemonic.
    tip : str
        One sentence on what it does.
    shortcuts : tuple of StandardKey or str
        The first is shown; a standard key that the platform lacks is skipped.
    icon : str
        Name of a file in ``svg``; empty for none.
    group : str
        Actions of one group exclude each other; empty for a plain action.
    role : QAction.MenuRole
        Where macOS moves it.
    """

    text: str
    tip: str
    shortcuts: tuple[QKeySequence.StandardKey | str, ...] = ()
    icon: str = ""
    group: str = ""
    role: QAction.MenuRole = QAction.MenuRole.NoRole


def _noop(text: str) -> str:
    """Mark a text for translation."""
    return str(QT_TRANSLATE_NOOP(CONTEXT, text))


ACTIONS: Final[Mapping[ActionKey, ActionInfo]] = {
    ActionKey.OPEN_RESULT: ActionInfo(
        text=_noop("&Open a result..."),
        tip=_noop("Show the result.json of an audit."),
        shortcuts=(_STANDARD.Open,),
        icon="open",
    ),
    ActionKey.SAVE_RESULT: ActionInfo(
        text=_noop("&Save result..."),
        tip=_noop("Keep the result as a file that this program can open again."),
        shortcuts=(_STANDARD.Save,),
        icon="save",
    ),
    ActionKey.EXPORT_REPORT: ActionInfo(
        text=_noop("&Export report..."),
        tip=_noop("Write the result as PDF, CSV, SVG or PNG."),
        shortcuts=("Ctrl+E",),
        icon="export",
    ),
    ActionKey.QUIT: ActionInfo(
        text=_noop("&Quit"),
        tip=_noop("Close the window."),
        shortcuts=(_STANDARD.Quit, "Ctrl+Q"),
        role=QAction.MenuRole.QuitRole,
    ),
    ActionKey.COPY: ActionInfo(
        text=_noop("&Copy"),
        tip=_noop("Copy the selected rows, for a spreadsheet or a mail."),
        shortcuts=(_STANDARD.Copy,),
    ),
    ActionKey.AUDIT_MODEL: ActionInfo(
        text=_noop("&Audit a model..."),
        tip=_noop("Measure your own ONNX classifier on your own images."),
        shortcuts=(_STANDARD.New,),
        icon="audit",
    ),
    ActionKey.TRY_DEMO: ActionInfo(
        text=_noop("&Try the built-in model"),
        tip=_noop("Watch a real network being audited on twelve photographs."),
        shortcuts=("Ctrl+T",),
        icon="demo",
    ),
    ActionKey.TOGGLE_PAUSE: ActionInfo(
        text=_noop("&Pause"),
        tip=_noop("Start no further images until you resume."),
        shortcuts=("Ctrl+Shift+P", "Pause"),
        icon="pause",
    ),
    ActionKey.CANCEL_AUDIT: ActionInfo(
        text=_noop("&Cancel"),
        tip=_noop("Stop the audit and show what was measured so far."),
        shortcuts=(_STANDARD.Cancel,),
        icon="stop",
    ),
    ActionKey.SHOW_START: ActionInfo(
        text=_noop("&Start page"),
        tip=_noop("Go back to the start page."),
        shortcuts=("Alt+Home",),
        icon="home",
    ),
    ActionKey.SHOW_RESULT: ActionInfo(
        text=_noop("&Result"),
        tip=_noop("Go back to the open result."),
        shortcuts=("Alt+End",),
    ),
    ActionKey.FOLLOW_SYSTEM: ActionInfo(
        text=_noop("As the s&ystem"),
        tip=_noop("Dark or light, as the system is."),
        group="colours",
    ),
    ActionKey.USE_LIGHT: ActionInfo(
        text=_noop("&Light"), tip=_noop("Always dark on light."), group="colours"
    ),
    ActionKey.USE_DARK: ActionInfo(
        text=_noop("&Dark"), tip=_noop("Always light on dark."), group="colours"
    ),
    ActionKey.SHOW_SHORTCUTS: ActionInfo(
        text=_noop("&Keyboard shortcuts"),
        tip=_noop("List every action and its keys."),
        shortcuts=(_STANDARD.HelpContents,),
    ),
    ActionKey.SHOW_ABOUT: ActionInfo(
        text=_noop("&About I-ASIDE Audit"),
        tip=_noop("Say what this program is, and its version."),
        role=QAction.MenuRole.AboutRole,
    ),
}
"""Every action; a test checks that none is missing here or in the menus."""

SEPARATOR: Final = None

MENUS: Final[Mapping[str, tuple[ActionKey | None, ...]]] = {
    _noop("&File"): (
        ActionKey.OPEN_RESULT,
        ActionKey.SAVE_RESULT,
        ActionKey.EXPORT_REPORT,
        SEPARATOR,
        ActionKey.QUIT,
    ),
    _noop("&Edit"): (ActionKey.COPY,),
    _noop("&Audit"): (
        ActionKey.AUDIT_MODEL,
        ActionKey.TRY_DEMO,
        SEPARATOR,
        ActionKey.TOGGLE_PAUSE,
        ActionKey.CANCEL_AUDIT,
    ),
    _noop("&View"): (
        ActionKey.SHOW_START,
        ActionKey.SHOW_RESULT,
        SEPARATOR,
        ActionKey.FOLLOW_SYSTEM,
        ActionKey.USE_LIGHT,
        ActionKey.USE_DARK,
    ),
    _noop("&Help"): (ActionKey.SHOW_SHORTCUTS, SEPARATOR, ActionKey.SHOW_ABOUT),
}
"""The menu bar, from left to right."""


def translated(text: str) -> str:
    """Return a text of the table in the user's language."""
    return QCoreApplication.translate(CONTEXT, text)


def plain_text(text: str) -> str:
    """Return a text without its mnemonic and the dots of a question to come."""
    return translated(text).replace("&", "").removesuffix("...")


def key_sequences(info: ActionInfo) -> list[QKeySequence]:
    """Return the keys of an action on this platform, the one to show first."""
    keys = [QKeySequence(key) for key in info.shortcuts]
    return list(dict.fromkeys(key for key in keys if not key.isEmpty()))


def make_actions(parent: QObject) -> dict[ActionKey, QAction]:
    """Make every action of the table as a child of `parent`; nothing is connected yet."""
    actions: dict[ActionKey, QAction] = {}
    groups: dict[str, QActionGroup] = {}
    for key, info in ACTIONS.items():
        action = QAction(translated(info.text), parent)
        action.setObjectName(key)
        action.setIconText(plain_text(info.text))
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
