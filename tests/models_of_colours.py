"""Classifiers of colours whose preprocessing is known, and images that they tell apart.

A model takes the mean colour of its input, undoes the normalisation that it was made for, and gives
each class a logit that falls with the squared distance to the class's colour. Under the right
preprocessing every answer is right; under another the colours are others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from iaside_audit.preprocessing import ChannelOrder, Preprocessing

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE: Final = 32
LEVELS: Final = (0.15, 0.4, 0.6, 0.85)
SHARPNESS: Final = 400.0


def colours(n_channels: int = 3) -> NDArray[np.float64]:
    """Return the colour of each class, (4 ** n_channels, n_channels) in 0..1, RGB."""
    axes = np.meshgrid(*[LEVELS] * n_channels, indexing="ij")
    return np.stack([one.ravel() for one in axes], axis=1)


def colour_model(
    made_for: Preprocessing,
    *,
    batch: int | str = "N",
    size: tuple[int | str, int | str] = (SIDE, SIDE),
    nodes_before: tuple[onnx.NodeProto, ...] = (),
    constants: dict[str, NDArray[np.float32]] | None = None,
) -> onnx.ModelProto:
    """Build the classifier that is right under the normalisation of `made_for`.

    Parameters
    ----------
    made_for : Preprocessing
        Its scale, mean, std and channel order are undone.
    batch, size
        Of the input; names leave them free.
    nodes_before : tuple of NodeProto
        From ``image`` to ``taken``: a normalisation that is built in.
    constants : dict
        What these nodes need.
    """
    n_channels = made_for.n_channels
    prototypes = colours(n_channels)
    if made_for.channel_order == ChannelOrder.BGR:
        prototypes = prototypes[:, ::-1]
    gain = np.array(made_for.std) / (255 * made_for.scale)
    offset = np.array(made_for.mean) / (255 * made_for.scale)
    weights = 2 * SHARPNESS * prototypes.T
    bias = -SHARPNESS * (prototypes**2).sum(axis=1) + offset @ weights
    stored = {"weights": gain[:, None] * weights, "bias": bias, **(constants or {})}
    graph = helper.make_graph(
        [
            *nodes_before,
            helper.make_node("GlobalAveragePool", ["taken" if nodes_before else "image"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["colour"]),
            helper.make_node("Gemm", ["colour", "weights", "bias"], ["scores"]),
        ],
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, n_channels, *size])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, len(prototypes)])],
        [numpy_helper.from_array(one.astype(np.float32), name) for name, one in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def save_colours(
    path: Path,
    *,
    n_images: int = 96,
    side: int = SIDE,
    n_channels: int = 3,
    frame: int = 0,
    shift: int = 0,
) -> Path:
    """Write an ``.npz`` of noisy images of one colour each, and return its path.

    Parameters
    ----------
    path : Path
        The file.
    side : int
        Of the images, in pixels.
    frame : int
        Width in pixels of a frame of another colour around each image.
    shift : int
        What is added to every label.
    """
    generator = np.random.default_rng(5)
    prototypes = colours(n_channels)
    labels = generator.integers(len(prototypes), size=n_images)
    images = np.empty((n_images, side, side, n_channels))
    images[:] = generator.uniform(0, 1, (n_images, 1, 1, n_channels))
    inner = slice(frame, side - frame)
    images[:, inner, inner] = prototypes[labels][:, None, None]
    images += generator.normal(0, 0.03, images.shape)
    pixels = np.clip(np.rint(255 * images), 0, 255).astype(np.uint8)
    np.savez(path, images=pixels, labels=np.clip(labels + shift, 0, len(prototypes) - 1))
    return path


def save_model(model: onnx.ModelProto, path: Path) -> Path:
    """Write a model and return its path."""
    onnx.save(model, str(path))
    return path
