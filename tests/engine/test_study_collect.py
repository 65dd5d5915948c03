"""Collecting a study: every part once, kept, and used again where nothing has changed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audit_material import ConvNet, save_images
from shared_material import shared

from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.events import Control, ImageDone
from iaside_audit.report.schemas import document_faults
from iaside_audit.report.study_figures import profiles_figure
from iaside_audit.report.study_outputs import write_study
from iaside_audit.robustness.study.analysis import analyse
from iaside_audit.robustness.study.collect import Collected, PartStarted, collect
from iaside_audit.robustness.study.columns import model_table
from iaside_audit.robustness.study.spec import StudySpec, load_study
from iaside_audit.robustness.tasks import measurement_tasks

if TYPE_CHECKING:
    from pathlib import Path

N_MODELS, N_IMAGES = 4, 6

HEAD = """
[study]
title = "Four"
images = "images"

[audit]
estimator = "exact"
bands = 3

[corruptions]
names = ["contrast", "brightness"]
severities = [1, 5]

[attack]
queries = 3
images = 4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with four networks, six images and a study of them."""
    save_images(tmp_path / "images", N_IMAGES, n_classes=5)
    text = HEAD
    for number in range(N_MODELS):
        ConvNet(gain=0.5 + number).save(tmp_path / f"m{number}.onnx")
        text += f'\n[[models]]\nid = "m{number}"\nmodel = "m{number}.onnx"\n'
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    return tmp_path


def run(
    spec: StudySpec, out: Path, control: Control | None = None
) -> tuple[list[PartStarted], Collected]:
    """Collect a study in this process; return its parts and its last event."""

    def start() -> InProcessWorker:
        return InProcessWorker(measurement_tasks)

    *events, last = collect(spec, out, control or Control(), start_worker=start)
    assert isinstance(last, Collected)
    return [one for one in events if isinstance(one, PartStarted)], last


def test_a_study_is_measured_once_and_written(folder: Path) -> None:
    """The second run finds every part; what it writes has every model, and the same numbers."""
    spec, out = load_study(folder / "study.toml"), folder / "out"
    parts, first = run(spec, out)
    assert len(parts) == parts[-1].total == 3 * N_MODELS
    assert not any(one.is_kept for one in parts)
    again, second = run(spec, out)
    assert all(one.is_kept for one in again)
    tables = [model_table(one) for one in second.models]
    for before, after in zip(map(model_table, first.models), tables, strict=True):
        assert before.predictors() == after.predictors()
        assert before.measured() == after.measured()
    assert {"attack_error", "corruption_error"} <= set(tables[0].measured())
    analysis = analyse(tables, seed=0, confidence=0.95, n_resamples=50)
    paths = write_study(spec, analysis, tables, (), out)
    assert [path.name for path in paths][:3] == ["study.json", "models.csv", "pairings.csv"]
    assert (out / "study.pdf").read_bytes().startswith(b"%PDF")
    document = json.loads((out / "study.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert list(document_faults(document, "study")) == []
    assert [one["id"] for one in document["models"]] == [f"m{i}" for i in range(N_MODELS)]


def test_only_what_has_changed_is_measured_again(folder: Path) -> None:
    """Another model file, or other corruptions, cost their own parts and no others."""
    out = folder / "out"
    run(load_study(folder / "study.toml"), out)
    ConvNet(gain=9).save(folder / "m1.onnx")
    text = (folder / "study.toml").read_text("utf-8").replace("queries = 3", "queries = 4")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    parts, _ = run(load_study(folder / "study.toml"), out)
    fresh = {(one.model, one.part) for one in parts if not one.is_kept}
    assert fresh == {
        *((f"m{i}", "attack") for i in range(N_MODELS)),
        ("m1", "audit"),
        ("m1", "corruptions"),
    }


def test_a_model_that_fails_is_named_and_left_out(folder: Path) -> None:
    """The study goes on without it."""
    (folder / "m2.onnx").write_bytes(b"no model")
    _, last = run(load_study(folder / "study.toml"), folder / "out")
    assert [one.model for one in last.failed] == ["m2"]
    assert [one.model.id for one in last.models] == ["m0", "m1", "m3"]


def test_a_study_that_was_stopped_goes_on(folder: Path) -> None:
    """Cancelled within a part, it keeps the rows that there were and needs only the others."""
    spec, out = load_study(folder / "study.toml"), folder / "out"
    control = Control()
    part, n_rows = "", 0
    for event in collect(
        spec, out, control, start_worker=lambda: InProcessWorker(measurement_tasks)
    ):
        if isinstance(event, PartStarted):
            part = event.part
        if isinstance(event, ImageDone) and part == "corruptions":
            n_rows += 1
            if n_rows == 3:
                control.cancel()
        last = event
    assert isinstance(last, Collected)
    assert last.is_cancelled
    assert not last.models
    unfinished = out / "models" / "m0" / "corruptions.part.sqlite"
    with closing(sqlite3.connect(unfinished)) as kept:
        (n_kept,) = kept.execute("SELECT count(*) FROM rows").fetchone()
    assert 3 <= n_kept < N_IMAGES
    _, whole = run(spec, out)
    assert len(whole.models) == N_MODELS
    assert len(whole.models[0].corruptions) == N_IMAGES
    assert not unfinished.exists()


def test_profiles_are_laid_out_along_the_studys_axis(tmp_path: Path) -> None:
    """Adversarial training at a growing radius, in that order: the profile moves to low bands."""
    for folder in shared("hard/cifar10/test").iterdir():
        (tmp_path / "few" / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:4]:
            shutil.copy(file, tmp_path / "few" / folder.name)
    text = (
        '[study]\nimages = "few"\n'
        f'classes = "{shared("hard/cifar10/classes.csv").as_posix()}"\n'
        'axis = "radius of the training, 1/255"\n'
        "[audit]\nthreads = 1\n"
        '[corruptions]\nnames = ["gaussian_noise", "contrast"]\nseverities = [1, 5]\nimages = 20\n'
    )
    for name, position in (("adv8", 8), ("adv2", 2), ("standard_wide", 0), ("adv4", 4)):
        text += (
            f'[[models]]\nid = "{name}"\nmodel = "{shared(f"family/{name}.onnx").as_posix()}"\n'
            f"position = {position}\npreprocess = {{ resize = 0, crop = 32 }}\n"
        )
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    spec = load_study(tmp_path / "study.toml")
    _, collected = run(spec, tmp_path / "out")
    tables = [model_table(one) for one in collected.models]
    analysis = analyse(tables, seed=0, confidence=0.95, n_resamples=20)
    figure = profiles_figure(analysis, tables, axis=spec.axis)
    axes = figure.axes[0]
    labels = [one.get_text() for one in axes.get_yticklabels()]
    assert labels == ["standard_wide (0)", "adv2 (2)", "adv4 (4)", "adv8 (8)"]
    assert axes.get_title(loc="left").endswith("models by radius of the training, 1/255")
    drawn = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    means = drawn @ np.arange(drawn.shape[1])
    assert (np.diff(means) < 0).all()
