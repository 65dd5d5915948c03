"""Buttons of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton, QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QAction


def action_button(action: QAction, parent: QWidget, *, has_text: bool = True) -> QToolButton:
    """Return a button with the text, icon and state of `action`, reached by Tab."""
    button = QToolButton(parent)
    button.setDefaultAction(action)
    style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    if not has_text:
        style = Qt.ToolButtonStyle.ToolButtonIconOnly
    elif action.icon().isNull():
        style = Qt.ToolButtonStyle.ToolButtonTextOnly
    button.setToolButtonStyle(style)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setAccessibleName(action.iconText())
    return button
