"""What stands where there is nothing to show yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

WidgetT = TypeVar("WidgetT", bound=QWidget)


class Gapped(QStackedWidget, Generic[WidgetT]):
    """Shows a widget, or a sentence in its place that says what to do.

    The widget is made when it is first needed: a page that has nothing to show is there at once.

    Parameters
    ----------
    make : callable
        Takes the owner and returns what is shown where there is something.
    parent : QWidget or None
        Its owner.
    """

    contentMade = Signal(QWidget)

    def __init__(self, make: Callable[[QWidget], WidgetT], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._make = make
        self._content: WidgetT | None = None
        self._gap = QLabel(self)
        self._gap.setWordWrap(True)
        self._gap.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._gap.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.addWidget(self._gap)

    @property
    def content(self) -> WidgetT:
        """The widget, made now if need be."""
        if self._content is None:
            self._content = self._make(self)
            self.addWidget(self._content)
            self.contentMade.emit(self._content)
        return self._content

    @property
    def is_made(self) -> bool:
        """Whether the widget is there."""
        return self._content is not None

    @property
    def gap(self) -> str:
        """The sentence shown; empty where the widget is."""
        return self._gap.text() if self.currentWidget() is self._gap else ""

    def show_gap(self, text: str) -> None:
        """Show a sentence, or with an empty one the widget."""
        self._gap.setText(text)
        self.setCurrentWidget(self._gap if text else self.content)
