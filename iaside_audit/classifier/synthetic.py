"""Small ONNX classifiers whose use of the bands is known by construction (METHOD.md, section 8).

Each has two classes, the scores ``[f(x), 0]``, and so the margin ``f(x)`` for class 0: audited with
the value function ``margin``, its Shapley values follow from `f` alone. The directions that `f`
projects on lie in one band each, so a projection needs no decomposition of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from iaside_audit.choices import Norm, Spacing
from iaside_audit.classifier.preprocessing_sources import METADATA_KEY, to_toml
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.spectrum import decompose, make_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from iaside_audit.types import BandImages, FloatMatrix

OPSET: Final = 17
IR_VERSION: Final = 8
N_CHANNELS: Final = 3
SIDE: Final = 32
SMALL_SIDE: Final = 16
"""The energy model holds a matrix of side**4 numbers."""
N_BANDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticClassifier:
    """One classifier of known answer.

    Parameters
    ----------
    name : str
        What it depends on.
    model : onnx.ModelProto
        Input ``image`` (N, 3, side, side) in 0..1, output ``scores`` (N, 2); its metadata hold its
        preprocessing.
    side : int
        Of the input, in pixels.
    n_bands : int
        M.
    norm : Norm
        Of the partition in which its answer is known; spacing is uniform.
    shapley : callable
        (n, 3, side, side) images in 0..1 to (n, M) float64 Shapley values of the margin of class 0.
    pair : (int, int) or None
        The two bands whose product it is; their interaction is twice the Shapley value of either.
    """

    name: str
    model: onnx.ModelProto
    side: int
    n_bands: int
    norm: Norm
    shapley: Callable[[FloatMatrix], FloatMatrix]
    pair: tuple[int, int] | None = None

    @property
    def direction(self) -> FloatMatrix:
        """What a linear classifier projects on, (3, side, side), read from its file."""
        [weights] = (
            numpy_helper.to_array(one)
            for one in self.model.graph.initializer
            if one.name == "direction"
        )
        shape = (N_CHANNELS, self.side, self.side)
        direction: FloatMatrix = weights[:, 0].reshape(shape).astype(np.float64)
        return direction

    def save(self, path: Path) -> None:
        """Write the model file."""
        onnx.save(self.model, str(path))


def one_band_classifier(band: int, *, norm: Norm = Norm.LINF) -> SyntheticClassifier:
    """Return a classifier that projects on a direction in one band: all of phi lies there."""
    weights = np.zeros(N_BANDS)
    weights[band] = 1.0
    return _linear(f"band {band} only, {norm}", weights, norm)


def weighted_bands_classifier(weights: Sequence[float]) -> SyntheticClassifier:
    """Return a classifier that weighs projections on every band: phi has that proportion."""
    listed = ", ".join(f"{weight:g}" for weight in weights)
    return _linear(f"bands weighted {listed}", np.asarray(weights), Norm.LINF)


def product_classifier(first: int, second: int) -> SyntheticClassifier:
    """Return a classifier of the product of two bands' projections.

    Its game is a multiple of the unanimity game on the two: each has half of the product, and their
    interaction is the product.
    """
    directions = _directions(SIDE, Norm.LINF)[[first, second]]

    def shapley(images: FloatMatrix) -> FloatMatrix:
        projections = _project(images, directions)
        phi = np.zeros((len(images), N_BANDS))
        phi[:, [first, second]] = projections.prod(axis=1, keepdims=True) / 2
        return phi

    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "directions"], ["projections"]),
        helper.make_node("ReduceProd", ["projections"], ["product"], axes=[1], keepdims=1),
        helper.make_node("MatMul", ["product", "first_class"], ["scores"]),
    ]
    constants = {
        "directions": directions.reshape(2, -1).T,
        "first_class": np.array([[1.0, 0.0]]),
    }
    return SyntheticClassifier(
        name=f"product of bands {first} and {second}",
        pair=(first, second),
        model=_model(nodes, constants, SIDE),
        side=SIDE,
        n_bands=N_BANDS,
        norm=Norm.LINF,
        shapley=shapley,
    )


def energy_classifier(band: int) -> SyntheticClassifier:
    """Return a classifier of the energy of one band: all of phi lies there."""
    side = SMALL_SIDE
    partition = make_partition(
        height=side, width=side, n_bands=N_BANDS, norm=Norm.LINF, spacing=Spacing.UNIFORM
    )
    units = np.eye(side * side, dtype=np.float32).reshape(side * side, side, side)
    projector = decompose(units, partition)[band].reshape(side * side, side * side)

    def shapley(images: FloatMatrix) -> FloatMatrix:
        flat = images.reshape(len(images), N_CHANNELS, -1)
        phi = np.zeros((len(images), N_BANDS))
        phi[:, band] = np.square(flat @ projector.astype(np.float64)).sum(axis=(1, 2))
        return phi

    nodes = [
        helper.make_node("Reshape", ["image", "pixels"], ["flat"]),
        helper.make_node("MatMul", ["flat", "projector"], ["part"]),
        helper.make_node("Mul", ["part", "part"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "first_class"], ["scores"]),
    ]
    constants = {
        "pixels": np.array([0, N_CHANNELS, side * side], dtype=np.int64),
        "projector": projector,
        "one": np.array([1], dtype=np.int64),
        "first_class": np.array([[N_CHANNELS * side * side, 0.0]]),
    }
    return SyntheticClassifier(
        name=f"energy of band {band}",
        model=_model(nodes, constants, side),
        side=side,
        n_bands=N_BANDS,
        norm=Norm.LINF,
        shapley=shapley,
    )


def synthetic_classifiers() -> tuple[SyntheticClassifier, ...]:
    """Return the classifiers of the self-check."""
    return (
        one_band_classifier(2),
        one_band_classifier(1, norm=Norm.L2),
        weighted_bands_classifier([4.0, -2.0, 1.0, 0.5]),
        product_classifier(0, 2),
        energy_classifier(1),
    )


def _linear(name: str, weights: FloatMatrix, norm: Norm) -> SyntheticClassifier:
    directions = weights.astype(np.float32)[:, None, None, None] * _directions(SIDE, norm)

    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "direction"], ["scores"]),
    ]
    direction = directions.sum(axis=0).reshape(-1, 1)
    constants = {"direction": np.hstack([direction, np.zeros_like(direction)])}
    return SyntheticClassifier(
        name=name,
        model=_model(nodes, constants, SIDE),
        side=SIDE,
        n_bands=N_BANDS,
        norm=norm,
        shapley=lambda images: _project(images, directions),
    )


def _directions(side: int, norm: Norm) -> BandImages:
    """Return one image of unit norm in each band, (M, 3, side, side), always the same."""
    noise = np.random.default_rng(0).standard_normal((N_CHANNELS, side, side))
    # A bright direction in band 0: photographs always have something to project on it.
    image = (noise + 1).astype(np.float32)
    partition = make_partition(
        height=side, width=side, n_bands=N_BANDS, norm=norm, spacing=Spacing.UNIFORM
    )
    bands = decompose(image, partition)
    norms = np.sqrt(np.square(bands).sum(axis=(1, 2, 3), keepdims=True))
    unit: BandImages = bands / norms
    return unit


def _project(images: FloatMatrix, directions: BandImages) -> FloatMatrix:
    """Return the inner products of images and directions, (n, M) float64."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    projections: FloatMatrix = flat @ directions.reshape(len(directions), -1).astype(np.float64).T
    return projections


def _model(
    nodes: list[onnx.NodeProto], constants: dict[str, FloatMatrix], side: int
) -> onnx.ModelProto:
    """Assemble a model; float constants become float32."""
    initializers = [
        numpy_helper.from_array(
            np.ascontiguousarray(array if array.dtype == np.int64 else array.astype(np.float32)),
            name,
        )
        for name, array in constants.items()
    ]
    shape = ["N", N_CHANNELS, side, side]
    graph = helper.make_graph(
        nodes,
        "synthetic",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])],
        initializers,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model)
    preprocessing = Preprocessing(resize=0, crop=side)
    helper.set_model_props(model, {METADATA_KEY: to_toml(preprocessing)})
    return model
