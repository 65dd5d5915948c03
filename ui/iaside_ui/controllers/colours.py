"""Dark and light, and the file of preferences that remembers which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from iaside_audit.errors import IASideError
from iaside_ui.appearance import apply_colour_scheme
from iaside_ui.preferences import (
    ColourScheme,
    Preferences,
    read_preferences,
    write_preferences,
)
from iaside_ui.state import ActionKey, Message, Severity, message_of

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_ui.views import MainWindow


class ColourController(QObject):
    """Applies the user's choice of colours, and keeps it.

    Parameters
    ----------
    window : MainWindow
        Its menu has the choices.
    path : Path
        The file of preferences.
    parent : QObject or None
        Its owner.
    """

    def __init__(self, window: MainWindow, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window = window
        self._path = path
        window.connect_actions(
            self, (ActionKey.FOLLOW_SYSTEM, ActionKey.USE_LIGHT, ActionKey.USE_DARK)
        )

    def restore(self) -> None:
        """Apply the choice of last time; a bad file costs one warning."""
        try:
            scheme = read_preferences(self._path).colour_scheme
        except IASideError as error:
            scheme = ColourScheme.SYSTEM
            text = error.message
            self._window.show_message(Message(severity=Severity.WARNING, text=text))
        apply_colour_scheme(scheme)
        self._window.show_colour_scheme(scheme)

    @Slot()
    def follow_system(self) -> None:
        """Show dark or light windows, as the system does."""
        self._choose(ColourScheme.SYSTEM)

    @Slot()
    def use_light(self) -> None:
        """Show light windows, whatever the system says."""
        self._choose(ColourScheme.LIGHT)

    @Slot()
    def use_dark(self) -> None:
        """Show dark windows, whatever the system says."""
        self._choose(ColourScheme.DARK)

    def _choose(self, scheme: ColourScheme) -> None:
        apply_colour_scheme(scheme)
        self._window.show_colour_scheme(scheme)
        try:
            write_preferences(Preferences(colour_scheme=scheme), self._path)
        except (IASideError, OSError) as error:
            self._window.show_message(message_of(error))
