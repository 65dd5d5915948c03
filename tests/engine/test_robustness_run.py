"""Measurements from photographs to rows, on small networks, in this process and in a child."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from audit_material import ConvNet, save_images

from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.events import Control, ImageDone
from iaside_audit.robustness.measured import Measured, MeasurementFinished
from iaside_audit.robustness.requests import (
    AttackRequest,
    CorruptionRequest,
    HeatmapRequest,
    PassbandRequest,
)
from iaside_audit.robustness.run import run_measurement
from iaside_audit.robustness.tasks import measurement_tasks
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.robustness.requests import Request

N_IMAGES = 5
QUICK_CORRUPTIONS = CorruptionRequest(names=("brightness", "contrast"), severities=(1, 5))


@pytest.fixture
def spec(tmp_path: Path) -> AuditSpec:
    """Return a small network on five images of five classes."""
    images = save_images(tmp_path / "images", N_IMAGES, n_classes=5)
    model = ConvNet().save(tmp_path / "net.onnx")
    return AuditSpec(model=model, images=images, bands=4)


def in_process() -> InProcessWorker:
    """Start a worker in this process."""
    return InProcessWorker(measurement_tasks)


def measure(spec: AuditSpec, request: Request, **options: Any) -> Measured:
    """Run a measurement to its end."""
    options = {"start_worker": in_process, **options}
    *_, last = run_measurement(spec, request, **options)
    assert isinstance(last, MeasurementFinished)
    assert last.measured is not None
    return last.measured


@pytest.mark.parametrize(
    "request_",
    [
        QUICK_CORRUPTIONS,
        AttackRequest(queries=10, radii=(0.01, 0.1)),
    ],
    ids=lambda one: one.kind,
)
def test_a_child_process_measures_the_same(spec: AuditSpec, request_: Request) -> None:
    """Isolation changes no number, and neither does the number of workers."""
    here = measure(spec, request_)
    there = measure(spec, request_, start_worker=None)
    assert here.rows.image_id == there.rows.image_id
    assert len(here.rows) == N_IMAGES
    for name, array in here.rows.arrays.items():
        np.testing.assert_allclose(array, there.rows.arrays[name], atol=1e-4, err_msg=name)


def test_conditions_that_change_nothing_have_the_clean_answer(spec: AuditSpec) -> None:
    """The pass band of everything is the image, and its answer the clean one."""
    rows = measure(spec, PassbandRequest(cutoffs=4, noise=())).rows
    clean = rows.arrays["clean_log_p"]
    np.testing.assert_allclose(rows.arrays["low_log_p"][:, -1], clean, atol=1e-5)
    np.testing.assert_allclose(rows.arrays["high_log_p"][:, 0], clean, atol=1e-5)
    # Nothing is left of either at the other end, whatever the image.
    empty = rows.arrays["low_best_other"][:, 0]
    np.testing.assert_allclose(empty, rows.arrays["high_best_other"][:, -1], atol=1e-5)


def test_a_faint_basis_image_changes_nothing(spec: AuditSpec) -> None:
    """A heat map of strength 0 would be flat; one of next to nothing is."""
    rows = measure(spec, HeatmapRequest(stride=8, strength=1e-4)).rows
    clean = rows.arrays["clean_log_p"][:, None]
    np.testing.assert_allclose(rows.arrays["log_p"], clean + 0 * rows.arrays["log_p"], atol=1e-3)
    strong = measure(spec, HeatmapRequest(stride=8)).rows
    assert np.abs(strong.arrays["log_p"] - clean).max() > 1e-2


def test_corruptions_come_with_the_moments_of_their_bands(spec: AuditSpec) -> None:
    """The powers of the bands add up to that of the images (Parseval)."""
    rows = measure(spec, QUICK_CORRUPTIONS).rows
    arrays = rows.arrays
    assert arrays["log_p"].shape == (N_IMAGES, 4)
    assert arrays["cross"].shape == (N_IMAGES, 4, 4)
    bound = arrays["clean_power"][:, None] * arrays["corrupted_power"]  # Cauchy and Schwarz
    assert (arrays["cross"] ** 2 <= bound * (1 + 1e-9)).all()
    brighter = arrays["corrupted_power"][:, 1].sum(axis=1)
    assert (brighter > arrays["clean_power"].sum(axis=1)).all()


def test_an_attack_breaks_more_at_a_larger_radius(spec: AuditSpec) -> None:
    """What breaks at one radius is broken at the next, without further queries."""
    rows = measure(spec, AttackRequest(queries=20, radii=(0.005, 0.05, 0.5))).rows
    margins, queries = rows.arrays["margin"], rows.arrays["queries"]
    assert (np.diff(margins, axis=1) <= 0).all()
    assert (queries[:, 1:][margins[:, :-1] <= 0] == 0).all()
    assert (queries <= 20).all()


def test_a_measurement_goes_on_with_the_rows_in_its_folder(spec: AuditSpec, tmp_path: Path) -> None:
    """Of two images first, then of all: the same rows as at once, for three images' evaluations."""
    whole = measure(spec, QUICK_CORRUPTIONS)
    first = measure(replace(spec, max_images=2), QUICK_CORRUPTIONS, out=tmp_path)
    rest = measure(spec, QUICK_CORRUPTIONS, out=tmp_path)
    for name, array in whole.rows.arrays.items():
        np.testing.assert_array_equal(array, rest.rows.arrays[name], err_msg=name)
    assert (first.n_resumed, rest.n_resumed) == (0, 2)
    assert rest.n_evaluations == whole.n_evaluations * 3 // 5
    again = measure(spec, QUICK_CORRUPTIONS, out=tmp_path)
    assert (again.n_resumed, again.n_evaluations) == (5, 0)


def test_rows_of_another_measurement_are_refused_or_moved_aside(
    spec: AuditSpec, tmp_path: Path
) -> None:
    """All that differs is named; with --no-resume the old rows stay beside the new ones."""
    measure(spec, QUICK_CORRUPTIONS, out=tmp_path)
    other = CorruptionRequest(names=("brightness",), severities=(5,))
    with pytest.raises(SpecError) as caught:
        measure(replace(spec, seed=1), other, out=tmp_path)
    for part in (
        "names was ['brightness', 'contrast'], now",
        "severities was",
        "seed was 0, now 1",
    ):
        assert part in caught.value.message
    ConvNet(gain=2).save(spec.model)
    with pytest.raises(SpecError, match="the model file has changed"):
        measure(spec, QUICK_CORRUPTIONS, out=tmp_path)
    fresh = measure(replace(spec, resume=False), other, out=tmp_path)
    assert fresh.n_resumed == 0
    assert sorted(one.name for one in tmp_path.glob("*.sqlite")) == [
        "corruption.1.sqlite",
        "corruption.sqlite",
    ]


def test_damaged_rows_are_measured_again(spec: AuditSpec, tmp_path: Path) -> None:
    """A row whose checksum does not hold counts as missing, a file that is no store as empty."""
    whole = measure(spec, QUICK_CORRUPTIONS, out=tmp_path)
    with closing(sqlite3.connect(tmp_path / "corruption.sqlite")) as store, store:
        store.execute("UPDATE rows SET checksum = 1 WHERE path = '001.png'")
    again = measure(spec, QUICK_CORRUPTIONS, out=tmp_path)
    assert again.n_resumed == N_IMAGES - 1
    (tmp_path / "corruption.sqlite").write_bytes(
        b"no database, but long enough to be looked at" * 99
    )
    last = measure(spec, QUICK_CORRUPTIONS, out=tmp_path)
    assert last.n_resumed == 0
    assert (tmp_path / "corruption.damaged-1.sqlite").exists()
    for found in (again, last):
        np.testing.assert_array_equal(found.rows.arrays["log_p"], whole.rows.arrays["log_p"])


def test_a_model_that_guesses_is_refused_after_a_quick_look(tmp_path: Path) -> None:
    """Nothing but the look is run, and the message says what was found and what to check."""
    images = save_images(tmp_path / "images", 30, n_classes=5)
    model = ConvNet(gain=1e-6).save(tmp_path / "net.onnx")  # its biases say the last class always
    labels = "path,label\n" + "".join(f"{i:03}.png,{i % 4}\n" for i in range(30))
    (images / "labels.csv").write_text(labels, encoding="utf-8")
    spec = AuditSpec(model=model, images=images, bands=4)
    (tmp_path / "out").mkdir()
    with pytest.raises(SpecError, match=r"found 0 of 30 right among 5 classes.*inspect"):
        measure(spec, QUICK_CORRUPTIONS, out=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    assert len(measure(replace(spec, labels="self"), QUICK_CORRUPTIONS).rows) == 30


def test_cancelling_gives_the_rows_so_far(spec: AuditSpec) -> None:
    """Cancelled after two rows, a measurement ends with these."""
    control = Control()
    n_rows = 0
    for event in run_measurement(spec, QUICK_CORRUPTIONS, control, start_worker=in_process):
        if isinstance(event, ImageDone):
            n_rows += 1
            if n_rows == 2:
                control.cancel()
        last = event
    assert isinstance(last, MeasurementFinished)
    assert last.is_cancelled
    assert last.measured is not None
    assert 2 <= len(last.measured.rows) < N_IMAGES


def test_images_that_cannot_be_measured_are_named(tmp_path: Path) -> None:
    """A network that answers NaN to dark images has no pass band, and the reason is said."""
    images = save_images(tmp_path / "images", N_IMAGES, n_classes=5)
    model = ConvNet(fails_below=0.1).save(tmp_path / "net.onnx")
    spec = AuditSpec(model=model, images=images, bands=4)
    with pytest.raises(ImageError, match=r"2 images.*found 0.*not finite"):
        measure(spec, PassbandRequest(cutoffs=4))


def test_unknown_corruptions_are_named_with_the_nearest() -> None:
    """Every fault of a request is listed, with what may have been meant."""
    with pytest.raises(SpecError, match=r"gausian_noise.*gaussian_noise.*severities out of 1 to 5"):
        CorruptionRequest(names=("gausian_noise",), severities=(0, 1))
