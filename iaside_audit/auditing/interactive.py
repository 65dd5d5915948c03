"""A model to play with: one image, its bands, and any coalition of them at once.

:class:`InteractiveClassifier` owns a child process beside any audit (DESIGN.md, "How the data
flows"). What it is asked is answered in the order of what a person waits for: a new image first,
then a coalition to show, then numbers that need many evaluations. Of each kind only the newest
question counts; an older one is dropped, also half way.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from iaside_audit.auditing.gallery import Gallery, Subject, Surroundings, gather_images
from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.model import open_model
from iaside_audit.auditing.profiles import Explanation, Profiler
from iaside_audit.auditing.settings import EvaluationSettings
from iaside_audit.auditing.workers import ProcessWorker, raise_if_error
from iaside_audit.choices import Estimator, Mode
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import IASideError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.images import ImageRecord
    from iaside_audit.spec import AuditSpec

IDLE_S: Final = 60.0
"""The child is ended after so long without a question; the next one starts it again."""
MAX_THREADS: Final = 2
BATCH: Final = 16
POLL_S: Final = 0.02
STEP_S: Final = 0.05
"""Evaluations that nobody waits for are asked in steps of about so long, to be interrupted."""
MODEL_FIELDS: Final = ("model", "preprocess", "output", "max_model_bytes")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A model that can be explored, and the images to explore it with."""

    spec: AuditSpec
    model: AuditedModel
    gallery: Gallery


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """The best classes of one input, the best first, with natural-log probabilities."""

    classes: tuple[int, ...]
    log_p: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One image cut into bands.

    Parameters
    ----------
    subject : Subject
        What was asked.
    record : ImageRecord
        The image.
    image : (C, H, W) float32
        At the frame, 0..1.
    bands : (M, C, H, W) float32
        They add up to the image; all but the lowest vary around 0.
    spectrum : (H, W) float32
        Common logarithm of the power, its mean over channels; zero frequency in the middle.
    edges : tuple of float
        Of the bands, in rho.
    label : int
        The class whose probability counts.
    label_is_own : bool
        Whether it is the model's own answer.
    top : Top
        What the model says of the whole image.
    size : (int, int)
        Height and width of the file's image, in pixels.
    """

    subject: Subject
    record: ImageRecord
    image: NDArray[np.float32]
    bands: NDArray[np.float32]
    spectrum: NDArray[np.float32]
    edges: tuple[float, ...]
    label: int
    label_is_own: bool
    top: Top
    size: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Composition:
    """One coalition of bands, and what the model sees in it.

    Parameters
    ----------
    subject : Subject
        What was asked.
    code : int
        Of the coalition.
    image : (C, H, W) float32
        As the model is given it, before its normalisation.
    outside : float
        Share of its values outside 0..1, before they are clipped where they are.
    top : Top
        What the model says.
    label_log_p : float
        Natural-log probability of the label.
    elapsed_s : float
        From asking the child to its answer.
    """

    subject: Subject
    code: int
    image: NDArray[np.float32]
    outside: float
    top: Top
    label_log_p: float
    elapsed_s: float


Reply: TypeAlias = Opened | View | Composition | Explanation
Steps: TypeAlias = "Iterator[Reply | None]"


class _Kind(IntEnum):
    """What is asked, the most urgent first; a question drops those of later kinds up to LOOK."""

    OPEN = 0
    LOOK = 1
    COMPOSE = 2
    EXPLAIN = 3


class _ClosingError(Exception):
    """Nobody waits any more."""


class InteractiveClassifier:
    """Answers questions about single images from a child process of its own.

    Parameters
    ----------
    on_reply : callable
        Takes every answer, in a thread of this object.
    on_failed : callable
        Takes what went wrong, in the same thread; the next question starts afresh.
    idle_s : float
        How long the child lives without a question.
    start_worker : callable or None
        Starts the worker; a child process with the usual limits unless given.
    """

    def __init__(
        self,
        on_reply: Callable[[Reply], None],
        on_failed: Callable[[Exception], None],
        *,
        idle_s: float = IDLE_S,
        start_worker: Callable[[AuditSpec], Worker] | None = None,
    ) -> None:
        self._on_reply = on_reply
        self._on_failed = on_failed
        self._idle_s = idle_s
        self._start_worker = start_worker or _start
        self._questions: dict[_Kind, Steps] = {}
        self._changed = threading.Condition()
        self._is_closing = False
        self._child: _Child | None = None
        self._thread = threading.Thread(target=self._serve, name="explorer", daemon=True)
        self._thread.start()

    @property
    def has_child(self) -> bool:
        """Whether the child process lives."""
        return self._child is not None

    def open(self, spec: AuditSpec) -> None:
        """Open a model and find its images; answered by :class:`Opened`."""
        self._ask(_Kind.OPEN, self._open(settled(spec)))

    def look(self, subject: Subject) -> None:
        """Cut an image into bands; answered by :class:`View`."""
        self._ask(_Kind.LOOK, self._look(subject))

    def compose(self, subject: Subject, code: int) -> None:
        """Show the model a coalition; answered by :class:`Composition`."""
        self._ask(_Kind.COMPOSE, self._compose(subject, code))

    def explain(self, subject: Subject) -> None:
        """Find the Shapley values and sweeps of an image; answered by several explanations."""
        self._ask(_Kind.EXPLAIN, self._explain(subject))

    def close(self) -> None:
        """End the child and hear no more of it."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _ask(self, kind: _Kind, steps: Steps) -> None:
        with self._changed:
            dropped = [one for one in self._questions if one >= kind and kind <= _Kind.LOOK]
            for one in dropped:
                del self._questions[one]
            self._questions[kind] = steps
            self._changed.notify()

    def _serve(self) -> None:
        """Run in the thread: one step of the most urgent question after the other."""
        while True:
            with self._changed:
                if not self._questions and not self._is_closing:
                    was_asked = self._changed.wait(self._idle_s if self._child else None)
                    if not was_asked:
                        self._end_child()
                if self._is_closing:
                    break
                if not self._questions:
                    continue
                kind = min(self._questions)
                steps = self._questions[kind]
            self._step(kind, steps)
        self._end_child()

    def _step(self, kind: _Kind, steps: Steps) -> None:
        reply: Reply | None = None
        is_over = False
        try:
            reply = next(steps)
        except StopIteration:
            is_over = True
        except _ClosingError:
            return
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            is_over = True
            if not isinstance(error, IASideError) or self._child is None or self._child.is_broken:
                self._end_child()
            if self._is_current(kind, steps):
                self._on_failed(error)
        if reply is not None and self._is_current(kind, steps):
            self._on_reply(reply)
        if is_over:
            with self._changed:
                if self._questions.get(kind) is steps:
                    del self._questions[kind]

    def _is_current(self, kind: _Kind, steps: Steps) -> bool:
        with self._changed:
            return self._questions.get(kind) is steps

    def _open(self, spec: AuditSpec) -> Steps:
        child = self._child_for(spec)
        yield Opened(spec=spec, model=child.model, gallery=child.gallery_of(spec))

    def _look(self, subject: Subject) -> Steps:
        child = self._child_for(subject.spec)
        reply = child.look(subject)
        gallery = child.gallery_of(subject.spec)
        yield View(
            subject=subject,
            record=gallery.record(subject.place),
            image=reply["image"],
            bands=reply["bands"],
            spectrum=reply["spectrum"],
            edges=tuple(reply["edges"]),
            label=reply["label"],
            label_is_own=gallery.label(subject.place) is None,
            top=_top(reply),
            size=tuple(reply["size"]),
        )

    def _compose(self, subject: Subject, code: int) -> Steps:
        child = self._child_for(subject.spec)
        child.ensure_looked_at(subject)
        started = time.perf_counter()
        reply = child.call({"task": "compose", "code": code})
        yield Composition(
            subject=subject,
            code=code,
            image=reply["image"],
            outside=reply["outside"],
            top=_top(reply),
            label_log_p=reply["label_log_p"],
            elapsed_s=time.perf_counter() - started,
        )

    def _explain(self, subject: Subject) -> Steps:
        profiler = Profiler(subject)
        n_asked = 1
        while (codes := profiler.next_codes(n_asked)).size:
            child = self._child_for(subject.spec)
            child.ensure_looked_at(subject)
            started = time.perf_counter()
            reply = child.call({"task": "ask", "codes": codes})
            each_s = (time.perf_counter() - started) / len(codes)
            n_asked = int(np.clip(STEP_S / max(each_s, 1e-6), 1, BATCH))
            yield profiler.take(codes, reply)

    def _child_for(self, spec: AuditSpec) -> _Child:
        """Return a child in which the model of `spec` is open."""
        key = tuple(str(getattr(spec, name)) for name in MODEL_FIELDS)
        if self._child is None or self._child.key != key:
            self._end_child()
            self._child = _Child(key, self._start_worker(spec), lambda: self._is_closing)
            self._child.open(spec)
        return self._child

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


class _Child:
    """The child process, and what it holds at the moment.

    Parameters
    ----------
    key : tuple of str
        What its model was opened by.
    worker : Worker
        The process.
    is_closing : callable
        Asked while it is waited for.
    """

    def __init__(
        self, key: tuple[str, ...], worker: Worker, is_closing: Callable[[], bool]
    ) -> None:
        self.key = key
        self.is_broken = False
        self._worker = worker
        self._is_closing = is_closing
        self._model: AuditedModel | None = None
        self._galleries: dict[tuple[str, ...], tuple[Gallery, Surroundings]] = {}
        self._subject: Subject | None = None

    @property
    def model(self) -> AuditedModel:
        """The model that is open."""
        if self._model is None:
            raise IASideError("Expected an open model, found none.")
        return self._model

    def open(self, spec: AuditSpec) -> None:
        """Open the model of `spec`; a child that cannot is of no use."""
        self.is_broken = True
        self._model = open_model(spec, self.call)
        self.is_broken = False

    def gallery_of(self, spec: AuditSpec) -> Gallery:
        """Return the images of `spec`, found once."""
        return self._surrounded(spec)[0]

    def ensure_looked_at(self, subject: Subject) -> None:
        """Let the process hold this image, under these settings."""
        if self._subject != subject:
            self.look(subject)

    def look(self, subject: Subject) -> Message:
        """Cut an image into bands; it is then the one that coalitions are about."""
        spec = subject.spec
        gallery, surroundings = self._surrounded(spec)
        record = gallery.record(subject.place)
        settings = EvaluationSettings(
            spec=spec,
            estimator=Estimator.PERMUTATION,
            preprocessing=self.model.preprocessing,
            batch=BATCH,
        )
        self._subject = None
        reply = self.call(
            {
                "task": "look",
                "settings": settings.to_wire(),
                "image": {
                    "path": record.path,
                    "location": str(record.location),
                    "position": record.position,
                },
                "label": gallery.label(subject.place),
                **surroundings.of(subject.place, settings),
            }
        )
        self._subject = subject
        return reply

    def call(self, message: Message) -> Message:
        """Send one task and wait for its reply.

        Raises
        ------
        InferenceError
            If the process died, took too long, or says that the task failed.
        """
        was_broken, self.is_broken = self.is_broken, True
        self._worker.send(message)
        while (reply := self._worker.receive(POLL_S)) is None:
            if self._is_closing():
                raise _ClosingError
        self.is_broken = was_broken
        raise_if_error(reply)
        return reply

    def kill(self) -> None:
        """End the process."""
        with suppress(OSError):  # it may be dead already
            self._worker.kill()

    def _surrounded(self, spec: AuditSpec) -> tuple[Gallery, Surroundings]:
        key = (str(spec.images), spec.labels, str(spec.classes))
        if key not in self._galleries:
            gallery = gather_images(spec, self.model.n_classes)
            self._galleries[key] = gallery, Surroundings(gallery, self.call, self._is_closing)
        return self._galleries[key]


def settled(spec: AuditSpec) -> AuditSpec:
    """Return a specification as it is explored: corrected mode, on a few threads of the processor.

    The graphics card is left to audits.
    """
    return replace(
        spec,
        mode=Mode.CORRECTED,
        estimator=Estimator.AUTO,
        interactions=False,
        device="cpu",
        threads=min(available_threads(), MAX_THREADS),
    )


def _start(spec: AuditSpec) -> Worker:
    return ProcessWorker(Limits(max_model_bytes=spec.max_model_bytes))


def _top(reply: Message) -> Top:
    return Top(
        classes=tuple(int(one) for one in reply["classes"]),
        log_p=tuple(float(one) for one in reply["log_p"]),
    )
