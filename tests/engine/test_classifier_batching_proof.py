"""A rewrite that mixes images, or cannot be compared, is never proven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import batching_networks as networks
import numpy as np
import pytest
from batching_models import (
    CHANNELS,
    N_CLASSES,
    SHAPE,
    Drawing,
    freed,
    fresh_images,
    one_by_one,
    proof_of,
    runner,
)
from batching_networks import TOKENS, WIDTH
from hypothesis import given, settings
from hypothesis import strategies as st

from iaside_audit.classifier.batching import prove

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx
    from numpy.typing import NDArray

    from iaside_audit.classifier.batching import BatchProof


def softmax_over_images(drawing: Drawing) -> str:
    """Draw a gate that at batch 1 is one."""
    scores = networks.reshaped(drawing)
    return drawing.add("Mul", scores, drawing.add("Softmax", scores, axis=0))


def mean_of_images(drawing: Drawing) -> str:
    """Draw scores to which the mean over the images is added."""
    scores = networks.reshaped(drawing)
    return drawing.add("Add", scores, drawing.add("ReduceMean", scores, axes=[0], keepdims=1))


def running_sum(drawing: Drawing) -> str:
    """Draw a sum that runs over the images."""
    return drawing.add("CumSum", networks.reshaped(drawing), drawing.constant(0))


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
    rows = drawing.reshape(networks.tokens(drawing), -1, WIDTH)
    weighed = drawing.add("Mul", rows, drawing.add("Softmax", rows, axis=0))
    back = drawing.reshape(weighed, drawing.batch, TOKENS * WIDTH)
    return drawing.linear(back, TOKENS * WIDTH, N_CLASSES)


def attention_among_images(drawing: Drawing) -> str:
    """Draw attention over the wrong axis: at batch 1 each token sees itself."""
    turned = drawing.add("Transpose", networks.tokens(drawing), perm=[1, 0, 2])
    keys = drawing.add("Transpose", turned, perm=[0, 2, 1])
    products = drawing.add("Softmax", drawing.add("MatMul", turned, keys), axis=-1)
    mixed = drawing.add("MatMul", products, turned)
    return networks.first_token(drawing, drawing.add("Transpose", mixed, perm=[1, 0, 2]))


def flipped_batch(drawing: Drawing) -> str:
    """Draw a Slice that turns the order of the images."""
    bounds = [drawing.constant([one]) for one in (-1, -(2**31), 0, -1)]
    return drawing.add("Slice", networks.reshaped(drawing), *bounds)


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
    "NaN": lambda images: scores_of(images) * [np.nan, 1, 1, 1, 1],
    "infinity": lambda images: scores_of(images) * [1, np.inf, 1, 1, 1],
    "no array": lambda _: None,
}


@pytest.mark.parametrize("name", WRONG)
def test_prove_does_not_hold_where_nothing_can_be_compared(name: str) -> None:
    """A failure, another shape or another pattern of NaN and infinity are no proof."""
    for proof in (proof_for(WRONG[name]), proof_for(scores_of, WRONG[name], fixed_batch=2)):
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
