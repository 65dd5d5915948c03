"""Small ONNX classifiers of every kind that a user may bring, built node by node.

The body is the same everywhere: the mean of each channel times :func:`weights` gives the logits, so
:func:`logits_of` knows them exactly, in any layout and at any size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from iaside_audit.classifier.graph import describe_graph, load_graph
from iaside_audit.classifier.session import OnnxClassifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SIDE: Final = 8
N_CLASSES: Final = 5
IR_VERSION: Final = 8
Dimension = int | str | None

HEADS: Final[
    dict[str, tuple[tuple[str, tuple[str, ...], str, dict[str, int | list[int]]], ...]]
] = {
    "logits": (("Identity", ("logits",), "scores", {}),),
    "softmax": (("Softmax", ("logits",), "scores", {"axis": 1}),),
    "softmax of the last axis": (("Softmax", ("logits",), "scores", {"axis": -1}),),
    "softmax of the default axis": (("Softmax", ("logits",), "scores", {}),),
    "softmax, then identity": (
        ("Softmax", ("logits",), "p", {"axis": 1}),
        ("Identity", ("p",), "scores", {}),
    ),
    "softmax, then cast": (
        ("Softmax", ("logits",), "p", {"axis": 1}),
        ("Cast", ("p",), "scores", {"to": TensorProto.FLOAT}),
    ),
    "log-softmax": (("LogSoftmax", ("logits",), "scores", {"axis": 1}),),
    "softmax, then cut": (
        ("Softmax", ("logits",), "p", {"axis": 1}),
        ("Slice", ("p", "one", "end", "one"), "scores", {}),
    ),
    "sigmoid": (("Sigmoid", ("logits",), "scores", {}),),
    "decomposed sigmoid": (
        ("Neg", ("logits",), "negative", {}),
        ("Exp", ("negative",), "e", {}),
        ("Add", ("e", "unit"), "sum", {}),
        ("Reciprocal", ("sum",), "scores", {}),
    ),
    "decomposed softmax": (
        ("Exp", ("logits",), "e", {}),
        ("ReduceSum", ("e", "one"), "sum", {"keepdims": 1}),
        ("Div", ("e", "sum"), "scores", {}),
    ),
    "4-D logits": (("Reshape", ("logits", "four_axes"), "scores", {}),),
    "4-D softmax": (
        ("Reshape", ("logits", "four_axes"), "logits4", {}),
        ("Softmax", ("logits4",), "scores", {"axis": 1}),
    ),
    "mean over the batch": (("ReduceMean", ("logits",), "scores", {"axes": [0], "keepdims": 1}),),
    "classes first": (("Transpose", ("logits",), "scores", {"perm": [1, 0]}),),
}
"""The nodes from ``logits`` (N, classes) to ``scores``: operator, inputs, output, attributes."""


def weights(n_channels: int = 3, n_classes: int = N_CLASSES) -> NDArray[np.float32]:
    """Return the (n_channels, n_classes) weights of the body."""
    return np.random.default_rng(7).standard_normal((n_channels, n_classes)).astype(np.float32)


def small_model(
    head: str = "logits",
    *,
    layout: str = "NCHW",
    n_channels: int = 3,
    size: tuple[Dimension, Dimension] = (SIDE, SIDE),
    batch: Dimension = "N",
    n_classes: int = N_CLASSES,
    gain: float = 1.0,
    opset: int = 17,
    element_type: int = TensorProto.FLOAT,
    output_type: int | None = None,
    output_shape: Sequence[Dimension] | None = None,
    standardises: bool = False,
    extra_outputs: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """Build a classifier with one of the :data:`HEADS`.

    Parameters
    ----------
    gain : float
        Factor of the logits; a large one makes probabilities underflow.
    standardises : bool
        Whether the input is divided by its own standard deviation: NaN for a constant image.
    extra_outputs : sequence of str
        Names of inner tensors that are outputs too.
    """
    is_nchw = layout == "NCHW"
    spatial = [2, 3] if is_nchw else [1, 2]
    numbers = np.float16 if element_type == TensorProto.FLOAT16 else np.float32
    nodes = [
        *(_standardising_nodes() if standardises else []),
        helper.make_node(
            "ReduceMean",
            ["standardised" if standardises else "image"],
            ["colour"],
            axes=spatial,
            keepdims=0,
        ),
        helper.make_node("MatMul", ["colour", "weights"], ["logits"]),
        *(
            helper.make_node(operator, list(inputs), [output], **attributes)
            for operator, inputs, output, attributes in HEADS[head]
        ),
    ]
    used = {name for node in nodes for name in node.input}
    constants = {
        "weights": (gain * weights(n_channels, n_classes)).astype(numbers),
        "one": np.array([1], dtype=np.int64),
        "end": np.array([n_classes], dtype=np.int64),
        "unit": np.array([1], dtype=numbers),
        "four_axes": np.array([-1, n_classes, 1, 1], dtype=np.int64),
    }
    if output_shape is None:
        output_shape = [batch, n_classes, 1, 1] if "4-D" in head else [batch, n_classes]
    shape = [batch, n_channels, *size] if is_nchw else [batch, *size, n_channels]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", element_type, shape)],
        [
            helper.make_tensor_value_info("scores", output_type or element_type, output_shape),
            *(helper.make_tensor_value_info(name, element_type, None) for name in extra_outputs),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used],
    )
    return _finish(graph, opset, metadata or {})


def _standardising_nodes() -> list[onnx.NodeProto]:
    axes = [1, 2, 3]
    return [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=axes),
        helper.make_node("Sub", ["image", "mean"], ["centred"]),
        helper.make_node("ReduceL2", ["centred"], ["length"], axes=axes),
        helper.make_node("Div", ["centred", "length"], ["standardised"]),
    ]


def endless_model() -> onnx.ModelProto:
    """Build a classifier that opens and then never answers."""
    model = small_model()
    loop = helper.make_node("Loop", ["", "always", "logits"], ["scores"], body=loop_body())
    model.graph.node[-1].CopyFrom(loop)
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "always"))
    return model


def loop_body(operator: str = "Identity") -> onnx.GraphProto:
    """Build the body of a loop that goes on as it began, its state put through an operator."""
    return helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["still_go"]),
            helper.make_node(operator, ["state"], ["next_state"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still_go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next_state", TensorProto.FLOAT, None),
        ],
    )


def declared_model(
    inputs: Sequence[tuple[str, int, Sequence[Dimension]]],
    output: tuple[int, Sequence[Dimension] | None] = (TensorProto.FLOAT, ["N", N_CLASSES]),
) -> onnx.ModelProto:
    """Build a graph of declared inputs and one declared output that is never run."""
    graph = helper.make_graph(
        [helper.make_node("Identity", [name for name, _, _ in inputs], ["scores"])],
        "declared",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info("scores", *output)],
    )
    return _finish(graph, 17, {})


def _finish(graph: onnx.GraphProto, opset: int, metadata: Mapping[str, str]) -> onnx.ModelProto:
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
        producer_name="tests",
        producer_version="1",
    )
    helper.set_model_props(model, dict(metadata))
    return model


def save(model: onnx.ModelProto, path: Path) -> Path:
    """Write a model, everything in one file, and return its path."""
    onnx.save(model, str(path))
    return path


def save_with_external_data(model: onnx.ModelProto, path: Path) -> Path:
    """Write a model whose weights lie in ``weights.bin`` beside it, and return its path."""
    onnx.save(
        model,
        str(path),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location="weights.bin",
        size_threshold=0,
    )
    return path


def open_classifier(
    path: Path, *, size: tuple[int, int] = (SIDE, SIDE), device: str = "cpu"
) -> OnnxClassifier:
    """Open a model file as an audit does, on one thread."""
    model = load_graph(path)
    graph = describe_graph(model, path)
    return OnnxClassifier(path, model, graph, device=device, threads=1, size=size)


def images_for(
    classifier: OnnxClassifier, n_images: int = 6, *, seed: int = 3
) -> NDArray[np.float32]:
    """Return a batch of inputs whose channel means differ clearly."""
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((n_images, *classifier.input_shape))
    colour = 2 * generator.standard_normal((n_images, classifier.graph.n_channels))
    is_nchw = classifier.graph.layout == "NCHW"
    shift = colour[:, :, None, None] if is_nchw else colour[:, None, None, :]
    return (noise + shift).astype(np.float32)


def logits_of(
    images: NDArray[np.float32], *, layout: str = "NCHW", gain: float = 1.0
) -> NDArray[np.float64]:
    """Return the logits of :func:`small_model`, in float64."""
    axes = (2, 3) if layout == "NCHW" else (1, 2)
    colour = images.astype(np.float64).mean(axis=axes)
    scaled = (gain * weights(colour.shape[1])).astype(np.float32)
    return colour @ scaled.astype(np.float64)
