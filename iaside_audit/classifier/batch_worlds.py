"""What is known of a graph's tensors at one batch size.

Which dimension of a tensor is the batch cannot be read off a model that was exported at batch 1:
many of its dimensions are 1. Here the shapes are inferred node by node in two worlds, that of the
file and that of the rewritten graph at a large prime batch. What moves between them, in proportion,
is the batch; nothing is guessed from a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.shape_inference import infer_node_outputs

Shape = tuple[int | None, ...]
Numbers = NDArray[Any]  # Any: tensors of every element type

MAX_KNOWN: Final = 16
"""Elements of a tensor whose values are followed; shapes, axes and scales have fewer."""
SHAPE_READERS: Final = frozenset({"Shape", "Size"})


@dataclass(frozen=True, slots=True)
class BatchAxis:
    """Where a tensor carries the batch.

    Parameters
    ----------
    index : int
        The axis.
    outer, inner : int
        It counts ``outer * batch * inner`` rows, in this order: attention merges the heads behind
        the batch, or the tokens in front of it.
    """

    index: int
    outer: int = 1
    inner: int = 1

    @property
    def rows(self) -> int:
        """Rows of one image."""
        return self.outer * self.inner


def axis_after_view(
    axis: BatchAxis, before: Shape, after: Shape, batch: int, index: int
) -> BatchAxis | None:
    """Return how axis `index` carries the batch after a view of other shape, None if it does not.

    The elements keep their order, so one image of the batch is `stride` elements from the next
    before and after.
    """
    behind, within = (*before[axis.index + 1 :],), (*after[index:],)
    if None in behind or None in within:
        return None
    stride = axis.inner * size_of(behind)
    inner, rest = divmod(stride, size_of(within[1:]))
    if rest or not inner or size_of(within[:1]) % (batch * inner):
        return None
    return BatchAxis(index, size_of(within[:1]) // (batch * inner), inner)


class World:
    """What is known of every tensor at one batch size.

    Parameters
    ----------
    opsets : dict of str to int
        Version of each operator domain.
    ir_version : int
        The model's.
    """

    def __init__(self, opsets: dict[str, int], ir_version: int) -> None:
        self._opsets = opsets
        self._imports = [helper.make_opsetid(*one) for one in opsets.items()]
        self._ir_version = ir_version
        self._types: dict[str, onnx.TypeProto] = {}
        self._values: dict[str, Numbers] = {}

    def declare(self, name: str, kind: onnx.TypeProto) -> None:
        """State the type of a tensor."""
        self._types[name] = kind

    def hold(self, name: str, tensor: onnx.TensorProto) -> None:
        """State a constant; its values are followed if they are few and in the file itself."""
        self._types[name] = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        if prod(tensor.dims) <= MAX_KNOWN and is_embedded(tensor):
            self._values[name] = numpy_helper.to_array(tensor)

    def shape(self, name: str) -> Shape | None:
        """Return a tensor's shape, None where nothing is known; so may each dimension be."""
        kind = self._types.get(name)
        if kind is None or not kind.tensor_type.HasField("shape"):
            return None
        dimensions = kind.tensor_type.shape.dim
        return tuple(one.dim_value if one.HasField("dim_value") else None for one in dimensions)

    def values(self, name: str) -> Numbers | None:
        """Return the values of a small tensor that follows from constants and shapes alone."""
        return self._values.get(name)

    def run(self, node: onnx.NodeProto) -> None:
        """Infer the outputs of `node`; those of an operator unknown to ONNX stay unknown.

        Raises
        ------
        onnx.shape_inference.InferenceError
            If the shapes of the inputs do not go together.
        """
        constant = constant_of(node)
        if constant is not None:  # before opset 9, schemas know none of integers, but models do
            self.hold(node.output[0], constant)
            return
        domain = standard_domain(node.domain)
        try:
            schema = onnx.defs.get_schema(node.op_type, self._opsets.get(domain, 0), domain)
        except onnx.defs.SchemaError:
            return
        names = [name for name in node.input if name]
        unknown = helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, None)
        known = {name: self._values[name] for name in names if name in self._values}
        outputs = infer_node_outputs(
            schema,
            node,
            {name: self._types.get(name, unknown) for name in names},
            {name: numpy_helper.from_array(values) for name, values in known.items()},
            opset_imports=self._imports,
            ir_version=self._ir_version,
        )
        self._types.update(outputs)
        self._follow(node, names)

    def _follow(self, node: onnx.NodeProto, names: list[str]) -> None:
        """Compute shape arithmetic, once it is known that the result is small."""
        if any(not 0 <= self._n_elements(name) <= MAX_KNOWN for name in node.output if name):
            return
        stand_in = self._stand_in if node.op_type in SHAPE_READERS else self._values.get
        feed = {name: stand_in(name) for name in names}
        if any(values is None for values in feed.values()):
            return
        graph = onnx.GraphProto(  # a bare node would be run at the newest opset
            node=[node],
            input=[onnx.ValueInfoProto(name=name) for name in feed],
            output=[onnx.ValueInfoProto(name=name) for name in node.output if name],
        )
        try:
            outputs = ReferenceEvaluator(graph, opsets=self._opsets).run(None, feed)
        except Exception:  # noqa: BLE001 - what cannot be followed stays unknown
            return
        self._values.update(zip(filter(None, node.output), map(np.asarray, outputs), strict=True))

    def _stand_in(self, name: str) -> Numbers | None:
        """Return an array of a tensor's shape that takes no memory, None where unknown."""
        shape = self.shape(name)
        if shape is None or None in shape:
            return None
        return np.broadcast_to(np.float32(0), [one or 0 for one in shape])

    def _n_elements(self, name: str) -> int:
        """Return the number of elements, -1 where unknown."""
        shape = self.shape(name)
        return -1 if shape is None or None in shape else size_of(shape)


def constant_of(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """Return the tensor of a Constant node, None for other nodes."""
    attributes = node.attribute if node.op_type == "Constant" else ()
    return next((one.t for one in attributes if one.name == "value"), None)


def standard_domain(name: str) -> str:
    """Return the one name of the standard operators' domain, which has two."""
    return "" if name == "ai.onnx" else name


def is_embedded(tensor: onnx.TensorProto) -> bool:
    """Say whether a constant's values are in the file itself."""
    return bool(tensor.data_location != onnx.TensorProto.EXTERNAL)


def size_of(shape: Shape) -> int:
    """Return the product of known dimensions."""
    return prod(one or 0 for one in shape)
