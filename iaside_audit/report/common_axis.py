"""A model on one frequency axis: importance, SNR, pass bands, heat map, one above the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure

from iaside_audit.choices import Norm
from iaside_audit.errors import SpecError
from iaside_audit.paths import elided
from iaside_audit.report.figures import BAR_COLOUR, INK, drawable, styled
from iaside_audit.report.findings import read_measurement
from iaside_audit.report.measurement_figures import COLOURS, LINES, TITLE_CHARACTERS, draw_curves
from iaside_audit.report.summary import base_name
from iaside_audit.robustness.findings import (
    CorruptionFinding,
    HeatmapFinding,
    PassbandFinding,
    PredictionFinding,
    SnrFinding,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.curves import Curve
    from iaside_audit.robustness.findings import Origin
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
            _, finding = read_measurement(path)
            _check_same(finding.origin, audit, path)
            n_found += 1
            match finding:
                case SnrFinding(results=results):
                    snr += [(one.title, np.array(one.edges), one.bands.decibels) for one in results]
                case PassbandFinding():
                    cut = finding.cut
                case HeatmapFinding(heatmap=heatmap):
                    profile, clean_error = heatmap.profile, heatmap.clean_error
                case CorruptionFinding() | PredictionFinding():
                    pass  # under the name of another: it has no place on the axis
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


def _check_same(origin: Origin, audit: AuditResult, path: Path) -> None:
    """Refuse a measurement that does not belong to the audit."""
    differences = []
    if origin.norm != audit.spec.norm:
        differences.append(f"norm {origin.norm} instead of {audit.spec.norm}")
    if origin.identity not in {None, audit.model.identity}:
        differences.append("another model")
    if differences:
        raise SpecError(
            f"Expected a measurement of the audited model on its radius in '{path}', found "
            f"{' and '.join(differences)}. Measure again with the audit's model and --norm.",
            path=str(path),
        )
