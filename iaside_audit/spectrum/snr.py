"""The spectral signal-to-noise ratio of a perturbation, and how it decays with frequency.

``SNR = sum |F x|^2 / sum |F (x' - x)|^2`` over the frequencies of a band, or of a narrow ring, and
the channels of one image (METHOD.md, section 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.errors import SpecError
from iaside_audit.spectrum.moments import BandMoments, moments_by_index
from iaside_audit.spectrum.partition import radius_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.choices import Norm
    from iaside_audit.types import FloatImage, FloatMatrix, FloatVector, Interval

MAX_DECIBELS: Final = 100.0
"""What a bin without error counts as: about the SNR of one level's change in one pixel."""
MISFIT_DB: Final = 2.0
"""The decay is no power law where the curve is farther from it than this."""
_MIN_POINTS: Final = 3
_TIE: Final = 1e-9
"""A frequency on an edge between rings belongs to the upper one, whatever the rounding."""


def snr_decibels(moments: BandMoments) -> NDArray[np.float64]:
    """Return the SNR of each image and band in decibels.

    Returns
    -------
    (..., n_bands) float64
        ``10 log10(clean power / error power)``, within +-:data:`MAX_DECIBELS`; at the upper end
        where a bin has no error, whether it has signal or not.

    Examples
    --------
    >>> half = BandMoments(
    ...     clean_power=np.array([1.0, 1.0]),
    ...     cross=np.array([0.9, 1.0]),
    ...     corrupted_power=np.array([0.81, 1.0]),
    ... )
    >>> snr_decibels(half).round(6)
    array([ 20., 100.])
    """
    error = moments.error_power
    with np.errstate(divide="ignore", invalid="ignore"):  # such bins are named below
        decibels = 10 * np.log10(moments.clean_power / error)
    return np.where(error == 0, MAX_DECIBELS, np.clip(decibels, -MAX_DECIBELS, MAX_DECIBELS))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rings:
    """Narrow rings of equal width in rho, for the fine curve.

    Made by :func:`make_rings`.

    Parameters
    ----------
    radii : (n_rings,) float64
        Mean rho of each ring's frequencies, ascending; 0 for the first, which holds the mean (DC)
        alone.
    index_map : (H, W // 2 + 1) int64
        Ring of each coefficient of ``rfft2``.
    """

    radii: FloatVector
    index_map: NDArray[np.int64]

    def __post_init__(self) -> None:
        for values in (self.radii, self.index_map):
            values.flags.writeable = False


def make_rings(*, height: int, width: int, norm: Norm) -> Rings:
    """Cut the frequencies of an image size into rings one frequency of the shorter side wide.

    Parameters
    ----------
    height, width : int
        Image size in pixels, at least 4.
    norm : Norm
        The radius rho.
    """
    n_rings = min(height, width) // 2
    rho = radius_map(height, width, norm)
    ring = (rho * n_rings + _TIE).astype(np.int64)
    ring[0, 0] = -1
    _, index_map = np.unique(ring, return_inverse=True)  # a ring may hold no frequency
    index = index_map.ravel()
    return Rings(
        radii=np.bincount(index, weights=rho.ravel()) / np.bincount(index),
        index_map=index_map.reshape(ring.shape),
    )


def ring_moments(
    clean: FloatImage, corrupted: FloatImage, rings: Rings, *, workers: int = 1
) -> BandMoments:
    """Compute second moments as :func:`.moments.band_moments` does, with a ring for a band."""
    return moments_by_index(clean, corrupted, rings.index_map, len(rings.radii), workers=workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    """``SNR = c rho^-exponent``, fitted to a curve.

    Parameters
    ----------
    exponent : float
        Positive where the SNR falls with frequency.
    level_db : float
        SNR at rho = 1, decibels.
    r_squared : float
        Share of the curve's variance that the law explains; 1 on a straight line, 0 or less where
        it says nothing. NaN on a flat curve.
    residual_db : float
        Root mean square distance of the curve from the law, decibels.
    misfits : tuple of (float, float)
        Ranges of rho where the distance exceeds :data:`MISFIT_DB`.
    """

    exponent: float
    level_db: float
    r_squared: float
    residual_db: float
    misfits: tuple[Interval, ...]

    @property
    def fits(self) -> bool:
        """Whether the curve lies near the law at every frequency, in the root mean square."""
        return self.residual_db <= MISFIT_DB / 2 and self.r_squared >= 0.9  # noqa: PLR2004


def fit_power_law(rho: FloatVector, decibels: FloatVector) -> PowerLaw:
    """Fit a power law to an SNR curve, every octave counting alike.

    Parameters
    ----------
    rho : (n,) float64
        Ascending; 0 (the mean) is left out.
    decibels : (n,) float64
        SNR at `rho`.

    Raises
    ------
    SpecError
        If fewer than three frequencies are left.
    """
    kept = (rho > 0) & np.isfinite(decibels)
    rho, decibels = rho[kept], decibels[kept]
    if len(rho) < _MIN_POINTS:
        raise SpecError(
            f"Expected at least {_MIN_POINTS} frequencies to fit a power law to, found {len(rho)}."
        )
    x, weights = _octaves(rho)
    x_mean, y_mean = weights @ x, weights @ decibels
    exponent = float(_slope(x, weights) @ decibels)
    level = float(y_mean - exponent * x_mean)
    residuals = decibels - (level + exponent * x)
    variance = float(weights @ (decibels - y_mean) ** 2)
    unexplained = float(weights @ residuals**2)
    return PowerLaw(
        exponent=exponent,
        level_db=level,
        r_squared=1 - unexplained / variance if variance > 0 else float("nan"),
        residual_db=float(np.sqrt(unexplained)),
        misfits=tuple(_ranges(rho, np.abs(residuals) > MISFIT_DB)),
    )


def power_law_exponents(rho: FloatVector, curves: FloatMatrix) -> FloatVector:
    """Return the exponents that :func:`fit_power_law` gives many curves over the same frequencies.

    Parameters
    ----------
    rho : (n,) float64
        Ascending; 0 (the mean) is left out.
    curves : (n_curves, n) float64
        SNR at `rho`, decibels; finite.

    Returns
    -------
    (n_curves,) float64
        Positive where the SNR falls with frequency.
    """
    kept = rho > 0
    exponents: FloatVector = curves[:, kept] @ _slope(*_octaves(rho[kept]))
    return exponents


def _octaves(rho: FloatVector) -> tuple[FloatVector, FloatVector]:
    """Return the fit's abscissa, ``-10 log10 rho``, and the weights of its points."""
    weights = 1 / rho  # rings are evenly spaced in rho, so this makes them even in log rho
    return -10 * np.log10(rho), weights / weights.sum()


def _slope(x: FloatVector, weights: FloatVector) -> FloatVector:
    """Return the linear form that takes ordinates to the slope of the weighted fit."""
    centred = x - weights @ x
    form: FloatVector = weights * centred / (weights @ centred**2)
    return form


def _ranges(rho: FloatVector, is_far: NDArray[np.bool_]) -> Sequence[Interval]:
    """Return the runs of True as ranges of rho."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_far, [False]]).astype(np.int8)))
    return [
        (float(rho[first]), float(rho[last - 1]))
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]
