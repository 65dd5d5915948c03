"""Measure the spectral SNR of corruptions, or of two sets of images; no model is needed.

The numbers are those of :mod:`iaside_audit.spectrum.snr`, means over images in decibels, with
bootstrap intervals over images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.randomness import Purpose
from iaside_audit.spectrum import (
    MAX_DECIBELS,
    BandMoments,
    fit_power_law,
    make_rings,
    moments_by_index,
    snr_decibels,
)
from iaside_audit.statistics import N_RESAMPLES, bootstrap_means, percentile_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.spectrum import Partition, PowerLaw
    from iaside_audit.types import ByteImage, FloatImage, FloatMatrix, FloatVector, Interval

_WHITE: Final = 255.0
DECAY_DB: Final = 3.0
"""A curve whose law falls by less than this over the spectrum's octaves is called flat."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """SNR over bins of frequency; arrays are aligned.

    Parameters
    ----------
    decibels : (n_bins,) float64
        Mean over images.
    low, high : (n_bins,) float64
        Ends of the bootstrap interval of the mean.
    n_capped : (n_bins,) int64
        Images without any error in the bin; each counts as :data:`.MAX_DECIBELS`.
    """

    decibels: FloatVector
    low: FloatVector
    high: FloatVector
    n_capped: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SnrResult:
    """The SNR of one condition.

    Parameters
    ----------
    name : str
        Corruption, or the folder of corrupted images.
    severity : int or None
        1..5; None for a folder.
    n_images : int
        Pairs behind every number.
    difference : float
        Mean absolute difference of the pixels, 0..255.
    edges : tuple of float
        Of the bands, in rho.
    bands : Curve
        One bin for each band.
    radii : (n_rings,) float64
        Mean rho of each ring; the first is the mean (DC).
    rings : Curve
        The fine curve.
    law : PowerLaw
        Fitted to the fine curve.
    exponent_interval : (float, float)
        Bootstrap interval of the law's exponent over images.
    """

    name: str
    severity: int | None
    n_images: int
    difference: float
    edges: tuple[float, ...]
    bands: Curve
    radii: FloatVector
    rings: Curve
    law: PowerLaw
    exponent_interval: Interval

    @property
    def title(self) -> str:
        """Name and severity, for people."""
        name = self.name.replace("_", " ")
        return name if self.severity is None else f"{name}, severity {self.severity}"

    @property
    def verdict(self) -> str:
        """How the SNR goes with frequency.

        ``power law``; ``decays`` or ``rises``, but not as a power law; or ``flat``: the interval of
        the exponent holds 0, or the fit moves less than :data:`DECAY_DB` over all octaves.
        """
        low, high = self.exponent_interval
        drop_db = self.law.exponent * 10 * np.log10(1 / self.radii[1])
        if low <= 0 <= high or abs(drop_db) < DECAY_DB:
            return "flat"
        if self.law.fits:
            return "power law"
        return "decays" if drop_db > 0 else "rises"


class SnrAccumulator:
    """Collects pairs of images of one condition.

    Parameters
    ----------
    partition : Partition
        Of the images' size.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._rings = make_rings(
            height=partition.height, width=partition.width, norm=partition.norm
        )
        n_rings = len(self._rings.radii)
        pairs = partition.band_map.astype(np.int64) * n_rings + self._rings.index_map
        cells, index = np.unique(pairs, return_inverse=True)
        self._cell_map = index.reshape(pairs.shape)
        # A cell is what a band and a ring share, so one transform serves both.
        self._to_band = np.eye(partition.n_bands)[cells // n_rings]
        self._to_ring = np.eye(n_rings)[cells % n_rings]
        self._bands: list[FloatVector] = []
        self._ring_rows: list[FloatVector] = []
        self._differences: list[float] = []

    def add(self, clean: ByteImage, corrupted: ByteImage) -> None:
        """Add a pair of images, (H, W, C) uint8.

        Raises
        ------
        ImageError
            If they have another size than the partition, or other channels than one another.
        """
        cells = moments_by_index(
            _planes(clean), _planes(corrupted), self._cell_map, len(self._to_band)
        )
        self._bands.append(snr_decibels(_gathered(cells, self._to_band)))
        self._ring_rows.append(snr_decibels(_gathered(cells, self._to_ring)))
        difference = np.abs(clean.astype(np.int16) - corrupted.astype(np.int16))
        self._differences.append(float(difference.mean()))

    def __len__(self) -> int:
        return len(self._bands)

    def finish(self, name: str, severity: int | None, *, seed: int, confidence: float) -> SnrResult:
        """Average what was added.

        Parameters
        ----------
        name, severity
            Of the condition.
        seed : int
            Of the bootstrap.
        confidence : float
            Of the intervals.
        """
        bands, rings = np.stack(self._bands), np.stack(self._ring_rows)
        radii = self._rings.radii
        generator = np.random.default_rng([seed, Purpose.BOOTSTRAP])
        resamples = bootstrap_means(
            np.hstack([bands, rings]), n_resamples=N_RESAMPLES, generator=generator
        )
        band_samples, ring_samples = np.hsplit(resamples, [bands.shape[1]])
        law = fit_power_law(radii, rings.mean(axis=0))
        exponents = _exponents(radii, ring_samples)
        low, high = percentile_interval(exponents, confidence=confidence, n_units=len(bands))
        return SnrResult(
            name=name,
            severity=severity,
            n_images=len(bands),
            difference=float(np.mean(self._differences)),
            edges=self._partition.edges,
            bands=_curve(bands, band_samples, confidence),
            radii=radii,
            rings=_curve(rings, ring_samples, confidence),
            law=law,
            exponent_interval=(float(low[0]), float(high[0])),
        )


def _planes(pixels: ByteImage) -> FloatImage:
    return pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(_WHITE)


def _gathered(cells: BandMoments, to_bins: NDArray[np.float64]) -> BandMoments:
    return BandMoments(
        clean_power=cells.clean_power @ to_bins,
        cross=cells.cross @ to_bins,
        corrupted_power=cells.corrupted_power @ to_bins,
    )


def _curve(rows: FloatMatrix, samples: FloatMatrix, confidence: float) -> Curve:
    low, high = percentile_interval(samples, confidence=confidence, n_units=len(rows))
    return Curve(
        decibels=rows.mean(axis=0),
        low=low,
        high=high,
        n_capped=np.count_nonzero(rows == MAX_DECIBELS, axis=0),
    )


def _exponents(radii: FloatVector, samples: FloatMatrix) -> FloatMatrix:
    """Return the exponent of each resampled curve, (n_resamples, 1)."""
    return np.array([[fit_power_law(radii, one).exponent] for one in samples])
