"""How the inspector cuts an image: number of bands, baseline, range, radius, spacing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QWidget

from iaside_audit.choices import MAX_BANDS, MIN_BANDS, Norm, Range, Spacing
from iaside_audit.registry import BASELINES
from iaside_ui.appearance import characters_wide
from iaside_ui.state.form import help_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.spec import AuditSpec

MAX_SLIDER_BANDS: Final = 16


class CutSettings(QWidget):
    """A line of a slider and four choices; it says what the user chose."""

    settingsChosen = Signal(object)  # a dict of fields of AuditSpec

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_showing = False
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(MIN_BANDS, MAX_SLIDER_BANDS)
        self.slider.setAccessibleName(self.tr("Number of bands"))
        self.slider.setToolTip(help_text("bands"))
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setTickInterval(2)
        self._n_bands = QLabel(self)
        self._n_bands.setMinimumWidth(characters_wide(self._n_bands, 3))
        self.baseline = self._combo("baseline", self.tr("Baseline"), BASELINES.builtin)
        self.range = self._combo("range", self.tr("Range of pixels"), [one.value for one in Range])
        self.norm = self._combo("norm", self.tr("Radius"), [one.value for one in Norm])
        self.spacing = self._combo("spacing", self.tr("Spacing"), [one.value for one in Spacing])
        self._arrange()
        self.slider.valueChanged.connect(self._choose_bands)
        self.baseline.currentTextChanged.connect(self._choose_baseline)
        self.range.currentTextChanged.connect(self._choose_range)
        self.norm.currentTextChanged.connect(self._choose_norm)
        self.spacing.currentTextChanged.connect(self._choose_spacing)

    def show_spec(self, spec: AuditSpec) -> None:
        """Show how an image is cut; edges that are listed leave the slider at rest."""
        self._is_showing = True
        self.slider.setMaximum(max(MAX_SLIDER_BANDS, min(spec.bands, MAX_BANDS)))
        self.slider.setValue(spec.bands)
        self._n_bands.setText(str(spec.bands))
        self.baseline.setCurrentText(spec.baseline)
        self.range.setCurrentText(spec.range.value)
        self.norm.setCurrentText(spec.norm.value)
        is_named = isinstance(spec.spacing, Spacing)
        self.slider.setEnabled(is_named)
        if isinstance(spec.spacing, Spacing):
            self.spacing.setCurrentText(spec.spacing.value)
        else:
            self.spacing.setCurrentIndex(-1)
        self._is_showing = False

    def _combo(self, option: str, name: str, choices: Sequence[str]) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setToolTip(help_text(option))
        box.addItems(list(choices))
        return box

    def _arrange(self) -> None:
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        for text, widget in (
            (self.tr("Band&s"), self.slider),
            (self.tr("&Baseline"), self.baseline),
            (self.tr("Ran&ge"), self.range),
            (self.tr("&Radius"), self.norm),
            (self.tr("S&pacing"), self.spacing),
        ):
            label = QLabel(text, self)
            label.setBuddy(widget)
            line.addWidget(label)
            line.addWidget(widget, stretch=2 if widget is self.slider else 0)
            if widget is self.slider:
                line.addWidget(self._n_bands)

    @Slot(int)
    def _choose_bands(self, n_bands: int) -> None:
        self._choose(bands=n_bands)

    @Slot(str)
    def _choose_baseline(self, text: str) -> None:
        self._choose(baseline=text)

    @Slot(str)
    def _choose_range(self, text: str) -> None:
        self._choose(range=text)

    @Slot(str)
    def _choose_norm(self, text: str) -> None:
        self._choose(norm=text)

    @Slot(str)
    def _choose_spacing(self, text: str) -> None:
        if text:
            self._choose(spacing=text)

    def _choose(self, **changes: object) -> None:
        """Say what the user chose, not what a specification filled in."""
        if not self._is_showing:
            self.settingsChosen.emit(changes)
