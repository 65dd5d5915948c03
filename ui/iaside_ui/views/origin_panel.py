"""What a reader of the numbers must know, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from iaside_ui.qtmodels import LogModel, fact_model
from iaside_ui.state import Note, NoteKind
from iaside_ui.views.tables import fit_columns, make_heading, make_list, make_table, span_groups

if TYPE_CHECKING:
    from iaside_ui.state import OpenResult
    from iaside_ui.state.breakdown import Breakdown


class OriginPanel(QWidget):
    """Warnings left, provenance right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._warnings = LogModel(self)
        self._facts = fact_model(self)
        self.warning_list = make_list(self._warnings, self.tr("Warnings and images left out"), self)
        self.fact_table = make_table(self._facts, self.tr("Provenance"), self)
        halves = QSplitter(Qt.Orientation.Horizontal, self)
        halves.setChildrenCollapsible(False)
        for heading, view in (
            (self.tr("&Warnings and images left out"), self.warning_list),
            (self.tr("&Provenance"), self.fact_table),
        ):
            panel = QWidget(self)
            column = QVBoxLayout(panel)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(make_heading(heading, view, panel))
            column.addWidget(view)
            halves.addWidget(panel)
        halves.setStretchFactor(0, 2)
        halves.setStretchFactor(1, 3)
        layout = QVBoxLayout(self)
        layout.addWidget(halves)

    def show_result(self, opened: OpenResult) -> None:
        """Show the warnings of another result."""
        self._warnings.show_notes(self._notes(opened))

    def show_breakdown(self, found: Breakdown) -> None:
        """Show where another result's numbers come from."""
        self._facts.show_rows(found.facts)
        fit_columns(self.fact_table)
        span_groups(self.fact_table, [fact.group for fact in found.facts])

    def _notes(self, opened: OpenResult) -> tuple[Note, ...]:
        """Return what a reader of the numbers must know."""
        notes = [
            Note(kind=NoteKind.WARNING, text=warning.message) for warning in opened.result.warnings
        ]
        if opened.is_partial:
            text = self.tr("The audit was cancelled: these numbers are over the images done.")
            notes.insert(0, Note(kind=NoteKind.WARNING, text=text))
        notes += [
            Note(kind=NoteKind.LEFT_OUT, text=f"{failed.path}: {failed.reason}")
            for failed in opened.result.data.failed
        ]
        return tuple(notes) or (Note(kind=NoteKind.FACT, text=self.tr("None.")),)
