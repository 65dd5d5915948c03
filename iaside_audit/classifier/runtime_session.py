"""An ONNX Runtime session that takes any number of images, whatever batch its file was made for."""

from __future__ import annotations

import re
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from iaside_audit.classifier.batching import free_batch, prove
from iaside_audit.classifier.feeds import as_bytes
from iaside_audit.classifier.providers import (
    CPU,
    CUDA,
    available_threads,
    check_installation,
    cuda_missing,
    providers_for,
)
from iaside_audit.errors import InferenceError, MemoryExhaustedError, ModelError
from iaside_audit.preprocessing import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.classifier.description import GraphDescription

    OnRun = Callable[[int, float], None]

EXTERNAL_DATA_FOLDER: Final = "session.model_external_initializers_file_folder_path"
"""Where ONNX Runtime looks for the external data of a model that it reads from memory."""
NODE_ASSIGNMENT: Final = "session.record_ep_graph_assignment_info"
"""Lets ONNX Runtime say which provider runs which node."""
SOURCE_PLACE: Final = re.compile(
    r"/\S+\.(?:cc|h):\d+ [^()]*\([^()]*\)(?: const)?(?: \[with [^\]]*\])? "
)
"""A file and the whole signature of a function, which some errors of ONNX Runtime begin with."""
OUT_OF_MEMORY: Final = (
    "failed to allocate memory",
    "bad_alloc",
    "bad allocation",
    "out of memory",
    "alloc_failed",
)
"""What ONNX Runtime, its CUDA provider, cuBLAS and cuDNN say of a batch that does not fit."""
FATAL_ONLY: Final = 4
"""ONNX Runtime's log level; its errors reach the user as exceptions, not as red lines."""

Scores = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.float64]


class Batching(StrEnum):
    """How a session takes any number of images."""

    FREE = "free"
    REWRITTEN = "fixed in the file, freed in memory and proven equal"
    FIXED = "fixed, several calls side by side"


class RuntimeSession:
    """One model in ONNX Runtime.

    Parameters
    ----------
    path : Path
        The model file; it is never changed.
    model : onnx.ModelProto
        The same, parsed without external data.
    graph : GraphDescription
        What the file is.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    threads : int or None
        Threads that run it; None for all processors.
    size : (int, int)
        Height and width of the input, for a graph that leaves them free.
    on_run : callable
        Takes the number of images, and the seconds they took, after each :meth:`run`.
    run_options : ort.RunOptions or None
        Of every run; ``terminate`` may be set from another thread, and ends the run that goes on
        after its present node, and every later one.

    Raises
    ------
    SpecError
        If CUDA is asked for and not to be had.
    ModelError
        If ONNX Runtime refuses the model.
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
        check_installation()
        self._on_run = on_run
        self._run_options = run_options or ort.RunOptions()
        self._run_options.log_severity_level = FATAL_ONLY
        self.graph = graph
        self.threads = threads or available_threads()
        self._path = path
        self._device = device
        self._size = size
        self._dtype = np.dtype(graph.input_dtype)
        self._pool: ThreadPoolExecutor | None = None
        self.batching = Batching.FREE
        is_edited = graph.softmax_input is not None
        if is_edited:
            model = _with_output(model, str(graph.softmax_input))
        self._session = self._open(model, is_edited=is_edited, threads=self.threads)
        self.provider: str = self._session.get_providers()[0]
        if device.startswith("cuda") and self.provider != CUDA:
            raise cuda_missing(
                device,
                f"a session on {self.provider}",
                mend="Check with nvidia-smi that this GPU is there",
            )
        if graph.batch is not None:
            self._settle_batch(model, graph.batch, is_edited=is_edited)

    def close(self) -> None:
        """Release the session."""
        self._session = None
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """One image as the model takes it: (C, H, W) or (H, W, C)."""
        height, width = self._size
        if self.graph.layout == Layout.NCHW:
            return (self.graph.n_channels, height, width)
        return (height, width, self.graph.n_channels)

    def has_output(self, name: str) -> bool:
        """Say whether the session gives a tensor of that name."""
        return name in {one.name for one in self._session.get_outputs()}

    def provider_nodes(self) -> dict[str, int]:
        """Count the nodes of the optimised graph by provider; empty where nothing is known."""
        if not hasattr(self._session, "get_provider_graph_assignment_info"):
            return {}
        counts: Counter[str] = Counter()
        for part in self._session.get_provider_graph_assignment_info():
            counts[str(part.ep_name)] += len(part.get_nodes())
        return dict(counts)

    def run(self, images: NDArray[np.float32], output: str) -> Scores:
        """Return one output, (B, n_classes), for images (B, *input_shape).

        Raises
        ------
        InferenceError
            If ONNX Runtime fails, or returns another shape.
        """
        if self._dtype == np.uint8:
            # A loss that the audit's warnings name: mixtures are neither whole nor within 0..255.
            images = as_bytes(images)
        feed = np.ascontiguousarray(images, dtype=self._dtype)
        started = time.perf_counter()
        if self.batching == Batching.FIXED:
            scores = self._run_in_pieces(feed, output)
        else:
            scores = self._run_once(self._session, feed, output)
        self._on_run(len(feed), time.perf_counter() - started)
        return scores

    def _settle_batch(self, model: onnx.ModelProto, batch: int, *, is_edited: bool) -> None:
        """Free a fixed batch where that is proven to give the same, else work with it."""
        output = self.graph.softmax_input or self.graph.output_name
        fixed = self._session
        freed = free_batch(model, self.graph)
        if freed is not None:
            with suppress(ModelError):  # a rewrite that ONNX Runtime refuses is no rewrite
                free = self._open(freed, is_edited=True, threads=self.threads)
                proof = prove(
                    lambda images: self._run_once(fixed, images.astype(self._dtype), output),
                    lambda images: self._run_once(free, images.astype(self._dtype), output),
                    fixed_batch=batch,
                    input_shape=self.input_shape,
                )
                if proof.holds:
                    self._session = free
                    self.batching = Batching.REWRITTEN
                    return
        self.batching = Batching.FIXED
        if self.provider == CPU and self.threads > 1:
            # Threads within a call of a small batch wait more than they work; whole calls do not.
            self._session = self._open(model, is_edited=is_edited, threads=1)
            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="model")

    def _run_in_pieces(self, feed: NDArray[Any], output: str) -> Scores:
        """Run a batch in pieces of the model's own batch, the last one padded."""
        batch = self.graph.batch or 1
        n_images = len(feed)
        padding = np.zeros((-n_images % batch, *feed.shape[1:]), dtype=feed.dtype)
        pieces = np.split(np.concatenate([feed, padding]), (n_images + len(padding)) // batch)

        def run(piece: NDArray[Any]) -> Scores:
            return self._run_once(self._session, piece, output)

        results = map(run, pieces) if self._pool is None else self._pool.map(run, pieces)
        return np.concatenate(list(results))[:n_images]

    def _run_once(self, session: ort.InferenceSession, feed: NDArray[Any], output: str) -> Scores:
        """Call ONNX Runtime once and check what comes back."""
        try:
            scores = session.run([output], {self.graph.input_name: feed}, self._run_options)[0]
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise _kind_of(error)(
                f"Expected scores for a batch of shape {feed.shape}, found that ONNX Runtime "
                f"failed: {first_line(error)}. Try a smaller --batch, or another --device."
            ) from error
        if not isinstance(scores, np.ndarray) or scores.shape[:1] != feed.shape[:1]:
            raise InferenceError(
                f"Expected {len(feed)} rows of class scores, found an output of shape "
                f"{getattr(scores, 'shape', None)}. The model's batch axis must come first."
            )
        return scores.reshape(len(feed), -1)

    def _open(
        self, model: onnx.ModelProto, *, is_edited: bool, threads: int
    ) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = FATAL_ONLY
        options.add_session_config_entry(NODE_ASSIGNMENT, "1")
        asked = providers_for(self._device, ort.get_available_providers())
        if asked[0][0] == CUDA and hasattr(ort, "preload_dlls"):
            ort.preload_dlls()
        source: str | bytes = str(self._path)
        if is_edited:
            options.add_session_config_entry(EXTERNAL_DATA_FOLDER, str(self._path.parent))
            source = model.SerializeToString()
        try:
            with warnings.catch_warnings():  # a provider that fails is read back
                warnings.simplefilter("ignore")
                return ort.InferenceSession(
                    source,
                    options,
                    providers=[name for name, _ in asked],
                    provider_options=[settings for _, settings in asked],
                )
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise ModelError(
                f"Expected a model that ONNX Runtime {ort.__version__} can load, found "
                f"'{self._path.name}': {first_line(error)}. Check that the export is complete.",
                path=str(self._path),
            ) from error


def _kind_of(error: Exception) -> type[InferenceError]:
    """Tell a batch that did not fit the memory, which a smaller one may, from other failures."""
    text = str(error).lower()
    is_full = isinstance(error, MemoryError) or any(phrase in text for phrase in OUT_OF_MEMORY)
    return MemoryExhaustedError if is_full else InferenceError


def first_line(error: Exception) -> str:
    """Return the first line of a foreign exception, cut to what fits one sentence."""
    text = SOURCE_PLACE.sub("", str(error).strip()) or type(error).__name__
    return text.splitlines()[0].rstrip(".").replace(". ", "; ")[:300]


def _with_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return a copy of `model` with the tensor `name` as a further output."""
    edited = onnx.ModelProto()
    edited.CopyFrom(model)
    edited.graph.output.append(onnx.ValueInfoProto(name=name))  # its type is inferred
    return edited
