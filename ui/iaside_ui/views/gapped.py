"""What stands where there is nothing to show yet."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget


class Gapped(QStackedWidget):
    """Shows a widget, or a sentence in its place that says what to do.

    Parameters
    ----------
    content : QWidget
        What is shown where there is something.
    parent : QWidget or None
        Its owner.
    """

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = content
        self._gap = QLabel(self)
        self._gap.setWordWrap(True)
        self._gap.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._gap.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.addWidget(self._gap)
        self.addWidget(content)

    @property
    def gap(self) -> str:
        """The sentence shown; empty where the widget is."""
        return self._gap.text() if self.currentWidget() is self._gap else ""

    def show_gap(self, text: str) -> None:
        """Show a sentence, or with an empty one the widget."""
        self._gap.setText(text)
        self.setCurrentWidget(self._gap if text else self._content)
