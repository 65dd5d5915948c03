"""A fixed batch is freed where that is possible, and a rewrite that mixes images is never used."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import batching_models as models
import numpy as np
import onnx
import pytest
from batching_models import CHANNELS, N_CLASSES, SIDE, TOKENS, WIDTH, Drawing, one_by_one, runner
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from shared_material import shared

from iaside_audit.classifier.batching import free_batch, prove
from iaside_audit.classifier.graph import describe_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from iaside_audit.classifier.batching import BatchProof

SHAPE = (CHANNELS, SIDE, SIDE)
HALF_TOLERANCE = 8 * float(np.finfo(np.float16).eps)


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


class Case(NamedTuple):
    """A network that can be freed, at one opset."""

    draw: Callable[[Drawing], str]
    opset: int = 17


CASES = {
    "flatten": Case(models.flattened),
    "flatten, opset 7": Case(models.flattened, 7),
    "flatten, opset 22": Case(models.flattened, 22),
    "reshape": Case(models.reshaped),
    "reshape, opset 7": Case(models.reshaped, 7),
    "reshape without zeros": Case(models.explicitly_reshaped),
    "shared shape": Case(models.shares_a_shape),
    "computed shape": Case(models.computes_its_shape),
    "computed width": Case(models.multiplies_its_shape),
    "squeeze": Case(models.squeezed),
    "squeeze, opset 11": Case(models.squeezed, 11),
    "squeeze of nothing": Case(models.squeezed_of_nothing),
    "slice": Case(models.sliced),
    "slice, opset 9": Case(models.sliced, 9),
    "resize": Case(models.resized),
    "resize, opset 11": Case(models.resized, 13),
    "resize by axes": Case(models.resized_by_axes, 18),
    "groups": Case(models.normalised_by_groups),
    "expanded images": Case(models.expands_the_images),
    "class token": Case(models.vision_transformer),
    "class token, opset 7": Case(models.vision_transformer, 7),
    "class token, opset 12": Case(models.vision_transformer, 12),
    "expanded token": Case(partial(models.vision_transformer, class_row="Expand")),
    "tiled token": Case(partial(models.vision_transformer, class_row="Tile")),
    "token of zeros": Case(partial(models.vision_transformer, class_row="ConstantOfShape")),
    "heads in the batch": Case(partial(models.vision_transformer, is_merged=True)),
    "tokens before the batch": Case(models.tokens_first),
    "windows": Case(models.windows),
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
    model = onnx.shape_inference.infer_shapes(drawing.model(models.reshaped(drawing)))
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
    free = freed(drawing.model(models.reshaped(drawing)))
    assert free is not None
    graph = describe_graph(free, Path("free.onnx"))
    assert graph.input_shape == ("batch_size", CHANNELS, "N", "W")


@pytest.mark.parametrize("draw", [models.reshaped, models.flattened, models.computes_its_shape])
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
    model = drawing.model(models.vision_transformer(drawing), lists_constants=True)
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
    model = drawing.model(models.vision_transformer(drawing, class_row="Expand"))
    free = freed(model)
    assert free is not None
    assert proof_of(model, free, tolerance=HALF_TOLERANCE).holds


def test_free_batch_goes_past_an_operator_unknown_to_onnx() -> None:
    """Behind ONNX Runtime's own operators the batch is assumed first, and that is proven."""
    drawing = Drawing()
    model = drawing.model(models.behind_an_unknown_operator(drawing), domains=[models.CONTRIBUTED])
    free = freed(model)
    assert free is not None
    assert proof_of(model, free).holds


def test_free_batch_inlines_functions() -> None:
    """A shape that is baked into a function of the model is found."""
    drawing = Drawing()
    rows = drawing.add("Flat", models.pooled(drawing), domain="local")
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
        drawing.model(models.vision_transformer(drawing)),
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


def per_image_constant(drawing: Drawing) -> str:
    """Draw scores that depend on the place in the batch."""
    return drawing.add("Add", models.reshaped(drawing), drawing.weights(4, N_CLASSES))


def without_a_batch(drawing: Drawing) -> str:
    """Draw images that are averaged."""
    return drawing.add("ReduceMean", models.reshaped(drawing), axes=[0], keepdims=1)


def first_image(drawing: Drawing) -> str:
    """Draw scores of the first image, which is picked by its number."""
    picked = drawing.add("Gather", models.reshaped(drawing), drawing.constant(0), axis=0)
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
    turned = drawing.add("Transpose", models.tokens(drawing), perm=[1, 0, 2])
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
    assert freed(drawing.model(models.flattened(drawing))) is None


def test_free_batch_gives_none_for_a_broken_graph() -> None:
    """A constant that lacks its data is no error here; ONNX Runtime will name it."""
    drawing = Drawing()
    model = drawing.model(models.reshaped(drawing))
    model.graph.initializer[-1].ClearField("raw_data")
    assert freed(model) is None


def softmax_over_images(drawing: Drawing) -> str:
    """Draw a gate that at batch 1 is one."""
    scores = models.reshaped(drawing)
    return drawing.add("Mul", scores, drawing.add("Softmax", scores, axis=0))


def mean_of_images(drawing: Drawing) -> str:
    """Draw scores to which the mean over the images is added."""
    scores = models.reshaped(drawing)
    return drawing.add("Add", scores, drawing.add("ReduceMean", scores, axes=[0], keepdims=1))


def running_sum(drawing: Drawing) -> str:
    """Draw a sum that runs over the images."""
    return drawing.add("CumSum", models.reshaped(drawing), drawing.constant(0))


def batch_statistics(drawing: Drawing) -> str:
    """Draw a normalisation by the moments of the batch, as in training."""
    maps = drawing.convolution("image", CHANNELS, WIDTH, 3)
    axes = [0, 2, 3]
    centred = drawing.add("Sub", maps, drawing.add("ReduceMean", maps, axes=axes, keepdims=1))
    length = drawing.add("ReduceL2", centred, axes=axes, keepdims=1)
    peaks = drawing.add("GlobalMaxPool", drawing.add("Div", centred, length))
    return drawing.linear(drawing.reshape(peaks, drawing.batch, -1), WIDTH, N_CLASSES)


def tokens_as_rows(drawing: Drawing) -> str:
    """Draw a softmax over the tokens of a merged axis, which a free batch joins."""
    rows = drawing.reshape(models.tokens(drawing), -1, WIDTH)
    weighed = drawing.add("Mul", rows, drawing.add("Softmax", rows, axis=0))
    back = drawing.reshape(weighed, drawing.batch, TOKENS * WIDTH)
    return drawing.linear(back, TOKENS * WIDTH, N_CLASSES)


def attention_among_images(drawing: Drawing) -> str:
    """Draw attention over the wrong axis: at batch 1 each token sees itself."""
    turned = drawing.add("Transpose", models.tokens(drawing), perm=[1, 0, 2])
    keys = drawing.add("Transpose", turned, perm=[0, 2, 1])
    products = drawing.add("Softmax", drawing.add("MatMul", turned, keys), axis=-1)
    mixed = drawing.add("MatMul", products, turned)
    return models.first_token(drawing, drawing.add("Transpose", mixed, perm=[1, 0, 2]))


def flipped_batch(drawing: Drawing) -> str:
    """Draw a Slice that turns the order of the images."""
    bounds = [drawing.constant([one]) for one in (-1, -(2**31), 0, -1)]
    return drawing.add("Slice", models.reshaped(drawing), *bounds)


MIXERS = [
    softmax_over_images,
    mean_of_images,
    running_sum,
    batch_statistics,
    tokens_as_rows,
    attention_among_images,
    flipped_batch,
]


@pytest.mark.parametrize("draw", MIXERS, ids=lambda draw: draw.__name__)
def test_prove_catches_a_rewrite_that_mixes_images(draw: Callable[[Drawing], str]) -> None:
    """A model that runs at any batch, but in which images see each other, is not proven."""
    drawing = Drawing()
    model = drawing.model(draw(drawing))
    free = freed(model)
    assert free is not None
    proof = proof_of(model, free)
    assert not proof.holds
    assert 1e-3 < proof.largest_difference < np.inf


def test_prove_catches_a_fixed_model_that_mixes_images() -> None:
    """An original whose images already see each other cannot be replaced."""
    drawing = Drawing(4)
    model = drawing.model(mean_of_images(drawing))
    free = freed(model)
    assert free is not None
    assert not proof_of(model, free).holds


def scores_of(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score each image by five of its pixels."""
    return images.reshape(len(images), -1)[:, :N_CLASSES].copy()


def proof_for(run_free: Any, run_fixed: Any = scores_of, **options: Any) -> BatchProof:
    """Prove that two functions agree."""
    return prove(run_fixed, run_free, **{"fixed_batch": 1, "input_shape": SHAPE, **options})


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_prove_holds_for_the_same_function(batch: int) -> None:
    """A function agrees with itself at every batch, with no difference."""
    proof = proof_for(scores_of, fixed_batch=batch, n_images=6)
    assert proof.holds
    assert proof.largest_difference == 0
    assert proof.n_images == 6


def raises(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fail for more than one image."""
    if len(images) > 1:
        raise RuntimeError("no such batch")
    return scores_of(images)


WRONG = {
    "an exception": raises,
    "one row": lambda images: scores_of(images)[:1],
    "a further axis": lambda images: scores_of(images)[:, :, None],
    "fewer classes": lambda images: scores_of(images)[:, 1:],
    "NaN": lambda images: np.where(images[:, :1, 0, :5].sum() > 0, np.nan, scores_of(images)),
    "infinity": lambda images: scores_of(images) / (images[:, 0, 0, :1] * 0),
    "no array": lambda _: None,
}


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize("name", WRONG)
def test_prove_does_not_hold_where_nothing_can_be_compared(name: str) -> None:
    """A failure, another shape or another pattern of NaN and infinity are no proof."""
    proof = proof_for(WRONG[name])
    assert not proof.holds
    assert proof.largest_difference == np.inf


def test_prove_compares_nan_as_equal() -> None:
    """An image for which both models give NaN does not spoil the proof of the others."""

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        scores = scores_of(images)
        scores[np.abs(images).max(axis=(1, 2, 3)) > 100] = np.nan
        return scores

    assert np.isnan(run(np.full((1, *SHAPE), 101, np.float32))).all()
    assert proof_for(run, run).holds


@pytest.mark.parametrize("run", [lambda images: scores_of(images) * 0, lambda x: scores_of(x) ** 0])
def test_prove_does_not_hold_for_images_that_cannot_be_told_apart(run: Any) -> None:
    """Equal scores of all images prove nothing about their mixing."""
    proof = proof_for(run, run)
    assert not proof.holds
    assert proof.largest_difference == 0


def test_prove_uses_every_place_of_the_fixed_batch() -> None:
    """A model whose answer depends on the place in the batch is not proven."""

    def run_fixed(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return scores_of(images) * np.array([[1], [1], [2]], np.float32)

    assert not proof_for(scores_of, run_fixed, fixed_batch=3).holds


@given(st.floats(1e-6, 1e-2), st.floats(1e-6, 1e-2))
def test_prove_measures_relative_to_each_image(error: float, tolerance: float) -> None:
    """The difference is relative to an image's largest score, and must not exceed the tolerance."""

    def run_free(images: NDArray[np.float32]) -> NDArray[np.float64]:
        return scores_of(images).astype(np.float64) * (1 + error)

    proof = proof_for(run_free, tolerance=tolerance)
    assert proof.largest_difference == pytest.approx(error)
    assert proof.holds == (proof.largest_difference <= tolerance)


class Stack:
    """A random stack of operators; it knows the shape, and whether images were mixed."""

    def __init__(self, batch: int) -> None:
        self.drawing = Drawing(batch)
        self.shape = [batch, CHANNELS, 4, 2]
        self.name = self.drawing.add("AveragePool", "image", kernel_shape=[2, 4], strides=[2, 4])
        self.mixes = False

    def gate(self, axis: int) -> None:
        """Multiply by a softmax along an axis."""
        gate = self.drawing.add("Softmax", self.name, axis=axis)
        self.name = self.drawing.add("Mul", self.name, gate)
        self.mixes |= axis == 0

    def centre(self, axis: int) -> None:
        """Add half of the mean along an axis."""
        mean = self.drawing.add("ReduceMean", self.name, axes=[axis], keepdims=1)
        half = self.drawing.add("Mul", mean, self.drawing.constant(0.5))
        self.name = self.drawing.add("Add", self.name, half)
        self.mixes |= axis == 0

    def merge(self, axis: int) -> None:
        """Merge two axes, take a softmax of the last one, and split them again."""
        axis = min(axis, 2)
        merged = [*self.shape]
        merged[axis : axis + 2] = [merged[axis] * merged[axis + 1]]
        rows = self.drawing.reshape(self.name, *merged)
        gate = self.drawing.add("Softmax", rows, axis=-1)
        self.name = self.drawing.reshape(self.drawing.add("Mul", rows, gate), *self.shape)

    def turn(self, axis: int) -> None:
        """Bring an axis to the front, merge it with the next, and turn everything back."""
        order = [axis, *(one for one in range(4) if one != axis)]
        turned = [self.shape[one] for one in order]
        name = self.drawing.add("Transpose", self.name, perm=order)
        flat = self.drawing.reshape(name, turned[0] * turned[1], -1)
        back = self.drawing.reshape(self.drawing.add("Relu", flat), *turned)
        self.name = self.drawing.add("Transpose", back, perm=np.argsort(order).tolist())

    def shift(self, axis: int) -> None:
        """Add a constant that was folded for the whole batch, with one row along an axis."""
        shape = [1, *self.shape[1:]]
        shape[axis] = 1
        row = np.random.default_rng(axis).standard_normal(shape)
        constant = self.drawing.constant(np.repeat(row, self.shape[0], axis=0))
        self.name = self.drawing.add("Add", self.name, constant)

    def lengthen(self, axis: int) -> None:
        """Join a folded constant along an axis other than the batch."""
        axis = max(axis, 1)
        shape = [1, *self.shape[1:]]
        shape[axis] = 1
        row = np.random.default_rng(axis).standard_normal(shape)
        constant = self.drawing.constant(np.repeat(row, self.shape[0], axis=0))
        self.name = self.drawing.add("Concat", self.name, constant, axis=axis)
        self.shape[axis] += 1

    def model(self) -> onnx.ModelProto:
        """Return the stack with a linear head."""
        n_features = int(np.prod(self.shape[1:]))
        rows = self.drawing.reshape(self.name, self.shape[0], -1)
        return self.drawing.model(self.drawing.linear(rows, n_features, N_CLASSES))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["gate", "centre", "merge", "turn", "shift", "lengthen"]),
        st.integers(0, 3),
    ),
    max_size=6,
)


@given(st.sampled_from([1, 2, 4]), STEPS)
@settings(max_examples=80)
def test_free_batch_of_random_stacks(batch: int, steps: list[tuple[str, int]]) -> None:
    """What is proven is right on new images; what mixes no images is freed and proven."""
    stack = Stack(batch)
    for step, axis in steps:
        getattr(stack, step)(axis)
    model = stack.model()
    free = freed(model)
    holds = free is not None and proof_of(model, free).holds
    assert holds == (not stack.mixes)
    if free is not None and holds:
        images = fresh_images(7)
        expected = one_by_one(runner(model), images, batch)
        np.testing.assert_allclose(runner(free)(images), expected, rtol=1e-4, atol=1e-4)


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
    model = models.fix_batch(published, batch)
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
