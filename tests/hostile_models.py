"""Awkward and hostile models, each with what must become of it.

``python tests/hostile_models.py FOLDER`` writes the corpus, a folder for each case, and prints the
expected outcomes. Beside the folders lies a file that no model may read.
"""

from __future__ import annotations

import os
import socket
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from hostile_contents import external_cases, operator_cases, size_cases
from hostile_kit import (
    CANARY,
    GIB,
    METADATA,
    SIDE,
    WEIGHTS,
    Case,
    Outcome,
    bytes_case,
    model_case,
    model_of,
    nodes_after,
    safe_model,
    save,
)
from models_for_tests import N_CLASSES, declared_model, loop_body, small_model
from onnx import TensorProto, helper, numpy_helper

from iaside_audit.classifier.preprocessing_sources import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import ModelProto


def _files() -> Iterator[Case]:
    """Yield what is no ONNX file at all."""
    refused = Outcome.REFUSED
    yield bytes_case("an empty file", refused, b"", "an empty file")
    yield bytes_case("text", refused, b"This is no model.\n", "found text")
    yield bytes_case("a web page", refused, b"<!doctype html><p>404</p>", "found text")
    yield bytes_case("a PNG", refused, b"\x89PNG\r\n\x1a\n" + bytes(64), "a PNG image")
    yield bytes_case("a ZIP", refused, b"PK\x03\x04" + bytes(64), "PyTorch")
    yield bytes_case("noise", refused, bytes(range(8, 256)), "Expected an ONNX model")
    yield bytes_case("zeros", refused, bytes(4096), "Expected an ONNX model")
    yield bytes_case("an .ort file, renamed", refused, b"\x18\0\0\0ORTM" + bytes(64), r"\.ort")
    turned = safe_model().SerializeToString().replace(b"scores", b"sc\xffres")
    yield bytes_case("names that are no text", refused, turned, "no text in UTF-8")
    yield bytes_case(
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
        yield bytes_case(f"cut at {share:.1%}", Outcome.REFUSED, cut)
    for number, place in enumerate(np.linspace(0, len(data) - 1, 16).astype(int)):
        turned = bytearray(data)
        turned[place] ^= 1 << number % 8
        yield bytes_case(f"bit {number % 8} of byte {place} turned", Outcome.ANY, bytes(turned))
    yield model_case("graphs within graphs, 24 deep", Outcome.FINE, _nested(24))
    deep = b""
    for _ in range(3000):
        deep = _field(1, _field(5, _field(6, deep)))  # graph.node.attribute.g
    yield bytes_case(
        "graphs within graphs, 3,000 deep",
        Outcome.REFUSED,
        safe_model().SerializeToString() + _field(7, deep),
        "Expected an ONNX model",
    )


def _field(number: int, content: bytes) -> bytes:
    """Return a field of protobuf's, which nests as deep as one likes where its library does not."""
    length, size = len(content), b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def _nested(depth: int) -> ModelProto:
    """Return a model of branches within branches."""
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    plain = helper.make_graph([helper.make_node("Neg", ["image"], ["y"])], "branch", [], [output])
    inner = plain
    for _ in range(depth):
        node = helper.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=plain)
        inner = helper.make_graph([node], "branch", [], [output])
    choice = helper.make_node("If", ["yes"], ["other"], then_branch=inner, else_branch=plain)
    yes = np.array(1, dtype=np.bool_)
    return model_of(nodes_after(choice, last="other"), {"yes": yes})


def _metadata() -> Iterator[Case]:
    """Yield metadata that is hostile to who reads the preprocessing in it."""
    size = f"[preprocess]\nresize = 32\ncrop = 32\n{'{}'}\n"
    texts = {
        "nested 10,000 deep": "x = " + "[" * 10_000,
        "a number of 5,000 digits": size.format("scale = " + "9" * 5000),
        "a crop of 4,300 digits": f"[preprocess]\nresize = 32\ncrop = {'9' * 4300}\n",
        "a scale beyond float": size.format("scale = 1" + "0" * 400),
        "a crop of 1,000,000 pixels": "[preprocess]\nresize = 0\ncrop = 1000000\n",
        "50,000 unknown keys": "[preprocess]\n" + "".join(f"k{n} = 1\n" for n in range(50_000)),
        "a key of 100,000 characters": f"[preprocess]\n{'k' * 100_000} = 1\n",
        "a zero byte": "[preprocess]\nresize = \0\n",
    }
    for name, text in texts.items():
        model = small_model(size=("H", "W"), metadata={METADATA_KEY: text})
        yield model_case(f"{METADATA}{name}", Outcome.FINE, model)


def _graphs() -> Iterator[Case]:
    """Yield graphs that do not fit together, or that do not fit an audit."""
    refused, load = Outcome.REFUSED, "can load|Expected"
    add = helper.make_node("Add", ["image", "z"], ["y"])
    back = helper.make_node("Relu", ["y"], ["z"])
    yield model_case("a cycle", refused, model_of(nodes_after(add, back, last="z")), "acyclic")
    first = helper.make_node("Relu", ["image"], ["other"])
    yield model_case(
        "one tensor made twice", refused, model_of(nodes_after(first, first, last="other")), load
    )
    for batch_dims in (-2, 2**63 - 1):  # ONNX Runtime 1.31 ends with signals 11 and 6
        gather = helper.make_node("GatherND", ["image", "at"], ["other"], batch_dims=batch_dims)
        crash = model_of(nodes_after(gather, last="other"), {"at": np.array([3])})
        yield model_case(f"a GatherND of {batch_dims} batch axes", Outcome.ANY, crash)
    yield model_case("a tensor made nowhere", refused, model_of(nodes_after(last="nowhere")), load)
    yield model_case("an output made nowhere", refused, model_of(nodes_after()[:1]), load)
    lost = safe_model()
    del lost.graph.output[:]
    yield model_case("no output", refused, lost, "output")
    twice = safe_model()
    twice.graph.output.append(twice.graph.output[0])
    yield model_case("one output named twice", Outcome.ANY, twice)
    named = safe_model()
    named.graph.input[0].name = named.graph.node[0].input[0] = "im\x1b[31mage\n\u202e\x07"
    yield model_case("control characters in names", Outcome.FINE, named)
    broken = model_of(nodes_after(helper.make_node("No\x1bSuch", ["image"], ["\x1b]0;t\x07\n"])))
    yield model_case("control characters in an error", refused, broken, r"No\\x1bSuch")
    for opset in (1, 999):
        old = safe_model()
        old.opset_import[0].version = opset
        yield model_case(f"opset {opset}", Outcome.ANY if opset == 1 else refused, old, load)
    future = safe_model()
    future.ir_version = 999
    yield model_case("IR version 999", refused, future, load)
    kernel = {"kernel": np.ones((3, 7, 3, 3), dtype=np.float32)}
    wrong = helper.make_node("Conv", ["image", "kernel"], ["other"])
    yield model_case(
        "weights of another shape",
        Outcome.FAILS,
        model_of(nodes_after(wrong, last="other"), kernel),
        "ONNX Runtime failed",
    )
    lying = safe_model(output_shape=["N", 1000])
    yield model_case("a wrong number of classes, declared", refused, lying, load)
    yield model_case(
        "scores of the whole batch", Outcome.FAILS, safe_model(head="mean over the batch")
    )
    nodes = [
        helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Gather", ["weights", "whole"], ["gathered"]),
        helper.make_node("ReduceMean", ["gathered"], ["scores"], axes=[1, 2, 3, 4], keepdims=0),
    ]
    yield model_case(
        "an index beyond the end", Outcome.FAILS, model_of(nodes), "ONNX Runtime failed"
    )
    divided = [
        helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Sub", ["whole", "whole"], ["zero"]),
        helper.make_node("Div", ["whole", "zero"], ["divided"]),
        helper.make_node("Cast", ["divided"], ["other"], to=TensorProto.FLOAT),
    ]
    yield model_case(
        "a whole number divided by 0", Outcome.FAILS, model_of(nodes_after(*divided, last="other"))
    )
    strings = [
        helper.make_node("ReduceMean", ["image"], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("Cast", ["colour"], ["scores"], to=TensorProto.STRING),
    ]
    worded = model_of(strings)
    yield model_case("scores in words, undeclared", Outcome.ANY, worded)


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
        yield model_case(f"the input is {name}", Outcome.REFUSED, model, "Expected an image input")
    for name, number in {"strings": kind.STRING, "complex": kind.COMPLEX64}.items():
        model = declared_model([("image", number, ["N", 3, SIDE, SIDE])])
        yield model_case(
            f"the input is {name}", Outcome.REFUSED, model, "Expected an input of type"
        )
    untyped = safe_model()
    untyped.graph.input[0].ClearField("type")
    yield model_case("the input has no type", Outcome.REFUSED, untyped, "Expected an image input")
    nothing = safe_model()
    del nothing.graph.input[:]
    yield model_case("no input", Outcome.REFUSED, nothing, "found 0 inputs")
    text = declared_model(
        [("image", kind.FLOAT, ["N", 3, SIDE, SIDE])], (kind.STRING, ["N", N_CLASSES])
    )
    yield model_case("the output is strings", Outcome.REFUSED, text, "Expected class scores")


def loop_model(*, condition: str | None = None) -> ModelProto:
    """Return a model that loops without end: always, or where the image is bright."""
    nodes = []
    if condition == "bright":
        nodes = [
            helper.make_node("ReduceMax", ["image"], ["brightest"], keepdims=0),
            helper.make_node("Greater", ["brightest", "limit"], ["yes"]),
        ]
    loop = helper.make_node("Loop", ["", "yes", "image"], ["other"], body=loop_body("Neg"))
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
        helper.make_node("ConstantOfShape", ["larger"], ["big"]),
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


@cache
def slow_cases() -> list[Case]:
    """Return those of the corpus that cost a deadline each."""
    return [model_case("a loop without end", Outcome.FAILS, loop_model(), "made to hang")]


@cache
def cases() -> list[Case]:
    """Return the corpus, the slow cases last."""
    makers = (
        _files,
        _damaged,
        external_cases,
        operator_cases,
        size_cases,
        _metadata,
        _graphs,
        _inputs,
    )
    sound = Case("a sound model", Outcome.FINE, lambda folder: save(safe_model(), folder))
    nan = model_case("weights that are no numbers", Outcome.ANY, nan_model())
    return [sound, *(case for maker in makers for case in maker()), nan, *slow_cases()]


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
