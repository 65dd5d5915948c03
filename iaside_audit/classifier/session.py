"""One ONNX Runtime session that gives log-probabilities (METHOD.md, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from scipy.special import log_softmax, softmax

from iaside_audit.classifier.runtime_session import Batching, RuntimeSession, Scores
from iaside_audit.errors import SignatureError

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    import onnxruntime as ort
    from numpy.typing import NDArray

    from iaside_audit.classifier.description import GraphDescription
    from iaside_audit.classifier.runtime_session import OnRun

LEAST_PROBABILITY: Final = 1e-12
"""No probability below this is told from 0, whatever the output's type can hold."""
SUM_TOLERANCE: Final = 1e-3
PROOF_TOLERANCE: Final = 1e-4
PROOF_ROUNDINGS: Final = 8
"""The tolerance in roundings of the output's type, where that is coarser, as float16 is."""
N_PROBES: Final = 4


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
    on_run : callable
        Takes the number of images, and the seconds they took, after each run of the model.
    run_options : ort.RunOptions or None
        Of every run; setting ``terminate`` ends the model's work.

    Raises
    ------
    SpecError
        If CUDA is asked for and not to be had.
    InferenceError
        If ONNX Runtime refuses the model.
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
        on_run: OnRun = lambda _rows, _elapsed_s: None,
        run_options: ort.RunOptions | None = None,
    ) -> None:
        self.graph = graph
        self._session = RuntimeSession(
            path,
            model,
            graph,
            device=device,
            threads=threads,
            size=size,
            on_run=on_run,
            run_options=run_options,
        )
        self._output = graph.output_name
        self.kind, self.n_classes = self._recognise_output()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the session."""
        self._session.close()

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """One image as the model takes it: (C, H, W) or (H, W, C)."""
        return self._session.input_shape

    @property
    def provider(self) -> str:
        """The provider that runs the model, read back from the session."""
        return self._session.provider

    @property
    def threads(self) -> int:
        """Threads that run the model."""
        return self._session.threads

    @property
    def batching(self) -> Batching:
        """How the session takes any number of images."""
        return self._session.batching

    def provider_nodes(self) -> dict[str, int]:
        """Count the nodes of the optimised graph by provider; empty where nothing is known."""
        return self._session.provider_nodes()

    def probes(self) -> NDArray[np.float32]:
        """Return a batch of different inputs, the same for every model of this input."""
        generator = np.random.default_rng(0)
        shape = (N_PROBES, *self.input_shape)
        if self.graph.input_dtype == "uint8":
            return generator.uniform(0, 255, shape).astype(np.float32)
        scale = generator.uniform(0.1, 2.0, size=(N_PROBES, 1, 1, 1))
        return (scale * generator.standard_normal(shape)).astype(np.float32)

    def __call__(self, images: NDArray[np.float32]) -> LogProbabilities:
        """Return the log-probabilities of a batch of model inputs.

        Parameters
        ----------
        images : (B, *input_shape) float32
            Preprocessed; any number of them.

        Raises
        ------
        InferenceError
            If ONNX Runtime fails, or returns another shape.
        """
        scores = self._session.run(images, self._output)
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
        scores = self._session.run(images, self.graph.output_name).astype(np.float32)
        if self.kind in {OutputKind.PROBABILITIES, OutputKind.SOFTMAX_INPUT}:
            return np.log(np.maximum(scores, np.float32(least)))
        return scores

    def _recognise_output(self) -> tuple[OutputKind, int]:
        """Decide what the output holds, from the graph and checked on numbers."""
        if self.graph.head == "Sigmoid":
            raise SignatureError(
                "Expected scores of classes that exclude each other, found a final Sigmoid "
                f"(independent labels) in output '{self.graph.output_name}'. "
                "Choose a single-label classifier."
            )
        probes = self.probes()
        found = self._session.run(probes, self.graph.output_name)
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
        if name is None or not self._session.has_output(name):
            return False
        logits = self._session.run(probes, name).astype(np.float64)
        tolerance = max(PROOF_TOLERANCE, PROOF_ROUNDINGS * float(np.finfo(scores.dtype).eps))
        return logits.shape == scores.shape and np.allclose(
            softmax(logits, axis=1), scores, rtol=0, atol=tolerance
        )


def _are_probabilities(scores: NDArray[np.float64]) -> bool:
    """Say whether every row is non-negative and adds up to 1."""
    sums = scores.sum(axis=1)
    return bool(np.all(scores >= 0) and np.all(np.abs(sums - 1) < SUM_TOLERANCE))
