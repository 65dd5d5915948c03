"""Figures of the other measurements, all on the frequency axis of the bands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from matplotlib.figure import Figure

from iaside_audit.choices import Norm
from iaside_audit.paths import elided
from iaside_audit.report.figures import BAR_COLOUR, MAP_COLOURS, drawable, styled
from iaside_audit.report.summary import base_name
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
    SnrRequest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from iaside_audit.robustness.curves import Curve, Heatmap
    from iaside_audit.robustness.measured import Measured

COLOURS: Final = (BAR_COLOUR, "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES: Final = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
"""Curves differ by their lines too, so nothing is said by colour alone."""
_RHO: Final = "\N{GREEK SMALL LETTER RHO}"
TITLE_CHARACTERS: Final = 60


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
            case CorruptionRequest() | SnrRequest() | ReadyMadeRequest():
                raise NotImplementedError("corruptions have figures of their own")
        name = elided(drawable(base_name(measured.model.path)), TITLE_CHARACTERS)
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
    draw_curves(profile, [found.profile])
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
    draw_curves(axes[0], cut)
    axes[0].set_ylabel("accuracy")
    axes[0].set_title("Accuracy against cut-off")
    _rho_axis(axes[0], measured, what="cut-off")
    if noisy:
        draw_curves(axes[1], noisy)
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
    draw_curves(axes, [attack_curve(measured)], marker="o")
    axes.set_xlim(left=0)
    axes.set_xlabel(f"radius, {request.norm} (image in 0..1)")
    axes.set_ylabel("robust accuracy")
    axes.set_title(f"Square attack, {request.queries} queries")
    return figure


def draw_curves(axes: Axes, curves: Sequence[Curve], *, marker: str = "") -> None:
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
