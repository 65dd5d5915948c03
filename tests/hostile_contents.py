"""Models that would read other files, run other code, or fill the memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from hostile_kit import (
    CANARY,
    IN_MEMORY,
    N_BYTES,
    STANDARD,
    TIB,
    WEIGHTS,
    Case,
    Outcome,
    external,
    folder_case,
    model_case,
    model_of,
    nodes_after,
    safe_model,
    save,
    weights_file,
)
from models_for_tests import N_CLASSES
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from onnx import FunctionProto, ModelProto, NodeProto


def external_cases() -> Iterator[Case]:
    """Yield external data from elsewhere, and such that are not there."""
    refused = Outcome.REFUSED

    def case(
        name: str,
        location: str,
        says: str,
        prepare: Callable[[Path], object] = weights_file,
        **entries: object,
    ) -> Case:
        model = model_of(nodes_after(), tensors=[external(location, **entries)])
        return folder_case(f"external data: {name}", refused, model, prepare, says)

    yield folder_case(
        "external data: beside the model",
        Outcome.FINE,
        model_of(nodes_after(), tensors=[external("weights.bin", offset=0, length=N_BYTES)]),
        weights_file,
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
    yield folder_case(
        "external data: named twice",
        refused,
        model_of(nodes_after(), tensors=[twice]),
        weights_file,
        "named twice",
    )
    huge = external("weights.bin")
    huge.dims[:] = [3, TIB]
    yield folder_case(
        "external data: a sparse file of 12 TiB",
        refused,
        model_of(nodes_after(), tensors=[huge]),
        lambda at: os.truncate(_touched(at / "weights.bin"), 12 * TIB),
        "tensors of",
    )
    elsewhere = external(f"../{CANARY}")
    elsewhere.ClearField("name")
    constant = helper.make_node("Constant", [], ["weights"], value=elsewhere)
    yield model_case(
        "external data: of a constant", refused, model_of(nodes_after(constant)), "not below"
    )
    function = helper.make_function(
        "local", "F", ["x"], ["y"], [constant, helper.make_node("MatMul", ["x", "weights"], ["y"])],
        [STANDARD],
    )  # fmt: skip
    nodes = [*nodes_after()[:1], helper.make_node("F", ["colour"], ["scores"], domain="local")]
    yield model_case(
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
    yield model_case(
        "external data: of a branch",
        refused,
        model_of([*nodes_after()[:1], choice], {"yes": np.array(1, dtype=np.bool_)}),
        "not below",
    )
    values = external(f"../{CANARY}")
    values.dims[:] = [1]
    indices = numpy_helper.from_array(np.array([3]))
    yield model_case(
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


def operator_cases() -> Iterator[Case]:
    """Yield operators and functions that are not allowed, or defined too often."""
    refused = Outcome.REFUSED

    def operator(domain: str, name: str, outcome: Outcome, says: str) -> Case:
        node = helper.make_node(name, ["image"], ["other"], domain=domain)
        model = model_of(nodes_after(node, last="other"), domains=[domain])
        return model_case(f"operator {name} of {domain}", outcome, model, says)

    yield operator("com.example", "Custom", refused, "of the domain 'com.example'")
    yield operator("ai.onnx.ml", "Normalizer", refused, "of the domain 'ai.onnx.ml'")
    yield operator("ai.onnx.training", "Adam", refused, "of the domain 'ai.onnx.training'")
    yield operator("com.microsoft.nchwc", "ReorderInput", refused, "of the domain")
    yield operator("com.microsoft", "EPContext", refused, "another file")
    yield operator("com.microsoft", "QuickGelu", Outcome.FINE, "")
    yield operator("com.microsoft", "NoSuchOperator", refused, "NoSuchOperator")
    yield model_case(
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
    yield model_case(
        "a function of the model's own",
        Outcome.FINE,
        calling(functions(("local", "F", plain)), "local", "F"),
    )
    yield model_case(
        "an unknown domain within a function",
        refused,
        calling(functions(("local", "F", custom)), "local", "F"),
        "of the domain 'com.example'",
    )
    for domain, name in (("ai.onnx.ml", "Binarizer"), ("", "Relu")):
        yield model_case(
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
    yield model_case(
        "functions 3,000 deep",
        refused,
        calling(functions(*chain), "local", "f2999"),
        "functions within functions, 3000 deep",
    )
    yield model_case(
        "functions 40 deep", Outcome.FINE, calling(functions(*chain[:40]), "local", "f39")
    )
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
    yield model_case(
        "functions that double 39 times",
        refused,
        calling(functions(*twice), "local", "f39"),
        "nodes once its functions are expanded",
    )
    itself = [helper.make_node("F", ["x"], ["y"], domain="local")]
    yield model_case(
        "a function that calls itself",
        refused,
        calling(functions(("local", "F", itself)), "local", "F"),
        "call themselves",
    )
    yield model_case(
        "one function defined twice",
        refused,
        calling(functions(("local", "F", plain), ("local", "F", custom)), "local", "F"),
        "two functions of one name",
    )

    def very_many(folder: Path) -> Path:
        many = [helper.make_node("Neg", ["image"], [f"n{n}"]) for n in range(200_001)]
        return save(model_of(nodes_after(*many)), folder)

    yield Case("200,003 nodes", refused, very_many, "more than 200,000 nodes")


def size_cases() -> Iterator[Case]:
    """Yield small files that declare, or ask for, a lot."""
    refused = Outcome.REFUSED

    def stored(name: str, says: str, *dims: int, kind: int = TensorProto.FLOAT) -> Case:
        tensor = TensorProto(name="weights", data_type=kind, dims=dims)
        return model_case(name, refused, model_of(nodes_after(), tensors=[tensor]), says)

    yield stored("weights that are not there", "not there", *WEIGHTS.shape)
    yield stored("12 TiB of weights that are not there", "not there", 3, TIB)
    yield stored("sizes whose product is 0 in 64 bits", "not there", 2**32, 2**32)
    yield stored("weights of a negative size", "of size 3 x -5", 3, -5)
    yield stored("weights of no type", "and type 0", *WEIGHTS.shape, kind=0)
    yield stored("weights of an unknown type", "and type 77", *WEIGHTS.shape, kind=77)
    half = numpy_helper.from_array(WEIGHTS, "weights")
    half.raw_data = half.raw_data[: N_BYTES // 2]
    yield model_case(
        "half the weights", refused, model_of(nodes_after(), tensors=[half]), "not there"
    )

    def sparse(name: str, index: int, dims: Sequence[int], says: str) -> Case:
        one = helper.make_sparse_tensor(
            numpy_helper.from_array(np.ones(1, dtype=np.float32), "weights"),
            numpy_helper.from_array(np.array([index])),
            dims,
        )
        return model_case(name, refused, model_of(nodes_after(), sparse=[one]), says)

    yield sparse("sparse weights of 12 TiB", 0, [3, TIB], "tensors of")
    yield sparse("a sparse weight beyond the end", 10**12, [3, N_CLASSES], "can load")
    yield sparse("a sparse weight before the start", -(10**6), [3, N_CLASSES], "can load")

    shape = np.array([TIB, 4])
    yield model_case(
        "a ConstantOfShape of 4 TiB",
        refused,
        model_of(nodes_after(_of_shape("ConstantOfShape", "shape")), {"shape": shape}),
        "a ConstantOfShape of 4,398,046,511,104 values",
    )
    constant = helper.make_node("Constant", [], ["shape"], value_ints=[TIB, 4])
    yield model_case(
        "a ConstantOfShape of 4 TiB, by a node",
        refused,
        model_of(nodes_after(constant, _of_shape("ConstantOfShape", "shape"))),
        "a ConstantOfShape of",
    )
    yield model_case(
        "a RandomNormal of 4 TiB",
        refused,
        model_of(nodes_after(helper.make_node("RandomNormal", [], ["big"], shape=[TIB, 4]))),
        "a RandomNormal of",
    )
    computed = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Mul", ["shape", "factor"], ["larger"]),
        helper.make_node("ConstantOfShape", ["larger"], ["other"]),
    ]
    yield model_case(
        "a ConstantOfShape of 6,000 TiB, while running",
        Outcome.FAILS,
        model_of(nodes_after(*computed, last="other"), {"factor": np.array([1, 1, 2**19, 2**18])}),
        "ONNX Runtime failed",
    )
    pads = np.array([0, 0, 10**7, 10**7] * 2)
    yield model_case(
        "a Pad to 1,000 TiB",
        Outcome.FAILS,
        model_of(
            nodes_after(helper.make_node("Pad", ["image", "pads"], ["other"]), last="other"),
            {"pads": pads},
        ),
        "ONNX Runtime failed",
    )
    large = safe_model(size=(31623, 31623))
    yield model_case("an input of 1,000 megapixels", refused, large, "an input of")
    yield model_case("a batch of a million", refused, safe_model(batch=10**6), "an input of")
    many = {f"key {n}": "x" * 1000 for n in range(2000)}
    yield model_case("2 MB of metadata", refused, safe_model(metadata=many), "names and metadata")


def _of_shape(operator: str, shape: str) -> NodeProto:
    return helper.make_node(operator, [shape], ["big"])
