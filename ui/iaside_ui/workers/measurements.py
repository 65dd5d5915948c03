"""Corruptions, SNR, heat map and pass bands, one after the other, in a thread of their own.

Models run in the engine's children, as in an audit; what they find is summed up in this thread,
made a document, and read back from it, so that what is shown is what a file would say.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal

from iaside_audit.events import Control, Stage
from iaside_ui.state import RunState
from iaside_ui.state.measuring import Kind
from iaside_ui.state.robustness import CorruptionGrid, Held, ImageAnswers
from iaside_ui.workers.measurement_rows import RowsBeside, RowsFound, RowsNotKept
from iaside_ui.workers.streams import StreamRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from iaside_audit.events import Event
    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.measured import Measured
    from iaside_audit.robustness.requests import Request
    from iaside_audit.robustness.rows import MeasuredRow
    from iaside_audit.spec import AuditSpec

    Measuring = Callable[["MeasurementPlan", Control], Iterator[Any]]  # Any: events and findings

GRID_S: Final = 0.25
"""The grid that fills is summed up so often at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasurementPlan:
    """What to measure.

    Parameters
    ----------
    spec : AuditSpec
        Model, images and all else.
    requests : tuple of Request
        One after the other.
    audit : AuditResult or None
        What predicts the losses of corruptions.
    folder : Path or None
        Of the audit's result, where rows are kept; the user's cache where it is in no file.
    """

    spec: AuditSpec
    requests: tuple[Request, ...]
    audit: AuditResult | None
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStarted:
    """One request of the plan begins; `number` counts from 1."""

    kind: str
    number: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartFound:
    """What one request found: one measurement, or two."""

    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEnded:
    """The last event."""

    is_cancelled: bool


class MeasurementRunner(StreamRunner):
    """The window's handle on the thread.

    Parameters
    ----------
    measure : callable or None
        Yields the engine's events and those above; the real one unless a test says otherwise.
    parent : QObject or None
        Its owner.
    """

    partStarted = Signal(PartStarted)
    gridGrown = Signal(CorruptionGrid)
    partFound = Signal(PartFound)
    rowsFound = Signal(RowsFound)
    rowsNotKept = Signal(RowsNotKept)
    planEnded = Signal(bool)  # whether it was cancelled

    def __init__(self, measure: Measuring | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._measure = measure or measure_plan

    def start(self, plan: MeasurementPlan) -> None:
        """Start measuring; what ran before is abandoned."""
        state = RunState(
            name=plan.spec.model.name, confidence=plan.spec.confidence, stage=Stage.STARTING
        )
        self._begin(state, partial(self._measure, plan))

    def _hear(self, event: Any) -> bool:  # Any: an event, or what was found
        match event:
            case PartStarted():
                self.partStarted.emit(event)
            case CorruptionGrid():
                self.gridGrown.emit(event)
            case PartFound():
                self.partFound.emit(event)
            case RowsFound():
                self.rowsFound.emit(event)
            case RowsNotKept():
                self.rowsNotKept.emit(event)
            case PlanEnded(is_cancelled=is_cancelled):
                self._end()
                self.planEnded.emit(is_cancelled)
            case _:
                return False
        return True


class PartControl(Control):
    """The control of one request, which ends with it; the whole plan's cancels it too.

    Parameters
    ----------
    whole : Control
        Of the plan.
    """

    def __init__(self, whole: Control) -> None:
        super().__init__()
        self._whole = whole

    @property
    def is_cancelled(self) -> bool:
        """Whether this request, or the plan, was cancelled."""
        return super().is_cancelled or self._whole.is_cancelled

    @property
    def is_paused(self) -> bool:
        """Whether the plan waits."""
        return self._whole.is_paused


def measure_plan(
    plan: MeasurementPlan, control: Control
) -> Iterator[Any]:  # Any: events of the engine, and those above
    """Run a plan and yield what happens; the last event is :class:`PlanEnded`.

    The engine is imported here, in the thread.
    """
    total = len(plan.requests)
    for number, request in enumerate(plan.requests, start=1):
        yield PartStarted(kind=request.kind, number=number, total=total)
        yield from _measure(plan, request, control)
        if control.is_cancelled:
            break
    yield PlanEnded(is_cancelled=control.is_cancelled)


def _measure(
    plan: MeasurementPlan, request: Request, control: Control
) -> Iterator[Event | CorruptionGrid | PartFound | RowsFound | RowsNotKept]:
    from iaside_audit.robustness.measured import MeasurementFinished  # noqa: PLC0415
    from iaside_audit.robustness.run import run_measurement  # noqa: PLC0415

    kept = RowsBeside(plan.folder, request)
    rows = kept.rows
    shown_at = -math.inf
    for event in run_measurement(plan.spec, request, PartControl(control), keeper=kept):
        yield from kept.notes()
        if isinstance(event, MeasurementFinished):
            if event.measured is not None:
                held = _held(event.measured, plan.audit, is_partial=event.is_cancelled)
                yield PartFound(held=held)
            return
        yield event
        if rows and "log_p" in rows[0].arrays and time.monotonic() - shown_at >= GRID_S:
            grid = _grid_so_far(request, list(rows))
            if grid is not None:
                yield grid
            shown_at = time.monotonic()


def _grid_so_far(request: Request, rows: Sequence[MeasuredRow]) -> CorruptionGrid | None:
    """Return the errors of the images measured so far, without intervals."""
    import numpy as np  # noqa: PLC0415 - with the engine

    from iaside_audit.robustness.errors_by_corruption import Measure  # noqa: PLC0415
    from iaside_audit.robustness.requests import SnrRequest  # noqa: PLC0415

    if not isinstance(request, SnrRequest):
        return None
    wrong = np.mean([one.arrays["log_p"] <= one.arrays["best_other"] for one in rows], axis=0)
    unknown = (math.nan, math.nan)
    return CorruptionGrid(
        names=request.names,
        severities=request.severities,
        cells={
            condition: Measure(value=float(error), interval=unknown)
            for condition, error in zip(request.conditions, wrong, strict=True)
        },
        n_images=len(rows),
    )


def _held(measured: Measured, audit: AuditResult | None, *, is_partial: bool) -> tuple[Held, ...]:
    """Sum up what was measured as documents, and read them back."""
    from iaside_audit.report.findings import finding_of  # noqa: PLC0415
    from iaside_audit.report.measurement_outputs import measurement_document  # noqa: PLC0415
    from iaside_audit.report.snr import snr_document  # noqa: PLC0415
    from iaside_audit.robustness.measured_snr import measured_snr  # noqa: PLC0415
    from iaside_audit.robustness.requests import SnrRequest  # noqa: PLC0415

    if not isinstance(measured.request, SnrRequest):
        document = _as_read(measurement_document(measured))
        return (Held(finding=finding_of(document), document=document),)
    document = _as_read(snr_document(measured_snr(measured)))
    snr = Held(finding=finding_of(document), document=document)
    if not measured.request.has_answers:
        return (snr,)
    return (*_held_corruption(measured, audit, is_partial=is_partial), snr)


def _held_corruption(
    measured: Measured, audit: AuditResult | None, *, is_partial: bool
) -> tuple[Held, ...]:
    """Sum up errors, and what the audit predicts of them where it can."""
    from iaside_audit.errors import SpecError, StoreError  # noqa: PLC0415
    from iaside_audit.report.corruption import corruption_document  # noqa: PLC0415
    from iaside_audit.report.findings import finding_of  # noqa: PLC0415
    from iaside_audit.report.prediction_outputs import prediction_document  # noqa: PLC0415
    from iaside_audit.robustness.corruption_run import (  # noqa: PLC0415
        CorruptionPlan,
        corruption_errors,
    )
    from iaside_audit.robustness.predict_beside import predict_measured  # noqa: PLC0415
    from iaside_audit.robustness.requests import SnrRequest  # noqa: PLC0415

    if not isinstance(measured.request, SnrRequest):
        raise TypeError("expected corruptions")
    answers = _answers(measured)
    request = measured.request.as_corruptions
    measured = replace(measured, request=request)
    plan = CorruptionPlan(spec=measured.spec, request=request, has_clean=True)
    errors = corruption_errors(measured, plan)
    document = _as_read(corruption_document(errors, measured, is_partial=is_partial))
    gap = ""
    predicted: tuple[Held, ...] = ()
    if audit is not None:
        try:
            prediction = _as_read(prediction_document(predict_measured(audit, measured)))
        except (SpecError, StoreError) as error:  # no prediction is no reason to show no errors
            gap = error.message
        else:
            predicted = (Held(finding=finding_of(prediction), document=prediction),)
    held = Held(finding=finding_of(document), document=document, answers=answers, gap=gap)
    return (held, *predicted)


def _answers(measured: Measured) -> ImageAnswers:
    import numpy as np  # noqa: PLC0415

    rows = measured.rows
    return ImageAnswers(
        paths=rows.path,
        clean_p=np.exp(rows.arrays["clean_log_p"].astype(np.float64)),
        p=np.exp(rows.arrays["log_p"].astype(np.float64)),
        clean_is_right=rows.margin("clean_") > 0,
        is_right=rows.margin() > 0,
    )


def _as_read(document: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return a document as it will come out of its file."""
    import json  # noqa: PLC0415

    plain: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))  # Any: JSON
    return plain


def kind_of(held: Held) -> Kind:
    """Return which of the window's measurements something is."""
    return Kind(held.finding.origin.kind)
