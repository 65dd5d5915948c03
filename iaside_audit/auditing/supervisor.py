"""The stages of an audit: model, data, plan, leases, result."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.caveats import warn_of_caveats
from iaside_audit.auditing.cluster.connection import open_cluster
from iaside_audit.auditing.cluster.dask_executor import DaskExecutor
from iaside_audit.auditing.executor import LocalExecutor
from iaside_audit.auditing.keeping import Keeping, batch_of, n_resumed, note_batch, note_context
from iaside_audit.auditing.leases import LeaseRun
from iaside_audit.auditing.outcome.conclude import AuditContext, conclude
from iaside_audit.auditing.outcome.notices import stopped_warning
from iaside_audit.auditing.outcome.record import check_continues
from iaside_audit.auditing.plan import make_plan, unused_pairs
from iaside_audit.auditing.preparation import Crew, Preparation, labels_are_own, seats_of
from iaside_audit.events import AuditCancelled, Cancelled, Finished, Planned, Preparing, Warned
from iaside_audit.images import find_images
from iaside_audit.result import DataRecord, RuntimeRecord
from iaside_audit.spectrum import make_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from iaside_audit.auditing.cluster.connection import Cluster
    from iaside_audit.auditing.executor import Seat
    from iaside_audit.auditing.keeping import AuditStore
    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.events import Control, Event
    from iaside_audit.images import ImageIndex, Labelling, Listing
    from iaside_audit.spec import AuditSpec
    from iaside_audit.store import StoreHeader

MIN_ROWS: Final = 2
"""Fewer rows give no partial result."""


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
        self._keeping = Keeping(spec, emit, out=out, cache=cache)
        self._started = time.perf_counter()

    def run(self) -> None:
        """Run every stage; the last event is ``Finished`` or ``Cancelled``."""
        try:
            listing = find_images(self._spec.images)
            before = self._keeping.header_before()
            with self._cluster() as cluster:
                worker = self._start_worker()
                try:
                    self._emit(self._audit(worker, listing, before, cluster))
                finally:
                    worker.kill()
        except AuditCancelled:
            self._emit(Cancelled(partial=None))

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
        if self._keeping.path is not None and before is not None:
            check_continues(self._keeping.path, before, spec, model)
        edges = self._edges(model)
        index, labelling = stages.index(listing, model)
        plan = make_plan(spec, index, size=model.input_size, before=settings_before)
        plan, settling = stages.settle(index, model, plan)
        warn_of_caveats(stages, spec, index, model, plan)
        context = self._context(stages, model, index, labelling, plan, settling, crew, edges)
        self._emit(_planned(spec, model, plan, n_failed=len(index.failed)))
        with ExitStack() as opened:
            store = opened.enter_context(self._keeping.store(model, plan, context))
            cached = opened.enter_context(self._keeping.cache(model, plan, context))
            seats = seats_of(spec, model, plan, settling, crew, self._start_worker)
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
                on_batch=lambda batch: note_batch(store, batch),
            )
            run.run()
            return self._last_event(context, run, store, n_planned=len(plan.indices))

    def _last_event(
        self, context: AuditContext, run: LeaseRun, store: AuditStore, *, n_planned: int
    ) -> Finished | Cancelled:
        """Assemble the result; where the audit was cancelled, it says that it is not the whole."""
        rows = run.used_rows()
        if self._control.is_cancelled and len(rows) < MIN_ROWS:
            return Cancelled(partial=None)
        runtime = replace(
            context.runtime,
            batch=batch_of(store, context.runtime.batch),
            elapsed_s=time.perf_counter() - self._started,
            n_evaluations=context.runtime.n_evaluations + run.n_evaluations,
            n_cached=run.n_cached,
            n_resumed=n_resumed(store),
            n_workers_lost=run.n_lost,
            evaluations_per_s=run.evaluations_per_s,
        )
        context = replace(context, runtime=runtime)
        note_context(store, context)
        failures = run.failures()
        converged = run.has_converged()
        is_stopped = self._control.is_cancelled and not converged
        if is_stopped and len(rows) + len(failures) < n_planned:
            stopped = stopped_warning(n_used=len(rows), n_planned=n_planned)
            context = replace(context, warnings=(stopped, *context.warnings))
        result = conclude(context, rows, failures, converged=converged)
        for warning in result.warnings:
            if warning not in context.warnings:
                self._emit(Warned(code=warning.code, message=warning.message))
        if is_stopped:
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


def _planned(spec: AuditSpec, model: AuditedModel, plan: AuditPlan, *, n_failed: int) -> Planned:
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
        unused_pairs=unused_pairs(spec, plan.estimator),
    )
