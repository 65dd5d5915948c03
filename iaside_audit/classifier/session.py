"""One ONNX Runtime session that gives log-probabilities (METHOD.md, section 3)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from iaside_audit.classifier.providers import (
    CUDA,
    available_threads,
    check_installation,
    cuda_missing,
    providers_for,
)
from iaside_audit.errors import InferenceError, SignatureError
from iaside_audit.preprocessing import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.classifier.description import GraphDescription

LEAST_PROBABILITY: Final = 1e-12
"""No probability below this is told from 0, whatever the output's type can hold."""
SUM_TOLERANCE: Final = 1e-3
PROOF_TOLERANCE: Final = 1e-4
PROOF_ROUNDINGS: Final = 8
"""The tolerance in roundings of the output's type, where that is coarser, as float16 is."""
N_PROBES: Final = 4
EXTERNAL_DATA_FOLDER: Final = "session.model_external_initializers_file_folder_path"
"""Where ONNX Runtime looks for the external data of a model that it reads from memory."""
FATAL_ONLY: Final = 4
"""ONNX Runtime's log level; its errors reach the user as exceptions, not as red lines."""

Scores = NDArray[np.float32] | NDArray[np.float16]


class OutputKind(StrEnum):
    """What the output that is read holds."""

    LOGITS = "logits"
    SOFTMAX_INPUT = "logits before the final softmax"
    LOG_PROBABILITIES = "log-probabilities"
    PROBABILITIES = "probabilities"


@dataclass(frozen=True, slots=True)
class LogProbabilities:
    """Natural-log probabilities of a batch.

    Parameters
    ----------
    values : (B, n_classes) float64
        In nats.
    is_floored : (B, n_classes) bool or None
        Where a probability was too small to tell from 0; None where that cannot happen.
    """

    values: NDArray[np.float64]
    is_floored: NDArray[np.bool_] | None

    def __getitem__(self, rows: slice) -> LogProbabilities:
        """Return some rows of the batch."""
        is_floored = None if self.is_floored is None else self.is_floored[rows]
        return LogProbabilities(self.values[rows], is_floored)


class OnnxClassifier:
    """An ONNX file as a classifier; use it as a context manager.

    Parameters
    ----------
    path : Path
        The model file.
    model : onnx.ModelProto
        The same, parsed without external data.
    graph : GraphDescription
        What the file is.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    threads : int or None
        Threads of one operator; None for all processors.
    size : (int, int)
        Height and width of the input, for a graph that leaves them free.

    Raises
    ------
    InferenceError
        If ONNX Runtime refuses the model, or CUDA is asked for and not to be had.
    SignatureError
        If the outputs are not class scores.
    """

    def __init__(
        self,
        path: Path,
        model: onnx.ModelProto,
        graph: GraphDescription,
        *,
        device: str,
        threads: int | None,
        size: tuple[int, int],
    ) -> None:
        check_installation()
        self.graph = graph
        self.threads = threads or available_threads()
        self._size = size
        self._dtype = np.dtype(graph.input_dtype)
        self._session = self._open(path, model, device)
        self.provider: str = self._session.get_providers()[0]
        if device.startswith("cuda") and self.provider != CUDA:
            raise cuda_missing(f"a session on {self.provider}")
        self._output = graph.output_name
        self.kind, self.n_classes = self._recognise_output()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the session."""
        del self._session

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """One image as the model takes it: (C, H, W) or (H, W, C)."""
        height, width = self._size
        if self.graph.layout == Layout.NCHW:
            return (self.graph.n_channels, height, width)
        return (height, width, self.graph.n_channels)

    def __call__(self, images: NDArray[np.float32]) -> LogProbabilities:
        """Return the log-probabilities of a batch of model inputs.

        Parameters
        ----------
        images : (B, *input_shape) float32
            Preprocessed; B must be the model's own batch where that is fixed.

        Raises
        ------
        InferenceError
            If ONNX Runtime fails, or returns another shape.
        """
        scores = self._run(images, self._output)
        if self.kind == OutputKind.PROBABILITIES:
            least = max(float(np.finfo(scores.dtype).tiny), LEAST_PROBABILITY)
            probabilities = scores.astype(np.float64)
            return LogProbabilities(np.log(np.maximum(probabilities, least)), probabilities < least)
        return LogProbabilities(log_softmax(scores.astype(np.float64), axis=1), None)

    def logits(self, images: NDArray[np.float32], *, least: float) -> NDArray[np.float32]:
        """Return logits as the authors' code sees them (METHOD.md, section 7).

        Parameters
        ----------
        images : (B, *input_shape) float32
            Preprocessed.
        least : float
            Probabilities are raised to this before their logarithm stands in for logits.
        """
        scores = self._run(images, self.graph.output_name).astype(np.float32)
        if self.kind in {OutputKind.PROBABILITIES, OutputKind.SOFTMAX_INPUT}:
            return np.log(np.maximum(scores, np.float32(least)))
        return scores

    def _open(self, path: Path, model: onnx.ModelProto, device: str) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = FATAL_ONLY
        asked = providers_for(device, ort.get_available_providers())
        if asked[0][0] == CUDA and hasattr(ort, "preload_dlls"):
            ort.preload_dlls()
        source: str | bytes = str(path)
        if self.graph.softmax_input is not None:
            options.add_session_config_entry(EXTERNAL_DATA_FOLDER, str(path.parent))
            source = _with_output(model, self.graph.softmax_input).SerializeToString()
        try:
            with warnings.catch_warnings():  # a provider that fails is read back below
                warnings.simplefilter("ignore")
                return ort.InferenceSession(
                    source,
                    options,
                    providers=[name for name, _ in asked],
                    provider_options=[settings for _, settings in asked],
                )
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise InferenceError(
                f"Expected a model that ONNX Runtime {ort.__version__} can load, found "
                f"'{path.name}': {_first_line(error)}. Check that the export is complete.",
                path=str(path),
            ) from error

    def _run(self, images: NDArray[np.float32], output: str) -> Scores:
        feed = np.ascontiguousarray(images, dtype=self._dtype)
        try:
            scores = self._session.run([output], {self.graph.input_name: feed})[0]
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise InferenceError(
                f"Expected scores for a batch of shape {feed.shape}, found that ONNX Runtime "
                f"failed: {_first_line(error)}. Try a smaller --batch, or another --device."
            ) from error
        if not isinstance(scores, np.ndarray) or scores.shape[:1] != feed.shape[:1]:
            raise InferenceError(
                f"Expected {len(feed)} rows of class scores, found an output of shape "
                f"{getattr(scores, 'shape', None)}. The model's batch axis must come first."
            )
        return scores.reshape(len(feed), -1)

    def _recognise_output(self) -> tuple[OutputKind, int]:
        """Decide what the output holds, from the graph and checked on numbers."""
        if self.graph.head == "Sigmoid":
            raise SignatureError(
                "Expected scores of classes that exclude each other, found a final Sigmoid "
                f"(independent labels) in output '{self.graph.output_name}'. "
                "Choose a single-label classifier."
            )
        probes = self._probes()
        found = self._run(probes, self.graph.output_name)
        n_classes = found.shape[1]
        if self.graph.n_classes not in (None, n_classes) or n_classes < 2:  # noqa: PLR2004
            raise SignatureError(
                f"Expected scores of {self.graph.n_classes or 'several'} classes, found "
                f"{n_classes}. Export the model with its class scores as output."
            )
        if self._softmax_input_is_proven(probes, found):
            self._output = str(self.graph.softmax_input)
            return OutputKind.SOFTMAX_INPUT, n_classes
        scores = found.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            if _are_probabilities(scores):
                return OutputKind.PROBABILITIES, n_classes
            if np.all(scores <= 0) and _are_probabilities(np.exp(scores)):
                return OutputKind.LOG_PROBABILITIES, n_classes
        if np.all((scores >= 0) & (scores <= 1)):
            sums = scores.sum(axis=1)
            raise SignatureError(
                "Expected logits, or probabilities that add up to 1, found scores within 0..1 that "
                f"add up to {sums.min():.3g} to {sums.max():.3g} (independent labels, or classes "
                f"cut off) in output '{self.graph.output_name}'. Export the logits instead."
            )
        return OutputKind.LOGITS, n_classes

    def _softmax_input_is_proven(self, probes: NDArray[np.float32], scores: Scores) -> bool:
        name = self.graph.softmax_input
        if name is None or name not in {one.name for one in self._session.get_outputs()}:
            return False
        logits = self._run(probes, name).astype(np.float64)
        tolerance = max(PROOF_TOLERANCE, PROOF_ROUNDINGS * float(np.finfo(scores.dtype).eps))
        return logits.shape == scores.shape and np.allclose(
            softmax(logits, axis=1), scores, rtol=0, atol=tolerance
        )

    def _probes(self) -> NDArray[np.float32]:
        """Return a batch of different inputs, fixed for a given shape."""
        n_images = self.graph.batch or N_PROBES
        generator = np.random.default_rng(0)
        scale = generator.uniform(0.1, 2.0, size=(n_images, 1, 1, 1))
        noise = generator.standard_normal((n_images, *self.input_shape))
        return (scale * noise).astype(np.float32)


def _with_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return a copy of `model` with the tensor `name` as a further output."""
    edited = onnx.ModelProto()
    edited.CopyFrom(model)
    edited.graph.output.append(onnx.ValueInfoProto(name=name))  # its type is inferred
    return edited


def _are_probabilities(scores: NDArray[np.float64]) -> bool:
    """Say whether every row is non-negative and adds up to 1."""
    sums = scores.sum(axis=1)
    return bool(np.all(scores >= 0) and np.all(np.abs(sums - 1) < SUM_TOLERANCE))


def _first_line(error: Exception) -> str:
    text: Any = str(error).strip() or type(error).__name__  # Any: foreign exceptions
    return str(text).splitlines()[0].rstrip(".")[:300]
