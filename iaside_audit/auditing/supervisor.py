"""The stages of an audit: model, data, plan, leases, result."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from iaside_audit._version import __version__
from iaside_audit.auditing import assemble
from iaside_audit.auditing.assistant import find_misconfiguration
from iaside_audit.auditing.leases import POLL_S, LeaseRun
from iaside_audit.auditing.model import open_model
from iaside_audit.auditing.plan import STATISTICS_IMAGES, make_plan
from iaside_audit.auditing.settings import EvaluationSettings
from iaside_audit.auditing.workers import raise_if_error
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import ImageError
from iaside_audit.events import (
    AuditCancelled,
    Cancelled,
    Finished,
    ImageFailed,
    Planned,
    Preparing,
    Warned,
)
from iaside_audit.images import FROM_MODEL, find_images, index_images, resolve_labels
from iaside_audit.result import AuditResult, AuditWarning, DataRecord, RuntimeRecord, Tool
from iaside_audit.rows import ValueRow, ValueRows
from iaside_audit.spec import Mode
from iaside_audit.spectrum import baseline_needs, make_partition
from iaside_audit.store import MemoryRowStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.events import Control, Event
    from iaside_audit.images import ImageIndex, Labelling, Listing
    from iaside_audit.result import FailedImage
    from iaside_audit.spec import AuditSpec

MIN_ROWS: Final = 2
"""Fewer rows give no partial result."""
ENLARGED_SHARE: Final = 0.25
"""More enlarged images than this share are worth a warning: their high bands are interpolated."""


class Supervisor:
    """Runs one audit.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    control : Control
        Looked at between any two replies of the worker.
    emit : callable
        Takes the events.
    start_worker : callable
        Starts the worker that runs the model.
    """

    def __init__(
        self,
        spec: AuditSpec,
        control: Control,
        emit: Callable[[Event], None],
        start_worker: Callable[[], Worker],
    ) -> None:
        self._spec = spec
        self._control = control
        self._emit = emit
        self._start_worker = start_worker
        self._warnings: list[AuditWarning] = []

    def run(self) -> None:
        """Run every stage; the last event is ``Finished`` or ``Cancelled``."""
        try:
            listing = find_images(self._spec.images)
            worker = self._start_worker()
            try:
                self._emit(self._audit(worker, listing))
            finally:
                worker.kill()
        except AuditCancelled:
            self._emit(Cancelled(partial=None))

    def _audit(self, worker: Worker, listing: Listing) -> Finished | Cancelled:
        """Go from an idle worker to the last event."""
        started = time.perf_counter()
        spec = self._spec
        self._emit(Preparing(stage="opening the model"))
        model = open_model(spec, lambda message: self._call(worker, message))
        edges = self._edges(model)
        labelling = resolve_labels(
            listing, labels=spec.labels, classes=spec.classes, n_classes=model.n_classes
        )
        for message in labelling.warnings:
            self._warn("labels", message)
        index = self._index(listing, labelling)
        plan = make_plan(spec, index, size=model.input_size)
        digest = self._settle(worker, index, model, plan)
        self._check_preprocessing(worker, index, model, plan)
        self._warn_of_data(index, plan, model)
        self._emit(_planned(model, plan, n_failed=len(index.failed)))
        labels_are_own = labelling.source == FROM_MODEL
        store = MemoryRowStore(range(len(plan.images)))
        run = LeaseRun(
            spec,
            plan,
            worker,
            store,
            self._control,
            self._emit,
            edges=edges,
            labels_are_own=labels_are_own,
        )
        run.run()
        rows = run.used_rows()
        if self._control.is_cancelled and len(rows) < MIN_ROWS:
            return Cancelled(partial=None)
        runtime = RuntimeRecord(
            provider_requested=spec.device,
            provider=model.provider,
            onnxruntime=model.onnxruntime,
            device=model.device,
            threads=model.threads,
            batch=plan.batch,
            lease_images=plan.lease_images,
            workers=1,
            fused=False,
            elapsed_s=time.perf_counter() - started,
            n_evaluations=run.n_evaluations,
            n_cached=0,
            evaluations_per_s=run.evaluations_per_s,
            checks=model.checks,
        )
        failed = (*index.failed, *run.failed)
        data = DataRecord(
            path=str(spec.images),
            n_images=len(rows),
            n_failed=len(failed),
            manifest_sha256=index.manifest_sha256,
            labels=labelling.source,
            statistics_digest=digest,
            n_available=len(index.entries),
            n_ignored=labelling.n_ignored,
            failed=failed,
        )
        result = self._result(
            rows, plan, model, data, runtime, edges, run.has_converged(), labels_are_own
        )
        if self._control.is_cancelled:
            return Cancelled(partial=result)
        return Finished(result=result)

    def _call(self, worker: Worker, message: Message) -> Message:
        """Send one task and return its last reply; cancelling ends the wait."""
        worker.send(message)
        while not self._control.is_cancelled:
            reply = worker.receive(POLL_S)
            if reply is not None:
                raise_if_error(reply)
                return reply
        raise AuditCancelled("The audit was cancelled.")

    def _edges(self, model: AuditedModel) -> tuple[float, ...]:
        """Return the edges of the bands, once they fit the frame."""
        spec = self._spec
        frame = spec.frame
        height, width = (frame, frame) if isinstance(frame, int) else model.input_size
        return make_partition(
            height=height,
            width=width,
            n_bands=spec.bands,
            norm=spec.norm,
            spacing=spec.spacing,
        ).edges

    def _index(self, listing: Listing, labelling: Labelling) -> ImageIndex:
        """Decode every image once: identities, canonical order, damaged ones left out."""
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
        for failure in index.failed:
            self._emit(ImageFailed(path=failure.path, reason=failure.reason))
        return index

    def _settle(
        self, worker: Worker, index: ImageIndex, model: AuditedModel, plan: AuditPlan
    ) -> str | None:
        """Fix what decides the numbers; return the digest of the data-set statistics, if any."""
        settings = EvaluationSettings(
            spec=self._spec,
            estimator=plan.estimator,
            preprocessing=model.preprocessing,
            batch=plan.batch,
        )
        message: Message = {
            "task": "settle",
            "settings": settings.to_wire(),
        }
        digest = None
        if baseline_needs(self._spec.baseline).statistics and self._spec.mode == Mode.CORRECTED:
            self._emit(Preparing(stage="measuring the data set"))
            statistics = self._call(
                worker,
                {
                    "task": "statistics",
                    "preprocessing": asdict(settings.frame_preprocessing),
                    "images": [one.to_wire() for one in index.entries[:STATISTICS_IMAGES]],
                },
            )
            digest = str(statistics["digest"])
            message |= {name: statistics[name] for name in ("mean_colour", "power", "n_images")}
        self._call(worker, message)
        return digest

    def _check_preprocessing(
        self, worker: Worker, index: ImageIndex, model: AuditedModel, plan: AuditPlan
    ) -> None:
        """Warn where a usual recipe is clearly better; no row depends on it."""
        message = find_misconfiguration(
            lambda message: self._call(worker, message),
            model.graph,
            index.entries,
            model.preprocessing,
            n_classes=model.n_classes,
            batch=plan.batch,
        )
        if message is not None:
            self._warn("preprocessing", message)

    def _warn_of_data(self, index: ImageIndex, plan: AuditPlan, model: AuditedModel) -> None:
        """Say what about the images a reader of the numbers must know."""
        if index.failed:
            self._warn(
                "images_failed",
                f"{len(index.failed)} of {len(index.failed) + len(index.entries)} images could "
                "not be read and were left out.",
            )
        short = min(model.input_size)
        n_enlarged = sum(min(image.height, image.width) < short for image in plan.images)
        if n_enlarged > ENLARGED_SHARE * len(plan.images):
            self._warn(
                "images_enlarged",
                f"{n_enlarged} of {len(plan.images)} images are smaller than the model's input of "
                f"{short} px and were enlarged: their high bands hold no signal.",
            )
        for warning in assemble.check_warnings(model.checks):
            self._warn(warning.code, warning.message)
        if model.graph.input_dtype == "uint8":
            self._warn(
                "uint8_input",
                "The model takes uint8: mixtures of bands were clipped to 0..255 and rounded, so "
                "the bands do not add up exactly.",
            )
        elif model.graph.quantizes_input:
            self._warn(
                "quantized_input",
                "The model quantises its input, which saturates: mixtures of bands beyond its "
                "range were cut.",
            )
        if self._spec.mode == Mode.REFERENCE:
            asked = len(index.listed[: self._spec.max_images])
            if asked != len(plan.images):
                self._warn(
                    "short_batch",
                    f"The last {asked - len(plan.images)} images fill no batch of "
                    f"{self._spec.reference_batch} and were dropped.",
                )

    def _warn(self, code: str, message: str) -> None:
        self._warnings.append(AuditWarning(code=code, message=message))
        self._emit(Warned(code=code, message=message))

    def _result(
        self,
        rows: list[ValueRow],
        plan: AuditPlan,
        model: AuditedModel,
        data: DataRecord,
        runtime: RuntimeRecord,
        edges: tuple[float, ...],
        converged: bool | None,  # noqa: FBT001 - a fact among facts
        labels_are_own: bool,  # noqa: FBT001
    ) -> AuditResult:
        """Assemble the result from its rows."""
        spec = self._spec
        if not rows:
            raise ImageError(_why_no_rows(data.failed))
        stacked = ValueRows.stack(rows)
        profiles = assemble.image_profiles(
            stacked, spec, plan.estimator, labels_are_own=labels_are_own
        )
        profile = assemble.estimate(profiles, spec)
        values = assemble.values_record(profile, profiles, rows)
        for warning in assemble.number_warnings(spec, profile, values, n_classes=model.n_classes):
            self._warn(warning.code, warning.message)
        return AuditResult(
            tool=Tool(name="iaside-audit", version=__version__),
            created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            spec=spec,
            model=model.record,
            data=data,
            runtime=runtime,
            bands=assemble.band_results(profile, edges),
            score=assemble.score_result(profile, spec),
            values=values,
            accuracy=assemble.accuracy_result(profile),
            estimator=assemble.estimator_record(
                spec,
                plan.estimator,
                n_images=len(rows),
                n_evaluations=plan.shared_evaluations + len(rows) * plan.evaluations_per_image,
                converged=converged,
            ),
            warnings=tuple(self._warnings),
            stored_rows=stacked,
        )


def _planned(model: AuditedModel, plan: AuditPlan, *, n_failed: int) -> Planned:
    return Planned(
        model=model.record,
        estimator=plan.estimator.value,
        n_images=len(plan.images),
        n_failed=n_failed,
        evaluations_per_image=plan.evaluations_per_image,
        n_evaluations=plan.n_evaluations,
        provider=model.provider,
        device=model.device,
        threads=model.threads,
        batch=plan.batch,
        preprocessing_source=model.preprocessing.source,
    )


def _why_no_rows(failed: tuple[FailedImage, ...]) -> str:
    """Explain an audit of which every image failed."""
    reason, n_times = Counter(one.reason for one in failed).most_common(1)[0]
    return (
        f"Expected at least one image with values, found that all {len(failed)} failed; "
        f"{n_times} because {reason.rstrip('.')}. Check the images, or choose another --baseline."
    )
