"""How much of a band a perturbation leaves: the gains of METHOD.md, section 9.

A band of a perturbed image is written as ``a`` times the band of the clean image and a rest that is
orthogonal to it, of energy ``N``. Every gain is a number in [0, 1], from three sums over the
coefficients of a band: the energy of the clean band, that of the perturbed one, and the real part
of their inner product.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

import numpy as np

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix


class Gain(StrEnum):
    """How the gain of a band is read from its moments.

    ``snr``: ``SNR / (1 + SNR)``, which is 1/2 where the band is removed. ``root``: its square root.
    ``regression``: what a least-squares fit explains, attenuation counted as loss.
    ``coherence``: the squared coherence, blind to attenuation.
    """

    SNR = "snr"
    ROOT = "root"
    REGRESSION = "regression"
    COHERENCE = "coherence"


def band_gains(
    clean_power: FloatMatrix, cross: FloatMatrix, corrupted_power: FloatMatrix, kind: Gain
) -> FloatMatrix:
    """Compute the gain of every band.

    Parameters
    ----------
    clean_power : (..., n_bands) float64
        ``sum |F x|^2`` over the coefficients of each band.
    cross : (..., n_bands) float64
        ``Re sum F x' conj(F x)``.
    corrupted_power : (..., n_bands) float64
        ``sum |F x'|^2``.
    kind : Gain
        Which gain.

    Returns
    -------
    (..., n_bands) float64
        0..1; 1 where the band is unchanged. An empty band that stays empty has 1, one that is
        filled has 0.

    Examples
    --------
    >>> band_gains(np.array([4.0]), np.array([0.0]), np.array([0.0]), Gain.SNR)
    array([0.5])
    >>> band_gains(np.array([4.0]), np.array([2.0]), np.array([1.0]), Gain.REGRESSION)
    array([0.25])
    """
    is_empty = clean_power <= 0
    with np.errstate(divide="ignore", invalid="ignore"):  # empty bands are decided below
        match kind:
            case Gain.SNR | Gain.ROOT:
                error = np.maximum(clean_power - 2 * cross + corrupted_power, 0)
                gains = clean_power / (clean_power + error)
                if kind == Gain.ROOT:
                    gains = np.sqrt(gains)
            case Gain.REGRESSION:
                slope = cross / clean_power
                rest = np.maximum(corrupted_power - slope * cross, 0)
                kept = np.maximum(slope, 0) ** 2 * clean_power
                gains = kept / (np.maximum(slope, 1) ** 2 * clean_power + rest)
            case Gain.COHERENCE:
                gains = np.where(corrupted_power > 0, cross**2 / (clean_power * corrupted_power), 0)
            case _:
                assert_never(kind)
    gains = np.where(is_empty, corrupted_power <= 0, gains)
    return np.clip(gains, 0, 1)
