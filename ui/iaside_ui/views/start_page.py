"""Three ways in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCommandLinkButton, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from iaside_ui.actions import ACTIONS, translated
from iaside_ui.appearance import characters_wide, enlarge_font
from iaside_ui.state import ActionKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction

ENTRIES: Final = (ActionKey.TRY_DEMO, ActionKey.AUDIT_MODEL, ActionKey.OPEN_RESULT)
WIDTH_CHARACTERS: Final = 84


class StartPage(QWidget):
    """What the program is for, and a large button for each way in.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(self.tr("I-ASIDE Audit"), self)
        enlarge_font(title, 2.2)
        purpose = QLabel(
            self.tr(
                "How robust is an image classifier, and why: which spatial frequencies it relies "
                "on, every number with its interval."
            ),
            self,
        )
        purpose.setWordWrap(True)
        column = QVBoxLayout()
        column.addStretch(2)
        column.addWidget(title)
        column.addWidget(purpose)
        column.addSpacing(self.fontMetrics().lineSpacing())
        self.buttons: list[QCommandLinkButton] = []
        for key in ENTRIES:
            button = _link_to(actions[key], key, self)
            column.addWidget(button)
            self.buttons.append(button)
        column.addSpacing(self.fontMetrics().lineSpacing())
        hint = QLabel(
            self.tr("Or drop a model (.onnx) or a result (.json) anywhere in this window."), self
        )
        hint.setForegroundRole(hint.foregroundRole().PlaceholderText)
        hint.setWordWrap(True)
        column.addWidget(hint)
        column.addStretch(3)
        middle = QWidget(self)
        middle.setFixedWidth(characters_wide(self, WIDTH_CHARACTERS))
        column.setContentsMargins(0, 0, 0, 0)
        middle.setLayout(column)
        layout = QHBoxLayout(self)
        layout.addWidget(middle, alignment=Qt.AlignmentFlag.AlignHCenter)


def _link_to(action: QAction, key: ActionKey, parent: QWidget) -> QCommandLinkButton:
    """Return a large button that does what `action` does, while it can be done."""
    info = ACTIONS[key]
    button = QCommandLinkButton(translated(info.text), translated(info.tip), parent)
    button.setIcon(action.icon())
    button.setAccessibleName(action.iconText())
    button.setAccessibleDescription(translated(info.tip))
    button.clicked.connect(action.trigger)
    action.enabledChanged.connect(button.setEnabled)
    return button
