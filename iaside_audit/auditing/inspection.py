"""What a model file is, found in a worker process before any audit."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.auditing.assistant.assist import Assistance, assist
from iaside_audit.auditing.limits import Limits, reading_s
from iaside_audit.auditing.model import fit_preprocessing, inspect_model, resolve_model
from iaside_audit.auditing.workers import ProcessWorker, raise_if_error
from iaside_audit.choices import MAX_MODEL_BYTES
from iaside_audit.classifier.identity import file_sha256
from iaside_audit.classifier.neighbours import neighbouring_preprocessings
from iaside_audit.classifier.preprocessing_sources import find_preprocessing, to_toml
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import InferenceError, SpecError
from iaside_audit.events import Stage
from iaside_audit.images import find_images, index_images, resolve_labels
from iaside_audit.preprocessing import ChannelOrder, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from iaside_audit.auditing.assistant.examiner import Progress
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.classifier.description import GraphDescription
    from iaside_audit.images import IndexedImage, Listing

DEADLINE_S: Final = 120.0
"""For parsing, and for opening, a model."""
TRIAL_DEADLINE_S: Final = 1800.0
"""A message is up to 19 candidates on 32 images, and a large model may take seconds for each."""
FREE_SIZE: Final = (
    "The model takes images of any size; {} x {} px were tried. Give --size to try another."
)
USUAL_SIDE: Final = 224
USUAL_RATIO: Final = 256 / 224
POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialImages:
    """The images on which preprocessings are tried.

    Parameters
    ----------
    images : Path
        As in :class:`~iaside_audit.spec.AuditSpec`, like `labels` and `classes`. Where `labels` is
        ``auto`` and none are found, candidates are ranked without.
    max_images : int
        So many are taken at random, but always the same ones.
    """

    images: Path
    labels: str = "auto"
    classes: Path | None = None
    max_images: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a model file is.

    `preprocessing` is None where none was found; `preprocessing_fault` then says why. The output's
    kind, and what ran it, are None where the model takes a size that nobody has said.
    `assistance` is None where no images were given.
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
    assistance: Assistance | None = None


def inspect_file(
    model: Path,
    *,
    preprocess: str = "auto",
    output: str | None = None,
    device: str = "auto",
    max_model_bytes: int = MAX_MODEL_BYTES,
    size: int | None = None,
    data: TrialImages | None = None,
    on_progress: Progress = lambda _stage, _done, _total: None,
    start_worker: Callable[[], Worker] | None = None,
) -> Inspection:
    """Inspect a model file in a worker process.

    Parameters
    ----------
    model : Path
        An ``.onnx`` file, or an id of the catalogue.
    preprocess : str
        As in :class:`~iaside_audit.spec.AuditSpec`.
    output : str or None
        As in :class:`~iaside_audit.spec.AuditSpec`.
    device : str
        As in :class:`~iaside_audit.spec.AuditSpec`.
    max_model_bytes : int
        As in :class:`~iaside_audit.spec.AuditSpec`.
    size : int or None
        Side in pixels to try where the graph leaves it free and no preprocessing says it.
    data : TrialImages or None
        Images on which the preprocessing assistant tries candidates.
    on_progress : callable
        Takes a stage of the assistant, what is done of it and its total.
    start_worker : callable or None
        Starts the worker; a child process with the usual limits unless given.

    Raises
    ------
    ModelError
        If it cannot be audited.
    SpecError
        If the preprocessing that was named, or the labels, are faulty.
    ImageError
        If no image can be read.
    """
    path = resolve_model(model)
    listing = None if data is None else find_images(data.images)
    limits = Limits(max_model_bytes=max_model_bytes)
    worker = (start_worker or partial(ProcessWorker, limits))()
    try:
        graph = inspect_model(path, lambda message: _call(worker, message), output=output)
        sha256 = file_sha256(path)  # of a file that was found to be regular and of a bearable size
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
        size_known = _size(graph, preprocessing, size if listing is None else size or USUAL_SIDE)
        opened: Message = {}
        if size_known is not None:
            opened = _call(
                worker,
                {
                    "task": "open",
                    "model": str(path),
                    "graph": graph.to_wire(),
                    "device": device,
                    "threads": None,
                    "size": list(size_known),
                },
            )
        assistance = None
        if data is not None and listing is not None and size_known is not None:
            images, notes = labelled_images(listing, data, opened["n_classes"], on_progress)
            found, faults = neighbouring_preprocessings(
                path, sha256=sha256, metadata=graph.metadata
            )
            if _size(graph, preprocessing, size) is None:
                said = [one.crop_size for one in found] or [_size_of_images(images) or size_known]
                size_known = said[0]
                notes.append(FREE_SIZE.format(*size_known))
            assistance = assist(
                lambda message: _call(worker, message, TRIAL_DEADLINE_S),
                graph,
                images,
                size=size_known,
                n_classes=opened["n_classes"],
                configured=preprocessing,
                found=found,
                notes=(*faults, *notes),
                on_progress=on_progress,
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
        assistance=assistance,
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


def labelled_images(
    listing: Listing,
    data: TrialImages,
    n_classes: int,
    on_progress: Progress = lambda _stage, _done, _total: None,
) -> tuple[tuple[IndexedImage, ...], list[str]]:
    """Return images to try preprocessings on, in a mixed order, and what to know about them.

    Parameters
    ----------
    listing : Listing
        All images.
    data : TrialImages
        Which of them, and where their labels are; without any where ``auto`` finds none.
    n_classes : int
        Outputs of the model.
    on_progress : callable
        Takes what is being done, how much of it is done and its total.
    """
    notes = []
    try:
        labelling = resolve_labels(
            listing, labels=data.labels, classes=data.classes, n_classes=n_classes
        )
    except SpecError as error:
        if data.labels != "auto" or error.expected != "labels":
            raise
        notes.append(error.message)
        labelling = resolve_labels(listing, labels="self", n_classes=n_classes)
    total = len(labelling.records)
    taken = np.random.default_rng(0).permutation(total)[: data.max_images].tolist()
    index = index_images(
        listing,
        replace(
            labelling,
            records=tuple(labelling.records[place] for place in taken),
            labels=tuple(labelling.labels[place] for place in taken),
        ),
        seed=0,
        workers=available_threads(),
        on_progress=lambda done, total: on_progress(Stage.READING_IMAGES, done, total),
    )
    if index.failed:
        notes.append(f"{len(index.failed)} images could not be read: {index.failed[0].reason}")
    return index.entries, [*labelling.warnings, *notes]


def _size(
    graph: GraphDescription, preprocessing: Preprocessing | None, size: int | None
) -> tuple[int, int] | None:
    """Return the size of the model's input, as far as anybody has said it."""
    if preprocessing is not None:
        return preprocessing.crop_size
    if graph.height is not None and graph.width is not None:
        return graph.height, graph.width
    return None if size is None else (graph.height or size, graph.width or size)


def _size_of_images(images: Sequence[IndexedImage]) -> tuple[int, int] | None:
    """Return the one size of all images, where it is small enough to be the model's own."""
    height, width = images[0].height, images[0].width
    is_one = all((one.height, one.width) == (height, width) for one in images)
    return (height, width) if is_one and max(height, width) <= USUAL_SIDE else None


def _call(worker: Worker, message: Message, deadline_s: float | None = None) -> Message:
    """Send one task and wait for its last reply, but not for ever."""
    worker.send(message)
    deadline_s = deadline_s or DEADLINE_S + reading_s(message)
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        reply = worker.receive(POLL_S)
        if reply is not None:
            raise_if_error(reply)
            return reply
    raise InferenceError(
        f"Expected the model's process to {message['task']} within {deadline_s:.0f} s, found that "
        "it did not. The file may be damaged or made to hang."
    )
