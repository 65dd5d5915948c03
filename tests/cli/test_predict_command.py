"""``predict`` and ``corrupt --beside``: predictions without the model, and beside what it does."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audit_material import ConvNet, command_here, command_words, save_images
from numpy.testing import assert_allclose

from iaside_audit.report.schemas import document_faults

if TYPE_CHECKING:
    from pathlib import Path

FEW = ("--corruption", "fog", "--corruption", "contrast", "--severity", 1, "--severity", 5)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small model, images, and an exact audit of the model."""
    folder = tmp_path_factory.mktemp("place")
    save_images(folder / "images", 6, n_classes=5)
    ConvNet(gain=30).save(folder / "net.onnx")
    with pytest.MonkeyPatch.context() as patch, suppress(SystemExit):
        patch.chdir(folder)
        from iaside_audit.cli import main  # noqa: PLC0415 - beside its one use

        main([
            "run", "net.onnx", "--images", "images", "--labels", "self", "--bands", "3",
            "--estimator", "exact", "--formats", "json", "--no-cache", "--quiet", "--out", "audit",
        ])  # fmt: skip
    return folder


def scoped(document: dict[str, object], name: str) -> dict[tuple[object, object], dict]:
    """Return the losses of one form by corruption and severity."""
    form = next(one for one in document["forms"] if one["name"] == name)
    return {(one["corruption"], one["severity"]): one for one in form["losses"]}


def test_predict_writes_every_form_and_runs_no_model(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the model's file: sentences, JSON by its schema, CSV and figure; clean is known."""
    monkeypatch.chdir(place)
    (place / "net.onnx").rename(place / "away.onnx")
    try:
        outcome = command_here(capsys, "predict", "audit", *FEW, "--out", "prediction")
    finally:
        (place / "away.onnx").rename(place / "net.onnx")
    assert outcome.code == 0, outcome.err
    for words in ("of the predicted loss comes from band", "Without a spectrum", "across archi"):
        assert words in outcome.out
    text = (place / "prediction" / "prediction.json").read_text("utf-8")
    document = json.loads(text, parse_constant=pytest.fail)
    assert list(document_faults(document, "prediction")) == []
    assert len(document["forms"]) == 16
    assert document["without_spectrum"]["clean"]["error"]["value"] == 0  # its own labels
    assert document["measured"] is None
    losses = scoped(document, "predicted_log_loss_multilinear_root")
    clean = document["without_spectrum"]["clean"]["log_loss"]["value"]
    for one in losses.values():
        assert one["added"]["value"] == pytest.approx(one["loss"]["value"] - clean)
    conditions = [
        losses[name, level]["loss"]["value"] for name in ("fog", "contrast") for level in (1, 5)
    ]
    assert losses[None, None]["loss"]["value"] == pytest.approx(np.mean(conditions))
    with (place / "prediction" / "prediction.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16 * (1 + 2 + 4)
    assert {row["measured"] for row in rows} == {""}
    assert (place / "prediction" / "figures" / "prediction.svg").exists()


def test_corrupt_beside_an_audit_predicts_what_predict_does(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the measurement's own moments come the same predictions, beside the measured errors."""
    monkeypatch.chdir(place)
    outcome = command_here(capsys, "predict", "audit", *FEW, "--json", "--quiet")
    alone = json.loads(outcome.out)
    outcome = command_here(
        capsys, "corrupt", "net.onnx", "--images", "images", "--beside", "audit", *FEW,
        "--out", "beside",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "prediction and measurement correlate" in " ".join(outcome.out.split())
    document = json.loads((place / "beside" / "prediction.json").read_text("utf-8"))
    assert list(document_faults(document, "prediction")) == []
    for before, after in zip(alone["forms"], document["forms"], strict=True):
        values = [[loss["loss"]["value"] for loss in one["losses"]] for one in (before, after)]
        assert_allclose(*values, rtol=1e-6, err_msg=before["name"])
    measured = json.loads((place / "beside" / "corruption.json").read_text("utf-8"))
    assert measured["spec"]["labels"] == "self"  # the audit's
    suite = document["measured"]["losses"][0]
    assert suite["error"]["value"] == pytest.approx(measured["means"]["mean_error"]["value"])
    assert len(document["measured"]["following"]) == 16


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predict", "nowhere"), "Expected a result in 'nowhere'"),
        (("predict", "audit", "--corruption", "fogg"), "Did you mean 'fog'?"),
        (("predict", "audit", "--images", "others"), "it is another image than the audited one"),
        (("predict", "audit", "--images", "empty"), "empty"),
        (("predict", "bare"), "values.sqlite"),
        (
            ("corrupt", "other.onnx", "--images", "images", "--beside", "audit", "--out", "no"),
            "audit of 'other.onnx' beside its measurement",
        ),
        (
            ("corrupt", "net.onnx", "--images=images", "--beside=audit", "--bands=9", "--out=no"),
            "found bands 9 instead of",
        ),
        (("predict", "single"), "an audit of at least 2 images, found one of 1"),
    ],
    ids=[
        "no result",
        "corruption",
        "other images",
        "no images",
        "no rows",
        "other model",
        "other bands",
        "one",
    ],
)
def test_what_cannot_be_predicted_is_refused(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    """One message that says what was expected, and no folder left behind."""
    monkeypatch.chdir(place)
    save_images(place / "others", 6, seed=1)
    (place / "empty").mkdir(exist_ok=True)
    (place / "bare").mkdir(exist_ok=True)
    shutil.copy(place / "audit" / "result.json", place / "bare")
    single = json.loads((place / "audit" / "result.json").read_text("utf-8"))
    single["data"]["n_images"] = 1
    (place / "single").mkdir(exist_ok=True)
    (place / "single" / "result.json").write_text(json.dumps(single), "utf-8")
    ConvNet(gain=7).save(place / "other.onnx")
    outcome = command_here(capsys, *words)
    assert outcome.code in {1, 2}
    assert message in outcome.err.replace("\n", " ")
    assert not (place / "no").exists()


def test_images_that_are_gone_are_named(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prediction is over the others, with exit code 4."""
    monkeypatch.chdir(place)
    shutil.copytree(place / "images", place / "fewer")
    (place / "fewer" / "002.png").unlink()
    (place / "fewer" / "labels.csv").unlink()
    outcome = command_here(capsys, "predict", "audit", "--images", "fewer", *FEW, "--quiet")
    assert outcome.code == 4
    assert "5 images" in outcome.out
    assert "Left out 002.png: it is not in" in outcome.out


def test_a_killed_measurement_goes_on(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After kill -9 the rows that were shown are there, and other settings are refused."""
    out = place / "killed"
    words = (
        "corrupt", place / "net.onnx", "--images", place / "images", "--labels", "self", *FEW,
        "--out", out,
    )  # fmt: skip
    process = subprocess.Popen(command_words(*words), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "of 6 images" in line:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    outcome = command_here(capsys, *words, "--severity", 3)
    assert outcome.code == 2
    assert "severities was [1, 5], now [1, 3, 5]" in outcome.err
    outcome = command_here(capsys, *words, "--json", "--quiet")
    assert outcome.code == 0, outcome.err
    runtime = json.loads(outcome.out)["runtime"]
    assert runtime["n_resumed"] >= 1
    assert runtime["n_evaluations"] == (6 - runtime["n_resumed"]) * 5
