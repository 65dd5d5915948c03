"""Recipes are data that preprocessing files can hold; built-in normalisation is read off graphs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from iaside_audit.classifier import builtin_normalisation as builtin
from iaside_audit.classifier.builtin_normalisation import find_builtin_normalisation
from iaside_audit.classifier.catalogue import catalogue
from iaside_audit.classifier.identity import file_sha256
from iaside_audit.classifier.neighbours import neighbouring_preprocessings, parse_timm
from iaside_audit.classifier.preprocessing_sources import METADATA_KEY, parse_toml, to_toml
from iaside_audit.classifier.recipes import (
    QUICK,
    geometries,
    geometry_in,
    normalisation_in,
    normalisations,
    preprocessing_of,
)
from iaside_audit.errors import SpecError
from iaside_audit.preprocessing import Interpolation, Preprocessing

RECIPES = [*normalisations(1), *normalisations(3)]
CROPS = st.tuples(st.integers(16, 600), st.integers(16, 600))


@pytest.mark.parametrize("n_channels", [1, 3])
def test_normalisations_differ_in_name_and_numbers(n_channels: int) -> None:
    """No recipe is tried twice, and none hides behind another's name."""
    recipes = normalisations(n_channels)
    assert len({one.name for one in recipes}) == len(recipes)
    assert len({one.numbers for one in recipes}) == len(recipes)
    assert all(len(one.mean) == len(one.std) == n_channels for one in recipes)


def test_quick_recipes_exist() -> None:
    """The few that a running audit tries are among the colour recipes."""
    assert set(QUICK) <= {one.name for one in normalisations(3)}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda one: one.name)
def test_recipe_survives_a_file(recipe: Any) -> None:
    """A recipe becomes a preprocessing, a TOML file, and is recognised again."""
    geometry = geometries((224, 224))[0]
    preprocessing = preprocessing_of(recipe, geometry)
    read = parse_toml(to_toml(preprocessing), source=preprocessing.source)
    assert read == preprocessing
    assert (normalisation_in(read), geometry_in(read)) == (recipe, geometry)


def test_unknown_normalisation_is_named_by_its_source() -> None:
    """What equals no recipe says where it is from."""
    odd = Preprocessing(resize=0, crop=32, mean=(0.1, 0.2, 0.3), source="odd.toml")
    assert normalisation_in(odd).name == "as in odd.toml"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda one: one.name)
def test_range_is_that_of_all_bytes(recipe: Any) -> None:
    """The range is the least and greatest of what 0 to 255 become in any channel."""
    levels = np.arange(256)[:, None] * recipe.scale
    values = (levels - np.array(recipe.mean)) / np.array(recipe.std)
    assert recipe.range == pytest.approx((values.min(), values.max()))


@given(crop=CROPS, enlarged=st.booleans())
def test_geometries_end_in_the_crop(crop: tuple[int, int], enlarged: bool) -> None:  # noqa: FBT001
    """Every geometry is different, ends in the crop, and is no smaller before it."""
    found = geometries(crop, enlarged=enlarged)
    assert len(set(found)) == len(found)
    assert {preprocessing_of(RECIPES[-1], one).crop_size for one in found} == {crop}
    assert (found[0].resize == 0) is not enlarged
    for one in found:
        if isinstance(one.resize, tuple):
            assert one.resize[0] >= crop[0]
            assert one.resize[1] >= crop[1]
        elif one.resize:
            assert one.resize >= min(crop)


def test_caffe_resizes_to_256_whatever_its_crop() -> None:
    """AlexNet's and SqueezeNet's 227 px are cut out of 256."""
    assert geometries((227, 227))[0].resize == 256


def graph_of(
    steps: list[tuple[str, list[str]]],
    constants: dict[str, Any],
    *,
    attributes: dict[str, Any] | None = None,
) -> onnx.ModelProto:
    """Build a graph that ends in a convolution; each step takes ``x`` and constants."""
    nodes, name = [], "image"
    for number, (operator, inputs) in enumerate(steps):
        output = f"x{number}"
        taken = [name if one == "x" else one for one in inputs]
        options = (attributes or {}) if operator != "Cast" else {"to": TensorProto.FLOAT}
        nodes.append(helper.make_node(operator, taken, [output], **options))
        name = output
    nodes.append(helper.make_node("Conv", [name, "kernel"], ["scores"]))
    stored = {"kernel": np.ones((2, 3, 1, 1)), **constants}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2, 8, 8])],
        [
            numpy_helper.from_array(np.asarray(value, dtype=np.float32), key)
            for key, value in stored.items()
        ],
    )
    return helper.make_model(graph)


class BuiltIn(NamedTuple):
    """What a graph begins with, and the recipe that it points to."""

    name: str
    steps: list[tuple[str, list[str]]]
    constants: dict[str, Any]
    suggests: str
    attributes: dict[str, Any] | None = None


MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
BUILT_IN = [
    BuiltIn(
        "ImageNet of 0..1",
        [("Sub", ["x", "m"]), ("Div", ["x", "s"])],
        {"m": MEAN.reshape(1, 3, 1, 1), "s": STD.reshape(1, 3, 1, 1)},
        "0..1",
    ),
    BuiltIn(
        "ImageNet of 0..255",
        [("Sub", ["x", "m"]), ("Mul", ["s", "x"])],
        {"m": 255 * MEAN.reshape(3, 1, 1), "s": 1 / (255 * STD).reshape(3, 1, 1)},
        "0..255",
    ),
    BuiltIn(
        "Keras rescaling",
        [("Mul", ["x", "s"]), ("Add", ["x", "o"])],
        {"s": 1 / 127.5, "o": -1.0},
        "0..255",
    ),
    BuiltIn(
        "Caffe mean", [("Sub", ["x", "m"])], {"m": [[[104.0]], [[117.0]], [[123.0]]]}, "0..255"
    ),
    BuiltIn("division by 255", [("Div", ["x", "s"])], {"s": [255.0]}, "0..255"),
    BuiltIn(
        "cast and transpose first",
        [("Cast", ["x"]), ("Transpose", ["x"]), ("Sub", ["x", "m"]), ("Div", ["x", "s"])],
        {"m": 0.5, "s": 0.25},
        "0..1",
    ),
    BuiltIn(
        "batch normalisation",
        [("BatchNormalization", ["x", "g", "b", "m", "v"])],
        {"g": np.ones(3), "b": np.zeros(3), "m": 255 * MEAN, "v": (255 * STD) ** 2},
        "0..255",
    ),
    BuiltIn("-1..1, cut", [("Clip", ["x", "l", "h"])], {"l": -0.996, "h": 1.004}, "-1..1"),
    BuiltIn(
        "ImageNet, cut", [("Clip", ["x", "l", "h"])], {"l": -2.127, "h": 2.631}, "ImageNet mean/std"
    ),
    BuiltIn(
        "0..255, cut as before opset 11",
        [("Clip", ["x"])],
        {},
        "0..255",
        {"min": 0.0, "max": 255.0},
    ),
    BuiltIn(
        "0..1, quantised",
        [("QuantizeLinear", ["x", "s", "z"])],
        {"s": 1 / 255, "z": -128.0},
        "0..1",
    ),
]


@pytest.mark.parametrize("case", BUILT_IN, ids=lambda case: case.name)
def test_builtin_normalisation_points_to_what_the_graph_takes(case: BuiltIn) -> None:
    """First nodes of every usual kind are read, and say which recipe to try first."""
    model = graph_of(case.steps, case.constants, attributes=case.attributes)
    found = find_builtin_normalisation(model, "image")
    assert found is not None
    assert found.suggests == case.suggests
    assert found.text


@pytest.mark.parametrize(
    ("steps", "constants"),
    [
        ([], {}),
        ([("Sub", ["x", "x"])], {}),
        ([("Sub", ["x", "m"])], {"m": np.zeros((3, 8, 8))}),
        ([("Div", ["x", "s"])], {"s": 0.0}),
        ([("Mul", ["x", "s"])], {"s": np.inf}),
        ([("Clip", ["x", "l", "h"])], {"l": 3.0, "h": 2.0}),
        ([("Relu", ["x"]), ("Sub", ["x", "m"])], {"m": 0.5}),
    ],
    ids=["none", "with itself", "mean image", "by 0", "by inf", "empty range", "after a Relu"],
)
def test_what_is_no_normalisation_is_none(
    steps: list[tuple[str, list[str]]], constants: dict[str, Any]
) -> None:
    """What cannot be understood is not guessed at."""
    assert find_builtin_normalisation(graph_of(steps, constants), "image") is None


def test_constant_in_an_external_file_is_not_read() -> None:
    """A constant that lies elsewhere is unknown, and no error."""
    model = graph_of([("Sub", ["x", "m"])], {"m": 0.5})
    tensor = next(one for one in model.graph.initializer if one.name == "m")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    assert find_builtin_normalisation(model, "image") is None


def test_walk_in_a_circle_ends() -> None:
    """A hostile graph that feeds itself is left at once."""
    model = graph_of([("Identity", ["x"])], {})
    del model.graph.node[:]
    model.graph.node.extend(
        [helper.make_node("Identity", ["image"], ["a"]), helper.make_node("Neg", ["q"], ["a"])]
    )
    model.graph.node.append(helper.make_node("Identity", ["a"], ["image"]))
    assert find_builtin_normalisation(model, "image") is None


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["Add", "Sub", "Mul", "Div", "minuend"]),
        st.floats(0.5, 4).map(lambda one: float(np.float32(one))),
    ),
    min_size=1,
    max_size=5,
)


@given(operations=OPERATIONS, probe=st.floats(-3, 3))
def test_affine_chains_compose(operations: list[tuple[str, float]], probe: float) -> None:
    """The gain and offset that are gathered do what the nodes do one after the other."""
    found, value = builtin._Found(), probe
    for operator, constant in operations:
        is_minuend = operator == "minuend"
        node = helper.make_node(
            "Sub" if is_minuend else operator, ["c", "x"] if is_minuend else ["x", "c"], ["y"]
        )
        tensors = {"c": numpy_helper.from_array(np.array(constant, dtype=np.float32), "c")}
        assert builtin._take(node, "x", tensors, found)
        value = {
            "Add": value + constant,
            "Sub": value - constant,
            "Mul": value * constant,
            "Div": value / constant,
            "minuend": constant - value,
        }[operator]
    assert probe * found.gain[0] + found.offset[0] == pytest.approx(value, rel=1e-9, abs=1e-9)


TIMM: dict[str, Any] = {
    "input_size": [3, 224, 224],
    "crop_pct": 0.9,
    "interpolation": "bicubic",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}


@pytest.mark.parametrize("config", [TIMM, {"architecture": "x", "pretrained_cfg": TIMM}])
def test_timm_configuration_is_read_as_timm_does(config: dict[str, Any]) -> None:
    """The shorter side becomes floor(224 / 0.9) = 248, and the centre is taken."""
    read = parse_timm(json.dumps(config), source="config.json")
    assert read == Preprocessing(
        resize=248,
        crop=224,
        interpolation=Interpolation.BICUBIC,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        source="config.json",
    )


def test_timm_prefers_the_size_it_is_tested_at() -> None:
    """The test size and crop win, and a squash resizes both sides."""
    config = TIMM | {"test_input_size": [3, 288, 288], "test_crop_pct": 1.0, "crop_mode": "squash"}
    read = parse_timm(json.dumps(config), source="c")
    assert read is not None
    assert (read.resize, read.crop) == ((288, 288), 288)


def test_configuration_of_another_program_is_none() -> None:
    """Hugging Face keeps the model's own configuration under the same name."""
    assert parse_timm(json.dumps({"model_type": "vit", "image_size": 224}), source="c") is None
    assert parse_timm("[]", source="c") is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        json.dumps(TIMM | {"crop_mode": "border"}),
        json.dumps(TIMM | {"input_size": [3, 224]}),
        json.dumps(TIMM | {"interpolation": "random"}),
    ],
    ids=["no JSON", "border", "no size", "random filter"],
)
def test_faulty_timm_configuration_is_named(text: str) -> None:
    """What timm's configuration says and a preprocessing cannot is an error with its place."""
    with pytest.raises(SpecError, match=r"timm's configuration in c"):
        parse_timm(text, source="c")


def test_every_place_around_a_model_is_read(tmp_path: Path) -> None:
    """All four neighbours are found in order, and a faulty one is named and passed over."""
    model = tmp_path / "net.onnx"
    toml = "[preprocess]\nresize = 0\ncrop = {}\n"
    (tmp_path / "net.toml").write_text(toml.format(31))
    (tmp_path / "preprocessor_config.json").write_text("{")
    (tmp_path / "config.json").write_text(json.dumps(TIMM))
    found, faults = neighbouring_preprocessings(
        model, sha256="0" * 64, metadata={METADATA_KEY: toml.format(32)}
    )
    assert [one.crop for one in found] == [31, 224, 32]
    assert len(faults) == 1
    assert "preprocessor_config.json" in faults[0]


def test_catalogue_is_a_place_too() -> None:
    """A file of the catalogue brings the catalogue's preprocessing."""
    shipped = catalogue()[0]
    found, faults = neighbouring_preprocessings(
        Path("nowhere/net.onnx"), sha256=file_sha256(shipped.path), metadata={}
    )
    assert [replace(one, source="") for one in found] == [replace(shipped.preprocessing, source="")]
    assert faults == ()
