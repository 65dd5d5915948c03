"""A model with a fixed batch, rewritten to take any, and the proof that it is the same model.

A wrong rewrite can run and mix the images of a batch, so nothing that :func:`free_batch` returns
may be used before :func:`prove` has held on it. Where either fails, the audit runs the model as it
is, at its own batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import onnx
from onnx import helper
from onnx.inliner import inline_local_functions

from iaside_audit.classifier.batch_rules import RULES
from iaside_audit.classifier.batch_walk import Walk
from iaside_audit.classifier.batch_worlds import BatchAxis, standard_domain

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from iaside_audit.classifier.description import GraphDescription

    Run: TypeAlias = Callable[[NDArray[np.float32]], NDArray[Any]]  # Any: float16 or float32

BATCH_NAMES: Final = ("N", "batch_size")
"""Name of the free dimension; the second where the first is taken, say by a free height."""
LEAST_IR_OF_PLAIN_CONSTANTS: Final = 4
"""Before this version of the format, every initializer is an input too."""
TELLING: Final = 10
"""Two runs of one image must agree as many times better than two images do."""
ROUNDINGS: Final = 64
"""Images must differ by as many roundings of the scores' type, or agreement says nothing."""
LEAST_SCALE: Final = 0.5
LARGEST_SCALE: Final = 64.0
"""Standard deviations of the inputs: models take pixels standardised, or of 0 to 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProof:
    """Whether a rewritten model scores each image as the original does.

    Parameters
    ----------
    holds : bool
        Whether it may be used.
    largest_difference : float
        Between two scores of one image, relative to that image's largest absolute score; infinity
        where a run failed, or shapes or NaN differ.
    n_images : int
        Different inputs that were compared.
    """

    holds: bool
    largest_difference: float
    n_images: int


def free_batch(model: onnx.ModelProto, graph: GraphDescription) -> onnx.ModelProto | None:
    """Return a copy of a model whose batch axis is free.

    Parameters
    ----------
    model : onnx.ModelProto
        Parsed without external data, which stay references; it is not changed.
    graph : GraphDescription
        Of the same model.

    Returns
    -------
    onnx.ModelProto or None
        None where the batch is free already, or no known rewrite frees it. A model that is
        returned is not yet proven: see :func:`prove`.
    """
    if graph.batch is None:
        return None
    careful = _rewritten(model, graph, graph.batch, is_guessing=False)
    if careful is not None:
        return careful
    return _rewritten(model, graph, graph.batch, is_guessing=True)


def prove(
    run_fixed: Run,
    run_free: Run,
    *,
    fixed_batch: int,
    input_shape: tuple[int, ...],
    n_images: int = 5,
    tolerance: float = 1e-4,
) -> BatchProof:
    """Compare a model with its rewritten copy on different images.

    Each image goes through the original alone: a larger batch is filled up with another image, and
    the place in the batch changes. It goes through the copy in one batch with all others, in one of
    the reverse order, and alone.

    Parameters
    ----------
    run_fixed : callable
        The original: ``(fixed_batch, *input_shape)`` float32 to ``(fixed_batch, ...)`` scores.
    run_free : callable
        The copy: ``(B, *input_shape)`` float32 to ``(B, ...)`` scores, for any B.
    fixed_batch : int
        The original's batch.
    input_shape : tuple of int
        One image as the model takes it.
    n_images : int
        At least 2; from `fixed_batch` on, every place of the batch is used.
    tolerance : float
        Largest difference of two scores of one image, relative to that image's largest absolute
        score. Coarse types need more: a few roundings of float16.

    Returns
    -------
    BatchProof
        It does not hold if a run fails, or if shapes, NaN or infinities differ. Nor does it where
        the original hardly tells the images apart, for then mixed images would not be seen: their
        scores must differ by 10 times the difference between the models, and by 64 roundings.
    """
    images = _images(n_images, input_shape)
    try:
        expected = np.stack(
            [_alone(run_fixed, images, index, fixed_batch) for index in range(n_images)]
        )
        found = [
            np.asarray(run_free(images)),
            np.asarray(run_free(np.ascontiguousarray(images[::-1])))[::-1],
            np.concatenate([run_free(image[None]) for image in images]),
        ]
        difference = max(_difference(expected, one) for one in found)
        spread = _spread(expected)
        is_telling = spread >= max(TELLING * difference, ROUNDINGS * np.finfo(found[0].dtype).eps)
    except Exception:  # noqa: BLE001 - whatever a stranger's model raises, nothing is proven
        return BatchProof(holds=False, largest_difference=np.inf, n_images=n_images)
    holds = bool(difference <= tolerance and is_telling)
    return BatchProof(holds=holds, largest_difference=difference, n_images=n_images)


def _rewritten(
    model: onnx.ModelProto, graph: GraphDescription, batch: int, *, is_guessing: bool
) -> onnx.ModelProto | None:
    edited = onnx.ModelProto()
    try:
        edited.CopyFrom(inline_local_functions(model) if model.functions else model)
        walk = Walk(edited, graph.input_name, batch, is_guessing=is_guessing)
        for node in edited.graph.node:
            is_standard = not standard_domain(node.domain)
            walk.take(node, RULES.get(node.op_type) if is_standard else None)
    except Exception:  # noqa: BLE001 - shapes that do not fit, a broken file: it runs as it is
        return None
    if not _comes_first(walk, graph.output_name):
        return None
    del edited.graph.node[:]
    edited.graph.node.extend(walk.nodes)
    _add_constants(edited, walk.constants)
    del edited.graph.value_info[:]  # shapes of the fixed batch, which ONNX Runtime would believe
    _declare(edited.graph, walk, graph.input_name)
    return edited


def _comes_first(walk: Walk, name: str) -> bool:
    """Say whether the scores have one row for each image, as far as shapes tell."""
    fixed, free = walk.fixed.shape(name), walk.free.shape(name)
    if not fixed or not free:
        return fixed is None or free is None  # behind an operator unknown to ONNX
    return fixed[1:] == free[1:] and (free[0] is None or walk.axis(name) == BatchAxis(0))


def _add_constants(model: onnx.ModelProto, constants: list[onnx.TensorProto]) -> None:
    model.graph.initializer.extend(constants)
    if model.ir_version < LEAST_IR_OF_PLAIN_CONSTANTS:
        model.graph.input.extend(
            helper.make_tensor_value_info(one.name, one.data_type, list(one.dims))
            for one in constants
        )


def _declare(graph: onnx.GraphProto, walk: Walk, input_name: str) -> None:
    """Give the batch axis of the declared inputs and outputs its name."""
    declared = [*graph.input, *graph.output]
    taken = {one.dim_param for value in declared for one in value.type.tensor_type.shape.dim}
    batch_name = next(name for name in BATCH_NAMES if name not in taken or name == BATCH_NAMES[-1])
    for value in [*graph.output, *(one for one in graph.input if one.name == input_name)]:
        axis = walk.axis(value.name) or BatchAxis(0)
        dimensions = value.type.tensor_type.shape.dim
        if axis.index < len(dimensions):
            dimensions[axis.index].dim_param = batch_name


def _images(n_images: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return inputs that differ in content, contrast and brightness."""
    generator = np.random.default_rng(0)
    ones = (1,) * len(shape)
    scales = np.geomspace(LEAST_SCALE, LARGEST_SCALE, n_images).reshape(n_images, *ones)
    brightness = generator.standard_normal((n_images, *ones))
    noise = generator.standard_normal((n_images, *shape))
    return (scales * (brightness + noise)).astype(np.float32)


def _alone(run: Run, images: NDArray[np.float32], index: int, batch: int) -> NDArray[np.float64]:
    """Return the scores of one image from a model of fixed batch."""
    filled = np.repeat(images[(index + 1) % len(images)][None], batch, axis=0)
    place = index % batch
    filled[place] = images[index]
    scores = np.asarray(run(filled), dtype=np.float64)
    if len(scores) != batch:
        raise ValueError(f"Expected {batch} rows of scores, found {len(scores)}.")
    return np.asarray(scores[place])


def _difference(expected: NDArray[np.float64], found: NDArray[Any]) -> float:  # Any: float types
    """Return the largest difference of an image's scores, relative to its largest score."""
    if found.shape != expected.shape:
        return float("inf")
    scores, others = expected.reshape(len(expected), -1), found.reshape(len(found), -1)
    is_finite = np.isfinite(scores)
    if not np.array_equal(scores[~is_finite], others[~is_finite], equal_nan=True):
        return float("inf")
    if not np.isfinite(others[is_finite]).all():
        return float("inf")
    errors = np.abs(np.where(is_finite, scores - others, 0)).max(axis=1)
    largest = np.abs(np.where(is_finite, scores, 0)).max(axis=1)
    return float(np.max(errors / np.maximum(largest, np.finfo(np.float64).tiny)))


def _spread(expected: NDArray[np.float64]) -> float:
    """Return how far the scores of two images differ, relative to the largest score."""
    rows = expected.reshape(len(expected), -1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    largest = np.abs(rows).max(initial=0.0)
    return float(np.abs(rows - rows[:1]).max(initial=0.0) / largest) if largest else 0.0
