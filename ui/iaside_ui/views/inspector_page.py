"""The band inspector: one image, any coalition of its bands, and what the model says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QSpinBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from iaside_audit.choices import Range
from iaside_audit.report import format_percent
from iaside_ui.appearance import enlarge_font
from iaside_ui.qtmodels import plain_tip, share_model
from iaside_ui.state import ActionKey
from iaside_ui.state.inspection import coalition_text
from iaside_ui.views.band_tiles import BandTiles
from iaside_ui.views.buttons import action_button
from iaside_ui.views.cut_settings import CutSettings
from iaside_ui.views.image_view import ColourBar, ImageView, SpectrumView
from iaside_ui.views.sweep_plot import ImagePlots
from iaside_ui.views.tables import ShareDelegate, make_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction

    from iaside_audit.auditing.inspector.exploration import View
    from iaside_ui.state import InspectorState

PRESET_ACTIONS: Final = (
    ActionKey.BANDS_UP_TO,
    ActionKey.BANDS_FROM,
    ActionKey.ONLY_BAND,
    ActionKey.WITHOUT_BAND,
)
WHOLE_ACTIONS: Final = (ActionKey.ALL_BANDS, ActionKey.NO_BANDS)
ANSWER_LINES: Final = 5
COLUMN_SHARES: Final = (4, 6, 3)
SHARE_UNIT: Final = 1000
"""The splitter divides what there is in these proportions."""


class InspectorPage(QWidget):
    """Left the composed image and the answer, in the middle the bands, right the plots.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    codeChosen = Signal(int)
    settingsChosen = Signal(object)  # a dict of fields of AuditSpec
    placeChosen = Signal(int)

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_showing = False
        self._model_name = ""
        self._view: View | None = None
        self._title = QLabel(self)
        enlarge_font(self._title, 1.2)
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._stage = QProgressBar(self)
        self._stage.setAccessibleName(self.tr("What the inspector is doing"))
        self._place = QSpinBox(self)
        self._place.setAccessibleName(self.tr("Number of the image"))
        self._place.setKeyboardTracking(False)
        self._place.lineEdit().setAccessibleName(self._place.accessibleName())
        self.cut = CutSettings(self)
        self._band = QSpinBox(self)
        self._band.setAccessibleName(self.tr("Band of the presets"))
        self._band.lineEdit().setAccessibleName(self._band.accessibleName())
        name = self.tr("The image as the model's input sees it")
        self.original = ImageView(name, self, height_share=0)
        self.composed = ImageView(self.tr("The composed image"), self, height_share=0)
        self._coalition = QLabel(self)
        self._coalition.setWordWrap(True)
        self._answers = share_model(self)
        self.answer_table = make_table(self._answers, self.tr("Best five classes"), self)
        self.answer_table.setItemDelegateForColumn(1, ShareDelegate(self))
        self._flips = QLabel(self)
        self._flips.setWordWrap(True)
        for label in (self._title, self._coalition, self._flips):
            label.setTextFormat(Qt.TextFormat.PlainText)  # names of images and classes
        self.tiles = BandTiles(self)
        self.plots = ImagePlots(self)
        self.spectrum = SpectrumView(self.tr("Spectrum with the edges of the bands"), self.plots)
        self._power = ColourBar(self.tr("log10 power"), self.plots)
        self.shapley = self.plots.shapley
        self.sweeps = self.plots.sweeps
        self._arrange(actions)
        self._connect()

    @property
    def model_name(self) -> str:
        """Of the model that is asked; empty for none."""
        return self._model_name

    @property
    def band(self) -> int:
        """The band that the presets are about."""
        return self._band.value()

    @property
    def answers(self) -> tuple[str, ...]:
        """The classes shown, the best first."""
        model = self._answers
        return tuple(str(model.index(row, 0).data()) for row in range(model.rowCount()))

    @property
    def flip_text(self) -> str:
        """Where the prediction changes, in words."""
        return self._flips.text()

    def show_state(self, state: InspectorState) -> None:
        """Show one snapshot."""
        self._is_showing = True
        self._model_name = "" if state.opened is None else state.opened.spec.model.name
        self._title.setText(self._title_of(state))
        self._title.setToolTip(plain_tip(self._title.text()))
        self._stage.setVisible(bool(state.stage))
        self._stage.setFormat(state.stage)
        self._place.setRange(1, max(1, state.n_images))
        self._place.setSuffix(self.tr(" of {n}").format(n=state.n_images))
        self._place.setEnabled(state.subject is not None)
        self.cut.setEnabled(state.subject is not None)
        self._show_settings(state)
        self._show_view(state)
        self._show_answer(state)
        self._show_explanation(state)
        self._is_showing = False

    def _show_settings(self, state: InspectorState) -> None:
        subject = state.subject
        if subject is None:
            return
        self._place.setValue(subject.place + 1)
        self._band.setRange(0, subject.spec.bands - 1)
        self.cut.show_spec(subject.spec)

    def _show_view(self, state: InspectorState) -> None:
        shown = state.shown
        if shown is None:
            return
        view = shown.view
        is_other = self._view is not view
        self._view = view
        if is_other:
            self.original.show_pixels(shown.image.pixels)
            self.tiles.show_bands(shown.bands, view.edges)
            self.spectrum.show_spectrum(shown.spectrum, view.edges, view.subject.spec.norm)
            low, high = shown.power_ends
            self._power.show_ends(f"{low:.1f}", f"{high:.1f}")
        if len(shown.bands) == state.n_bands:
            self.tiles.show_coalition(state.code)
            self.spectrum.show_coalition(state.code)

    def _show_answer(self, state: InspectorState) -> None:
        """Show the composed image and what the model says of it; nothing before it is known."""
        composed = state.composed
        if composed is None:
            self._coalition.setText("")
            return
        composition = composed.composition
        self.composed.show_pixels(composed.picture.pixels)
        self._answers.show_rows(state.shares(composition.top))
        text = coalition_text(composition.code, state.n_bands)
        note = self.tr("Shown: {bands}.").format(bands=text)
        if composition.outside > 0.0005:  # noqa: PLR2004 - rounds to 0.0 %
            what = (
                self.tr("clipped")
                if composition.subject.spec.range == Range.CLIP
                else self.tr("not clipped")
            )
            note += self.tr(" {share} of the pixels lie outside 0 to 1, {what}.").format(
                share=format_percent(composition.outside, 1), what=what
            )
        if not composition.code & 1 and composition.code:
            note += self.tr(" Without band 0: shown around grey.")
        self._coalition.setText(note)

    def _show_explanation(self, state: InspectorState) -> None:
        known = state.explanation
        subject = state.subject
        if subject is None:
            return
        unit = state.unit
        values = None if known is None else known.shapley
        self.shapley.show_values(values, state.n_bands, unit)
        if state.shown is not None and len(state.shown.bands) == state.n_bands:
            self.tiles.show_shapley(values, unit)
        if known is None:
            self.sweeps.show_sweeps(None, None)
            self._flips.setText("")
            return
        self.sweeps.show_sweeps(known.low_pass, known.high_pass)
        sentences = list(state.flip_sentences())
        if known.n_done < known.n_total:
            sentences.append(
                self.tr("Measuring: {n} of {total} coalitions.").format(
                    n=known.n_done, total=known.n_total
                )
            )
        elif not known.is_exact:
            sentences.append(self.tr("Shapley values from random orders: estimates."))
        self._flips.setText("\n".join(sentences))

    def _title_of(self, state: InspectorState) -> str:
        if state.opened is None:
            return self.tr("Band inspector")
        name = state.opened.spec.model.name
        if state.shown is None:
            return name
        view = state.shown.view
        label = state.class_name(view.label)
        whose = self.tr("the model's answer") if view.label_is_own else self.tr("label")
        return f"{view.record.path} ({whose}: {label}) - {name}"

    def _arrange(self, actions: Mapping[ActionKey, QAction]) -> None:
        self._stage.setRange(0, 0)
        self._stage.hide()
        head = QHBoxLayout()
        head.addWidget(self._title, stretch=1)
        head.addWidget(self._stage)
        head.addWidget(action_button(actions[ActionKey.INSPECT_OTHERS], self))
        head.addWidget(action_button(actions[ActionKey.PREVIOUS_IMAGE], self, has_text=False))
        head.addWidget(self._place)
        head.addWidget(action_button(actions[ActionKey.NEXT_IMAGE], self, has_text=False))
        columns = QSplitter(Qt.Orientation.Horizontal, self)
        columns.setChildrenCollapsible(False)
        for panel in (self._answer(), self._bands(actions), self._plots()):
            columns.addWidget(panel)
            columns.setStretchFactor(columns.count() - 1, COLUMN_SHARES[columns.count() - 1])
        columns.setSizes([SHARE_UNIT * share for share in COLUMN_SHARES])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(self.cut)
        layout.addWidget(columns, stretch=1)

    def _answer(self) -> QWidget:
        panel = QWidget(self)
        pictures = QVBoxLayout()
        for text, view, stretch in (
            (self.tr("Composed"), self.composed, 3),
            (self.tr("Original"), self.original, 1),
        ):
            pictures.addWidget(QLabel(text, self))
            pictures.addWidget(view, stretch=stretch)
        line = round(1.35 * self.fontMetrics().lineSpacing())
        self.answer_table.verticalHeader().setDefaultSectionSize(line)
        header = self.answer_table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        frame = 2 * self.answer_table.frameWidth()
        self.answer_table.setFixedHeight(ANSWER_LINES * line + header.sizeHint().height() + frame)
        self._coalition.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(pictures, stretch=1)
        layout.addWidget(self._coalition)
        layout.addWidget(self.answer_table)
        layout.addWidget(self._flips)
        return panel

    def _bands(self, actions: Mapping[ActionKey, QAction]) -> QWidget:
        panel = QWidget(self)
        presets = QHBoxLayout()
        for key in WHOLE_ACTIONS:
            presets.addWidget(action_button(actions[key], self))
        presets.addStretch(1)
        label = QLabel(self.tr("Ban&d"), self)
        label.setBuddy(self._band)
        presets.addWidget(label)
        presets.addWidget(self._band)
        for key in PRESET_ACTIONS:
            presets.addWidget(action_button(actions[key], self))
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(presets)
        layout.addWidget(self.tiles, stretch=1)
        return panel

    def _plots(self) -> QWidget:
        panel = self.plots
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel(self.tr("Spectrum and edges of the bands"), panel))
        layout.addWidget(self.spectrum, stretch=3)
        layout.addWidget(self._power)
        layout.addWidget(self.shapley, stretch=2)
        legend = QLabel(
            self.tr(
                "\N{BLACK CIRCLE} solid: low-pass; \N{BLACK SQUARE} dashed: high-pass; "
                "ring: another prediction"
            ),
            panel,
        )
        legend.setWordWrap(True)
        layout.addWidget(self.sweeps, stretch=2)
        layout.addWidget(legend)
        return panel

    def _connect(self) -> None:
        self.tiles.codeChosen.connect(self._choose_code)
        self.sweeps.codeChosen.connect(self._choose_code)
        self.cut.settingsChosen.connect(self.settingsChosen)
        self._place.valueChanged.connect(self._choose_place)

    @Slot(int)
    def _choose_code(self, code: int) -> None:
        self.codeChosen.emit(code)

    @Slot(int)
    def _choose_place(self, number: int) -> None:
        if not self._is_showing:
            self.placeChosen.emit(number - 1)
