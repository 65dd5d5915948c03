"""Measurements as sentences, documents and figures, and all of them on one frequency axis."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audit_material import ConvNet, save_images
from jsonschema import Draft202012Validator
from sample_results import sample_result

from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.errors import ReportError, SpecError
from iaside_audit.report import write_beside
from iaside_audit.report.measurement_outputs import (
    measurement_csv,
    measurement_document,
    measurement_sentence,
    write_measurement,
)
from iaside_audit.report.schemas import KINDS, document_faults, document_schema
from iaside_audit.robustness.curves import attack_curve, heatmap, passbands
from iaside_audit.robustness.measured import Measured, MeasurementFinished
from iaside_audit.robustness.requests import AttackRequest, HeatmapRequest, PassbandRequest
from iaside_audit.robustness.run import run_measurement
from iaside_audit.robustness.tasks import measurement_tasks
from iaside_audit.spec import AuditSpec
from iaside_audit.statistics.shares import share_interval

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.robustness.requests import Request

REQUESTS = (
    HeatmapRequest(stride=4),
    PassbandRequest(cutoffs=4, noise=(0.1,)),
    AttackRequest(queries=5, radii=(0.01, 0.1)),
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measured]:
    """Return one small measurement of each kind."""
    folder = tmp_path_factory.mktemp("measured")
    images = save_images(folder / "images", 6, n_classes=5)
    spec = AuditSpec(model=ConvNet().save(folder / "net.onnx"), images=images, bands=4)
    return {request.kind: _run(spec, request) for request in REQUESTS}


def _run(spec: AuditSpec, request: Request) -> Measured:
    def start() -> InProcessWorker:
        return InProcessWorker(measurement_tasks)

    *_, last = run_measurement(spec, request, start_worker=start)
    assert isinstance(last, MeasurementFinished)
    assert last.measured is not None
    return last.measured


def test_a_heat_map_is_symmetric_and_agrees_with_its_rows(measured: dict[str, Measured]) -> None:
    """The map holds each frequency twice; its mean over a band is the profile's."""
    found = heatmap(measured["heatmap"])
    np.testing.assert_array_equal(found.error, found.error[::-1, ::-1])
    wrong = measured["heatmap"].rows.margin() <= 0
    assert found.error[len(found.rows) // 2, len(found.columns) // 2] in wrong.mean(axis=0)
    assert found.profile.values.shape == (4,)
    assert (found.profile.low <= found.profile.values).all()


def test_curves_start_and_end_at_the_clean_accuracy(measured: dict[str, Measured]) -> None:
    """All of the spectrum is the image, and a radius of nothing no attack."""
    (low, high), _ = passbands(measured["passband"])
    clean = float((measured["passband"].rows.margin("clean_") > 0).mean())
    assert low.values[-1] == high.values[0] == clean
    robust = attack_curve(measured["attack"])
    assert robust.values[0] == clean
    assert (np.diff(robust.values) <= 0).all()


@pytest.mark.parametrize("kind", [one.kind for one in REQUESTS])
def test_a_measurement_is_written_in_every_form(
    measured: dict[str, Measured], kind: str, tmp_path: Path
) -> None:
    """JSON without NaN, CSV with a header, a figure that says what it shows, a sentence."""
    one = measured[kind]
    document = json.loads(json.dumps(measurement_document(one), allow_nan=False))
    assert document["kind"] == kind
    assert list(document_faults(document, kind)) == []
    assert document["data"]["n_images"] == 6
    assert len(measurement_csv(one).splitlines()) > 2
    assert "6 images" in measurement_sentence(one)
    paths = write_measurement(one, tmp_path)
    assert [path.name for path in paths] == [f"{kind}.json", f"{kind}.csv", f"{kind}.svg"]
    assert "6 images" in ET.fromstring(paths[2].read_bytes())[0].text  # noqa: S314 - our own file


@pytest.mark.parametrize("kind", [*KINDS, "common"])
def test_a_schema_is_one(kind: str) -> None:
    """Every schema is valid by its own standard, says what it is of, and fits no other document."""
    schema = document_schema(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    if kind != "common":
        assert list(document_faults({"kind": "another", "schema_version": 1}, kind))


def test_an_audit_and_its_measurements_share_an_axis(
    measured: dict[str, Measured], tmp_path: Path
) -> None:
    """The figure has a panel for each part; a measurement of another model is refused."""
    audit = sample_result()
    for one in measured.values():
        same = replace(one, model=replace(one.model, identity=audit.model.identity))
        write_measurement(same, tmp_path)
    write_beside(audit, [tmp_path], tmp_path / "axis.svg")
    text = (tmp_path / "axis.svg").read_text(encoding="utf-8")
    for words in ("importance", "low-pass", "error rate", "spatial frequency"):
        assert words in text
    write_measurement(measured["passband"], tmp_path)
    with pytest.raises(SpecError, match="another model"):
        write_beside(audit, [tmp_path], tmp_path / "axis.svg")
    with pytest.raises(SpecError, match=r"\.svg or \.png"):
        write_beside(audit, [tmp_path], tmp_path / "axis.pdf")
    with pytest.raises(SpecError, match=r"snr\.json, passband\.json or heatmap\.json"):
        write_beside(audit, [tmp_path / "figures"], tmp_path / "axis.svg")
    (tmp_path / "passband.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReportError, match="something else"):
        write_beside(audit, [tmp_path], tmp_path / "axis.svg")


def test_the_interval_of_a_share_covers_it() -> None:
    """Wilson's interval covers small and middling shares about as often as it says."""
    generator = np.random.default_rng(0)
    for share in (0.02, 0.3, 0.5):
        found = generator.binomial(50, share, size=2000) / 50
        low, high = share_interval(found, 50, confidence=0.95)
        covered = ((low <= share) & (share <= high)).mean()
        assert 0.92 <= covered <= 0.985
