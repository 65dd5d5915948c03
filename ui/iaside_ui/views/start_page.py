"""Ways in: large buttons, and the files used last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QModelIndex, Signal, Slot
from PySide6.QtWidgets import QCommandLinkButton, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from iaside_ui.actions import ACTIONS, translated
from iaside_ui.appearance import characters_wide, enlarge_font
from iaside_ui.qtmodels import ROW_ROLE, recent_model
from iaside_ui.state import ActionKey
from iaside_ui.views.tables import fit_columns, make_heading, make_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QAction

ENTRIES: Final = (
    ActionKey.TRY_DEMO,
    ActionKey.AUDIT_MODEL,
    ActionKey.OPEN_RESULT,
    ActionKey.INSPECT_BANDS,
)
WIDTH_CHARACTERS: Final = 92
RECENT_LINES: Final = 9


class StartPage(QWidget):
    """What the program is for, a large button for each way in, and recent files.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    recentChosen = Signal(object)  # a Path

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
        self.buttons = [_link_to(actions[key], key, self) for key in ENTRIES]
        hint = QLabel(
            self.tr(
                "Or drop a model (.onnx), a folder of images, settings (.toml) or a result (.json) "
                "anywhere in this window."
            ),
            self,
        )
        hint.setForegroundRole(hint.foregroundRole().PlaceholderText)
        hint.setWordWrap(True)
        self._recent = recent_model(self)
        self.recent_table = make_table(self._recent, self.tr("Recent files"), self)
        self.recent_table.setShowGrid(False)
        self.recent_table.horizontalHeader().hide()
        self.recent_table.setMaximumHeight(
            RECENT_LINES * round(1.5 * self.fontMetrics().lineSpacing())
        )
        self._heading = make_heading(self.tr("&Recent"), self.recent_table, self)
        space = self.fontMetrics().lineSpacing()
        middle = QWidget(self)
        middle.setMaximumWidth(characters_wide(self, WIDTH_CHARACTERS))
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(1)
        column.addWidget(title)
        column.addWidget(purpose)
        column.addSpacing(space)
        for button in self.buttons:
            column.addWidget(button)
        column.addSpacing(space)
        column.addWidget(hint)
        column.addSpacing(space)
        column.addWidget(self._heading)
        column.addWidget(self.recent_table, stretch=3)
        column.addStretch(1)
        layout = QHBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(middle, stretch=10)
        layout.addStretch(1)
        self.recent_table.activated.connect(self._choose)
        self.recent_table.clicked.connect(self._choose)
        self.show_recent(())

    def show_recent(self, paths: Sequence[Path]) -> None:
        """List the files used last; nothing where there are none."""
        self._recent.show_rows(tuple(paths))
        self.recent_table.setVisible(bool(paths))
        self._heading.setVisible(bool(paths))
        if paths:
            fit_columns(self.recent_table)

    @Slot(QModelIndex)
    def _choose(self, index: QModelIndex) -> None:
        path = index.data(ROW_ROLE)
        if isinstance(path, Path):
            self.recentChosen.emit(path)


def _link_to(action: QAction, key: ActionKey, parent: QWidget) -> QCommandLinkButton:
    """Return a large button that does what `action` does, while it can be done."""
    info = ACTIONS[key]
    button = QCommandLinkButton(translated(info.text), translated(info.tip), parent)
    button.setIcon(action.icon())
    button.setAccessibleName(translated(info.text).replace("&", ""))
    button.setAccessibleDescription(translated(info.tip))
    button.clicked.connect(action.trigger)
    action.enabledChanged.connect(button.setEnabled)
    return button
