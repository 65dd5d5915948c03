"""Small networks as exporters write them for one batch, drawn on a :class:`Drawing`.

Each function returns the name of its result; the shapes that an exporter would bake in are written
out for the batch of the drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from batching_models import CHANNELS, N_CLASSES, SIDE
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from batching_models import Drawing

TOKENS: Final = 4
WIDTH: Final = 6
HEADS: Final = 2
SLICE_TAKES_INPUTS: Final = 10
CONTRIBUTED: Final = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""


def pooled(drawing: Drawing, name: str = "image", n_out: int = WIDTH) -> str:
    """Draw a convolution and the mean over pixels: (batch, n_out, 1, 1)."""
    return drawing.add("GlobalAveragePool", drawing.convolution(name, CHANNELS, n_out, 3))


def tokens(drawing: Drawing) -> str:
    """Draw a patch embedding: (batch, TOKENS, WIDTH)."""
    patches = drawing.add(
        "Conv",
        "image",
        drawing.constant(
            np.random.default_rng(2).standard_normal((WIDTH, CHANNELS, SIDE // 2, SIDE // 2)) / 5
        ),
        strides=[SIDE // 2] * 2,
    )
    rows = drawing.reshape(patches, drawing.batch, WIDTH, TOKENS)
    return drawing.add("Transpose", rows, perm=[0, 2, 1])


def heads(drawing: Drawing, name: str, n_tokens: int, *, is_merged: bool) -> str:
    """Split (batch, tokens, width) into heads; merged, the batch and the heads share an axis."""
    batch, size = drawing.batch, WIDTH // HEADS
    split = drawing.reshape(name, batch, n_tokens, HEADS, size)
    turned = drawing.add("Transpose", split, perm=[0, 2, 1, 3])
    return drawing.reshape(turned, batch * HEADS, n_tokens, size) if is_merged else turned


def attention(drawing: Drawing, name: str, n_tokens: int, *, is_merged: bool) -> str:
    """Draw self-attention with baked-in shapes, and add it to its input."""
    query, key, value = (
        heads(drawing, drawing.linear(name, WIDTH, WIDTH), n_tokens, is_merged=is_merged)
        for _ in range(3)
    )
    perm = [0, 2, 1] if is_merged else [0, 1, 3, 2]
    products = drawing.add("MatMul", query, drawing.add("Transpose", key, perm=perm))
    mixed = drawing.add("MatMul", drawing.add("Softmax", products, axis=-1), value)
    if is_merged:
        mixed = drawing.reshape(mixed, drawing.batch, HEADS, n_tokens, WIDTH // HEADS)
    joined = drawing.add("Transpose", mixed, perm=[0, 2, 1, 3])
    rows = drawing.reshape(joined, drawing.batch, n_tokens, WIDTH)
    return drawing.add("Add", name, drawing.linear(rows, WIDTH, WIDTH))


def with_class_token(drawing: Drawing, name: str, token: str) -> str:
    """Put a class token before the tokens, and add the position embedding."""
    joined = drawing.add("Concat", token, name, axis=1)
    return drawing.add("Add", joined, drawing.weights(1, TOKENS + 1, WIDTH))


def first_token(drawing: Drawing, name: str) -> str:
    """Draw the logits of the first token."""
    picked = drawing.add("Gather", name, drawing.constant(0), axis=1)
    return drawing.linear(picked, WIDTH, N_CLASSES)


def vision_transformer(
    drawing: Drawing, *, class_row: str = "folded", is_merged: bool = False
) -> str:
    """Draw a small vision transformer.

    Parameters
    ----------
    class_row : str
        How the class token gets its batch: ``folded`` into a constant, by ``Expand``, by ``Tile``,
        or as zeros by ``ConstantOfShape``.
    is_merged : bool
        Whether attention merges the batch and the heads into one axis.
    """
    batch = drawing.batch
    one = np.random.default_rng(3).standard_normal((1, 1, WIDTH))
    match class_row:
        case "folded":
            row = drawing.constant(np.repeat(one, batch, axis=0))
        case "Expand":
            shape = drawing.constant([batch, 1, WIDTH])
            row = drawing.add("Expand", drawing.constant(one), shape)
        case "Tile":
            row = drawing.add("Tile", drawing.constant(one), drawing.constant([batch, 1, 1]))
        case _:
            zero = numpy_helper.from_array(np.zeros(1, drawing.numbers))
            shape = drawing.constant([batch, 1, WIDTH])
            row = drawing.add("ConstantOfShape", shape, value=zero)
    joined = with_class_token(drawing, tokens(drawing), row)
    mixed = attention(drawing, joined, TOKENS + 1, is_merged=is_merged)
    return first_token(drawing, mixed)


def tokens_first(drawing: Drawing) -> str:
    """Draw attention as PyTorch's MultiheadAttention does: (tokens, batch, width)."""
    batch, size = drawing.batch, WIDTH // HEADS
    turned = drawing.add("Transpose", tokens(drawing), perm=[1, 0, 2])
    parts = []
    for _ in range(3):
        projected = drawing.linear(turned, WIDTH, WIDTH)
        split = drawing.reshape(projected, TOKENS, batch * HEADS, size)
        parts.append(drawing.add("Transpose", split, perm=[1, 0, 2]))
    products = drawing.add("MatMul", parts[0], drawing.add("Transpose", parts[1], perm=[0, 2, 1]))
    mixed = drawing.add("MatMul", drawing.add("Softmax", products, axis=-1), parts[2])
    flat = drawing.reshape(drawing.add("Transpose", mixed, perm=[1, 0, 2]), TOKENS * batch, WIDTH)
    rows = drawing.reshape(drawing.linear(flat, WIDTH, WIDTH), TOKENS, batch, WIDTH)
    back = drawing.add("Transpose", drawing.add("Add", rows, turned), perm=[1, 0, 2])
    return first_token(drawing, back)


def windows(drawing: Drawing) -> str:
    """Draw windows as a Swin transformer cuts them: the batch and the windows share an axis.

    The mask of the windows is folded to (windows, pixels, 1), without a batch axis.
    """
    batch, half = drawing.batch, SIDE // 2
    last = drawing.add("Transpose", "image", perm=[0, 2, 3, 1])
    cut = drawing.reshape(last, batch, 2, half, 2, half, CHANNELS)
    turned = drawing.add("Transpose", cut, perm=[0, 1, 3, 2, 4, 5])
    rows = drawing.reshape(turned, -1, half * half, CHANNELS)
    mask = np.random.default_rng(4).standard_normal((4, half * half, 1))
    masked = drawing.add("Add", rows, drawing.constant(np.tile(mask, (batch, 1, 1))))
    weighed = drawing.add("Softmax", masked, axis=1)
    summed = drawing.add("ReduceMean", drawing.add("Mul", weighed, rows), axes=[1], keepdims=0)
    grid = drawing.reshape(summed, batch, 4 * CHANNELS)
    return drawing.linear(grid, 4 * CHANNELS, N_CLASSES)


def flattened(drawing: Drawing) -> str:
    """Draw a network that flattens."""
    return drawing.linear(drawing.add("Flatten", pooled(drawing)), WIDTH, N_CLASSES)


def reshaped(drawing: Drawing) -> str:
    """Draw a network that reshapes to (batch, -1)."""
    return drawing.linear(drawing.reshape(pooled(drawing), drawing.batch, -1), WIDTH, N_CLASSES)


def explicitly_reshaped(drawing: Drawing) -> str:
    """Draw a network that reshapes to (batch, width), where zeros would be empty axes."""
    rows = drawing.reshape(pooled(drawing), drawing.batch, WIDTH, allowzero=1)
    return drawing.linear(rows, WIDTH, N_CLASSES)


def shares_a_shape(drawing: Drawing) -> str:
    """Draw Reshapes that share a shape: with it one flattens images, one the weights."""
    flat = drawing.constant([drawing.batch, -1])
    rows = drawing.add("Reshape", pooled(drawing), flat)
    bias = drawing.add("Reshape", drawing.weights(N_CLASSES * drawing.batch), flat)
    row = drawing.add("ReduceMean", bias, axes=[0], keepdims=0)
    others = drawing.add("Reshape", pooled(drawing), flat)
    both = drawing.add("Concat", rows, others, axis=1)
    return drawing.add("Add", drawing.linear(both, 2 * WIDTH, N_CLASSES), row)


def computes_its_shape(drawing: Drawing) -> str:
    """Draw a Reshape whose shape is computed from the input's, as scripted exports do."""
    maps = pooled(drawing)
    zero = drawing.constant([0])
    batch = drawing.add("Gather", drawing.add("Shape", maps), zero, axis=0)
    shape = drawing.add("Concat", batch, drawing.constant([-1]), axis=0)
    return drawing.linear(drawing.add("Reshape", maps, shape), WIDTH, N_CLASSES)


def multiplies_its_shape(drawing: Drawing) -> str:
    """Draw a shape with a constant that is computed, from a size of which only the batch moves."""
    maps = drawing.convolution("image", CHANNELS, WIDTH, 3)
    size = drawing.add("Gather", drawing.add("Shape", maps), drawing.constant([1]), axis=0)
    width = drawing.add("Mul", size, drawing.constant([SIDE * SIDE]))
    shape = drawing.add("Concat", drawing.constant([drawing.batch]), width, axis=0)
    rows = drawing.add("Reshape", maps, shape)
    return drawing.linear(rows, WIDTH * SIDE * SIDE, N_CLASSES)


def squeezed(drawing: Drawing) -> str:
    """Draw a Squeeze of all axes of one, which at batch 1 takes the batch too."""
    squeezed = drawing.add("Squeeze", pooled(drawing))
    rows = drawing.reshape(squeezed, drawing.batch, WIDTH)
    return drawing.linear(rows, WIDTH, N_CLASSES)


def squeezed_of_nothing(drawing: Drawing) -> str:
    """Draw a Squeeze without axes where only the batch may be one."""
    maps = drawing.convolution("image", CHANNELS, WIDTH, 3)
    rows = drawing.reshape(drawing.add("Squeeze", maps), drawing.batch, WIDTH * SIDE * SIDE)
    return drawing.linear(rows, WIDTH * SIDE * SIDE, N_CLASSES)


def sliced(drawing: Drawing) -> str:
    """Draw a Slice that takes all images by their number, and some pixels."""
    batch, end = drawing.batch, SIDE // 2
    if drawing.opset < SLICE_TAKES_INPUTS:
        cut = drawing.add("Slice", "image", starts=[-batch, 0], ends=[batch, end], axes=[0, 2])
    else:
        bounds = [drawing.constant(one) for one in ([0, 1], [batch, end], [0, -1])]
        cut = drawing.add("Slice", "image", *bounds)
    return drawing.linear(drawing.add("Flatten", pooled(drawing, cut)), WIDTH, N_CLASSES)


def resized(drawing: Drawing) -> str:
    """Draw a Resize to baked-in sizes."""
    sizes = drawing.constant([drawing.batch, CHANNELS, 5, 7])
    larger = drawing.add("Resize", "image", "", "", sizes, mode="nearest")
    rows = drawing.reshape(larger, drawing.batch, CHANNELS * 35)
    return drawing.linear(rows, CHANNELS * 35, N_CLASSES)


def resized_by_axes(drawing: Drawing) -> str:
    """Draw a Resize whose sizes do not count the batch."""
    sizes = drawing.constant([5, 7])
    larger = drawing.add("Resize", "image", "", "", sizes, mode="nearest", axes=[2, 3])
    rows = drawing.reshape(larger, drawing.batch, CHANNELS * 35)
    return drawing.linear(rows, CHANNELS * 35, N_CLASSES)


def normalised_by_groups(drawing: Drawing) -> str:
    """Draw a group normalisation as older exporters do."""
    maps = drawing.convolution("image", CHANNELS, WIDTH, 3)
    groups = drawing.reshape(maps, 0, 2, -1)
    ones, zeros = drawing.constant([1.0, 1.0]), drawing.constant([0.0, 0.0])
    normalised = drawing.add("InstanceNormalization", groups, ones, zeros)
    back = drawing.reshape(normalised, drawing.batch, WIDTH, SIDE, SIDE)
    rows = drawing.add("Flatten", drawing.add("MaxPool", back, kernel_shape=[SIDE, SIDE]))
    return drawing.linear(rows, WIDTH, N_CLASSES)


def expands_the_images(drawing: Drawing) -> str:
    """Draw an Expand of the images' own scores to their own shape."""
    shape = drawing.constant([drawing.batch, N_CLASSES])
    return drawing.add("Expand", reshaped(drawing), shape)


def behind_an_unknown_operator(drawing: Drawing) -> str:
    """Draw a Reshape behind an operator that ONNX does not know."""
    unknown = drawing.add("Gelu", pooled(drawing), domain=CONTRIBUTED)
    rows = drawing.reshape(unknown, drawing.batch, -1)
    return drawing.linear(rows, WIDTH, N_CLASSES)


def behind_a_branch(drawing: Drawing) -> str:
    """Draw a Reshape behind an If, whose branches read a tensor from around it."""
    maps = pooled(drawing)
    branches = [
        helper.make_graph(
            [helper.make_node(operator, [maps], ["branch"])],
            operator,
            [],
            [helper.make_tensor_value_info("branch", TensorProto.FLOAT, None)],
        )
        for operator in ("Identity", "Neg")
    ]
    is_one = drawing.add("Cast", drawing.constant(1), to=TensorProto.BOOL)
    either = drawing.add("If", is_one, then_branch=branches[0], else_branch=branches[1])
    rows = drawing.reshape(either, drawing.batch, WIDTH)
    return drawing.linear(rows, WIDTH, N_CLASSES)


def strided(drawing: Drawing) -> str:
    """Draw a flat view of the whole batch from which each image's numbers are picked."""
    flat = drawing.reshape(pooled(drawing), -1)
    own = np.arange(drawing.batch * WIDTH).reshape(drawing.batch, WIDTH)
    picked = drawing.add("Gather", flat, drawing.constant(own[:, ::-1]), axis=0)
    return drawing.linear(picked, WIDTH, N_CLASSES)


def four_heads(drawing: Drawing) -> str:
    """Draw a table that is expanded to four rows for heads, whatever the batch."""
    table = drawing.add("Expand", drawing.weights(1, WIDTH), drawing.constant([4, WIDTH]))
    columns = drawing.add("Concat", table, drawing.weights(4, WIDTH), axis=1)
    weights = drawing.reshape(columns, 2 * WIDTH, 4)
    both = drawing.add("Concat", reshaped(drawing), reshaped(drawing), axis=1)
    wide = drawing.linear(both, 2 * N_CLASSES, 2 * WIDTH)
    return drawing.linear(drawing.add("MatMul", wide, weights), 4, N_CLASSES)
