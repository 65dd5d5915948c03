"""Measured robustness: what to run and its cost above, what was found on tabs below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from iaside_audit.paths import elided
from iaside_audit.report import rough_duration
from iaside_audit.robustness.requests import SEVERITIES
from iaside_ui.appearance import enlarge_font
from iaside_ui.state import ActionKey
from iaside_ui.state.measuring import Choice, Kind, cost_of
from iaside_ui.state.robustness import RobustnessState
from iaside_ui.views.buttons import action_button
from iaside_ui.views.corruption_panel import CorruptionPanel
from iaside_ui.views.frequency_panel import FrequencyPanel
from iaside_ui.views.gapped import Gapped
from iaside_ui.views.heatmap_panel import HeatmapPanel
from iaside_ui.views.progress import progress_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction

    from iaside_ui.state.measuring import Target

MAX_IMAGES: Final = 1_000_000
MIN_IMAGES: Final = 2
NAME_CHARACTERS: Final = 40
SEVERITY_CHOICES: Final = (SEVERITIES, (1, 3, 5), (3,))


class RobustnessPage(QWidget):
    """Choices and progress above; corruptions, the frequency axis and the heat map on tabs.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    choiceMade = Signal(object)  # a Choice
    conditionChosen = Signal(object)  # (corruption, severity)
    quantityChosen = Signal(object)  # a GridQuantity
    placeChosen = Signal(int)

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_showing = False
        self._shown = RobustnessState()
        self._drawn = _spectra(self._shown)
        self._title = QLabel(self.tr("Measured robustness"), self)
        enlarge_font(self._title, 1.25)
        self._target = QLabel(self)
        self._target.setWordWrap(True)
        self._target.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.boxes = {
            Kind.CORRUPTION: QCheckBox(self.tr("Corrup&tions"), self),
            Kind.SNR: QCheckBox(self.tr("S&NR"), self),
            Kind.PASSBAND: QCheckBox(self.tr("Pass &bands"), self),
            Kind.HEATMAP: QCheckBox(self.tr("Heat ma&p"), self),
        }
        self.severities = QComboBox(self)
        self.severities.setAccessibleName(self.tr("Severities of the corruptions"))
        for levels in SEVERITY_CHOICES:
            self.severities.addItem(_levels_text(levels), levels)
        self.n_images = QSpinBox(self)
        self.n_images.setAccessibleName(self.tr("How many images"))
        self.n_images.lineEdit().setAccessibleName(self.n_images.accessibleName())
        self.n_images.setRange(MIN_IMAGES, MAX_IMAGES)
        self.n_images.setKeyboardTracking(False)
        self._cost = QLabel(self)
        self._progress = QProgressBar(self)
        self._cost.setMinimumHeight(self._progress.sizeHint().height())
        self._progress.setAccessibleName(self.tr("Progress of the measurement"))
        self._progress.hide()
        self.corruption_gap = Gapped(self._make_corruptions, self)
        self.frequency = FrequencyPanel(self)
        self.heatmap_gap = Gapped(HeatmapPanel, self)
        self.tabs = QTabWidget(self)
        self.tabs.addTab(self.corruption_gap, self.tr("Corruptions"))
        self.tabs.addTab(self.frequency, self.tr("On one frequency axis"))
        self.tabs.addTab(self.heatmap_gap, self.tr("Fourier heat map"))
        self._explain()
        self._arrange(actions)
        self.frequency.show_state(self._shown)
        for box in self.boxes.values():
            box.toggled.connect(self._choose)
        self.severities.activated.connect(self._choose)
        self.n_images.valueChanged.connect(self._choose)
        self.tabs.currentChanged.connect(self._show_frequencies)
        self.frequency.conditionChosen.connect(self.conditionChosen)

    @property
    def corruptions(self) -> CorruptionPanel:
        """The first tab, made now if need be."""
        return self.corruption_gap.content

    @property
    def heatmap(self) -> HeatmapPanel:
        """The last tab, likewise."""
        return self.heatmap_gap.content

    @property
    def model_name(self) -> str:
        """Of the measurements that are shown; empty where they are of several."""
        names = {one.finding.origin.model for one in self._shown.held.values()} - {""}
        return names.pop() if len(names) == 1 else ""

    @property
    def cost_text(self) -> str:
        """What the choice takes."""
        return self._cost.text()

    @property
    def progress_text(self) -> str:
        """How far it is; empty while nothing is measured."""
        return "" if self._progress.isHidden() else self._progress.text()

    @property
    def target_text(self) -> str:
        """What is measured on."""
        return self._target.text()

    def show_state(self, state: RobustnessState) -> None:
        """Show one snapshot."""
        self._is_showing = True
        before, self._shown = self._shown, state
        self._show_target(state)
        self._show_choice(state)
        self._show_run(state)
        is_known = state.corruption is not None or state.live is not None
        if self.corruption_gap.is_made:
            self.corruptions.show_state(state)
        self.corruption_gap.show_gap("" if is_known else self._corruption_gap(state))
        self._show_frequencies()
        if before.heatmap is not state.heatmap and (state.heatmap or self.heatmap_gap.is_made):
            self.heatmap.show_finding(state.heatmap)
        self.heatmap_gap.show_gap(
            self.tr("No Fourier heat map yet: tick it above and measure, or open one.")
            if state.heatmap is None
            else ""
        )
        self._is_showing = False

    @Slot()
    def _show_frequencies(self) -> None:
        """Draw the frequency axis when it is in view, and only for other numbers."""
        wanted = _spectra(self._shown)
        if self.tabs.currentWidget() is self.frequency and wanted != self._drawn:
            self._drawn = wanted
            self.frequency.show_state(self._shown)

    def show_run(self, state: RobustnessState) -> None:
        """Show only how far it is: this comes thirty times a second."""
        self._show_run(state)

    def reveal(self) -> None:
        """Go to a tab that has something to show, if the one in view has not."""
        state = self._shown
        known = (
            state.corruption is not None,
            state.snr is not None or state.passband is not None,
            state.heatmap is not None,
        )
        if any(known) and not known[self.tabs.currentIndex()]:
            self.tabs.setCurrentIndex(known.index(True))

    def exported_widget(self) -> QWidget:
        """Return what the tab in view is about."""
        match self.tabs.currentIndex():
            case 0:
                return self.corruptions.grid
            case 1:
                return self.frequency.stack
            case _:
                return self.heatmap.plot

    def _show_target(self, state: RobustnessState) -> None:
        target = state.target
        if target is None:
            self._target.setText("")
            return
        model, images = target.spec.model, target.spec.images
        if target.audit is None:
            said = self.tr("{model} on the images of {images}; no result is open")
        else:
            said = self.tr("{model} on the images of {images}, as in the open result")
        others = self._others(state, target)
        shown = self.tr("shown: {others}; to measure: ").format(others=others) if others else ""
        self._target.setText(
            shown + said.format(model=elided(model.name, NAME_CHARACTERS), images=_folder(images))
        )
        self._target.setToolTip(shown + said.format(model=model, images=images))

    def _others(self, state: RobustnessState, target: Target) -> str:
        """Return of what the measurements are, where it is not what would be measured now."""
        spec, found = target.spec, set()
        for origin in (one.finding.origin for one in state.held.values()):
            model, images = Path(origin.model), Path(origin.images)
            is_same_model = not origin.model or model.stem == spec.model.stem
            if is_same_model and images.absolute() == spec.images.absolute():
                continue
            pattern = (  # an SNR needs no model
                self.tr("{model} on the images of {images}")
                if origin.model
                else self.tr("the images of {images}")
            )
            name = elided(model.stem, NAME_CHARACTERS)
            found.add(pattern.format(model=name, images=_folder(images)))
        return ", ".join(sorted(found))

    def _show_choice(self, state: RobustnessState) -> None:
        choice = state.choice
        is_idle = state.run is None
        for kind, box in self.boxes.items():
            box.setChecked(kind in choice.kinds)
            box.setEnabled(is_idle)
        # The spectra come with the corruptions at no cost of the model.
        self.boxes[Kind.SNR].setEnabled(is_idle and Kind.CORRUPTION not in choice.kinds)
        # Not findData: Qt compares what is no type of its own by identity.
        known = choice.severities in SEVERITY_CHOICES
        place = SEVERITY_CHOICES.index(choice.severities) if known else 0
        self.severities.setCurrentIndex(place)
        self.severities.setEnabled(is_idle and bool(choice.kinds & {Kind.CORRUPTION, Kind.SNR}))
        available = None if state.target is None else state.target.n_available
        self.n_images.setMaximum(max(MIN_IMAGES, available or MAX_IMAGES))
        self.n_images.setSuffix(
            self.tr(" of {n}").format(n=available) if available is not None else ""
        )
        self.n_images.setValue(choice.n_images)
        self.n_images.setEnabled(is_idle)

    def _show_run(self, state: RobustnessState) -> None:
        run = state.run
        self._progress.setVisible(run is not None)
        self._cost.setVisible(run is None)
        if run is None:
            self._cost.setText(self._cost_sentence(state))
            return
        self._progress.setRange(0, max(1, run.n_total))  # a bar without an end would hide its text
        self._progress.setValue(run.n_done if run.n_total else 0)
        said = ": ".join(one for one in (run.name, progress_sentence(run)) if one)
        if state.later_s and run.remaining_s and not run.is_cancelling:
            whole = rough_duration(run.remaining_s + state.later_s)
            said += self.tr(" (about {time} for everything)").format(time=whole)
        self._progress.setFormat(said)

    def _cost_sentence(self, state: RobustnessState) -> str:
        if state.target is None:
            return ""
        cost = cost_of(state.choice, state.target)
        if not cost.by_request:
            return self.tr("Tick what to measure.")
        if state.is_waiting:
            return self.tr("An audit is running: measure once it has ended.")
        said = self.tr("{n} images x {each} = {all} evaluations").format(
            n=cost.n_images,
            each=sum(n for _, n in cost.by_request),
            all=f"{cost.n_evaluations:,}",
        )
        if cost.remaining_s is not None:
            said += self.tr(", about {time}").format(time=rough_duration(cost.remaining_s))
        return said + "."

    def _corruption_gap(self, state: RobustnessState) -> str:
        if state.run is not None and Kind.CORRUPTION in state.choice.kinds:
            return self.tr("The grid fills once the first images are measured.")
        return self.tr(
            "No corruptions measured yet. Tick what to measure above and start; or open "
            "corruption.json of the command line. Each cell of the grid will then show the error "
            "under one corruption at one severity, and choosing it the image itself."
        )

    def _explain(self) -> None:
        tips = {
            Kind.CORRUPTION: self.tr(
                "Top-1 error and loss under the fifteen corruptions of ImageNet-C, with the "
                "losses that the open result predicts."
            ),
            Kind.SNR: self.tr(
                "How much signal each corruption leaves at every frequency; comes with the "
                "corruptions, and alone needs the model only once an image."
            ),
            Kind.PASSBAND: self.tr(
                "Accuracy on what lies below or above a cut-off, and with noise in one band."
            ),
            Kind.HEATMAP: self.tr("Error with one spatial frequency added, for each frequency."),
        }
        for kind, box in self.boxes.items():
            box.setToolTip(tips[kind])
            box.setAccessibleDescription(tips[kind])

    def _arrange(self, actions: Mapping[ActionKey, QAction]) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addWidget(self._target, stretch=1)
        for key in (ActionKey.OPEN_MEASUREMENTS, ActionKey.SAVE_MEASUREMENTS):
            head.addWidget(action_button(actions[key], self))
        choices = QHBoxLayout()
        choices.addWidget(self.boxes[Kind.CORRUPTION])
        choices.addWidget(self.severities)
        for kind in (Kind.SNR, Kind.PASSBAND, Kind.HEATMAP):
            choices.addWidget(self.boxes[kind])
        label = QLabel(self.tr("Image&s"), self)
        label.setBuddy(self.n_images)
        choices.addWidget(label)
        choices.addWidget(self.n_images)
        choices.addWidget(action_button(actions[ActionKey.MEASURE], self))
        choices.addWidget(action_button(actions[ActionKey.STOP_MEASURING], self))
        choices.addStretch(1)
        below = QHBoxLayout()  # one or the other, so that nothing moves when measuring starts
        below.addWidget(self._cost, stretch=1)
        below.addWidget(self._progress, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addLayout(choices)
        layout.addLayout(below)
        layout.addWidget(self.tabs, stretch=1)

    def _make_corruptions(self, parent: QWidget) -> CorruptionPanel:
        panel = CorruptionPanel(parent)
        panel.conditionChosen.connect(self.conditionChosen)
        panel.grid.quantityChosen.connect(self.quantityChosen)
        panel.placeChosen.connect(self.placeChosen)
        panel.show_state(self._shown)
        return panel

    @Slot()
    def _choose(self) -> None:
        if self._is_showing:
            return
        kinds = {kind for kind, box in self.boxes.items() if box.isChecked()}
        if Kind.CORRUPTION in kinds:
            kinds.add(Kind.SNR)
        choice = Choice(
            kinds=frozenset(kinds),
            n_images=self.n_images.value(),
            severities=tuple(self.severities.currentData()),
        )
        self.choiceMade.emit(choice)


def _spectra(state: RobustnessState) -> tuple[object, ...]:
    """Return what the plots over frequency show; findings are compared by identity."""
    return state.snr, state.passband, state.heatmap, state.condition, state.audit


def _folder(images: Path) -> str:
    """Return how a folder of images is called where there is little room."""
    return elided(str(Path(*images.parts[-2:])), NAME_CHARACTERS)


def _levels_text(levels: tuple[int, ...]) -> str:
    if levels == SEVERITIES:
        return "1-5"
    return ", ".join(str(level) for level in levels)
