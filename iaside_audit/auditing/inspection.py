"""What a model file is, found in a worker process before any audit."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.model import fit_preprocessing, inspect_model, resolve_model
from iaside_audit.auditing.workers import ProcessWorker, raise_if_error
from iaside_audit.classifier.identity import file_sha256
from iaside_audit.classifier.preprocessing_sources import find_preprocessing, to_toml
from iaside_audit.errors import InferenceError, SpecError
from iaside_audit.preprocessing import ChannelOrder, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.classifier.description import GraphDescription

DEADLINE_S: Final = 120.0
"""For parsing, and for opening, a model."""
USUAL_SIDE: Final = 224
USUAL_RATIO: Final = 256 / 224
POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a model file is.

    `preprocessing` is None where none was found; `preprocessing_fault` then says why. The output's
    kind, and what ran it, are None where the model takes a size that nobody has said.
    """

    path: str
    sha256: str
    size_bytes: int
    graph: GraphDescription
    preprocessing: Preprocessing | None
    preprocessing_fault: str | None
    output_kind: str | None = None
    n_classes: int | None = None
    provider: str | None = None
    device: str | None = None


def inspect_file(
    model: Path,
    *,
    preprocess: str = "auto",
    device: str = "auto",
    start_worker: Callable[[], Worker] = ProcessWorker,
) -> Inspection:
    """Inspect a model file in a worker process.

    Parameters
    ----------
    model : Path
        An ``.onnx`` file, or an id of the catalogue.
    preprocess : str
        As in :class:`~iaside_audit.spec.AuditSpec`.
    device : str
        As in :class:`~iaside_audit.spec.AuditSpec`.
    start_worker : callable
        Starts the worker; a child process unless a test says otherwise.

    Raises
    ------
    ModelError
        If it cannot be audited.
    SpecError
        If the preprocessing that was named is faulty.
    """
    path = resolve_model(model)
    sha256 = file_sha256(path)
    worker = start_worker()
    try:
        graph = inspect_model(path, lambda message: _call(worker, message))
        preprocessing, fault = None, None
        try:
            preprocessing = fit_preprocessing(
                find_preprocessing(preprocess, model=path, sha256=sha256, metadata=graph.metadata),
                graph,
            )
        except SpecError as error:
            if preprocess != "auto":
                raise
            fault = error.message
        size = _size(graph, preprocessing)
        opened: Message = {}
        if size is not None:
            opened = _call(
                worker,
                {
                    "task": "open",
                    "model": str(path),
                    "graph": graph.to_wire(),
                    "device": device,
                    "threads": None,
                    "size": list(size),
                },
            )
    finally:
        worker.kill()
    return Inspection(
        path=str(path),
        sha256=sha256,
        size_bytes=path.stat().st_size,
        graph=graph,
        preprocessing=preprocessing,
        preprocessing_fault=fault,
        output_kind=opened.get("output_kind"),
        n_classes=opened.get("n_classes"),
        provider=opened.get("provider"),
        device=opened.get("device"),
    )


def template_for(inspection: Inspection) -> str:
    """Return a preprocessing file to start from: sizes from the graph, the rest to be checked."""
    graph = inspection.graph
    crop = (graph.height or USUAL_SIDE, graph.width or USUAL_SIDE)
    is_grey = graph.n_channels == 1
    start = Preprocessing(
        resize=round(min(crop) * USUAL_RATIO),
        crop=crop if crop[0] != crop[1] else crop[0],
        channel_order=ChannelOrder.GREY if is_grey else ChannelOrder.RGB,
        mean=(0.5,) if is_grey else (0.485, 0.456, 0.406),
        std=(0.5,) if is_grey else (0.229, 0.224, 0.225),
        layout=graph.layout,
    )
    return (
        "# A start: sizes and layout are the graph's. The rest is what ImageNet models usually\n"
        "# take: put in what this model was trained with.\n"
        "# The model's input is (uint8 * scale - mean) / std.\n"
        f"{to_toml(start)}"
    )


def _size(graph: GraphDescription, preprocessing: Preprocessing | None) -> tuple[int, int] | None:
    if preprocessing is not None:
        return preprocessing.crop_size
    if graph.height is not None and graph.width is not None:
        return graph.height, graph.width
    return None


def _call(worker: Worker, message: Message) -> Message:
    """Send one task and wait for its last reply, but not for ever."""
    worker.send(message)
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        reply = worker.receive(POLL_S)
        if reply is not None:
            raise_if_error(reply)
            return reply
    raise InferenceError(
        f"Expected the model to open within {DEADLINE_S:.0f} s, found that it did not. "
        "The file may be damaged or made to hang."
    )
