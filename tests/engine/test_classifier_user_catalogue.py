"""Models that a user adds to the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from iaside_audit.classifier.catalogue import find_model, find_model_by_hash, shipped_models
from iaside_audit.classifier.identity import file_sha256
from iaside_audit.classifier.synthetic import one_band_classifier
from iaside_audit.classifier.user_catalogue import (
    CatalogueModel,
    add_user_model,
    user_folder,
    user_models,
)
from iaside_audit.errors import ChecksumError, ModelNotFoundError, SpecError
from iaside_audit.preprocessing import Preprocessing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogueModel:
    """Return a model on disk, in a home of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    path = tmp_path / "Mine.onnx"
    one_band_classifier(1).save(path)
    return CatalogueModel(
        id="mine",
        title="mine",
        path=path,
        sha256=file_sha256(path),
        size_bytes=path.stat().st_size,
        licence="none",
        source="a test",
        output_kind="logits",
        preprocessing=Preprocessing(resize=0, crop=32, mean=(0.1, 0.2, 0.3)),
    )


def test_added_model_is_found_by_id_and_by_content(model: CatalogueModel) -> None:
    """An added id stands for the file, and its content is recognised wherever it lies."""
    add_user_model(model, user_folder())
    found = find_model("mine")
    assert found.path == model.path
    assert found.preprocessing.mean == (0.1, 0.2, 0.3)
    assert found.preprocessing.source == "catalogue: mine"
    assert find_model_by_hash(model.sha256) == found


def test_added_model_that_changed_is_refused(model: CatalogueModel) -> None:
    """A file that is not the one that was added is never taken for it."""
    add_user_model(model, user_folder())
    one_band_classifier(2).save(model.path)
    with pytest.raises(ChecksumError, match="add your model again"):
        find_model("mine")


def test_added_model_that_is_gone_says_so(model: CatalogueModel) -> None:
    """A record whose file was moved names the place where it was."""
    add_user_model(model, user_folder())
    model.path.unlink()
    with pytest.raises(ModelNotFoundError, match=r"Mine\.onnx"):
        find_model("mine")


def test_id_is_never_taken_twice(model: CatalogueModel) -> None:
    """A record is not overwritten."""
    add_user_model(model, user_folder())
    with pytest.raises(SpecError, match="already there"):
        add_user_model(model, user_folder())


@pytest.mark.parametrize("model_id", ["", "../x", "A b", "x" * 101, ".hidden"])
def test_id_is_a_plain_file_name(model: CatalogueModel, model_id: str) -> None:
    """An id cannot lead out of the folder of records."""
    with pytest.raises(SpecError, match="lower-case letters"):
        add_user_model(replace(model, id=model_id), user_folder())


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema_version": 99}', "\x00"])
def test_faulty_record_costs_a_message_and_not_the_others(model: CatalogueModel, text: str) -> None:
    """What cannot be read is named; the models that can be read are there."""
    add_user_model(model, user_folder())
    (user_folder() / "broken.json").write_text(text, encoding="utf-8")
    models, faults = user_models(user_folder())
    assert [one.id for one in models] == ["mine"]
    assert len(faults) == 1
    assert "broken.json" in faults[0]
    assert find_model("mine").id == "mine"
    assert shipped_models()
