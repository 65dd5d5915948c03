"""A model to play with: one image, its bands, and any coalition of them at once.

:class:`InteractiveClassifier` owns a child process beside any audit (DESIGN.md, "How the data
flows"). What it is asked is answered in the order of what a person waits for: a new image first,
then a coalition to show, then numbers that need many evaluations. Of each kind only the newest
question counts; an older one is dropped, also half way.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from iaside_audit.auditing.inspector.exploration import Composition, Opened, Top, View
from iaside_audit.auditing.inspector.explorer_child import BATCH, ClosingError, ExplorerChild
from iaside_audit.auditing.inspector.profiles import Profiler
from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.workers import ProcessWorker
from iaside_audit.choices import DEFAULT_REFERENCE_BATCH, Estimator, Mode
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import IASideError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iaside_audit.auditing.inspector.exploration import Reply
    from iaside_audit.auditing.inspector.gallery import Subject
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.spec import AuditSpec

IDLE_S: Final = 60.0
"""The child is ended after so long without a question; the next one starts it again."""
MAX_THREADS: Final = 2
STEP_S: Final = 0.05
"""Evaluations that nobody waits for are asked in steps of about so long, to be interrupted."""
MODEL_FIELDS: Final = ("model", "preprocess", "output", "max_model_bytes")

Steps: TypeAlias = "Iterator[Reply | None]"


class _Kind(IntEnum):
    """What is asked, the most urgent first; a question drops those of later kinds up to LOOK."""

    OPEN = 0
    LOOK = 1
    COMPOSE = 2
    EXPLAIN = 3


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
        self._child: ExplorerChild | None = None
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
        except ClosingError:
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
            top=Top.from_wire(reply),
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
            top=Top.from_wire(reply),
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

    def _child_for(self, spec: AuditSpec) -> ExplorerChild:
        """Return a child in which the model of `spec` is open."""
        key = tuple(str(getattr(spec, name)) for name in MODEL_FIELDS)
        if self._child is None or self._child.key != key:
            self._end_child()
            self._child = ExplorerChild(key, self._start_worker(spec), lambda: self._is_closing)
            self._child.open(spec)
        return self._child

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


def settled(spec: AuditSpec) -> AuditSpec:
    """Return a specification as it is explored: corrected mode, on a few threads of the processor.

    The graphics card is left to audits.
    """
    return replace(
        spec,
        mode=Mode.CORRECTED,
        reference_batch=DEFAULT_REFERENCE_BATCH,
        estimator=Estimator.AUTO,
        interactions=False,
        device="cpu",
        threads=min(available_threads(), MAX_THREADS),
    )


def _start(spec: AuditSpec) -> Worker:
    return ProcessWorker(Limits(max_model_bytes=spec.max_model_bytes))
