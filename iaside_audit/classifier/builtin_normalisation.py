"""Normalisation that is built into a graph: what its first nodes do to the input.

Many exports subtract the mean and divide by the standard deviation themselves, and then take plain
0..1 or 0..255; quantised ones often begin with the range that they were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import hypot, isfinite, log
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from onnx import numpy_helper

from iaside_audit.classifier.recipes import normalisations

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensors = dict[str, onnx.TensorProto]

TRANSPARENT: Final = frozenset({"Identity", "Cast", "Transpose", "DequantizeLinear"})
"""Operators that leave the numbers as they are, as far as a normalisation is concerned."""
AFFINE: Final = frozenset({"Add", "Sub", "Mul", "Div"})
RAW_RANGES: Final = {"0..1": (0.0, 1.0), "0..255": (0.0, 255.0), "-1..1": (-1.0, 1.0)}
USUAL_HALFWIDTH: Final = 1.5
"""Half the range of a normalised photograph: 1 for -1..1, 2.4 for ImageNet's mean and std."""
SAME_RANGE: Final = 0.03
"""A range is that of a recipe where its ends differ by less than this share of its width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinNormalisation:
    """What the first nodes of a graph do to its input.

    Parameters
    ----------
    text : str
        In words, for people.
    suggests : str or None
        The normalisation that such a graph most likely takes, by its name among the recipes.
    """

    text: str
    suggests: str | None


@dataclass(slots=True)
class _Found:
    """Gathered along the way: ``x * gain + offset`` and the range to which the input is cut."""

    gain: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))
    offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    cut: tuple[float, float] | None = None
    is_affine: bool = False


def find_builtin_normalisation(
    model: onnx.ModelProto, input_name: str
) -> BuiltinNormalisation | None:
    """Read a normalisation off the first nodes of a graph.

    ``Sub``, ``Div``, ``Mul`` and ``Add`` by constants, ``BatchNormalization``, ``Clip`` and
    ``QuantizeLinear`` of the input are understood, in any order; anything else ends the search.

    Parameters
    ----------
    model : onnx.ModelProto
        Parsed; constants in external files are not read.
    input_name : str
        The image input.

    Returns
    -------
    BuiltinNormalisation or None
        None where the graph does nothing of the kind.
    """
    tensors = _constants(model.graph)
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in set(node.input):
            users.setdefault(name, []).append(node)
    found = _Found()
    name = input_name
    while name in users:
        # Taking the entry away ends a walk in a circle, which a hostile graph may hold.
        takers = [node for node in users.pop(name) if node.op_type not in {"Shape", "Size"}]
        if len(takers) != 1 or not _take(takers[0], name, tensors, found):
            break
        name = takers[0].output[0]
    return _in_words(found)


def _constants(graph: onnx.GraphProto) -> Tensors:
    """Return the tensors that are stored in the graph, by name."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            values = [one.t for one in node.attribute if one.name == "value"]
            tensors |= dict(zip(node.output, values, strict=False))
    return tensors


def _take(node: onnx.NodeProto, name: str, tensors: Tensors, found: _Found) -> bool:
    """Add what one node does; say whether it was understood."""
    others = [_numbers(tensors, one) for one in node.input if one != name]
    match node.op_type:
        case operator if operator in TRANSPARENT and node.output:
            return True
        case "Clip":
            bounds = _clip_bounds(node, tensors)
        case "QuantizeLinear":
            bounds = _quantised_range(others)
        case "BatchNormalization":
            return _take_batch_normalisation(node, others, found)
        case operator if operator in AFFINE:
            return len(others) == 1 and _take_affine(operator, name, node, others[0], found)
        case _:
            return False
    if bounds is not None and not found.is_affine:
        found.cut = found.cut or bounds
    return bounds is not None


def _take_affine(
    operator: str,
    name: str,
    node: onnx.NodeProto,
    constant: NDArray[np.float64] | None,
    found: _Found,
) -> bool:
    if constant is None:
        return False
    is_first = node.input[0] == name
    with np.errstate(all="ignore"):
        match operator:
            case "Add":
                gain, offset = found.gain, found.offset + constant
            case "Sub" if is_first:
                gain, offset = found.gain, found.offset - constant
            case "Sub":
                gain, offset = -found.gain, constant - found.offset
            case "Mul":
                gain, offset = found.gain * constant, found.offset * constant
            case "Div" if is_first:
                gain, offset = found.gain / constant, found.offset / constant
            case _:
                return False
    return _keep(gain, offset, found)


def _take_batch_normalisation(
    node: onnx.NodeProto, others: list[NDArray[np.float64] | None], found: _Found
) -> bool:
    known = [one for one in others if one is not None]
    if len(known) != 4 or len(others) != 4:  # noqa: PLR2004 - the operator's parameters
        return False
    scale, bias, mean, variance = known
    epsilon = next((one.f for one in node.attribute if one.name == "epsilon"), 1e-5)
    with np.errstate(all="ignore"):
        factor = scale / np.sqrt(variance + epsilon)
        return _keep(found.gain * factor, (found.offset - mean) * factor + bias, found)


def _keep(gain: NDArray[np.float64], offset: NDArray[np.float64], found: _Found) -> bool:
    if not (np.isfinite(gain).all() and np.isfinite(offset).all() and gain.all()):
        return False
    found.gain, found.offset, found.is_affine = gain, offset, True
    return True


def _numbers(tensors: Tensors, name: str) -> NDArray[np.float64] | None:
    """Return a stored constant of one number, or of one for each channel."""
    tensor = tensors.get(name)
    if tensor is None or tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    if int(np.prod(tensor.dims, dtype=float)) not in (1, 3):
        return None
    try:
        return np.asarray(numpy_helper.to_array(tensor), dtype=np.float64).ravel()
    except (ValueError, TypeError):  # a damaged constant
        return None


def _clip_bounds(node: onnx.NodeProto, tensors: Tensors) -> tuple[float, float] | None:
    stored = {one.name: one.f for one in node.attribute}  # before opset 11
    ends = [_numbers(tensors, name) for name in node.input[1:3]]
    if len(ends) == 2 and all(one is not None and one.size == 1 for one in ends):  # noqa: PLR2004
        low, high = (float(one[0]) for one in ends if one is not None)
    elif "min" in stored and "max" in stored:
        low, high = stored["min"], stored["max"]
    else:
        return None
    return (low, high) if isfinite(low) and isfinite(high) and low < high else None


def _quantised_range(
    others: list[NDArray[np.float64] | None],
) -> tuple[float, float] | None:
    """Return the range of an 8-bit quantisation, from scale and zero point."""
    match others:
        case [scale, zero] if scale is not None and zero is not None and scale.size == 1:
            least = 0 if zero[0] > 0 else -128  # uint8 zero points lie within 0..255
            low = float(scale[0] * (least - zero[0]))
            return low, low + 255 * float(scale[0])
        case _:
            return None


def _in_words(found: _Found) -> BuiltinNormalisation | None:
    if found.is_affine:
        mean, std = -found.offset / found.gain, 1 / found.gain
        takes = _raw_range(found)
        return BuiltinNormalisation(
            text=f"(x - {_listed(mean)}) / {_listed(std)} is built in, so it takes {takes}",
            suggests=takes,
        )
    if found.cut is not None:
        name = _recipe_of_range(found.cut)
        low, high = found.cut
        ending = "" if name is None else f", which is the range of {name}"
        return BuiltinNormalisation(
            text=f"cuts its input to {low:.3g}..{high:.3g}{ending}", suggests=name
        )
    return None


def _raw_range(found: _Found) -> str:
    """Return the raw range that the built-in map takes to what networks are usually fed."""

    def strangeness(name: str) -> float:
        ends = np.multiply.outer(RAW_RANGES[name], found.gain) + found.offset
        halfwidth = (ends.max() - ends.min()) / 2
        middle = (ends.max() + ends.min()) / 2
        return hypot(log(halfwidth / USUAL_HALFWIDTH), middle / halfwidth)

    return min(RAW_RANGES, key=strangeness)


def _recipe_of_range(cut: tuple[float, float]) -> str | None:
    """Return the most usual colour recipe whose range this is."""
    tolerance = SAME_RANGE * (cut[1] - cut[0])
    for recipe in normalisations(3):
        if np.allclose(recipe.range, cut, rtol=0, atol=tolerance):
            return recipe.name
    return None


def _listed(numbers: NDArray[np.float64]) -> str:
    distinct = numbers if np.ptp(numbers) > 0 else numbers[:1]
    text = ", ".join(f"{one:.4g}" for one in distinct)
    return f"[{text}]" if len(distinct) > 1 else text
