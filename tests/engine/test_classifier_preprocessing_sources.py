"""Preprocessing is found in one order of places, and never assumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iaside_audit.classifier.catalogue import shipped_models
from iaside_audit.classifier.neighbours import neighbouring_preprocessings
from iaside_audit.classifier.preprocessing_sources import (
    METADATA_KEY,
    find_preprocessing,
    read_preprocessing,
)
from iaside_audit.errors import SpecError


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
