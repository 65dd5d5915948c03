"""The graph alone says layout, size, batch and head; nothing is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from models_for_tests import HEADS, N_CLASSES, SIDE, save, save_with_external_data, small_model
from onnx import TensorProto, helper, numpy_helper
from shared_material import shared

from iaside_audit.classifier.description import GraphDescription
from iaside_audit.classifier.graph import describe_graph, load_graph
from iaside_audit.classifier.identity import file_sha256, model_identity
from iaside_audit.errors import ModelError, SignatureError
from iaside_audit.preprocessing import Layout

if TYPE_CHECKING:
    import numpy as np

ANYWHERE = Path("model.onnx")


class Input(NamedTuple):
    """A declared input, and how it must be read."""

    name: str
    options: dict[str, Any]
    layout: Layout
    n_channels: int
    size: tuple[int | None, int | None]
    batch: int | None


INPUTS = [
    Input("NCHW", {}, Layout.NCHW, 3, (SIDE, SIDE), None),
    Input("NHWC", {"layout": "NHWC"}, Layout.NHWC, 3, (SIDE, SIDE), None),
    Input("oblong NCHW", {"size": (6, 10)}, Layout.NCHW, 3, (6, 10), None),
    Input("oblong NHWC", {"layout": "NHWC", "size": (6, 10)}, Layout.NHWC, 3, (6, 10), None),
    Input("grey NCHW", {"n_channels": 1}, Layout.NCHW, 1, (SIDE, SIDE), None),
    Input("grey NHWC", {"layout": "NHWC", "n_channels": 1}, Layout.NHWC, 1, (SIDE, SIDE), None),
    Input("batch of 1", {"batch": 1}, Layout.NCHW, 3, (SIDE, SIDE), 1),
    Input("batch of 7", {"batch": 7}, Layout.NCHW, 3, (SIDE, SIDE), 7),
    Input("unnamed batch", {"batch": None}, Layout.NCHW, 3, (SIDE, SIDE), None),
    Input("free size", {"size": ("H", "W")}, Layout.NCHW, 3, (None, None), None),
    Input("unknown size", {"size": (None, None)}, Layout.NCHW, 3, (None, None), None),
    Input(
        "free NHWC size", {"layout": "NHWC", "size": ("H", "W")}, Layout.NHWC, 3, (None, None), None
    ),
    Input("free width", {"size": (SIDE, "W")}, Layout.NCHW, 3, (SIDE, None), None),
]


@pytest.mark.parametrize("case", INPUTS, ids=lambda case: case.name)
def test_graph_input_is_recognised(case: Input) -> None:
    """Layout, channels, size and batch are the declared ones; free dimensions are None."""
    graph = describe_graph(small_model(**case.options), ANYWHERE)
    assert graph.layout == case.layout
    assert graph.n_channels == case.n_channels
    assert (graph.height, graph.width) == case.size
    assert graph.batch == case.batch
    assert graph.n_classes == N_CLASSES
    assert (graph.input_name, graph.output_name) == ("image", "scores")


def test_graph_keeps_names_of_free_dimensions() -> None:
    """A free dimension is shown by its name, an unknown one as None."""
    graph = describe_graph(small_model(batch="N", size=("H", None)), ANYWHERE)
    assert graph.input_shape == ("N", 3, "H", None)
    assert graph.output_shape == ("N", N_CLASSES)


OPERATORS = {
    "logits": ("MatMul", None),
    "softmax": ("Softmax", "logits"),
    "softmax of the last axis": ("Softmax", "logits"),
    "softmax of the default axis": ("Softmax", "logits"),
    "softmax, then identity": ("Softmax", "logits"),
    "softmax, then cast": ("Softmax", "logits"),
    "softmax, then cut": ("Slice", None),
    "log-softmax": ("LogSoftmax", None),
    "sigmoid": ("Sigmoid", None),
    "decomposed sigmoid": ("Reciprocal", None),
    "decomposed softmax": ("Div", None),
    "4-D logits": ("MatMul", None),
    "4-D softmax": ("Softmax", "logits4"),
    "mean over the batch": ("ReduceMean", None),
    "classes first": ("Transpose", None),
}


@pytest.mark.parametrize("head", HEADS)
def test_graph_head_is_the_last_real_operator(head: str) -> None:
    """The head is found behind reshapes and casts; only a Softmax has an input worth exposing."""
    graph = describe_graph(small_model(head), ANYWHERE)
    assert (graph.head, graph.softmax_input) == OPERATORS[head]


@pytest.mark.parametrize(
    ("shape", "n_classes"),
    [
        (["N", 5], 5),
        (["N", 5, 1, 1], 5),
        (["N", 1, 1, 5], 5),
        (["N", "K"], None),
        (["N", None], None),
        ([1, 5], 5),
    ],
    ids=str,
)
def test_graph_classes_are_the_axis_that_is_not_one(
    shape: list[int | str | None], n_classes: int | None
) -> None:
    """Scores (N, classes) may carry axes of length 1; a free axis leaves the number open."""
    assert describe_graph(small_model(output_shape=shape), ANYWHERE).n_classes == n_classes


@pytest.mark.parametrize(
    ("element_type", "name"),
    [(TensorProto.FLOAT, "float32"), (TensorProto.FLOAT16, "float16")],
    ids=["float32", "float16"],
)
def test_graph_input_type_is_a_numpy_name(element_type: int, name: str) -> None:
    """The input's type is given as numpy names it."""
    assert describe_graph(small_model(element_type=element_type), ANYWHERE).input_dtype == name


@pytest.mark.parametrize("opset", [11, 13, 17])
def test_graph_facts_are_the_files_own(opset: int) -> None:
    """Opset, IR version, producer, counts and metadata are read as they stand."""
    model = small_model("softmax", opset=opset, metadata={"author": "someone"})
    model.opset_import.append(helper.make_opsetid("com.example", 99))
    graph = describe_graph(model, ANYWHERE)
    assert graph.opset == opset
    assert graph.ir_version == 8
    assert graph.producer == "tests 1"
    assert graph.n_nodes == 3
    assert graph.n_parameters == 3 * N_CLASSES
    assert graph.metadata == {"author": "someone"}
    assert graph.external_files == ()


def test_graph_initializers_are_no_inputs() -> None:
    """Old files list their weights among the inputs; the image is still the only one."""
    model = small_model()
    weights = model.graph.initializer[0]
    listed = helper.make_tensor_value_info(weights.name, weights.data_type, weights.dims)
    model.graph.input.insert(0, listed)
    assert describe_graph(model, ANYWHERE).input_name == "image"


def test_graph_names_external_files_without_reading_them(tmp_path: Path) -> None:
    """Files of external data are named even where they are not there."""
    path = save_with_external_data(small_model(), tmp_path / "m.onnx")
    (tmp_path / "weights.bin").unlink()
    assert describe_graph(load_graph(path), path).external_files == ("weights.bin",)


def test_identity_covers_the_external_data(tmp_path: Path) -> None:
    """The identity is the file's hash, or changes with any byte of its external data."""
    single = save(small_model(), tmp_path / "single.onnx")
    assert model_identity(single, ()) == file_sha256(single)
    path = save_with_external_data(small_model(), tmp_path / "m.onnx")
    before = model_identity(path, ["weights.bin"])
    assert before not in {file_sha256(path), file_sha256(tmp_path / "weights.bin")}
    data = bytearray((tmp_path / "weights.bin").read_bytes())
    data[-1] ^= 1
    (tmp_path / "weights.bin").write_bytes(data)
    assert model_identity(path, ["weights.bin"]) != before


@pytest.mark.parametrize(
    "name", ["/dev/zero", "../outside.bin", "missing.bin", "folder", "endless"]
)
def test_identity_refuses_files_that_are_not_the_models(tmp_path: Path, name: str) -> None:
    """External data outside the folder, missing, or without an end are refused, never read."""
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "outside.bin").write_bytes(b"secret")
    (folder / "endless").symlink_to("/dev/zero")
    path = save(small_model(), folder / "m.onnx")
    with pytest.raises(ModelError, match=r"external data of 'm\.onnx'.*Put the model and its data"):
        model_identity(path, [name])


@pytest.mark.parametrize("case", INPUTS, ids=lambda case: case.name)
def test_description_survives_json(case: Input) -> None:
    """A description is the same after its way through JSON."""
    graph = describe_graph(small_model("softmax", **case.options), ANYWHERE)
    assert GraphDescription.from_wire(json.loads(json.dumps(graph.to_wire()))) == graph


def test_graph_counts_scalars_as_one_parameter() -> None:
    """A scalar weight is one parameter."""
    model = small_model()
    scalar: np.ndarray = numpy_helper.to_array(model.graph.initializer[0]).reshape(-1)[0]
    model.graph.initializer.append(numpy_helper.from_array(scalar, "scalar"))
    assert describe_graph(model, ANYWHERE).n_parameters == 3 * N_CLASSES + 1


@pytest.mark.shared
def test_graph_agrees_with_the_zoo() -> None:
    """Layout, size, names and shapes of sixteen real classifiers are those of their manifest."""
    manifest = shared("zoo/manifest.json")
    records = json.loads(manifest.read_text(encoding="utf-8"))["models"]
    assert len(records) == 16
    for record in records:
        path = manifest.parent / record["file"]
        graph = describe_graph(load_graph(path), path)
        height, width = (graph.height, graph.width)
        found = {
            "layout": graph.layout.value,
            "input_size": height,
            "input_name": graph.input_name,
            "output_name": graph.output_name,
            "input_shape": list(graph.input_shape),
            "output_shape": list(graph.output_shape),
            "opset": graph.opset,
            "output_kind": "probabilities" if graph.head == "Softmax" else "logits",
        }
        assert found == {name: record[name] for name in found}, record["id"]
        assert width == height
        assert graph.n_classes == 1000
        assert graph.n_channels == 3


@pytest.mark.shared
def test_graph_agrees_with_the_hard_models() -> None:
    """Models as real users bring them: float16, a fixed batch, a 4-D softmax, 32 pixels."""
    manifest = shared("hard/manifest.json")
    for record in json.loads(manifest.read_text(encoding="utf-8"))["models"]:
        path = manifest.parent / record["file"]
        graph = describe_graph(load_graph(path), path)
        assert graph.input_name == record["input_name"]
        assert (graph.height, graph.width) == (record["input_size"],) * 2
        is_half = "float16" in record["layout"]
        assert graph.input_dtype == ("float16" if is_half else "float32")
        assert graph.batch == (1 if is_half else None)
        assert graph.n_classes == (1000 if is_half else 10)


def test_named_output_is_the_one_that_is_read(tmp_path: Path) -> None:
    """Of several outputs, the one asked for holds the scores."""
    model = small_model("logits", extra_outputs=["features"])
    path = save(model, tmp_path / "model.onnx")
    graph = describe_graph(load_graph(path), path, output_name="scores")
    assert graph.output_name == "scores"
    with pytest.raises(SignatureError, match=r"output 'scored'.*scores.*--output NAME"):
        describe_graph(load_graph(path), path, output_name="scored")
