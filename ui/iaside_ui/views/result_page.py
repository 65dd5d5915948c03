"""A result: its score in a sentence, and everything behind it on tabs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from iaside_audit.paths import elided
from iaside_audit.report import null_sentence, score_sentence
from iaside_audit.report.summary import base_name
from iaside_ui.appearance import enlarge_font
from iaside_ui.state import ActionKey
from iaside_ui.state.breakdown import Breakdown
from iaside_ui.views.breakdown_panels import GroupsPanel, ImagesPanel, InteractionsPanel
from iaside_ui.views.buttons import action_button
from iaside_ui.views.importance_panel import ImportancePanel
from iaside_ui.views.origin_panel import OriginPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtGui import QAction

    from iaside_ui.state import OpenResult

NAME_CHARACTERS: Final = 48


class ResultPage(QWidget):
    """The sentences above, tabs below.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    resultChosen = Signal(int)  # place among the open results
    imageChosen = Signal(str)  # path of an image, as reports name it

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = QLabel(self)
        enlarge_font(self._sentence, 1.25)
        self._null = QLabel(self)
        for label in (self._sentence, self._null):
            label.setWordWrap(True)
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.meaning_button = QToolButton(self)
        self.meaning_button.setText(self.tr("What it &means"))
        self.meaning_button.setCheckable(True)
        self.meaning_button.setToolTip(self.tr("What the score predicts, and what it does not."))
        self._meaning = QLabel(self._meaning_text(), self)
        self._meaning.setWordWrap(True)
        self._meaning.hide()
        self.chooser = QComboBox(self)
        self.chooser.setAccessibleName(self.tr("Open results"))
        self.chooser.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.chooser.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.importance = ImportancePanel(self)
        self.origin = OriginPanel(self)
        self.tabs = QTabWidget(self)
        self.tabs.addTab(self.importance, self.tr("Importance"))
        self.interactions = InteractionsPanel(self)
        self.groups = GroupsPanel(self)
        self.images = ImagesPanel(self)
        self.tabs.addTab(self.interactions, self.tr("Interactions"))
        self.tabs.addTab(self.groups, self.tr("Classes"))
        self.tabs.addTab(self.images, self.tr("Images"))
        self.tabs.addTab(self.origin, self.tr("Warnings and provenance"))
        self._shown: OpenResult | None = None
        self._breakdown = Breakdown()
        self._fillers: dict[QWidget, Callable[[Breakdown], None]] = {
            self.interactions: self.interactions.show_breakdown,
            self.groups: self.groups.show_breakdown,
            self.images: self.images.show_breakdown,
            self.origin: self.origin.show_breakdown,
        }
        self._unfilled: set[QWidget] = set()
        self._arrange(actions)
        self.meaning_button.toggled.connect(self._meaning.setVisible)
        self.chooser.activated.connect(self._choose)
        self.images.imageChosen.connect(self.imageChosen)
        self.tabs.currentChanged.connect(self._fill)

    @property
    def model_name(self) -> str:
        """Of the result that is shown; empty for none."""
        return "" if self._shown is None else base_name(self._shown.result.model.path)

    @property
    def sentences(self) -> tuple[str, str]:
        """What is said of the score."""
        return self._sentence.text(), self._null.text()

    def show_results(self, results: Sequence[OpenResult], current: int) -> None:
        """Offer the open results, and show one of them."""
        self.chooser.clear()
        self.chooser.addItems([result_name(one) for one in results])
        self.chooser.setCurrentIndex(current)
        if not 0 <= current < len(results) or results[current] is self._shown:
            return
        opened = self._shown = results[current]
        self._sentence.setText(score_sentence(opened.result))
        self._null.setText(null_sentence(opened.result))
        self.importance.show_result(opened.result)
        self.origin.show_result(opened)
        n_warnings = len(opened.result.warnings) + int(opened.is_partial)
        title = self.tr("Provenance")
        if n_warnings:
            title = self.tr("Warnings ({n}) and provenance").format(n=n_warnings)
        self.tabs.setTabText(self.tabs.indexOf(self.origin), title)

    def show_breakdown(self, found: Breakdown) -> None:
        """Show who and where, and where the numbers come from: each tab once it is in view.

        To fill four tables and two plots at once takes longer than a frame.
        """
        self._breakdown = found
        self._unfilled = set(self._fillers)
        self._fill()

    def exported_widget(self) -> QWidget:
        """Return the plot or table of the tab that is shown."""
        widgets: dict[QWidget, QWidget] = {
            self.importance: self.importance.plot,
            self.interactions: self.interactions.table,
            self.groups: self.groups.table,
            self.images: self.images.table,
            self.origin: self.origin.fact_table,
        }
        return widgets[self.tabs.currentWidget()]

    def _arrange(self, actions: Mapping[ActionKey, QAction]) -> None:
        head = QHBoxLayout()
        head.addWidget(self.chooser, stretch=1)
        for key in (
            ActionKey.SAVE_RESULT,
            ActionKey.EXPORT_REPORT,
            ActionKey.CHECK_RESULT,
            ActionKey.INSPECT_BANDS,
            ActionKey.CLOSE_RESULT,
        ):
            head.addWidget(action_button(actions[key], self))
        line = QHBoxLayout()
        sentences = QVBoxLayout()
        sentences.addWidget(self._sentence)
        sentences.addWidget(self._null)
        line.addLayout(sentences, stretch=1)
        line.addWidget(self.meaning_button, alignment=Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addLayout(line)
        layout.addWidget(self._meaning)
        layout.addWidget(self.tabs, stretch=1)

    def _meaning_text(self) -> str:
        return self.tr(
            "The score says where in the spectrum this model finds what it needs: above 0 at low "
            "frequencies, below 0 at high ones. Natural perturbations such as noise, blur and "
            "compression harm high frequencies first. Where it was measured, over trainings of one "
            "architecture, a higher score went with less error added by corruption; it did not "
            "follow the error itself, and across architectures it says little beyond accuracy. It "
            "says nothing about attacks made for this model, about other domains, other "
            "preprocessing or classes that the images do not show, and compares only audits of "
            "the same bands, baseline and images. Measure corruptions to know their errors."
        )

    @Slot()
    def _fill(self) -> None:
        """Fill the tab in view, where it shows another result still."""
        panel = self.tabs.currentWidget()
        if panel in self._unfilled:
            self._unfilled.remove(panel)
            self._fillers[panel](self._breakdown)

    @Slot(int)
    def _choose(self, place: int) -> None:
        self.resultChosen.emit(place)


def result_name(opened: OpenResult) -> str:
    """Return what an open result is called in a list."""
    model = elided(Path(opened.result.model.path).name, NAME_CHARACTERS)
    if opened.path is None:
        pattern = (
            QCoreApplication.translate("ResultPage", "{model} (not saved)")
            if opened.asks_to_be_saved
            else QCoreApplication.translate("ResultPage", "{model} (new)")
        )
        return pattern.format(model=model)
    return f"{model} - {elided(str(opened.path), NAME_CHARACTERS)}"
