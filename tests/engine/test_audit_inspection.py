"""Inspection says what a file is and what is missing, and always ends its worker."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from models_for_tests import SIDE, declared_model, endless_model, save, small_model
from onnx import TensorProto

from iaside_audit.auditing import inspection as module
from iaside_audit.auditing.inspection import Inspection, inspect_file, template_for
from iaside_audit.auditing.model import fit_preprocessing, resolve_model
from iaside_audit.auditing.workers import InProcessWorker, ProcessWorker
from iaside_audit.classifier.catalogue import shipped_models
from iaside_audit.classifier.graph import describe_graph
from iaside_audit.classifier.identity import file_sha256
from iaside_audit.classifier.preprocessing_sources import parse_toml
from iaside_audit.classifier.synthetic import synthetic_classifiers
from iaside_audit.errors import (
    InferenceError,
    ModelNotFoundError,
    SignatureError,
    SpecError,
)
from iaside_audit.preprocessing import ChannelOrder, Layout, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker

FITTING = f"[preprocess]\nresize = 0\ncrop = {SIDE}\n"


def inspect_here(model: Path, **options: Any) -> Inspection:
    """Inspect in this process, on the CPU."""
    return inspect_file(model, device="cpu", start_worker=InProcessWorker, **options)


class MuteWorker:
    """A worker that never answers and remembers whether it was ended."""

    def __init__(self) -> None:
        self.is_killed = False

    def send(self, message: Message) -> None:
        """Take a task."""

    def receive(self, timeout_s: float) -> Message | None:
        """Answer nothing."""

    def kill(self) -> None:
        """Remember the end."""
        self.is_killed = True


@pytest.mark.parametrize("start_worker", [InProcessWorker, ProcessWorker])
def test_inspection_says_what_a_synthetic_model_is(
    tmp_path: Path, start_worker: Callable[[], Worker]
) -> None:
    """Graph, hash, size, preprocessing and output are found, here as in a child process."""
    path = tmp_path / "model.onnx"
    synthetic_classifiers()[0].save(path)
    found = inspect_file(path, device="cpu", start_worker=start_worker)
    assert (found.path, found.sha256) == (str(path), file_sha256(path))
    assert found.size_bytes == path.stat().st_size
    assert (found.graph.height, found.graph.n_classes) == (32, 2)
    assert found.preprocessing == Preprocessing(
        resize=0, crop=32, layout=Layout.NCHW, source="the model's metadata"
    )
    assert found.preprocessing_fault is None
    assert (found.output_kind, found.n_classes) == ("logits", 2)
    assert found.provider == "CPUExecutionProvider"
    assert found.device


def test_inspection_takes_a_catalogue_id() -> None:
    """An id of the catalogue is as good as a path."""
    shipped = shipped_models()[0]
    found = inspect_here(Path(shipped.id))
    assert found.sha256 == shipped.sha256
    assert found.preprocessing == shipped.preprocessing
    assert (found.output_kind, found.n_classes) == (shipped.output_kind, 1000)


def test_inspection_without_preprocessing_says_why(tmp_path: Path) -> None:
    """A model of a fixed size opens all the same; the missing preprocessing is a named fault."""
    found = inspect_here(save(small_model("softmax"), tmp_path / "m.onnx"))
    assert found.preprocessing is None
    assert found.preprocessing_fault is not None
    assert "found none: no 'm.toml'" in found.preprocessing_fault
    assert found.output_kind == "logits before the final softmax"


def test_inspection_leaves_open_what_nobody_said(tmp_path: Path) -> None:
    """A model of free size without preprocessing is not run: its output's kind stays unknown."""
    path = save(small_model(size=("H", "W")), tmp_path / "m.onnx")
    found = inspect_here(path)
    assert (found.output_kind, found.n_classes, found.provider) == (None, None, None)
    (tmp_path / "m.toml").write_text(FITTING)
    assert inspect_here(path).output_kind == "logits"


@pytest.mark.parametrize(
    "text", ["[preprocess]\ncrop = 8\n", FITTING.replace("8", "9")], ids=["faulty", "misfit"]
)
def test_inspection_shows_a_found_fault_and_raises_a_named_one(tmp_path: Path, text: str) -> None:
    """Faulty preprocessing beside the model is shown; the same, asked for by name, is an error."""
    path = save(small_model(), tmp_path / "m.onnx")
    beside = tmp_path / "m.toml"
    beside.write_text(text)
    found = inspect_here(path)
    assert found.preprocessing is None
    assert found.preprocessing_fault is not None
    assert str(beside) in found.preprocessing_fault
    with pytest.raises(SpecError, match=r"m\.toml"):
        inspect_here(path, preprocess=str(beside))


def test_inspection_raises_what_the_worker_reports(tmp_path: Path) -> None:
    """A file that is no image classifier is refused with the worker's own words."""
    model = declared_model([("ids", TensorProto.INT64, ["N", 7])])
    with pytest.raises(SignatureError, match=r"found ids: int64 \(N, 7\)"):
        inspect_here(save(model, tmp_path / "bert.onnx"))


def test_inspection_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that never answers is ended at the deadline."""
    path = save(small_model(), tmp_path / "m.onnx")
    monkeypatch.setattr(module, "DEADLINE_S", 0.2)
    worker = MuteWorker()
    with pytest.raises(InferenceError, match="made to hang"):
        inspect_file(path, start_worker=lambda: worker)
    assert worker.is_killed


def test_inspection_of_an_endless_model_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile model that loops for ever costs the deadline and its own process, no more."""
    path = save(endless_model(), tmp_path / "m.onnx")
    monkeypatch.setattr(module, "DEADLINE_S", 1.0)
    with pytest.raises(InferenceError, match="made to hang"):
        inspect_file(path, device="cpu")


@pytest.mark.parametrize("preprocess", ["auto", "none.toml"], ids=["done", "raised"])
def test_inspection_ends_its_worker(tmp_path: Path, preprocess: str) -> None:
    """The worker is ended once, whether the inspection succeeds or raises."""
    ends = []

    class Watched(InProcessWorker):
        def kill(self) -> None:
            ends.append(self)
            super().kill()

    path = save(small_model(), tmp_path / "m.onnx")
    with suppress(SpecError):
        inspect_file(path, preprocess=preprocess, device="cpu", start_worker=Watched)
    assert len(ends) == 1


class Misfit(NamedTuple):
    """Preprocessing that does not give what the model takes, and what must be said."""

    name: str
    model: dict[str, Any]
    preprocessing: Preprocessing
    said: tuple[str, ...]


GREY = {"channel_order": ChannelOrder.GREY, "mean": (0.5,), "std": (0.5,)}
MISFITS = [
    Misfit("size", {}, Preprocessing(resize=0, crop=9), ("height 8, found 9", "width 8, found 9")),
    Misfit("width", {"size": (8, 6)}, Preprocessing(resize=0, crop=8), ("width 6, found 8",)),
    Misfit(
        "layout",
        {"layout": "NHWC"},
        Preprocessing(resize=0, crop=8, layout=Layout.NCHW),
        ("layout NHWC, found NCHW",),
    ),
    Misfit(
        "everything",
        {"n_channels": 1},
        Preprocessing(resize=0, crop=(7, 9), layout=Layout.NHWC),
        ("layout NCHW, found NHWC", "height 8, found 7", "width 8, found 9", "channels 1, found 3"),
    ),
]


@pytest.mark.parametrize("case", MISFITS, ids=lambda case: case.name)
def test_misfits_are_named_all_at_once(case: Misfit) -> None:
    """Every difference between graph and preprocessing is in one message, with its source."""
    graph = describe_graph(small_model(**case.model), Path("m.onnx"))
    preprocessing = replace(case.preprocessing, source="p.toml")
    with pytest.raises(SpecError, match=r"Correct them in that file") as caught:
        fit_preprocessing(preprocessing, graph)
    assert [part for part in case.said if part not in caught.value.message] == []
    assert "preprocessing from p.toml" in caught.value.message


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("said", [Layout.AUTO, None], ids=["auto", "said"])
def test_fitting_preprocessing_takes_the_graphs_layout(layout: str, said: Layout | None) -> None:
    """What fits is returned with the layout settled; a free size fits any crop."""
    graph = describe_graph(small_model(layout=layout, size=("H", "W")), Path("m.onnx"))
    preprocessing = Preprocessing(resize=0, crop=50, layout=said or Layout(layout))
    assert fit_preprocessing(preprocessing, graph) == replace(preprocessing, layout=Layout(layout))


TEMPLATES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"crop": 8, "resize": 9, "layout": "NCHW", "channel_order": "RGB"}),
    ({"layout": "NHWC"}, {"crop": 8, "layout": "NHWC"}),
    ({"n_channels": 1}, {"crop": 8, "channel_order": "L", "mean": (0.5,), "std": (0.5,)}),
    ({"size": (8, 16)}, {"crop": (8, 16), "resize": 9}),
    ({"size": ("H", "W")}, {"crop": 224, "resize": 256, "mean": (0.485, 0.456, 0.406)}),
]


@pytest.mark.parametrize(("options", "meaning"), TEMPLATES, ids=str)
def test_template_reads_back_and_fits(
    tmp_path: Path, options: dict[str, Any], meaning: dict[str, Any]
) -> None:
    """The start that is printed is valid, fits the model, and serves it from a file."""
    path = save(small_model(**options), tmp_path / "m.onnx")
    first = inspect_here(path)
    template = template_for(first)
    read = parse_toml(template, source="template")
    assert {name: getattr(read, name) for name in meaning} == meaning
    assert fit_preprocessing(read, first.graph) == read
    (tmp_path / "m.toml").write_text(template)
    assert inspect_here(path).preprocessing == replace(read, source=str(tmp_path / "m.toml"))


def test_resolve_model_takes_files_and_ids(tmp_path: Path) -> None:
    """A file is itself, whatever its name; an id is the catalogue's file."""
    shipped = shipped_models()[0]
    file = tmp_path / "no_suffix"
    file.write_bytes(b"x")
    assert resolve_model(file) == file
    assert resolve_model(Path(shipped.id)) == shipped.path


def test_resolve_model_names_what_is_wrong(tmp_path: Path) -> None:
    """A folder, a wrong path and a misspelt id are told apart."""
    with pytest.raises(ModelNotFoundError, match=r"found the folder .*Give the \.onnx file in it"):
        resolve_model(tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"found nothing at .*none\.onnx'.*Check the path"):
        resolve_model(tmp_path / "none.onnx")
    with pytest.raises(ModelNotFoundError, match=r"Did you mean 'efficientnet_lite0'"):
        resolve_model(Path("efficientnet_lite"))
