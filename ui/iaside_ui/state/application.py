"""The window as a whole: its page, its result, and what can be done now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult


class ActionKey(StrEnum):
    """Every action; the value is the name of the controller's slot that handles it."""

    OPEN_RESULT = "open_result"
    SAVE_RESULT = "save_result"
    EXPORT_REPORT = "export_report"
    QUIT = "quit"
    COPY = "copy"
    AUDIT_MODEL = "audit_model"
    TRY_DEMO = "try_demo"
    TOGGLE_PAUSE = "toggle_pause"
    CANCEL_AUDIT = "cancel_audit"
    SHOW_START = "show_start"
    SHOW_RESULT = "show_result"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenResult:
    """The result in the window.

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
    """

    result: AuditResult
    path: Path | None = None
    is_partial: bool = False
    asks_to_be_saved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """Everything that decides which page is shown and which actions are possible."""

    page: Page = Page.START
    opened: OpenResult | None = None
    is_running: bool = False
    is_paused: bool = False
    is_cancelling: bool = False
    is_busy: bool = False
    """Whether a file is being read or written."""


ALWAYS: Final = frozenset(
    {
        ActionKey.QUIT,
        ActionKey.COPY,
        ActionKey.FOLLOW_SYSTEM,
        ActionKey.USE_LIGHT,
        ActionKey.USE_DARK,
        ActionKey.SHOW_SHORTCUTS,
        ActionKey.SHOW_ABOUT,
    }
)
"""Actions that depend on nothing."""


def possible_actions(state: AppState) -> frozenset[ActionKey]:
    """Return the actions that can be taken now; audits run one at a time."""
    possible = set(ALWAYS)
    if state.is_running:
        if not state.is_cancelling:
            possible |= {ActionKey.TOGGLE_PAUSE, ActionKey.CANCEL_AUDIT}
        return frozenset(possible)
    if not state.is_busy:
        possible |= {ActionKey.OPEN_RESULT, ActionKey.AUDIT_MODEL, ActionKey.TRY_DEMO}
    if state.page != Page.START:
        possible.add(ActionKey.SHOW_START)
    if state.opened is not None:
        if state.page != Page.RESULT:
            possible.add(ActionKey.SHOW_RESULT)
        elif not state.is_busy:
            possible |= {ActionKey.SAVE_RESULT, ActionKey.EXPORT_REPORT}
    return frozenset(possible)
