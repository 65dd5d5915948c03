"""Awkward and hostile models, each with what must become of it.

``python tests/hostile_models.py FOLDER`` writes the corpus, a folder for each case, and prints the
expected outcomes. Beside the folders lies a file that no model may read.
"""

from __future__ import annotations

import os
import socket
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from models_for_tests import N_CLASSES, declared_model, small_model, weights
from onnx import TensorProto, helper, numpy_helper

from iaside_audit.classifier.preprocessing_sources import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from onnx import FunctionProto, ModelProto, NodeProto, SparseTensorProto

SIDE: Final = 32
PREPROCESSING: Final = f"[preprocess]\nresize = {SIDE}\ncrop = {SIDE}\nscale = 1.0\n"
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


# The makers of cases ------------------------------------------------------------------------------


def _model(name: str, outcome: Outcome, model: ModelProto, says: str = "") -> Case:
    return Case(name, outcome, lambda folder: save(model, folder), says)


def _bytes(name: str, outcome: Outcome, data: bytes, says: str = "") -> Case:
    def write(folder: Path) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(data)
        return path

    return Case(name, outcome, write, says)


def _beside(
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


def _weights_file(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(WEIGHTS.tobytes())


def _files() -> Iterator[Case]:
    """Yield what is no ONNX file at all."""
    refused = Outcome.REFUSED
    yield _bytes("an empty file", refused, b"", "an empty file")
    yield _bytes("text", refused, b"This is no model.\n", "found text")
    yield _bytes("a web page", refused, b"<!doctype html><p>404</p>", "found text")
    yield _bytes("a PNG", refused, b"\x89PNG\r\n\x1a\n" + bytes(64), "a PNG image")
    yield _bytes("a ZIP", refused, b"PK\x03\x04" + bytes(64), "PyTorch")
    yield _bytes("noise", refused, bytes(range(8, 256)), "Expected an ONNX model")
    yield _bytes("zeros", refused, bytes(4096), "Expected an ONNX model")
    yield _bytes("an .ort file, renamed", refused, b"\x18\0\0\0ORTM" + bytes(64), r"\.ort")
    yield _bytes(
        "no nodes",
        refused,
        helper.make_model(helper.make_graph([], "empty", [], [])).SerializeToString(),
        "Expected an ONNX model",
    )

    def named_ort(folder: Path) -> Path:
        return save(safe_model(), folder).rename(folder / "model.ORT")

    def a_folder(folder: Path) -> Path:
        (folder / "model.onnx").mkdir()
        return folder / "model.onnx"

    def a_pipe(folder: Path) -> Path:
        os.mkfifo(folder / "model.onnx")
        return folder / "model.onnx"

    def a_socket(folder: Path) -> Path:
        with socket.socket(socket.AF_UNIX) as one:
            here = Path.cwd()
            os.chdir(folder)  # a socket's path is short
            one.bind("model.onnx")
            os.chdir(here)
        return folder / "model.onnx"

    def a_device(folder: Path) -> Path:
        (folder / "model.onnx").symlink_to("/dev/zero")
        return folder / "model.onnx"

    def a_large_file(folder: Path) -> Path:
        path = save(safe_model(), folder)
        with path.open("r+b") as file:
            file.truncate(300 * GIB)
        return path

    def linked_in_a_circle(folder: Path) -> Path:
        (folder / "model.onnx").symlink_to("model.onnx")
        return folder / "model.onnx"

    yield Case("named .ort", refused, named_ort, r"\.ort")
    yield Case("a folder", refused, a_folder, "a folder|the folder")
    yield Case("a pipe", refused, a_pipe, "a pipe")
    yield Case("a socket", refused, a_socket, "a socket")
    yield Case("a device", refused, a_device, "a device")
    yield Case("300 GiB of nothing", refused, a_large_file, "at most")
    yield Case("a link to itself", refused, linked_in_a_circle, "Expected a")


def _damaged() -> Iterator[Case]:
    """Yield a sound model cut short, and with single bits turned."""
    data = safe_model(head="softmax").SerializeToString()
    for share in (0.01, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.97, 0.999):
        cut = data[: int(share * len(data))]
        yield _bytes(f"cut at {share:.1%}", Outcome.REFUSED, cut)
    for number, place in enumerate(np.linspace(0, len(data) - 1, 16).astype(int)):
        turned = bytearray(data)
        turned[place] ^= 1 << number % 8
        yield _bytes(f"bit {number % 8} of byte {place} turned", Outcome.ANY, bytes(turned))
    deep = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["scores"])],
        "inner",
        [],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
    )
    for _ in range(24):
        node = helper.make_node("If", ["yes"], ["scores"], then_branch=deep, else_branch=deep)
        deep = helper.make_graph([node], "outer", [], deep.output)
        if deep.ByteSize() > 1 << 22:
            break
    yes = np.array(1, dtype=np.bool_)
    yield _model("graphs within graphs", Outcome.ANY, model_of(deep.node, {"yes": yes}, tensors=()))


def _external() -> Iterator[Case]:
    """Yield external data from elsewhere, and such that are not there."""
    refused = Outcome.REFUSED

    def case(
        name: str,
        location: str,
        says: str,
        prepare: Callable[[Path], object] = _weights_file,
        **entries: object,
    ) -> Case:
        model = model_of(nodes_after(), tensors=[external(location, **entries)])
        return _beside(f"external data: {name}", refused, model, prepare, says)

    yield _beside(
        "external data: beside the model",
        Outcome.FINE,
        model_of(nodes_after(), tensors=[external("weights.bin", offset=0, length=N_BYTES)]),
        _weights_file,
    )
    yield case("by ..", f"../{CANARY}", "not below the model's folder")
    yield case("by .. from within", f"sub/../../{CANARY}", "not below the model's folder")
    yield case("by .. with backslashes", f"..\\{CANARY}", "not below the model's folder")
    yield case("an absolute path", "/etc/passwd", "an absolute path")
    yield case("a Windows path", "C:\\weights.bin", "an absolute path")
    yield case("an endless device", "/dev/zero", "an absolute path")
    yield case("no name", "", "not below the model's folder")
    yield case("the folder itself", ".", "not below the model's folder")
    yield case("a name with a zero byte", "weights.bin\0.txt", "not there")
    yield case("missing", "nowhere.bin", "not there")
    yield case("a folder", "sub", "no regular file", lambda at: (at / "sub").mkdir())
    yield case("a pipe", "pipe", "no regular file", lambda at: os.mkfifo(at / "pipe"))
    yield case(
        "a symbolic link",
        "weights.bin",
        "a symbolic link",
        lambda at: (at / "weights.bin").symlink_to(at.parent / CANARY),
    )
    yield case(
        "a linked folder",
        f"sub/{CANARY}",
        "a symbolic link",
        lambda at: (at / "sub").symlink_to(at.parent),
    )
    yield case(
        "a hard link",
        "weights.bin",
        "a hard link",
        lambda at: (at / "weights.bin").hardlink_to(at.parent / CANARY),
    )
    yield case(
        "short",
        "weights.bin",
        "ends after the end",
        lambda at: (at / "weights.bin").write_bytes(bytes(8)),
    )
    yield case("beyond the end", "weights.bin", "ends after the end", offset=N_BYTES)
    yield case("before the start", "weights.bin", "at the offset", offset=-8)
    yield case("an offset in words", "weights.bin", "at the offset", offset="zero")
    yield case("an offset of 4,000 digits", "weights.bin", "ends after", offset="9" * 4000)
    yield case("an endless length", "weights.bin", "ends after the end", length=2**64 - 1)
    yield case("an address in memory", IN_MEMORY, "not there", offset=4096, length=N_BYTES)
    twice = external(f"../{CANARY}")
    twice.external_data.add(key="location", value="weights.bin")
    yield _beside(
        "external data: named twice",
        refused,
        model_of(nodes_after(), tensors=[twice]),
        _weights_file,
        "named twice",
    )
    huge = external("weights.bin")
    huge.dims[:] = [3, TIB]
    yield _beside(
        "external data: a sparse file of 12 TiB",
        refused,
        model_of(nodes_after(), tensors=[huge]),
        lambda at: os.truncate(_touched(at / "weights.bin"), 12 * TIB),
        "tensors of",
    )
    elsewhere = external(f"../{CANARY}")
    elsewhere.ClearField("name")
    constant = helper.make_node("Constant", [], ["weights"], value=elsewhere)
    yield _model(
        "external data: of a constant", refused, model_of(nodes_after(constant)), "not below"
    )
    function = helper.make_function(
        "local", "F", ["x"], ["y"], [constant, helper.make_node("MatMul", ["x", "weights"], ["y"])],
        [STANDARD],
    )  # fmt: skip
    nodes = [*nodes_after()[:1], helper.make_node("F", ["colour"], ["scores"], domain="local")]
    yield _model(
        "external data: of a function",
        refused,
        model_of(nodes, functions=[function], domains=["local"]),
        "not below",
    )
    branch = helper.make_graph(
        [helper.make_node("MatMul", ["colour", "weights"], ["y"])],
        "branch",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [external(f"../{CANARY}")],
    )
    choice = helper.make_node("If", ["yes"], ["scores"], then_branch=branch, else_branch=branch)
    yield _model(
        "external data: of a branch",
        refused,
        model_of([*nodes_after()[:1], choice], {"yes": np.array(1, dtype=np.bool_)}),
        "not below",
    )
    values = external(f"../{CANARY}")
    values.dims[:] = [1]
    indices = numpy_helper.from_array(np.array([3]))
    yield _model(
        "external data: of a sparse tensor",
        refused,
        model_of(
            nodes_after(), sparse=[helper.make_sparse_tensor(values, indices, [3, N_CLASSES])]
        ),
        "not below",
    )


def _touched(path: Path) -> Path:
    path.touch()
    return path


def _operators() -> Iterator[Case]:
    """Yield operators and functions that are not allowed, or defined too often."""
    refused = Outcome.REFUSED

    def operator(domain: str, name: str, outcome: Outcome, says: str) -> Case:
        node = helper.make_node(name, ["image"], ["other"], domain=domain)
        model = model_of(nodes_after(node, last="other"), domains=[domain])
        return _model(f"operator {name} of {domain}", outcome, model, says)

    yield operator("com.example", "Custom", refused, "of the domain 'com.example'")
    yield operator("ai.onnx.ml", "Normalizer", refused, "of the domain 'ai.onnx.ml'")
    yield operator("ai.onnx.training", "Adam", refused, "of the domain 'ai.onnx.training'")
    yield operator("com.microsoft.nchwc", "ReorderInput", refused, "of the domain")
    yield operator("com.microsoft", "EPContext", refused, "another file")
    yield operator("com.microsoft", "QuickGelu", Outcome.FINE, "")
    yield operator("com.microsoft", "NoSuchOperator", refused, "NoSuchOperator")
    yield _model(
        "an unknown operator of ONNX",
        refused,
        model_of(nodes_after(helper.make_node("NoSuch", ["image"], ["other"]), last="other")),
        "NoSuch",
    )

    def functions(*bodies: tuple[str, str, list[NodeProto]]) -> list[FunctionProto]:
        imports = [STANDARD, helper.make_opsetid("local", 1)]
        return [
            helper.make_function(domain, name, ["x"], ["y"], nodes, imports)
            for domain, name, nodes in bodies
        ]

    def calling(defined: list[FunctionProto], domain: str, name: str) -> ModelProto:
        node = helper.make_node(name, ["image"], ["other"], domain=domain)
        return model_of(
            nodes_after(node, last="other"),
            functions=defined,
            domains=[domain] if domain else [],
        )

    plain = [helper.make_node("Identity", ["x"], ["y"])]
    custom = [helper.make_node("Custom", ["x"], ["y"], domain="com.example")]
    yield _model(
        "a function of the model's own",
        Outcome.FINE,
        calling(functions(("local", "F", plain)), "local", "F"),
    )
    yield _model(
        "an unknown domain within a function",
        refused,
        calling(functions(("local", "F", custom)), "local", "F"),
        "of the domain 'com.example'",
    )
    for domain, name in (("ai.onnx.ml", "Binarizer"), ("", "Relu")):
        yield _model(
            f"a function that passes for {name}",
            refused,
            calling(functions((domain, name, plain)), domain, name),
            "takes the name of an operator",
        )
    chain = [
        ("local", "f0", plain),
        *(
            ("local", f"f{n}", [helper.make_node(f"f{n - 1}", ["x"], ["y"], domain="local")])
            for n in range(1, 3000)
        ),
    ]
    yield _model(
        "functions 3,000 deep",
        refused,
        calling(functions(*chain), "local", "f2999"),
        "functions within functions, 3000 deep",
    )
    yield _model("functions 40 deep", Outcome.FINE, calling(functions(*chain[:40]), "local", "f39"))
    twice = [
        ("local", "f0", plain),
        *(
            (
                "local",
                f"f{n}",
                [
                    helper.make_node(f"f{n - 1}", ["x"], ["z"], domain="local"),
                    helper.make_node(f"f{n - 1}", ["z"], ["y"], domain="local"),
                ],
            )
            for n in range(1, 40)
        ),
    ]
    yield _model(
        "functions that double 39 times",
        refused,
        calling(functions(*twice), "local", "f39"),
        "nodes once its functions are expanded",
    )
    itself = [helper.make_node("F", ["x"], ["y"], domain="local")]
    yield _model(
        "a function that calls itself",
        refused,
        calling(functions(("local", "F", itself)), "local", "F"),
        "call themselves",
    )
    yield _model(
        "one function defined twice",
        refused,
        calling(functions(("local", "F", plain), ("local", "F", custom)), "local", "F"),
        "two functions of one name",
    )

    def very_many(folder: Path) -> Path:
        many = [helper.make_node("Neg", ["image"], [f"n{n}"]) for n in range(200_001)]
        return save(model_of(nodes_after(*many)), folder)

    yield Case("200,003 nodes", refused, very_many, "more than 200,000 nodes")


def _sizes() -> Iterator[Case]:
    """Yield small files that declare, or ask for, a lot."""
    refused = Outcome.REFUSED

    def stored(name: str, says: str, *dims: int, kind: int = TensorProto.FLOAT) -> Case:
        tensor = TensorProto(name="weights", data_type=kind, dims=dims)
        return _model(name, refused, model_of(nodes_after(), tensors=[tensor]), says)

    yield stored("weights that are not there", "not there", *WEIGHTS.shape)
    yield stored("12 TiB of weights that are not there", "not there", 3, TIB)
    yield stored("sizes whose product is 0 in 64 bits", "not there", 2**32, 2**32)
    yield stored("weights of a negative size", "below zero", 3, -5)
    yield stored("weights of no type", "of type 0", *WEIGHTS.shape, kind=0)
    yield stored("weights of an unknown type", "of type 77", *WEIGHTS.shape, kind=77)
    half = numpy_helper.from_array(WEIGHTS, "weights")
    half.raw_data = half.raw_data[: N_BYTES // 2]
    yield _model("half the weights", refused, model_of(nodes_after(), tensors=[half]), "not there")

    def sparse(name: str, index: int, dims: Sequence[int], says: str) -> Case:
        one = helper.make_sparse_tensor(
            numpy_helper.from_array(np.ones(1, dtype=np.float32), "weights"),
            numpy_helper.from_array(np.array([index])),
            dims,
        )
        return _model(name, refused, model_of(nodes_after(), sparse=[one]), says)

    yield sparse("sparse weights of 12 TiB", 0, [3, TIB], "tensors of")
    yield sparse("a sparse weight beyond the end", 10**12, [3, N_CLASSES], "can load")
    yield sparse("a sparse weight before the start", -(10**6), [3, N_CLASSES], "can load")

    shape = np.array([TIB, 4])
    yield _model(
        "a ConstantOfShape of 4 TiB",
        refused,
        model_of(nodes_after(_of_shape("ConstantOfShape", "shape")), {"shape": shape}),
        "a ConstantOfShape of 4,398,046,511,104 values",
    )
    constant = helper.make_node("Constant", [], ["shape"], value_ints=[TIB, 4])
    yield _model(
        "a ConstantOfShape of 4 TiB, by a node",
        refused,
        model_of(nodes_after(constant, _of_shape("ConstantOfShape", "shape"))),
        "a ConstantOfShape of",
    )
    yield _model(
        "a RandomNormal of 4 TiB",
        refused,
        model_of(nodes_after(helper.make_node("RandomNormal", [], ["big"], shape=[TIB, 4]))),
        "a RandomNormal of",
    )
    computed = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Mul", ["shape", "factor"], ["larger"]),
        helper.make_node("Expand", ["image", "larger"], ["other"]),
    ]
    yield _model(
        "an Expand to 1,000 TiB, while running",
        Outcome.FAILS,
        model_of(nodes_after(*computed, last="other"), {"factor": np.array([1, 1, 2**19, 2**18])}),
        "ONNX Runtime failed",
    )
    pads = np.array([0, 0, 10**7, 10**7] * 2)
    yield _model(
        "a Pad to 1,000 TiB",
        Outcome.FAILS,
        model_of(
            nodes_after(helper.make_node("Pad", ["image", "pads"], ["other"]), last="other"),
            {"pads": pads},
        ),
        "ONNX Runtime failed",
    )
    for name, size in (("an input of 1,000 megapixels", (31623, 31623)),):
        yield _model(name, refused, safe_model(size=size), "an input of")
    yield _model("a batch of a million", refused, safe_model(batch=10**6), "an input of")
    many = {f"key {n}": "x" * 1000 for n in range(2000)}
    yield _model("2 MB of metadata", refused, safe_model(metadata=many), "names and metadata")


def _of_shape(operator: str, shape: str) -> NodeProto:
    return helper.make_node(operator, [shape], ["big"])


def _metadata() -> Iterator[Case]:
    """Yield metadata that is hostile to who reads the preprocessing in it."""
    size = f"[preprocess]\nresize = 32\ncrop = 32\n{'{}'}\n"
    texts = {
        "nested 10,000 deep": "x = " + "[" * 10_000,
        "a number of 5,000 digits": size.format("scale = " + "9" * 5000),
        "a crop of 4,300 digits": f"[preprocess]\nresize = 32\ncrop = {'9' * 4300}\n",
        "a scale beyond float": size.format("scale = 1" + "0" * 400),
        "a crop of 1,000,000 pixels": "[preprocess]\nresize = 0\ncrop = 1000000\n",
        "100,000 unknown keys": "[preprocess]\n" + "".join(f"k{n} = 1\n" for n in range(100_000)),
        "a key of 100,000 characters": f"[preprocess]\n{'k' * 100_000} = 1\n",
        "a zero byte": "[preprocess]\nresize = \0\n",
    }
    for name, text in texts.items():
        model = small_model(size=("H", "W"), metadata={METADATA_KEY: text})
        yield _model(f"metadata: {name}", Outcome.ANY, model)


def _graphs() -> Iterator[Case]:
    """Yield graphs that do not fit together, or that do not fit an audit."""
    refused, load = Outcome.REFUSED, "can load|Expected"
    add = helper.make_node("Add", ["image", "z"], ["y"])
    back = helper.make_node("Relu", ["y"], ["z"])
    yield _model("a cycle", refused, model_of(nodes_after(add, back, last="z")), "acyclic")
    first = helper.make_node("Relu", ["image"], ["other"])
    yield _model(
        "one tensor made twice", refused, model_of(nodes_after(first, first, last="other")), load
    )
    yield _model("a tensor made nowhere", refused, model_of(nodes_after(last="nowhere")), load)
    yield _model("an output made nowhere", refused, model_of(nodes_after()[:1]), load)
    lost = safe_model()
    del lost.graph.output[:]
    yield _model("no output", refused, lost, "output")
    twice = safe_model()
    twice.graph.output.append(twice.graph.output[0])
    yield _model("one output named twice", Outcome.ANY, twice)
    named = safe_model()
    named.graph.input[0].name = named.graph.node[0].input[0] = "im\x1b[31mage\n\u202e\x07"
    yield _model("control characters in names", Outcome.FINE, named)
    broken = model_of(nodes_after(helper.make_node("No\x1bSuch", ["image"], ["\x1b]0;t\x07\n"])))
    yield _model("control characters in an error", refused, broken, r"No\\x1bSuch")
    for opset in (1, 999):
        old = safe_model()
        old.opset_import[0].version = opset
        yield _model(f"opset {opset}", refused, old, load)
    future = safe_model()
    future.ir_version = 999
    yield _model("IR version 999", refused, future, load)
    kernel = {"kernel": np.ones((3, 7, 3, 3), dtype=np.float32)}
    wrong = helper.make_node("Conv", ["image", "kernel"], ["other"])
    yield _model(
        "weights of another shape",
        refused,
        model_of(nodes_after(wrong, last="other"), kernel),
        load,
    )
    lying = safe_model(output_shape=["N", 1000])
    yield _model("a wrong number of classes, declared", refused, lying, load)
    yield _model("scores of the whole batch", Outcome.FAILS, safe_model(head="mean over the batch"))
    nodes = [
        helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Gather", ["weights", "whole"], ["gathered"]),
        helper.make_node("ReduceMean", ["gathered"], ["scores"], axes=[1, 2, 3, 4], keepdims=0),
    ]
    yield _model("an index beyond the end", Outcome.FAILS, model_of(nodes), "ONNX Runtime failed")
    divided = [
        helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Sub", ["whole", "whole"], ["zero"]),
        helper.make_node("Div", ["whole", "zero"], ["divided"]),
        helper.make_node("Cast", ["divided"], ["other"], to=TensorProto.FLOAT),
    ]
    yield _model(
        "a whole number divided by 0", Outcome.FAILS, model_of(nodes_after(*divided, last="other"))
    )
    strings = [
        helper.make_node("ReduceMean", ["image"], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("Cast", ["colour"], ["scores"], to=TensorProto.STRING),
    ]
    worded = model_of(strings)
    yield _model("scores in words, undeclared", Outcome.ANY, worded)


def _inputs() -> Iterator[Case]:
    """Yield inputs and outputs that are no images and no scores."""
    kind = TensorProto
    of = helper.make_tensor_type_proto(kind.FLOAT, ["N", 3, SIDE, SIDE])
    types = {
        "a sequence": helper.make_sequence_type_proto(of),
        "an optional": helper.make_optional_type_proto(of),
        "a map": helper.make_map_type_proto(kind.INT64, of),
        "a sparse tensor": helper.make_sparse_tensor_type_proto(kind.FLOAT, ["N", 3, 8, 8]),
    }
    for name, value in types.items():
        model = safe_model()
        model.graph.input[0].type.CopyFrom(value)
        yield _model(f"the input is {name}", Outcome.REFUSED, model, "Expected an image input")
    for name, number in {"strings": kind.STRING, "complex": kind.COMPLEX64}.items():
        model = declared_model([("image", number, ["N", 3, SIDE, SIDE])])
        yield _model(f"the input is {name}", Outcome.REFUSED, model, "Expected an input of type")
    untyped = safe_model()
    untyped.graph.input[0].ClearField("type")
    yield _model("the input has no type", Outcome.REFUSED, untyped, "Expected an image input")
    nothing = safe_model()
    del nothing.graph.input[:]
    yield _model("no input", Outcome.REFUSED, nothing, "found 0 inputs")
    text = declared_model(
        [("image", kind.FLOAT, ["N", 3, SIDE, SIDE])], (kind.STRING, ["N", N_CLASSES])
    )
    yield _model("the output is strings", Outcome.REFUSED, text, "Expected class scores")


def loop_model(*, condition: str | None = None) -> ModelProto:
    """Return a model that loops without end: always, or where the image is bright."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["goes_on"], ["goes_on_out"]),
            helper.make_node("Neg", ["x"], ["y"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes_on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        ],
    )
    nodes = []
    if condition == "bright":
        nodes = [
            helper.make_node("ReduceMax", ["image"], ["brightest"], keepdims=0),
            helper.make_node("Greater", ["brightest", "limit"], ["yes"]),
        ]
    loop = helper.make_node("Loop", ["", "yes", "image"], ["other"], body=body)
    constants = {"yes": np.array(1, dtype=np.bool_), "limit": np.array(60, dtype=np.float32)}
    if nodes:
        del constants["yes"]
    return model_of(nodes_after(*nodes, loop, last="other"), constants)


def growing_model() -> ModelProto:
    """Return a model that holds 800 MB and then loops without end."""
    model = loop_model()
    loop = next(node for node in model.graph.node if node.op_type == "Loop")
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Mul", ["shape", "factor"], ["larger"]),
        helper.make_node("Expand", ["image", "larger"], ["big"]),
    ]
    n_bytes = 4 * 3 * SIDE * SIDE * 4
    factor = np.array([1, 1, -(-800_000_000 // n_bytes), 1])
    loop.input[2] = "big"
    inner = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *inner])
    model.graph.initializer.append(numpy_helper.from_array(factor, "factor"))
    return model


def nan_model() -> ModelProto:
    """Return a model whose weights are no numbers."""
    return model_of(nodes_after(), {"weights": np.full_like(WEIGHTS, np.nan)})


def _slow() -> Iterator[Case]:
    yield _model("a loop without end", Outcome.FAILS, loop_model(), "made to hang")


@cache
def cases() -> list[Case]:
    """Return the corpus; the last cases cost a deadline each."""
    makers = (
        _files,
        _damaged,
        _external,
        _operators,
        _sizes,
        _metadata,
        _graphs,
        _inputs,
    )
    sound = Case("a sound model", Outcome.FINE, lambda folder: save(safe_model(), folder))
    nan = _model("weights that are no numbers", Outcome.ANY, nan_model())
    return [sound, *(case for maker in makers for case in maker()), nan, *_slow()]


def write_corpus(folder: Path) -> list[tuple[Case, Path]]:
    """Write every case into a folder of its own, beside a canary of the weights' size."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CANARY).write_bytes(WEIGHTS.tobytes())
    written = []
    for number, case in enumerate(cases()):
        own = folder / f"{number:03}"
        own.mkdir()
        written.append((case, case.write(own)))
    return written


if __name__ == "__main__":
    for case, path in write_corpus(Path(sys.argv[1])):
        sys.stdout.write(f"{case.outcome:9} {path}  {case.name}\n")
