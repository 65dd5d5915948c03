"""Small measurements of every kind, as the window holds them, and an engine that does as told."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from audit_material import audit_here, convnet_spec
from iaside_ui.workers.measurements import MeasurementPlan, PlanEnded, _held

from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.robustness.measured import Measured, MeasurementFinished
from iaside_audit.robustness.requests import HeatmapRequest, PassbandRequest, SnrRequest
from iaside_audit.robustness.run import run_measurement
from iaside_audit.robustness.tasks import measurement_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_ui.state.robustness import Held

    from iaside_audit.events import Control
    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.requests import Request
    from iaside_audit.spec import AuditSpec

N_IMAGES = 5
CORRUPTIONS = SnrRequest(
    names=("gaussian_noise", "fog", "contrast"), severities=(1, 3), has_answers=True
)


def measured_here(spec: AuditSpec, request: Request) -> Measured:
    """Run a measurement in this process."""

    def start() -> InProcessWorker:
        return InProcessWorker(measurement_tasks)

    *_, last = run_measurement(spec, request, start_worker=start)
    assert isinstance(last, MeasurementFinished)
    assert last.measured is not None
    return last.measured


def sample_measurements(folder: Path) -> tuple[AuditResult, tuple[Held, ...]]:
    """Audit and measure a small network on images in `folder`: an audit, and one of every kind."""
    spec = convnet_spec(folder, n_images=N_IMAGES, labels="self")
    audit = audit_here(spec)
    held: list[Held] = []
    for request in (CORRUPTIONS, PassbandRequest(cutoffs=4), HeatmapRequest(stride=4)):
        held += _held(measured_here(spec, request), audit, is_partial=False)
    return audit, tuple(held)


class ScriptedMeasurement:
    """Stands in for ``measure_plan``: yields what a test sends, and honours cancelling.

    The attribute `plans` holds what each run was given.
    """

    def __init__(self) -> None:
        self.plans: list[MeasurementPlan] = []
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()  # Any: events and findings

    def send(self, *events: object) -> None:
        """Let the run under way yield `events`, or raise one; an end must be among them."""
        for event in events:
            self._events.put(event)

    def __call__(self, plan: MeasurementPlan, control: Control) -> Iterator[Any]:
        """Yield until the last event."""
        self.plans.append(plan)
        while True:
            try:
                event = self._events.get(timeout=0.01)
            except queue.Empty:
                if control.is_cancelled:
                    yield PlanEnded(is_cancelled=True)
                    return
                continue
            if isinstance(event, Exception):
                raise event
            yield event
            if isinstance(event, PlanEnded):
                return
