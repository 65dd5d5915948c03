"""``heatmap``, ``passband``, ``attack`` and ``study``: what they print, write and refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from audit_material import ConvNet, command_here, save_images

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with small models and images."""
    folder = tmp_path_factory.mktemp("place")
    save_images(folder / "images", 6, n_classes=5)
    for number in range(4):
        ConvNet(gain=1 + number).save(folder / f"net{number}.onnx")
    return folder


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("heatmap", "--stride", 8), "One added frequency hurts most"),
        (("passband", "--cutoffs", 4, "--noise", ""), "needs the frequencies up to rho"),
        (("attack", "--radius", "1/255,0.1", "--queries", 4), "Square attack (linf, radius 0.1"),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else "",
)
def test_a_measurement_prints_a_sentence_and_writes_its_folder(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[object, ...],
    sentence: str,
) -> None:
    """The sentence is on stdout; JSON, CSV and figure are in the folder."""
    out = place / str(words[0])
    outcome = command_here(
        capsys, words[0], place / "net0.onnx", *words[1:], "--images", place / "images",
        "--out", out,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert sentence in outcome.out
    document = json.loads((out / f"{words[0]}.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert document["data"]["n_images"] == 6
    assert (out / f"{words[0]}.csv").exists()
    assert (out / "figures" / f"{words[0]}.svg").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("heatmap", "--stride", 99), "stride of 1 to 16"),
        (("passband", "--noise", "x"), "numbers separated by commas"),
        (("attack", "--radius", "0.2,0.1"), "radii above 0, ascending"),
        (("attack", "--attack-norm", "l1"), "linf"),
    ],
    ids=["stride", "noise", "radius", "norm"],
)
def test_a_request_that_cannot_work_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], words: tuple[object, ...], message: str
) -> None:
    """Exit code 2 and one message that says what was expected."""
    outcome = command_here(
        capsys, words[0], place / "net0.onnx", *words[1:], "--images", place / "images"
    )
    assert outcome.code == 2
    assert message in outcome.err


@pytest.mark.slow
def test_a_study_prints_its_verdict_and_names_what_failed(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five models, one of them none: the verdict over four, and exit code 4."""
    (place / "broken.onnx").write_bytes(b"no model")
    text = (
        '[study]\nimages = "images"\n[audit]\nbands = 3\n'
        '[corruptions]\nnames = ["contrast", "fog"]\nseverities = [1, 5]\n'
    )
    for name in ("net0", "net1", "net2", "net3", "broken"):
        text += f'[[models]]\nid = "{name}"\nmodel = "{name}.onnx"\n'
    (place / "study.toml").write_text(text, encoding="utf-8")
    outcome = command_here(capsys, "study", place / "study.toml", "--out", place / "study")
    assert outcome.code == 4, outcome.err
    assert "The joint prediction" in outcome.out
    assert "Left out broken" in outcome.err
    document = json.loads((place / "study" / "study.json").read_text("utf-8"))
    assert len(document["models"]) == 4


def test_a_faulty_study_file_is_refused_with_all_its_faults(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and every fault on a line of its own."""
    (place / "faulty.toml").write_text("[study]\ntitle = 3\n[corruption]\n", encoding="utf-8")
    outcome = command_here(capsys, "study", place / "faulty.toml", "--out", place / "faulty")
    assert outcome.code == 2
    lines = outcome.err.splitlines()
    for part in ("corruption: no such key", "study.title", "study.images", "[[models]]"):
        assert sum(line.startswith("  - ") and part in line for line in lines) == 1
