"""Run one measurement: open the model, lease images to a worker, and hand on events."""

from __future__ import annotations

import datetime as dt
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from iaside_audit._version import __version__
from iaside_audit.auditing.evaluate import LeaseItem
from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.model import open_model
from iaside_audit.auditing.plan import batch_limit
from iaside_audit.auditing.settings import EvaluationSettings
from iaside_audit.auditing.workers import ProcessWorker, raise_if_error
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import ImageError
from iaside_audit.events import (
    AuditCancelled,
    Control,
    Event,
    ImageDone,
    ImageFailed,
    Preparing,
    Warned,
)
from iaside_audit.images import find_images, index_images, resolve_labels
from iaside_audit.result import AuditWarning, DataRecord, FailedImage, ModelRecord, Tool
from iaside_audit.robustness.evaluator import images_a_lease
from iaside_audit.robustness.requests import request_to_wire
from iaside_audit.robustness.rows import MeasuredRow, MeasuredRows
from iaside_audit.spec import Estimator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.images import ImageIndex, Labelling
    from iaside_audit.robustness.requests import Request
    from iaside_audit.spec import AuditSpec

POLL_S: Final = 0.1
LEASES_AHEAD: Final = 2
MIN_ROWS: Final = 2
NEAR_CHANCE: Final = 2
"""A model whose accuracy is below so many times chance has nothing to lose."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What one measurement found out, row by row.

    Parameters
    ----------
    tool : Tool
        The program.
    created : str
        ISO 8601.
    spec : AuditSpec
        Model, images, bands, seed and all else that an audit shares.
    request : Request
        What was measured.
    model : ModelRecord
        By content.
    data : DataRecord
        By content.
    provider : str
        Which ran the model.
    elapsed_s : float
        Of the whole measurement.
    n_evaluations : int
        Images put through the model.
    warnings : tuple of AuditWarning
        What a reader must know.
    rows : MeasuredRows
        In the canonical order.
    """

    tool: Tool
    created: str
    spec: AuditSpec
    request: Request
    model: ModelRecord
    data: DataRecord
    provider: str
    elapsed_s: float
    n_evaluations: int
    warnings: tuple[AuditWarning, ...]
    rows: MeasuredRows


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementFinished:
    """The last event: all rows, or those that there were when the user cancelled.

    `measured` is None where fewer than two rows exist.
    """

    measured: Measured | None
    is_cancelled: bool


def run_measurement(
    spec: AuditSpec,
    request: Request,
    control: Control | None = None,
    *,
    start_worker: Callable[[], Worker] | None = None,
) -> Iterator[Event | MeasurementFinished]:
    """Run one measurement and yield its events; the last is ``MeasurementFinished``.

    Closing the iterator cancels.

    Parameters
    ----------
    spec : AuditSpec
        The model, the images, and what an audit shares with a measurement.
    request : Request
        What is measured.
    control : Control or None
        The caller's handle.
    start_worker : callable or None
        Starts the worker that runs the model; a child process unless given.

    Raises
    ------
    IASideError
        As for an audit.
    """
    control = control or Control()
    starts = start_worker or partial(ProcessWorker, Limits(max_model_bytes=spec.max_model_bytes))
    events: queue.SimpleQueue[Event | MeasurementFinished | BaseException | None] = (
        queue.SimpleQueue()
    )

    def supervise() -> None:
        try:
            _Run(spec, request, control, events.put, starts).run()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            events.put(error)
        finally:
            events.put(None)

    thread = threading.Thread(target=supervise, name="measurement", daemon=True)
    thread.start()
    try:
        while (event := events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        control.cancel()
        thread.join()


class _Run:
    """The stages of one measurement."""

    def __init__(
        self,
        spec: AuditSpec,
        request: Request,
        control: Control,
        emit: Callable[[Event | MeasurementFinished], None],
        start_worker: Callable[[], Worker],
    ) -> None:
        self._spec = spec
        self._request = request
        self._control = control
        self._emit = emit
        self._start_worker = start_worker
        self._started = time.perf_counter()
        self._warnings: list[AuditWarning] = []
        self._rows: list[MeasuredRow] = []
        self._failed: list[FailedImage] = []
        self._n_evaluations = 0

    def run(self) -> None:
        """Run every stage."""
        listing = find_images(self._spec.images)
        worker = self._start_worker()
        try:
            self._emit(Preparing(stage="opening the model"))
            model = open_model(self._spec, partial(self._call, worker))
            labelling = resolve_labels(
                listing,
                labels=self._spec.labels,
                classes=self._spec.classes,
                n_classes=model.n_classes,
            )
            for message in labelling.warnings:
                self._warn("labels", message)
            index = index_images(
                listing,
                labelling,
                seed=self._spec.seed,
                workers=available_threads(),
                on_progress=lambda done, total: self._emit(
                    Preparing(stage="reading the images", done=done, total=total)
                ),
                is_cancelled=lambda: self._control.is_cancelled,
            )
            self._failed += index.failed
            self._settle(worker, model)
            self._lease(worker, index)
        except AuditCancelled:
            self._emit(MeasurementFinished(measured=None, is_cancelled=True))
            return
        finally:
            worker.kill()
        self._emit(
            MeasurementFinished(
                measured=self._measured(model, index, labelling),
                is_cancelled=self._control.is_cancelled,
            )
        )

    def _call(self, worker: Worker, message: Message) -> Message:
        worker.send(message)
        while not self._control.is_cancelled:
            reply = worker.receive(POLL_S)
            if reply is not None:
                raise_if_error(reply)
                return reply
        raise AuditCancelled("The measurement was cancelled.")

    def _settle(self, worker: Worker, model: AuditedModel) -> None:
        settings = EvaluationSettings(
            spec=self._spec,
            estimator=Estimator.PERMUTATION,
            preprocessing=model.preprocessing,
            batch=batch_limit(self._spec, model.input_size),
        )
        self._call(
            worker,
            {
                "task": "settle_measurement",
                "settings": settings.to_wire(),
                "request": request_to_wire(self._request),
            },
        )

    def _lease(self, worker: Worker, index: ImageIndex) -> None:
        """Lease images until all are done or the user cancels."""
        images = index.entries[: self._spec.max_images]
        size = images_a_lease(self._request)
        leases = deque(
            [
                LeaseItem(index=place, image=images[place]).to_wire()
                for place in range(start, min(start + size, len(images)))
            ]
            for start in range(0, len(images), size)
        )
        started = time.perf_counter()
        n_leased = 0
        while (leases or n_leased) and not self._control.is_cancelled:
            if leases and n_leased < LEASES_AHEAD and not self._control.is_paused:
                lease = leases.popleft()
                worker.send({"task": "measure", "lease": lease[0]["index"], "items": lease})
                n_leased += 1
                continue
            reply = worker.receive(POLL_S)
            if reply is None:
                continue
            match reply["kind"]:
                case "row":
                    row = MeasuredRow.from_wire(reply)
                    self._rows.append(row)
                    self._report(row, len(images), time.perf_counter() - started)
                case "failed":
                    failure = FailedImage(path=reply["path"], reason=reply["reason"])
                    self._failed.append(failure)
                    self._emit(ImageFailed(path=failure.path, reason=failure.reason))
                case "done":
                    n_leased -= 1
                    self._n_evaluations = reply["n_evaluations"]
                case _:
                    raise_if_error(reply)

    def _report(self, row: MeasuredRow, n_images: int, elapsed_s: float) -> None:
        n_done = len(self._rows)
        self._emit(
            ImageDone(
                index=row.index,
                path=row.path,
                n_done=n_done,
                n_images=n_images,
                elapsed_s=elapsed_s,
                remaining_s=elapsed_s / n_done * (n_images - n_done),
                evaluations_per_s=self._n_evaluations / elapsed_s if elapsed_s else 0.0,
            )
        )

    def _warn(self, code: str, message: str) -> None:
        self._warnings.append(AuditWarning(code=code, message=message))
        self._emit(Warned(code=code, message=message))

    def _measured(
        self, model: AuditedModel, index: ImageIndex, labelling: Labelling
    ) -> Measured | None:
        if len(self._rows) < MIN_ROWS:
            if self._control.is_cancelled:
                return None
            reason = self._failed[0].reason if self._failed else "there is only one"
            raise ImageError(
                f"Expected at least {MIN_ROWS} images with values, found {len(self._rows)}: "
                f"{reason.rstrip('.')}. Give more images."
            )
        rows = MeasuredRows.stack(self._rows)
        accuracy = float((rows.prediction == rows.label).mean())
        if accuracy < NEAR_CHANCE / model.n_classes and model.n_classes > NEAR_CHANCE:
            self._warn(
                "near_chance",
                f"Top-1 on unchanged images is {accuracy:.3f}, near chance: labels or "
                "preprocessing may be wrong, and what is measured means nothing.",
            )
        return Measured(
            tool=Tool(name="iaside-audit", version=__version__),
            created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            spec=self._spec,
            request=self._request,
            model=model.record,
            data=DataRecord(
                path=str(self._spec.images),
                n_images=len(rows),
                n_failed=len(self._failed),
                manifest_sha256=index.manifest_sha256,
                labels=labelling.source,
                statistics_digest=None,
                n_available=len(index.entries),
                n_ignored=labelling.n_ignored,
                failed=tuple(self._failed),
            ),
            provider=model.provider,
            elapsed_s=time.perf_counter() - self._started,
            n_evaluations=self._n_evaluations,
            warnings=tuple(self._warnings),
            rows=rows,
        )
