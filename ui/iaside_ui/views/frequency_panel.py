"""A model on one frequency axis: importance, SNR, pass bands and heat map, one above the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from iaside_audit.choices import Norm
from iaside_ui.qtmodels.corruptions import condition_name
from iaside_ui.state.frequency import (
    edges_of,
    importance_panel,
    passband_panel,
    profile_panel,
    snr_panel,
)
from iaside_ui.views.exportable import Exportable
from iaside_ui.views.frequency_plot import FrequencyPlot
from iaside_ui.views.gapped import Gapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.robustness.snr import SnrResult
    from iaside_ui.state.frequency import Panel
    from iaside_ui.state.robustness import RobustnessState


class FrequencyStack(Exportable):
    """Four plots whose frequency axes are one; those without numbers are hidden.

    All axes run from 0 to 1 for good, and begin below one another.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Model on one frequency axis"))
        self.importance = FrequencyPlot(
            name=self.tr("Spectral importance over frequency"),
            y_label=self.tr("importance"),
            has_axis=False,
            parent=self,
        )
        self.snr = FrequencyPlot(
            name=self.tr("SNR over frequency"),
            y_label=self.tr("SNR (dB)"),
            has_axis=False,
            parent=self,
        )
        self.passband = FrequencyPlot(
            name=self.tr("Accuracy with part of the spectrum"),
            y_label=self.tr("accuracy"),
            has_axis=False,
            parent=self,
        )
        self.profile = FrequencyPlot(
            name=self.tr("Error with one frequency added"),
            y_label=self.tr("error rate"),
            has_axis=False,
            parent=self,
        )
        self.snr.setToolTip(self.tr("Dotted: as much error as signal."))
        self.profile.setToolTip(self.tr("Dotted: the error rate of clean images."))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        for plot in self.plots:
            layout.addWidget(plot, stretch=1)

    @property
    def plots(self) -> tuple[FrequencyPlot, ...]:
        """From the top."""
        return self.importance, self.snr, self.passband, self.profile

    def show_panels(self, panels: Sequence[Panel], edges: Sequence[float], norm: Norm) -> None:
        """Draw other numbers, one panel for each plot."""
        shown = [plot for plot, panel in zip(self.plots, panels, strict=True) if not panel.is_empty]
        for plot, panel in zip(self.plots, panels, strict=True):
            plot.setVisible(plot in shown)
            plot.set_has_axis(bool(shown) and plot is shown[-1])
            if plot in shown:
                plot.show_axis(edges, norm)
            plot.show_panel(panel)

    def numbers(self) -> list[Sequence[object]]:
        """Return the numbers of every plot that is shown, the plot's name first."""
        rows: list[Sequence[object]] = []
        for plot in self.plots:
            head, *body = plot.numbers()
            rows = rows or [("plot", *head)]
            rows += [(plot.accessibleName(), *row) for row in body]
        return rows


class FrequencyPanel(QWidget):
    """The stack and which corruption's SNR it shows, or what to do to have one."""

    conditionChosen = Signal(object)  # (corruption, severity)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.gapped = Gapped(FrequencyStack, self)
        self.chooser = QComboBox(self)
        self.chooser.setAccessibleName(self.tr("Corruption whose SNR is shown"))
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._severities: dict[str, list[int | None]] = {}
        self._label = QLabel(self.tr("SNR un&der"), self)
        self._label.setBuddy(self.chooser)
        head = QHBoxLayout()
        head.addWidget(self._label)
        head.addWidget(self.chooser)
        head.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self.gapped, stretch=1)
        self.chooser.activated.connect(self._choose)

    @property
    def stack(self) -> FrequencyStack:
        """The plots, made now if need be."""
        return self.gapped.content

    def show_state(self, state: RobustnessState) -> None:
        """Show one snapshot."""
        audit = state.audit
        name = None if state.condition is None else state.condition[0]
        results = [] if state.snr is None else list(state.snr.results)
        curves = [one for one in results if one.name == name]
        if results and not curves:
            name = results[0].name
            curves = [one for one in results if one.name == name]
        self._offer(results, name)
        confidence = math.nan if state.snr is None else state.snr.origin.confidence
        panels = (
            importance_panel(audit),
            snr_panel(curves, state.snr_of(state.condition), confidence=confidence),
            passband_panel(state.passband),
            profile_panel(state.heatmap),
        )
        edges: Sequence[float] = ()
        norm = Norm.LINF
        if audit is not None:
            edges, norm = edges_of(audit), Norm(audit.spec.norm)
        for finding in (state.passband, state.heatmap):
            if finding is not None and not edges:
                edges, norm = finding.edges, finding.origin.norm
        if state.snr is not None and not edges:
            edges, norm = results[0].edges, state.snr.origin.norm
        is_measured = any(not panel.is_empty for panel in panels)
        if is_measured or self.gapped.is_made:
            self.stack.show_panels(panels, edges, norm)
        self.gapped.show_gap(
            ""
            if is_measured
            else self.tr(
                "Importance, SNR, pass bands and the profile of the heat map appear here, one "
                "above the other on one frequency axis, as far as they are measured."
            )
        )

    def _offer(self, results: Sequence[SnrResult], name: str | None) -> None:
        """List the corruptions whose SNR is known."""
        names = list(dict.fromkeys(one.name for one in results))
        self._label.setVisible(len(names) > 1)
        self.chooser.setVisible(len(names) > 1)
        if names != [self.chooser.itemData(place) for place in range(self.chooser.count())]:
            self.chooser.clear()
            for one in names:
                self.chooser.addItem(condition_name(one), one)
        self._severities = {
            one: [each.severity for each in results if each.name == one] for one in names
        }
        self.chooser.setCurrentIndex(self.chooser.findData(name))

    @Slot()
    def _choose(self) -> None:
        """Choose a corruption, at its middle severity."""
        name = self.chooser.currentData()
        severities = self._severities[name]
        self.conditionChosen.emit((name, severities[len(severities) // 2]))
