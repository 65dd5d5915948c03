"""Run one measurement: open the model, lease images to a worker, and hand on events."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iaside_audit._version import __version__
from iaside_audit.auditing.attempts import Lease
from iaside_audit.auditing.evaluation.evaluate import LeaseItem
from iaside_audit.auditing.evaluation.settings import EvaluationSettings
from iaside_audit.auditing.executor import POLL_S, LocalExecutor, Seat
from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.outcome.chance import is_near_chance
from iaside_audit.auditing.outcome.notices import with_failures
from iaside_audit.auditing.outcome.record import minor_version, preprocessing_values
from iaside_audit.auditing.plan import batch_limit
from iaside_audit.auditing.preparation import Crew, Preparation
from iaside_audit.auditing.stream import stream
from iaside_audit.auditing.workers import ProcessWorker
from iaside_audit.choices import Estimator
from iaside_audit.errors import ImageError, MemoryExhaustedError
from iaside_audit.events import (
    AuditCancelled,
    Control,
    Event,
    ImageDone,
    ImageFailed,
    Preparing,
    Stage,
    Warned,
)
from iaside_audit.images import find_images
from iaside_audit.result import DataRecord, FailedImage, Tool
from iaside_audit.robustness.evaluator import images_a_lease
from iaside_audit.robustness.kept_rows import keeper_in
from iaside_audit.robustness.measured import Measured, MeasurementFinished
from iaside_audit.robustness.near_chance import LEAST_IMAGES, LOOK_IMAGES, refuse_near_chance
from iaside_audit.robustness.requests import ReadyMadeRequest, request_to_wire
from iaside_audit.robustness.rows import MeasuredRow, MeasuredRows
from iaside_audit.robustness.tasks import MEASURE, QUICK_LOOK, SETTLE
from iaside_audit.store.header import ROW_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.images import ImageIndex, IndexedImage, Labelling
    from iaside_audit.robustness.kept_rows import Keeper
    from iaside_audit.robustness.requests import Request
    from iaside_audit.spec import AuditSpec

MIN_ROWS: Final = 2
DECIDING: Final = ("bands", "norm", "spacing", "frame", "range", "seed")
"""Options of an audit that decide a row of a measurement."""


def run_measurement(
    spec: AuditSpec,
    request: Request,
    control: Control | None = None,
    *,
    out: Path | None = None,
    keeper: Keeper | None = None,
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
    out : Path or None
        Folder that keeps the rows, and that a measurement that was stopped goes on from; it must
        exist.
    keeper : Keeper or None
        What keeps the rows instead.
    start_worker : callable or None
        Starts the worker that runs the model; a child process unless given.

    Raises
    ------
    SpecError
        If the model is near chance on the unchanged images, or `out` holds rows of another
        measurement.
    IASideError
        As for an audit.
    """
    if out is not None and keeper is None:
        keeper = keeper_in(out, request, resume=spec.resume)
    control = control or Control()
    limits = Limits.shared_by(len(Crew.of(spec).devices), max_model_bytes=spec.max_model_bytes)
    starts = start_worker or partial(ProcessWorker, limits)

    def supervise(emit: Callable[[Event | MeasurementFinished], None]) -> None:
        _Run(spec, request, control, emit, starts, keeper).run()

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
        keeper: Keeper | None,
    ) -> None:
        self._spec = spec
        self._request = request
        self._control = control
        self._emit = emit
        self._start_worker = start_worker
        self._started = time.perf_counter()
        self._keeper = keeper
        self._known: dict[str, MeasuredRow] = {}
        self._n_resumed = 0
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
            if self._keeper is not None:
                kept = self._keeper.begin(self._deciding(model))
                self._known = {row.image_id: row for row in kept}
            index, labelling = stages.index(listing, model)
            self._failed += index.failed
            images = index.entries[: self._spec.max_images]
            batch = batch_limit(self._spec, model.input_size)
            seats = self._seats(model, crew)
            stages.call(seats[0].preparation(batch)[-1])
            self._look(stages, images, model)
            with closing(LocalExecutor(seats, worker, batch=batch)) as executor:
                self._lease(executor, images)
        except AuditCancelled:
            self._emit(MeasurementFinished(measured=None, is_cancelled=True))
            return
        finally:
            worker.kill()
            if self._keeper is not None:
                self._keeper.close()
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

    def _deciding(self, model: AuditedModel) -> dict[str, Any]:  # Any: JSON
        """Return all that decides a row, beside its image and label."""
        options = self._spec.to_dict()
        return {
            "rows": ROW_VERSION,
            self._request.kind: request_to_wire(self._request),
            **{name: options[name] for name in DECIDING},
            "model": model.record.identity,
            "output": model.graph.output_name,
            "preprocessing": preprocessing_values(model),
            "provider": model.provider,
            "onnxruntime": minor_version(model.onnxruntime),
        }

    def _look(
        self, stages: Preparation, images: Sequence[IndexedImage], model: AuditedModel
    ) -> None:
        """Refuse a model that is near chance on the first images, unless some were measured."""
        items = [
            LeaseItem(index=place, image=image)
            for place, image in enumerate(images[:LOOK_IMAGES])
            if image.label is not None
        ]
        if self._known or len(items) < LEAST_IMAGES or self._is_without_clean_images():
            return
        stages.begin(Stage.QUICK_LOOK)
        try:
            reply = stages.call({"task": QUICK_LOOK, "items": [one.to_wire() for one in items]})
        except MemoryExhaustedError:
            return  # the batch is too large: it is halved, and the look left out
        refuse_near_chance(reply["n_right"], reply["n_images"], model.n_classes)

    def _is_without_clean_images(self) -> bool:
        """Say whether the images are those of a corruption, where errors may be many."""
        request = self._request
        return isinstance(request, ReadyMadeRequest) and (
            Path(request.root, request.folders[0]) == self._spec.images.absolute()
        )

    def _lease(self, executor: LocalExecutor, images: Sequence[IndexedImage]) -> None:
        """Lease images until all are done or the user cancels."""
        size = images_a_lease(self._request)
        items = []
        for place, image in enumerate(images):
            known = self._known.get(image.image_id)
            if known is not None and self._is_of(known, image):
                self._rows.append(replace(known, index=place, path=image.path))
            else:
                items.append(LeaseItem(index=place, image=image))
        self._n_resumed = len(self._rows)
        leases = deque(
            replace(Lease.of(items[start : start + size], number=number), task=MEASURE)
            for number, start in enumerate(range(0, len(items), size))
        )
        self._emit(Preparing(stage=Stage.MEASURING, done=len(self._rows), total=len(images)))
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
                    row = MeasuredRow.from_wire(answer)
                    if self._keeper is not None:
                        self._keeper.put(row)
                    self._rows.append(row)
                    self._report(len(images), time.perf_counter() - started)
                case {"kind": "failed", "path": path, "reason": reason}:
                    self._failed.append(FailedImage(path=path, reason=reason))
                    self._emit(ImageFailed(path=path, reason=reason))
                case {"kind": "done", "n_evaluations": n_evaluations}:
                    self._n_evaluations += n_evaluations
                case {"kind": kind, "message": message}:  # a worker lost, or a batch halved
                    self._emit(Warned(code=f"worker_{kind}", message=message))

    def _is_of(self, row: MeasuredRow, image: IndexedImage) -> bool:
        """Say whether a kept row is of an image, its label, and, from files, its copies."""
        is_same_file = row.path == image.path or not isinstance(self._request, ReadyMadeRequest)
        return image.label in {None, row.label} and is_same_file

    def _report(self, n_images: int, elapsed_s: float) -> None:
        row = self._rows[-1]
        n_done = len(self._rows)
        each_s = elapsed_s / (n_done - self._n_resumed)  # those from before took no time now
        self._emit(
            ImageDone(
                index=row.index,
                path=row.path,
                n_done=n_done,
                n_images=n_images,
                elapsed_s=elapsed_s,
                remaining_s=each_s * (n_images - n_done),
                evaluations_per_s=self._n_evaluations / elapsed_s if elapsed_s else 0.0,
            )
        )

    def _measured(
        self, stages: Preparation, model: AuditedModel, index: ImageIndex, labelling: Labelling
    ) -> Measured | None:
        if len(self._rows) < MIN_ROWS:
            if self._control.is_cancelled:
                return None
            reason = self._failed[0].reason if self._failed else "give more images"
            raise ImageError(
                f"Expected at least {MIN_ROWS} images with values, found {len(self._rows)}: "
                f"{reason.rstrip('.')}."
            )
        rows = MeasuredRows.stack(self._rows)
        accuracy = float((rows.prediction == rows.label).mean())
        if is_near_chance(accuracy, model.n_classes):
            stages.warn(
                "near_chance",
                f"Top-1 on unchanged images is {accuracy:.3f}, near chance: labels or "
                "preprocessing may be wrong, and what is measured means nothing.",
            )
        warnings = with_failures(
            stages.warnings, self._failed, n_known=len(index.failed), n_used=len(rows)
        )
        for one in warnings:
            if one not in stages.warnings:
                self._emit(Warned(code=one.code, message=one.message))
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
            n_resumed=self._n_resumed,
            warnings=warnings,
            rows=rows,
        )
