"""Real classifiers, audited as a user would: the zoo's own counts are the truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shared_material import ZOO_IDS, shared

import iaside_audit as ia

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.shared

QUICK = ("mobilenet_v1_025_128_qat", "tinytrain_mbv2_w035_128")
"""Small ones, one NHWC with probabilities and one NCHW with logits, in every run of the tests."""


def zoo_spec(model_id: str, folder: Path, **options: Any) -> tuple[ia.AuditSpec, dict[str, Any]]:
    """Write the preprocessing file of a zoo model and return its specification and record."""
    manifest = json.loads(shared("zoo/manifest.json").read_text(encoding="utf-8"))
    record = next(one for one in manifest["models"] if one["id"] == model_id)
    lines = ["[preprocess]", f"resize = {record['resize_shorter_side']}"]
    lines += [
        f"{key} = {json.dumps(record[key])}"
        for key in ("crop", "interpolation", "channel_order", "scale", "mean", "std", "layout")
    ]
    # "shorter side to resize_shorter_side with the longer side rounded, centre crop"
    lines.append('rounding = "nearest"')
    preprocess = folder / f"{model_id}.toml"
    preprocess.write_text("\n".join(lines) + "\n", encoding="utf-8")
    spec = ia.AuditSpec(
        model=shared(f"zoo/{record['file']}"),
        images=shared("zoo/images"),
        labels=str(shared("zoo/labels.csv")),
        preprocess=str(preprocess),
        **({"threads": 1} | options),  # tests run side by side
    )
    return spec, record


@pytest.mark.parametrize(
    "model_id",
    [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in ZOO_IDS],
)
def test_right_answers_agree_with_the_manifest(model_id: str, tmp_path: Path) -> None:
    """A wrong channel order, scale or resize would show in the number of right answers."""
    spec, record = zoo_spec(model_id, tmp_path, bands=2)
    result = ia.audit(spec)
    assert result.data.n_images == 200
    n_right = round(result.accuracy.top1 * 200)
    assert abs(n_right - record["correct_on_the_200_images"]) <= 3


def test_efficiency_holds_for_every_image(tmp_path: Path) -> None:
    """Shapley values add up to v(all) - v(empty), image by image, to 1e-4 nats."""
    spec, _ = zoo_spec("tinytrain_mbv2_w035_128", tmp_path, max_images=8, estimator="exact")
    result = ia.audit(spec)
    assert result.values.efficiency_residual < 1e-4
    total = sum(band.shapley for band in result.bands)
    assert total == pytest.approx(result.values.grand - result.values.empty, abs=1e-4)


@pytest.mark.slow
def test_permutation_agrees_with_exact_within_its_intervals(tmp_path: Path) -> None:
    """On the same images of a real model, both estimators find the same Shapley values."""
    options = {"max_images": 40, "bands": 6}
    exact, _ = zoo_spec("tinytrain_mbv2_w035_128", tmp_path, estimator="exact", **options)
    walked, _ = zoo_spec(
        "tinytrain_mbv2_w035_128", tmp_path, estimator="permutation", pairs=2, **options
    )
    truth = ia.audit(exact)
    estimate = ia.audit(walked)
    # The images are the same, so the two differ by the random orders only, and those are part of
    # what the interval of the permutation estimate covers.
    for one, other in zip(estimate.bands, truth.bands, strict=True):
        assert one.interval[0] <= other.shapley <= one.interval[1]


@pytest.mark.parametrize(
    "options",
    [pytest.param({"batch": 1}, marks=pytest.mark.slow), {"batch": 64}, {"threads": 1}],
    ids=str,
)
def test_batch_and_threads_leave_the_rows_alone(options: dict[str, int], tmp_path: Path) -> None:
    """Rows agree to 1e-4 nats whatever the batch and the number of threads."""
    fixed = {"max_images": 6, "bands": 5, "threads": 2}
    reference, _ = zoo_spec("mobilenet_v1_025_128_qat", tmp_path, **fixed)
    other, _ = zoo_spec("mobilenet_v1_025_128_qat", tmp_path, **(fixed | options))
    first, second = (ia.audit(spec).rows() for spec in (reference, other))
    assert first.image_id == second.image_id
    np.testing.assert_allclose(first.log_p, second.log_p, atol=1e-4)


def test_same_spec_gives_the_same_bits(tmp_path: Path) -> None:
    """Two runs, two processes, the same rows to the bit."""
    spec, _ = zoo_spec("mobilenet_v1_025_128_qat", tmp_path, max_images=6, bands=5)
    first, second = (ia.audit(spec).rows() for _ in range(2))
    np.testing.assert_array_equal(first.log_p, second.log_p)
    np.testing.assert_array_equal(first.best_other, second.best_other)
