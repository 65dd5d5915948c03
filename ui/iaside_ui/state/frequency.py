"""What is drawn over frequency: curves, steps and bars of one panel, as plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.choices import Norm
from iaside_audit.report import format_percent
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.curves import Curve
    from iaside_audit.robustness.findings import HeatmapFinding, Origin, PassbandFinding
    from iaside_audit.robustness.snr import SnrResult
    from iaside_audit.types import FloatVector

AXIS_CYCLES_PER_PX = {Norm.LINF: 0.5, Norm.L2: math.sqrt(0.5)}
"""Spatial frequency at rho = 1, in cycles per pixel: Nyquist along an axis, or in the corner."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One curve.

    Parameters
    ----------
    name : str
        In the legend and the table of numbers.
    at : (n,) float64, or (n + 1,) of steps
        Places in rho; edges where the curve is stepped.
    values, low, high : (n,) float64
        What is drawn, and the ends of its intervals.
    is_strong : bool
        Whether it is the one that the page is about.
    """

    name: str
    at: FloatVector
    values: FloatVector
    low: FloatVector
    high: FloatVector
    is_strong: bool = False

    @property
    def is_stepped(self) -> bool:
        """Whether each value holds from one edge to the next."""
        return len(self.at) == len(self.values) + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """What one plot over frequency shows.

    Parameters
    ----------
    series : tuple of Series
        Curves; empty where nothing is known.
    bars : Series or None
        Stepped values that stand on zero.
    level : float
        A level to compare with, such as the clean error; NaN for none.
    ends : (float, float) or None
        Of the vertical axis; as the numbers need where None.
    basis : str
        Over how many images, and the confidence of every interval.
    """

    series: tuple[Series, ...] = ()
    bars: Series | None = None
    level: float = math.nan
    ends: tuple[float, float] | None = None
    basis: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.series and self.bars is None

    @property
    def everything(self) -> tuple[Series, ...]:
        """Bars and curves."""
        return (*(() if self.bars is None else (self.bars,)), *self.series)


def importance_panel(result: AuditResult | None) -> Panel:
    """Return the spectral importance of the bands of an audit."""
    if result is None:
        return Panel()
    ends = np.array([band.importance_interval for band in result.bands], dtype=np.float64)
    bars = Series(
        name=tr("importance"),
        at=np.array(edges_of(result)),
        values=np.array([band.importance for band in result.bands], dtype=np.float64),
        low=ends[:, 0],
        high=ends[:, 1],
    )
    return Panel(bars=bars, basis=_basis(result.data.n_images, result.spec.confidence))


def edges_of(result: AuditResult) -> tuple[float, ...]:
    """Return the edges of an audit's bands in rho."""
    return (*(band.low for band in result.bands), result.bands[-1].high)


def snr_panel(
    results: Sequence[SnrResult], chosen: SnrResult | None, *, confidence: float
) -> Panel:
    """Return the fine SNR curves of one corruption, the chosen severity among them."""
    if not results:
        return Panel()
    series = tuple(
        Series(
            name=one.title,
            at=one.radii[1:],  # the mean (DC) is no frequency
            values=one.rings.decibels[1:],
            low=one.rings.low[1:],
            high=one.rings.high[1:],
            is_strong=one is chosen,
        )
        for one in results
    )
    n_images = min(one.n_images for one in results)
    return Panel(series=series, level=0.0, basis=_basis(n_images, confidence))


def band_snr_panel(result: SnrResult | None, *, confidence: float) -> Panel:
    """Return one condition: its fine curve, and the SNR of the bands as steps."""
    if result is None:
        return Panel()
    bands = Series(
        name=tr("bands"),
        at=np.array(result.edges),
        values=result.bands.decibels,
        low=result.bands.low,
        high=result.bands.high,
        is_strong=True,
    )
    panel = snr_panel([result], None, confidence=confidence)
    rings = replace(panel.series[0], name=tr("fine"))
    return replace(panel, series=(bands, rings))


def passband_panel(finding: PassbandFinding | None) -> Panel:
    """Return accuracy against cut-off, and with noise in one band."""
    if finding is None:
        return Panel()
    series = [replace(_curve(one), name=one.name.partition(":")[0]) for one in finding.cut]
    for one in finding.noisy:
        at = np.array(finding.edges) if len(finding.edges) == len(one.at) + 1 else one.at
        name = tr("noise in one band, {level}").format(level=one.name.partition(",")[0])
        series.append(replace(_curve(one, at=at), name=name))
    return Panel(series=tuple(series), ends=(0.0, 1.0), basis=_basis_of(finding.origin))


def profile_panel(finding: HeatmapFinding | None) -> Panel:
    """Return the error with one added frequency, by band."""
    if finding is None:
        return Panel()
    curve = finding.heatmap.profile
    at = np.array(finding.edges) if len(finding.edges) == len(curve.at) + 1 else curve.at
    return Panel(
        series=(_curve(curve, at=at),),
        level=finding.heatmap.clean_error,
        ends=(0.0, 1.0),
        basis=_basis_of(finding.origin),
    )


def _basis_of(origin: Origin) -> str:
    return _basis(origin.n_images, origin.confidence)


def _basis(n_images: int, confidence: float) -> str:
    return tr("{n} images, {confidence} intervals").format(
        n=n_images, confidence=format_percent(confidence)
    )


def _curve(curve: Curve, at: FloatVector | None = None) -> Series:
    return Series(
        name=curve.name,
        at=curve.at if at is None else at,
        values=curve.values,
        low=curve.low,
        high=curve.high,
    )
