"""What cases of the corpus of hostile models are made of."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from models_for_tests import small_model, weights
from onnx import TensorProto, helper, numpy_helper

from iaside_audit.classifier.preprocessing_sources import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from onnx import FunctionProto, ModelProto, NodeProto, SparseTensorProto

SIDE: Final = 32
PREPROCESSING: Final = f"[preprocess]\nresize = {SIDE}\ncrop = {SIDE}\nscale = 1.0\n"
METADATA: Final = "metadata: "
"""Cases whose name starts so are inspected well, and cannot be audited."""
CANARY: Final = "canary.bin"
"""A file with the right number of bytes beside the models' folders."""
WEIGHTS: Final = weights()
N_BYTES: Final = WEIGHTS.nbytes
GIB: Final = 1 << 30
TIB: Final = 1 << 40
IN_MEMORY: Final = "*/_ORT_MEM_ADDR_/*"
"""ONNX Runtime's own mark of external data that lie at an address of its process."""
STANDARD: Final = helper.make_opsetid("", 17)


class Outcome(StrEnum):
    """What becomes of a model; the first two are the exit codes 2 and 1."""

    REFUSED = "refused"
    FAILS = "fails"
    FINE = "fine"
    ANY = "whatever"


class Case(NamedTuple):
    """One model."""

    name: str
    outcome: Outcome
    write: Callable[[Path], Path]
    """Writes into a folder of its own and returns the model's path."""
    says: str = ""
    """A part of the message."""


def safe_model(**options: Any) -> ModelProto:
    """Return a sound classifier with its preprocessing, (N, 3, 32, 32) to five logits."""
    metadata = {METADATA_KEY: PREPROCESSING} | options.pop("metadata", {})
    return small_model(**({"size": (SIDE, SIDE)} | options), metadata=metadata)


def model_of(
    nodes: Sequence[NodeProto],
    constants: dict[str, Any] | None = None,
    *,
    functions: Sequence[FunctionProto] = (),
    sparse: Sequence[SparseTensorProto] = (),
    tensors: Sequence[TensorProto] = (),
    domains: Sequence[str] = (),
) -> ModelProto:
    """Return a model of nodes from ``image`` to ``scores``."""
    model = safe_model()
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    stored = {"weights": WEIGHTS} | (constants or {})
    used = {name for node in nodes for name in node.input}
    taken = {tensor.name for tensor in tensors} | {one.values.name for one in sparse}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in stored.items()
        if name in used - taken
    )
    model.graph.initializer.extend(tensors)
    model.graph.sparse_initializer.extend(sparse)
    model.functions.extend(functions)
    model.opset_import.extend(helper.make_opsetid(domain, 1) for domain in domains)
    return model


def nodes_after(*nodes: NodeProto, last: str = "image") -> list[NodeProto]:
    """Return nodes, then those that make scores of the tensor `last`."""
    return [
        *nodes,
        helper.make_node("ReduceMean", [last], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["colour", "weights"], ["scores"]),
    ]


def external(location: str, **entries: object) -> TensorProto:
    """Return the weights as external data."""
    tensor = TensorProto(
        name="weights",
        data_type=TensorProto.FLOAT,
        dims=WEIGHTS.shape,
        data_location=TensorProto.EXTERNAL,
    )
    for key, value in ({"location": location} | entries).items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def save(model: ModelProto, folder: Path) -> Path:
    """Write a model, whatever it holds."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def model_case(name: str, outcome: Outcome, model: ModelProto, says: str = "") -> Case:
    """Make a case of a model."""
    return Case(name, outcome, lambda folder: save(model, folder), says)


def bytes_case(name: str, outcome: Outcome, data: bytes, says: str = "") -> Case:
    """Make a case of a file's bytes."""

    def write(folder: Path) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(data)
        return path

    return Case(name, outcome, write, says)


def folder_case(
    name: str,
    outcome: Outcome,
    model: ModelProto,
    prepare: Callable[[Path], object],
    says: str = "",
) -> Case:
    """Make a case whose folder holds more than the model."""

    def write(folder: Path) -> Path:
        prepare(folder)
        return save(model, folder)

    return Case(name, outcome, write, says)


def weights_file(folder: Path) -> None:
    """Write the weights beside a model."""
    (folder / "weights.bin").write_bytes(WEIGHTS.tobytes())
