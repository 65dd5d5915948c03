"""What an ONNX file is, read from its graph without running it.

External data are not loaded here. Everything found is JSON-ready, because it travels from a worker
process to the one that talks to the user.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

import onnx

from iaside_audit.classifier.builtin_normalisation import find_builtin_normalisation
from iaside_audit.classifier.contents import model_contents
from iaside_audit.classifier.description import Dimension, GraphDescription
from iaside_audit.classifier.stored_tensors import external_locations
from iaside_audit.errors import ModelError, ModelNotFoundError, SignatureError
from iaside_audit.preprocessing import Layout

if TYPE_CHECKING:
    from pathlib import Path

IMAGE_RANK: Final = 4
CHANNEL_COUNTS: Final = (1, 3)
MIN_CLASSES: Final = 2
PASS_THROUGH: Final = frozenset(
    {
        "Identity",
        "Cast",
        "Squeeze",
        "Reshape",
        "Flatten",
        "Dropout",
        "QuantizeLinear",
        "DequantizeLinear",
    }
)
"""Operators that may stand between the last real one and the output."""
INPUT_TYPES: Final = {
    "float": "float32",
    "float16": "float16",
    "double": "float64",
    "uint8": "uint8",
}
"""ONNX's names of the input types that can be audited, and numpy's."""
OUTPUT_TYPES: Final = ("float", "float16", "double")
UNDECLARED: Final = "undeclared"
"""An output may leave its type to be inferred; it is then checked on numbers."""


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
        # The format is said: by default it follows the suffix, which ONNX Runtime does not look at.
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
    except MemoryError:
        raise
    except Exception as error:  # protobuf raises errors of several unrelated types
        raise _not_onnx(path) from error
    if not model.graph.node or not model.opset_import:
        raise _not_onnx(path)
    return model


def describe_graph(
    model: onnx.ModelProto, path: Path, *, output_name: str | None = None
) -> GraphDescription:
    """Describe a classifier's graph.

    Parameters
    ----------
    model : onnx.ModelProto
        Parsed, external data not loaded.
    path : Path
        Its file, for messages.
    output_name : str or None
        Which output holds the class scores; None where there is only one.

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
    output = _the_scores(graph, output_name, path)
    output_shape = _dimensions(output)
    head, softmax_input = _head(graph, output.name)
    builtin = find_builtin_normalisation(model, image.name)
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
        quantizes_input=_quantizes(graph, image.name),
        opset=max(
            (one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}), default=0
        ),
        ir_version=model.ir_version,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        n_nodes=len(graph.node),
        n_parameters=sum(prod(tensor.dims) for tensor in graph.initializer),
        external_files=tuple(sorted(_external_files(model))),
        metadata={entry.key: entry.value for entry in model.metadata_props},
        normalises=None if builtin is None else builtin.text,
        suggested_recipe=None if builtin is None else builtin.suggests,
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
        return str(value.type.WhichOneof("value") or UNDECLARED)
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


def _the_scores(graph: onnx.GraphProto, name: str | None, path: Path) -> onnx.ValueInfoProto:
    """Return the output that holds the class scores."""
    outputs = {value.name: value for value in graph.output}
    if name is None and len(outputs) == 1:
        name = next(iter(outputs))
    if name not in outputs:
        found = "; ".join(_described(value) for value in outputs.values()) or "none"
        wanted = "one output with a score for each class" if name is None else f"output {name!r}"
        raise SignatureError(
            f"Expected {wanted}, found {len(outputs)} output{'s' * (len(outputs) != 1)} ({found}) "
            f"in '{path.name}'. "
            "Say which one with --output NAME.",
            expected=wanted,
            found=found,
        )
    if _type_name(outputs[name]) not in {*OUTPUT_TYPES, UNDECLARED}:
        raise SignatureError(
            f"Expected class scores of type {', '.join(OUTPUT_TYPES)}, found "
            f"{_described(outputs[name])} in '{path.name}'. Export the model with a float output."
        )
    return outputs[name]


def _quantizes(graph: onnx.GraphProto, name: str) -> bool:
    """Say whether the input is quantised before anything else is done to it."""
    users = [node for node in graph.node if name in node.input]
    while len(users) == 1 and users[0].op_type in {"Transpose", "Identity"}:
        name = users[0].output[0]
        users = [node for node in graph.node if name in node.input]
    return any(node.op_type == "QuantizeLinear" for node in users)


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


def _external_files(model: onnx.ModelProto) -> set[str]:
    contents = model_contents(model).values()
    return external_locations(tensor for one in contents for tensor in one.tensors)
