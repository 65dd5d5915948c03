"""The preprocessing assistant finds what a model was made for, and says how sure it is."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assistant_material import (
    AS_IT_IS,
    CAFFE,
    IMAGENET,
    RECIPES,
    assist_here,
    inspect_here,
    printed,
)
from models_of_colours import SIDE, colour_model, save_colours, save_model
from onnx import helper
from shared_material import ZOO_IDS, shared

from iaside_audit.auditing.evaluation.trials import LEAST_LOG_P
from iaside_audit.classifier.preprocessing_sources import METADATA_KEY, parse_toml, to_toml
from iaside_audit.classifier.recipes import preprocessing_of
from iaside_audit.errors import SpecError
from iaside_audit.preprocessing import ChannelOrder, Preprocessing
from iaside_audit.report.preprocessing_file import chosen_toml, write_chosen

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TWINS = (
    "CLIP",
    "CIFAR-10, std 0.20",
    "CIFAR-100",
    "(x - 127) / 128",
    "Keras mean, BGR",
    "ImageNet, BGR",
    "Caffe / 58.8, BGR",
)
"""Within a few levels of another recipe, with which they tie."""


def in_bytes(preprocessing: Preprocessing) -> NDArray[np.float64]:
    """Return mean and std of a preprocessing on the scale of bytes, in RGB."""
    numbers = np.array([preprocessing.mean, preprocessing.std]) / preprocessing.scale
    return numbers[:, ::-1] if preprocessing.channel_order == ChannelOrder.BGR else numbers


@pytest.mark.parametrize("name", RECIPES)
def test_known_normalisation_is_found(name: str, tmp_path: Path) -> None:
    """Whatever recipe a model was made for, the assistant finds it, or one within a few levels."""
    recipe = RECIPES[name]
    truth = preprocessing_of(recipe, AS_IT_IS)
    model = save_model(colour_model(truth), tmp_path / "m.onnx")
    images = save_colours(tmp_path / "i.npz", n_channels=truth.n_channels)
    best = assist_here(model, images).best
    assert best.top1 == 1.0
    found = best.candidate.preprocessing
    assert found.channel_order == truth.channel_order
    np.testing.assert_allclose(in_bytes(found), in_bytes(truth), atol=14)
    if name not in TWINS:
        assert best.candidate.name == name


def test_geometry_is_found(tmp_path: Path) -> None:
    """A frame that only the right crop cuts off decides for it; without a frame nothing is cut."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    framed = save_colours(tmp_path / "framed.npz", side=74, frame=5)
    best = assist_here(model, framed).best
    assert best.candidate.preprocessing.resize == 37
    assert best.top1 == 1.0


def test_images_of_the_models_size_are_left_alone(tmp_path: Path) -> None:
    """Where every image has the input's size, no resize is the most usual recipe."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    found = assist_here(model, save_colours(tmp_path / "i.npz"))
    assert found.best.candidate.preprocessing.resize == 0
    resizes = {one.candidate.preprocessing.resize for one in found.trials}
    assert SIDE not in resizes  # it would do the same
    assert (SIDE, SIDE) not in resizes


def test_wrong_configuration_is_said_loudly(tmp_path: Path) -> None:
    """The configured preprocessing is measured on all images, and the best one clearly beats it."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    (tmp_path / "m.toml").write_text(to_toml(CAFFE))
    found = assist_here(model, save_colours(tmp_path / "i.npz"))
    assert found.is_misconfigured
    assert found.configured is not None
    assert found.configured.candidate.is_configured
    assert found.configured.n_images == found.n_images == 96
    assert found.gain is not None
    assert found.gain.n_lost == 0
    assert found.gain.p_value < 1e-6
    text = printed(found)
    assert "WRONG PREPROCESSING" in text
    assert "configured" in text
    assert "Save it with --write" in text


def test_right_configuration_stays(tmp_path: Path) -> None:
    """A configured recipe that cannot be told from a more usual one is kept and called best."""
    clip = preprocessing_of(RECIPES["CLIP"], AS_IT_IS)
    model = save_model(colour_model(clip), tmp_path / "m.onnx")
    (tmp_path / "m.toml").write_text(to_toml(clip))
    found = assist_here(model, save_colours(tmp_path / "i.npz"))
    assert found.best.candidate.is_configured
    assert not found.is_misconfigured
    assert "is the best" in printed(found)
    assert "WRONG" not in printed(found)


def test_neighbours_are_tried_and_misfits_named(tmp_path: Path) -> None:
    """Metadata behind a wrong TOML is still tried; a neighbour that cannot fit becomes a note."""
    truth = Preprocessing(resize=0, crop=SIDE, mean=(0.3, 0.5, 0.7), std=(0.4, 0.1, 0.2))
    model = colour_model(truth)
    helper.set_model_props(model, {METADATA_KEY: to_toml(truth)})
    path = save_model(model, tmp_path / "m.onnx")
    (tmp_path / "m.toml").write_text(to_toml(CAFFE))
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"size": 999, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    )
    found = assist_here(path, save_colours(tmp_path / "i.npz"))
    assert found.best.candidate.name == "as in the model's metadata"
    assert found.is_misconfigured
    assert any("999" in note for note in found.notes)


def test_built_in_normalisation_is_tried_first(tmp_path: Path) -> None:
    """A graph that normalises by itself gets what it then takes, and the finding is shown."""
    nodes = (
        helper.make_node("Sub", ["image", "m"], ["centred"]),
        helper.make_node("Div", ["centred", "s"], ["taken"]),
    )
    constants = {
        "m": np.reshape(IMAGENET.mean, (1, 3, 1, 1)).astype(np.float32),
        "s": np.reshape(IMAGENET.std, (1, 3, 1, 1)).astype(np.float32),
    }
    model = colour_model(IMAGENET, nodes_before=nodes, constants=constants)
    path = save_model(model, tmp_path / "m.onnx")
    inspection = inspect_here(path, save_colours(tmp_path / "i.npz"))
    assert inspection.graph.suggested_recipe == "0..1"
    assert inspection.graph.normalises is not None
    assert "0.485" in inspection.graph.normalises
    assert inspection.assistance is not None
    assert inspection.assistance.best.candidate.name == "0..1"


@pytest.mark.parametrize("batch", [1, 7])
def test_fixed_batch_gives_the_same_answers(batch: int, tmp_path: Path) -> None:
    """A model that takes whole batches only is tried all the same."""
    images = save_colours(tmp_path / "i.npz", n_images=40)
    free = assist_here(save_model(colour_model(CAFFE), tmp_path / "m.onnx"), images)
    fixed = assist_here(save_model(colour_model(CAFFE, batch=batch), tmp_path / "f.onnx"), images)
    assert [one.candidate for one in fixed.trials] == [one.candidate for one in free.trials]
    assert [one.n_right for one in fixed.trials] == [one.n_right for one in free.trials]


@pytest.mark.parametrize(("side", "size", "crop"), [(48, None, 48), (300, None, 224), (48, 40, 40)])
def test_free_size_is_settled_and_said(
    side: int, size: int | None, crop: int, tmp_path: Path
) -> None:
    """A free input takes the size asked for, else that of small images, else 224."""
    model = save_model(colour_model(IMAGENET, size=("H", "W")), tmp_path / "m.onnx")
    images = save_colours(tmp_path / "i.npz", n_images=12, side=side)
    found = assist_here(model, images, size=size)
    assert found.best.candidate.preprocessing.crop == crop
    assert any(f"{crop} x {crop} px were tried" in note for note in found.notes) is (size is None)


def test_without_labels_confidence_ranks_and_is_called_weak(tmp_path: Path) -> None:
    """No accuracy is claimed, nothing is called wrong, and the weakness is said."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    (tmp_path / "m.toml").write_text(to_toml(CAFFE))
    found = assist_here(model, save_colours(tmp_path / "i.npz"), labels="self")
    assert not found.has_labels
    assert (found.best.top1, found.best.mean_log_p, found.gain) == (None, None, None)
    assert not found.is_misconfigured
    top = max(one.mean_confidence for one in found.trials if one.n_images == found.n_images)
    assert found.best.mean_confidence == pytest.approx(top, abs=0.05)
    assert "weaker" in printed(found)
    assert "(weak)" in chosen_toml(found, "m.onnx")


def test_labels_that_are_not_found_are_no_error(tmp_path: Path) -> None:
    """With --labels auto the assistant goes on without labels; a file that is named must exist."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    labelled = save_colours(tmp_path / "i.npz", n_images=12)
    np.savez(tmp_path / "bare.npz", images=np.load(labelled)["images"])
    found = assist_here(model, tmp_path / "bare.npz")
    assert not found.has_labels
    assert any("Expected labels" in note for note in found.notes)
    with pytest.raises(SpecError, match="no file lies"):
        assist_here(model, labelled, labels=str(tmp_path / "none.csv"))


def test_shifted_labels_are_suspected(tmp_path: Path) -> None:
    """Labels that are one off on every image are named, with the recipe that shows it."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    found = assist_here(model, save_colours(tmp_path / "i.npz", shift=1))
    assert any("label -1" in note for note in found.notes)


def test_labels_of_nothing_are_suspected(tmp_path: Path) -> None:
    """Where no candidate beats chance, the labels are to blame first."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    arrays = np.load(save_colours(tmp_path / "i.npz"))
    labels = np.random.default_rng(1).permutation(arrays["labels"])
    np.savez(tmp_path / "j.npz", images=arrays["images"], labels=labels)
    found = assist_here(model, tmp_path / "j.npz")
    assert any("better than chance" in note for note in found.notes)


def test_model_that_overflows_is_wrong_and_no_error(tmp_path: Path) -> None:
    """Where the network gives no number, an answer is wrong, at the least probability."""
    nodes = (
        helper.make_node("Sub", ["limit", "image"], ["below"]),
        helper.make_node("Sqrt", ["below"], ["root"]),
        helper.make_node("Mul", ["root", "nothing"], ["nan_or_0"]),
        helper.make_node("Add", ["image", "nan_or_0"], ["taken"]),
    )
    constants = {
        name: np.array(value, np.float32) for name, value in (("limit", 5), ("nothing", 0))
    }
    path = save_model(
        colour_model(IMAGENET, nodes_before=nodes, constants=constants), tmp_path / "m.onnx"
    )
    found = assist_here(path, save_colours(tmp_path / "i.npz", n_images=40))
    assert found.best.candidate.name == "ImageNet mean/std"
    raw = next(one for one in found.trials if one.candidate.name == "0..255")
    assert (raw.n_right, raw.mean_log_p, raw.mean_confidence) == (0, LEAST_LOG_P, 0.0)


def test_table_fits_a_page_and_marks_the_best(tmp_path: Path) -> None:
    """Within 80 columns every candidate has a row, and the best one is marked by a word."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    found = assist_here(model, save_colours(tmp_path / "i.npz"))
    lines = printed(found, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    [marked] = [line for line in lines if line.strip().startswith("best ")]
    assert "ImageNet mean/std" in marked
    assert sum("%" in line and " to " in line for line in lines) == len(found.trials)


def test_result_is_json(tmp_path: Path) -> None:
    """All that was found becomes JSON without loss of a number."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    found = assist_here(model, save_colours(tmp_path / "i.npz", n_images=12), labels="self")
    again = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert again["best"]["candidate"]["preprocessing"]["crop"] == SIDE
    assert len(again["trials"]) == len(found.trials)


def test_written_choice_reads_back(tmp_path: Path) -> None:
    """The file holds the choice and how it was made; the next inspection takes it."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    images = save_colours(tmp_path / "i.npz")
    found = assist_here(model, images)
    path = write_chosen(found, model)
    assert path == tmp_path / "m.toml"
    text = path.read_text()
    assert "on 96 labelled images" in text
    chosen = found.best.candidate.preprocessing
    assert replace(parse_toml(text, source="x"), source=chosen.source) == chosen
    again = assist_here(model, images)
    assert again.best.candidate.is_configured
    assert write_chosen(again, model) == path  # it says so already


def test_another_preprocessing_is_not_overwritten(tmp_path: Path) -> None:
    """Beside the model a different file stays; a path that is given is the user's word."""
    model = save_model(colour_model(IMAGENET), tmp_path / "m.onnx")
    beside = tmp_path / "m.toml"
    beside.write_text(to_toml(CAFFE))
    found = assist_here(model, save_colours(tmp_path / "i.npz", n_images=40))
    with pytest.raises(SpecError, match=r"--write .*m\.toml to overwrite"):
        write_chosen(found, model)
    assert beside.read_text() == to_toml(CAFFE)
    assert write_chosen(found, model, beside) == beside
    assert "ImageNet" in beside.read_text()


QUICK = ("mobilenet_v1_025_128_qat",)


def zoo() -> list[Any]:
    """Return every network of the shared zoo as a case; one of them in every run."""
    names = (*QUICK, *(one for one in ZOO_IDS if one not in QUICK))
    return [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in names]


@pytest.mark.shared
@pytest.mark.parametrize("model_id", zoo())
def test_zoo_recipe_is_found(model_id: str) -> None:
    """On its 200 images, what is found is at most two points below the manifest's recipe."""
    manifest = json.loads(shared("zoo/manifest.json").read_text(encoding="utf-8"))
    record = next(one for one in manifest["models"] if one["id"] == model_id)
    found = assist_here(
        shared(f"zoo/{record['file']}"),
        shared("zoo/images"),
        labels=str(shared("zoo/labels.csv")),
    )
    assert found.n_images == 200
    assert found.best.n_right is not None
    assert found.best.n_right >= record["correct_on_the_200_images"] - 4
    assert found.best.candidate.preprocessing.channel_order == record["channel_order"]
