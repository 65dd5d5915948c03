"""A panel, or in its place the reason why there is nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedLayout, QWidget


class GapPanel(QWidget):
    """A panel, or in its place the reason why there is nothing to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gap = QLabel(self)
        self._gap.setWordWrap(True)
        self._gap.setTextFormat(Qt.TextFormat.PlainText)  # it quotes names of files
        self._gap.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.content = QWidget(self)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.content)
        self._stack.addWidget(self._gap)

    @property
    def gap(self) -> str:
        """Why there is nothing; empty where there is something."""
        return self._gap.text() if self._stack.currentWidget() is self._gap else ""

    def show_gap(self, text: str) -> None:
        """Say why there is nothing; an empty text shows the panel."""
        self._gap.setText(text)
        self._stack.setCurrentWidget(self._gap if text else self.content)
