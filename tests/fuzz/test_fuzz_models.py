"""Damaged models: a description and a session, or one error; the process that asks lives on."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from audit_material import ConvNet
from hostile_kit import METADATA, Outcome, weights_file
from hostile_models import cases
from models_for_tests import HEADS, small_model
from mutations import mutants
from onnx import ModelProto, helper, numpy_helper
from reused_worker import Lender

from iaside_audit.auditing.inspection import inspect_file
from iaside_audit.auditing.limits import GIB, Limits, resident_bytes
from iaside_audit.errors import IASideError, InferenceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from onnx import GraphProto, NodeProto, TensorProto

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux"),
]

N_MUTANTS = 2000
"""Of each kind: of bytes, and of fields."""
LIMITS = Limits(memory_bytes=4 * GIB, load_s=5.0)
SLACK_S = 20.0
MAX_GROWTH = 64_000_000
NUMBERS = (0, 1, 1, 2, 3, 5, -1, -2, 32, 255, 2**16, 2**31 - 1, 2**31, 2**62, 2**63 - 1, -(2**63))
OPERATORS = {
    "AveragePool": (0, ("kernel_shape", "strides", "pads")),
    "Cast": (0, ("to",)),
    "Concat": (0, ("axis",)),
    "ConstantOfShape": (0, ()),
    "Conv": (1, ("group", "strides", "pads", "dilations", "kernel_shape")),
    "ConvTranspose": (1, ("group", "strides", "output_padding", "output_shape")),
    "CumSum": (1, ("exclusive", "reverse")),
    "DepthToSpace": (0, ("blocksize",)),
    "Expand": (1, ()),
    "Flatten": (0, ("axis",)),
    "Gather": (1, ("axis",)),
    "GatherND": (1, ("batch_dims",)),
    "GridSample": (1, ("align_corners",)),
    "LRN": (0, ("size",)),
    "LpPool": (0, ("kernel_shape", "p")),
    "MaxPool": (0, ("kernel_shape", "strides", "dilations", "ceil_mode")),
    "NonZero": (0, ()),
    "OneHot": (2, ("axis",)),
    "Pad": (1, ()),
    "Range": (2, ()),
    "ReduceMax": (0, ("axes", "keepdims")),
    "Relu": (0, ()),
    "Reshape": (1, ("allowzero",)),
    "Resize": (2, ("axes",)),
    "ReverseSequence": (1, ("batch_axis", "time_axis")),
    "ScatterND": (2, ()),
    "Slice": (4, ()),
    "Softmax": (0, ("axis",)),
    "SpaceToDepth": (0, ("blocksize",)),
    "Split": (1, ("axis", "num_outputs")),
    "Tile": (1, ()),
    "TopK": (1, ("axis", "largest")),
    "Transpose": (0, ("perm",)),
    "Trilu": (0, ("upper",)),
    "Unsqueeze": (1, ()),
}
"""Operators that are put between two others: further inputs, and attributes that get numbers."""
LISTS = {"kernel_shape", "strides", "pads", "dilations", "output_padding", "output_shape", "axes"}
LISTS |= {"perm"}


def seeds(folder: Path) -> list[bytes]:
    """Return sound models: of every head, a convolutional one, and those of the corpus.

    The corpus' external data are put into `folder`, where the mutants will lie.
    """
    models = [small_model(head) for head in HEADS if "batch" not in head]
    models += [small_model(batch=2), small_model(layout="NHWC"), *[ConvNet().model()] * 8]
    sound = [model.SerializeToString() for model in models]
    weights_file(folder)
    for number, case in enumerate(cases()):
        if case.outcome == Outcome.FINE and not case.name.startswith(METADATA):
            own = folder / f"seed{number}"
            own.mkdir()
            sound.append(case.write(own).read_bytes())
    return sound


def field_mutants(
    generator: np.random.Generator, sound: Sequence[bytes], n_mutants: int
) -> Iterator[bytes]:
    """Yield models that parse, of which one or two fields hold something else."""
    for _ in range(n_mutants):
        model = ModelProto.FromString(sound[generator.integers(len(sound))])
        for _ in range(generator.integers(1, 3)):
            _change(generator, model.graph)
        yield model.SerializeToString()


def _change(generator: np.random.Generator, graph: GraphProto) -> None:
    """Change one field, or put an operator between two others."""

    def pick(values: Sequence[Any]) -> Any:  # Any: messages of protobuf, numbers or names
        return values[int(generator.integers(len(values)))]

    number = int(pick(NUMBERS))
    node = pick(graph.node)
    match int(generator.integers(8)):
        case 0 if len(node.attribute):
            attribute = pick(node.attribute)
            attribute.i = number
            if len(attribute.ints):
                attribute.ints[int(generator.integers(len(attribute.ints)))] = number
        case 1 if len(node.input):
            names = [name for one in graph.node for name in one.input]
            node.input[int(generator.integers(len(node.input)))] = pick(names)
        case 2 if len(graph.initializer):
            _change_tensor(generator, pick(graph.initializer))
        case 3:
            dims = pick([*graph.input, *graph.output]).type.tensor_type.shape.dim
            if len(dims):
                pick(dims).dim_value = number
        case _:
            _insert(generator, graph, node)


def _change_tensor(generator: np.random.Generator, tensor: TensorProto) -> None:
    """Change the numbers, the shape or the type of a stored tensor."""
    choice = int(generator.integers(3))
    if choice == 0 and len(tensor.raw_data) >= 4:
        specials = np.array([np.nan, np.inf, -np.inf, 3e38, 1e-45], dtype=np.float32)
        raw = bytearray(tensor.raw_data)
        place = 4 * int(generator.integers(len(raw) // 4))
        raw[place : place + 4] = generator.choice(specials).tobytes()
        tensor.raw_data = bytes(raw)
    elif choice == 1:
        tensor.dims[:] = list(tensor.dims)[::-1]
    else:
        tensor.data_type = int(generator.integers(28))


def _insert(generator: np.random.Generator, graph: GraphProto, node: NodeProto) -> None:
    """Put a new operator before an input of `node`, with numbers that nobody would choose."""
    if not len(node.input):
        return
    name = f"new{len(graph.node)}"
    place = int(generator.integers(len(node.input)))
    operator = str(generator.choice(list(OPERATORS)))
    inputs = [node.input[place]]
    n_further, names = OPERATORS[operator]
    for count in range(n_further):
        size = int(generator.integers(1, 9))
        numbers = generator.choice(np.array(NUMBERS, dtype=np.int64), size=size)
        if generator.integers(2):
            numbers = generator.integers(0, 4, size=size)
        is_float = operator in {"Conv", "ConvTranspose", "Resize", "GridSample"}
        values = numbers.astype(np.float32) if is_float else numbers
        if operator in {"Conv", "ConvTranspose"}:
            values = np.ones((3, 3, *generator.integers(1, 5, size=2)), dtype=np.float32)
        graph.initializer.append(numpy_helper.from_array(values, f"{name}_{count}"))
        inputs.append(f"{name}_{count}")
    attributes: dict[str, Any] = {}
    for attribute in names:
        if generator.integers(3):
            drawn = [int(one) for one in generator.choice(np.array(NUMBERS), size=2)]
            mild = [int(one) for one in generator.integers(1, 4, size=2)]
            numbers_of = drawn if generator.integers(2) else mild
            attributes[attribute] = numbers_of if attribute in LISTS else numbers_of[0]
    new = helper.make_node(operator, inputs, [name], **attributes)
    node.input[place] = name
    nodes = list(graph.node)
    at = nodes.index(node)
    del graph.node[:]
    graph.node.extend([*nodes[:at], new, *nodes[at:]])


def _reason(error: InferenceError) -> str:
    """Say in a few words why a model failed."""
    for said in (r"ended with signal \d+", r"ended with exit code \d+ \(\w+", "made to hang"):
        found = re.search(said, error.message)
        if found:
            return found[0]
    return "InferenceError"


def _check(error: IASideError) -> None:
    assert error.message.isprintable()
    assert len(error.message) < 3000


def test_damaged_models_cost_no_more_than_their_worker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four thousand damaged models: each is described, or one printable error, within its time."""
    sound = seeds(tmp_path)
    generator = np.random.default_rng(2)
    lender = Lender(LIMITS)
    outcomes: Counter[str] = Counter()
    slowest, start = 0.0, 0
    try:
        for kind, maker in (("bytes", mutants), ("fields", field_mutants)):
            for number, data in enumerate(maker(generator, sound, N_MUTANTS)):
                path = tmp_path / f"{kind}{number}.onnx"
                path.write_bytes(data)
                started = time.monotonic()
                try:
                    inspect_file(path, device="cpu", start_worker=lender)
                    outcomes["described"] += 1
                except InferenceError as error:
                    outcomes[_reason(error)] += 1
                    _check(error)
                except IASideError as error:
                    outcomes[type(error).__name__] += 1
                    _check(error)
                slowest = max(slowest, time.monotonic() - started)
                assert slowest < LIMITS.load_s + SLACK_S
                path.unlink()
                start = start or (resident_bytes(os.getpid()) or 0)
    finally:
        lender.end()
    growth = (resident_bytes(os.getpid()) or 0) - start
    assert growth < MAX_GROWTH
    assert outcomes["described"] > N_MUTANTS // 20
    with capsys.disabled():
        print(  # noqa: T201 - the summary
            f"\nmodels: {dict(outcomes)}, {lender.n_started} workers, slowest {slowest:.1f} s, "
            f"grown by {growth / 1e6:.1f} MB"
        )
