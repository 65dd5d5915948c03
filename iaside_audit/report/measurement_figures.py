"""Figures of the other measurements, all on the frequency axis of the bands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure

from iaside_audit.report.figures import BAR_COLOUR, INK, drawable, styled
from iaside_audit.report.summary import base_name, elided
from iaside_audit.robustness.curves import (
    attack_curve,
    band_edges,
    heatmap,
    passbands,
)
from iaside_audit.robustness.requests import (
    AttackRequest,
    CorruptionRequest,
    HeatmapRequest,
    PassbandRequest,
    ReadyMadeRequest,
)
from iaside_audit.spec import Norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.curves import Curve, Heatmap
    from iaside_audit.robustness.run import Measured

COLOURS: Final = (BAR_COLOUR, "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES: Final = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
"""Curves differ by their lines too, so nothing is said by colour alone."""
MAP_COLOURS: Final = "cividis"
_RHO: Final = "\N{GREEK SMALL LETTER RHO}"
_TITLE_CHARACTERS: Final = 60


def measurement_figure(measured: Measured) -> Figure:
    """Draw one measurement: a heat map with its profile, curves, or an attack."""
    with styled():
        match measured.request:
            case HeatmapRequest():
                figure = _heatmap_figure(measured)
            case PassbandRequest():
                figure = _passband_figure(measured)
            case AttackRequest():
                figure = _attack_figure(measured)
            case CorruptionRequest() | ReadyMadeRequest():
                raise NotImplementedError("corruptions have figures of their own")
        name = elided(drawable(base_name(measured.model.path)), _TITLE_CHARACTERS)
        figure.suptitle(
            f"{name}, {len(measured.rows)} images",
            x=0.01,
            horizontalalignment="left",
            parse_math=False,
        )
        return figure


def _heatmap_figure(measured: Measured) -> Figure:
    found = heatmap(measured)
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    plane, profile = figure.subplots(1, 2, width_ratios=(1, 1.15))
    image = plane.imshow(
        found.error,
        cmap=MAP_COLOURS,
        vmin=0,
        vmax=1,
        extent=_extent(found),
        origin="lower",
        interpolation="nearest",
    )
    plane.set_xlabel("horizontal frequency (cycles per pixel)")
    plane.set_ylabel("vertical frequency")
    plane.set_title(f"Error with one Fourier basis image of norm {found.strength:.3g}")
    figure.colorbar(image, ax=plane, label="error rate", shrink=0.9)
    _draw_curves(profile, [found.profile])
    profile.axhline(found.clean_error, color="#666666", linewidth=0.8, linestyle=":")
    profile.annotate(
        "unchanged images", (1.0, found.clean_error), ha="right", va="bottom", fontsize=7
    )
    profile.set_ylabel("error rate")
    profile.set_title("Mean over the frequencies of each band")
    _rho_axis(profile, measured)
    return figure


def _extent(found: Heatmap) -> tuple[float, float, float, float]:
    """Return the edges of the map's cells."""
    half_y = (found.rows[1] - found.rows[0]) / 2
    half_x = (found.columns[1] - found.columns[0]) / 2
    return (
        float(found.columns[0] - half_x),
        float(found.columns[-1] + half_x),
        float(found.rows[0] - half_y),
        float(found.rows[-1] + half_y),
    )


def _passband_figure(measured: Measured) -> Figure:
    cut, noisy = passbands(measured)
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    axes = figure.subplots(1, 2 if noisy else 1, squeeze=False)[0]
    _draw_curves(axes[0], cut)
    axes[0].set_ylabel("accuracy")
    axes[0].set_title("Accuracy against cut-off")
    _rho_axis(axes[0], measured, what="cut-off")
    if noisy:
        _draw_curves(axes[1], noisy)
        axes[1].set_ylabel("accuracy")
        axes[1].set_title("Accuracy with noise in one band")
        _rho_axis(axes[1], measured)
    return figure


def _attack_figure(measured: Measured) -> Figure:
    if not isinstance(measured.request, AttackRequest):
        raise TypeError("expected an attack")
    request = measured.request
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.subplots()
    _draw_curves(axes, [attack_curve(measured)], marker="o")
    axes.set_xlim(left=0)
    axes.set_xlabel(f"radius, {request.norm} (image in 0..1)")
    axes.set_ylabel("robust accuracy")
    axes.set_title(f"Square attack, {request.queries} queries")
    return figure


def _draw_curves(axes: Axes, curves: Sequence[Curve], *, marker: str = "") -> None:
    """Draw curves with their intervals as bands."""
    for place, curve in enumerate(curves):
        colour, line = COLOURS[place % len(COLOURS)], LINES[place % len(LINES)]
        axes.fill_between(curve.at, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(
            curve.at, curve.values, color=colour, linestyle=line, label=curve.name, marker=marker
        )
    axes.set_ylim(0, 1)
    axes.grid(axis="y", color="#E6E6E6")
    axes.set_axisbelow(True)
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=7)


def _rho_axis(axes: Axes, measured: Measured, *, what: str = "frequency") -> None:
    """Lay out the frequency axis of the bands: the same for every measurement."""
    edges = band_edges(measured)
    axes.set_xlim(0, 1)
    step = math.ceil((len(edges) - 1) / 8)
    axes.set_xticks(edges[::step], [f"{edge:.3g}" for edge in edges[::step]])
    axes.set_xticks(edges, minor=True)
    meaning = "1 is the axis Nyquist frequency"
    if measured.spec.norm == Norm.L2:
        meaning = "1 is the corner of the spectrum"
    axes.set_xlabel(f"{what}, {_RHO} ({meaning})")


def common_axis_figure(
    audit: AuditResult,
    measured: Sequence[Measured],
    snr_db: Sequence[tuple[str, Sequence[float]]] = (),
) -> Figure:
    """Draw importance, SNR, pass bands and heat-map profile of one model, one above the other.

    Parameters
    ----------
    audit : AuditResult
        Of the model.
    measured : sequence of Measured
        Its pass bands and its heat map, each at most once; others are left out.
    snr_db : sequence of (str, sequence of float)
        Names of perturbations, and the SNR in dB that each leaves of every band.
    """
    by_kind = {one.request.kind: one for one in measured}
    passband, plane = by_kind.get("passband"), by_kind.get("heatmap")
    n_panels = 1 + bool(snr_db) + (passband is not None) + (plane is not None)
    edges = np.array([band.low for band in audit.bands] + [audit.bands[-1].high])
    with styled():
        figure = Figure(figsize=(7.6, 0.7 + 1.95 * n_panels), layout="constrained")
        panels = list(figure.subplots(n_panels, 1, sharex=True, squeeze=False)[:, 0])
        remaining = iter(panels)
        _importance_panel(next(remaining), audit, edges)
        if snr_db:
            axes = next(remaining)
            for place, (name, values) in enumerate(snr_db):
                axes.stairs(
                    values,
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
            axes.set_title("What perturbations leave of the image")
        if passband is not None:
            axes = next(remaining)
            cut, _ = passbands(passband)
            _draw_curves(axes, cut)
            axes.set_ylabel("accuracy")
            axes.set_title("What the model does with part of the spectrum")
        if plane is not None:
            axes = next(remaining)
            found = heatmap(plane)
            _draw_curves(axes, [found.profile])
            axes.axhline(found.clean_error, color="#666666", linewidth=0.8, linestyle=":")
            axes.set_ylabel("error rate")
            axes.set_title("What one added frequency does (Fourier heat map)")
        last = panels[-1]
        last.set_xlim(0, 1)
        step = math.ceil((len(edges) - 1) / 8)
        last.set_xticks(edges[::step], [f"{edge:.3g}" for edge in edges[::step]])
        corner = audit.spec.norm == Norm.L2
        meaning = "1 is the corner of the spectrum" if corner else "1 is the axis Nyquist frequency"
        last.set_xlabel(f"spatial frequency, {_RHO} ({meaning})")
        name = elided(drawable(base_name(audit.model.path)), _TITLE_CHARACTERS)
        figure.suptitle(
            f"{name} on one frequency axis", x=0.01, horizontalalignment="left", parse_math=False
        )
        return figure


def _importance_panel(axes: Axes, audit: AuditResult, edges: np.ndarray) -> None:
    values = [band.importance for band in audit.bands]
    ends = np.array([band.importance_interval for band in audit.bands])
    middles = (edges[1:] + edges[:-1]) / 2
    axes.bar(
        edges[:-1], values, width=np.diff(edges), align="edge", color=BAR_COLOUR, edgecolor="white"
    )
    if np.isfinite(ends).all():
        low = np.maximum(np.array(values) - ends[:, 0], 0)
        high = np.maximum(ends[:, 1] - np.array(values), 0)
        axes.errorbar(middles, values, yerr=[low, high], color=INK, capsize=2.5, linestyle="")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("importance")
    axes.set_title("What the model needs of the image (Shapley values of the bands)")
