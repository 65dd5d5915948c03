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
    power_law_exponents,
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


class PairMeter:
    """Measures pairs of images, in the bands and in narrow rings, with one transform for both.

    Parameters
    ----------
    partition : Partition
        Of the images' size.
    """

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
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

    @property
    def radii(self) -> FloatVector:
        """Mean rho of each ring, (n_rings,); the first is the mean (DC)."""
        return self._rings.radii

    def __call__(self, clean: FloatImage, corrupted: FloatImage) -> tuple[BandMoments, BandMoments]:
        """Return the moments of a pair, (C, H, W) float32 in 0..1, in bands and in rings.

        Raises
        ------
        ImageError
            If they have another size than the partition, or other channels than one another.
        """
        cells = moments_by_index(clean, corrupted, self._cell_map, len(self._to_band))
        return _gathered(cells, self._to_band), _gathered(cells, self._to_ring)


class SnrAccumulator:
    """Collects pairs of images of one condition.

    Parameters
    ----------
    partition : Partition
        Of the images' size.
    """

    def __init__(self, partition: Partition) -> None:
        self._meter = PairMeter(partition)
        self._bands: list[FloatVector] = []
        self._rings: list[FloatVector] = []
        self._differences: list[float] = []

    def add(self, clean: ByteImage, corrupted: ByteImage) -> None:
        """Add a pair of images, (H, W, C) uint8.

        Raises
        ------
        ImageError
            If they have another size than the partition, or other channels than one another.
        """
        bands, rings = self._meter(_planes(clean), _planes(corrupted))
        self._bands.append(snr_decibels(bands))
        self._rings.append(snr_decibels(rings))
        difference = np.abs(clean.astype(np.int16) - corrupted.astype(np.int16))
        self._differences.append(float(difference.mean()))

    def __len__(self) -> int:
        return len(self._bands)

    def finish(self, name: str, severity: int | None, *, seed: int, confidence: float) -> SnrResult:
        """Average what was added; parameters as those of :func:`summarise_snr`."""
        return summarise_snr(
            name,
            severity,
            bands=np.stack(self._bands),
            rings=np.stack(self._rings),
            differences=np.array(self._differences),
            edges=self._meter.partition.edges,
            radii=self._meter.radii,
            seed=seed,
            confidence=confidence,
        )


def summarise_snr(
    name: str,
    severity: int | None,
    *,
    bands: FloatMatrix,
    rings: FloatMatrix,
    differences: FloatVector,
    edges: tuple[float, ...],
    radii: FloatVector,
    seed: int,
    confidence: float,
) -> SnrResult:
    """Average the SNR of one condition over images, with bootstrap intervals.

    Parameters
    ----------
    name, severity
        Of the condition.
    bands : (n_images, n_bands) float64
        SNR of every image in every band, decibels.
    rings : (n_images, n_rings) float64
        The same in narrow rings.
    differences : (n_images,) float64
        Mean absolute difference of the pixels, 0..255.
    edges : tuple of float
        Of the bands, in rho.
    radii : (n_rings,) float64
        Of the rings.
    seed : int
        Of the bootstrap.
    confidence : float
        Of the intervals.
    """
    law = fit_power_law(radii, rings.mean(axis=0))
    generator = np.random.default_rng([seed, Purpose.BOOTSTRAP])
    resamples = bootstrap_means(
        np.hstack([bands, rings]), n_resamples=N_RESAMPLES, generator=generator
    )
    band_samples, ring_samples = np.hsplit(resamples, [bands.shape[1]])
    exponents = power_law_exponents(radii, ring_samples)
    low, high = percentile_interval(exponents[:, None], confidence=confidence, n_units=len(bands))
    return SnrResult(
        name=name,
        severity=severity,
        n_images=len(bands),
        difference=float(differences.mean()),
        edges=edges,
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
