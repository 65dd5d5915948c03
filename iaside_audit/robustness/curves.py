"""From rows of a measurement to curves with intervals, on the radius rho of the bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from iaside_audit.choices import Norm
from iaside_audit.errors import SpecError
from iaside_audit.randomness import Purpose
from iaside_audit.robustness.fourier import frequency_grid
from iaside_audit.robustness.requests import AttackRequest, HeatmapRequest, PassbandRequest
from iaside_audit.spectrum import make_partition
from iaside_audit.statistics import N_RESAMPLES, bootstrap_means, percentile_interval
from iaside_audit.statistics.shares import share_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.robustness.measured import Measured
    from iaside_audit.types import FloatMatrix, FloatVector


Kind = TypeVar("Kind", HeatmapRequest, PassbandRequest, AttackRequest)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Shares of images along an axis, with intervals.

    Parameters
    ----------
    name : str
        What is shown.
    at : (n,) float64
        Places on the axis: rho, or a radius of an attack.
    values, low, high : (n,) float64
        Shares of images, 0..1, and the ends of their intervals.
    """

    name: str
    at: FloatVector
    values: FloatVector
    low: FloatVector
    high: FloatVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heatmap:
    """A Fourier heat map.

    Parameters
    ----------
    rows, columns : (n_y,), (n_x,) float64
        Frequencies in cycles per pixel, ascending, 0 in the middle.
    error : (n_y, n_x) float64
        Error rate, 0..1.
    profile : Curve
        Mean error of the frequencies in each band, at the bands' middles; NaN for bands that hold
        none of them.
    strength : float
        L2 norm of the basis image, each channel.
    clean_error : float
        Without any basis image.
    """

    rows: FloatVector
    columns: FloatVector
    error: FloatMatrix
    profile: Curve
    strength: float
    clean_error: float


def band_edges(measured: Measured) -> tuple[float, ...]:
    """Return the edges of the audit's bands in rho."""
    spec = measured.spec
    height, width = frame_size(measured)
    return make_partition(
        height=height,
        width=width,
        n_bands=spec.bands,
        norm=Norm(spec.norm),
        spacing=spec.spacing,
    ).edges


def frame_size(measured: Measured) -> tuple[int, int]:
    """Return height and width of the size at which frequencies are counted."""
    frame = measured.spec.frame
    if isinstance(frame, int):
        return frame, frame
    return measured.model.preprocessing.crop_size


def heatmap(measured: Measured) -> Heatmap:
    """Compute the map of error rates and its profile over the bands."""
    request = _expect(measured, HeatmapRequest)
    height, width = frame_size(measured)
    grid = frequency_grid(height, width, request.stride_at(height, width))
    wrong = (measured.rows.margin() <= 0).astype(np.float64)
    edges = band_edges(measured)
    band = np.searchsorted(edges[1:-1], grid.radii(Norm(measured.spec.norm)), side="right")
    n_bands = len(edges) - 1
    by_band = np.full((len(wrong), n_bands), np.nan)
    for i in range(n_bands):
        if (band == i).any():
            by_band[:, i] = wrong[:, band == i].mean(axis=1)
    seed = np.random.SeedSequence([measured.spec.seed, int(Purpose.BOOTSTRAP)])
    samples = bootstrap_means(
        by_band, n_resamples=N_RESAMPLES, generator=np.random.default_rng(seed)
    )
    low, high = percentile_interval(
        samples, confidence=measured.spec.confidence, n_units=len(by_band)
    )
    return Heatmap(
        rows=grid.rows / height,
        columns=grid.columns / width,
        error=grid.whole(wrong.mean(axis=0)),
        profile=Curve(
            name="error, mean over the frequencies of a band",
            at=(np.array(edges[:-1]) + np.array(edges[1:])) / 2,
            values=by_band.mean(axis=0),
            low=low,
            high=high,
        ),
        strength=request.strength_at(height, width),
        clean_error=float((measured.rows.margin("clean_") <= 0).mean()),
    )


def passbands(measured: Measured) -> tuple[list[Curve], list[Curve]]:
    """Compute the accuracy against cut-off, low-pass and high-pass, and under band noise.

    Returns
    -------
    cut : list of Curve
        Low-pass and high-pass, at the cut-offs.
    noisy : list of Curve
        One for each level of noise, at the bands' middles.
    """
    request = _expect(measured, PassbandRequest)
    cutoffs = np.arange(request.cutoffs + 1) / request.cutoffs
    cut = [
        _accuracy(measured, "low_", "low-pass: what is below the cut-off", cutoffs),
        _accuracy(measured, "high_", "high-pass: what is at or above it", cutoffs),
    ]
    edges = np.array(band_edges(measured))
    right = measured.rows.margin("noise_") > 0
    noisy = [
        _curve(
            measured,
            right[:, i],
            f"root mean square {level:g}, image in 0..1",
            (edges[1:] + edges[:-1]) / 2,
        )
        for i, level in enumerate(request.noise)
    ]
    return cut, noisy


def attack_curve(measured: Measured) -> Curve:
    """Compute the robust accuracy against the radius, 0 included."""
    request = _expect(measured, AttackRequest)
    clean = measured.rows.margin("clean_")[:, None]
    right = np.concatenate([clean, measured.rows.arrays["margin"]], axis=1) > 0
    return _curve(measured, right, "robust accuracy", np.array([0.0, *request.radii]))


def _accuracy(measured: Measured, prefix: str, name: str, at: FloatVector) -> Curve:
    return _curve(measured, measured.rows.margin(prefix) > 0, name, at)


def _curve(measured: Measured, right: NDArray[np.bool_], name: str, at: FloatVector) -> Curve:
    values = right.mean(axis=0)
    low, high = share_interval(values, len(right), confidence=measured.spec.confidence)
    return Curve(name=name, at=at, values=values, low=low, high=high)


def _expect(measured: Measured, kind: type[Kind]) -> Kind:
    if not isinstance(measured.request, kind):
        raise SpecError(f"Expected a measurement of {kind.kind}, found {measured.request.kind}.")
    return measured.request
