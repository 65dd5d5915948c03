"""A result, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from iaside_audit.report import (
    format_percent,
    importance_rows,
    null_sentence,
    score_rows,
    score_sentence,
)
from iaside_ui.appearance import enlarge_font
from iaside_ui.qtmodels import LogModel, band_model, fact_model, score_model
from iaside_ui.state import ActionKey, Note, NoteKind, provenance
from iaside_ui.views.importance_plot import ImportancePlot
from iaside_ui.views.run_page import action_button
from iaside_ui.views.tables import (
    fit_columns,
    fit_to_rows,
    make_heading,
    make_list,
    make_table,
    span_groups,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction

    from iaside_audit.result import AuditResult
    from iaside_ui.state import OpenResult


class ResultPage(QWidget):
    """The score in a sentence, the bands as bars and numbers; beside them scores and origin.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = QLabel(self)
        enlarge_font(self._sentence, 1.3)
        self._null = QLabel(self)
        for label in (self._sentence, self._null):
            label.setWordWrap(True)
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self._caption = QLabel(self)
        self._caption.setWordWrap(True)
        self.plot = ImportancePlot(self)
        self._bands = band_model(self)
        self._scores = score_model(self)
        self._facts = fact_model(self)
        self._warnings = LogModel(self)
        self.band_table = make_table(self._bands, self.tr("Bands"), self)
        self.score_table = make_table(self._scores, self.tr("Scores"), self)
        self.fact_table = make_table(self._facts, self.tr("Provenance"), self)
        self.warning_list = make_list(self._warnings, self.tr("Warnings and images left out"), self)
        self._arrange(actions)

    def _arrange(self, actions: Mapping[ActionKey, QAction]) -> None:
        sentences = QVBoxLayout()
        sentences.addWidget(self._sentence)
        sentences.addWidget(self._null)
        head = QHBoxLayout()
        head.addLayout(sentences, stretch=1)
        for key in (ActionKey.SAVE_RESULT, ActionKey.EXPORT_REPORT):
            button = action_button(actions[key], self)
            head.addWidget(button, alignment=Qt.AlignmentFlag.AlignTop)
        left, right = QWidget(self), QWidget(self)
        numbers = QVBoxLayout(left)
        numbers.setContentsMargins(0, 0, 0, 0)
        numbers.addWidget(self._caption)
        numbers.addWidget(self.plot, stretch=3)
        numbers.addWidget(make_heading(self.tr("&Bands"), self.band_table, self))
        numbers.addWidget(self.band_table, stretch=2)
        origin = QVBoxLayout(right)
        origin.setContentsMargins(0, 0, 0, 0)
        for heading, view, stretch in (
            (self.tr("S&cores"), self.score_table, 0),
            (self.tr("&Warnings and images left out"), self.warning_list, 1),
            (self.tr("&Provenance"), self.fact_table, 3),
        ):
            origin.addWidget(make_heading(heading, view, self))
            origin.addWidget(view, stretch=stretch)
        columns = QSplitter(Qt.Orientation.Horizontal, self)
        columns.setChildrenCollapsible(False)
        columns.addWidget(left)
        columns.addWidget(right)
        columns.setStretchFactor(0, 3)
        columns.setStretchFactor(1, 2)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(columns, stretch=1)

    @property
    def sentences(self) -> tuple[str, str]:
        """What is said of the score."""
        return self._sentence.text(), self._null.text()

    def show_result(self, opened: OpenResult) -> None:
        """Show a result."""
        result = opened.result
        self._sentence.setText(score_sentence(result))
        self._null.setText(null_sentence(result))
        self._caption.setText(self._caption_of(result))
        self.plot.show_bands(result.bands)
        self._bands.show_rows(importance_rows(result))
        self._scores.show_rows(score_rows(result))
        facts = provenance(result)
        self._facts.show_rows(facts)
        self._warnings.show_notes(self._notes(opened))
        for table in (self.band_table, self.score_table):
            fit_to_rows(table)
        fit_columns(self.fact_table)
        span_groups(self.fact_table, [fact.group for fact in facts])

    def _caption_of(self, result: AuditResult) -> str:
        caption = self.tr(
            "Importance of the bands (images: {n}); whiskers: {confidence} intervals"
        ).format(n=result.estimator.n_images, confidence=format_percent(result.spec.confidence))
        if any(band.at_boundary for band in result.bands):
            caption += self.tr("; hatched: the lowest band, or not told from it")
        return caption

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
