"""Asking a model about preprocessings, candidate by candidate, never twice the same question."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.assistant.choice import Candidate, Measured
from iaside_audit.auditing.evaluation.trials import UNKNOWN, Answers, labels_of
from iaside_audit.events import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from iaside_audit.auditing.wire import Message
    from iaside_audit.images import IndexedImage
    from iaside_audit.preprocessing import Preprocessing

    Call = Callable[[Message], Message]
    Progress = Callable[[Stage, int, int], None]

BLOCK: Final = 32
"""Images of a message: a CPU is at its best from 8 to 32 rows a call."""


def without_source(preprocessing: Preprocessing) -> Preprocessing:
    """Return what a preprocessing does, wherever it was read."""
    return replace(preprocessing, source="")


class Examiner:
    """Asks the model about candidates, and remembers every answer.

    Parameters
    ----------
    call : callable
        Sends one task to the worker, in which the model is open, and returns its last reply.
    images : sequence of IndexedImage
        In a mixed order; labelled all or none.
    on_progress : callable
        Takes the stage, the evaluations done in it and their total.
    n_classes : int
        Outputs of the model.
    batch : int
        Rows of a call of the model at most.
    """

    def __init__(
        self,
        call: Call,
        images: Sequence[IndexedImage],
        on_progress: Progress = lambda _stage, _done, _total: None,
        *,
        n_classes: int,
        batch: int = BLOCK,
    ) -> None:
        self._call = call
        self._images = images
        self._on_progress = on_progress
        self._n_classes = n_classes
        self._batch = batch
        self._answers: dict[Preprocessing, Answers] = {}
        self._candidates: dict[Preprocessing, Candidate] = {}
        labels = labels_of(images)
        self.labels = None if UNKNOWN in labels else labels
        self.n_evaluations = 0

    @property
    def n_images(self) -> int:
        """Images that there are."""
        return len(self._images)

    def examine(
        self, candidates: Sequence[Candidate], n_images: int, stage: Stage = Stage.STARTING
    ) -> list[Measured]:
        """Measure candidates on the first `n_images` images, each different one once.

        Returns
        -------
        list of Measured
            In the order in which they were first examined.
        """
        for one in candidates:
            self._candidates.setdefault(without_source(one.preprocessing), one)
        wanted = {without_source(one.preprocessing) for one in candidates}
        keys = [key for key in self._candidates if key in wanted]
        n_images = min(n_images, self.n_images)
        todo = sum(max(0, n_images - self._n_seen(key)) for key in keys)
        done = 0
        for n_seen in sorted({self._n_seen(key) for key in keys}):
            group = [key for key in keys if self._n_seen(key) == n_seen]
            for start in range(n_seen, n_images, BLOCK):
                self._on_progress(stage, done, todo)
                done += self._ask(group, slice(start, min(start + BLOCK, n_images)))
        self._on_progress(stage, done, todo)
        return [self._measured(key, n_images) for key in keys]

    def everything(self) -> list[Measured]:
        """Return every candidate on all images that it was shown."""
        return [self._measured(key, self._n_seen(key)) for key in self._answers]

    def _ask(self, keys: Sequence[Preprocessing], block: slice) -> int:
        images = self._images[block]
        reply = self._call(
            {
                "task": "trial",
                "candidates": [asdict(key) for key in keys],
                "images": [one.to_wire() for one in images],
                "batch": self._batch,
            }
        )
        answers = Answers.from_wire(reply)
        for row, key in enumerate(keys):
            before = [self._answers[key]] if key in self._answers else []
            self._answers[key] = Answers.joined([*before, answers.of(row)])
        n_evaluations = len(keys) * len(images)
        self.n_evaluations += n_evaluations
        return n_evaluations

    def _n_seen(self, key: Preprocessing) -> int:
        return len(self._answers[key].prediction) if key in self._answers else 0

    def _measured(self, key: Preprocessing, n_images: int) -> Measured:
        return Measured(
            candidate=self._candidates[key],
            answers=self._answers[key].first(n_images),
            labels=None if self.labels is None else self.labels[:n_images],
            n_classes=self._n_classes,
        )
