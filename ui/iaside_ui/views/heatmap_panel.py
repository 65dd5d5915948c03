"""The Fourier heat map with its scale, and its profile over the bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from iaside_ui.state.frequency import profile_panel
from iaside_ui.views.frequency_plot import FrequencyPlot
from iaside_ui.views.heatmap_plot import HeatmapPlot
from iaside_ui.views.image_view import ColourBar

if TYPE_CHECKING:
    from iaside_audit.robustness.findings import HeatmapFinding


class HeatmapPanel(QWidget):
    """Left the map, its colours, and what it says of one frequency; right the mean of each band."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = HeatmapPlot(self)
        self.profile = FrequencyPlot(
            name=self.tr("Error with one frequency added, mean over each band"),
            y_label=self.tr("error rate; dotted: of clean images"),
            parent=self,
        )
        self._scale = ColourBar("", self)
        self._scale.show_ends("0", "100")
        pointed = QLabel(self)
        pointed.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        left = QVBoxLayout()
        left.addWidget(self.plot, stretch=1)
        left.addWidget(self._scale)
        left.addWidget(pointed)
        layout = QHBoxLayout(self)
        layout.addLayout(left, stretch=1)
        layout.addWidget(self.profile, stretch=1)
        self.plot.frequencyPointed.connect(pointed.setText)

    def show_finding(self, finding: HeatmapFinding | None) -> None:
        """Show another heat map."""
        self.plot.show_finding(finding)
        if finding is not None:
            self._scale.show_name(
                self.tr("error rate with one Fourier basis image added (%); {n} images").format(
                    n=finding.origin.n_images
                )
            )
            self.profile.show_axis(finding.edges, finding.origin.norm)
        self.profile.show_panel(profile_panel(finding))
