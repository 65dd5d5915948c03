"""Short ways to run the preprocessing assistant in tests, and recipes to run it on."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from models_of_colours import SIDE, colours
from rich.console import Console

from iaside_audit.auditing.inspection import Inspection, TrialImages, inspect_file
from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.classifier.description import GraphDescription
from iaside_audit.classifier.recipes import Geometry, normalisations, preprocessing_of
from iaside_audit.cli.assistance import print_assistance
from iaside_audit.images import find_images, index_images, resolve_labels
from iaside_audit.preprocessing import Layout, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from iaside_audit.auditing.assistant.assist import Assistance
    from iaside_audit.auditing.wire import Message
    from iaside_audit.images import IndexedImage

AS_IT_IS: Final = Geometry(0, SIDE)
RECIPES: Final = {one.name: one for one in [*normalisations(1), *normalisations(3)]}
IMAGENET: Final = preprocessing_of(RECIPES["ImageNet mean/std"], AS_IT_IS)
CAFFE: Final = preprocessing_of(RECIPES["Caffe mean, BGR"], AS_IT_IS)


def inspect_here(model: Path, images: Path, *, labels: str = "auto", **options: Any) -> Inspection:
    """Inspect with images, the worker in this process."""
    data = TrialImages(images=images, labels=labels)
    return inspect_file(model, device="cpu", data=data, start_worker=InProcessWorker, **options)


def assist_here(model: Path, images: Path, **options: Any) -> Assistance:
    """Run the assistant, its worker in this process."""
    found = inspect_here(model, images, **options).assistance
    assert found is not None
    return found


def printed(found: Assistance, width: int = 200) -> str:
    """Return what is printed, on a wide page."""
    console = Console(width=width, file=io.StringIO(), record=True)
    print_assistance(found, console, is_saved=False)
    return console.export_text()


def opened(model: Path) -> tuple[InProcessWorker, Callable[[Message], Message], GraphDescription]:
    """Open a model in a worker in this process; return it, what calls it, and the graph."""
    worker = InProcessWorker()

    def call(message: Message) -> Message:
        worker.send(message)
        reply = worker.receive(0)
        assert reply is not None
        assert reply["kind"] == "done", reply
        return reply

    graph = call({"task": "inspect", "model": str(model)})["graph"]
    call(
        {
            "task": "open",
            "model": str(model),
            "graph": graph,
            "device": "cpu",
            "threads": 1,
            "size": [SIDE, SIDE],
        }
    )
    return worker, call, GraphDescription.from_wire(graph)


def entries(path: Path) -> Sequence[IndexedImage]:
    """Return the indexed images of a file of colours."""
    listing = find_images(path)
    labelling = resolve_labels(listing, n_classes=len(colours()))
    return index_images(listing, labelling, seed=0, workers=1).entries


def settled(preprocessing: Preprocessing) -> Preprocessing:
    """Return the preprocessing as it fits a graph of channels first."""
    return replace(preprocessing, layout=Layout.NCHW)
