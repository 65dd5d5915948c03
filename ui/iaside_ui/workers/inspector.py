"""The engine's interactive classifier beside the window's thread.

Questions go to it through a thread of a pool, for its first use imports the engine; answers become
pictures in its own thread, and reach the window as signals.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QThreadPool, Signal, Slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.auditing.inspector.exploration import Reply
    from iaside_audit.auditing.inspector.gallery import Subject
    from iaside_audit.auditing.inspector.interactive import InteractiveClassifier
    from iaside_audit.spec import AuditSpec

    MakeClassifier = Callable[
        [Callable[[Reply], None], Callable[[Exception], None]], InteractiveClassifier
    ]


class Inspector(QObject):
    """The window's handle on the interactive classifier.

    Parameters
    ----------
    make_classifier : callable or None
        Makes it, given what takes answers and faults; the engine's unless a test says otherwise.
    parent : QObject or None
        Its owner.
    """

    answered = Signal(object)  # Opened, ViewPictures, CompositionPicture or Explanation
    failed = Signal(Exception)
    _answerMade = Signal(object)
    _faultMet = Signal(Exception)

    def __init__(
        self, make_classifier: MakeClassifier | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._make_classifier = make_classifier or _engine
        self._classifier: InteractiveClassifier | None = None
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._answerMade.connect(self._hand_over, Qt.ConnectionType.QueuedConnection)
        self._faultMet.connect(self._hand_over_fault, Qt.ConnectionType.QueuedConnection)

    def open(self, spec: AuditSpec) -> None:
        """Open a model and find its images."""
        self._ask(lambda classifier: classifier.open(spec))

    def look(self, subject: Subject) -> None:
        """Cut an image into bands."""
        self._ask(lambda classifier: classifier.look(subject))

    def compose(self, subject: Subject, code: int) -> None:
        """Show the model a coalition."""
        self._ask(lambda classifier: classifier.compose(subject, code))

    def explain(self, subject: Subject) -> None:
        """Find the Shapley values and sweeps of an image."""
        self._ask(lambda classifier: classifier.explain(subject))

    def close(self) -> None:
        """End the child process."""
        self._pool.waitForDone()
        if self._classifier is not None:
            self._classifier.close()
            self._classifier = None

    def _ask(self, question: Callable[[InteractiveClassifier], None]) -> None:
        self._pool.start(partial(self._hand_on, question))

    def _hand_on(self, question: Callable[[InteractiveClassifier], None]) -> None:
        """Run in the pool's thread."""
        try:
            if self._classifier is None:
                self._classifier = self._make_classifier(self._take, self._faultMet.emit)
            question(self._classifier)
        except Exception as error:  # noqa: BLE001 - handed to the window's thread
            self._faultMet.emit(error)

    def _take(self, reply: Reply) -> None:
        """Run in the classifier's thread: pictures are made here."""
        self._answerMade.emit(_shown(reply))

    @Slot(object)
    def _hand_over(self, answer: object) -> None:
        self.answered.emit(answer)

    @Slot(Exception)
    def _hand_over_fault(self, error: Exception) -> None:
        self.failed.emit(error)


def _engine(
    on_reply: Callable[[Reply], None], on_failed: Callable[[Exception], None]
) -> InteractiveClassifier:
    from iaside_audit.auditing.inspector.interactive import InteractiveClassifier  # noqa: PLC0415

    return InteractiveClassifier(on_reply, on_failed)


def _shown(reply: Reply) -> object:
    from iaside_audit.auditing.inspector.exploration import Composition, View  # noqa: PLC0415
    from iaside_ui.state.pictures import (  # noqa: PLC0415
        picture_of_composition,
        pictures_of_view,
    )

    match reply:
        case View():
            return pictures_of_view(reply)
        case Composition():
            return picture_of_composition(reply)
        case _:
            return reply
