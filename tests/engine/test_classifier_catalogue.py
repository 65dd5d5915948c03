"""The models and photographs that ship are the ones that were reviewed."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from models_for_tests import open_classifier
from PIL import Image

from iaside_audit.classifier import catalogue as module
from iaside_audit.classifier.catalogue import (
    demo_images,
    find_model,
    find_model_by_hash,
    shipped_models,
)
from iaside_audit.classifier.identity import file_sha256
from iaside_audit.errors import ChecksumError, ManifestError, SpecError

PACKAGE = Path(str(files("iaside_models")))
MANIFEST: dict[str, Any] = json.loads((PACKAGE / "manifest.json").read_text(encoding="utf-8"))


def test_manifest_satisfies_its_schema() -> None:
    """The manifest is what its schema promises, and the schema is a sound one."""
    schema = json.loads((PACKAGE / "manifest.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert [one.message for one in Draft202012Validator(schema).iter_errors(MANIFEST)] == []


@pytest.mark.parametrize(
    "record", [*MANIFEST["models"], *MANIFEST["images"]], ids=lambda record: record["file"]
)
def test_manifest_records_are_the_files(record: dict[str, Any]) -> None:
    """Every file has the size and the hash that the manifest states."""
    path = PACKAGE / record["file"]
    assert path.stat().st_size == record["size_bytes"]
    assert file_sha256(path) == record["sha256"]


def test_demo_images_are_small_many_and_all_listed() -> None:
    """At least eight photographs, at most 1 MB together, none without a credit."""
    listed = {Path(record["file"]).name for record in MANIFEST["images"]}
    found = {path.name: path for path in demo_images().iterdir()}
    assert set(found) == listed
    assert len(listed) >= 8
    assert sum(path.stat().st_size for path in found.values()) <= 1_000_000
    assert all(record["author"] and record["licence"] for record in MANIFEST["images"])
    for record in MANIFEST["images"]:
        with Image.open(PACKAGE / record["file"]) as image:
            assert image.size == (record["width"], record["height"])
            assert not image.getexif()


def test_catalogue_holds_the_manifests_models() -> None:
    """Every record of the manifest is a model, with the preprocessing stated there."""
    models = shipped_models()
    assert [model.id for model in models] == [record["id"] for record in MANIFEST["models"]]
    for model, record in zip(models, MANIFEST["models"], strict=True):
        assert model.path == PACKAGE / record["file"]
        assert model.preprocessing.crop == record["preprocess"]["crop"]
        assert model.preprocessing.source == f"catalogue: {record['id']}"


def test_catalogue_model_is_what_its_record_says() -> None:
    """The default model opens, gives logits of 1000 classes, and takes the stated input."""
    (model,) = shipped_models()
    side = model.preprocessing.crop_size
    with open_classifier(model.path, size=side) as classifier:
        assert classifier.kind.value == model.output_kind
        assert classifier.n_classes == 1000
        assert classifier.graph.layout == model.preprocessing.layout
        assert (classifier.graph.height, classifier.graph.width) == side
        assert classifier.graph.batch is None


def test_class_names_are_as_many_as_the_classes() -> None:
    """The list of classes counts from 0 without a gap."""
    lines = (PACKAGE / MANIFEST["models"][0]["classes"]).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "index,wnid,name"
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(1000))


def test_find_model_by_id_and_by_hash_agree() -> None:
    """A model is found under its id and under its hash; other hashes are unknown."""
    for model in shipped_models():
        assert find_model(model.id) == model
        assert find_model_by_hash(model.sha256) == model
    assert find_model_by_hash("0" * 64) is None


def test_find_model_names_the_nearest() -> None:
    """A misspelt id is answered with the nearest one."""
    with pytest.raises(SpecError, match="Did you mean 'efficientnet_lite0'"):
        find_model("efficientnet_lite")


def test_find_model_refuses_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not the published one is refused with both hashes."""
    (model,) = shipped_models()
    monkeypatch.setattr(module, "file_sha256", lambda _: "f" * 64)
    with pytest.raises(ChecksumError, match=r"published file .*found another.*Reinstall") as caught:
        find_model(model.id)
    assert caught.value.path == str(model.path)
    assert (caught.value.expected, caught.value.found) == (model.sha256, "f" * 64)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (None, "found it unreadable"),
        ("{", "found it unreadable"),
        ("[]", "found it unreadable"),
        ('{"models": []}', "found it unreadable: 'schema_version'"),
        ('{"schema_version": 2, "models": []}', "schema version 1, found 2"),
        ('{"schema_version": 1, "models": [{"id": "x"}]}', "found it unreadable"),
    ],
    ids=["missing", "no JSON", "a list", "no version", "newer", "no record"],
)
def test_catalogue_that_cannot_be_read_says_so(
    text: str | None, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing, damaged or newer manifest is one error that says to reinstall."""
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    monkeypatch.setattr(module, "_data", lambda name: tmp_path / name)
    with pytest.raises(ManifestError, match=f"{match}.*Reinstall iaside-audit"):
        shipped_models()
