"""``inspect`` with images: the preprocessing assistant as a user meets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from assistant_material import CAFFE, IMAGENET
from audit_material import command_here
from models_of_colours import SIDE, colour_model, save_colours, save_model

from iaside_audit.classifier.preprocessing_sources import read_preprocessing, to_toml

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a model made for ImageNet's normalisation, and labelled images."""
    save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    save_colours(tmp_path / "i.npz")
    return tmp_path


def test_pointing_at_images_is_enough_to_audit(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What --write saves beside the model is what the next audit takes, with no further step."""
    words = (place / "m.onnx", "--images", place / "i.npz")
    outcome = command_here(capsys, "inspect", *words, "--write")
    assert outcome.code == 0, outcome.err
    assert "Best: ImageNet mean/std" in outcome.out
    assert "Save it" not in outcome.out  # it is saved
    assert str(place / "m.toml") in outcome.err.replace("\n", "")
    assert read_preprocessing(place / "m.toml").mean == IMAGENET.mean
    run = command_here(
        capsys, "run", *words, "--bands", 2, "--out", place / "out", "--json", "--quiet"
    )
    assert run.code == 0, run.err
    result = json.loads(run.out)
    assert result["model"]["preprocessing"]["source"] == str(place / "m.toml")
    assert result["accuracy"]["top1"] == 1.0


def test_wrong_configuration_is_loud_and_not_overwritten(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The panel and the JSON say it; a file that differs stays, until its path is given."""
    beside = place / "m.toml"
    beside.write_text(to_toml(CAFFE))
    words = ("inspect", place / "m.onnx", "--images", place / "i.npz", "--quiet")
    refused = command_here(capsys, *words, "--write")
    assert refused.code == 2
    assert "WRONG PREPROCESSING" in refused.out  # what was found is not lost
    assert "to overwrite it" in refused.err
    assert beside.read_text() == to_toml(CAFFE)
    outcome = command_here(capsys, *words, "--json", "--write", beside)
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)["assistance"]
    assert found["is_misconfigured"] is True
    assert found["configured"]["candidate"]["name"] == "Caffe mean, BGR"
    assert found["best"]["n_right"] == found["n_images"] == 96
    assert beside.read_text().startswith("# Preprocessing of m.onnx: ImageNet mean/std.\n# Chosen")


def test_unlabelled_images_are_ranked_and_called_weak(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without labels the table holds confidences, and a note that they are weaker."""
    np.savez(place / "bare.npz", images=np.load(place / "i.npz")["images"][:40])
    outcome = command_here(
        capsys, "inspect", place / "m.onnx", "--images", place / "bare.npz", "--quiet"
    )
    assert outcome.code == 0, outcome.err
    assert "top-1" not in outcome.out
    assert "balanced" in outcome.out
    assert "This is weaker" in " ".join(outcome.out.split())


def test_free_size_and_number_of_images_can_be_chosen(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--size and --max-images do what they say."""
    save_model(colour_model(IMAGENET, size=("H", "W")), place / "free.onnx")
    words = ("inspect", place / "free.onnx", "--images", place / "i.npz", "--json", "--quiet")
    outcome = command_here(capsys, *words, "--size", SIDE - 8, "--max-images", 9)
    found = json.loads(outcome.out)["assistance"]
    assert found["n_images"] == 9
    assert found["best"]["candidate"]["preprocessing"]["crop"] == SIDE - 8


def test_write_without_images_is_wrong_usage(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to write before anything was tried."""
    outcome = command_here(capsys, "inspect", place / "m.onnx", "--write")
    assert outcome.code == 2
    assert "give --images too" in outcome.err


def test_catalogue_id_needs_a_path_to_write_to(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written into the installed package, and this is said before the search."""
    outcome = command_here(
        capsys, "inspect", "efficientnet_lite0", "--images", place / "i.npz", "--write", "--quiet"
    )
    assert outcome.code == 2
    assert "--write FILE.toml" in outcome.err
