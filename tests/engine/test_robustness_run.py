"""Measurements from photographs to rows, on small networks, in this process and in a child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from audit_material import ConvNet, save_images

from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.events import Control, ImageDone
from iaside_audit.robustness.requests import (
    AttackRequest,
    CorruptionRequest,
    HeatmapRequest,
    PassbandRequest,
)
from iaside_audit.robustness.run import Measured, MeasurementFinished, run_measurement
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


def test_known_rows_are_not_measured_again(spec: AuditSpec) -> None:
    """A measurement that was stopped goes on where it was, with the same result."""
    whole = measure(spec, QUICK_CORRUPTIONS)
    rest = measure(spec, QUICK_CORRUPTIONS, known=whole.rows.rows()[:3])
    np.testing.assert_array_equal(whole.rows.arrays["log_p"], rest.rows.arrays["log_p"])
    assert rest.n_evaluations == whole.n_evaluations * 2 // 5


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
