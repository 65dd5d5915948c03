"""Whether model and images are those of a result, and give its rows again."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.auditing.executor import POLL_S, LocalExecutor
from iaside_audit.auditing.model import inspect_model, resolve_model
from iaside_audit.auditing.plan import MAX_BATCH, make_plan
from iaside_audit.auditing.preparation import Crew, Preparation, read_images, seats_of
from iaside_audit.auditing.verification.verdicts import Verdict, VerificationCheck
from iaside_audit.choices import DEFAULT_PAIRS, DEFAULT_SAMPLE, SAME_NATS, Estimator, Mode
from iaside_audit.classifier.identity import file_sha256, model_identity
from iaside_audit.classifier.providers import available_threads
from iaside_audit.classifier.safety import check_file
from iaside_audit.errors import InferenceError, ModelError
from iaside_audit.events import AuditCancelled, Preparing, Stage
from iaside_audit.images import find_images, resolve_labels
from iaside_audit.rows import ValueRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from iaside_audit.auditing.executor import Executor
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.events import Control, Event
    from iaside_audit.images import ImageIndex, IndexedImage
    from iaside_audit.result import AuditResult
    from iaside_audit.rows import ValueRows
    from iaside_audit.spec import AuditSpec

MODEL: Final = "the model is the audited one"
IMAGES: Final = "the images are the audited ones"
SAMPLE: Final = "rows come out again"
INCOMPLETE: Final = "it takes model and images"

SHOWN: Final = 12
"""Digits that tell a hash from others; a line of a terminal does not hold two whole ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalsAsked:
    """What a result is held against, beside its own rows.

    Parameters
    ----------
    model : Path or None
        The model's file, or an id of the catalogue.
    images, labels, classes : Path, str and Path, or None
        As in :class:`~iaside_audit.spec.AuditSpec`; labels and classes are the result's for None.
    n_sample : int
        Rows that are made again, where model and images are given.
    seed : int
        Which ones.
    tolerance : float
        Largest difference of a log-probability that is none, in nats.
    device : str
        As in :class:`~iaside_audit.spec.AuditSpec`.
    """

    model: Path | None = None
    images: Path | None = None
    labels: str | None = None
    classes: Path | None = None
    n_sample: int = DEFAULT_SAMPLE
    seed: int = 0
    tolerance: float = SAME_NATS
    device: str = "auto"

    def spec_of(self, result: AuditResult) -> AuditSpec:
        """Return the specification under which rows are made again."""
        spec = result.spec
        walks = result.estimator.kind == Estimator.PERMUTATION
        return replace(
            spec,
            model=self.model or spec.model,
            images=self.images or spec.images,
            labels=spec.labels if self.labels is None else self.labels,
            classes=self.classes or spec.classes,
            estimator=Estimator(result.estimator.kind),
            pairs=spec.pairs if walks else DEFAULT_PAIRS,  # asked for in vain where auto is exact
            device=self.device,
            threads="auto",
            workers=1,
            scheduler=None,
        )


def drawn_seed() -> int:
    """Return a seed that whoever made a result could not know."""
    return secrets.randbelow(2**32)


class OriginalsCheck:
    """Holds a result against its model and images.

    Parameters
    ----------
    result : AuditResult
        As read from its file.
    rows : ValueRows or None
        Those behind its numbers; None where they cannot be read.
    asked : OriginalsAsked
        What there is to hold it against.
    control : Control
        Cancels.
    emit : callable
        Takes the checks, and events meanwhile.
    start_worker : callable
        Starts a worker that runs the model.
    """

    def __init__(
        self,
        result: AuditResult,
        rows: ValueRows | None,
        asked: OriginalsAsked,
        control: Control,
        emit: Callable[[Event | VerificationCheck], None],
        start_worker: Callable[[], Worker],
    ) -> None:
        self._result = result
        self._rows = rows
        self._asked = asked
        self._spec = asked.spec_of(result)
        self._control = control
        self._emit = emit
        self._start_worker = start_worker

    def run(self) -> None:
        """Make the checks, the last of them only where those before it passed."""
        if self._asked.model is None:  # no model, no worker
            self._emit(VerificationCheck.skipped(MODEL, "no model was given"))
            self._emit(self._check_images()[0])
            self._emit(VerificationCheck.skipped(SAMPLE, INCOMPLETE))
            return
        path = resolve_model(self._asked.model)
        check_file(path, max_bytes=self._spec.max_model_bytes)  # hashing a pipe would never end
        worker = self._start_worker()
        try:
            stages = Preparation(self._spec, worker, self._control, self._emit)
            stages.begin(Stage.COMPARING_MODEL)
            model = self._check_model(stages, path)
            self._emit(model)
            images, index = self._check_images()
            self._emit(images)
            if index is None:
                sample = VerificationCheck.skipped(SAMPLE, INCOMPLETE)
            elif Verdict.FAILED in (model.verdict, images.verdict):
                sample = VerificationCheck.skipped(SAMPLE, "model or images are others")
            elif self._rows is None:
                sample = VerificationCheck.skipped(SAMPLE, "there are no rows to compare with")
            else:
                try:
                    sample = self._check_sample(stages, worker, index, self._rows)
                except InferenceError as error:  # that it does not run is what is to be found out
                    sample = VerificationCheck.of(SAMPLE, [error.message], fine="")
            self._emit(sample)
        finally:
            worker.kill()

    def _check_model(self, stages: Preparation, path: Path) -> VerificationCheck:
        record = self._result.model
        faults = []
        if (found := file_sha256(path)) != record.sha256:
            faults.append(f"sha256 {_shown(found)}, the result is of {_shown(record.sha256)}")
        elif record.identity != record.sha256:  # another model is not even opened
            try:
                graph = inspect_model(path, stages.call, output=self._spec.output)
                if model_identity(path, graph.external_files) != record.identity:
                    faults.append("its external data has changed")
            except ModelError as error:  # the file is the audited one: what it refers to is not
                faults.append(error.message)
        return VerificationCheck.of(MODEL, faults, fine=f"sha256 {_shown(record.sha256)}")

    def _check_images(self) -> tuple[VerificationCheck, ImageIndex | None]:
        if self._asked.images is None:
            return VerificationCheck.skipped(IMAGES, "no images were given"), None
        result, spec = self._result, self._spec
        listing = find_images(spec.images)
        labelling = resolve_labels(
            listing,
            labels=spec.labels,
            classes=spec.classes,
            n_classes=result.model.output.n_classes,
        )
        index = read_images(
            listing, labelling, seed=spec.seed, control=self._control, emit=self._emit
        )
        faults = list(self._image_faults(index))
        fine = f"{len(index.entries)} readable, manifest {_shown(index.manifest_sha256)}"
        return VerificationCheck.of(IMAGES, faults, fine=fine), index

    def _image_faults(self, index: ImageIndex) -> Iterator[str]:
        expected = self._result.data.manifest_sha256
        is_same = index.manifest_sha256 == expected
        if not is_same:
            yield f"manifest {_shown(index.manifest_sha256)}, the result is of {_shown(expected)}"
        elif len(index.entries) != self._result.data.n_available:
            n_available = self._result.data.n_available
            yield f"{len(index.entries)} are readable, the result says {n_available}"
        if self._rows is None:
            return
        order = index.entries
        if self._spec.mode == Mode.REFERENCE:
            order = tuple(index.entries[place] for place in index.listed)
        there = {one.image_id for one in order}
        if n_gone := sum(one not in there for one in self._rows.image_id):
            yield f"{n_gone} of {len(self._rows)} audited images are not there"
        elif n_moved := sum(
            not _is_at(order, place, image_id, label)
            for place, image_id, label in zip(
                self._rows.index.tolist(),
                self._rows.image_id,
                self._rows.label.tolist(),
                strict=True,
            )
        ):
            yield f"{n_moved} rows are of other images or labels than the order says"
        elif not is_same:
            yield "every audited image is there: names, or images beyond these, are others"

    def _check_sample(
        self, stages: Preparation, worker: Worker, index: ImageIndex, rows: ValueRows
    ) -> VerificationCheck:
        """Open the model as the audit did, and make a sample of the rows again."""
        runtime = self._result.runtime
        most = self._spec.batch if isinstance(self._spec.batch, int) else MAX_BATCH
        if not 1 <= runtime.batch <= most or runtime.lease_images < 1:
            shape = f"{runtime.lease_images} images a lease, {runtime.batch} rows a batch"
            return VerificationCheck.of(SAMPLE, [f"no audit has {shape}"], fine="")
        is_possible = runtime.threads <= available_threads()
        crew = Crew.of(self._spec, threads_before=runtime.threads if is_possible else None)
        model = stages.open_model(crew, preprocessing=self._result.model.preprocessing)
        plan = make_plan(
            self._spec,
            index,
            size=model.input_size,
            before={
                "batch_asked": self._spec.batch,
                "batch": runtime.batch,
                "lease_images": runtime.lease_images,
            },
        )
        plan, settling = stages.settle(index, model, plan)
        if settling.get("digest") != self._result.data.statistics_digest:
            fault = "the statistics of the data set are others"
            return VerificationCheck.of(SAMPLE, [fault], fine="")
        seats = seats_of(self._spec, model, plan, settling, crew, self._start_worker)
        with closing(LocalExecutor(seats, worker, batch=plan.batch)) as executor:
            return self._sampled(plan, executor, rows, model.provider)

    def _sampled(
        self, plan: AuditPlan, executor: Executor, rows: ValueRows, provider: str
    ) -> VerificationCheck:
        """Make a sample of rows again, in leases of the audit's shape, and compare."""
        asked = self._asked
        n_sample = min(asked.n_sample, len(rows))
        generator = np.random.default_rng(asked.seed)
        chosen = np.sort(generator.choice(len(rows), size=n_sample, replace=False))
        places = {int(rows.index[at]): int(at) for at in chosen}
        for lease in plan.leases():
            if wanted := lease.wanted & places.keys():
                executor.submit(
                    replace(lease, wanted=wanted if plan.is_divisible else lease.wanted)
                )
        faults: list[str] = []
        differences = [0.0]
        n_done = 0
        while not executor.is_idle:
            if self._control.is_cancelled:
                raise AuditCancelled("The verification was cancelled.")
            answer = executor.receive(POLL_S)
            if answer is None or (at := places.get(answer.get("index", -1))) is None:
                continue
            n_done += 1
            self._emit(Preparing(stage=Stage.REPEATING, done=n_done, total=n_sample))
            if answer["kind"] == "failed":
                faults.append(f"{answer['path']}: {answer['reason']}")
                continue
            again = ValueRow(**{name: one for name, one in answer.items() if name != "kind"})
            differences.append(_difference(again, rows, at))
            if not differences[-1] <= asked.tolerance:
                faults.append(f"{again.path} differs by {differences[-1]:.1e} nats")
        if n_done < n_sample:
            faults.append(f"{n_sample - n_done} of {n_sample} rows are none that the audit takes")
        fine = (
            f"{n_done} of {len(rows)}, chosen by seed {asked.seed}, on {provider}; largest "
            f"difference {max(differences):.1e} nats of {asked.tolerance:.0e} allowed"
        )
        return VerificationCheck.of(SAMPLE, faults, fine=fine)


def _shown(digest: str) -> str:
    return f"{digest[:SHOWN]}..."


def _is_at(order: Sequence[IndexedImage], place: int, image_id: str, label: int) -> bool:
    """Say whether the row of a place is of the image that the order has there."""
    if place >= len(order):
        return False
    image = order[place]
    return image.image_id == image_id and image.label in (None, label)


def _difference(again: ValueRow, rows: ValueRows, at: int) -> float:
    """Return the largest difference of two rows in nats; infinite where they are not of one kind.

    Near a tie of the two best classes the prediction hangs on the last digit, and says nothing.
    """
    if not np.array_equal(again.coalitions, rows.coalitions[at]) or again.label != rows.label[at]:
        return np.inf
    with np.errstate(invalid="ignore"):  # reference mode may hold -inf, in both or in none
        differences = [
            np.where(new == old, 0.0, np.abs(new.astype(np.float64) - old))
            for new, old in ((again.log_p, rows.log_p[at]), (again.best_other, rows.best_other[at]))
        ]
    largest = float(np.max(differences))
    is_right = (again.prediction == again.label, rows.prediction[at] == rows.label[at])
    margin = abs(float(again.log_p[1] - again.best_other[1]))
    if is_right[0] != is_right[1] and margin > largest:
        return np.inf
    return np.inf if np.isnan(largest) else largest
