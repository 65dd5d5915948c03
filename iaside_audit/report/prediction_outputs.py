"""What an audit predicts, as JSON, CSV and figure."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.comparison import finite
from iaside_audit.report.claims import PREDICTION_CLAIM
from iaside_audit.report.files import csv_text, json_text, make_folder, write_bytes, write_text
from iaside_audit.report.prediction_words import prediction_sentences
from iaside_audit.robustness.prediction import DEFAULT_FORM
from iaside_audit.robustness.requests import request_to_wire

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from iaside_audit.robustness.errors_by_corruption import Measure
    from iaside_audit.robustness.predict_run import PredictionRun
    from iaside_audit.robustness.predicted_loss import (
        MeasuredLosses,
        PredictedLoss,
        Scope,
    )

SCHEMA_VERSION: Final = 1
NAME: Final = "prediction"
KEYS: Final = {"log-probability": "log_loss", "accuracy": "error"}
"""What losses are called, by the value function they come from."""


def prediction_document(run: PredictionRun) -> dict[str, Any]:  # Any: JSON
    """Return everything that is predicted as JSON-ready values; not finite numbers are None."""
    prediction = run.prediction
    audit = run.audit
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": NAME,
        "tool": asdict(run.tool),
        "created": run.created,
        "spec": audit.spec.to_dict(),
        "request": request_to_wire(run.request),
        "parameters": run.suite,
        "model": asdict(audit.model),
        "data": {
            "path": audit.data.path,
            "manifest_sha256": audit.data.manifest_sha256,
            "labels": audit.data.labels,
            "n_images": prediction.n_images,
            "n_failed": len(run.failed),
            "failed": [asdict(one) for one in run.failed],
        },
        "estimator": audit.estimator.kind,
        "elapsed_s": run.elapsed_s,
        "claim": PREDICTION_CLAIM,
        "default_form": DEFAULT_FORM.name,
        "without_spectrum": {
            name: {KEYS[value]: _named(one) for value, one in losses.items()}
            for name, losses in (
                ("clean", prediction.clean),
                ("midpoint", prediction.midpoint),
            )
        },
        "forms": [
            {
                "name": one.form.name,
                "loss": KEYS[one.form.value],
                "form": one.form.form.value,
                "gain": one.form.gain.value,
                "losses": [_loss(loss) for loss in one.losses],
            }
            for one in prediction.forms
        ],
        "measured": None if prediction.measured is None else _measured(prediction.measured),
    }
    plain: dict[str, Any] = finite(document)  # Any: JSON
    return plain


def prediction_csv(run: PredictionRun) -> str:
    """Return every predicted loss as CSV: a line for each form and scope.

    The suite's line has neither corruption nor severity, a corruption's mean no severity. Beside
    the loss stand those that know no spectrum and, where it was measured, the measured one.
    """
    prediction = run.prediction
    n_bands = len(prediction.forms[0].losses[0].shares)
    header = ["form", "corruption", "severity"]
    header += [f"{name}{end}" for name in ("loss", "added") for end in ("", "_low", "_high")]
    header += ["clean", "midpoint", "measured", "measured_low", "measured_high"]
    header += [f"share_{band}" for band in range(n_bands)]
    return csv_text(
        header,
        (
            [
                one.form.name,
                loss.scope.corruption or "",
                "" if loss.scope.severity is None else loss.scope.severity,
                *_cells(loss.loss),
                *_cells(loss.added),
                prediction.clean[one.form.value].value,
                prediction.midpoint[one.form.value].value,
                *_measured_cells(prediction.measured, one.form.value, loss.scope),
                *loss.shares,
            ]
            for one in prediction.forms
            for loss in one.losses
        ),
    )


def write_prediction(run: PredictionRun, out: Path) -> tuple[Path, ...]:
    """Write everything that is predicted to a folder.

    Returns
    -------
    tuple of Path
        ``prediction.json``, ``prediction.csv`` and ``figures/prediction.svg``.

    Raises
    ------
    ReportError
        If a file cannot be written.
    """
    from iaside_audit.report.figures import svg_bytes  # noqa: PLC0415 - start-up time
    from iaside_audit.report.prediction_figure import prediction_figure  # noqa: PLC0415

    folder = make_folder(out / "figures")
    paths = out / f"{NAME}.json", out / f"{NAME}.csv", folder / f"{NAME}.svg"
    write_text(paths[0], json_text(prediction_document(run)))
    write_text(paths[1], prediction_csv(run))
    description = " ".join(f"{one}." for one in prediction_sentences(run.prediction))
    write_bytes(paths[2], svg_bytes(prediction_figure(run), description))
    return paths


def _loss(loss: PredictedLoss) -> dict[str, Any]:  # Any: JSON
    return {
        **_scope(loss.scope),
        "loss": _named(loss.loss),
        "added": _named(loss.added),
        "shares": list(loss.shares),
        "sentence": loss.sentence,
    }


def _measured(measured: MeasuredLosses) -> dict[str, Any]:  # Any: JSON
    return {
        "losses": [
            {
                **_scope(scope),
                "error": _named(error),
                "log_loss": _named(measured.log_loss[scope]),
            }
            for scope, error in measured.error.items()
        ],
        "following": [
            {"form": one.form, "error": _named(one.error), "log_loss": _named(one.log_loss)}
            for one in measured.following
        ],
    }


def _scope(scope: Scope) -> dict[str, Any]:  # Any: JSON
    return {"corruption": scope.corruption, "severity": scope.severity}


def _named(measure: Measure) -> dict[str, Any]:  # Any: JSON
    return {"value": measure.value, "interval": list(measure.interval)}


def _cells(measure: Measure) -> tuple[float, float, float]:
    return measure.value, *measure.interval


def _measured_cells(
    measured: MeasuredLosses | None, value: str, scope: Scope
) -> Sequence[float | str]:
    if measured is None:
        return "", "", ""
    return _cells((measured.error if value == "accuracy" else measured.log_loss)[scope])
