"""Second moments of an image and its corrupted copy, band by band.

All that the spectral SNR and the gains of the joint prediction need to know of a pair of images
(METHOD.md, section 9) are three sums over a band's frequencies and the channels: ``|F x|^2``,
``Re <F x', F x>`` and ``|F x'|^2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.fft import rfft2

from iaside_audit.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.spectrum.partition import Partition
    from iaside_audit.types import FloatImage

_AXES: Final = (-2, -1)
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BandMoments:
    """Sums over the frequencies of each band and over the channels.

    In units of mean square per pixel: the transform's sums divided by ``(H W)^2``, so that a
    constant image c of one channel has power ``c^2`` in band 0, and the powers of all bands and
    channels add up to the sum over the channels of the mean square (Parseval).

    Parameters
    ----------
    clean_power : (..., n_bands) float64
        ``sum |F x|^2``.
    cross : (..., n_bands) float64
        ``sum Re(F x' conj(F x))``; negative where the corruption turns the band's sign over.
    corrupted_power : (..., n_bands) float64
        ``sum |F x'|^2``.
    """

    clean_power: NDArray[np.float64]
    cross: NDArray[np.float64]
    corrupted_power: NDArray[np.float64]

    @property
    def error_power(self) -> NDArray[np.float64]:
        """``sum |F x' - F x|^2``, (..., n_bands), at least 0.

        Differences of less than 1e-12 of the two powers are rounding, and count as none.
        """
        total = self.clean_power + self.corrupted_power
        error = total - 2 * self.cross
        return np.where(error > _ROUNDING * total, error, 0.0)


def band_moments(
    clean: FloatImage, corrupted: FloatImage, partition: Partition, *, workers: int = 1
) -> BandMoments:
    """Compute the second moments of pairs of images in each band.

    Parameters
    ----------
    clean : (..., C, H, W) float32
        One image or several, 0..1.
    corrupted : (..., C, H, W) float32
        Its corrupted copies; leading axes broadcast, so one clean image serves many copies.
    partition : Partition
        Of the images' height and width.
    workers : int
        Threads of the transform.

    Returns
    -------
    BandMoments
        Arrays of shape (..., n_bands), leading axes broadcast.

    Raises
    ------
    ImageError
        If the images have another size than the partition, or other channels than one another.

    Examples
    --------
    >>> from iaside_audit.spec import Norm, Spacing
    >>> from iaside_audit.spectrum import make_partition
    >>> halves = make_partition(
    ...     height=4, width=4, n_bands=2, norm=Norm.LINF, spacing=Spacing.UNIFORM
    ... )
    >>> grey = np.full((1, 4, 4), 0.5, dtype=np.float32)
    >>> moments = band_moments(grey, grey / 2, halves)
    >>> moments.clean_power, moments.cross, moments.corrupted_power
    (array([0.25, 0.  ]), array([0.125, 0.   ]), array([0.0625, 0.    ]))
    """
    return moments_by_index(
        clean, corrupted, partition.band_map, partition.n_bands, workers=workers
    )


def moments_by_index(
    clean: FloatImage,
    corrupted: FloatImage,
    index_map: NDArray[np.integer],
    n_bins: int,
    *,
    workers: int = 1,
) -> BandMoments:
    """Compute the second moments over any classes of frequencies.

    Parameters
    ----------
    clean, corrupted : (..., C, H, W) float32
        As :func:`band_moments`.
    index_map : (H, W // 2 + 1) int
        Class of each coefficient of ``rfft2``, 0..n_bins - 1.
    n_bins : int
        Number of classes.
    workers : int
        Threads of the transform.
    """
    _check(clean, corrupted, index_map)
    height, width = clean.shape[-2:]
    weights = _column_weights(width) / (height * width) ** 2
    # The difference is transformed, not the copy: a small error stays exact to float32, and is not
    # the difference of two large powers.
    clean_spectrum = _transform(clean, workers)
    difference = _transform(corrupted - clean, workers)
    products = (
        _real_product(clean_spectrum, clean_spectrum),
        _real_product(difference, clean_spectrum),
        _real_product(difference, difference),
    )
    sums = [_sum_by_index(one.sum(axis=-3) * weights, index_map, n_bins) for one in products]
    clean_power, mixed, error_power = np.broadcast_arrays(*sums)
    return BandMoments(
        clean_power=clean_power,
        cross=clean_power + mixed,
        corrupted_power=np.maximum(clean_power + 2 * mixed + error_power, 0),
    )


def _transform(images: FloatImage, workers: int) -> NDArray[np.complex64]:
    spectrum = rfft2(
        images.astype(np.float32, copy=False),
        s=images.shape[-2:],
        axes=_AXES,
        norm="backward",
        workers=workers,
    )
    return np.asarray(spectrum, dtype=np.complex64)


def _real_product(
    first: NDArray[np.complex64], second: NDArray[np.complex64]
) -> NDArray[np.float32]:
    """Return ``Re(first conj(second))``."""
    return first.real * second.real + first.imag * second.imag


def _column_weights(width: int) -> NDArray[np.float64]:
    """Return how many coefficients of the full transform each column of the half stands for."""
    weights = np.full(width // 2 + 1, 2.0)
    weights[0] = 1
    if width % 2 == 0:
        weights[-1] = 1
    return weights


def _sum_by_index(
    values: NDArray[np.float64], index_map: NDArray[np.integer], n_bins: int
) -> NDArray[np.float64]:
    """Sum (..., H, W // 2 + 1) values by class, to (..., n_bins)."""
    flat = values.reshape(-1, index_map.size)
    index = index_map.ravel()
    sums = [np.bincount(index, weights=row, minlength=n_bins) for row in flat]
    return np.array(sums, dtype=np.float64).reshape(*values.shape[:-2], n_bins)


def _check(clean: FloatImage, corrupted: FloatImage, index_map: NDArray[np.integer]) -> None:
    height, half = index_map.shape
    if (
        clean.shape[-3:] != corrupted.shape[-3:]
        or clean.shape[-2] != height
        or clean.shape[-1] // 2 + 1 != half
    ):
        raise ImageError(
            f"Expected two images of one shape and of the partition's size, found {clean.shape} "
            f"and {corrupted.shape} for {height} x {half} coefficients. Resize them alike.",
            expected=f"(..., C, H, W) with {height} x {half} coefficients",
            found=f"{clean.shape} and {corrupted.shape}",
        )
