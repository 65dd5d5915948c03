"""An audit under way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from iaside_audit.report import format_estimate, format_percent
from iaside_ui.appearance import enlarge_font
from iaside_ui.qtmodels import ROW_ROLE, LogModel, queue_model
from iaside_ui.state import ActionKey, QueuedRun, RunOutcome, RunState
from iaside_ui.views.buttons import action_button
from iaside_ui.views.importance_plot import ImportancePlot
from iaside_ui.views.progress import progress_sentence
from iaside_ui.views.score_trace import ScoreTrace
from iaside_ui.views.tables import fit_columns, make_heading, make_list, make_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QAction

LOG_LINES = 6
NAME_COLUMNS = (1, 2)
"""Of the queue: model and images."""


class RunPage(QWidget):
    """Progress above, the numbers settling in the middle, log and queue below.

    Parameters
    ----------
    actions : mapping
        Of the window.
    parent : QWidget or None
        Its owner.
    """

    removeAsked = Signal(int)  # number of a run that waits

    def __init__(self, actions: Mapping[ActionKey, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model_name = ""
        self._title = QLabel(self)
        enlarge_font(self._title, 1.4)
        self._title.setTextFormat(Qt.TextFormat.PlainText)  # names a file
        self._progress = QProgressBar(self)
        self._progress.setAccessibleName(self.tr("Progress of the audit"))
        self._progress_text = QLabel(self)
        self._score = QLabel(self)
        enlarge_font(self._score, 1.1)
        self._score.setWordWrap(True)
        self._caption = QLabel(self)
        enlarge_font(self._caption, 1.1)
        self._caption.setWordWrap(True)
        self.plot = ImportancePlot(self)
        self.trace = ScoreTrace(self)
        self._log_model = LogModel(self)
        self.log = make_list(self._log_model, self.tr("Warnings and images left out"), self)
        self._queue = queue_model(self)
        self.queue = make_table(self._queue, self.tr("Audits that were asked for"), self)
        fit_columns(self.queue)  # empty, it would scroll sideways otherwise
        self.remove_button = QPushButton(self.tr("&Take out of the queue"), self)
        self.remove_button.setToolTip(self.tr("Forget the selected audit, which waits."))
        self.remove_button.setEnabled(False)
        self._title.setText(self.tr("No audit is running"))
        self._progress_text.setText(
            self.tr("Set one up, or try the built-in model: what is measured appears here live.")
        )
        self._progress.setRange(0, 1)
        self._arrange(actions)

    def _arrange(self, actions: Mapping[ActionKey, QAction]) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title, stretch=1)
        for key in (ActionKey.TOGGLE_PAUSE, ActionKey.CANCEL_AUDIT):
            head.addWidget(action_button(actions[key], self))
        bands, score = QWidget(self), QWidget(self)
        for panel, heading, body in (
            (bands, self._caption, self.plot),
            (score, self._score, self.trace),
        ):
            grid = QGridLayout(panel)
            grid.setContentsMargins(0, 0, 0, 0)
            grid.addWidget(heading, 0, 0)
            grid.addWidget(body, 1, 0)
            grid.setRowStretch(1, 1)
        panels = QSplitter(Qt.Orientation.Horizontal, self)
        panels.setChildrenCollapsible(False)
        panels.addWidget(bands)
        panels.addWidget(score)
        panels.setStretchFactor(0, 3)
        panels.setStretchFactor(1, 2)
        below = QSplitter(Qt.Orientation.Horizontal, self)
        below.setChildrenCollapsible(False)
        for title, view, extra in (
            (self.tr("&Log"), self.log, None),
            (self.tr("&Queue"), self.queue, self.remove_button),
        ):
            panel = QWidget(self)
            column = QVBoxLayout(panel)
            column.setContentsMargins(0, 0, 0, 0)
            line = QHBoxLayout()
            line.addWidget(make_heading(title, view, panel))
            line.addStretch(1)
            if extra is not None:
                line.addWidget(extra)
            column.addLayout(line)
            column.addWidget(view)
            below.addWidget(panel)
        below.setStretchFactor(0, 3)
        below.setStretchFactor(1, 2)
        below.setMaximumHeight((LOG_LINES + 2) * round(1.4 * self.fontMetrics().lineSpacing()))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(self._progress)
        layout.addWidget(self._progress_text)
        layout.addWidget(panels, stretch=1)
        layout.addWidget(below)
        self.queue.selectionModel().selectionChanged.connect(self._offer)
        self.remove_button.clicked.connect(self._remove)

    @property
    def model_name(self) -> str:
        """Of the audit under way; empty for none."""
        return self._model_name

    @property
    def progress_text(self) -> str:
        """How far it is, in words."""
        return self._progress_text.text()

    @property
    def score_text(self) -> str:
        """The score so far, in words."""
        return self._score.text()

    def show_run(self, run: RunState) -> None:
        """Show one snapshot."""
        self._model_name = run.name
        self._title.setText(self.tr("Auditing {name}").format(name=run.name))
        self._progress.setRange(0, run.n_total)  # 0 to 0 is Qt's way of saying that it is not known
        self._progress.setValue(run.n_done)
        self._progress_text.setText(progress_sentence(run))
        self._log_model.show_notes(run.notes)
        self._show_estimate(run)

    def show_queue(self, runs: Sequence[QueuedRun]) -> None:
        """List the audits that were asked for, the last first."""
        self._queue.show_rows(tuple(reversed(runs)))
        fit_columns(self.queue)
        self.queue.cap_names(*NAME_COLUMNS)
        self._offer()
        if not any(run.outcome == RunOutcome.RUNNING for run in runs):
            self._progress.setRange(0, 1)
            self._progress.setValue(0)
            self._show_idle(is_waiting=any(run.outcome == RunOutcome.WAITING for run in runs))

    def _show_idle(self, *, is_waiting: bool) -> None:
        """Say that no audit is running, and why one that waits is not.

        What the last one had shown by its end is not its result, which has a page.
        """
        self._model_name = ""
        self._show_estimate(RunState(name="", confidence=math.nan))
        self._title.setText(self.tr("No audit is running"))
        self._progress_text.setText("")
        if is_waiting:
            self._title.setText(self.tr("Robustness is being measured first"))
            self._progress_text.setText(
                self.tr("The audit starts once that has ended; stop it on its page to start now.")
            )

    def _chosen(self) -> QueuedRun | None:
        """Return the run that is selected, if it waits."""
        rows = self.queue.selectionModel().selectedRows()
        run = rows[0].data(ROW_ROLE) if rows else None
        if isinstance(run, QueuedRun) and run.outcome == RunOutcome.WAITING:
            return run
        return None

    @Slot()
    def _offer(self) -> None:
        self.remove_button.setEnabled(self._chosen() is not None)

    @Slot()
    def _remove(self) -> None:
        run = self._chosen()
        if run is not None:
            self.removeAsked.emit(run.number)

    def _show_estimate(self, run: RunState) -> None:
        if not run.score:
            self._score.setText(self.tr("The score appears after the first images."))
            self._caption.setText(self.tr("Importance of the bands"))
        else:
            last = run.score[-1]
            confidence = format_percent(run.confidence)
            estimate = format_estimate(last.value, (last.low, last.high), confidence=run.confidence)
            self._score.setText(self.tr("Signed score {estimate}").format(estimate=estimate))
            self._caption.setText(
                self.tr("Importance of the bands after {n} images, {confidence} intervals").format(
                    n=last.n_images, confidence=confidence
                )
            )
        self.plot.show_bands(run.bands)
        self.trace.show_points(run.score, run.n_total)
