"""What an ONNX classifier is, as plain values that travel between processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from iaside_audit.preprocessing import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

Dimension = int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDescription:
    """One classifier's graph.

    Parameters
    ----------
    input_name, input_shape, input_dtype
        The image input, as declared; names stand for free dimensions, None for unknown ones.
    layout : Layout
        NCHW or NHWC, read from which axis holds 1 or 3 channels.
    n_channels : int
        1 or 3.
    height, width : int or None
        None where free.
    batch : int or None
        None where free.
    output_name, output_shape
        The class scores.
    n_classes : int or None
        None where the graph does not say.
    head : str
        Operator that makes the scores: ``Softmax``, ``LogSoftmax``, ``Sigmoid`` or another.
    softmax_input : str or None
        The tensor before a final Softmax over the classes: the logits.
    quantizes_input : bool
        Whether the first thing done to the input is to quantise it, which saturates.
    normalises : str or None
        What the first nodes do to the input where that is a normalisation, in words.
    suggested_recipe : str or None
        The usual normalisation that they point to, by its name.
    """

    input_name: str
    input_shape: tuple[Dimension, ...]
    input_dtype: str
    layout: Layout
    n_channels: int
    height: int | None
    width: int | None
    batch: int | None
    output_name: str
    output_shape: tuple[Dimension, ...]
    n_classes: int | None
    head: str
    softmax_input: str | None
    quantizes_input: bool
    opset: int
    ir_version: int
    producer: str
    n_nodes: int
    n_parameters: int
    external_files: tuple[str, ...]
    metadata: dict[str, str]
    normalises: str | None = None
    suggested_recipe: str | None = None

    def to_wire(self) -> dict[str, Any]:  # Any: JSON
        """Return JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> GraphDescription:  # Any: JSON
        """Build from :meth:`to_wire`'s values."""
        return cls(
            **{
                **values,
                "layout": Layout(values["layout"]),
                "input_shape": tuple(values["input_shape"]),
                "output_shape": tuple(values["output_shape"]),
                "external_files": tuple(values["external_files"]),
            }
        )
