"""Corruptions by severity, and everything about the one that is chosen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from iaside_audit.report import format_number, format_percent
from iaside_ui.appearance import enlarge_font
from iaside_ui.qtmodels.corruptions import (
    condition_title,
)
from iaside_ui.state.frequency import band_snr_panel
from iaside_ui.views.corruption_grid import CorruptionGridView
from iaside_ui.views.frequency_plot import FrequencyPlot
from iaside_ui.views.gapped import Gapped
from iaside_ui.views.image_view import ImageView
from iaside_ui.views.loss_plot import LossPlot

if TYPE_CHECKING:
    from iaside_audit.robustness.errors_by_corruption import Measure
    from iaside_audit.robustness.findings import ConditionPrediction
    from iaside_audit.robustness.snr import SnrResult
    from iaside_ui.state.robustness import RobustnessState

ROW_LINES: Final = 1.35
MAX_ROW_LINES: Final = 3
FRAME_WIDTH: Final = 3.0
SHARES: Final = (2, 3)
SHARE_UNIT: Final = 1000


class CorruptionPanel(QWidget):
    """Left the grid, right the chosen condition: picture, SNR, and predicted against measured."""

    conditionChosen = Signal(object)  # (corruption, severity)
    placeChosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_showing = False
        self._result: SnrResult | None = None
        self._prediction: ConditionPrediction | None = None
        self.grid = CorruptionGridView(self)
        self._title = QLabel(self)
        enlarge_font(self._title, 1.15)
        self.clean = ImageView(self.tr("The clean image"), self, height_share=0)
        self.corrupted = ImageView(self.tr("The corrupted image"), self, height_share=0)
        self._place = QSpinBox(self)
        self._place.setAccessibleName(self.tr("Number of the image"))
        self._place.lineEdit().setAccessibleName(self._place.accessibleName())
        self._place.setKeyboardTracking(False)
        self._captions = (QLabel(self), QLabel(self))
        self.snr_gap = Gapped(self._make_snr, self)
        self.loss_gap = Gapped(LossPlot, self)
        # Both at once: the pictures above must not shrink when there is something to show here.
        self.snr, self.losses = self.snr_gap.content, self.loss_gap.content
        self._sentence = QLabel(self)
        self._sentence.setWordWrap(True)
        self._arrange()
        self.grid.conditionChosen.connect(self.conditionChosen)
        self._place.valueChanged.connect(self._choose_place)
        self.losses.conditionChosen.connect(self.conditionChosen)

    @property
    def title(self) -> str:
        """The chosen condition, in words."""
        return self._title.text()

    @property
    def sentence(self) -> str:
        """Predicted against measured loss, in words."""
        return self._sentence.text()

    @property
    def captions(self) -> tuple[str, str]:
        """What is said of the two pictures."""
        return self._captions[0].text(), self._captions[1].text()

    def show_state(self, state: RobustnessState) -> None:
        """Show one snapshot."""
        self._is_showing = True
        self.grid.show_state(state)
        condition = state.condition
        self._title.setText("" if condition is None else condition_title(*condition))
        self._show_pair(state)
        self._show_spectrum(state)
        self._show_prediction(state)
        self._is_showing = False

    def _show_pair(self, state: RobustnessState) -> None:
        pair = state.pair
        n_images = 1 if pair is None else pair.n_images
        self._place.setRange(1, max(n_images, state.place + 1))
        self._place.setValue(state.place + 1)
        self._place.setSuffix(self.tr(" of {n}").format(n=n_images) if pair else "")
        self._place.setEnabled(pair is not None)
        is_current = (
            pair is not None and pair.condition == state.condition and pair.place == state.place
        )
        self.clean.show_pixels(None if pair is None else pair.clean)
        self.corrupted.show_pixels(None if pair is None else pair.corrupted)
        self.corrupted.set_dimmed(pair is not None and not is_current)
        clean, corrupted = self.tr("Clean"), self.tr("Corrupted")
        answers, finding = state.answers, state.corruption
        if pair is not None:
            self.clean.setToolTip(pair.path)
            self.corrupted.setToolTip(pair.path)
        if is_current and pair is not None and answers is not None and finding is not None:
            place = answers.paths.index(pair.path)
            column = finding.request.conditions.index(pair.condition)
            clean = self._caption(
                clean, float(answers.clean_p[place]), bool(answers.clean_is_right[place])
            )
            corrupted = self._caption(
                corrupted, float(answers.p[place, column]), bool(answers.is_right[place, column])
            )
        for label, text in zip(self._captions, (clean, corrupted), strict=True):
            label.setText(text)

    def _caption(self, what: str, p: float, is_right: bool) -> str:  # noqa: FBT001 - one word
        how = self.tr("right") if is_right else self.tr("wrong")
        return self.tr("{what}: {how}, p(label) {p}").format(
            what=what, how=how, p=format_percent(p)
        )

    def _show_spectrum(self, state: RobustnessState) -> None:
        result = state.snr_of(state.condition)
        if result is not self._result:
            self._result = result
            confidence = math.nan
            if state.snr is not None:
                confidence = state.snr.origin.confidence
                self.snr.show_axis(state.snr.results[0].edges, state.snr.origin.norm)
            self.snr.show_panel(band_snr_panel(result, confidence=confidence))
        gap = ""
        if result is None and state.live is not None:
            gap = self.tr("The SNR of the chosen corruption appears here at the end.")
        elif result is None:
            gap = self.tr("No SNR of this condition: tick SNR above and measure.")
        self.snr_gap.show_gap(gap)

    def _show_prediction(self, state: RobustnessState) -> None:
        predictions, prediction = state.predictions, state.prediction
        if prediction is not self._prediction:
            self._prediction = prediction
            self.losses.show_predictions(predictions, prediction)
        self.loss_gap.show_gap("" if predictions else self._prediction_gap(state))
        if prediction is None:
            self._sentence.setText("")
            return
        said = self.tr("Additive prediction of the loss {loss} nats").format(
            loss=_with_ends(prediction.predicted)
        )
        if math.isfinite(prediction.measured.value):
            said += self.tr(", measured {loss}, difference {difference}").format(
                loss=_with_ends(prediction.measured),
                difference=format_number(prediction.difference, 2),
            )
        said += self.tr("; {clean} without corruption, {midpoint} predicted without a spectrum. ")
        said = said.format(
            clean=format_number(prediction.clean, 2),
            midpoint=format_number(prediction.midpoint, 2),
        )
        title = condition_title(prediction.corruption, prediction.severity)
        carried = prediction.sentence.removeprefix(f"{title}: ")
        self._sentence.setText(f"{said}{carried[:1].upper()}{carried[1:]}.")

    def _prediction_gap(self, state: RobustnessState) -> str:
        held = state.held_gap
        if held:
            return self.tr("No prediction. {reason}").format(reason=held)
        if state.live is not None:
            return self.tr("Predicted against measured loss appears here at the end.")
        return self.tr(
            "No predicted loss: it needs the result of an audit. Open or make one, then measure."
        )

    def _arrange(self) -> None:
        self._place.setMinimum(1)
        columns = QSplitter(Qt.Orientation.Horizontal, self)
        columns.setChildrenCollapsible(False)
        columns.addWidget(self.grid)
        columns.addWidget(self._detail())
        for place, share in enumerate(SHARES):
            columns.setStretchFactor(place, share)
        columns.setSizes([SHARE_UNIT * share for share in SHARES])
        layout = QVBoxLayout(self)
        layout.addWidget(columns)

    def _make_snr(self, parent: QWidget) -> FrequencyPlot:
        return FrequencyPlot(
            name=self.tr("SNR of this corruption"), y_label=self.tr("SNR (dB)"), parent=parent
        )

    def _detail(self) -> QWidget:
        detail = QWidget(self)
        head = QHBoxLayout()
        head.addWidget(self._title, stretch=1)
        label = QLabel(self.tr("Ima&ge"), self)
        label.setBuddy(self._place)
        head.addWidget(label)
        head.addWidget(self._place)
        pictures = QGridLayout()
        for column, (caption, view) in enumerate(
            zip(self._captions, (self.clean, self.corrupted), strict=True)
        ):
            pictures.addWidget(caption, 0, column)
            pictures.addWidget(view, 1, column)
            pictures.setColumnStretch(column, 1)
        pictures.setRowStretch(1, 1)
        plots = QHBoxLayout()
        plots.addWidget(self.snr_gap, stretch=1)
        plots.addWidget(self.loss_gap, stretch=1)
        layout = QVBoxLayout(detail)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addLayout(pictures, stretch=1)
        layout.addLayout(plots, stretch=1)
        layout.addWidget(self._sentence)
        return detail

    @Slot(int)
    def _choose_place(self, number: int) -> None:
        if not self._is_showing:
            self.placeChosen.emit(number - 1)


def _with_ends(measure: Measure) -> str:
    low, high = (format_number(one, 2) for one in measure.interval)
    return f"{format_number(measure.value, 2)} [{low}, {high}]"
