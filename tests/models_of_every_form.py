"""One little network in every form that exporters give it: all score an image alike.

Each form is a rewrite of :class:`~audit_material.ConvNet`'s graph, so that the rows of its audit
are known from those of the plain one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from audit_material import ConvNet
from onnx import TensorProto, helper, numpy_helper

from iaside_audit.classifier.preprocessing_sources import METADATA_KEY, to_toml
from iaside_audit.preprocessing import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

NETWORK: Final = ConvNet()
INT8_STEPS: Final = 127


def named(model: onnx.ModelProto, preprocessing: Preprocessing) -> onnx.ModelProto:
    """Put a preprocessing into a model's metadata."""
    helper.set_model_props(model, {METADATA_KEY: to_toml(preprocessing)})
    return model


def with_front(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    *,
    input_type: int = TensorProto.FLOAT,
    constants: dict[str, NDArray[np.generic]] | None = None,
) -> onnx.ModelProto:
    """Put nodes from ``image`` to ``fed`` before a model, which then takes `input_type`."""
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == "image":
                node.input[place] = "fed"
    inner = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *inner])
    model.graph.input[0].type.tensor_type.elem_type = input_type
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in (constants or {}).items()
    )
    return model


def with_head(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    *,
    output_type: int = TensorProto.FLOAT,
    shape: Sequence[int | str] | None = None,
    constants: dict[str, NDArray[np.generic]] | None = None,
) -> onnx.ModelProto:
    """Put nodes from ``scores`` to ``out`` behind a model; ``out`` is then its output."""
    model.graph.node.extend(nodes)
    shape = shape or ["N", NETWORK.n_classes]
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("out", output_type, shape))
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in (constants or {}).items()
    )
    return model


def of_type(kind: int) -> onnx.ModelProto:
    """Return the network with input and output of another floating-point type."""
    model = with_front(
        NETWORK.model(),
        [helper.make_node("Cast", ["image"], ["fed"], to=TensorProto.FLOAT)],
        input_type=kind,
    )
    back = helper.make_node("Cast", ["scores"], ["out"], to=kind)
    return with_head(model, [back], output_type=kind)


def of_bytes() -> onnx.ModelProto:
    """Return the network with a uint8 input and its normalisation built in."""
    made_for = NETWORK.preprocessing()
    mean, std = (
        np.array(numbers, dtype=np.float32)[:, None, None]
        for numbers in (made_for.mean, made_for.std)
    )
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["fed"]),
    ]
    constants = {"scale": np.float32(1 / 255), "mean": mean, "std": std}
    model = with_front(NETWORK.model(), nodes, input_type=TensorProto.UINT8, constants=constants)
    return named(model, Preprocessing(resize=NETWORK.side, crop=NETWORK.side, scale=1.0))


def quantised() -> onnx.ModelProto:
    """Return the network with an int8 input range and int8 kernels, by QDQ."""
    model = with_front(
        NETWORK.model(),
        [
            helper.make_node("QuantizeLinear", ["image", "step", "zero"], ["whole"]),
            helper.make_node("DequantizeLinear", ["whole", "step", "zero"], ["fed"]),
        ],
        constants={"step": np.float32(4 / INT8_STEPS), "zero": np.int8(0)},
    )
    kernels = next(one for one in model.graph.initializer if one.name == "kernels")
    values = numpy_helper.to_array(kernels)
    step = np.float32(np.abs(values).max() / INT8_STEPS)
    kernels.CopyFrom(numpy_helper.from_array(np.rint(values / step).astype(np.int8), "kernels"))
    model.graph.initializer.append(numpy_helper.from_array(step, "kernel_step"))
    inner = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.append(
        helper.make_node("DequantizeLinear", ["kernels", "kernel_step", "zero"], ["real_kernels"])
    )
    for node in inner:
        if node.op_type == "Conv":
            node.input[1] = "real_kernels"
    model.graph.node.extend(inner)
    return model


def integer() -> onnx.ModelProto:
    """Return the network with a QLinearConv, as ONNX Runtime's quantiser writes it."""
    model = NETWORK.model()
    kernels = next(one for one in model.graph.initializer if one.name == "kernels")
    values = numpy_helper.to_array(kernels)
    step = np.float32(np.abs(values).max() / INT8_STEPS)
    kernels.CopyFrom(numpy_helper.from_array(np.rint(values / step).astype(np.int8), "kernels"))
    constants = {
        "step": np.float32(4 / INT8_STEPS),
        "zero": np.uint8(128),
        "kernel_step": step,
        "kernel_zero": np.int8(0),
        "map_step": np.float32(0.2),
    }
    steps = ["whole", "step", "zero", "kernels", "kernel_step", "kernel_zero", "map_step", "zero"]
    conv = [
        helper.make_node("QuantizeLinear", ["image", "step", "zero"], ["whole"]),
        helper.make_node("QLinearConv", steps, ["whole_maps"], strides=[2, 2]),
        helper.make_node("DequantizeLinear", ["whole_maps", "map_step", "zero"], ["maps"]),
    ]
    rest = [node for node in model.graph.node if node.op_type != "Conv"]
    del model.graph.node[:]
    model.graph.node.extend([*conv, *rest])
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    return model


def several_outputs() -> onnx.ModelProto:
    """Return the network with its features as a first output."""
    model = NETWORK.model()
    scores = model.graph.output.pop()
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 16])
    model.graph.output.extend([features, scores])
    return model


def ended_by(operator: str, **attributes: int) -> onnx.ModelProto:
    """Return the network with one further operator at its end."""
    return with_head(
        NETWORK.model(), [helper.make_node(operator, ["scores"], ["out"], **attributes)]
    )


def four_axes(*, is_softmax: bool) -> onnx.ModelProto:
    """Return the network with an output (N, classes, 1, 1)."""
    nodes = [helper.make_node("Reshape", ["scores", "four"], ["out" if not is_softmax else "tall"])]
    if is_softmax:
        nodes.append(helper.make_node("Softmax", ["tall"], ["out"], axis=1))
    return with_head(
        NETWORK.model(),
        nodes,
        shape=["N", NETWORK.n_classes, 1, 1],
        constants={"four": np.array([-1, NETWORK.n_classes, 1, 1])},
    )


def free_size() -> onnx.ModelProto:
    """Return the network with height and width left free."""
    model = NETWORK.model()
    for axis, name in ((2, "height"), (3, "width")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    return model


def fixed_batch(batch: int) -> onnx.ModelProto:
    """Return the network exported for so many images."""
    return ConvNet(batch=batch).model()


def mixing_its_batch(operator: str) -> onnx.ModelProto:
    """Return the network for one image, with a step that would mix the images of a larger batch."""
    model = fixed_batch(1)
    nodes = {
        "ReduceMean": [helper.make_node("ReduceMean", ["scores"], ["out"], axes=[0], keepdims=1)],
        "CumSum": [helper.make_node("CumSum", ["scores", "first"], ["out"])],
        "Softmax": [
            helper.make_node("Sub", ["scores", "scores"], ["nothing"]),
            helper.make_node("Softmax", ["nothing"], ["share"], axis=0),
            helper.make_node("Mul", ["scores", "share"], ["out"]),
        ],
    }[operator]
    constants = {"first": np.array(0)} if operator == "CumSum" else {}
    return with_head(model, nodes, shape=[1, NETWORK.n_classes], constants=constants)


def of_version(opset: int, ir_version: int) -> onnx.ModelProto:
    """Return the network at a version of the operators and of the format."""
    model = NETWORK.model()
    model.opset_import[0].version = opset
    model.ir_version = ir_version
    if ir_version < 4:  # every initializer is an input too
        model.graph.input.extend(
            helper.make_tensor_value_info(one.name, one.data_type, one.dims)
            for one in model.graph.initializer
        )
    return model


FORMS: Final[dict[str, tuple[Callable[[], onnx.ModelProto], float]]] = {
    "NHWC": (lambda: ConvNet(is_nhwc=True).model(), 1e-4),
    "BGR": (lambda: ConvNet(is_bgr=True).model(), 1e-4),
    "float16": (lambda: of_type(TensorProto.FLOAT16), 0.02),
    "float64": (lambda: of_type(TensorProto.DOUBLE), 1e-4),
    "int8 by QDQ": (quantised, 0.3),
    "int8 by QLinear": (integer, 0.6),
    "softmax": (lambda: ended_by("Softmax", axis=1), 1e-4),
    "log-softmax": (lambda: ended_by("LogSoftmax", axis=1), 1e-4),
    "hidden softmax": (lambda: ConvNet(head="probabilities").model(), 1e-4),
    "four axes": (lambda: four_axes(is_softmax=False), 1e-4),
    "softmax of four axes": (lambda: four_axes(is_softmax=True), 1e-4),
    "free height and width": (free_size, 1e-4),
    "a batch of 1": (lambda: fixed_batch(1), 1e-4),
    "a batch of 3": (lambda: fixed_batch(3), 1e-4),
    **{
        f"opset {opset}, IR {ir}": (lambda opset=opset, ir=ir: of_version(opset, ir), 1e-4)
        for opset, ir in (
            (7, 3),
            (8, 3),
            (9, 4),
            (10, 5),
            (11, 6),
            (12, 7),
            (13, 7),
            (15, 8),
            (17, 8),
            (18, 8),
            (19, 9),
            (21, 10),
            (22, 10),
            (23, 11),
            (24, 12),
            (26, 13),
        )
    },
}
"""What makes each form, and how far its log-probabilities may be from the plain ones, in nats."""
