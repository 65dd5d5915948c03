"""An engine that does as it is told, and events for it."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from sample_results import sample_result

from iaside_audit.events import Cancelled, Estimate, Event, ImageDone, Planned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_audit.events import Control
    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec

RESULT = sample_result(4)


class ScriptedAudit:
    """Stands in for ``run_audit``: yields what a test sends, and honours cancelling.

    The attributes `specs`, `controls` and `folders` hold what each run was given.
    """

    def __init__(self) -> None:
        self.specs: list[AuditSpec] = []
        self.controls: list[Control] = []
        self.folders: list[Path | None] = []
        self.partial: AuditResult | None = None
        self._events: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()

    def send(self, *events: Event | Exception) -> None:
        """Let the run under way yield `events`, or raise one; an end must be among them."""
        for event in events:
            self._events.put(event)

    def __call__(self, spec: AuditSpec, control: Control, out: Path | None) -> Iterator[Event]:
        """Yield until the last event."""
        self.folders.append(out)
        self.specs.append(spec)
        self.controls.append(control)
        while True:
            try:
                event = self._events.get(timeout=0.01)
            except queue.Empty:
                if control.is_cancelled:
                    yield Cancelled(partial=self.partial)
                    return
                continue
            if isinstance(event, Exception):
                raise event
            yield event
            if type(event).__name__ in {"Finished", "Cancelled"}:
                return


def planned(n_images: int = 10) -> Planned:
    """Return the plan of an audit of so many images."""
    return Planned(
        model=RESULT.model,
        estimator="exact",
        n_images=n_images,
        n_failed=0,
        evaluations_per_image=16,
        n_evaluations=16 * n_images,
        provider="CPUExecutionProvider",
        device="a processor",
        threads=2,
        batch=16,
        preprocessing_source="a file",
    )


def image_done(n_done: int, n_images: int = 10) -> ImageDone:
    """Return the event of the `n_done`-th image."""
    return ImageDone(
        index=n_done - 1,
        path=f"{n_done}.png",
        n_done=n_done,
        n_images=n_images,
        elapsed_s=0.5 * n_done,
        remaining_s=0.5 * (n_images - n_done),
        evaluations_per_s=32.0,
    )


def estimate(n_images: int, result: AuditResult = RESULT) -> Estimate:
    """Return an estimate with the numbers of `result`."""
    return Estimate(
        n_images=n_images,
        bands=result.bands,
        signed=result.score.signed,
        accuracy=0.5,
        accuracy_interval=(0.4, 0.6),
    )
