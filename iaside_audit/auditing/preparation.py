"""What comes before the first lease: model, images, labels, what decides the numbers, and the crew.

The crew is how many workers run, and where.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from iaside_audit.auditing.evaluation.settings import EvaluationSettings
from iaside_audit.auditing.executor import POLL_S, Seat
from iaside_audit.auditing.model import open_model
from iaside_audit.auditing.outcome.notices import failure_warning
from iaside_audit.auditing.plan import STATISTICS_IMAGES
from iaside_audit.auditing.workers import raise_if_error
from iaside_audit.choices import Mode, device_list, local_workers
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import MemoryExhaustedError
from iaside_audit.events import AuditCancelled, ImageFailed, Preparing, Stage, Warned
from iaside_audit.images import FROM_MODEL, index_images, resolve_labels
from iaside_audit.result import AuditWarning
from iaside_audit.spectrum import baseline_needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.auditing.cluster.connection import Cluster
    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.events import Control, Event
    from iaside_audit.images import ImageIndex, Labelling, Listing
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.spec import AuditSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """How many workers run, where, and with how many threads each.

    Parameters
    ----------
    devices : tuple of str
        One for each worker.
    threads : int or None
        Of each worker's session; all of the machine's for None.
    """

    devices: tuple[str, ...]
    threads: int | None

    @classmethod
    def of(
        cls, spec: AuditSpec, *, threads_before: int | None = None, cluster: Cluster | None = None
    ) -> Crew:
        """Share out devices and threads.

        Parameters
        ----------
        spec : AuditSpec
            What is asked.
        threads_before : int or None
            Of the store that is continued: rows repeat to the bit with the same number.
        cluster : Cluster or None
            Where the leases run, unless here.
        """
        listed = device_list(spec.device)
        n_workers = spec.workers if isinstance(spec.workers, int) else len(listed)
        threads = spec.threads if isinstance(spec.threads, int) else threads_before
        if cluster is not None and not cluster.is_local:
            n_workers, threads = cluster.n_workers, threads or cluster.threads
        elif (n_local := local_workers(spec.scheduler)) is not None:
            n_workers = n_local
        if threads is None and n_workers > 1:
            threads = max(1, available_threads() // n_workers)
        devices = tuple(listed[number % len(listed)] for number in range(n_workers))
        return cls(devices=devices, threads=threads)


class Preparation:
    """The stages before the first lease, each with its events.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    worker : Worker
        The first one; its model is opened here.
    control : Control
        Looked at between any two replies of the worker.
    emit : callable
        Takes the events.

    Attributes
    ----------
    warnings : list of AuditWarning
        What was found that a reader of the numbers must know.
    """

    def __init__(
        self,
        spec: AuditSpec,
        worker: Worker,
        control: Control,
        emit: Callable[[Event], None],
    ) -> None:
        self._spec = spec
        self._worker = worker
        self._control = control
        self._emit = emit
        self.warnings: list[AuditWarning] = []

    def call(self, message: Message) -> Message:
        """Send one task and return its last reply; cancelling ends the wait.

        Raises
        ------
        AuditCancelled
            If the user asked to stop.
        IASideError
            As the worker reports it.
        """
        self._worker.send(message)
        while not self._control.is_cancelled:
            reply = self._worker.receive(POLL_S)
            if reply is not None:
                raise_if_error(reply)
                return reply
        raise AuditCancelled("The audit was cancelled.")

    def warn(self, code: str, message: str) -> None:
        """Note what a reader of the numbers must know, and say it now."""
        self.warnings.append(AuditWarning(code=code, message=message))
        self._emit(Warned(code=code, message=message))

    def begin(self, stage: Stage) -> None:
        """Say which stage begins."""
        self._emit(Preparing(stage=stage))

    def open_model(self, crew: Crew, *, preprocessing: Preprocessing | None = None) -> AuditedModel:
        """Open the model in the first worker; `preprocessing` is looked for unless given."""
        self.begin(Stage.OPENING_MODEL)
        return open_model(
            self._spec,
            self.call,
            device=crew.devices[0],
            threads=crew.threads,
            preprocessing=preprocessing,
        )

    def index(self, listing: Listing, model: AuditedModel) -> tuple[ImageIndex, Labelling]:
        """Decode every image once: identities, canonical order, damaged ones left out."""
        spec = self._spec
        labelling = resolve_labels(
            listing, labels=spec.labels, classes=spec.classes, n_classes=model.n_classes
        )
        for message in labelling.warnings:
            self.warn("labels", message)
        index = read_images(
            listing, labelling, seed=spec.seed, control=self._control, emit=self._emit
        )
        for failure in index.failed:
            self._emit(ImageFailed(path=failure.path, reason=failure.reason))
        if index.failed:
            warning = failure_warning(index.failed, n_used=len(index.entries))
            self.warn(warning.code, warning.message)
        return index, labelling

    def settle(
        self, index: ImageIndex, model: AuditedModel, plan: AuditPlan
    ) -> tuple[AuditPlan, Message]:
        """Fix what decides the numbers; return the plan that fits the memory, and the task."""
        message: Message = {"task": "settle"}
        if baseline_needs(self._spec.baseline).statistics and self._spec.mode == Mode.CORRECTED:
            self.begin(Stage.MEASURING_DATA)
            settings = settings_of(self._spec, model, plan, plan.batch)
            statistics = self.call(
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
            settings = settings_of(self._spec, model, plan, plan.batch)
            try:
                reply = self.call({**message, "settings": settings.to_wire()})
            except MemoryExhaustedError:
                if plan.batch == 1:
                    raise
                plan = replace(plan, batch=-(-plan.batch // 2))
            else:
                return plan, {**message, "n_evaluations": reply["n_evaluations"]}


def read_images(
    listing: Listing,
    labelling: Labelling,
    *,
    seed: int,
    control: Control,
    emit: Callable[[Event], None],
) -> ImageIndex:
    """Decode every image of a list once, say how far that is, and stop where the user says so."""
    return index_images(
        listing,
        labelling,
        seed=seed,
        workers=available_threads(),
        on_progress=lambda done, total: emit(
            Preparing(stage=Stage.READING_IMAGES, done=done, total=total)
        ),
        is_cancelled=lambda: control.is_cancelled,
    )


def labels_are_own(labelling: Labelling) -> bool:
    """Say whether the labels are the model's predictions."""
    return labelling.source == FROM_MODEL


def settings_of(
    spec: AuditSpec, model: AuditedModel, plan: AuditPlan, batch: int
) -> EvaluationSettings:
    """Return what a worker must know to evaluate leases of a plan in batches of `batch` rows."""
    return EvaluationSettings(
        spec=spec, estimator=plan.estimator, preprocessing=model.preprocessing, batch=batch
    )


def seats_of(
    spec: AuditSpec,
    model: AuditedModel,
    plan: AuditPlan,
    settling: Message,
    crew: Crew,
    start_worker: Callable[[], Worker],
) -> list[Seat]:
    """Return where the workers of an audit are started, and how they are made ready."""

    def seat(device: str) -> Seat:
        def preparation(batch: int) -> list[Message]:
            settings = settings_of(spec, model, plan, batch)
            return [
                {**model.opening, "device": device},
                {**settling, "settings": settings.to_wire()},
            ]

        return Seat(start=start_worker, preparation=preparation)

    return [seat(device) for device in crew.devices]
