"""The stages of an audit: model, data, plan, leases, result."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing import assemble
from iaside_audit.auditing.assistant import find_misconfiguration
from iaside_audit.auditing.cluster import open_cluster
from iaside_audit.auditing.conclude import AuditContext, conclude
from iaside_audit.auditing.dask_executor import DaskExecutor
from iaside_audit.auditing.executor import LocalExecutor, Seat
from iaside_audit.auditing.leases import LeaseRun
from iaside_audit.auditing.plan import STATISTICS_IMAGES, make_plan
from iaside_audit.auditing.preparation import Crew, Preparation, labels_are_own
from iaside_audit.auditing.recall import CachedRows
from iaside_audit.auditing.record import (
    cache_facts,
    check_continues,
    store_header,
    wanted_images,
)
from iaside_audit.auditing.settings import EvaluationSettings
from iaside_audit.choices import Mode
from iaside_audit.errors import MemoryExhaustedError, StoreError
from iaside_audit.events import AuditCancelled, Cancelled, Finished, Planned, Preparing, Warned
from iaside_audit.images import find_images
from iaside_audit.result import DataRecord, RuntimeRecord
from iaside_audit.spectrum import baseline_needs, make_partition
from iaside_audit.store import (
    STORE_NAME,
    MemoryRowStore,
    SqliteRowStore,
    StoreHeader,
    has_begun,
    read_header,
    set_aside,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from iaside_audit.auditing.cluster import Cluster
    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.events import Control, Event
    from iaside_audit.images import ImageIndex, Labelling, Listing
    from iaside_audit.spec import AuditSpec

MIN_ROWS: Final = 2
"""Fewer rows give no partial result."""
LOSS_IMAGES: Final = 4
"""On so many images the loss of a uint8 input is measured: a thousand mixtures, in a second."""
ENLARGED_SHARE: Final = 0.25
"""More enlarged images than this share are worth a warning: their high bands are interpolated."""


class Supervisor:
    """Runs one audit.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    control : Control
        Looked at between any two answers of the workers.
    emit : callable
        Takes the events.
    start_worker : callable
        Starts a worker that runs the model.
    out : Path or None
        Folder whose ``values.sqlite`` keeps the rows; they are kept in memory only for None.
    cache : Path or None
        File of the rows of earlier audits.
    """

    def __init__(
        self,
        spec: AuditSpec,
        control: Control,
        emit: Callable[[Event], None],
        start_worker: Callable[[], Worker],
        *,
        out: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        self._spec = spec
        self._control = control
        self._emit = emit
        self._start_worker = start_worker
        self._store_path = None if out is None else out / STORE_NAME
        self._cache_path = cache
        self._started = time.perf_counter()

    def run(self) -> None:
        """Run every stage; the last event is ``Finished`` or ``Cancelled``."""
        try:
            listing = find_images(self._spec.images)
            before = self._header_before()
            with self._cluster() as cluster:
                worker = self._start_worker()
                try:
                    self._emit(self._audit(worker, listing, before, cluster))
                finally:
                    worker.kill()
        except AuditCancelled:
            self._emit(Cancelled(partial=None))

    def _header_before(self) -> StoreHeader | None:
        """Return the header of the store that is to be continued, if there is one."""
        path = self._store_path
        if path is None or not self._spec.resume or not has_begun(path):
            return None
        return read_header(path)

    def _cluster(self) -> AbstractContextManager[Cluster | None]:
        """Connect to the cluster that is asked for, if one is."""
        return open_cluster(
            self._spec,
            is_cancelled=lambda: self._control.is_cancelled,
            say=lambda stage: self._emit(Preparing(stage=stage)),
        )

    def _audit(
        self,
        worker: Worker,
        listing: Listing,
        before: StoreHeader | None,
        cluster: Cluster | None,
    ) -> Finished | Cancelled:
        """Go from an idle worker to the last event."""
        spec = self._spec
        settings_before = None if before is None else before.settings
        threads_before = (settings_before or {}).get("threads")
        crew = Crew.of(spec, threads_before=threads_before, cluster=cluster)
        stages = Preparation(spec, worker, self._control, self._emit)
        model = stages.open_model(crew)
        if self._store_path is not None and before is not None:
            check_continues(self._store_path, before, spec, model)
        edges = self._edges(model)
        index, labelling = stages.index(listing, model)
        plan = make_plan(spec, index, size=model.input_size, before=settings_before)
        plan, settling = self._settle(stages, index, model, plan)
        self._check_preprocessing(stages, index, model, plan)
        self._warn_of_data(stages, index, plan, model)
        context = self._context(stages, model, index, labelling, plan, settling, crew, edges)
        self._emit(_planned(model, plan, n_failed=len(index.failed)))
        with ExitStack() as opened:
            store = self._open_store(model, plan, context)
            if isinstance(store, SqliteRowStore):
                opened.enter_context(closing(store))
            cached = self._open_cache(model, plan, context)
            if cached is not None:
                opened.enter_context(closing(cached))
            seats = self._seats(model, plan, settling, crew)
            executor = self._executor(seats, worker, cluster, model, plan)
            opened.enter_context(closing(executor))
            run = LeaseRun(
                context,
                plan,
                executor,
                store,
                self._control,
                self._emit,
                n_workers=len(crew.devices),
                cached=cached,
                on_batch=lambda batch: _note_batch(store, batch),
            )
            run.run()
            return self._last_event(context, run, store)

    def _last_event(
        self, context: AuditContext, run: LeaseRun, store: MemoryRowStore | SqliteRowStore
    ) -> Finished | Cancelled:
        """Assemble the result."""
        rows = run.used_rows()
        if self._control.is_cancelled and len(rows) < MIN_ROWS:
            return Cancelled(partial=None)
        runtime = replace(
            context.runtime,
            batch=_batch_of(store, context.runtime.batch),
            elapsed_s=time.perf_counter() - self._started,
            n_evaluations=context.runtime.n_evaluations + run.n_evaluations,
            n_cached=run.n_cached,
            n_resumed=store.n_resumed if isinstance(store, SqliteRowStore) else 0,
            n_workers_lost=run.n_lost,
            evaluations_per_s=run.evaluations_per_s,
        )
        context = replace(context, runtime=runtime)
        if isinstance(store, SqliteRowStore):
            store.describe(replace(store.header, context=context.to_document()))
        result = conclude(context, rows, run.failures(), converged=run.has_converged())
        for warning in result.warnings:
            if warning not in context.warnings:
                self._emit(Warned(code=warning.code, message=warning.message))
        if self._control.is_cancelled:
            return Cancelled(partial=result)
        return Finished(result=result)

    def _edges(self, model: AuditedModel) -> tuple[float, ...]:
        """Return the edges of the bands, once they fit the frame."""
        spec = self._spec
        frame = spec.frame
        height, width = model.input_size
        if isinstance(frame, int):
            height, width = model.preprocessing.at_frame(frame).crop_size
        return make_partition(
            height=height,
            width=width,
            n_bands=spec.bands,
            norm=spec.norm,
            spacing=spec.spacing,
        ).edges

    def _settle(
        self, stages: Preparation, index: ImageIndex, model: AuditedModel, plan: AuditPlan
    ) -> tuple[AuditPlan, Message]:
        """Fix what decides the numbers; return the plan that fits the memory, and the task."""
        message: Message = {"task": "settle"}
        if baseline_needs(self._spec.baseline).statistics and self._spec.mode == Mode.CORRECTED:
            stages.begin("measuring the data set")
            settings = _settings(self._spec, model, plan, plan.batch)
            statistics = stages.call(
                {
                    "task": "statistics",
                    "preprocessing": asdict(settings.frame_preprocessing),
                    "images": [one.to_wire() for one in index.entries[:STATISTICS_IMAGES]],
                },
            )
            message |= {
                name: statistics[name] for name in ("mean_colour", "power", "n_images", "digest")
            }
        while True:
            settings = _settings(self._spec, model, plan, plan.batch)
            try:
                reply = stages.call({**message, "settings": settings.to_wire()})
            except MemoryExhaustedError:
                if plan.batch == 1:
                    raise
                plan = replace(plan, batch=-(-plan.batch // 2))
            else:
                return plan, {**message, "n_evaluations": reply["n_evaluations"]}

    def _seats(
        self, model: AuditedModel, plan: AuditPlan, settling: Message, crew: Crew
    ) -> list[Seat]:
        """Return where workers are started, and how they are made ready."""

        def seat(device: str) -> Seat:
            def preparation(batch: int) -> list[Message]:
                settings = _settings(self._spec, model, plan, batch)
                return [
                    {**model.opening, "device": device},
                    {**settling, "settings": settings.to_wire()},
                ]

            return Seat(start=self._start_worker, preparation=preparation)

        return [seat(device) for device in crew.devices]

    def _executor(
        self,
        seats: Sequence[Seat],
        worker: Worker,
        cluster: Cluster | None,
        model: AuditedModel,
        plan: AuditPlan,
    ) -> LocalExecutor | DaskExecutor:
        """Choose where the leases run; `worker` goes on here, and has no work beside a cluster."""
        if cluster is None:
            return LocalExecutor(seats, worker, batch=plan.batch)
        worker.kill()
        return DaskExecutor(
            cluster,
            seats[0].preparation,
            batch=plan.batch,
            opened={"provider": model.provider, "onnxruntime": model.onnxruntime},
            max_model_bytes=self._spec.max_model_bytes,
        )

    def _open_store(
        self, model: AuditedModel, plan: AuditPlan, context: AuditContext
    ) -> MemoryRowStore | SqliteRowStore:
        """Open the rows on disk, those that are there included; or keep them in memory."""
        path = self._store_path
        if path is None:
            return MemoryRowStore(plan.indices)
        if not self._spec.resume and path.exists():
            aside = set_aside(path)
            self._emit(
                Warned(code="store", message=f"The old rows were moved aside, to '{aside.name}'.")
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Expected to make the folder '{path.parent}', found: {error.strerror or error}. "
                "Choose another output folder.",
                path=str(path.parent),
            ) from error
        header = store_header(self._spec, model, plan, context)
        store = SqliteRowStore(path, header, wanted_images(plan))
        for note in store.notes:
            self._emit(Warned(code="store", message=note))
        return store

    def _open_cache(
        self, model: AuditedModel, plan: AuditPlan, context: AuditContext
    ) -> CachedRows | None:
        facts = cache_facts(self._spec, model, context)
        if self._cache_path is None or facts is None:
            return None
        return CachedRows(
            self._cache_path,
            facts,
            model=model.record.path,
            provider=model.provider,
            spec=self._spec,
            plan=plan,
            complain=lambda message: self._emit(Warned(code="cache", message=message)),
        )

    def _context(
        self,
        stages: Preparation,
        model: AuditedModel,
        index: ImageIndex,
        labelling: Labelling,
        plan: AuditPlan,
        settling: Message,
        crew: Crew,
        edges: tuple[float, ...],
    ) -> AuditContext:
        """Return everything of the result but its numbers."""
        digest = settling.get("digest")
        return AuditContext(
            spec=self._spec,
            model=model.record,
            data=DataRecord(
                path=str(self._spec.images),
                n_images=0,
                n_failed=len(index.failed),
                manifest_sha256=index.manifest_sha256,
                labels=labelling.source,
                statistics_digest=None if digest is None else str(digest),
                n_available=len(index.entries),
                n_ignored=labelling.n_ignored,
                failed=index.failed,
            ),
            runtime=RuntimeRecord(
                provider_requested=self._spec.device,
                provider=model.provider,
                onnxruntime=model.onnxruntime,
                device=model.device,
                threads=model.threads,
                batch=plan.batch,
                lease_images=plan.lease_images,
                workers=len(crew.devices),
                fused=False,
                elapsed_s=0.0,
                n_evaluations=int(settling["n_evaluations"]),
                n_cached=0,
                evaluations_per_s=0.0,
                checks=model.checks,
            ),
            estimator=plan.estimator,
            edges=edges,
            labels_are_own=labels_are_own(labelling),
            evaluations_per_image=plan.evaluations_per_image,
            shared_evaluations=plan.shared_evaluations,
            warnings=tuple(stages.warnings),
            class_names=labelling.class_names,
        )

    def _check_preprocessing(
        self, stages: Preparation, index: ImageIndex, model: AuditedModel, plan: AuditPlan
    ) -> None:
        """Warn where a usual recipe is clearly better; no row depends on it."""
        message = find_misconfiguration(
            stages.call,
            model.graph,
            index.entries,
            model.preprocessing,
            n_classes=model.n_classes,
            batch=plan.batch,
        )
        if message is not None:
            stages.warn("preprocessing", message)

    def _warn_of_data(
        self, stages: Preparation, index: ImageIndex, plan: AuditPlan, model: AuditedModel
    ) -> None:
        """Say what about the images a reader of the numbers must know."""
        n_repeated = len(plan.images) - len({image.image_id for image in plan.images})
        if n_repeated:
            stages.warn(
                "images_repeated",
                f"{n_repeated} of {len(plan.images)} images have the content of another one and "
                "count again: intervals are narrower than they should be.",
            )
        short = min(model.input_size)
        n_enlarged = sum(min(image.height, image.width) < short for image in plan.images)
        if n_enlarged > ENLARGED_SHARE * len(plan.images):
            stages.warn(
                "images_enlarged",
                f"{n_enlarged} of {len(plan.images)} images are smaller than the model's input of "
                f"{short} px and were enlarged: their high bands hold no signal.",
            )
        for warning in assemble.check_warnings(model.checks):
            stages.warn(warning.code, warning.message)
        if model.graph.input_dtype == "uint8" and self._spec.mode == Mode.CORRECTED:
            stages.warn("uint8_input", _loss_of_bytes(stages, plan))
        elif model.graph.quantizes_input:
            stages.warn(
                "quantized_input",
                "The model quantises its input, which saturates: mixtures of bands beyond its "
                "range were cut.",
            )
        if self._spec.mode == Mode.REFERENCE:
            asked = len(index.listed[: self._spec.max_images])
            if asked != len(plan.images):
                stages.warn(
                    "short_batch",
                    f"The last {asked - len(plan.images)} images fill no batch of "
                    f"{self._spec.reference_batch} and were dropped.",
                )
        if self._spec.shard is not None:
            stages.warn(
                "shard",
                f"This is shard {self._spec.shard}: {len(plan.indices)} of {len(plan.images)} "
                "images. `iaside-audit merge` joins the shards to the audit.",
            )


def _settings(
    spec: AuditSpec, model: AuditedModel, plan: AuditPlan, batch: int
) -> EvaluationSettings:
    return EvaluationSettings(
        spec=spec, estimator=plan.estimator, preprocessing=model.preprocessing, batch=batch
    )


def _loss_of_bytes(stages: Preparation, plan: AuditPlan) -> str:
    """Measure, on the first images, what rounding and clipping do to the mixtures."""
    whole = replace(plan, shard=(1, 1))  # every shard says the same
    leases = list(islice(whole.leases(), -(-LOSS_IMAGES // plan.lease_images)))
    items = [item.to_wire() for lease in leases for item in lease.items][:LOSS_IMAGES]
    loss = stages.call({"task": "byte_loss", "items": items})
    return (
        "The model takes uint8: mixtures of bands were clipped to 0..255 and rounded, so the bands "
        f"do not add up exactly. On {len(items)} images {loss['share']:.1%} of the pixels were "
        f"clipped, and what the model got differs by {loss['rms']:.1f} of 255 (root mean square)."
    )


def _note_batch(store: MemoryRowStore | SqliteRowStore, batch: int) -> None:
    """Have an audit that is resumed start with the batch that fits the memory."""
    if isinstance(store, SqliteRowStore):
        settings = {**store.header.settings, "batch": batch}
        store.describe(replace(store.header, settings=settings))


def _batch_of(store: MemoryRowStore | SqliteRowStore, batch: int) -> int:
    return int(store.header.settings["batch"]) if isinstance(store, SqliteRowStore) else batch


def _planned(model: AuditedModel, plan: AuditPlan, *, n_failed: int) -> Planned:
    return Planned(
        model=model.record,
        estimator=plan.estimator.value,
        n_images=len(plan.indices),
        n_failed=n_failed,
        evaluations_per_image=plan.evaluations_per_image,
        n_evaluations=plan.n_evaluations,
        provider=model.provider,
        device=model.device,
        threads=model.threads,
        batch=plan.batch,
        preprocessing_source=model.preprocessing.source,
    )
