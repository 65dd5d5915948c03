"""Measurements read back from their JSON: corruptions, SNR, heat map, pass bands.

What a document says becomes the same frozen classes that the measurement was summed up in
(:mod:`iaside_audit.robustness.findings`).
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from iaside_audit.choices import Norm
from iaside_audit.errors import ReportError, SpecError
from iaside_audit.images import FROM_MODEL
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.report.files import refuse_newer
from iaside_audit.report.measurement_outputs import SCHEMA_VERSION
from iaside_audit.report.schemas import document_faults
from iaside_audit.robustness.curves import Curve, Heatmap
from iaside_audit.robustness.errors_by_corruption import (
    ConditionResult,
    CorruptionErrors,
    CorruptionResult,
    Measure,
)
from iaside_audit.robustness.findings import (
    KINDS,
    ConditionPrediction,
    CorruptionFinding,
    HeatmapFinding,
    Origin,
    PassbandFinding,
    PredictionFinding,
    SnrFinding,
)
from iaside_audit.robustness.requests import (
    CorruptionRequest,
    ReadyMadeRequest,
    request_from_wire,
)
from iaside_audit.robustness.snr import Curve as SnrCurve
from iaside_audit.robustness.snr import SnrResult
from iaside_audit.spectrum import PowerLaw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from iaside_audit.robustness.findings import Finding

    Document = dict[str, Any]  # Any: JSON


def read_measurement(path: Path) -> tuple[dict[str, Any], Finding]:  # Any: JSON
    """Read a measurement's file.

    Parameters
    ----------
    path : Path
        ``corruption.json``, ``snr.json``, ``heatmap.json`` or ``passband.json``, whatever it is
        called.

    Returns
    -------
    document : dict
        As it stands in the file.
    finding : Finding
        What it says.

    Raises
    ------
    ReportError
        If the file is gone, damaged, of another kind or of a newer version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ReportError(
            f"Expected a measurement in '{path}', found something else ({reason}). Measure again, "
            "or choose another file.",
            path=str(path),
            found=reason,
        ) from error
    finding = finding_of(document, path=str(path))
    fault = next(document_faults(document, document["kind"]), None)
    if fault is not None:
        raise _other_fields(document, str(path), fault)
    return document, finding


def finding_of(document: object, *, path: str = "the document") -> Finding:
    """Return what a measurement's document says.

    Parameters
    ----------
    document : object
        JSON values; anything but a measurement is refused.
    path : str
        Where it is from, for errors.

    Raises
    ------
    ReportError
        If it is damaged, of another kind or of a newer version.
    """
    if not isinstance(document, dict) or document.get("kind") not in KINDS:
        found = document.get("kind") if isinstance(document, dict) else type(document).__name__
        raise ReportError(
            f"Expected a measurement of {', '.join(KINDS[:-1])} or {KINDS[-1]} in '{path}', found "
            f"{found!r}. Choose the file that `iaside-audit corrupt`, `snr`, `heatmap` or "
            "`passband` wrote.",
            path=path,
            expected=", ".join(KINDS),
            found=str(found),
        )
    version = document.get("schema_version")
    refuse_newer(version, newest=SCHEMA_VERSION, kind="a measurement", path=path)
    try:
        match document["kind"]:
            case "corruption":
                return _corruption(document)
            case "prediction":
                return _prediction(document)
            case "snr":
                results = tuple(_snr_result(one) for one in document["conditions"])
                return SnrFinding(origin=_origin(document), results=_some(results))
            case "heatmap":
                return _heatmap(document)
            case _:
                return _passband(document)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise _other_fields(document, path, what) from error


def _other_fields(document: Document, path: str, what: str) -> ReportError:
    return ReportError(
        f"Expected a measurement of {document['kind']} in '{path}', found other fields ({what}). "
        "Measure again, or take an unchanged copy of the file.",
        path=path,
        found=what,
    )


def _some(results: tuple[SnrResult, ...]) -> tuple[SnrResult, ...]:
    if not results:
        raise ValueError("no condition")
    return results


def _origin(document: Document) -> Origin:
    spec, model, data = document["spec"], document.get("model", {}), document["data"]
    return Origin(
        kind=document["kind"],
        model=str(model.get("path", "")),
        identity=model.get("identity"),
        images=str(data.get("path", spec.get("images", ""))),
        n_images=int(data["n_images"]),
        n_failed=len(data.get("failed", ())),
        labels_are_own=data.get("labels") == FROM_MODEL,
        norm=Norm(spec["norm"]),
        seed=int(spec["seed"]),
        confidence=float(spec["confidence"]),
        preprocessing=_preprocessing(model, spec),
        warnings=tuple(str(one["message"]) for one in document.get("warnings", ())),
    )


def _preprocessing(model: Document, spec: Document) -> Preprocessing | None:
    """Return the preprocessing at the frame; older corruption documents name only its source."""
    values = model.get("preprocessing")
    if not isinstance(values, dict):
        return None
    try:
        preprocessing = Preprocessing(**values)
    except SpecError as error:
        raise ValueError(error.message) from error
    frame = spec.get("frame")
    return preprocessing.at_frame(frame) if isinstance(frame, int) else preprocessing


def _corruption(document: Document) -> CorruptionFinding:
    request = request_from_wire(document["request"])
    if not isinstance(request, (CorruptionRequest, ReadyMadeRequest)):
        raise TypeError(f"a request of {request.kind}")
    clean = document["clean"]
    errors = CorruptionErrors(
        n_images=int(document["data"]["n_images"]),
        clean_error=None if clean is None else _measure(clean["top1_error"]),
        clean_log_p=None if clean is None else _measure(clean["log_p"]),
        conditions=tuple(
            ConditionResult(
                corruption=str(one["corruption"]),
                severity=int(one["severity"]),
                error=_measure(one["top1_error"]),
                log_p=_measure(one["log_p"]),
            )
            for one in document["conditions"]
        ),
        corruptions=tuple(
            CorruptionResult(
                corruption=str(one["corruption"]),
                error=_measure(one["top1_error"]),
                log_p=_measure(one["log_p"]),
                alexnet_error=one.get("alexnet_top1_error"),
            )
            for one in document["corruptions"]
        ),
        means={name: _measure(one) for name, one in document["means"].items()},
        note=str(document["note"]),
    )
    if not errors.conditions:
        raise ValueError("no condition")
    return CorruptionFinding(
        origin=_origin(document),
        request=request,
        errors=errors,
        is_partial=bool(document["is_partial"]),
    )


def _prediction(document: Document) -> PredictionFinding:
    name = document["default_form"]
    form = next(one for one in document["forms"] if one["name"] == name)
    found = {} if document["measured"] is None else document["measured"]
    measured = {
        (one["corruption"], one["severity"]): _measure(one["log_loss"])
        for one in found.get("losses", ())
    }
    unknown = Measure(value=math.nan, interval=(math.nan, math.nan))
    clean, midpoint = (
        _measure(document["without_spectrum"][which]["log_loss"]).value
        for which in ("clean", "midpoint")
    )
    return PredictionFinding(
        origin=_origin(document),
        predictions=tuple(
            ConditionPrediction(
                corruption=one["corruption"],
                severity=one["severity"],
                predicted=_measure(one["loss"]),
                measured=measured.get((one["corruption"], one["severity"]), unknown),
                clean=clean,
                midpoint=midpoint,
                shares=tuple(_number(share) for share in one["shares"]),
                sentence=one["sentence"],
            )
            for one in form["losses"]
            if one["severity"] is not None
        ),
    )


def _measure(values: Document) -> Measure:
    low, high = values["interval"]
    return Measure(value=_number(values["value"]), interval=(_number(low), _number(high)))


def _snr_result(condition: Document) -> SnrResult:
    bands, rings, law = condition["bands"], condition["rings"], condition["power_law"]
    severity = condition["severity"]
    low, high = law["exponent_interval"]
    return SnrResult(
        name=str(condition["corruption"]),
        severity=None if severity is None else int(severity),
        n_images=int(condition["n_images"]),
        difference=_number(condition["mean_absolute_difference"]),
        edges=(float(bands[0]["low"]), *(float(band["high"]) for band in bands)),
        bands=_snr_curve(bands),
        radii=np.array([ring["rho"] for ring in rings], dtype=np.float64),
        rings=_snr_curve(rings),
        law=PowerLaw(
            exponent=_number(law["exponent"]),
            level_db=_number(law["level_db"]),
            r_squared=_number(law["r_squared"]),
            residual_db=_number(law["residual_db"]),
            misfits=tuple((float(one), float(other)) for one, other in law["misfits"]),
        ),
        exponent_interval=(_number(low), _number(high)),
    )


def _snr_curve(bins: Sequence[Document]) -> SnrCurve:
    ends = np.array([one["interval"] for one in bins], dtype=np.float64).reshape(-1, 2)
    return SnrCurve(
        decibels=np.array([one["snr_db"] for one in bins], dtype=np.float64),
        low=ends[:, 0],
        high=ends[:, 1],
        n_capped=np.array([one["n_capped"] for one in bins], dtype=np.int64),
    )


def _heatmap(document: Document) -> HeatmapFinding:
    numbers = document["heatmap"]
    rows = np.array(numbers["vertical_cycles_per_px"], dtype=np.float64)
    columns = np.array(numbers["horizontal_cycles_per_px"], dtype=np.float64)
    error = np.array(numbers["error"], dtype=np.float64)
    if error.shape != (len(rows), len(columns)) or min(error.shape) < 2:  # noqa: PLR2004 - cells
        raise ValueError(f"a map of {error.shape} for {len(rows)} x {len(columns)} frequencies")
    return HeatmapFinding(
        origin=_origin(document),
        edges=_edges(document),
        heatmap=Heatmap(
            rows=rows,
            columns=columns,
            error=error,
            profile=_curve(numbers["profile"]),
            strength=_number(numbers["strength"]),
            clean_error=_number(numbers["clean_error"]),
        ),
    )


def _passband(document: Document) -> PassbandFinding:
    numbers = document["passband"]
    return PassbandFinding(
        origin=_origin(document),
        edges=_edges(document),
        cut=tuple(_curve(one) for one in numbers["cutoffs"]),
        noisy=tuple(_curve(one) for one in numbers["noise"]),
    )


def _edges(document: Document) -> tuple[float, ...]:
    return tuple(float(edge) for edge in document.get("edges", ()))


def _curve(values: Document) -> Curve:
    arrays = {
        name: np.array(values[name], dtype=np.float64) for name in ("at", "values", "low", "high")
    }
    if len({array.shape for array in arrays.values()}) != 1 or arrays["at"].ndim != 1:
        raise ValueError("curves of unequal lengths")
    return Curve(name=str(values["name"]), **arrays)


def _number(value: float | None) -> float:
    """Return a number; what is not finite stands as null in JSON."""
    return math.nan if value is None else float(value)
