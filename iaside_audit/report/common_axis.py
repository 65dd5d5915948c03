"""A model on one frequency axis: importance, SNR, pass bands, heat map, one above the other."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure

from iaside_audit.errors import ReportError, SpecError
from iaside_audit.report.figures import BAR_COLOUR, INK, drawable, styled
from iaside_audit.report.measurement_figures import COLOURS, LINES, TITLE_CHARACTERS, draw_curves
from iaside_audit.report.schemas import document_faults
from iaside_audit.report.summary import base_name, elided
from iaside_audit.robustness.curves import Curve
from iaside_audit.spec import Norm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from iaside_audit.result import AuditResult
    from iaside_audit.types import FloatVector

MAX_PERTURBATIONS: Final = len(COLOURS)
"""More curves of SNR than these cannot be told apart in one panel."""
_RHO: Final = "\N{GREEK SMALL LETTER RHO}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beside:
    """What was measured beside an audit; each part may be missing.

    Parameters
    ----------
    snr : tuple of (str, edges, decibels)
        Of perturbations: a name, M + 1 edges in rho, and M mean SNRs in dB.
    cut : tuple of Curve
        Accuracy against cut-off, low-pass and high-pass.
    profile : Curve or None
        Error with one added frequency, by band.
    clean_error : float
        Without it; NaN where `profile` is missing.
    """

    snr: tuple[tuple[str, FloatVector, FloatVector], ...] = ()
    cut: tuple[Curve, ...] = ()
    profile: Curve | None = None
    clean_error: float = math.nan


def read_beside(audit: AuditResult, folders: Sequence[Path]) -> Beside:
    """Read ``snr.json``, ``passband.json`` and ``heatmap.json`` from folders of measurements.

    Parameters
    ----------
    audit : AuditResult
        Of the model; measurements of another one, or on another radius, are refused.
    folders : sequence of Path
        Output folders of ``snr``, ``passband`` and ``heatmap``.

    Raises
    ------
    SpecError
        If there is no measurement, or one does not belong to the audit.
    ReportError
        If a file is damaged.
    """
    snr: list[tuple[str, FloatVector, FloatVector]] = []
    cut: tuple[Curve, ...] = ()
    profile, clean_error = None, math.nan
    n_found = 0
    for folder in folders:
        for kind in ("snr", "passband", "heatmap"):
            path = folder / f"{kind}.json"
            if not path.is_file():
                continue
            document = _document(path, kind, audit)
            n_found += 1
            match kind:
                case "snr":
                    snr += [_snr(one) for one in document["conditions"]]
                case "passband":
                    cut = tuple(_curve(one) for one in document[kind]["cutoffs"])
                case _:
                    profile = _curve(document[kind]["profile"])
                    clean_error = float(document[kind]["clean_error"])
    if not n_found:
        raise SpecError(
            "Expected snr.json, passband.json or heatmap.json in the folders of --beside, found "
            f"none in {', '.join(str(one) for one in folders)}."
        )
    return Beside(snr=tuple(snr), cut=cut, profile=profile, clean_error=clean_error)


def common_axis_figure(audit: AuditResult, beside: Beside) -> Figure:
    """Draw importance, SNR, pass bands and heat-map profile of one model, one above the other.

    Parameters
    ----------
    audit : AuditResult
        Of the model.
    beside : Beside
        What is drawn below it; what is missing has no panel.
    """
    edges = np.array([band.low for band in audit.bands] + [audit.bands[-1].high])
    n_panels = 1 + bool(beside.snr) + bool(beside.cut) + (beside.profile is not None)
    with styled():
        figure = Figure(figsize=(7.6, 0.7 + 1.95 * n_panels), layout="constrained")
        panels = list(figure.subplots(n_panels, 1, sharex=True, squeeze=False)[:, 0])
        remaining = iter(panels)
        _importance_panel(next(remaining), audit, edges)
        if beside.snr:
            _snr_panel(next(remaining), beside)
        if beside.cut:
            axes = next(remaining)
            draw_curves(axes, beside.cut)
            axes.set_ylabel("accuracy")
            axes.set_title("What the model does with part of the spectrum")
        if beside.profile is not None:
            axes = next(remaining)
            draw_curves(axes, [beside.profile])
            axes.axhline(beside.clean_error, color="#666666", linewidth=0.8, linestyle=":")
            axes.set_ylabel("error rate")
            axes.set_title("What one added frequency does (dotted: nothing added)")
        _label_axis(panels[-1], audit, edges)
        name = elided(drawable(base_name(audit.model.path)), TITLE_CHARACTERS)
        figure.suptitle(
            f"{name} on one frequency axis", x=0.01, horizontalalignment="left", parse_math=False
        )
        return figure


def common_axis_description(audit: AuditResult, beside: Beside) -> str:
    """Say in words what :func:`common_axis_figure` shows."""
    parts = ["the spectral importance of the bands"]
    parts += ["the SNR that perturbations leave of each band"] if beside.snr else []
    parts += ["accuracy against low-pass and high-pass cut-off"] if beside.cut else []
    parts += ["the error with one frequency added"] if beside.profile is not None else []
    name = base_name(audit.model.path)
    return f"Panels for {name}, one above the other over frequency: {'; '.join(parts)}."


def _importance_panel(axes: Axes, audit: AuditResult, edges: FloatVector) -> None:
    values = np.array([band.importance for band in audit.bands])
    ends = np.array([band.importance_interval for band in audit.bands])
    axes.bar(
        edges[:-1],
        values,
        width=np.diff(edges),
        align="edge",
        color=BAR_COLOUR,
        edgecolor="white",
    )
    if np.isfinite(ends).all():
        spread = [np.maximum(values - ends[:, 0], 0), np.maximum(ends[:, 1] - values, 0)]
        middles = (edges[1:] + edges[:-1]) / 2
        axes.errorbar(middles, values, yerr=spread, color=INK, capsize=2.5, linestyle="")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("importance")
    axes.set_title("What the model needs of the image (Shapley values of the bands)")


def _snr_panel(axes: Axes, beside: Beside) -> None:
    shown = beside.snr[:MAX_PERTURBATIONS]
    for place, (name, edges, decibels) in enumerate(shown):
        axes.stairs(
            decibels,
            edges,
            baseline=None,
            label=name,
            color=COLOURS[place % len(COLOURS)],
            linestyle=LINES[place % len(LINES)],
            linewidth=1.4,
        )
    axes.axhline(0, color="#666666", linewidth=0.8)
    axes.set_ylabel("SNR (dB)")
    axes.legend(frameon=False, fontsize=6.5, ncols=3)
    left_out = len(beside.snr) - len(shown)
    more = f" (the first {len(shown)} of {len(beside.snr)})" if left_out else ""
    axes.set_title(f"What perturbations leave of the image{more}")


def _label_axis(axes: Axes, audit: AuditResult, edges: FloatVector) -> None:
    axes.set_xlim(0, 1)
    step = math.ceil((len(edges) - 1) / 8)
    axes.set_xticks(edges[::step], [f"{edge:.3g}" for edge in edges[::step]])
    is_corner = audit.spec.norm == Norm.L2
    meaning = "1 is the corner of the spectrum" if is_corner else "1 is the axis Nyquist frequency"
    axes.set_xlabel(f"spatial frequency, {_RHO} ({meaning})")


def _document(path: Path, kind: str, audit: AuditResult) -> dict[str, Any]:  # Any: JSON
    """Read a measurement, and check that it is one and belongs to the audit."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))  # Any: JSON
        fault = next(document_faults(document, kind), None)
    except (OSError, ValueError) as error:
        fault = str(error)
    if fault is not None:
        raise ReportError(
            f"Expected a measurement of kind {kind} in '{path}', found something else ({fault}). "
            "Measure again.",
            path=str(path),
            expected=kind,
            found=fault,
        )
    norm = document["spec"]["norm"]
    identity = document.get("model", {}).get("identity", audit.model.identity)
    differences = []
    if norm != str(audit.spec.norm):
        differences.append(f"norm {norm} instead of {audit.spec.norm}")
    if identity != audit.model.identity:
        differences.append("another model")
    if differences:
        raise SpecError(
            f"Expected a measurement of the audited model on its radius in '{path}', found "
            f"{' and '.join(differences)}. Measure again with the audit's model and --norm.",
            path=str(path),
        )
    return document


def _snr(condition: dict[str, Any]) -> tuple[str, FloatVector, FloatVector]:  # Any: JSON
    bands = condition["bands"]
    edges = np.array([bands[0]["low"], *(band["high"] for band in bands)], dtype=np.float64)
    severity = condition["severity"]
    name = str(condition["corruption"]).replace("_", " ")
    title = name if severity is None else f"{name}, severity {severity}"
    return title, edges, np.array([band["snr_db"] for band in bands], dtype=np.float64)


def _curve(values: dict[str, Any]) -> Curve:  # Any: JSON
    arrays = {
        name: np.array(values[name], dtype=np.float64) for name in ("at", "values", "low", "high")
    }
    return Curve(name=str(values["name"]), **arrays)
