"""How each operator's constants hold the batch, and what to write in their place.

An exporter that is told one batch folds it into shapes, sizes and class tokens. Operators that are
not in :data:`RULES` hold no batch in their constants, or none that is understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from onnx import helper

from iaside_audit.classifier.batch_worlds import BatchAxis, Shape, axis_after_view, size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from iaside_audit.classifier.batch_walk import Rule, Walk

TO_THE_END: Final = 2**31 - 1
"""The end of a slice that leaves nothing out, in both integer types."""
SLICE_TAKES_INPUTS: Final = 10
SQUEEZE_TAKES_INPUTS: Final = 13
"""Opsets since which attributes became inputs."""
RESIZE_SIZES: Final = 3
BROADCASTING: Final = (
    *("Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Sum", "Mean", "PRelu", "Where"),
    *("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "MatMul"),
)
MATRIX_AXES: Final = 2
"""The last axes of a MatMul's operands do not broadcast."""


def _reshape(node: onnx.NodeProto, walk: Walk) -> None:
    """Let the entry that counts images be found by the run: -1, or 0 where it is copied."""
    literal, after = walk.literal(node, 1), walk.fixed.shape(node.output[0])
    source, before = walk.axis(node.input[0]), walk.fixed.shape(node.input[0])
    zero_is_empty = _attribute(node, "allowzero", 0)
    if literal is None or after is None or (zero_is_empty and 0 in literal):
        return
    free = walk.free.shape(node.input[0])
    if source is None and before and free and None not in (*before, *free):
        if size_of(free) * walk.batch == size_of(before):  # has already become one row for all
            _one_row_for_all(node, walk, 1)
        return
    found = None
    if source is not None and before is not None:
        found = _landing(source, before, after, walk.batch)
    if found is None and literal[:1] == [walk.batch] and source in {None, BatchAxis(0)}:
        found = BatchAxis(0)  # some sizes are not known, so the usual is assumed
    if found is None:
        return
    index = found.index
    others = [place for place, one in enumerate(literal) if one == -1 and place != index]
    is_copied = bool(others) if source is None else found == source
    for place in range(len(literal)):
        copies_batch = literal[place] == 0 and source is not None and place == source.index
        if place != index and (copies_batch or (place in others and not is_copied)):
            size = after[place]
            if size is None:
                return
            literal[place] = size
    if literal[index] != -1:
        literal[index] = 0 if is_copied else -1
    _set_attributes(node, allowzero=None)
    walk.set_literal(node, 1, literal)


def _landing(source: BatchAxis, before: Shape, after: Shape, batch: int) -> BatchAxis | None:
    """Return which axis carries the batch after a view.

    At batch 1 several may: the one that counts fewest other things is meant, and of these the one
    at the same place.
    """
    every = (axis_after_view(source, before, after, batch, index) for index in range(len(after)))
    return min(
        (axis for axis in every if axis is not None),
        key=lambda axis: (axis.rows, axis.index != source.index),
        default=None,
    )


def _expand(node: onnx.NodeProto, walk: Walk) -> None:
    """Ask for one row where the operand brings the batch itself."""
    source, shape = walk.axis(node.input[0]), walk.fixed.shape(node.input[0])
    literal = walk.literal(node, 1)
    if source is None or shape is None or literal is None:
        _one_row_for_all(node, walk, 1)
        return
    place = len(literal) - len(shape) + source.index
    if place >= 0 and literal[place] == shape[source.index]:
        literal[place] = 1
        walk.set_literal(node, 1, literal)


def _one_row_for_all(node: onnx.NodeProto, walk: Walk, position: int) -> None:
    """Make one row of what is no image's; what joins it with the images repeats it for each.

    Only its number tells the batch from heads or windows here. At batch 1 it is one row already;
    a vector has no rows.
    """
    if not walk.is_guessing:
        return
    literal = walk.literal(node, position) or []
    is_of_images = position > 0 and walk.axis(node.input[0]) is not None
    if len(literal) > 1 and literal[0] == walk.batch > 1 and not is_of_images:
        walk.set_literal(node, position, [1, *literal[1:]])


def _tile(node: onnx.NodeProto, walk: Walk) -> None:
    _one_row_for_all(node, walk, 1)


def _constant_of_shape(node: onnx.NodeProto, walk: Walk) -> None:
    _one_row_for_all(node, walk, 0)


def _resize(node: onnx.NodeProto, walk: Walk) -> None:
    """Compute the sizes, which have no sign for "as it comes"."""
    source, sizes = walk.axis(node.input[0]), walk.literal(node, RESIZE_SIZES)
    if source is None or source.rows != 1 or sizes is None:
        return
    rank = len(walk.fixed.shape(node.input[0]) or ())
    axes = [axis % rank for axis in _attribute(node, "axes", range(rank))]
    if source.index in axes and sizes[axes.index(source.index)] == walk.batch:
        node.input[RESIZE_SIZES] = walk.with_batch(sizes, axes.index(source.index))


def _slice(node: onnx.NodeProto, walk: Walk) -> None:
    """Let a slice of all images reach to the end."""
    source, shape = walk.axis(node.input[0]), walk.fixed.shape(node.input[0])
    has_inputs = walk.opset >= SLICE_TAKES_INPUTS
    starts, ends, axes, steps = (
        walk.literal(node, position) if has_inputs else _attribute(node, name, None)
        for position, name in enumerate(("starts", "ends", "axes", "steps"), start=1)
    )
    if source is None or shape is None or starts is None or ends is None:
        return
    places = [axis % len(shape) for axis in axes or range(len(starts))]
    n_rows = shape[source.index]
    if source.index not in places or n_rows is None:
        return
    place = places.index(source.index)
    is_whole = starts[place] in {0, -n_rows} and ends[place] >= n_rows
    if not is_whole or (steps and steps[place] != 1):
        return
    starts[place], ends[place] = 0, TO_THE_END
    if has_inputs:
        walk.set_literal(node, 1, starts)
        walk.set_literal(node, 2, ends)
    else:
        _set_attributes(node, starts=starts, ends=ends)


def _squeeze(node: onnx.NodeProto, walk: Walk) -> None:
    """Name the axes that are meant, for a batch of one image must stay."""
    source, shape = walk.axis(node.input[0]), walk.fixed.shape(node.input[0])
    is_explicit = len(node.input) > 1 or _attribute(node, "axes", None) is not None
    if source is None or shape is None or is_explicit:
        return
    axes = [index for index, size in enumerate(shape) if size == 1 and index != source.index]
    if not axes:
        node.op_type = "Identity"
    elif walk.opset >= SQUEEZE_TAKES_INPUTS:
        walk.set_literal(node, 1, axes)
    else:
        _set_attributes(node, axes=axes)
    walk.fixed.run(node)  # the batch stays an axis there as well, or no two shapes would compare


def _gather(node: onnx.NodeProto, walk: Walk) -> None:
    """Index the elements of each image, where exporters write strided views of a flat batch."""
    source, shape = walk.axis(node.input[0]), walk.fixed.shape(node.input[0])
    indices = walk.stored(node.input[1])
    if source is None or source.outer != 1 or shape is None or len(shape) != 1:
        return
    if indices is None or indices.shape[:1] != (walk.batch,):
        return
    first, n_elements = indices.reshape(walk.batch, -1)[0], source.inner
    steps = np.arange(walk.batch)[:, None] * n_elements
    is_own = not np.any(first < 0) and not np.any(first >= n_elements)
    if not is_own or not np.array_equal(indices.reshape(walk.batch, -1), first + steps):
        return
    flat = walk.constant(np.array([-1, n_elements], np.int64))
    node.input[0] = walk.insert("Reshape", [node.input[0], flat])
    node.input[1] = walk.constant(first.reshape(indices.shape[1:]))
    _set_attributes(node, axis=1)


def _concat(node: onnx.NodeProto, walk: Walk) -> None:
    """Repeat what is the same for all images, such as a class token, for each of them."""
    axes = [walk.axis(name) for name in node.input]
    moved = next((axis for axis in axes if axis is not None), None)
    rank = len(walk.fixed.shape(node.output[0]) or ())
    if moved is None or not rank or _attribute(node, "axis", 1) % rank == moved.index:
        return
    for position, axis in enumerate(axes):
        if axis is None:
            node.input[position] = walk.repeat(node.input[position], moved.index, moved)


def _broadcast(node: onnx.NodeProto, walk: Walk) -> None:
    """Repeat a constant that has several rows for one image; one row broadcasts by itself."""
    axes = [walk.axis(name) for name in node.input]
    shapes = [walk.free.shape(name) for name in node.input]
    for axis, shape in zip(axes, shapes, strict=True):
        if axis is not None and shape is not None:
            from_the_end = len(shape) - axis.index
            break
    else:
        return
    if node.op_type == "MatMul" and from_the_end <= MATRIX_AXES:
        return
    for position, (other, its_shape) in enumerate(zip(axes, shapes, strict=True)):
        if other is not None or its_shape is None or len(its_shape) < from_the_end:
            continue
        index = len(its_shape) - from_the_end
        if its_shape[index] != 1:
            node.input[position] = walk.repeat(node.input[position], index, axis)


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:  # Any: ONNX's attributes
    return next(
        (helper.get_attribute_value(one) for one in node.attribute if one.name == name), default
    )


def _set_attributes(node: onnx.NodeProto, **values: int | Sequence[int] | None) -> None:
    """Replace attributes; None removes one."""
    kept = [one for one in node.attribute if one.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(
        helper.make_attribute(name, value) for name, value in values.items() if value is not None
    )


RULES: Final[dict[str, Rule]] = {
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Gather": _gather,
    "Reshape": _reshape,
    "Resize": _resize,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Tile": _tile,
    **dict.fromkeys(BROADCASTING, _broadcast),
}
"""By operator of the standard domain."""
