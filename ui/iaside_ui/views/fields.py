"""Fields of a form: a title, what is typed or chosen, and below it what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from iaside_ui.appearance import characters_wide
from iaside_ui.icons import icon
from iaside_ui.state.form import FieldKind, FormField, default_text, help_text
from iaside_ui.views.dialogs import FileKind, choose_path
from iaside_ui.views.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QWheelEvent

PATH_KINDS: Final = {
    "model": FileKind.MODEL,
    "images": FileKind.IMAGES,
    "labels": FileKind.LABELS,
    "classes": FileKind.LABELS,
    "preprocess": FileKind.PREPROCESSING,
    "out": FileKind.FOLDER,
}
WITH_BROWSING: Final = (
    FieldKind.MODEL,
    FieldKind.IMAGES,
    FieldKind.FILE,
    FieldKind.FOLDER,
    FieldKind.SOURCE,
)
LEAST_CHARACTERS: Final = 14
UNDO_KEYS: Final = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)


class ChoiceBox(QComboBox):
    """Choices that the wheel does not touch: whoever scrolls the form changes no option."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to what scrolls."""
        event.ignore()


class Field(QWidget):
    """One option; it says what the user made of it, and shows what a controller says of that.

    Parameters
    ----------
    field : FormField
        Which option.
    parent : QWidget or None
        Its owner.
    """

    edited = Signal(str, str)  # name, text
    browseAsked = Signal(str)

    def __init__(self, field: FormField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._field = field
        self._shown = ""
        title = _translated(field.title)
        self.label = QLabel(title, self)
        self.editor: QLineEdit | QComboBox = self._make_editor(title.replace("&", ""))
        self.label.setBuddy(self.editor)
        self.fault = WrappedLabel(self)  # it quotes what was typed
        self.fault.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.fault.hide()
        explained = help_text(field.name)
        default = default_text(field.name)
        if default:
            explained += QCoreApplication.translate("fields", " Default: {default}.").format(
                default=default
            )
        for widget in (self.label, self.editor):
            widget.setToolTip(explained)
        self.editor.setAccessibleDescription(explained)
        self._arrange(title.replace("&", ""))

    @property
    def name(self) -> str:
        """The field of the specification."""
        return self._field.name

    @property
    def text(self) -> str:
        """What it holds."""
        if isinstance(self.editor, QComboBox):
            return self.editor.currentText().strip()
        return self.editor.text().strip()

    def show_text(self, text: str) -> None:
        """Show what a form holds; its default where that is empty."""
        shown = text or (default_text(self.name) if isinstance(self.editor, QComboBox) else "")
        self._shown = shown
        if self.text == shown:
            return
        self.editor.blockSignals(True)
        if isinstance(self.editor, QComboBox):
            self.editor.setCurrentText(shown)
        else:
            self.editor.setText(shown)
        self.editor.blockSignals(False)

    def show_fault(self, text: str) -> None:
        """Show what is wrong, with a sign; nothing where all is well."""
        self.fault.setText(f"\N{WARNING SIGN} {text}" if text else "")
        self.fault.setVisible(bool(text))
        description = f"{text} {self.editor.toolTip()}" if text else self.editor.toolTip()
        self.editor.setAccessibleDescription(description)

    def set_text(self, text: str) -> None:
        """Put a text in, as if the user had."""
        self.show_text(text)
        self.edited.emit(self.name, text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave undo and redo to the form, unless something is typed that it has not heard of."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and any(event.matches(key) for key in UNDO_KEYS)
            and self.text == self._shown
        ):
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _make_editor(self, name: str) -> QLineEdit | QComboBox:
        editor: QLineEdit | QComboBox
        if self._field.choices:
            editor = ChoiceBox(self)
            editor.addItems(list(self._field.choices))
            is_free = self._field.kind != FieldKind.CHOICE
            editor.setEditable(is_free)
            editor.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            editor.setMinimumContentsLength(LEAST_CHARACTERS)
            editor.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            line = editor.lineEdit()
            if line is not None:
                line.setAccessibleName(name)
            editor.activated.connect(self.commit)
        else:
            line = editor = QLineEdit(self)
            editor.setPlaceholderText(default_text(self._field.name))
            editor.setMinimumWidth(characters_wide(editor, LEAST_CHARACTERS))
        if line is not None:
            line.setAcceptDrops(False)  # the window takes files, wherever they are dropped
            line.editingFinished.connect(self.commit)
        editor.installEventFilter(self)
        editor.setAccessibleName(name)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        editor.setSizePolicy(policy)
        return editor

    def _arrange(self, name: str) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.editor, stretch=1)
        if self._field.kind in WITH_BROWSING:
            browse = QPushButton(icon("open"), "", self)
            browse.setAccessibleName(self.tr("Browse: {name}").format(name=name))
            browse.setToolTip(browse.accessibleName())
            browse.clicked.connect(self._browse)
            line.addWidget(browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(line)
        layout.addWidget(self.fault)
        self.setFocusProxy(self.editor)

    @Slot()
    def commit(self) -> None:
        """Say what was typed or chosen, where that is not known yet."""
        if self.text == self._shown:
            return
        self._shown = self.text
        editor = self.editor
        line = editor.lineEdit() if isinstance(editor, QComboBox) else editor
        if line is not None:
            place = line.cursorPosition()
            line.setText(line.text())  # forgets what was typed: from here on, the form undoes it
            line.setCursorPosition(place)
        self.edited.emit(self.name, self.text)

    @Slot()
    def _browse(self) -> None:
        path: Path | None = choose_path(self, PATH_KINDS[self.name])
        if path is not None:
            self.set_text(str(path))


class FaultLabel(WrappedLabel):
    """What is wrong with the whole, with a sign."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setForegroundRole(QPalette.ColorRole.WindowText)
        self.hide()

    def show_fault(self, text: str) -> None:
        """Show a fault; nothing where there is none."""
        self.setText(f"\N{WARNING SIGN} {text}" if text else "")
        self.setVisible(bool(text))


def _translated(text: str) -> str:
    return QCoreApplication.translate("fields", text)
