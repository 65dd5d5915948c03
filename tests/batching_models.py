"""Classifiers exported with a fixed batch, as exporters write them, and ways to run them.

A :class:`Drawing` collects nodes; a small network is drawn with it in a few lines. The shapes that
an exporter would bake in are written out for the batch of the drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    Run = Callable[[NDArray[np.float32]], NDArray[Any]]  # Any: float16 or float32

CHANNELS: Final = 3
SIDE: Final = 8
N_CLASSES: Final = 5
TOKENS: Final = 4
WIDTH: Final = 6
HEADS: Final = 2
SLICE_TAKES_INPUTS: Final = 10
CONTRIBUTED: Final = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""


class Drawing:
    """A graph that is being drawn.

    Parameters
    ----------
    batch : int
        Baked into the declared input, and by the callers into shapes.
    opset : int
        Version of the standard operators.
    half : bool
        Whether weights, input and output are float16.
    as_nodes : bool
        Whether integer constants are Constant nodes, not initializers.
    """

    def __init__(
        self, batch: int = 1, *, opset: int = 17, half: bool = False, as_nodes: bool = False
    ) -> None:
        self.batch = batch
        self.opset = opset
        self.numbers = np.dtype(np.float16 if half else np.float32)
        self.shape: list[int | str] = [batch, CHANNELS, SIDE, SIDE]
        self._as_nodes = as_nodes
        self._generator = np.random.default_rng(5)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(
        self, operator: str, *inputs: str, domain: str = "", n_outputs: int = 1, **attributes: Any
    ) -> str:
        """Draw a node and return the name of its first output."""
        names = [f"t{len(self._nodes)}_{place}" for place in range(n_outputs)]
        node = helper.make_node(operator, list(inputs), names, domain=domain, **attributes)
        self._nodes.append(node)
        return names[0]

    def constant(self, values: ArrayLike) -> str:
        """Draw a constant: integers are int64, all others of the graph's type."""
        array = np.asarray(values)
        array = array.astype(np.int64 if array.dtype.kind == "i" else self.numbers)
        tensor = numpy_helper.from_array(array, f"c{len(self._constants)}")
        if self._as_nodes and array.dtype == np.int64:
            return self.add("Constant", value=tensor)
        self._constants.append(tensor)
        return tensor.name

    def weights(self, *shape: int) -> str:
        """Draw random weights."""
        return self.constant(self._generator.standard_normal(shape) / np.sqrt(shape[0]))

    def reshape(self, name: str, *shape: int, **attributes: int) -> str:
        """Draw a Reshape to a baked-in shape."""
        return self.add("Reshape", name, self.constant(list(shape)), **attributes)

    def linear(self, name: str, n_in: int, n_out: int) -> str:
        """Draw a matrix product with weights, and a bias."""
        product = self.add("MatMul", name, self.weights(n_in, n_out))
        return self.add("Add", product, self.weights(n_out))

    def convolution(self, name: str, n_in: int, n_out: int, kernel: int = 1) -> str:
        """Draw a convolution that keeps the size where the kernel has 3 pixels, and a Relu."""
        weights = self._generator.standard_normal((n_out, n_in, kernel, kernel)) / n_in
        convolved = self.add(
            "Conv", name, self.constant(weights), pads=[kernel // 2] * 4, kernel_shape=[kernel] * 2
        )
        return self.add("Relu", convolved)

    def model(
        self,
        scores: str,
        *,
        output_shape: Sequence[int | str] | None = None,
        domains: Sequence[str] = (),
        lists_constants: bool = False,
    ) -> onnx.ModelProto:
        """Return the model whose class scores are `scores`.

        Parameters
        ----------
        domains : sequence of str
            Further operator domains.
        lists_constants : bool
            Whether initializers are inputs too, as IR version 3 demands.
        """
        self.add("Identity", scores)
        self._nodes[-1].output[0] = "scores"
        kind = helper.np_dtype_to_tensor_dtype(self.numbers)
        shape = [self.batch, N_CLASSES] if output_shape is None else list(output_shape)
        listed = [
            helper.make_tensor_value_info(one.name, one.data_type, list(one.dims))
            for one in (self._constants if lists_constants else [])
        ]
        graph = helper.make_graph(
            self._nodes,
            "fixed batch",
            [*listed, helper.make_tensor_value_info("image", kind, self.shape)],
            [helper.make_tensor_value_info("scores", kind, shape)],
            self._constants,
        )
        imports = [helper.make_opsetid("", self.opset)]
        imports += [helper.make_opsetid(domain, 1) for domain in domains]
        return helper.make_model(
            graph, opset_imports=imports, ir_version=3 if lists_constants else 8
        )


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


def runner(model: onnx.ModelProto) -> Run:
    """Return what runs a model on one thread; errors of ONNX Runtime stay its own."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (image,), (scores,) = session.get_inputs(), session.get_outputs()
    kind = np.float16 if image.type == "tensor(float16)" else np.float32

    def run(images: NDArray[np.float32]) -> NDArray[Any]:
        found = session.run([scores.name], {image.name: images.astype(kind)})[0]
        return np.asarray(found)

    return run


def one_by_one(run: Run, images: NDArray[np.float32], batch: int) -> NDArray[Any]:
    """Return the scores of each image from a model of fixed batch, filled up with itself."""
    return np.stack([run(np.repeat(image[None], batch, axis=0))[0] for image in images])


def fix_batch(model: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """Bake a batch into a model with a free one, Reshape constants and flattening included."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for value in (*fixed.graph.input, *fixed.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = batch
    shapes = {node.input[1] for node in fixed.graph.node if node.op_type == "Reshape"}
    for tensor in fixed.graph.initializer:
        if tensor.name in shapes:
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = batch
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    for node in fixed.graph.node:
        if node.op_type == "Flatten":
            node.op_type = "Reshape"
            del node.attribute[:]
            flat = np.array([batch, -1], np.int64)
            fixed.graph.initializer.append(numpy_helper.from_array(flat, f"flat {node.name}"))
            node.input.append(fixed.graph.initializer[-1].name)
    return onnx.shape_inference.infer_shapes(fixed)
