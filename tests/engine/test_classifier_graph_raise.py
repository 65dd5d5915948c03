"""Graphs that are no image classifier: each fault names what was found and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models_for_tests import N_CLASSES, declared_model, save, small_model
from onnx import TensorProto, helper

from iaside_audit.classifier.graph import describe_graph, load_graph
from iaside_audit.errors import ModelError, ModelNotFoundError, SignatureError

if TYPE_CHECKING:
    from pathlib import Path

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
IMAGE = ("image", FLOAT, ["N", 3, 8, 8])


class Case(NamedTuple):
    """A model that must be refused: what was expected, what was found, what to do."""

    name: str
    model: onnx.ModelProto
    expected: str
    found: str
    advice: str


def sequence_output() -> onnx.ModelProto:
    """Return a model whose output is a sequence, as scikit-learn's converters make them."""
    model = declared_model([IMAGE])
    output = helper.make_tensor_sequence_value_info("scores", FLOAT, None)
    model.graph.output[0].CopyFrom(output)
    return model


CASES = [
    Case(
        "two images",
        declared_model([IMAGE, ("mask", FLOAT, ["N", 1, 8, 8])]),
        "Expected one image input (N, 3, H, W)",
        "found 2 inputs (image: float (N, 3, 8, 8); mask: float (N, 1, 8, 8))",
        "Choose an image classifier.",
    ),
    Case(
        "no input",
        declared_model([]),
        "Expected one image input",
        "found 0 inputs (none)",
        "Choose an image classifier.",
    ),
    Case(
        "text",
        declared_model([("ids", INT64, ["N", "length"])]),
        "Expected an image input (N, 3, H, W) or (N, H, W, 3)",
        "found ids: int64 (N, length)",
        "Choose an image classifier.",
    ),
    Case(
        "rank 3",
        declared_model([("image", FLOAT, [3, 8, 8])]),
        "Expected an image input",
        "found image: float (3, 8, 8)",
        "Choose an image classifier.",
    ),
    Case(
        "video",
        declared_model([("clip", FLOAT, ["N", 3, None, 8, 8])]),
        "Expected an image input",
        "found clip: float (N, 3, ?, 8, 8)",
        "Choose an image classifier.",
    ),
    *(
        Case(
            f"{name} input",
            declared_model([("image", kind, ["N", 3, 8, 8])]),
            "Expected an input of type float32 or float16 or float64 or uint8",
            f"found image: {name} (N, 3, 8, 8)",
            "Export the model with a float32 input.",
        )
        for name, kind in (
            ("int8", TensorProto.INT8),
            ("int64", TensorProto.INT64),
            ("bfloat16", TensorProto.BFLOAT16),
            ("unknown type 99", 99),
        )
    ),
    Case(
        "four channels",
        declared_model([("image", FLOAT, ["N", 4, 8, 8])]),
        "Expected 1 or 3 channels on axis 1 or axis 3",
        "found image: float (N, 4, 8, 8)",
        "Choose a classifier of grey or colour images.",
    ),
    Case(
        "free channels",
        declared_model([("image", FLOAT, ["N", "C", "H", "W"])]),
        "Expected 1 or 3 channels",
        "found image: float (N, C, H, W)",
        "Choose a classifier of grey or colour images.",
    ),
    Case(
        "two outputs",
        small_model("softmax", extra_outputs=["logits"]),
        "Expected one output with a score for each class",
        "found 2 outputs (scores: float (N, 5); logits: float ())",
        "Say which one with --output NAME.",
    ),
    Case(
        "feature map",
        declared_model([IMAGE], (FLOAT, ["N", 21, 8, 8])),
        "Expected class scores (N, classes)",
        "found an output of shape ('N', 21, 8, 8)",
        "Choose a classifier, or export its class scores.",
    ),
    Case(
        "label",
        declared_model([IMAGE], (INT64, ["N"])),
        "Expected class scores of type float, float16, double",
        "found scores: int64 (N)",
        "Export the model with a float output.",
    ),
    Case(
        "sequence",
        sequence_output(),
        "Expected class scores of type float, float16, double",
        "found scores: sequence_type ()",
        "Export the model with a float output.",
    ),
    Case(
        "one class",
        declared_model([IMAGE], (FLOAT, ["N", 1])),
        "Expected scores of at least 2 classes",
        "found an output of shape ('N', 1)",
        "Choose a classifier of several classes.",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_graph_refuses(case: Case, tmp_path: Path) -> None:
    """The message says what was expected, what was found, in which file, and what to do."""
    with pytest.raises(SignatureError, match=re.escape(case.found)) as caught:
        describe_graph(case.model, tmp_path / "bert.onnx")
    message = caught.value.message
    assert message.startswith(case.expected)
    assert "'bert.onnx'" in message
    assert message.endswith(case.advice)
    assert str(tmp_path) not in message


def test_graph_refusal_carries_its_facts(tmp_path: Path) -> None:
    """The two halves of the disagreement are attributes as well."""
    with pytest.raises(SignatureError) as caught:
        describe_graph(declared_model([("ids", INT64, ["N", 7])]), tmp_path / "m.onnx")
    assert caught.value.expected == "an image input (N, 3, H, W) or (N, H, W, 3)"
    assert caught.value.found == "ids: int64 (N, 7)"
    with pytest.raises(SignatureError, match=r"output 'b', found 1 output \(scores: float"):
        describe_graph(small_model("softmax"), tmp_path / "m.onnx", output_name="b")


def test_load_names_a_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(
        ModelNotFoundError, match=r"found nothing at '.*none\.onnx'.*Check the path"
    ):
        load_graph(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>404</html>",
        bytes(range(256)),
        b"\x89PNG\r\n\x1a\n" + bytes(64),
        helper.make_model(helper.make_graph([], "empty", [], [])).SerializeToString(),
        small_model().SerializeToString()[:-40],
    ],
    ids=["empty", "html", "noise", "png", "no nodes", "truncated"],
)
def test_load_refuses_files_that_are_no_model(data: bytes, tmp_path: Path) -> None:
    """Whatever is no ONNX file is one error that names the file and the next step."""
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"Choose a file that was exported as \.onnx") as caught:
        load_graph(path)
    assert caught.value.path == str(path)


def test_load_refuses_a_folder(tmp_path: Path) -> None:
    """A folder is no model."""
    with pytest.raises(ModelError, match="Expected an ONNX model"):
        load_graph(tmp_path)


DAMAGES: dict[str, Any] = {
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
    "max_examples": 60,
    "deadline": None,
}


@settings(**DAMAGES)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_damaged_files_give_a_description_or_a_model_error(
    tmp_path: Path, place: float, value: int
) -> None:
    """One wrong byte anywhere never ends in a foreign exception or an endless walk."""
    data = bytearray(small_model("4-D softmax").SerializeToString())
    data[int(place * len(data))] = value
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    try:
        described = describe_graph(load_graph(path), path)
    except ModelError:
        return
    assert described.n_channels in {1, 3}
    assert described.n_classes is None or described.n_classes > 1


def test_graph_walk_ends_in_a_circle(tmp_path: Path) -> None:
    """A hostile graph whose last nodes feed each other is described, not walked for ever."""
    model = small_model()
    model.graph.node[-1].CopyFrom(helper.make_node("Identity", ["turn"], ["scores"]))
    model.graph.node.append(helper.make_node("Identity", ["scores"], ["turn"]))
    path = save(model, tmp_path / "circle.onnx")
    graph = describe_graph(load_graph(path), path)
    assert graph.softmax_input is None
    assert graph.n_classes == N_CLASSES
