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
from iaside_ui.state import PAGE_ACTIONS, ActionKey

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
    page_text : str
        Of the button in the bar of pages; empty for an action that leads to no page.
    """

    text: str
    tip: str
    shortcuts: tuple[QKeySequence.StandardKey | str, ...] = ()
    icon: str = ""
    group: str = ""
    role: QAction.MenuRole = QAction.MenuRole.NoRole
    page_text: str = ""


def _noop(text: str) -> str:
    """Mark a text for translation."""
    return str(QT_TRANSLATE_NOOP(CONTEXT, text))


ACTIONS: Final[Mapping[ActionKey, ActionInfo]] = {
    ActionKey.OPEN_RESULT: ActionInfo(
        text=_noop("&Open a result..."),
        tip=_noop("Show the result.json of an audit, or the study.json of a study."),
        shortcuts=(_STANDARD.Open,),
        icon="open",
    ),
    ActionKey.CLOSE_RESULT: ActionInfo(
        text=_noop("&Close result"),
        tip=_noop("Close the result that is shown; its file stays."),
        shortcuts=("Ctrl+W",),
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
    ActionKey.EXPORT_PLOT: ActionInfo(
        text=_noop("Export this &plot..."),
        tip=_noop("Write the plot that is shown as SVG, PNG or PDF."),
        shortcuts=("Ctrl+Shift+E",),
    ),
    ActionKey.EXPORT_NUMBERS: ActionInfo(
        text=_noop("Export its &numbers..."),
        tip=_noop("Write the numbers of the plot that is shown as CSV."),
        shortcuts=("Ctrl+Alt+E",),
    ),
    ActionKey.LOAD_SETTINGS: ActionInfo(
        text=_noop("&Load settings..."),
        tip=_noop("Fill the form from a TOML file, as the command line reads with --config."),
        icon="open",
    ),
    ActionKey.SAVE_SETTINGS: ActionInfo(
        text=_noop("Save se&ttings..."),
        tip=_noop("Write the form as a TOML file for the command line's --config."),
        icon="save",
    ),
    ActionKey.QUIT: ActionInfo(
        text=_noop("&Quit"),
        tip=_noop("Close the window."),
        shortcuts=(_STANDARD.Quit, "Ctrl+Q"),
        role=QAction.MenuRole.QuitRole,
    ),
    ActionKey.UNDO: ActionInfo(
        text=_noop("&Undo"),
        tip=_noop("Take back the last change of the settings."),
        shortcuts=(_STANDARD.Undo,),
        icon="undo",
    ),
    ActionKey.REDO: ActionInfo(
        text=_noop("&Redo"),
        tip=_noop("Make the change of the settings again."),
        shortcuts=(_STANDARD.Redo,),
        icon="redo",
    ),
    ActionKey.RESET_SETTINGS: ActionInfo(
        text=_noop("Settings to their &defaults"),
        tip=_noop("Give every setting but model and images its default; undo brings them back."),
    ),
    ActionKey.COPY: ActionInfo(
        text=_noop("&Copy"),
        tip=_noop("Copy the selected rows, for a spreadsheet or a mail."),
        shortcuts=(_STANDARD.Copy,),
    ),
    ActionKey.COPY_COMMAND: ActionInfo(
        text=_noop("Copy as command &line"),
        tip=_noop("Copy the command that runs this audit without the window."),
        shortcuts=("Ctrl+Shift+C",),
        icon="command",
    ),
    ActionKey.AUDIT_MODEL: ActionInfo(
        text=_noop("&Audit a model..."),
        tip=_noop("Measure your own ONNX classifier on your own images."),
        shortcuts=(_STANDARD.New,),
        icon="audit",
        group="pages",
        page_text=_noop("Set up"),
    ),
    ActionKey.TRY_DEMO: ActionInfo(
        text=_noop("&Try the built-in model"),
        tip=_noop("Watch a real network being audited on twelve photographs."),
        shortcuts=("Ctrl+T",),
        icon="demo",
    ),
    ActionKey.START_AUDIT: ActionInfo(
        text=_noop("&Start audit"),
        tip=_noop("Run this audit; while another one runs, it waits for its turn."),
        shortcuts=("Ctrl+Return",),
        icon="resume",
    ),
    ActionKey.FIND_PREPROCESSING: ActionInfo(
        text=_noop("&Find the preprocessing..."),
        tip=_noop("Try the usual preprocessings on the images and see which one the model knows."),
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
        shortcuts=("Ctrl+.",),
        icon="stop",
    ),
    ActionKey.INSPECT_BANDS: ActionInfo(
        text=_noop("Inspect &bands"),
        tip=_noop("Take one image apart, and see what the model says of any part of it."),
        shortcuts=("Ctrl+I",),
        icon="inspect",
        group="pages",
        page_text=_noop("Bands"),
    ),
    ActionKey.INSPECT_OTHERS: ActionInfo(
        text=_noop("&Other images..."),
        tip=_noop("Inspect the images of another folder with the same model."),
        icon="open",
    ),
    ActionKey.NEXT_IMAGE: ActionInfo(
        text=_noop("&Next image"),
        tip=_noop("Step to the next image."),
        shortcuts=("PgDown", "Ctrl+Right"),
        icon="next",
    ),
    ActionKey.PREVIOUS_IMAGE: ActionInfo(
        text=_noop("&Previous image"),
        tip=_noop("Step to the image before."),
        shortcuts=("PgUp", "Ctrl+Left"),
        icon="previous",
    ),
    ActionKey.ALL_BANDS: ActionInfo(
        text=_noop("&All bands"),
        tip=_noop("Tick every band: the whole image."),
        shortcuts=("Ctrl+1",),
    ),
    ActionKey.NO_BANDS: ActionInfo(
        text=_noop("No ban&ds"), tip=_noop("Tick no band: the baseline."), shortcuts=("Ctrl+0",)
    ),
    ActionKey.BANDS_UP_TO: ActionInfo(
        text=_noop("&Low-pass"),
        tip=_noop("Keep the chosen band and all below it."),
        shortcuts=("Ctrl+2",),
    ),
    ActionKey.BANDS_FROM: ActionInfo(
        text=_noop("&High-pass"),
        tip=_noop("Keep the chosen band and all above it."),
        shortcuts=("Ctrl+3",),
    ),
    ActionKey.ONLY_BAND: ActionInfo(
        text=_noop("Onl&y"), tip=_noop("Keep the chosen band alone."), shortcuts=("Ctrl+4",)
    ),
    ActionKey.WITHOUT_BAND: ActionInfo(
        text=_noop("&Without"),
        tip=_noop("Keep every band but the chosen one."),
        shortcuts=("Ctrl+5",),
    ),
    ActionKey.SHOW_START: ActionInfo(
        text=_noop("&Start page"),
        tip=_noop("Go back to the start page."),
        shortcuts=("Alt+Home",),
        icon="home",
        group="pages",
        page_text=_noop("Start"),
    ),
    ActionKey.SHOW_RUN: ActionInfo(
        text=_noop("&Runs"),
        tip=_noop("See the audit under way, and those that wait."),
        shortcuts=("Alt+R",),
        icon="run",
        group="pages",
        page_text=_noop("Runs"),
    ),
    ActionKey.SHOW_RESULT: ActionInfo(
        text=_noop("R&esult"),
        tip=_noop("Go back to the open result."),
        shortcuts=("Alt+End",),
        icon="result",
        group="pages",
        page_text=_noop("Result"),
    ),
    ActionKey.SHOW_COMPARISON: ActionInfo(
        text=_noop("&Compare"),
        tip=_noop("Put open results side by side, or look at the models of a study."),
        shortcuts=("Ctrl+D",),
        icon="compare",
        group="pages",
        page_text=_noop("Compare"),
    ),
    ActionKey.SHOW_ROBUSTNESS: ActionInfo(
        text=_noop("Rob&ustness"),
        tip=_noop("Measure corruptions, SNR, pass bands and the Fourier heat map of a model."),
        shortcuts=("Ctrl+R",),
        icon="robustness",
        group="pages",
        page_text=_noop("Robustness"),
    ),
    ActionKey.MEASURE: ActionInfo(
        text=_noop("&Measure robustness"),
        tip=_noop("Run the measurements that are ticked; the cost is shown beside them."),
        shortcuts=("Ctrl+Shift+Return",),
        icon="resume",
    ),
    ActionKey.STOP_MEASURING: ActionInfo(
        text=_noop("St&op measuring"),
        tip=_noop("Stop, and show what was measured so far; measuring again goes on from there."),
        shortcuts=("Ctrl+Shift+.",),
        icon="stop",
    ),
    ActionKey.OPEN_MEASUREMENTS: ActionInfo(
        text=_noop("Open &measurements..."),
        tip=_noop("Show what corrupt, snr, heatmap or passband wrote as JSON."),
        shortcuts=("Ctrl+Shift+O",),
        icon="open",
    ),
    ActionKey.SAVE_MEASUREMENTS: ActionInfo(
        text=_noop("Save me&asurements..."),
        tip=_noop("Keep the measurements that are shown as JSON files in a folder."),
        shortcuts=("Ctrl+Shift+S",),
        icon="save",
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
        ActionKey.CLOSE_RESULT,
        ActionKey.SAVE_RESULT,
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
    _noop("&Edit"): (
        ActionKey.UNDO,
        ActionKey.REDO,
        ActionKey.RESET_SETTINGS,
        SEPARATOR,
        ActionKey.COPY,
        ActionKey.COPY_COMMAND,
    ),
    _noop("&Audit"): (
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
    _noop("&Inspect"): (
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
    _noop("&View"): (
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
    _noop("&Help"): (ActionKey.SHOW_SHORTCUTS, SEPARATOR, ActionKey.SHOW_ABOUT),
}
"""The menu bar, from left to right."""

TOOLBAR: Final = tuple(PAGE_ACTIONS.values())
"""The bar of pages, from the top."""


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
