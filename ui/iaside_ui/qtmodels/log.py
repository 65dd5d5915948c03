"""The growing log of an audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from iaside_ui.icons import icon
from iaside_ui.qtmodels.rows import ROW_ROLE
from iaside_ui.state import Note, NoteKind

if TYPE_CHECKING:
    from collections.abc import Sequence

ICONS = {NoteKind.FACT: "information", NoteKind.WARNING: "warning", NoteKind.LEFT_OUT: "error"}


class LogModel(QAbstractListModel):
    """A list of notes that grows at its end, so that a view keeps its place and its selection."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notes: tuple[Note, ...] = ()

    def show_notes(self, notes: Sequence[Note]) -> None:
        """Show `notes`; where they continue those shown, only the new ones are added."""
        n_shown = len(self._notes)
        if tuple(notes[:n_shown]) != self._notes:
            self.beginResetModel()
            self._notes = tuple(notes)
            self.endResetModel()
        elif len(notes) > n_shown:
            self.beginInsertRows(QModelIndex(), n_shown, len(notes) - 1)
            self._notes = tuple(notes)
            self.endInsertRows()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's null index
        """Return the number of notes."""
        return 0 if parent.isValid() else len(self._notes)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return what one line shows, or None; its kind is said in words as well."""
        if not index.isValid():
            return None
        note = self._notes[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.ToolTipRole:
                return f"{self._prefix(note.kind)}{note.text}"
            case Qt.ItemDataRole.DecorationRole:
                return icon(ICONS[note.kind])
            case _:
                return note if role == ROW_ROLE else None

    def _prefix(self, kind: NoteKind) -> str:
        match kind:
            case NoteKind.FACT:
                return ""
            case NoteKind.WARNING:
                return self.tr("Warning: ")
            case NoteKind.LEFT_OUT:
                return self.tr("Left out: ")
