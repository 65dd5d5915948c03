"""The named tasks of a worker: one message in, replies out.

The same tasks run in a child process (`iaside_audit.worker`) and, in tests, in this one.
"""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import onnxruntime as ort

from iaside_audit.auditing.evaluation.evaluate import LeaseEvaluator, LeaseItem
from iaside_audit.auditing.evaluation.explorer import Explorer
from iaside_audit.auditing.evaluation.inputs import statistics_in
from iaside_audit.auditing.evaluation.reference import ReferenceEvaluator
from iaside_audit.auditing.evaluation.settings import EvaluationSettings
from iaside_audit.auditing.evaluation.trials import TrialRunner
from iaside_audit.choices import MAX_MODEL_BYTES, Mode
from iaside_audit.classifier.checks import check_session
from iaside_audit.classifier.description import GraphDescription
from iaside_audit.classifier.graph import describe_graph, load_graph
from iaside_audit.classifier.safety import (
    MAX_INPUT_PIXELS,
    check_file,
    check_graph,
)
from iaside_audit.classifier.session import OnnxClassifier
from iaside_audit.errors import IASideError, ImageError, MemoryExhaustedError, SpecError
from iaside_audit.images import IndexedImage, prepare, read_pixels
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.result import FailedImage
from iaside_audit.spectrum import StatisticsAccumulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import onnx

    from iaside_audit.auditing.wire import Message
    from iaside_audit.classifier.runtime_session import OnRun
    from iaside_audit.rows import ValueRow

    Task = Callable[[Message], Iterator[Message]]
    MoreTasks = Callable[[Callable[[], OnnxClassifier]], Mapping[str, Task]]


class TaskServer:
    """Runs tasks against one model.

    Parameters
    ----------
    max_model_bytes : int
        The most that a model with its external data may take.
    on_run : callable
        Takes the number of images, and the seconds they took, after each run of the model.
    more_tasks : callable
        Takes a callable that returns the open model, and returns tasks of upper layers by name.
    """

    def __init__(
        self,
        *,
        max_model_bytes: int = MAX_MODEL_BYTES,
        on_run: OnRun = lambda _rows, _elapsed_s: None,
        more_tasks: MoreTasks = lambda _opened: {},
    ) -> None:
        self._max_model_bytes = max_model_bytes
        self._on_run = on_run
        self._run_options = ort.RunOptions()
        self._more_tasks = more_tasks(self._opened)
        self._classifier: OnnxClassifier | None = None
        self._evaluator: LeaseEvaluator | ReferenceEvaluator | None = None
        self._trials: TrialRunner | None = None
        self._explorer: Explorer | None = None

    def handle(self, message: Message) -> Iterator[Message]:
        """Yield the replies to one message; the last is ``done`` or ``error``."""
        try:
            yield from self._tasks()[message["task"]](message)
        except IASideError as error:
            yield _error_to_wire(error)
        except MemoryError:
            yield _error_to_wire(
                MemoryExhaustedError(
                    "Expected the task to fit the memory, found that there is not enough. "
                    "Try a smaller --batch."
                )
            )

    def announce(self, message: Message) -> None:
        """Begin with what a message takes beside the model; from another thread, in advance."""
        evaluator = self._evaluator
        if message["task"] == "lease" and isinstance(evaluator, LeaseEvaluator):
            items = [LeaseItem.from_wire(values) for values in message["items"]]
            evaluator.begin(items, set(message["wanted"]))

    def stop(self) -> None:
        """End the run of the model that goes on, and every later one; from another thread."""
        self._run_options.terminate = True

    def close(self) -> None:
        """Release the model."""
        if self._classifier is not None:
            self._classifier.close()
            self._classifier = None

    def _tasks(self) -> dict[str, Task]:
        return {
            "inspect": self._inspect,
            "open": self._open,
            "statistics": self._statistics,
            "settle": self._settle,
            "byte_loss": self._byte_loss,
            "lease": self._lease,
            "trial": self._trial,
            "look": self._explore,
            "compose": self._explore,
            "ask": self._explore,
            **self._more_tasks,
        }

    def _inspect(self, message: Message) -> Iterator[Message]:
        """Describe the graph of a model file."""
        path = Path(message["model"])
        graph = describe_graph(self._checked(path), path, output_name=message.get("output"))
        yield {"kind": "done", "graph": graph.to_wire()}

    def _open(self, message: Message) -> Iterator[Message]:
        """Open a session and recognise its output."""
        path = Path(message["model"])
        model = self._checked(path)
        height, width = message["size"]
        if height * width > MAX_INPUT_PIXELS:
            raise SpecError(
                f"Expected an input of at most {MAX_INPUT_PIXELS:,} pixels, found {height} x "
                f"{width}. Lower crop in the preprocessing."
            )
        self.close()
        self._trials = self._explorer = None
        self._classifier = OnnxClassifier(
            path,
            model,
            GraphDescription.from_wire(message["graph"]),
            device=message["device"],
            threads=message["threads"],
            size=(height, width),
            on_run=self._on_run,
            run_options=self._run_options,
        )
        yield {
            "kind": "done",
            "provider": self._classifier.provider,
            "threads": self._classifier.threads,
            "output_kind": self._classifier.kind.value,
            "n_classes": self._classifier.n_classes,
            "batching": self._classifier.batching.value,
            "checks": asdict(check_session(self._classifier)),
            "onnxruntime": ort.__version__,
            "device": _device_name(self._classifier.provider),
        }

    def _statistics(self, message: Message) -> Iterator[Message]:
        """Measure mean colour and mean power of some images (METHOD.md, section 0)."""
        preprocessing = Preprocessing(**message["preprocessing"])
        accumulator = StatisticsAccumulator()
        for values in message["images"]:
            pixels = read_pixels(IndexedImage.from_wire(values))
            with suppress(ImageError):  # too small to crop: named when it is evaluated
                accumulator.add(prepare(pixels, preprocessing))
        statistics = accumulator.finish()
        yield {
            "kind": "done",
            "mean_colour": statistics.mean_colour,
            "power": statistics.power,
            "n_images": statistics.n_images,
            "digest": statistics.digest,
        }

    def _settle(self, message: Message) -> Iterator[Message]:
        """Fix what decides the numbers, before the first lease."""
        settings = EvaluationSettings.from_wire(message["settings"])
        classifier = self._opened()
        if isinstance(self._evaluator, LeaseEvaluator):
            self._evaluator.close()
        self._evaluator = None  # its memory may be what a smaller batch needs
        if settings.spec.mode == Mode.REFERENCE:
            self._evaluator = ReferenceEvaluator(classifier, settings)
        else:
            self._evaluator = LeaseEvaluator(
                classifier, settings, statistics=statistics_in(message)
            )
        yield {"kind": "done", "n_evaluations": self._evaluator.n_evaluations}

    def _byte_loss(self, message: Message) -> Iterator[Message]:
        """Measure what a uint8 input loses of the mixtures of some images."""
        if not isinstance(self._evaluator, LeaseEvaluator):
            raise IASideError("Expected settings in corrected mode before this task, found none.")
        rms, share = self._evaluator.byte_loss(
            [LeaseItem.from_wire(values) for values in message["items"]]
        )
        yield {"kind": "done", "rms": rms, "share": share}

    def _lease(self, message: Message) -> Iterator[Message]:
        """Evaluate a block of images; those that are not wanted leave a hole in it."""
        if self._evaluator is None:
            raise IASideError("Expected settings before the first lease, found none.")
        started = time.perf_counter()
        before = self._evaluator.n_evaluations
        items = [LeaseItem.from_wire(values) for values in message["items"]]
        wanted = set(message["wanted"])
        for item, outcome in self._evaluator(items, wanted):
            if isinstance(outcome, FailedImage):
                yield {
                    "kind": "failed",
                    "index": item.index,
                    "path": outcome.path,
                    "reason": outcome.reason,
                }
            else:
                yield {"kind": "row", **_row_to_wire(outcome)}
        yield {
            "kind": "done",
            "lease": message["lease"],
            "n_evaluations": self._evaluator.n_evaluations - before,
            "elapsed_s": time.perf_counter() - started,
        }

    def _trial(self, message: Message) -> Iterator[Message]:
        """Try several preprocessings on the same images; leases are not touched."""
        self._trials = self._trials or TrialRunner(self._opened())
        yield {"kind": "done", **self._trials(message)}

    def _explore(self, message: Message) -> Iterator[Message]:
        """Look at one image, or at coalitions of its bands; leases are not touched."""
        self._explorer = self._explorer or Explorer(self._opened())
        actions = {
            "look": self._explorer.look,
            "compose": self._explorer.compose,
            "ask": self._explorer.ask,
        }
        yield {"kind": "done", **actions[message["task"]](message)}

    def _checked(self, path: Path) -> onnx.ModelProto:
        """Parse a model file once it, and then what it holds, is known to be safe."""
        check_file(path, max_bytes=self._max_model_bytes)
        model = load_graph(path)
        check_graph(model, path, max_bytes=self._max_model_bytes)
        return model

    def _opened(self) -> OnnxClassifier:
        if self._classifier is None:
            raise IASideError("Expected an open model, found none.")
        return self._classifier


def _error_to_wire(error: IASideError) -> Message:
    return {
        "kind": "error",
        "error": type(error).__name__,
        "message": error.message,
        "path": error.path,
        "expected": error.expected,
        "found": error.found,
    }


def _row_to_wire(row: ValueRow) -> Message:
    return {
        "index": row.index,
        "image_id": row.image_id,
        "path": row.path,
        "label": row.label,
        "prediction": row.prediction,
        "coalitions": row.coalitions,
        "log_p": row.log_p,
        "best_other": row.best_other,
        "n_floored": row.n_floored,
        "elapsed_s": row.elapsed_s,
    }


def _device_name(provider: str) -> str:
    """Name the processor that runs the model."""
    if not provider.startswith("CPU"):
        return provider.removesuffix("ExecutionProvider")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
