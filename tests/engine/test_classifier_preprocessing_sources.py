"""Preprocessing is found in one order of places, read exactly, and never assumed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.classifier.catalogue import shipped_models
from iaside_audit.classifier.neighbours import neighbouring_preprocessings
from iaside_audit.classifier.preprocessing_sources import (
    METADATA_KEY,
    find_preprocessing,
    parse_hugging_face,
    parse_toml,
    read_preprocessing,
    to_toml,
)
from iaside_audit.errors import SpecError
from iaside_audit.preprocessing import (
    ChannelOrder,
    Interpolation,
    Layout,
    Preprocessing,
    Rounding,
)

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def toml_of_crop(crop: int) -> str:
    """Return a preprocessing file that its crop tells apart."""
    return f"[preprocess]\nresize = 0\ncrop = {crop}\n"


def hugging_face_of_size(size: int) -> str:
    """Return a Hugging Face configuration that its size tells apart."""
    return json.dumps({"size": size, "do_normalize": False})


def test_places_are_asked_in_the_promised_order(tmp_path: Path) -> None:
    """--preprocess, MODEL.toml, preprocessor_config.json, metadata, catalogue; else an error."""
    model = tmp_path / "net.onnx"
    given_file, neighbour = tmp_path / "given.toml", tmp_path / "net.toml"
    hugging_face = tmp_path / "preprocessor_config.json"
    given_file.write_text(toml_of_crop(31))
    neighbour.write_text(toml_of_crop(32))
    hugging_face.write_text(hugging_face_of_size(33))
    metadata = {METADATA_KEY: toml_of_crop(34)}
    shipped = shipped_models()[0]

    def found(source: str) -> tuple[object, str]:
        one = find_preprocessing(source, model=model, sha256=shipped.sha256, metadata=metadata)
        return one.crop, one.source

    assert found(str(given_file)) == (31, str(given_file))
    assert found("auto") == (32, str(neighbour))
    neighbour.unlink()
    assert found("auto") == (33, str(hugging_face))
    hugging_face.unlink()
    assert found("auto") == (34, "the model's metadata")
    metadata.clear()
    assert found("auto") == (shipped.preprocessing.crop, f"catalogue: {shipped.id}")
    with pytest.raises(SpecError, match=r"Expected the preprocessing of 'net\.onnx', found none"):
        find_preprocessing("auto", model=model, sha256="0" * 64, metadata={})


def test_nothing_found_names_every_place_and_the_next_step(tmp_path: Path) -> None:
    """The error lists the places that were looked at and the command that finds it."""
    model = tmp_path / "net.onnx"
    with pytest.raises(SpecError, match=r"no 'net\.toml' and no 'preprocessor_config\.json'") as e:
        find_preprocessing("auto", model=model, sha256="0" * 64, metadata={"author": "x"})
    assert "nothing in its metadata, and it is not in the catalogue" in e.value.message
    assert f"iaside-audit inspect {model} --images PATH --write" in e.value.message
    assert "--preprocess FILE.toml" in e.value.message
    assert e.value.path == str(model)


def test_faulty_neighbour_is_an_error_not_the_next_place(tmp_path: Path) -> None:
    """A place that holds something faulty is never passed over in silence."""
    (tmp_path / "net.toml").write_text("[preprocess]\ncrop = 32\n")
    with pytest.raises(SpecError, match=r"net\.toml is faulty: 'resize' is missing"):
        find_preprocessing(
            "auto",
            model=tmp_path / "net.onnx",
            sha256="0" * 64,
            metadata={METADATA_KEY: toml_of_crop(34)},
        )


def test_named_source_may_be_a_catalogue_id() -> None:
    """A bare name is an id of the catalogue; a misspelt one is answered with the nearest."""
    shipped = shipped_models()[0]
    model = Path("net.onnx")
    found = find_preprocessing(shipped.id, model=model, sha256="", metadata={})
    assert found == shipped.preprocessing
    with pytest.raises(SpecError, match=f"Did you mean '{shipped.id}'"):
        find_preprocessing(shipped.id[:-1], model=model, sha256="", metadata={})


@pytest.mark.parametrize("source", ["none.toml", "folder/none", "config.json"])
def test_named_file_that_is_not_there_is_said(source: str) -> None:
    """A path that leads nowhere is not mistaken for a catalogue id."""
    with pytest.raises(SpecError, match=f"found nothing at '{source}'.*Check --preprocess"):
        find_preprocessing(source, model=Path("net.onnx"), sha256="", metadata={})


def test_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    """A binary file is unreadable, not a crash."""
    path = tmp_path / "p.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"p\.toml' unreadable.*Check the path") as caught:
        read_preprocessing(path)
    assert caught.value.path == str(path)


sizes = st.integers(1, 4096)
numbers = st.floats(allow_nan=False, allow_infinity=False)
divisors = numbers.filter(bool)


@st.composite
def preprocessings(draw: st.DrawFn) -> Preprocessing:
    """Draw valid preprocessing of every kind."""
    order = draw(st.sampled_from(ChannelOrder))
    n_channels = 1 if order == ChannelOrder.GREY else 3
    per_channel = {"min_size": n_channels, "max_size": n_channels}
    return Preprocessing(
        resize=draw(st.just(0) | sizes | st.tuples(sizes, sizes)),
        crop=draw(sizes | st.tuples(sizes, sizes)),
        interpolation=draw(st.sampled_from(Interpolation)),
        channel_order=order,
        scale=draw(divisors),
        mean=tuple(draw(st.lists(numbers, **per_channel))),
        std=tuple(draw(st.lists(divisors, **per_channel))),
        layout=draw(st.sampled_from(Layout)),
        rounding=draw(st.sampled_from(Rounding)),
        source=draw(st.text()),
    )


@given(preprocessing=preprocessings())
def test_toml_round_trip(preprocessing: Preprocessing) -> None:
    """What is written as TOML reads back the same, to the last bit of every number."""
    read = parse_toml(to_toml(preprocessing), source="here")
    assert read == replace(preprocessing, source="here")


def test_toml_defaults_are_the_documented_ones() -> None:
    """Only resize and crop must be given; the rest is INTERFACE.md's."""
    assert parse_toml(toml_of_crop(224), source="here") == Preprocessing(
        resize=0,
        crop=224,
        interpolation=Interpolation.BILINEAR,
        channel_order=ChannelOrder.RGB,
        scale=1 / 255,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        layout=Layout.AUTO,
        source="here",
    )


class Fault(NamedTuple):
    """A TOML text and what must be said of it, all at once."""

    name: str
    text: str
    said: tuple[str, ...]


FAULTS = [
    Fault("no TOML", "[preprocess\n", ("found a fault in p.toml", "line 1")),
    Fault("no table", "[other]\n", ("Expected a table [preprocess] in p.toml, found none",)),
    Fault("no table but a value", "preprocess = 3\n", ("Expected a table [preprocess]",)),
    Fault(
        "names",
        '[preprocess]\nresise = 256\ninterpolaton = "area"\nsource = "x"\nzzz = 1\n',
        (
            "unknown key 'resise'. Did you mean 'resize'?",
            "unknown key 'interpolaton'. Did you mean 'interpolation'?",
            "unknown key 'source'",
            "unknown key 'zzz'.",
            "'resize' is missing",
            "'crop' is missing",
        ),
    ),
    Fault(
        "values",
        '[preprocess]\nresize = -1\ncrop = 0\ninterpolation = "bilinaer"\nchannel_order = "RBG"\n'
        'layout = "NWHC"\nscale = 0\nmean = [1.0]\nstd = [1, 0, 1]\n',
        (
            "resize is -1",
            "crop is 0",
            "interpolation is 'bilinaer', expected one of bilinear",
            "Did you mean 'bilinear'?",
            "channel_order is 'RBG'",
            "layout is 'NWHC'",
            "scale is 0",
            "mean has 1 numbers, expected 3",
            "std holds a zero",
        ),
    ),
    Fault(
        "types",
        '[preprocess]\nresize = true\ncrop = [224]\nscale = "1"\nmean = 0.5\nstd = [nan, inf, 1]\n',
        ("resize is True", "crop is (224,)", "scale is '1'", "mean is 0.5", "std is [nan, inf, 1]"),
    ),
    Fault(
        "grey with colour's numbers",
        '[preprocess]\nresize = 0\ncrop = 28\nchannel_order = "L"\n',
        ("mean has 3 numbers, expected 1", "std has 3 numbers, expected 1"),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_toml_faults_are_named_all_at_once(fault: Fault) -> None:
    """One reading names every fault, the file, and the nearest known names."""
    with pytest.raises(SpecError) as caught:
        parse_toml(fault.text, source="p.toml")
    assert [part for part in fault.said if part not in caught.value.message] == []
    assert "p.toml" in caught.value.message
    assert caught.value.path == "p.toml"


class HuggingFace(NamedTuple):
    """A processor's configuration as models publish it, and what it means."""

    name: str
    config: dict[str, Any]
    meaning: dict[str, Any]


NORMALISED = {"image_mean": list(IMAGENET_MEAN), "image_std": list(IMAGENET_STD)}
SQUARE = {"height": 224, "width": 224}
PROCESSORS = [
    HuggingFace(
        "ViT",
        {
            "do_normalize": True,
            "do_resize": True,
            "do_rescale": True,
            "rescale_factor": 0.00392156862745098,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "resample": 2,
            "size": SQUARE,
            "image_processor_type": "ViTImageProcessor",
        },
        {
            "resize": (224, 224),
            "crop": (224, 224),
            "interpolation": "bilinear",
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "scale": 1 / 255,
        },
    ),
    HuggingFace(
        "old ViT",
        {"size": 224, "resample": 2, **NORMALISED},
        {"resize": (224, 224), "crop": 224, "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    ),
    HuggingFace(
        "ResNet",
        {
            "do_center_crop": True,
            "crop_size": SQUARE,
            "size": {"shortest_edge": 256},
            "resample": 3,
            **NORMALISED,
        },
        {"resize": 256, "crop": (224, 224), "interpolation": "bicubic", "mean": IMAGENET_MEAN},
    ),
    HuggingFace(
        "crop size without a flag",
        {"crop_size": 224, "size": {"shortest_edge": 256}, **NORMALISED},
        {"resize": 256, "crop": 224},
    ),
    HuggingFace(
        "crop of the resized side",
        {"do_center_crop": True, "crop_size": 224, "size": {"shortest_edge": 224}, **NORMALISED},
        {"resize": 224, "crop": 224},
    ),
    HuggingFace(
        "ConvNeXt",
        {"crop_pct": 0.875, "size": {"shortest_edge": 224}, "resample": 3, **NORMALISED},
        {"resize": 256, "crop": 224, "interpolation": "bicubic"},
    ),
    HuggingFace(
        "large ConvNeXt",
        {"crop_pct": 0.875, "size": {"shortest_edge": 384}, "resample": 3, **NORMALISED},
        {"resize": (384, 384), "crop": 384},
    ),
    HuggingFace(
        "no rescaling",
        {"do_rescale": False, "rescale_factor": 0.5, "size": SQUARE, **NORMALISED},
        {"scale": 1.0, "mean": IMAGENET_MEAN},
    ),
    HuggingFace(
        "another factor",
        {"rescale_factor": 0.5, "size": SQUARE, **NORMALISED},
        {"scale": 0.5},
    ),
    HuggingFace(
        "no normalising",
        {"do_normalize": False, "size": SQUARE, **NORMALISED},
        {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "scale": 1 / 255},
    ),
    HuggingFace(
        "no resizing",
        {"do_resize": False, "do_center_crop": True, "crop_size": 32, "size": 40, **NORMALISED},
        {"resize": 0, "crop": 32},
    ),
    HuggingFace(
        "MobileViT",
        {
            "do_normalize": False,
            "do_flip_channel_order": True,
            "crop_size": {"height": 256, "width": 256},
            "size": {"shortest_edge": 288},
        },
        {"resize": 288, "crop": (256, 256), "channel_order": "BGR", "scale": 1 / 255},
    ),
    HuggingFace(
        "oblong",
        {"size": {"height": 96, "width": 128}, **NORMALISED},
        {"resize": (96, 128), "crop": (96, 128)},
    ),
    *(
        HuggingFace(
            f"filter {number}",
            {"size": SQUARE, "resample": number, **NORMALISED},
            {"interpolation": name},
        )
        for number, name in enumerate(("nearest", "lanczos", "bilinear", "bicubic", "area"))
    ),
]


@pytest.mark.parametrize("case", PROCESSORS, ids=lambda case: case.name)
def test_hugging_face_means(case: HuggingFace) -> None:
    """A processor's configuration is read as its processor acts."""
    found = parse_hugging_face(json.dumps(case.config), source="config.json")
    assert {name: getattr(found, name) for name in case.meaning} == case.meaning
    assert found.source == "config.json"
    assert found.layout == Layout.AUTO


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "found a fault: JSONDecodeError"),
        ("[]", "found a fault"),
        ('{"image_mean": [0.5, 0.5, 0.5]}', "KeyError 'size'"),
        ('{"size": 224}', "KeyError 'image_mean'"),
        ('{"size": 224, "do_normalize": false, "resample": 5}', "KeyError 5"),
        ('{"size": 224, "do_normalize": false, "resample": null}', "TypeError"),
        ('{"size": {"longest_edge": 224}, "do_normalize": false}', "KeyError 'height'"),
        (
            '{"size": 224, "do_normalize": false, "rescale_offset": true}',
            "a step that is not supported: rescale_offset",
        ),
        (
            '{"size": 224, "do_normalize": false, "include_top": true}',
            "a step that is not supported: include_top",
        ),
    ],
)
def test_hugging_face_faults_are_said(text: str, match: str) -> None:
    """What cannot be read, or cannot be followed, is an error that offers TOML."""
    with pytest.raises(SpecError, match=rf"{match}.*Write a TOML file instead") as caught:
        parse_hugging_face(text, source="config.json")
    assert caught.value.path == "config.json"


def test_hugging_face_values_are_checked() -> None:
    """A configuration whose numbers make no sense is refused like any other."""
    config = {"size": 224, "image_mean": [0.5], "image_std": [0, 1, 1]}
    with pytest.raises(SpecError, match="mean has 1 numbers, expected 3; std holds a zero"):
        parse_hugging_face(json.dumps(config), source="config.json")


def test_suffix_tells_the_kind_of_file(tmp_path: Path) -> None:
    """A .json file is a Hugging Face configuration, any other is TOML."""
    path = tmp_path / "mine.JSON"
    path.write_text(hugging_face_of_size(96))
    assert read_preprocessing(path).crop == 96
    path = tmp_path / "mine.txt"
    path.write_text(toml_of_crop(97))
    assert read_preprocessing(path).crop == 97


HOSTILE_JSON = {
    "nested 100,000 deep": "[" * 100_000,
    "an object nested 100,000 deep": '{"size":' * 100_000,
    "an endless size": '{"size": {"height": 1e999, "width": 1e999}, "do_normalize": false}',
    "a crop of nothing": '{"size": 224, "crop_pct": 0, "do_normalize": false}',
    "an endless filter": '{"size": 224, "resample": 1e999, "do_normalize": false}',
    "a share of nothing": '{"input_size": [3, 8, 8], "mean": [0], "std": [1], "crop_pct": 1e-320}',
    "an endless input": '{"input_size": [3, 1e999, 1e999], "mean": [0], "std": [1]}',
    "too long": " " * (5 << 20),
}


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_json_beside_a_model_is_one_fault(name: str, tmp_path: Path) -> None:
    """A stranger's configuration costs a sentence, whatever it holds."""
    for file in ("preprocessor_config.json", "config.json"):
        (tmp_path / file).write_text(HOSTILE_JSON[name])
    found, faults = neighbouring_preprocessings(tmp_path / "m.onnx", sha256="", metadata={})
    assert not found
    assert faults
    assert all(len(fault) < 1000 and fault.isprintable() for fault in faults)
    with pytest.raises(SpecError, match="found a fault"):
        read_preprocessing(tmp_path / "preprocessor_config.json")


def test_neighbours_without_end_are_not_read_to_it(tmp_path: Path) -> None:
    """A terabyte of nothing beside a model is refused by its first characters."""
    for file in ("m.toml", "preprocessor_config.json", "config.json"):
        with (tmp_path / file).open("wb") as nothing:
            nothing.truncate(1 << 40)
    _, faults = neighbouring_preprocessings(tmp_path / "m.onnx", sha256="", metadata={})
    assert len(faults) == 3
    assert all("characters" in fault for fault in faults)
