"""The window and the one snapshot of it that every controller shares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from iaside_ui.state import AppState, Message, OpenResult, Page, Severity, message_of

if TYPE_CHECKING:
    from iaside_ui.views import MainWindow


class Shell(QObject):
    """Holds the state of the window as a whole.

    Parameters
    ----------
    window : MainWindow
        Shows it.
    parent : QObject or None
        Its owner.
    """

    stateChanged = Signal(AppState)

    def __init__(self, window: MainWindow, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.window = window
        self.state = AppState()

    def change(self, **changes: object) -> None:
        """Take on other values of some fields, and show them."""
        self.take(replace(self.state, **changes))  # type: ignore[arg-type]  # fields of AppState

    def take(self, state: AppState) -> None:
        """Take on another state, and show it."""
        if state != self.state:
            self.state = state
            self.window.show_state(state)
            self.stateChanged.emit(state)

    def show_opened(self, opened: OpenResult, *, page: Page | None = Page.RESULT) -> None:
        """Show one more result, on its page unless the user is to stay where they are."""
        state = self.state.with_result(opened)
        self.window.show_result(state)
        self.take(replace(state, page=state.page if page is None else page))

    def show_failure(self, error: BaseException) -> None:
        """Show what went wrong."""
        self.window.show_message(message_of(error))

    def inform(self, text: str) -> None:
        """Show a message that asks for nothing."""
        self.window.show_message(Message(severity=Severity.INFORMATION, text=text))
