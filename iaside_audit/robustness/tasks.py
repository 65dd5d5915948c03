"""The named tasks of a worker that measure: settle, then leases."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.evaluation.evaluate import LeaseItem
from iaside_audit.auditing.evaluation.settings import EvaluationSettings
from iaside_audit.errors import IASideError
from iaside_audit.result import FailedImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iaside_audit.auditing.evaluation.tasks import Task
    from iaside_audit.auditing.wire import Message
    from iaside_audit.classifier.session import OnnxClassifier
    from iaside_audit.robustness.evaluator import MeasurementEvaluator


SETTLE: Final = "settle_measurement"
MEASURE: Final = "measure"
QUICK_LOOK: Final = "quick_look"


def measurement_tasks(opened: Callable[[], OnnxClassifier]) -> Mapping[str, Task]:
    """Return the tasks of :class:`MeasurementTasks` by name."""
    tasks = MeasurementTasks(opened)
    return {SETTLE: tasks.settle, QUICK_LOOK: tasks.quick_look, MEASURE: tasks.measure}


class MeasurementTasks:
    """Measures leases of images, once it knows what is asked.

    Parameters
    ----------
    opened : callable
        Returns the open model.
    """

    def __init__(self, opened: Callable[[], OnnxClassifier]) -> None:
        self._opened = opened
        self._evaluator: MeasurementEvaluator | None = None

    def settle(self, message: Message) -> Iterator[Message]:
        """Fix what is measured and all that decides the numbers."""
        # Corruptions need OpenCV and more of SciPy, which a worker that audits never loads.
        from iaside_audit.robustness.evaluator import MeasurementEvaluator  # noqa: PLC0415
        from iaside_audit.robustness.requests import request_from_wire  # noqa: PLC0415

        self._evaluator = MeasurementEvaluator(
            self._opened(),
            EvaluationSettings.from_wire(message["settings"]),
            request_from_wire(message["request"]),
        )
        yield {"kind": "done"}

    def quick_look(self, message: Message) -> Iterator[Message]:
        """Say how many unchanged images there are, and how many the model gets right."""
        outcomes = self._settled().look(LeaseItem.from_wire(one) for one in message["items"])
        yield {"kind": "done", "n_images": len(outcomes), "n_right": sum(outcomes)}

    def measure(self, message: Message) -> Iterator[Message]:
        """Measure a block of images."""
        evaluator = self._settled()
        started = time.perf_counter()
        before = evaluator.n_evaluations
        wanted = set(message["wanted"])
        items = [
            LeaseItem.from_wire(values) for values in message["items"] if values["index"] in wanted
        ]
        for item, outcome in zip(items, evaluator(items), strict=True):
            if isinstance(outcome, FailedImage):
                reason = {"path": outcome.path, "reason": outcome.reason}
                yield {"kind": "failed", "index": item.index, **reason}
            else:
                yield {"kind": "row", **outcome.to_wire()}
        yield {
            "kind": "done",
            "lease": message["lease"],
            "n_evaluations": evaluator.n_evaluations - before,
            "elapsed_s": time.perf_counter() - started,
        }

    def _settled(self) -> MeasurementEvaluator:
        if self._evaluator is None:
            raise IASideError("Expected settings before the first measurement, found none.")
        return self._evaluator
