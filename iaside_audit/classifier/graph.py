"""What an ONNX file is, read from its graph without running it.

External data are not loaded here. Everything found is JSON-ready, because it travels from a worker
process to the one that talks to the user.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

import onnx

from iaside_audit.classifier.description import Dimension, GraphDescription
from iaside_audit.errors import ModelError, ModelNotFoundError, SignatureError
from iaside_audit.preprocessing import Layout

if TYPE_CHECKING:
    from pathlib import Path

IMAGE_RANK: Final = 4
CHANNEL_COUNTS: Final = (1, 3)
MIN_CLASSES: Final = 2
PASS_THROUGH: Final = frozenset({"Identity", "Cast", "Squeeze", "Reshape", "Flatten", "Dropout"})
"""Operators that may stand between the last real one and the output."""
INPUT_TYPES: Final = {"float": "float32", "float16": "float16"}
"""ONNX Runtime's names of the input types that can be audited, and numpy's."""


def load_graph(path: Path) -> onnx.ModelProto:
    """Parse an ONNX file; external data are not loaded.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    ModelError
        If it is not an ONNX file.
    """
    if not path.exists():
        raise ModelNotFoundError(
            f"Expected a model file, found nothing at '{path}'. Check the path.", path=str(path)
        )
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf raises errors of several unrelated types
        raise _not_onnx(path) from error
    if not model.graph.node or not model.opset_import:
        raise _not_onnx(path)
    return model


def describe_graph(model: onnx.ModelProto, path: Path) -> GraphDescription:
    """Describe a classifier's graph.

    Raises
    ------
    SignatureError
        If its inputs or outputs do not fit an audit of an image classifier.
    """
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    image = _the_image_input(inputs, path)
    shape = _dimensions(image)
    layout = _layout(shape, image, path)
    channel_axis = 1 if layout == Layout.NCHW else 3
    height_axis = 2 if layout == Layout.NCHW else 1
    channels = shape[channel_axis]
    if len(graph.output) != 1:
        raise SignatureError(
            f"Expected one output with a score for each class, found {len(graph.output)} "
            f"({', '.join(value.name for value in graph.output)}) in '{path.name}'. "
            "Export the model with its class scores as the only output."
        )
    output = graph.output[0]
    output_shape = _dimensions(output)
    head, softmax_input = _head(graph, output.name)
    return GraphDescription(
        input_name=image.name,
        input_shape=shape,
        input_dtype=INPUT_TYPES[_type_name(image)],
        layout=layout,
        n_channels=channels if isinstance(channels, int) else 3,
        height=_known(shape[height_axis]),
        width=_known(shape[height_axis + 1]),
        batch=_known(shape[0]),
        output_name=output.name,
        output_shape=output_shape,
        n_classes=_n_classes(output_shape, path),
        head=head,
        softmax_input=softmax_input,
        opset=max(
            (one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}), default=0
        ),
        ir_version=model.ir_version,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        n_nodes=len(graph.node),
        n_parameters=sum(prod(tensor.dims) for tensor in graph.initializer),
        external_files=tuple(sorted(_external_files(graph))),
        metadata={entry.key: entry.value for entry in model.metadata_props},
    )


def _not_onnx(path: Path) -> ModelError:
    return ModelError(
        f"Expected an ONNX model, found a file that is none: '{path}'. "
        "Choose a file that was exported as .onnx.",
        path=str(path),
    )


def _type_name(value: onnx.ValueInfoProto) -> str:
    """Return the element type's name in lower case, or the kind of a value that is no tensor."""
    if not value.type.HasField("tensor_type"):
        return str(value.type.WhichOneof("value"))
    number = value.type.tensor_type.elem_type
    names: dict[int, str] = {
        known: name.lower() for name, known in onnx.TensorProto.DataType.items()
    }
    return names.get(number, f"unknown type {number}")


def _dimensions(value: onnx.ValueInfoProto) -> tuple[Dimension, ...]:
    """Return a value's declared shape: numbers, names of free dimensions, None where unknown."""
    dimensions: list[Dimension] = []
    for dimension in value.type.tensor_type.shape.dim:
        match dimension.WhichOneof("value"):
            case "dim_value" if dimension.dim_value > 0:
                dimensions.append(dimension.dim_value)
            case "dim_param":
                dimensions.append(dimension.dim_param)
            case _:
                dimensions.append(None)
    return tuple(dimensions)


def _known(dimension: Dimension) -> int | None:
    return dimension if isinstance(dimension, int) else None


def _described(value: onnx.ValueInfoProto) -> str:
    shape = ", ".join("?" if one is None else str(one) for one in _dimensions(value))
    return f"{value.name}: {_type_name(value)} ({shape})"


def _the_image_input(inputs: list[onnx.ValueInfoProto], path: Path) -> onnx.ValueInfoProto:
    found = "; ".join(_described(value) for value in inputs) or "none"
    if len(inputs) != 1:
        raise SignatureError(
            f"Expected one image input (N, 3, H, W), found {len(inputs)} inputs ({found}) in "
            f"'{path.name}'. Choose an image classifier.",
            expected="one image input (N, 3, H, W)",
            found=found,
        )
    image = inputs[0]
    if len(_dimensions(image)) != IMAGE_RANK:
        raise SignatureError(
            f"Expected an image input (N, 3, H, W) or (N, H, W, 3), found {found} in "
            f"'{path.name}'. Choose an image classifier.",
            expected="an image input (N, 3, H, W) or (N, H, W, 3)",
            found=found,
        )
    if _type_name(image) not in INPUT_TYPES:
        raise SignatureError(
            f"Expected an input of type {' or '.join(INPUT_TYPES.values())}, found {found} in "
            f"'{path.name}'. Export the model with a float32 input.",
            expected=" or ".join(INPUT_TYPES.values()),
            found=found,
        )
    return image


def _layout(shape: tuple[Dimension, ...], image: onnx.ValueInfoProto, path: Path) -> Layout:
    if shape[1] in CHANNEL_COUNTS:
        return Layout.NCHW
    if shape[3] in CHANNEL_COUNTS:
        return Layout.NHWC
    raise SignatureError(
        f"Expected 1 or 3 channels on axis 1 or axis 3 of the input, found {_described(image)} in "
        f"'{path.name}'. Choose a classifier of grey or colour images."
    )


def _n_classes(shape: tuple[Dimension, ...], path: Path) -> int | None:
    """Return the number of classes of an output (N, classes[, 1, 1]), None where not declared."""
    sizes = [dimension for dimension in shape[1:] if dimension != 1]
    if len(shape) < 2 or len(sizes) > 1:  # noqa: PLR2004 - batch and classes
        raise SignatureError(
            f"Expected class scores (N, classes), found an output of shape {shape} in "
            f"'{path.name}'. Choose a classifier, or export its class scores."
        )
    if not sizes:
        raise SignatureError(
            f"Expected scores of at least {MIN_CLASSES} classes, found an output of shape {shape} "
            f"in '{path.name}'. Choose a classifier of several classes."
        )
    return _known(sizes[0])


def _head(graph: onnx.GraphProto, output_name: str) -> tuple[str, str | None]:
    """Return the operator that makes the scores, and the input of a final Softmax."""
    makers = {name: node for node in graph.node for name in node.output}
    name = output_name
    while name in makers:
        node = makers.pop(name)  # once each: a hostile graph may lead in a circle
        first = node.input[0] if node.input else ""
        if node.op_type not in PASS_THROUGH:
            return node.op_type, (first or None) if node.op_type == "Softmax" else None
        name = first
    return "none", None


def _external_files(graph: onnx.GraphProto) -> set[str]:
    return {
        entry.value
        for tensor in graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
