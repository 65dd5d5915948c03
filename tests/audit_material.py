"""Small models, small images and short ways to audit them, for tests of whole audits.

Images have energy in every band, and models are small graphs, so that an audit takes a fraction of
a second; where its worker lives in this process, nothing has to start either.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from iaside_audit.auditing import run_audit
from iaside_audit.auditing.workers import InProcessWorker, ProcessWorker
from iaside_audit.classifier.preprocessing_sources import METADATA_KEY, to_toml
from iaside_audit.cli import main
from iaside_audit.events import Control, Finished
from iaside_audit.preprocessing import ChannelOrder, Preprocessing
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from iaside_audit.auditing.limits import Limits
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.classifier.synthetic import SyntheticClassifier
    from iaside_audit.events import Event
    from iaside_audit.result import AuditResult
    from iaside_audit.types import ByteImage

SIDE: Final = 32
N_CLASSES: Final = 5
ONE_THREAD: Final[dict[str, Any]] = {"threads": 1}  # Any: fields of a specification
"""Small models gain nothing by more, and tests run side by side."""

Arrays = dict[str, NDArray[Any]]  # Any: float32 weights and int64 shapes


def photographs(n_images: int, *, side: int = SIDE, seed: int = 0) -> ByteImage:
    """Return seeded images with energy in every band, (n, side, side, 3)."""
    generator = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, side)[:, None, None]
    slopes = generator.uniform(20, 120, (n_images, 1, 1, 1)) * ramp
    levels = generator.uniform(60, 140, (n_images, 1, 1, 1))
    noise = generator.normal(0, 25, (n_images, side, side, 3))
    return np.clip(levels + slopes + noise, 0, 255).astype(np.uint8)


def save_images(
    folder: Path, n_images: int, *, side: int = SIDE, seed: int = 0, n_classes: int = 1
) -> Path:
    """Write a flat folder of images, their labels 0, 1, ... in turn, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path,label"]
    for number, image in enumerate(photographs(n_images, side=side, seed=seed)):
        Image.fromarray(image).save(folder / f"{number:03}.png")
        lines.append(f"{number:03}.png,{number % n_classes}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def save_npz(path: Path, n_images: int, *, side: int = SIDE, n_classes: int = N_CLASSES) -> Path:
    """Write the same images as one array, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.arange(n_images) % n_classes
    np.savez(path, images=photographs(n_images, side=side), labels=labels)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvNet:
    """A little convolutional network with seeded weights; what surrounds it can be chosen.

    Parameters
    ----------
    side : int
        Of the input, in pixels.
    n_classes : int
        Number of scores.
    is_nhwc : bool
        Whether the input's channels come last.
    is_bgr : bool
        Whether the input's channels come in the order blue, green, red.
    head : str
        ``logits``, ``softmax``, or ``probabilities`` whose softmax is hidden behind a product.
    gain : float
        Factor of what the image adds to the logits.
    standardises : bool
        Whether each input is divided by its own standard deviation, which is 0 on a constant image.
    fails_below : float or None
        Inputs whose mean, in the model's units, is below this give NaN.
    batch : int or None
        The batch that the graph fixes.
    """

    side: int = SIDE
    n_classes: int = N_CLASSES
    is_nhwc: bool = False
    is_bgr: bool = False
    head: str = "logits"
    gain: float = 1.0
    standardises: bool = False
    fails_below: float | None = None
    batch: int | None = None

    def save(self, path: Path) -> Path:
        """Write the model file, its preprocessing in its metadata, and return the path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(self.model(), str(path))
        return path

    def preprocessing(self) -> Preprocessing:
        """Return a preprocessing whose channels differ, so that their order matters."""
        mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
        return Preprocessing(
            resize=self.side,
            crop=self.side,
            channel_order=ChannelOrder.BGR if self.is_bgr else ChannelOrder.RGB,
            mean=mean[::-1] if self.is_bgr else mean,
            std=std[::-1] if self.is_bgr else std,
        )

    def model(self) -> onnx.ModelProto:
        """Return the graph: its own channel order and axes first, then the same network for all."""
        generator = np.random.default_rng(3)
        constants: Arrays = {
            "kernels": generator.normal(0, 0.4, (16, 3, 5, 5)),
            "weights": generator.normal(0, 0.5, (16, self.n_classes)) * self.gain,
            "biases": np.linspace(-1, 1, self.n_classes),
            "one": np.ones(1),
        }
        nodes = list(self._front())
        image = nodes[-1].output[0] if nodes else "image"
        if self.is_bgr:
            constants["order"] = np.array([2, 1, 0], dtype=np.int64)
        nodes += [
            helper.make_node("Conv", [image, "kernels"], ["maps"], strides=[2, 2]),
            helper.make_node("Relu", ["maps"], ["positive"]),
            helper.make_node("GlobalAveragePool", ["positive"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"], axis=1),
            helper.make_node("Gemm", ["features", "weights", "biases"], ["scores"]),
        ]
        if self.fails_below is not None:
            constants |= {"least": np.array([self.fails_below]), "nothing": np.zeros(1)}
            nodes += [
                helper.make_node("ReduceMean", ["image"], ["level"], axes=[1, 2, 3]),
                helper.make_node("Flatten", ["level"], ["levels"], axis=1),
                helper.make_node("Sub", ["levels", "least"], ["above"]),
                helper.make_node("Sqrt", ["above"], ["root"]),
                helper.make_node("Mul", ["root", "nothing"], ["zero_or_nan"]),
                helper.make_node("Add", ["scores", "zero_or_nan"], ["checked_scores"]),
            ]
        if self.head != "logits":
            scores = nodes[-1].output[0]
            nodes.append(helper.make_node("Softmax", [scores], ["probabilities"], axis=1))
        if self.head == "probabilities":
            nodes.append(helper.make_node("Mul", ["probabilities", "one"], ["hidden"]))
        return self._assembled(nodes, constants)

    def _front(self) -> Iterator[onnx.NodeProto]:
        name = "image"
        if self.is_nhwc:
            yield helper.make_node("Transpose", [name], ["nchw"], perm=[0, 3, 1, 2])
            name = "nchw"
        if self.is_bgr:
            yield helper.make_node("Gather", [name, "order"], ["rgb"], axis=1)
            name = "rgb"
        if self.standardises:
            axes = [1, 2, 3]
            yield helper.make_node("ReduceMean", [name], ["mean"], axes=axes)
            yield helper.make_node("Sub", [name, "mean"], ["centred"])
            yield helper.make_node("ReduceL2", ["centred"], ["deviation"], axes=axes)
            yield helper.make_node("Div", ["centred", "deviation"], ["standard"])

    def _assembled(self, nodes: Sequence[onnx.NodeProto], constants: Arrays) -> onnx.ModelProto:
        channels_last = [self.side, self.side, 3]
        shape = [self.batch or "N", *(channels_last if self.is_nhwc else channels_last[::-1])]
        output = nodes[-1].output[0]
        graph = helper.make_graph(
            nodes,
            "convnet",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [shape[0], self.n_classes])],
            [
                numpy_helper.from_array(
                    array if array.dtype == np.int64 else array.astype(np.float32), name
                )
                for name, array in constants.items()
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        helper.set_model_props(model, {METADATA_KEY: to_toml(self.preprocessing())})
        return model


def synthetic_spec(
    folder: Path, classifier: SyntheticClassifier, *, n_images: int = 6, **options: Any
) -> AuditSpec:
    """Write a classifier of known answer and images for it; return the audit of its margin.

    Parameters
    ----------
    folder : Path
        Gets ``model.onnx`` and ``images/``.
    classifier : SyntheticClassifier
        Audited in the bands in which its answer is known.
    n_images : int
        Images to write, all of label 0.
    **options
        Further fields of the specification.
    """
    folder.mkdir(parents=True, exist_ok=True)
    classifier.save(folder / "model.onnx")
    save_images(folder / "images", n_images, side=classifier.side)
    fixed = {
        "model": folder / "model.onnx",
        "images": folder / "images",
        "bands": classifier.n_bands,
        "norm": classifier.norm,
        "value": "margin",
    }
    return AuditSpec(**(ONE_THREAD | fixed | options))


def convnet_spec(
    folder: Path, network: ConvNet | None = None, *, n_images: int = 6, **options: Any
) -> AuditSpec:
    """Write a network and labelled images; return its audit in four bands, by walks.

    Parameters
    ----------
    folder : Path
        Gets ``model.onnx`` and ``images/``, unless they are there.
    network : ConvNet or None
        The network; the plain one unless given.
    n_images : int
        Images to write.
    **options
        Further fields of the specification.
    """
    network = network or ConvNet()
    model, images = folder / "model.onnx", folder / "images"
    if not model.exists():
        network.save(model)
    if "images" not in options and not images.exists():
        save_images(images, n_images, side=network.side, n_classes=network.n_classes)
    fixed = {"model": model, "images": images, "bands": 4, "estimator": "permutation"}
    return AuditSpec(**(ONE_THREAD | fixed | options))


class TamperingWorker(InProcessWorker):
    """A worker in this process that does something to the world before the first lease."""

    def __init__(self, tamper: Callable[[], object]) -> None:
        super().__init__()
        self._tamper = tamper

    def send(self, message: Message) -> None:
        """Queue a task; images are indexed by now, and not yet evaluated."""
        if message["task"] == "settle":
            self._tamper()
        super().send(message)


class SlowWorker(InProcessWorker):
    """A worker in this process that takes its time over every reply."""

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next reply, a little later."""
        time.sleep(0.02)
        return super().receive(timeout_s)


def events_here(
    spec: AuditSpec,
    control: Control | None = None,
    *,
    start_worker: Callable[[], Worker] = InProcessWorker,
    **places: Path | None,
) -> Generator[Event]:
    """Run an audit whose worker lives in this process; `places` are its `out` and its `cache`."""
    events = run_audit(spec, control, start_worker=start_worker, **places)
    return cast("Generator[Event]", events)


def audit_here(
    spec: AuditSpec,
    *,
    start_worker: Callable[[], Worker] = InProcessWorker,
    **places: Path | None,
) -> AuditResult:
    """Run an audit to its end, its worker in this process; `places` as for :func:`events_here`."""
    return finished(events_here(spec, start_worker=start_worker, **places))


def finished(events: Iterable[Event]) -> AuditResult:
    """Walk an audit to its end, and return its result."""
    *_, last = events
    assert isinstance(last, Finished)
    return last.result


def assert_same_rows(first: AuditResult, second: AuditResult, *, atol: float = 0.0) -> None:
    """Compare every image, label, coalition and value; values to the bit unless said otherwise."""
    one, other = first.rows(), second.rows()
    assert one.image_id == other.image_id
    np.testing.assert_array_equal(one.label, other.label)
    np.testing.assert_array_equal(one.coalitions, other.coalitions)
    np.testing.assert_allclose(one.log_p, other.log_p, rtol=0, atol=atol)
    np.testing.assert_allclose(one.best_other, other.best_other, rtol=0, atol=atol)


@contextmanager
def worker_processes() -> Iterator[list[ProcessWorker]]:
    """Collect the worker processes that are started meanwhile; all must have ended by the end."""
    started: list[ProcessWorker] = []
    original = ProcessWorker.__init__

    def remember(worker: ProcessWorker, limits: Limits) -> None:
        original(worker, limits)
        started.append(worker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ProcessWorker, "__init__", remember)
        yield started
    assert all(worker._process.poll() is not None for worker in started)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


def command_here(capsys: pytest.CaptureFixture[str], *words: object) -> Outcome:
    """Run a command of the command line in this process."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    printed = capsys.readouterr()
    return Outcome(code=int(caught.value.code or 0), out=printed.out, err=printed.err)


def command(*words: object, prelude: str = "", **environment: str) -> Outcome:
    """Run a command in a process of its own.

    Parameters
    ----------
    *words : object
        The words after ``iaside-audit``.
    prelude : str
        Python to run first.
    **environment : str
        Variables to add.
    """
    done = subprocess.run(
        command_words(*words, prelude=prelude),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        env=os.environ | environment,
    )
    return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)


def command_words(*words: object, prelude: str = "") -> list[str]:
    """Return the words that start a command in a process of its own."""
    program = f"{prelude}\nfrom iaside_audit.cli import main\nmain()"
    return [sys.executable, "-c", program, *map(str, words)]


def run_words(spec: AuditSpec, out: Path, *more: object) -> list[object]:
    """Return the words that run an audit in four bands; only the result is written."""
    options = ["--images", spec.images, "--out", out, "--bands", 4, "--formats", "json"]
    return ["run", spec.model, *options, *more]
