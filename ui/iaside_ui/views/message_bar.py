"""Messages that wait above the page, with details on demand."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QStyle,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from iaside_ui.appearance import characters_wide
from iaside_ui.icons import icon
from iaside_ui.state import Message, Severity
from iaside_ui.views.wrapped_label import WrappedLabel

ICONS: Final = {
    Severity.INFORMATION: "information",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
}
DETAIL_LINES: Final = 8
LINGER_MS: Final = 10_000
"""So long an information stays: time to look up and read two lines, twice."""
LEAST_CHARACTERS: Final = 60
"""In a line: the window is as high, at least, as the message is then."""


class MessageBar(QFrame):
    """One message; the next one takes its place.

    It never takes the keyboard away from what the user does; screen readers are told. An
    information goes by itself, once it was there to be read; warnings and errors stay.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._severity = Severity.INFORMATION
        self._icon = QLabel(self)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAccessibleName(self.tr("Message"))
        self._text = WrappedLabel(self)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._text.setMinimumWidth(characters_wide(self._text, LEAST_CHARACTERS))
        self.details_button = QToolButton(self)
        self.details_button.setText(self.tr("Details"))  # the form has every letter of it
        self.details_button.setCheckable(True)
        self.close_button = QToolButton(self)
        self.close_button.setIcon(icon("close"))
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip(self.tr("Close this message"))
        self.close_button.setAccessibleName(self.tr("Close this message"))
        self.details = QPlainTextEdit(self)
        self.details.setReadOnly(True)
        self.details.setTabChangesFocus(True)
        self.details.setAccessibleName(self.tr("Details of the message"))
        self.details.setFixedHeight(DETAIL_LINES * self.fontMetrics().lineSpacing())
        line = QHBoxLayout()
        line.addWidget(self._icon)
        line.addWidget(self._text, stretch=1)
        line.addWidget(self.details_button)
        line.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.addLayout(line)
        layout.addWidget(self.details)
        self._linger = QTimer(self, interval=LINGER_MS)
        self._linger.timeout.connect(self._leave)
        self.details_button.toggled.connect(self.details.setVisible)
        self.close_button.clicked.connect(self.close_message)
        self.hide()

    @property
    def text(self) -> str:
        """The message shown; empty where there is none."""
        return "" if self.isHidden() else self._text.text()

    def show_message(self, message: Message) -> None:
        """Show a message, its details folded away."""
        self._severity = message.severity
        self._paint_icon()
        self._icon.setAccessibleName(self._severity_name(message.severity))
        self._text.setText(message.text)
        self.details.setPlainText(message.details)
        self.details_button.setVisible(bool(message.details))
        self.details_button.setChecked(False)
        self.details.hide()
        self.show()
        self._linger.stop()
        if message.severity == Severity.INFORMATION:
            self._linger.start()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, message.text))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._paint_icon()

    def _paint_icon(self) -> None:
        side = self.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
        sign = icon(ICONS[self._severity])
        self._icon.setPixmap(sign.pixmap(QSize(side, side), self.devicePixelRatioF()))

    @Slot()
    def close_message(self) -> None:
        """Take the message away."""
        self._linger.stop()
        self.hide()

    @Slot()
    def _leave(self) -> None:
        """Go, unless the user is elsewhere, or is at the message: then the time begins again."""
        keyboard = QApplication.focusWidget()
        has_keyboard = keyboard is not None and self.isAncestorOf(keyboard)
        if self.isActiveWindow() and not self.underMouse() and not has_keyboard:
            self.close_message()

    def _severity_name(self, severity: Severity) -> str:
        match severity:
            case Severity.INFORMATION:
                return self.tr("Information")
            case Severity.WARNING:
                return self.tr("Warning")
            case Severity.ERROR:
                return self.tr("Error")
