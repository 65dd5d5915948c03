"""Classifiers exported with a fixed batch, as exporters write them, and ways to run them.

A :class:`Drawing` collects nodes; ``batching_networks`` draws small networks with it, each in a few
lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from iaside_audit.classifier.batching import free_batch, prove
from iaside_audit.classifier.graph import describe_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from iaside_audit.classifier.batching import BatchProof

    Run = Callable[[NDArray[np.float32]], NDArray[Any]]  # Any: float16 or float32

CHANNELS: Final = 3
SIDE: Final = 8
N_CLASSES: Final = 5
SHAPE: Final = (CHANNELS, SIDE, SIDE)


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


def freed(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Free the batch of a model that is described as an audit does."""
    return free_batch(model, describe_graph(model, Path("model.onnx")))


def proof_of(model: onnx.ModelProto, free: onnx.ModelProto, **options: Any) -> BatchProof:
    """Prove a rewrite by running both models."""
    graph = describe_graph(model, Path("model.onnx"))
    assert graph.batch is not None
    arguments = {"fixed_batch": graph.batch, "input_shape": SHAPE, **options}
    return prove(runner(model), runner(free), **arguments)


def fresh_images(n_images: int, shape: tuple[int, ...] = SHAPE) -> NDArray[np.float32]:
    """Return images that the proof has not seen."""
    generator = np.random.default_rng(99)
    return generator.standard_normal((n_images, *shape)).astype(np.float32)
