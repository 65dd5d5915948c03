"""A label that wraps, whatever stands in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy

from iaside_ui.qtmodels import plain_tip

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

SPACE: Final = re.compile(r"(\s+)")


class WrappedLabel(QLabel):
    """Plain text, its words wrapped; the middle of one that is wider than the label is left out.

    Qt wraps between words only: of a path without a space it would cut the end, where its name
    stands, and be as wide as the path. The whole text is shown on hovering.

    Parameters
    ----------
    parent : QWidget or None
        Its owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)  # it quotes names of files
        self.setMinimumWidth(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def text(self) -> str:
        """Return the whole text."""
        return self._whole

    def setText(self, text: str) -> None:
        """Show another text."""
        self._whole = text
        self.setToolTip(plain_tip(text))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much of long words as there is room for now."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics, width = self.fontMetrics(), self.contentsRect().width()
        shown = "".join(
            metrics.elidedText(word, Qt.TextElideMode.ElideMiddle, width)
            for word in SPACE.split(self._whole)
        )
        if shown != super().text():
            super().setText(shown)
