"""Study files: what they say, and all their faults at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from iaside_audit.choices import Estimator
from iaside_audit.errors import SpecError
from iaside_audit.robustness.study.spec import load_study, with_preprocessing

GOOD = """
[study]
title = "Two"
images = "images"
axis = "noise"

[audit]
estimator = "exact"
bands = 4

[corruptions]
names = ["fog"]
severities = [1, 3]
images = 5

[attack]
radii = [0.01]
queries = 7

[[models]]
id = "a"
model = "a.onnx"
lineage = "family"
position = 0.5
preprocess = { resize = 0, crop = 32 }

[[models]]
id = "b"
model = "a.onnx"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with what the file names."""
    (tmp_path / "images").mkdir()
    (tmp_path / "a.onnx").write_bytes(b"")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    """Write a study file."""
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_study_file_says_models_and_measurements(folder: Path) -> None:
    """Paths are relative to the file; what a model leaves out has its default."""
    study = load_study(write(folder, GOOD))
    first, second = study.models
    assert first.audit.images == folder / "images"
    assert first.audit.model == folder / "a.onnx"
    assert first.audit.estimator == Estimator.EXACT
    assert (first.lineage, first.position) == ("family", 0.5)
    assert (second.lineage, second.position) == ("b", None)
    assert study.corruptions.conditions == (("fog", 1), ("fog", 3))
    assert study.corruption_images == 5
    assert study.attack is not None
    assert study.attack.queries == 7
    written = Path(with_preprocessing(first, folder).preprocess)
    assert "crop = 32" in written.read_text(encoding="utf-8")


def test_all_faults_of_a_study_file_are_listed_at_once(folder: Path) -> None:
    """Whoever wrote the file corrects it in one go."""
    text = (
        GOOD.replace('title = "Two"', 'titel = "Two"')
        .replace('names = ["fog"]', 'names = ["fogg"]')
        .replace("radii = [0.01]", "radii = [-1]")
        .replace("bands = 4", "bands = 99")
        .replace("resize = 0, crop = 32", "crop = 0")
        .replace('images = "images"', 'images = "nowhere"')
        .replace('id = "b"\nmodel = "a.onnx"', 'id = "a"\nmodel = "gone.onnx"')
        .replace('lineage = "family"', 'linage = "family"')
    )
    with pytest.raises(SpecError) as caught:
        load_study(write(folder, text))
    message = caught.value.message
    assert message.count("at most 32, found 99") == 1
    for part in (
        "titel: no such key. Did you mean 'title'?",
        "found 'fogg'. Did you mean 'fog'?",
        "radii above 0",
        "found 99",
        "the id 'a' stands 2 times",
        "models[0].preprocess.resize: expected a size",
        "study.images: found nothing at 'nowhere'",
        "models[1].model: found no file at 'gone.onnx'",
        "linage: no such key. Did you mean 'lineage'?",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[study", "unreadable"),
        ("[study]\nimages = 'images'", "at least two tables"),
        (GOOD.replace('images = "images"', ""), "study.images: expected"),
        (GOOD.replace('model = "a.onnx"', 'model = "no/such.onnx"', 1), "found no file at"),
        (GOOD.replace("position = 0.5", "position = 'x'"), "position: expected a number"),
        (GOOD.replace('id = "a"', 'id = "../a"'), "id: expected letters"),
    ],
    ids=["not TOML", "no models", "no images", "no file", "no number", "no id"],
)
def test_a_faulty_study_file_is_refused(folder: Path, text: str, match: str) -> None:
    """Each fault is named with its place."""
    with pytest.raises(SpecError, match=match):
        load_study(write(folder, text))
