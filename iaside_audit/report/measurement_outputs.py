"""The output folder of one measurement: JSON, CSV and figure, and its rows to read back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, assert_never

import numpy as np

from iaside_audit.comparison import finite
from iaside_audit.report.files import csv_text, json_text, make_folder, write_bytes, write_text
from iaside_audit.robustness.curves import attack_curve, band_edges, heatmap, passbands
from iaside_audit.robustness.requests import (
    AttackRequest,
    CorruptionRequest,
    HeatmapRequest,
    PassbandRequest,
    ReadyMadeRequest,
    SnrRequest,
    request_to_wire,
)

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.robustness.curves import Curve
    from iaside_audit.robustness.measured import Measured

SCHEMA_VERSION: Final = 1


def document_head(measured: Measured) -> dict[str, Any]:  # Any: JSON
    """Return what the documents of all measurements of a model begin with."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": measured.request.kind,
        "tool": asdict(measured.tool),
        "created": measured.created,
        "spec": measured.spec.to_dict(),
        "request": request_to_wire(measured.request),
        "model": asdict(measured.model),
        "data": asdict(measured.data),
        "runtime": {
            "provider": measured.provider,
            "elapsed_s": measured.elapsed_s,
            "n_evaluations": measured.n_evaluations,
            "n_resumed": measured.n_resumed,
        },
        "warnings": [asdict(one) for one in measured.warnings],
    }


def measurement_document(measured: Measured) -> dict[str, Any]:  # Any: JSON
    """Return a measurement as JSON-ready values; numbers that are not finite are None.

    Parameters
    ----------
    measured : Measured
        A heat map, pass bands or an attack.
    """
    document = {
        **document_head(measured),
        "accuracy": float((measured.rows.margin("clean_") > 0).mean()),
        "edges": band_edges(measured),
        measured.request.kind: _numbers(measured),
    }
    plain: dict[str, Any] = finite(document)  # Any: JSON
    return plain


def measurement_csv(measured: Measured) -> str:
    """Return the numbers of a measurement, a line for each; columns differ between kinds."""
    match measured.request:
        case HeatmapRequest():
            found = heatmap(measured)
            return csv_text(
                ["vertical_cycles_per_px", "horizontal_cycles_per_px", "error"],
                (
                    [found.rows[i], found.columns[j], found.error[i, j]]
                    for i, j in np.ndindex(found.error.shape)
                ),
            )
        case PassbandRequest():
            cut, noisy = passbands(measured)
            return _curves_csv("rho", [*cut, *noisy])
        case AttackRequest():
            return _curves_csv("radius", [attack_curve(measured)])
        case CorruptionRequest() | SnrRequest() | ReadyMadeRequest():
            raise NotImplementedError("corruptions have tables of their own")
        case _:
            assert_never(measured.request)


def write_measurement(measured: Measured, out: Path) -> tuple[Path, ...]:
    """Write everything of one measurement to a folder.

    Returns
    -------
    tuple of Path
        ``KIND.json``, ``KIND.csv`` and ``figures/KIND.svg``.

    Raises
    ------
    ReportError
        If a file cannot be written.
    """
    from iaside_audit.report.figures import svg_bytes  # noqa: PLC0415 - start-up time
    from iaside_audit.report.measurement_figures import measurement_figure  # noqa: PLC0415

    kind = measured.request.kind
    folder = make_folder(out / "figures")
    write_text(out / f"{kind}.json", json_text(measurement_document(measured)))
    write_text(out / f"{kind}.csv", measurement_csv(measured))
    figure = svg_bytes(measurement_figure(measured), measurement_sentence(measured))
    write_bytes(folder / f"{kind}.svg", figure)
    return out / f"{kind}.json", out / f"{kind}.csv", folder / f"{kind}.svg"


def measurement_sentence(measured: Measured) -> str:
    """Say in a sentence what was found."""
    n_images = len(measured.rows)
    match measured.request:
        case HeatmapRequest():
            found = heatmap(measured)
            worst = int(np.nanargmax(found.profile.values))
            return (
                f"One added frequency hurts most in band {worst}: error "
                f"{_estimate(found.profile, worst)}, {found.clean_error:.2f} without any, over "
                f"{n_images} images."
            )
        case PassbandRequest():
            cut, _ = passbands(measured)
            half = 0.5 * cut[0].values[-1]
            place = int(np.argmax(cut[0].values >= half))
            return (
                f"Half of the accuracy of {cut[0].values[-1]:.2f} needs the frequencies up to rho "
                f"= {cut[0].at[place]:.3g} (low-pass accuracy {_estimate(cut[0], place)}), over "
                f"{n_images} images."
            )
        case AttackRequest(norm=norm, queries=queries, radii=radii):
            curve = attack_curve(measured)
            return (
                f"Under the Square attack ({norm}, radius {radii[-1]:.4g}, {queries} queries) the "
                f"robust accuracy is {_estimate(curve, -1)}, {curve.values[0]:.2f} without, over "
                f"{n_images} images."
            )
        case CorruptionRequest() | SnrRequest() | ReadyMadeRequest():
            raise NotImplementedError("corruptions have words of their own")
        case _:
            assert_never(measured.request)


def _estimate(curve: Curve, place: int) -> str:
    return f"{curve.values[place]:.2f} [{curve.low[place]:.2f}, {curve.high[place]:.2f}]"


def _numbers(measured: Measured) -> dict[str, Any]:  # Any: JSON
    match measured.request:
        case HeatmapRequest():
            found = heatmap(measured)
            return {
                "strength": found.strength,
                "clean_error": found.clean_error,
                "vertical_cycles_per_px": found.rows.tolist(),
                "horizontal_cycles_per_px": found.columns.tolist(),
                "error": found.error.tolist(),
                "profile": _curve(found.profile),
            }
        case PassbandRequest():
            cut, noisy = passbands(measured)
            return {
                "cutoffs": [_curve(one) for one in cut],
                "noise": [_curve(one) for one in noisy],
            }
        case AttackRequest():
            queries = measured.rows.arrays["queries"]
            return {
                "robust_accuracy": _curve(attack_curve(measured)),
                "mean_queries": queries.mean(axis=0).tolist(),
            }
        case CorruptionRequest() | SnrRequest() | ReadyMadeRequest():
            raise NotImplementedError("corruptions have documents of their own")
        case _:
            assert_never(measured.request)


def _curve(curve: Curve) -> dict[str, Any]:  # Any: JSON
    return {
        "name": curve.name,
        "at": curve.at.tolist(),
        "values": curve.values.tolist(),
        "low": curve.low.tolist(),
        "high": curve.high.tolist(),
    }


def _curves_csv(axis: str, curves: list[Curve]) -> str:
    return csv_text(
        ["curve", axis, "value", "low", "high"],
        (
            [curve.name, *row]
            for curve in curves
            for row in zip(curve.at, curve.values, curve.low, curve.high, strict=True)
        ),
    )
