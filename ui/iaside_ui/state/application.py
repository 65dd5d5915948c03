"""The window as a whole: its page, its results, and what can be done now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Final

from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult


class ActionKey(StrEnum):
    """Every action; the value is the name of the controller's slot that handles it."""

    OPEN_RESULT = "open_result"
    CLOSE_RESULT = "close_result"
    SAVE_RESULT = "save_result"
    EXPORT_REPORT = "export_report"
    CHECK_RESULT = "check_result"
    EXPORT_PLOT = "export_plot"
    EXPORT_NUMBERS = "export_numbers"
    LOAD_SETTINGS = "load_settings"
    SAVE_SETTINGS = "save_settings"
    QUIT = "quit"
    UNDO = "undo"
    REDO = "redo"
    RESET_SETTINGS = "reset_settings"
    COPY = "copy"
    COPY_COMMAND = "copy_command"
    AUDIT_MODEL = "audit_model"
    TRY_DEMO = "try_demo"
    START_AUDIT = "start_audit"
    FIND_PREPROCESSING = "find_preprocessing"
    TOGGLE_PAUSE = "toggle_pause"
    CANCEL_AUDIT = "cancel_audit"
    INSPECT_BANDS = "inspect_bands"
    INSPECT_OTHERS = "inspect_others"
    NEXT_IMAGE = "next_image"
    PREVIOUS_IMAGE = "previous_image"
    ALL_BANDS = "all_bands"
    NO_BANDS = "no_bands"
    BANDS_UP_TO = "bands_up_to"
    BANDS_FROM = "bands_from"
    ONLY_BAND = "only_band"
    WITHOUT_BAND = "without_band"
    SHOW_START = "show_start"
    SHOW_RUN = "show_run"
    SHOW_RESULT = "show_result"
    SHOW_COMPARISON = "show_comparison"
    SHOW_ROBUSTNESS = "show_robustness"
    MEASURE = "measure"
    STOP_MEASURING = "stop_measuring"
    OPEN_MEASUREMENTS = "open_measurements"
    SAVE_MEASUREMENTS = "save_measurements"
    FOLLOW_SYSTEM = "follow_system"
    USE_LIGHT = "use_light"
    USE_DARK = "use_dark"
    SHOW_SHORTCUTS = "show_shortcuts"
    SHOW_ABOUT = "show_about"


class Page(Enum):
    """What fills the window."""

    START = auto()
    SETUP = auto()
    RUN = auto()
    RESULT = auto()
    INSPECTOR = auto()
    COMPARISON = auto()
    ROBUSTNESS = auto()


PAGE_ACTIONS: Final = {
    Page.START: ActionKey.SHOW_START,
    Page.SETUP: ActionKey.AUDIT_MODEL,
    Page.RUN: ActionKey.SHOW_RUN,
    Page.RESULT: ActionKey.SHOW_RESULT,
    Page.INSPECTOR: ActionKey.INSPECT_BANDS,
    Page.COMPARISON: ActionKey.SHOW_COMPARISON,
    Page.ROBUSTNESS: ActionKey.SHOW_ROBUSTNESS,
}
"""The action that leads to each page; it is checked while the page is shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenResult:
    """A result in the window.

    Parameters
    ----------
    result : AuditResult
        Its numbers.
    path : Path or None
        The file that holds it; None where it was just measured.
    is_partial : bool
        Whether the audit was cancelled before its end.
    asks_to_be_saved : bool
        Whether work would be lost with it: not in a file, and not quickly made again.
    has_rows : bool
        Whether the rows lie beside its file, so that it can be checked.
    """

    result: AuditResult
    path: Path | None = None
    is_partial: bool = False
    asks_to_be_saved: bool = False
    has_rows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """Everything that decides which page is shown and which actions are possible.

    Parameters
    ----------
    results : tuple of OpenResult
        Those that are open, the oldest first.
    current : int
        The one that the result page shows; -1 for none.
    is_busy : bool
        Whether a file is being read or written.
    can_measure : bool
        Whether robustness could be measured now.
    is_measuring : bool
        Whether it is being measured.
    has_measurements : bool
        Whether there is something of it to save.
    """

    page: Page = Page.START
    results: tuple[OpenResult, ...] = ()
    current: int = -1
    is_running: bool = False
    is_paused: bool = False
    is_cancelling: bool = False
    is_busy: bool = False
    can_undo: bool = False
    can_redo: bool = False
    is_inspecting: bool = False
    can_measure: bool = False
    is_measuring: bool = False
    has_measurements: bool = False

    @property
    def opened(self) -> OpenResult | None:
        """The result that the result page shows."""
        return self.results[self.current] if 0 <= self.current < len(self.results) else None

    @property
    def unsaved(self) -> OpenResult | None:
        """The first result that would be lost; None where there is none."""
        return next((one for one in self.results if one.asks_to_be_saved), None)

    def with_result(self, opened: OpenResult) -> AppState:
        """Return the state with one more result, or the same file again, as the current one."""
        same = [
            place
            for place, one in enumerate(self.results)
            if opened.path is not None and one.path == opened.path
        ]
        if same:
            return self.with_changed(self.results[same[0]], opened, current=same[0])
        return replace(self, results=(*self.results, opened), current=len(self.results))

    def with_changed(
        self, old: OpenResult, new: OpenResult, *, current: int | None = None
    ) -> AppState:
        """Return the state with one result in the place of another."""
        results = tuple(new if one is old else one for one in self.results)
        return replace(self, results=results, current=self.current if current is None else current)

    def without(self, closed: OpenResult) -> AppState:
        """Return the state without one result; its neighbour is shown instead."""
        results = tuple(one for one in self.results if one is not closed)
        return replace(self, results=results, current=min(self.current, len(results) - 1))


ALWAYS: Final = frozenset(
    {
        ActionKey.QUIT,
        ActionKey.COPY,
        ActionKey.AUDIT_MODEL,
        ActionKey.TRY_DEMO,
        ActionKey.SHOW_START,
        ActionKey.SHOW_RUN,
        ActionKey.SHOW_COMPARISON,
        ActionKey.INSPECT_BANDS,
        ActionKey.INSPECT_OTHERS,
        ActionKey.SHOW_ROBUSTNESS,
        ActionKey.OPEN_MEASUREMENTS,
        ActionKey.LOAD_SETTINGS,
        ActionKey.FOLLOW_SYSTEM,
        ActionKey.USE_LIGHT,
        ActionKey.USE_DARK,
        ActionKey.SHOW_SHORTCUTS,
        ActionKey.SHOW_ABOUT,
    }
)
"""Actions that depend on nothing."""
ON_SETUP: Final = frozenset(
    {
        ActionKey.START_AUDIT,
        ActionKey.FIND_PREPROCESSING,
        ActionKey.SAVE_SETTINGS,
        ActionKey.COPY_COMMAND,
        ActionKey.RESET_SETTINGS,
    }
)
ON_RESULT: Final = frozenset({ActionKey.SAVE_RESULT, ActionKey.EXPORT_REPORT})
ON_INSPECTOR: Final = frozenset(
    {
        ActionKey.NEXT_IMAGE,
        ActionKey.PREVIOUS_IMAGE,
        ActionKey.ALL_BANDS,
        ActionKey.NO_BANDS,
        ActionKey.BANDS_UP_TO,
        ActionKey.BANDS_FROM,
        ActionKey.ONLY_BAND,
        ActionKey.WITHOUT_BAND,
    }
)
WITH_PLOTS: Final = (Page.RUN, Page.RESULT, Page.INSPECTOR, Page.COMPARISON, Page.ROBUSTNESS)


def possible_actions(state: AppState) -> frozenset[ActionKey]:
    """Return the actions that can be taken now."""
    possible = set(ALWAYS)
    if state.is_running and not state.is_cancelling:
        possible |= {ActionKey.TOGGLE_PAUSE, ActionKey.CANCEL_AUDIT}
    if not state.is_busy:
        possible.add(ActionKey.OPEN_RESULT)
    if state.page == Page.SETUP:
        possible |= ON_SETUP
        if state.can_undo:
            possible.add(ActionKey.UNDO)
        if state.can_redo:
            possible.add(ActionKey.REDO)
    if state.page == Page.INSPECTOR and state.is_inspecting:
        possible |= ON_INSPECTOR
    if state.page in WITH_PLOTS:
        possible |= {ActionKey.EXPORT_PLOT, ActionKey.EXPORT_NUMBERS}
    if state.opened is not None:
        possible.add(ActionKey.SHOW_RESULT)
        if state.page == Page.RESULT:
            possible.add(ActionKey.CLOSE_RESULT)
            if not state.is_busy:
                possible |= ON_RESULT
            if state.opened.has_rows:
                possible.add(ActionKey.CHECK_RESULT)
    possible |= _measuring_actions(state)
    return frozenset(possible)


def impossible_because(state: AppState) -> dict[ActionKey, str]:
    """Return why actions cannot be taken now, where that is not plain to see."""
    opened = state.opened
    if state.page != Page.RESULT or opened is None or opened.has_rows:
        return {}
    why = (
        tr("This result is in no file. Only audits with a folder (Keep in folder) can be checked.")
        if opened.path is None
        else tr("No rows (values.sqlite) lie beside this result, to compute its numbers from.")
    )
    return {ActionKey.CHECK_RESULT: why}


def _measuring_actions(state: AppState) -> set[ActionKey]:
    """Return what can be done about robustness; an audit and a measurement do not run together."""
    possible = set()
    if state.is_measuring:
        possible.add(ActionKey.STOP_MEASURING)
    elif state.page == Page.ROBUSTNESS and state.can_measure and not state.is_running:
        possible.add(ActionKey.MEASURE)
    if state.has_measurements and state.page == Page.ROBUSTNESS:
        possible.add(ActionKey.SAVE_MEASUREMENTS)
    return possible
