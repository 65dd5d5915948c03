"""A fixed batch is freed where that is possible, and left alone where it is not."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import batching_networks as networks
import numpy as np
import onnx
import pytest
from batching_models import (
    CHANNELS,
    N_CLASSES,
    SHAPE,
    SIDE,
    Drawing,
    fix_batch,
    freed,
    fresh_images,
    one_by_one,
    proof_of,
    runner,
)
from batching_networks import CONTRIBUTED, TOKENS, WIDTH
from onnx import TensorProto, helper
from shared_material import shared

from iaside_audit.classifier.graph import describe_graph

if TYPE_CHECKING:
    from collections.abc import Callable

HALF_TOLERANCE = 8 * float(np.finfo(np.float16).eps)


class Case(NamedTuple):
    """A network that can be freed, at one opset."""

    draw: Callable[[Drawing], str]
    opset: int = 17


CASES = {
    "flatten": Case(networks.flattened),
    "flatten, opset 7": Case(networks.flattened, 7),
    "flatten, opset 22": Case(networks.flattened, 22),
    "reshape": Case(networks.reshaped),
    "reshape, opset 7": Case(networks.reshaped, 7),
    "reshape without zeros": Case(networks.explicitly_reshaped),
    "shared shape": Case(networks.shares_a_shape),
    "computed shape": Case(networks.computes_its_shape),
    "computed width": Case(networks.multiplies_its_shape),
    "squeeze": Case(networks.squeezed),
    "squeeze, opset 11": Case(networks.squeezed, 11),
    "squeeze of nothing": Case(networks.squeezed_of_nothing),
    "slice": Case(networks.sliced),
    "slice, opset 9": Case(networks.sliced, 9),
    "resize": Case(networks.resized),
    "resize, opset 13": Case(networks.resized, 13),
    "resize by axes": Case(networks.resized_by_axes, 18),
    "groups": Case(networks.normalised_by_groups),
    "expanded images": Case(networks.expands_the_images),
    "class token": Case(networks.vision_transformer),
    "class token, opset 7": Case(networks.vision_transformer, 7),
    "class token, opset 12": Case(networks.vision_transformer, 12),
    "expanded token": Case(partial(networks.vision_transformer, class_row="Expand")),
    "tiled token": Case(partial(networks.vision_transformer, class_row="Tile")),
    "token of zeros": Case(partial(networks.vision_transformer, class_row="ConstantOfShape")),
    "heads in the batch": Case(partial(networks.vision_transformer, is_merged=True)),
    "tokens before the batch": Case(networks.tokens_first),
    "behind a branch": Case(networks.behind_a_branch),
    "windows": Case(networks.windows),
    "strided view": Case(networks.strided),
    "rows that are no images": Case(networks.four_heads),
}


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("as_nodes", [False, True], ids=["initializers", "constant nodes"])
@pytest.mark.parametrize("name", CASES)
def test_free_batch_equals_single_images(name: str, as_nodes: bool, batch: int) -> None:  # noqa: FBT001 - a parameter
    """A freed model scores images together as the fixed one does alone, and is proven."""
    case = CASES[name]
    drawing = Drawing(batch, opset=case.opset, as_nodes=as_nodes)
    model = drawing.model(case.draw(drawing))
    free = freed(model)
    assert free is not None
    images = fresh_images(7)
    expected = one_by_one(runner(model), images, batch)
    np.testing.assert_allclose(runner(free)(images), expected, rtol=1e-5, atol=1e-5)
    assert proof_of(model, free).holds


def test_free_batch_declares_the_name_and_leaves_the_original() -> None:
    """Input and output say N, inferred shapes are gone, the original stays as it was."""
    drawing = Drawing()
    model = onnx.shape_inference.infer_shapes(drawing.model(networks.reshaped(drawing)))
    before = model.SerializeToString(deterministic=True)
    free = freed(model)
    assert free is not None
    assert model.SerializeToString(deterministic=True) == before
    assert model.graph.value_info
    assert not free.graph.value_info
    graph = describe_graph(free, Path("free.onnx"))
    assert graph.batch is None
    assert graph.input_shape == ("N", *SHAPE)
    assert graph.output_shape == ("N", N_CLASSES)
    n_stored = len(model.graph.initializer)
    assert list(free.graph.initializer[:n_stored]) == list(model.graph.initializer)
    onnx.checker.check_model(free, full_check=True)


def test_free_batch_does_not_share_the_name_of_another_axis() -> None:
    """A free height that is called N keeps its name for itself."""
    drawing = Drawing()
    drawing.shape[2:] = ["N", "W"]
    free = freed(drawing.model(networks.reshaped(drawing)))
    assert free is not None
    graph = describe_graph(free, Path("free.onnx"))
    assert graph.input_shape == ("batch_size", CHANNELS, "N", "W")


@pytest.mark.parametrize(
    "draw", [networks.reshaped, networks.flattened, networks.computes_its_shape]
)
def test_free_batch_of_a_free_size(draw: Callable[[Drawing], str]) -> None:
    """Where height and width are free as well, the pooled network is freed and proven."""
    drawing = Drawing()
    drawing.shape[2:] = ["H", "W"]
    model = drawing.model(draw(drawing))
    free = freed(model)
    assert free is not None
    assert proof_of(model, free, input_shape=(CHANNELS, 5, 9)).holds


def test_free_batch_of_a_model_that_lists_its_weights_as_inputs() -> None:
    """Initializers that could be overridden keep their shape; the image alone gets the batch."""
    drawing = Drawing(opset=7)
    model = drawing.model(networks.vision_transformer(drawing), lists_constants=True)
    free = freed(model)
    assert free is not None
    onnx.checker.check_model(free)
    free_names = [
        value.name
        for value in free.graph.input
        if value.type.tensor_type.shape.dim[:1] and value.type.tensor_type.shape.dim[0].dim_param
    ]
    assert free_names == ["image"]
    assert proof_of(model, free).holds


@pytest.mark.parametrize("batch", [1, 4])
def test_free_batch_of_float16(batch: int) -> None:
    """A float16 transformer is freed, and proven within the roundings of its type."""
    drawing = Drawing(batch, half=True)
    model = drawing.model(networks.vision_transformer(drawing, class_row="Expand"))
    free = freed(model)
    assert free is not None
    assert proof_of(model, free, tolerance=HALF_TOLERANCE).holds


def test_free_batch_goes_past_an_operator_unknown_to_onnx() -> None:
    """Behind ONNX Runtime's own operators the batch is assumed first, and that is proven."""
    drawing = Drawing()
    model = drawing.model(networks.behind_an_unknown_operator(drawing), domains=[CONTRIBUTED])
    free = freed(model)
    assert free is not None
    assert proof_of(model, free).holds


def test_free_batch_inlines_functions() -> None:
    """A shape that is baked into a function of the model is found."""
    drawing = Drawing()
    rows = drawing.add("Flat", networks.pooled(drawing), domain="local")
    model = drawing.model(drawing.linear(rows, WIDTH, N_CLASSES), domains=["local"])
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[1, -1]),
        helper.make_node("Reshape", ["maps", "shape"], ["rows"]),
    ]
    imports = [helper.make_opsetid("", 17)]
    model.functions.append(
        helper.make_function("local", "Flat", ["maps"], ["rows"], nodes, imports)
    )
    free = freed(model)
    assert free is not None
    assert proof_of(model, free).holds


def test_free_batch_keeps_external_data_as_references(tmp_path: Path) -> None:
    """Weights outside the file are not read: the freed model refers to the same place."""
    drawing = Drawing()
    path = tmp_path / "model.onnx"
    onnx.save(
        drawing.model(networks.vision_transformer(drawing)),
        str(path),
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=100,
    )
    whole, model = onnx.load(str(path)), onnx.load(str(path), load_external_data=False)
    (tmp_path / "weights.bin").unlink()
    free = freed(model)
    assert free is not None
    outside = [one for one in free.graph.initializer if one.data_location == TensorProto.EXTERNAL]
    assert len(outside) > 3
    stored = {tensor.name: tensor for tensor in whole.graph.initializer}
    for tensor in outside:
        tensor.CopyFrom(stored[tensor.name])
    assert proof_of(whole, free).holds


def test_free_batch_is_not_proven_where_the_shapes_are_outside_the_file(tmp_path: Path) -> None:
    """A baked-in shape that was not read stays, and the proof says so."""
    drawing = Drawing()
    whole = drawing.model(networks.reshaped(drawing))
    path = tmp_path / "model.onnx"
    onnx.save(
        onnx.ModelProto.FromString(whole.SerializeToString()),
        str(path),
        save_as_external_data=True,
        size_threshold=0,
    )
    free = freed(onnx.load(str(path), load_external_data=False))
    assert free is not None
    onnx.load_external_data_for_model(free, str(tmp_path))
    assert not proof_of(whole, free).holds


def per_image_constant(drawing: Drawing) -> str:
    """Draw scores that depend on the place in the batch."""
    return drawing.add("Add", networks.reshaped(drawing), drawing.weights(4, N_CLASSES))


def without_a_batch(drawing: Drawing) -> str:
    """Draw images that are averaged."""
    return drawing.add("ReduceMean", networks.reshaped(drawing), axes=[0], keepdims=1)


def first_image(drawing: Drawing) -> str:
    """Draw scores of the first image, which is picked by its number."""
    picked = drawing.add("Gather", networks.reshaped(drawing), drawing.constant(0), axis=0)
    return drawing.add("Unsqueeze", picked, drawing.constant([0]))


def images_as_channels(drawing: Drawing) -> str:
    """Draw a convolution whose channels are the pixels' own, the batch included."""
    merged = drawing.reshape("image", 1, drawing.batch * CHANNELS, SIDE, SIDE)
    weights = drawing.weights(WIDTH, drawing.batch * CHANNELS, 1, 1)
    pooled = drawing.add("GlobalAveragePool", drawing.add("Conv", merged, weights))
    rows = drawing.linear(drawing.reshape(pooled, 1, WIDTH), WIDTH, N_CLASSES)
    return drawing.add("Expand", rows, drawing.constant([drawing.batch, N_CLASSES]))


def rows_of_another_order(drawing: Drawing) -> str:
    """Draw a constant for each token and image, tokens before images."""
    turned = drawing.add("Transpose", networks.tokens(drawing), perm=[1, 0, 2])
    rows = drawing.reshape(turned, TOKENS * drawing.batch, WIDTH)
    added = drawing.add("Add", rows, drawing.weights(TOKENS * drawing.batch, WIDTH))
    back = drawing.reshape(added, TOKENS, drawing.batch, WIDTH)
    mean = drawing.add("ReduceMean", back, axes=[0], keepdims=0)
    return drawing.linear(mean, WIDTH, N_CLASSES)


@pytest.mark.parametrize(
    ("draw", "batch"),
    [
        (per_image_constant, 4),
        (without_a_batch, 1),
        (first_image, 1),
        (images_as_channels, 4),
        (rows_of_another_order, 1),
    ],
)
def test_free_batch_gives_none_where_shapes_cannot_fit(
    draw: Callable[[Drawing], str], batch: int
) -> None:
    """A graph that is tied to its batch in a way that no rule knows is left alone."""
    drawing = Drawing(batch)
    assert freed(drawing.model(draw(drawing))) is None


def test_free_batch_gives_none_for_a_free_batch() -> None:
    """There is nothing to do where the batch is free."""
    drawing = Drawing()
    drawing.shape[0] = "N"
    assert freed(drawing.model(networks.flattened(drawing))) is None


def test_free_batch_gives_none_for_a_broken_graph() -> None:
    """A constant that lacks its data is no error here; ONNX Runtime will name it."""
    drawing = Drawing()
    model = drawing.model(networks.reshaped(drawing))
    model.graph.initializer[-1].ClearField("raw_data")
    assert freed(model) is None


ZOO = {
    "tinytrain_mbv2_w035_128": (3, 128, 128),
    "mobilenet_v1_025_128_qat": (128, 128, 3),
}


@pytest.mark.shared
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", ZOO)
def test_free_batch_undoes_the_batch_of_a_real_model(name: str, batch: int) -> None:
    """A real model whose batch was baked in scores as the published one does, at any batch."""
    published = onnx.load(str(shared(f"zoo/models/{name}.onnx")))
    model = fix_batch(published, batch)
    free = freed(model)
    assert free is not None
    assert proof_of(model, free, input_shape=ZOO[name], n_images=3).holds
    images = fresh_images(5, ZOO[name])
    np.testing.assert_allclose(
        runner(free)(images), runner(published)(images), rtol=1e-5, atol=1e-5
    )


@pytest.mark.shared
def test_free_batch_of_an_old_float16_model() -> None:
    """A float16 model of opset 7, with weights among its inputs and a (1, 1000, 1, 1) output."""
    model = onnx.load(str(shared("hard/squeezenet11_float16_batch1.onnx")))
    free = freed(model)
    assert free is not None
    assert describe_graph(free, Path("free.onnx")).output_shape == ("N", 1000, 1, 1)
    assert proof_of(
        model, free, input_shape=(3, 224, 224), n_images=3, tolerance=HALF_TOLERANCE
    ).holds
