"""``corrupt`` and ``snr``: what they write, read and refuse."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audit_material import ConvNet, command_here, photographs, save_images
from numpy.testing import assert_allclose
from PIL import Image

from iaside_audit.images import image_identity
from iaside_audit.report.schemas import document_faults
from iaside_audit.robustness.corruptions import corrupt, corruption_generator

if TYPE_CHECKING:
    from pathlib import Path

FOG_AND_CONTRAST = ("--corruption", "fog", "--corruption", "contrast")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small model, images, and corrupted copies of them."""
    folder = tmp_path_factory.mktemp("place")
    save_images(folder / "images", 6, n_classes=5)
    ConvNet(gain=30).save(folder / "net.onnx")
    for category, name in (("weather", "fog"), ("digital", "contrast")):
        for severity in (1, 3):
            copies = folder / "ready" / category / name / str(severity)
            copies.mkdir(parents=True)
            for number, image in enumerate(photographs(6)):
                generator = corruption_generator(0, image_identity(image), name, severity)
                copy = corrupt(image, name, severity, generator=generator)
                Image.fromarray(copy).save(copies / f"{number:03}.png")
    return folder


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON file without NaN."""
    return json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)


def test_corrupt_writes_errors_and_means(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every condition, corruption and mean is in JSON and CSV, and the figure is there."""
    out = place / "made"
    outcome = command_here(
        capsys, "corrupt", place / "net.onnx", "--images", place / "images", "--labels", "self",
        *FOG_AND_CONTRAST, "--severity", 3, "--severity", 1, "--out", out,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert re.search(r"^Top-1 error in %, by severity \(\d+ images\)$", outcome.out, re.MULTILINE)
    document = read_json(out / "corruption.json")
    assert list(document_faults(document, "corruption")) == []
    conditions = [(one["corruption"], one["severity"]) for one in document["conditions"]]
    assert conditions == [("fog", 1), ("fog", 3), ("contrast", 1), ("contrast", 3)]
    assert document["clean"]["top1_error"] == {"value": 0, "interval": [0, 0]}  # its own labels
    errors = [one["top1_error"]["value"] for one in document["conditions"]]
    assert_allclose(document["means"]["mean_error"]["value"], np.mean(errors))
    assert "1000 classes" in document["note"]
    with (out / "corruption.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["corruption"] for row in rows[:3]] == ["clean", "fog", "contrast"]
    assert_allclose([float(row["top1_error"]) for row in rows[3:]], errors)
    assert (out / "corruption.svg").read_text("utf-8").count("fog") > 0
    assert "mCE, unnormalised" in outcome.out


def test_corrupt_reads_ready_made_folders(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same copies from files, beside the clean images or without them, give the same errors."""
    common = ("--labels", "self", "--json", "--quiet", "--severity", 3, *FOG_AND_CONTRAST)
    documents = []
    for number, options in enumerate(
        (("--images", place / "images"),
         ("--images", place / "images", "--corrupted", place / "ready"))
    ):  # fmt: skip
        outcome = command_here(
            capsys, "corrupt", place / "net.onnx", *options, *common, "--out", place / f"r{number}"
        )
        assert outcome.code == 0, outcome.err
        documents.append(json.loads(outcome.out))
    made, read = ([one["log_p"] for one in each["conditions"]] for each in documents)
    assert_allclose([one["value"] for one in made], [one["value"] for one in read], atol=1e-5)
    outcome = command_here(
        capsys, "corrupt", place / "net.onnx", "--images", place / "ready", *common,
        "--out", place / "r2",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert list(document_faults(document, "corruption")) == []
    assert document["clean"] is None
    assert set(document["means"]) == {"mean_error"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--corruption", "fogg"), "found 'fogg'. Did you mean 'fog'?"),
        (("--corrupted", "ready", "--corruption", "contrst"), "Did you mean 'contrast'?"),
        (("--corrupted", "ready", "--corruption", "fog", "--severity", "5"), "found no fog/5"),
        (("--severity", "6"), "6"),
    ],
    ids=["unknown", "unknown in folder", "missing severity", "severity"],
)
def test_corrupt_refuses(
    place: Path,
    options: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One message with exit code 2, and no folder left behind."""
    monkeypatch.chdir(place)
    outcome = command_here(
        capsys, "corrupt", "net.onnx", "--images", "images", *options, "--out", "no"
    )
    assert outcome.code == 2
    assert message in outcome.err.replace("\n", " ")
    assert not (place / "no").exists()


def test_snr_writes_bands_rings_and_law(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Contrast leaves a fixed share of every band; JSON and CSV agree."""
    out = place / "snr"
    outcome = command_here(
        capsys, "snr", "--images", place / "images", *FOG_AND_CONTRAST, "--severity", 2,
        "--bands", 4, "--out", out,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    document = read_json(out / "snr.json")
    assert list(document_faults(document, "snr")) == []
    assert document["parameters"] == "CIFAR-10-C"
    fog, contrast = document["conditions"]
    assert len(contrast["bands"]) == 4
    # Contrast 0.5 on uint8: an error of half the band, 6 dB, away from the mean's band.
    assert_allclose([band["snr_db"] for band in contrast["bands"][1:]], 6.02, atol=0.2)
    assert contrast["power_law"]["verdict"] == "flat"
    assert fog["rings"][0]["rho"] == 0
    with (out / "snr.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["bin"] == "band"]
    assert_allclose(
        [float(row["snr_db"]) for row in rows[4:]], [band["snr_db"] for band in contrast["bands"]]
    )


def test_snr_of_folders_is_that_of_the_corruptions(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Corrupted copies on disk, in several folders, give the numbers of what made them."""
    folders = [place / "ready" / "weather" / "fog" / "3", place / "ready" / "digital/contrast/1"]
    documents = []
    for number, options in enumerate(
        ((*FOG_AND_CONTRAST, "--severity", 1, "--severity", 3),
         (word for folder in folders for word in ("--corrupted", folder)))
    ):  # fmt: skip
        outcome = command_here(
            capsys, "snr", "--images", place / "images", *options, "--json", "--quiet",
            "--out", place / f"s{number}",
        )  # fmt: skip
        assert outcome.code == 0, outcome.err
        documents.append(json.loads(outcome.out))
    made = {(one["corruption"], one["severity"]): one for one in documents[0]["conditions"]}
    read = documents[1]["conditions"]
    assert list(document_faults(documents[1], "snr")) == []
    assert [one["corruption"] for one in read] == [str(folder) for folder in folders]
    for one, other in zip(read, (made["fog", 3], made["contrast", 1]), strict=True):
        assert_allclose(
            [band["snr_db"] for band in one["bands"]], [band["snr_db"] for band in other["bands"]]
        )
        assert_allclose(one["power_law"]["exponent"], other["power_law"]["exponent"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--corruption", "snoww"), "Did you mean 'snow'?"),
        (("--corrupted", "ready/weather/fog/1", "--corruption", "fog"), "either corrupted images"),
        (("--corrupted", "ready"), "a corrupted copy of every image"),
        (("--size", "16"), "at least 32 x 32 px to corrupt, found 16 x 16"),
        (("--bands", "32"), "The largest number of bands"),
        (("--size", "big"), "size of auto or at least 8 pixels, found 'big'"),
    ],
    ids=["unknown", "both", "no partner", "small", "bands", "size"],
)
def test_snr_refuses(
    place: Path,
    options: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One message with exit code 2, and no folder left behind."""
    monkeypatch.chdir(place)
    outcome = command_here(capsys, "snr", "--images", "images", *options, "--out", "no")
    assert outcome.code == 2
    assert message in outcome.err.replace("\n", " ")
    assert not (place / "no").exists()
