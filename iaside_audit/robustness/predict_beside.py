"""What an audit predicts beside what was measured of the same model under the same corruptions."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.auditing.model import resolve_model
from iaside_audit.classifier.identity import file_sha256
from iaside_audit.errors import SpecError
from iaside_audit.robustness.copies import gains_of
from iaside_audit.robustness.predict_run import (
    MIN_IMAGES,
    PredictionRun,
    check_predictable,
    games_of,
)
from iaside_audit.robustness.predicted_loss import MeasuredOutcomes, predict
from iaside_audit.robustness.requests import CorruptionRequest, ReadyMadeRequest
from iaside_audit.rows import rows_at

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.measured import Measured
    from iaside_audit.spec import AuditSpec

DECIDING: Final = ("bands", "norm", "spacing", "frame", "seed")
"""Options that decide which image is corrupted how, and what is left of which band."""
REPEATED: Final = (*DECIDING, "labels", "classes", "output", "preprocess", "confidence")
"""Options that a measurement beside an audit takes over from it, unless they are given."""


def beside_options(audit: AuditResult) -> dict[str, Any]:  # Any: JSON
    """Return the options of an audit that a measurement beside it needs, by name."""
    values = audit.spec.to_dict()
    return {name: values[name] for name in REPEATED if values[name] is not None}


def check_beside(audit: AuditResult, spec: AuditSpec) -> None:
    """Refuse, before anything is measured, an audit that cannot stand beside the measurement.

    Parameters
    ----------
    audit : AuditResult
        The audit.
    spec : AuditSpec
        Of the measurement; its model is a file, or an id of the catalogue.

    Raises
    ------
    SpecError
        If the audit is of another model, has other options, or is in reference mode or of a single
        image.
    StoreError
        If its rows are gone.
    """
    check_predictable(audit)
    _refuse_differences(_option_differences(audit, spec))
    found = file_sha256(resolve_model(spec.model))
    if found != audit.model.sha256:
        raise SpecError(
            f"Expected an audit of '{spec.model}' beside its measurement, found one of "
            f"'{audit.model.path}', another file (sha256 {audit.model.sha256[:12]} instead of "
            f"{found[:12]}). Audit this model, or measure that one.",
            expected=found,
            found=audit.model.sha256,
        )
    audit.rows()


def predict_measured(audit: AuditResult, measured: Measured) -> PredictionRun:
    """Predict the losses that a measurement of corruptions found, and hold the two together.

    Parameters
    ----------
    audit : AuditResult
        Of the same model, preprocessing, bands and frame, with its rows.
    measured : Measured
        A measurement of corruptions.

    Raises
    ------
    SpecError
        If the two do not belong together, or share fewer than two images; every difference is
        named.
    StoreError
        If the audit's rows are gone.
    """
    started = time.perf_counter()
    request = measured.request
    if not isinstance(request, (CorruptionRequest, ReadyMadeRequest)):
        raise SpecError(f"Expected a measurement of corruptions, found one of {request.kind}.")
    _check_same_settings(audit, measured)
    rows, own = audit.rows(), measured.rows
    at = {image_id: place for place, image_id in enumerate(own.image_id)}
    pairs = [(i, at[one]) for i, one in enumerate(rows.image_id) if one in at]
    n_relabelled = sum(int(rows.label[i] != own.label[j]) for i, j in pairs)
    if len(pairs) < MIN_IMAGES or n_relabelled:
        few = f"{len(pairs)} of its {len(rows)} images"
        what = f"{n_relabelled} images with another label" if n_relabelled else few
        raise SpecError(
            f"Expected the images and labels of the audit in the measurement, found {what}. "
            "Measure with the audit's --images, --labels and --seed."
        )
    in_audit, in_measured = np.array(pairs).T
    return PredictionRun(
        tool=measured.tool,
        created=measured.created,
        audit=audit,
        request=request,
        suite=None,
        prediction=predict(
            games_of(audit, rows_at(rows, in_audit)),
            gains_of(own.arrays, in_measured),
            request.conditions,
            seed=audit.spec.seed,
            confidence=audit.spec.confidence,
            measured=MeasuredOutcomes(
                wrong=(own.margin()[in_measured] <= 0).astype(np.float64),
                log_loss=-own.arrays["log_p"][in_measured].astype(np.float64),
            ),
        ),
        failed=(),
        elapsed_s=time.perf_counter() - started,
    )


def _check_same_settings(audit: AuditResult, measured: Measured) -> None:
    """Refuse a measurement of another model, on other bands, or of other inputs."""
    differences = _option_differences(audit, measured.spec)
    if audit.model.identity != measured.model.identity:
        differences.append("another model")
    inputs = [replace(one.model.preprocessing, source="") for one in (audit, measured)]
    if inputs[0] != inputs[1]:
        differences.append("another preprocessing")
    if audit.model.output.name != measured.model.output.name:
        differences.append("another output")
    _refuse_differences(differences)


def _option_differences(audit: AuditResult, spec: AuditSpec) -> list[str]:
    before, now = audit.spec.to_dict(), spec.to_dict()
    return [
        f"{name} {now[name]} instead of {before[name]}"
        for name in DECIDING
        if now[name] != before[name]
    ]


def _refuse_differences(differences: list[str]) -> None:
    if differences:
        raise SpecError(
            f"Expected a measurement like the audit beside it, found {'; '.join(differences)}. "
            "Measure again without these options."
        )
