"""Run one measurement: open the model, lease images to a worker, and hand on events."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from iaside_audit._version import __version__
from iaside_audit.auditing.attempts import Lease
from iaside_audit.auditing.evaluate import LeaseItem
from iaside_audit.auditing.executor import POLL_S, LocalExecutor, Seat
from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.plan import batch_limit
from iaside_audit.auditing.preparation import Crew, Preparation
from iaside_audit.auditing.settings import EvaluationSettings
from iaside_audit.auditing.stream import stream
from iaside_audit.auditing.workers import ProcessWorker
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
from iaside_audit.images import find_images
from iaside_audit.result import AuditWarning, DataRecord, FailedImage, ModelRecord, Tool
from iaside_audit.robustness.evaluator import images_a_lease
from iaside_audit.robustness.requests import request_to_wire
from iaside_audit.robustness.rows import MeasuredRow, MeasuredRows
from iaside_audit.robustness.tasks import MEASURE, SETTLE
from iaside_audit.spec import Estimator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.images import ImageIndex, IndexedImage, Labelling
    from iaside_audit.robustness.requests import Request
    from iaside_audit.spec import AuditSpec

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
    known: Sequence[MeasuredRow] = (),
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
    known : sequence of MeasuredRow
        Rows of the same measurement that was stopped before; their images are not measured again.
    start_worker : callable or None
        Starts the worker that runs the model; a child process unless given.

    Raises
    ------
    IASideError
        As for an audit.
    """
    control = control or Control()
    limits = Limits.shared_by(len(Crew.of(spec).devices), max_model_bytes=spec.max_model_bytes)
    starts = start_worker or partial(ProcessWorker, limits)

    def supervise(emit: Callable[[Event | MeasurementFinished], None]) -> None:
        _Run(spec, request, control, emit, starts, known).run()

    yield from stream(supervise, control, name="measurement")


class _Run:
    """The stages of one measurement."""

    def __init__(
        self,
        spec: AuditSpec,
        request: Request,
        control: Control,
        emit: Callable[[Event | MeasurementFinished], None],
        start_worker: Callable[[], Worker],
        known: Sequence[MeasuredRow],
    ) -> None:
        self._spec = spec
        self._request = request
        self._control = control
        self._emit = emit
        self._start_worker = start_worker
        self._started = time.perf_counter()
        self._known = {row.image_id: row for row in known}
        self._rows: list[MeasuredRow] = []
        self._failed: list[FailedImage] = []
        self._n_evaluations = 0

    def run(self) -> None:
        """Run every stage."""
        listing = find_images(self._spec.images)
        worker = self._start_worker()
        try:
            stages = Preparation(self._spec, worker, self._control, self._emit)
            crew = Crew.of(self._spec)
            model = stages.open_model(crew)
            index, labelling = stages.index(listing, model)
            self._failed += index.failed
            images = index.entries[: self._spec.max_images]
            batch = batch_limit(self._spec, model.input_size)
            seats = self._seats(model, crew)
            stages.call(seats[0].preparation(batch)[-1])
            with closing(LocalExecutor(seats, worker, batch=batch)) as executor:
                self._lease(executor, images)
        except AuditCancelled:
            self._emit(MeasurementFinished(measured=None, is_cancelled=True))
            return
        finally:
            worker.kill()
        measured = self._measured(stages, model, index, labelling)
        self._emit(MeasurementFinished(measured=measured, is_cancelled=self._control.is_cancelled))

    def _seats(self, model: AuditedModel, crew: Crew) -> list[Seat]:
        """Return where workers are started, and how they are made ready."""

        def seat(device: str) -> Seat:
            def preparation(batch: int) -> list[Message]:
                settings = EvaluationSettings(
                    spec=self._spec,
                    estimator=Estimator.PERMUTATION,
                    preprocessing=model.preprocessing,
                    batch=batch,
                )
                return [
                    {**model.opening, "device": device},
                    {
                        "task": SETTLE,
                        "settings": settings.to_wire(),
                        "request": request_to_wire(self._request),
                    },
                ]

            return Seat(start=self._start_worker, preparation=preparation)

        return [seat(device) for device in crew.devices]

    def _lease(self, executor: LocalExecutor, images: Sequence[IndexedImage]) -> None:
        """Lease images until all are done or the user cancels."""
        size = images_a_lease(self._request)
        items = []
        for place, image in enumerate(images):
            if image.image_id in self._known:
                self._rows.append(replace(self._known[image.image_id], index=place))
            else:
                items.append(LeaseItem(index=place, image=image))
        leases = deque(
            replace(Lease.of(items[start : start + size], number=number), task=MEASURE)
            for number, start in enumerate(range(0, len(items), size))
        )
        self._emit(Preparing(stage="measuring", done=len(self._rows), total=len(images)))
        started = time.perf_counter()
        while not self._control.is_cancelled and (leases or not executor.is_idle):
            if leases and executor.has_room and not self._control.is_paused:
                executor.submit(leases.popleft())
                continue
            answer = executor.receive(POLL_S)
            match answer:
                case None:
                    pass
                case {"kind": "row"}:
                    self._rows.append(MeasuredRow.from_wire(answer))
                    self._report(len(images), time.perf_counter() - started)
                case {"kind": "failed", "path": path, "reason": reason}:
                    self._failed.append(FailedImage(path=path, reason=reason))
                    self._emit(ImageFailed(path=path, reason=reason))
                case {"kind": "done", "n_evaluations": n_evaluations}:
                    self._n_evaluations += n_evaluations
                case {"kind": kind, "message": message}:  # a worker lost, or a batch halved
                    self._emit(Warned(code=f"worker_{kind}", message=message))

    def _report(self, n_images: int, elapsed_s: float) -> None:
        row = self._rows[-1]
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

    def _measured(
        self, stages: Preparation, model: AuditedModel, index: ImageIndex, labelling: Labelling
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
            stages.warn(
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
            warnings=tuple(stages.warnings),
            rows=rows,
        )
