"""Figures of a result: vector or raster, and the same bytes every time.

Colours are those of Okabe and Ito, which people with any colour vision tell apart; nothing is said
by colour alone. Text stays text in SVG.
"""

from __future__ import annotations

import io
import math
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Rectangle

from iaside_audit.errors import SpecError
from iaside_audit.paths import elided
from iaside_audit.report.files import write_bytes
from iaside_audit.report.summary import (
    SCORE_TITLES,
    base_name,
    counted,
    format_percent,
    radius_meaning,
    score_sentence,
    value_unit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

    from iaside_audit.result import AuditResult
    from iaside_audit.types import FloatMatrix, Interval

BAR_COLOUR: Final = "#0072B2"
POINT_COLOUR: Final = "#D55E00"
RANDOM_COLOUR: Final = "#D9D9D9"
INK: Final = "#1A1A1A"
GRID: Final = "#E6E6E6"
MAP_COLOURS: Final = "cividis"
LIGHT_FROM: Final = 0.55
"""Share of the map's range from which its colours are light."""

_RHO: Final = "\N{GREEK SMALL LETTER RHO}"
_TITLE_CHARACTERS: Final = 48
_MAX_EDGE_LABELS: Final = 9
"""More labels than these would touch each other below a figure of this width."""

_SIZE_INCHES: Final = (8.0, 3.4)
_DOTS_PER_INCH: Final = 200
_STYLE: Final = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.linewidth": 0.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "iaside-audit",
}
_STYLE_LOCK = threading.RLock()


def importance_figure(result: AuditResult, *, has_title: bool = True) -> Figure:
    """Draw the importance of every band, and the scores beside it.

    Left, bars with whiskers for the intervals; bands at the boundary, whose importance may be 0 by
    construction, are hatched. Right, the three scores with their intervals over the 5 % to 95 %
    range of random profiles.

    Parameters
    ----------
    result : AuditResult
        What to draw.
    has_title : bool
        Whether the model is named above; not where the page says it already.
    """
    with styled():
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        bars, scores = figure.subplots(1, 2, width_ratios=(2.1, 1))
        _draw_bars(
            bars,
            [band.importance for band in result.bands],
            [band.importance_interval for band in result.bands],
            is_hatched=[band.at_boundary for band in result.bands],
        )
        _label_edges(bars, result)
        bars.set_ylim(bottom=0)
        bars.set_ylabel("spectral importance")
        bars.set_title("Importance of the bands")
        if any(band.at_boundary for band in result.bands):
            hatched = Rectangle((0, 0), 1, 1, **_bar_look(is_hatched=True))
            bars.legend([hatched], ["lowest band, or not told from it"], frameon=False)
        _draw_scores(scores, result)
        if has_title:
            _entitle(figure, result)
        return figure


def shapley_figure(result: AuditResult, *, has_title: bool = True) -> Figure:
    """Draw the Shapley value of every band with its interval; parameters as above."""
    with styled():
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        axes = figure.subplots()
        _draw_bars(
            axes,
            [band.shapley for band in result.bands],
            [band.interval for band in result.bands],
            is_hatched=[False] * len(result.bands),
        )
        _label_edges(axes, result)
        axes.axhline(0, color="#666666", linewidth=0.8)
        unit = value_unit(result)
        axes.set_ylabel(f"Shapley value ({unit})" if unit else "Shapley value")
        axes.set_title(f"Shapley values of the bands, value: {drawable(result.spec.value)}")
        if has_title:
            _entitle(figure, result)
        return figure


def importance_description(result: AuditResult) -> str:
    """Say in words what :func:`importance_figure` shows, for those who cannot see it."""
    shares = ", ".join(
        f"band {band.index}: {format_percent(band.importance, 0)}" for band in result.bands
    )
    return f"Bars of the spectral importance of each band: {shares}. {score_sentence(result)}"


def shapley_description(result: AuditResult) -> str:
    """Say in words what :func:`shapley_figure` shows, for those who cannot see it."""
    values = ", ".join(f"band {band.index}: {band.shapley:.3g}" for band in result.bands)
    return f"Bars of the Shapley value of each band: {values}."


def svg_bytes(figure: Figure, description: str) -> bytes:
    """Return a figure as SVG, described for those who cannot see it; the same bytes every time."""
    return _svg(figure, {"Date": None, "Title": description})


def inline_svg(figure: Figure) -> str:
    """Return a figure as an ``<svg>`` element for HTML, which has to describe it itself."""
    svg = _svg(figure, dict.fromkeys(("Creator", "Date", "Format", "Type"))).decode()
    return svg[svg.index("<svg") :]  # past the prolog, which is for files


def _svg(figure: Figure, metadata: Mapping[str, str | None]) -> bytes:
    with styled():
        data = io.BytesIO()
        figure.savefig(data, format="svg", metadata=metadata)
        return data.getvalue()


def png_bytes(figure: Figure) -> bytes:
    """Return a figure as PNG at 200 dots per inch."""
    with styled():
        data = io.BytesIO()
        figure.savefig(data, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
        return data.getvalue()


def write_figure(result: AuditResult, path: Path) -> None:
    """Write the importance figure, as SVG or PNG by the suffix of `path`.

    Raises
    ------
    SpecError
        If the suffix is another one.
    ReportError
        If the file cannot be written.
    """
    match path.suffix.lower():
        case ".svg":
            svg = svg_bytes(importance_figure(result), importance_description(result))
            write_bytes(path, svg)
        case ".png":
            write_bytes(path, png_bytes(importance_figure(result)))
        case suffix:
            raise SpecError(
                f"Expected a figure ending in .svg or .png, found {suffix!r} in {str(path)!r}.",
                path=str(path),
                expected=".svg or .png",
                found=suffix,
            )


def drawable(text: str) -> str:
    r"""Return `text` with what the figures' font lacks as an escape such as ``\u65e5``."""
    drawn = _font_characters()
    return "".join(
        one if one.isprintable() and ord(one) in drawn else ascii(one)[1:-1] for one in text
    )


def write_shares(axes: Axes, shares: FloatMatrix, *, most: float) -> None:
    """Write shares in per cent on the cells of a map, whose last colour is that of `most`."""
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        if np.isfinite(share):
            axes.text(
                column,
                row,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                fontsize=6.5,
                color="white" if share < LIGHT_FROM * most else "black",
            )


@cache
def _font_characters() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


@contextmanager
def styled() -> Iterator[None]:
    """Set the figures' style for a while; matplotlib keeps it in one place for all threads."""
    with _STYLE_LOCK, style.context(["default", _STYLE]):
        yield


def _bar_look(*, is_hatched: bool) -> dict[str, Any]:  # Any: keywords of matplotlib
    colours = {"facecolor": "white", "hatch": "////"} if is_hatched else {"facecolor": BAR_COLOUR}
    return {"edgecolor": BAR_COLOUR, **colours}


def _draw_bars(
    axes: Axes, heights: list[float], intervals: list[Interval], *, is_hatched: list[bool]
) -> None:
    """Draw a bar for each band, with whiskers where the interval is defined."""
    for i, (height, (low, high), hatched) in enumerate(
        zip(heights, intervals, is_hatched, strict=True)
    ):
        axes.bar(i, height, width=0.86, **_bar_look(is_hatched=hatched))
        if math.isfinite(low) and math.isfinite(high):
            axes.errorbar(
                i,
                height,
                yerr=[[max(height - low, 0)], [max(high - height, 0)]],
                color=INK,
                capsize=2.5,
                linewidth=1.1,
            )
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)


def _label_edges(axes: Axes, result: AuditResult) -> None:
    """Label the horizontal axis with the edges of the bands, as many as can be read."""
    edges = [band.low for band in result.bands] + [result.bands[-1].high]
    step = math.ceil((len(edges) - 1) / (_MAX_EDGE_LABELS - 1))
    positions = np.arange(len(edges)) - 0.5
    axes.set_xticks(positions[::step], [f"{edge:.3g}" for edge in edges[::step]])
    axes.set_xticks(positions, minor=True)
    axes.set_xlim(-0.5, len(edges) - 1.5)
    axes.set_xlabel(f"edges of the bands, {_RHO} ({radius_meaning(result)})")


def _draw_scores(axes: Axes, result: AuditResult) -> None:
    """Draw the scores as points with whiskers over the range of random profiles."""
    names = list(SCORE_TITLES)
    label = "90 % of random profiles"
    for row, name in enumerate(names):
        low, high = result.score.null_quantiles.get(name, (math.nan, math.nan))
        if math.isfinite(low) and math.isfinite(high):
            axes.add_patch(
                Rectangle((low, row - 0.34), high - low, 0.68, color=RANDOM_COLOUR, label=label)
            )
            label = "_"  # matplotlib's mark of an artist that the legend leaves out
        score = getattr(result.score, name)
        if not math.isfinite(score.value):
            continue
        ends = score.interval if all(map(math.isfinite, score.interval)) else (score.value,) * 2
        axes.errorbar(
            score.value,
            row,
            xerr=[[max(score.value - ends[0], 0)], [max(ends[1] - score.value, 0)]],
            color=POINT_COLOUR,
            marker="o",
            markersize=5.5,
            capsize=3,
            linewidth=1.4,
        )
    axes.axvline(0, color="#666666", linewidth=0.8)
    axes.set_yticks(range(len(names)), [SCORE_TITLES[name] for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.set_xlabel("score (0 is an even profile)")
    axes.set_title("Robustness scores")
    if label == "_":
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), frameon=False)


def _entitle(figure: Figure, result: AuditResult) -> None:
    """Write the model's name and the number of images above a figure."""
    name = elided(drawable(base_name(result.model.path)), _TITLE_CHARACTERS)
    figure.suptitle(
        f"{name}, {counted(result.estimator.n_images, 'image')}",
        x=0.01,
        horizontalalignment="left",
        parse_math=False,
    )
