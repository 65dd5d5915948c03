"""What can be had as a picture and as numbers, from the menu and by right click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QMenu, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QContextMenuEvent


class Exportable(QFrame):
    """A widget whose picture and numbers a controller writes when it is asked to."""

    pictureAsked = Signal(QWidget)
    numbersAsked = Signal(QWidget)

    def numbers(self) -> list[Sequence[object]]:
        """Return what is shown as rows, the headings first; nothing where there are no numbers."""
        return []

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer the picture and its numbers as files."""
        menu = QMenu(self)
        picture = menu.addAction(self.tr("Export this &plot..."))
        numbers = menu.addAction(self.tr("Export its &numbers..."))
        numbers.setEnabled(len(self.numbers()) > 1)
        chosen = menu.exec(event.globalPos())
        menu.deleteLater()
        if chosen is picture:
            self.pictureAsked.emit(self)
        elif chosen is numbers:
            self.numbersAsked.emit(self)
