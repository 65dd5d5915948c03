"""Measurements read back from their files say what was measured; anything else is an error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from audit_material import audit_here, convnet_spec

from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.errors import ReportError
from iaside_audit.events import Control
from iaside_audit.report.corruption import corruption_document
from iaside_audit.report.findings import finding_of, read_measurement
from iaside_audit.report.measurement_outputs import measurement_document
from iaside_audit.report.prediction_outputs import prediction_document
from iaside_audit.report.snr import snr_document
from iaside_audit.robustness.corruption_run import CorruptionPlan, corruption_errors
from iaside_audit.robustness.curves import heatmap, passbands
from iaside_audit.robustness.findings import (
    CorruptionFinding,
    HeatmapFinding,
    PassbandFinding,
    PredictionFinding,
    SnrFinding,
)
from iaside_audit.robustness.measured import Measured, MeasurementFinished
from iaside_audit.robustness.measured_snr import measured_snr
from iaside_audit.robustness.predict_beside import predict_measured
from iaside_audit.robustness.predicted_loss import Scope
from iaside_audit.robustness.prediction import DEFAULT_FORM
from iaside_audit.robustness.requests import HeatmapRequest, PassbandRequest, SnrRequest
from iaside_audit.robustness.run import run_measurement
from iaside_audit.robustness.snr_run import SnrSpec, measure_snr
from iaside_audit.robustness.tasks import measurement_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.requests import Request
    from iaside_audit.spec import AuditSpec

N_IMAGES = 6
CORRUPTIONS = SnrRequest(names=("gaussian_noise", "contrast"), severities=(1, 5), has_answers=True)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> AuditSpec:
    """Return a small network on a few images."""
    return convnet_spec(tmp_path_factory.mktemp("measured"), n_images=N_IMAGES, labels="self")


@pytest.fixture(scope="module")
def corrupted(spec: AuditSpec) -> Measured:
    """Return corruptions with their spectra."""
    return measure(spec, CORRUPTIONS)


@pytest.fixture(scope="module")
def audit(spec: AuditSpec) -> AuditResult:
    """Return an audit of the same model on the same images."""
    return audit_here(spec)


def measure(spec: AuditSpec, request: Request) -> Measured:
    """Run a measurement in this process."""

    def start() -> InProcessWorker:
        return InProcessWorker(measurement_tasks)

    *_, last = run_measurement(spec, request, start_worker=start)
    assert isinstance(last, MeasurementFinished)
    assert last.measured is not None
    return last.measured


def as_corruptions(measured: Measured) -> Measured:
    """Return corruptions with spectra as corruptions alone."""
    assert isinstance(measured.request, SnrRequest)
    return replace(measured, request=measured.request.as_corruptions)


def document_of(measured: Measured) -> Any:  # Any: JSON
    """Return the document of corruptions, as it comes out of a file."""
    plain = as_corruptions(measured)
    plan = CorruptionPlan(spec=plain.spec, request=CORRUPTIONS.as_corruptions, has_clean=True)
    document = corruption_document(corruption_errors(plain, plan), plain, is_partial=False)
    return json.loads(json.dumps(document, allow_nan=False))


def test_corruptions_read_back(corrupted: Measured) -> None:
    """Errors, intervals and preprocessing come back as they were."""
    request = CORRUPTIONS.as_corruptions
    plan = CorruptionPlan(spec=corrupted.spec, request=request, has_clean=True)
    finding = finding_of(document_of(corrupted))
    assert isinstance(finding, CorruptionFinding)
    assert finding.request == request
    assert finding.errors == corruption_errors(corrupted, plan)
    assert finding.origin.preprocessing == corrupted.model.preprocessing
    assert finding.origin.n_images == N_IMAGES


def test_predictions_read_back(corrupted: Measured, audit: AuditResult, tmp_path: Path) -> None:
    """Predicted and measured losses of every condition come back, in the default form."""
    run = predict_measured(audit, as_corruptions(corrupted))
    path = tmp_path / "prediction.json"
    path.write_text(json.dumps(prediction_document(run)), encoding="utf-8")
    _, finding = read_measurement(path)
    assert isinstance(finding, PredictionFinding)
    losses = -corrupted.rows.arrays["log_p"].mean(axis=0)
    found = finding.predictions
    np.testing.assert_allclose([one.measured.value for one in found], losses, rtol=1e-6)
    form = run.prediction.form(DEFAULT_FORM.name)
    for one in found:
        loss = form.of(Scope(corruption=one.corruption, severity=one.severity))
        assert one.predicted == loss.loss
        assert one.shares == loss.shares
        assert one.difference == pytest.approx(one.predicted.value - one.measured.value)


def test_spectra_of_a_measurement_are_those_of_the_images_alone(
    spec: AuditSpec, corrupted: Measured
) -> None:
    """At the size of the images, a worker finds the SNR that needs no model, and it reads back."""
    run = measured_snr(corrupted)
    alone = measure_snr(
        SnrSpec(images=spec.images, corruptions=CORRUPTIONS.names, severities=(1, 5), bands=4),
        Control(),
    )
    finding = finding_of(json.loads(json.dumps(snr_document(run), allow_nan=False)))
    assert isinstance(finding, SnrFinding)
    for ours, theirs, read in zip(run.results, alone.results, finding.results, strict=True):
        np.testing.assert_allclose(ours.bands.decibels, theirs.bands.decibels, atol=1e-6)
        np.testing.assert_allclose(ours.rings.decibels, theirs.rings.decibels, atol=1e-4)
        np.testing.assert_allclose(ours.exponent_interval, theirs.exponent_interval, atol=1e-4)
        np.testing.assert_array_equal(read.rings.low, ours.rings.low)
        assert (read.title, read.edges, read.verdict) == (ours.title, ours.edges, ours.verdict)
    without = measure(spec, replace(CORRUPTIONS, has_answers=False))
    assert without.n_evaluations == N_IMAGES
    np.testing.assert_array_equal(without.rows.arrays["cross"], corrupted.rows.arrays["cross"])


def test_map_and_pass_bands_read_back(spec: AuditSpec) -> None:
    """Maps, curves and edges of bands come back as they were."""
    measured = measure(spec, HeatmapRequest(stride=8))
    finding = finding_of(json.loads(json.dumps(measurement_document(measured))))
    assert isinstance(finding, HeatmapFinding)
    np.testing.assert_array_equal(finding.heatmap.error, heatmap(measured).error)
    np.testing.assert_array_equal(finding.heatmap.profile.low, heatmap(measured).profile.low)
    assert finding.edges == (0, 0.25, 0.5, 0.75, 1)
    measured = measure(spec, PassbandRequest(cutoffs=4, noise=(0.1,)))
    found = finding_of(json.loads(json.dumps(measurement_document(measured))))
    assert isinstance(found, PassbandFinding)
    (low, _), (noisy,) = passbands(measured)
    np.testing.assert_array_equal(found.cut[0].values, low.values)
    np.testing.assert_array_equal(found.noisy[0].high, noisy.high)


def test_damaged_files_are_errors_with_the_next_step(corrupted: Measured, tmp_path: Path) -> None:
    """What is gone, no JSON, of another kind, newer or short of a field is refused, not shown."""
    path = tmp_path / "corruption.json"
    document = document_of(corrupted)
    short = {name: value for name, value in document.items() if name != "conditions"}
    odd = document | {"conditions": [{"corruption": "fog"}]}
    cases = {
        "{": "something else",
        "[]": "found 'list'",
        json.dumps({"kind": "study"}): "found 'study'",
        json.dumps(document | {"schema_version": 2}): "schema version 1, found 2",
        json.dumps(short): "conditions",
        json.dumps(odd): "severity",
        json.dumps(document | {"conditions": []}): "no condition",
    }
    with pytest.raises(ReportError, match="No such file"):
        read_measurement(path)
    for text, words in cases.items():
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ReportError, match=words):
            read_measurement(path)
