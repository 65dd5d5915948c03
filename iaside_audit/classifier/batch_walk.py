"""A graph on its way from a fixed batch to a free one, seen at both at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.checker import ValidationError
from onnx.shape_inference import InferenceError

from iaside_audit.classifier.batch_worlds import (
    BatchAxis,
    Numbers,
    World,
    axis_after_view,
    constant_of,
    is_embedded,
    size_of,
    standard_domain,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIMES: Final = (997, 991)
"""Batches of the second world; the first unless it divides the model's own batch."""
PREFIX: Final = "free batch"
"""Of the names of all tensors that are added."""
VIEWS: Final = frozenset({"Reshape", "Flatten"})
"""Operators that keep the elements in their order and may merge or split the batch axis."""


class Walk:
    """A graph on its way from a fixed batch to a free one, node by node.

    Parameters
    ----------
    model : onnx.ModelProto
        It is not changed.
    input_name : str
        The image input, whose first axis is the batch.
    batch : int
        The model's own batch.
    is_guessing : bool
        Whether rules may take a number for the batch because it is as large.

    Attributes
    ----------
    fixed, free : World
        The graph as it is, and the rewritten one at a prime batch.
    nodes : list of onnx.NodeProto
        The rewritten graph so far.
    constants : list of onnx.TensorProto
        Initializers that it needs in addition.
    """

    def __init__(
        self, model: onnx.ModelProto, input_name: str, batch: int, *, is_guessing: bool
    ) -> None:
        opsets = {standard_domain(one.domain): one.version for one in model.opset_import}
        self.opset = opsets.get("", 0)
        self.batch = batch
        self.is_guessing = is_guessing
        self.fixed = World(opsets, model.ir_version)
        self.free = World(opsets, model.ir_version)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._free_batch = PRIMES[0] if batch % PRIMES[0] else PRIMES[1]
        self._input_name = input_name
        self._batch_name = ""
        self._axes = {input_name: BatchAxis(0)}
        self._stored = {tensor.name: tensor for tensor in model.graph.initializer}
        for value in model.graph.input:
            kind = onnx.TypeProto()
            kind.CopyFrom(value.type)
            self.fixed.declare(value.name, value.type)
            self.free.declare(value.name, kind)
            if value.name == input_name:
                kind.tensor_type.shape.dim[0].dim_value = self._free_batch
        for tensor in model.graph.initializer:
            self._hold(tensor.name, tensor)

    def _hold(self, name: str, tensor: onnx.TensorProto) -> None:
        self.fixed.hold(name, tensor)
        self.free.hold(name, tensor)

    def axis(self, name: str) -> BatchAxis | None:
        """Return where a tensor carries the batch; None where it does not, or nothing is known."""
        return self._axes.get(name)

    def stored(self, name: str) -> Numbers | None:
        """Return a constant of any size; None where it is none, or outside the file."""
        tensor = self._stored.get(name)
        return numpy_helper.to_array(tensor) if tensor is not None and is_embedded(tensor) else None

    def literal(self, node: onnx.NodeProto, position: int) -> list[int] | None:
        """Return an input that is the same at every batch, such as a shape baked in."""
        name = input_at(node, position)
        fixed, free = self.fixed.values(name), self.free.values(name)
        if fixed is None or free is None or not np.array_equal(fixed, free):
            return None
        return [int(one) for one in fixed.ravel()]

    def set_literal(self, node: onnx.NodeProto, position: int, values: Sequence[int]) -> None:
        """Give a node a constant of its own for an input: others may share the old one."""
        if list(values) == self.literal(node, position):
            return
        old = self.fixed.values(input_at(node, position))
        name = self.constant(np.array(values, np.int64 if old is None else old.dtype))
        if position < len(node.input):
            node.input[position] = name
        else:
            node.input.append(name)

    def take(self, node: onnx.NodeProto, rule: Rule | None) -> None:
        """Go past a node by its rule, and note which axes of its outputs carry the batch.

        Raises
        ------
        onnx.shape_inference.InferenceError
            If the rewritten node cannot work at another batch.
        """
        rewritten = onnx.NodeProto()
        rewritten.CopyFrom(node)
        try:
            self.fixed.run(node)
        except (InferenceError, ValidationError, ValueError):
            # ONNX Runtime may know more: the outputs are unknown here, the proof decides.
            self.nodes.append(rewritten)
            return
        if rule is not None:
            rule(rewritten, self)
        self.nodes.append(rewritten)
        self.free.run(rewritten)
        constant = constant_of(node)
        if constant is not None:
            self._stored[node.output[0]] = constant
        for name in node.output:
            axis = self._moved_axis(node, name)
            if axis is not None:
                self._axes[name] = axis

    def insert(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:  # Any: ONNX's
        """Append a node with one output, and return that output's name."""
        name = f"{PREFIX} {len(self.nodes)}"
        node = helper.make_node(operator, list(inputs), [name], **attributes)
        self.nodes.append(node)
        self.free.run(node)
        return name

    def constant(self, values: Numbers) -> str:
        """Add a constant, and return its name."""
        name = f"{PREFIX} constant {len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        self._hold(name, self.constants[-1])
        return name

    def with_batch(self, literal: Sequence[int], index: int) -> str:
        """Insert what makes the shape `literal` with the batch of the run at `index`."""
        if not self._batch_name:
            shape = self.insert("Shape", [self._input_name])
            first = self.constant(np.array([0], np.int64))
            self._batch_name = self.insert("Gather", [shape, first], axis=0)
        before, after = (
            np.array(part, np.int64) for part in (literal[:index], literal[index + 1 :])
        )
        names = [
            *([self.constant(before)] if before.size else []),
            self._batch_name,
            *([self.constant(after)] if after.size else []),
        ]
        return self.insert("Concat", names, axis=0)

    def repeat(self, name: str, index: int, axis: BatchAxis) -> str:
        """Insert what repeats a tensor along `index` for each image, to join one with `axis`.

        Where that cannot be done, `name` itself is returned, and the next shapes do not fit.
        """
        name = self._of_one_image(name, index, axis)
        shape = self.free.shape(name)
        if shape is None or shape[index] != axis.inner or axis.outer != 1:
            return name
        # Not Expand: that is unknown before opset 8, and cannot repeat an axis of several rows.
        return self.insert("Tile", [name, self.with_batch([1] * len(shape), index)])

    def _of_one_image(self, name: str, index: int, axis: BatchAxis) -> str:
        """Cut a constant that was folded for a whole batch of equal rows to those of one image."""
        values = self.stored(name)
        if values is None or self.batch == 1 or values.shape[index] != self.batch * axis.rows:
            return name
        first, *others = np.split(values, self.batch, index)
        return self.constant(first) if all(np.array_equal(first, one) for one in others) else name

    def _moved_axis(self, node: onnx.NodeProto, name: str) -> BatchAxis | None:
        """Compare the two worlds: the axis that grows as the batch does."""
        fixed, free = self.fixed.shape(name) or (), self.free.shape(name) or ()
        moved = [
            index
            for index, (before, after) in enumerate(zip(fixed, free, strict=False))
            if before and after and after * self.batch == before * self._free_batch
        ]
        if len(moved) != 1:
            return None
        sources = [
            (self._axes[one], self.fixed.shape(one)) for one in node.input if one in self._axes
        ]
        if node.op_type in VIEWS and sources:
            axis, before = sources[0]
            return axis_after_view(axis, before or (), fixed, self.batch, moved[0])
        rows = size_of(fixed[moved[0] : moved[0] + 1]) // self.batch
        alike = (axis for axis, _ in sources if axis.rows == rows)
        source = next(alike, BatchAxis(0, inner=rows))
        return BatchAxis(moved[0], source.outer, source.inner)


Rule: TypeAlias = Callable[[onnx.NodeProto, Walk], None]
"""Rewrites a node in place where its constants hold the batch."""


def input_at(node: onnx.NodeProto, position: int) -> str:
    """Return the name of an input, empty where it is left out."""
    return node.input[position] if position < len(node.input) else ""
