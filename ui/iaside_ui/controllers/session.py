"""What is there again next time: recent files, and the results that were open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QSettings, Slot

if TYPE_CHECKING:
    from iaside_ui.controllers.results import ResultsController
    from iaside_ui.controllers.shell import Shell

RECENT: Final = "session/recent"
OPEN: Final = "session/open"
MAX_RECENT: Final = 8


class SessionController(QObject):
    """Remembers files between two starts.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    results : ResultsController
        Opens results again.
    parent : QObject or None
        Its owner.
    """

    def __init__(
        self, shell: Shell, results: ResultsController, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._results = results
        shell.window.start_page.show_recent(self.recent)

    @property
    def recent(self) -> tuple[Path, ...]:
        """Files used last, the newest first, as far as they are still there."""
        return tuple(path for path in _paths(RECENT) if path.exists())

    @Slot(object)
    def remember(self, path: Path) -> None:
        """Put a file first among the recent ones."""
        path = path.absolute()
        if not path.exists():
            return  # an id of the catalogue
        known = [path, *(one for one in self.recent if one != path)][:MAX_RECENT]
        QSettings().setValue(RECENT, [str(one) for one in known])
        self._shell.window.start_page.show_recent(known)

    def save(self) -> None:
        """Note the results that are open."""
        paths = [str(one.path) for one in self._shell.state.results if one.path is not None]
        QSettings().setValue(OPEN, paths)

    def restore(self) -> None:
        """Open the results of last time, behind the start page; what is gone is passed over."""
        for path in _paths(OPEN):
            if path.exists():
                self._results.load(path, page=None)


def _paths(key: str) -> tuple[Path, ...]:
    """Return a list of paths from the settings; a list of one comes back as a text."""
    value = QSettings().value(key, [])
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(Path(str(text)) for text in texts if text)
