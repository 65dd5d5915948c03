"""Every action of the window, in one table: menus, buttons and the shortcut page are built from it.

A text is written once here and translated when it is used; the name of the slot that handles an
action is its key's value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtGui import QAction, QKeySequence

from iaside_ui.state import ActionKey

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def marked(text: str) -> str:
    """Mark a text for translation."""
    return str(QT_TRANSLATE_NOOP(CONTEXT, text))


ACTIONS: Final[Mapping[ActionKey, ActionInfo]] = {
    ActionKey.OPEN_RESULT: ActionInfo(
        text=marked("&Open a result..."),
        tip=marked("Show the result.json of an audit, or the study.json of a study."),
        shortcuts=(_STANDARD.Open,),
        icon="open",
    ),
    ActionKey.CLOSE_RESULT: ActionInfo(
        text=marked("&Close result"),
        tip=marked("Close the result that is shown; its file stays."),
        shortcuts=("Ctrl+W",),
    ),
    ActionKey.SAVE_RESULT: ActionInfo(
        text=marked("&Save result..."),
        tip=marked("Keep the result as a file that this program can open again."),
        shortcuts=(_STANDARD.Save,),
        icon="save",
    ),
    ActionKey.EXPORT_REPORT: ActionInfo(
        text=marked("&Export report..."),
        tip=marked("Write the result as PDF, HTML, CSV, SVG or PNG."),
        shortcuts=("Ctrl+E",),
        icon="export",
    ),
    ActionKey.CHECK_RESULT: ActionInfo(
        text=marked("Chec&k this result..."),
        tip=marked(
            "See whether its numbers follow from its rows, and these from model and images."
        ),
        shortcuts=("Ctrl+K",),
        icon="passed",
    ),
    ActionKey.EXPORT_PLOT: ActionInfo(
        text=marked("Export this &plot..."),
        tip=marked("Write the plot that is shown as SVG, PNG or PDF."),
        shortcuts=("Ctrl+Shift+E",),
    ),
    ActionKey.EXPORT_NUMBERS: ActionInfo(
        text=marked("Export its &numbers..."),
        tip=marked("Write the numbers of the plot that is shown as CSV."),
        shortcuts=("Ctrl+Alt+E",),
    ),
    ActionKey.LOAD_SETTINGS: ActionInfo(
        text=marked("&Load settings..."),
        tip=marked("Fill the form from a TOML file, as the command line reads with --config."),
        icon="open",
    ),
    ActionKey.SAVE_SETTINGS: ActionInfo(
        text=marked("Save se&ttings..."),
        tip=marked("Write the form as a TOML file for the command line's --config."),
        icon="save",
    ),
    ActionKey.QUIT: ActionInfo(
        text=marked("&Quit"),
        tip=marked("Close the window."),
        shortcuts=(_STANDARD.Quit, "Ctrl+Q"),
        role=QAction.MenuRole.QuitRole,
    ),
    ActionKey.UNDO: ActionInfo(
        text=marked("&Undo"),
        tip=marked("Take back the last change of the settings."),
        shortcuts=(_STANDARD.Undo,),
        icon="undo",
    ),
    ActionKey.REDO: ActionInfo(
        text=marked("&Redo"),
        tip=marked("Make the change of the settings again."),
        shortcuts=(_STANDARD.Redo,),
        icon="redo",
    ),
    ActionKey.RESET_SETTINGS: ActionInfo(
        text=marked("Settings to their &defaults"),
        tip=marked("Give every setting but model and images its default; undo brings them back."),
    ),
    ActionKey.COPY: ActionInfo(
        text=marked("&Copy"),
        tip=marked("Copy the selected rows, for a spreadsheet or a mail."),
        shortcuts=(_STANDARD.Copy,),
    ),
    ActionKey.COPY_COMMAND: ActionInfo(
        text=marked("Copy as command &line"),
        tip=marked("Copy the command that runs this audit without the window."),
        shortcuts=("Ctrl+Shift+C",),
        icon="command",
    ),
    ActionKey.AUDIT_MODEL: ActionInfo(
        text=marked("Audit a &model..."),
        tip=marked("Measure your own ONNX classifier on your own images."),
        shortcuts=(_STANDARD.New,),
        icon="audit",
        group="pages",
        page_text=marked("Set up"),
    ),
    ActionKey.TRY_DEMO: ActionInfo(
        text=marked("&Try the built-in model"),
        tip=marked("Watch a real network being audited on twelve photographs."),
        shortcuts=("Ctrl+T",),
        icon="demo",
    ),
    ActionKey.START_AUDIT: ActionInfo(
        text=marked("&Start audit"),
        tip=marked("Run this audit; while another one runs, it waits for its turn."),
        shortcuts=("Ctrl+Return",),
        icon="resume",
    ),
    ActionKey.FIND_PREPROCESSING: ActionInfo(
        text=marked("&Find the preprocessing..."),
        tip=marked("Try the usual preprocessings on the images and see which one the model knows."),
        icon="demo",
    ),
    ActionKey.TOGGLE_PAUSE: ActionInfo(
        text=marked("&Pause"),
        tip=marked("Start no further images until you resume."),
        shortcuts=("Ctrl+Shift+P", "Pause"),
        icon="pause",
    ),
    ActionKey.CANCEL_AUDIT: ActionInfo(
        text=marked("&Cancel"),
        tip=marked("Stop the audit and show what was measured so far."),
        shortcuts=("Ctrl+.",),
        icon="stop",
    ),
    ActionKey.INSPECT_BANDS: ActionInfo(
        text=marked("Inspect &bands"),
        tip=marked("Take one image apart, and see what the model says of any part of it."),
        shortcuts=("Ctrl+I",),
        icon="inspect",
        group="pages",
        page_text=marked("Bands"),
    ),
    ActionKey.INSPECT_OTHERS: ActionInfo(
        text=marked("&Other images..."),
        tip=marked("Inspect the images of another folder with the same model."),
        icon="open",
    ),
    ActionKey.NEXT_IMAGE: ActionInfo(
        text=marked("&Next image"),
        tip=marked("Step to the next image."),
        shortcuts=("PgDown", "Ctrl+Right"),
        icon="next",
    ),
    ActionKey.PREVIOUS_IMAGE: ActionInfo(
        text=marked("&Previous image"),
        tip=marked("Step to the image before."),
        shortcuts=("PgUp", "Ctrl+Left"),
        icon="previous",
    ),
    ActionKey.ALL_BANDS: ActionInfo(
        text=marked("&All bands"),
        tip=marked("Tick every band: the whole image."),
        shortcuts=("Ctrl+1",),
    ),
    ActionKey.NO_BANDS: ActionInfo(
        text=marked("No ban&ds"), tip=marked("Tick no band: the baseline."), shortcuts=("Ctrl+0",)
    ),
    ActionKey.BANDS_UP_TO: ActionInfo(
        text=marked("&Low-pass"),
        tip=marked("Keep the chosen band and all below it."),
        shortcuts=("Ctrl+2",),
    ),
    ActionKey.BANDS_FROM: ActionInfo(
        text=marked("&High-pass"),
        tip=marked("Keep the chosen band and all above it."),
        shortcuts=("Ctrl+3",),
    ),
    ActionKey.ONLY_BAND: ActionInfo(
        text=marked("Onl&y"), tip=marked("Keep the chosen band alone."), shortcuts=("Ctrl+4",)
    ),
    ActionKey.WITHOUT_BAND: ActionInfo(
        text=marked("&Without"),
        tip=marked("Keep every band but the chosen one."),
        shortcuts=("Ctrl+5",),
    ),
    ActionKey.SHOW_START: ActionInfo(
        text=marked("&Start page"),
        tip=marked("Go back to the start page."),
        shortcuts=("Alt+Home",),
        icon="home",
        group="pages",
        page_text=marked("Start"),
    ),
    ActionKey.SHOW_RUN: ActionInfo(
        text=marked("&Runs"),
        tip=marked("See the audit under way, and those that wait."),
        shortcuts=("Ctrl+Shift+R",),
        icon="run",
        group="pages",
        page_text=marked("Runs"),
    ),
    ActionKey.SHOW_RESULT: ActionInfo(
        text=marked("R&esult"),
        tip=marked("Go back to the open result."),
        shortcuts=("Alt+End",),
        icon="result",
        group="pages",
        page_text=marked("Result"),
    ),
    ActionKey.SHOW_COMPARISON: ActionInfo(
        text=marked("&Compare"),
        tip=marked("Put open results side by side, or look at the models of a study."),
        shortcuts=("Ctrl+D",),
        icon="compare",
        group="pages",
        page_text=marked("Compare"),
    ),
    ActionKey.SHOW_ROBUSTNESS: ActionInfo(
        text=marked("Rob&ustness"),
        tip=marked("Measure corruptions, SNR, pass bands and the Fourier heat map of a model."),
        shortcuts=("Ctrl+R",),
        icon="robustness",
        group="pages",
        page_text=marked("Robustness"),
    ),
    ActionKey.MEASURE: ActionInfo(
        text=marked("&Measure robustness"),
        tip=marked("Run the measurements that are ticked; the cost is shown beside them."),
        shortcuts=("Ctrl+Shift+Return",),
        icon="resume",
    ),
    ActionKey.STOP_MEASURING: ActionInfo(
        text=marked("St&op measuring"),
        tip=marked("Stop, and show what was measured so far; measuring again goes on from there."),
        shortcuts=("Ctrl+Shift+.",),
        icon="stop",
    ),
    ActionKey.OPEN_MEASUREMENTS: ActionInfo(
        text=marked("Open &measurements..."),
        tip=marked("Show what corrupt, snr, heatmap or passband wrote as JSON."),
        shortcuts=("Ctrl+Shift+O",),
        icon="open",
    ),
    ActionKey.SAVE_MEASUREMENTS: ActionInfo(
        text=marked("Save me&asurements..."),
        tip=marked("Keep the measurements that are shown as JSON files in a folder."),
        shortcuts=("Ctrl+Shift+S",),
        icon="save",
    ),
    ActionKey.FOLLOW_SYSTEM: ActionInfo(
        text=marked("As the s&ystem"),
        tip=marked("Dark or light, as the system is."),
        group="colours",
    ),
    ActionKey.USE_LIGHT: ActionInfo(
        text=marked("&Light"), tip=marked("Always dark on light."), group="colours"
    ),
    ActionKey.USE_DARK: ActionInfo(
        text=marked("&Dark"), tip=marked("Always light on dark."), group="colours"
    ),
    ActionKey.SHOW_SHORTCUTS: ActionInfo(
        text=marked("&Keyboard shortcuts"),
        tip=marked("List every action and its keys."),
        shortcuts=(_STANDARD.HelpContents,),
    ),
    ActionKey.SHOW_ABOUT: ActionInfo(
        text=marked("&About I-ASIDE Audit"),
        tip=marked("Say what this program is, and its version."),
        role=QAction.MenuRole.AboutRole,
    ),
}
"""Every action; a test checks that none is missing here or in the menus."""


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
