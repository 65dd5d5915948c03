"""The child process in which a model is explored, and what it holds at the moment."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.evaluation.settings import EvaluationSettings
from iaside_audit.auditing.inspector.gallery import Gallery, Subject, Surroundings, gather_images
from iaside_audit.auditing.model import open_model
from iaside_audit.auditing.workers import raise_if_error
from iaside_audit.choices import Estimator
from iaside_audit.errors import IASideError

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.spec import AuditSpec

BATCH: Final = 16
POLL_S: Final = 0.02


class ClosingError(Exception):
    """Nobody waits any more."""


class ExplorerChild:
    """The child process, and what it holds at the moment.

    Parameters
    ----------
    key : tuple of str
        What its model was opened by.
    worker : Worker
        The process.
    is_closing : callable
        Asked while it is waited for.

    Attributes
    ----------
    is_broken : bool
        Whether it is of no further use: its model did not open, or a reply never came.
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
        ClosingError
            If nobody waits any more.
        """
        was_broken, self.is_broken = self.is_broken, True
        self._worker.send(message)
        while (reply := self._worker.receive(POLL_S)) is None:
            if self._is_closing():
                raise ClosingError
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
