"""A path to be typed or chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from iaside_ui.appearance import characters_wide
from iaside_ui.views.dialogs import FileKind, choose_path

if TYPE_CHECKING:
    from pathlib import Path

WIDTH_CHARACTERS = 60


class PathField(QWidget):
    """A line for a path, and a button that opens a file dialog.

    Parameters
    ----------
    kind : FileKind
        What is looked for.
    name : str
        For screen readers.
    hint : str
        Shown while the line is empty.
    parent : QWidget or None
        Its owner.
    """

    returnPressed = Signal()

    def __init__(
        self, kind: FileKind, *, name: str, hint: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._line = QLineEdit(self)
        self._line.setAccessibleName(name)
        self._line.setPlaceholderText(hint)
        self._line.setAcceptDrops(False)  # the window takes files, wherever they are dropped
        self._line.setMinimumWidth(characters_wide(self._line, WIDTH_CHARACTERS))
        self._button = QPushButton(self.tr("Browse..."), self)
        self._button.setAccessibleName(self.tr("Browse: {name}").format(name=name))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line, stretch=1)
        layout.addWidget(self._button)
        self.setFocusProxy(self._line)
        self._line.returnPressed.connect(self.returnPressed)
        self._button.clicked.connect(self._browse)

    @property
    def text(self) -> str:
        """The path as typed."""
        return self._line.text().strip()

    def set_text(self, text: str) -> None:
        """Put a path into the line."""
        self._line.setText(text)

    @Slot()
    def _browse(self) -> None:
        path: Path | None = choose_path(self, self._kind)
        if path is not None:
            self.set_text(str(path))
