"""The partition: every spatial frequency of an image size belongs to exactly one band.

Frequencies are in cycles per pixel, ``u = k_y / H`` and ``v = k_x / W``, both in [-1/2, 1/2].
Bands are ordered by a radius rho in [0, 1] (METHOD.md, section 1):

* ``linf``: ``rho = 2 max(|u|, |v|)``; 1 is the Nyquist frequency of an axis
* ``l2``: ``rho = sqrt(2) sqrt(u^2 + v^2)``; 1 is the corner, 0.707 the Nyquist frequency of an axis

Band *i* is ``edges[i] <= rho < edges[i + 1]``, the last one ``rho >= edges[-2]``. A frequency on an
edge belongs to the upper band, and such ties are decided exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np

from iaside_audit.choices import MAX_BANDS, MIN_BANDS, Norm, Spacing, parse_spacing
from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import BandMap


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partition:
    """The ordered bands that cover every frequency of one image size exactly once.

    Made by :func:`make_partition`.

    Parameters
    ----------
    norm : Norm
        The radius that orders the frequencies.
    edges : tuple of float
        The M + 1 edges in rho, ascending, 0 and 1 included.
    height, width : int
        Image size in pixels.
    band_map : (H, W // 2 + 1) uint8
        Band of each coefficient of ``rfft2``, unshifted; copied and made read-only.
    """

    norm: Norm
    edges: tuple[float, ...]
    height: int
    width: int
    band_map: BandMap

    def __post_init__(self) -> None:
        band_map = np.array(self.band_map, dtype=np.uint8)
        band_map.flags.writeable = False
        object.__setattr__(self, "band_map", band_map)

    @property
    def n_bands(self) -> int:
        """Number of bands M."""
        return len(self.edges) - 1


def make_partition(
    *,
    height: int,
    width: int,
    n_bands: int,
    norm: Norm,
    spacing: Spacing | tuple[float, ...],
) -> Partition:
    """Cut the frequencies of one image size into bands.

    Parameters
    ----------
    height, width : int
        Image size in pixels, odd or even, at least 1.
    n_bands : int
        Number of bands M, 2..32.
    norm : Norm
        The radius rho.
    spacing : Spacing or tuple of float
        ``uniform`` (``e_i = i / M``), ``octave`` (``e_0 = 0``, ``e_i = 2^-(M - i)``), or the M - 1
        interior edges, ascending, in (0, 1).

    Raises
    ------
    SpecError
        If a number is out of its range, or a band would hold no frequency at this size.

    Examples
    --------
    >>> make_partition(
    ...     height=4, width=5, n_bands=2, norm=Norm.LINF, spacing=Spacing.UNIFORM
    ... ).band_map
    array([[0, 0, 1],
           [1, 1, 1],
           [1, 1, 1],
           [1, 1, 1]], dtype=uint8)
    """
    if height < 1 or width < 1:
        raise SpecError(f"Expected an image size of at least 1 x 1 px, found {height} x {width}.")
    if not MIN_BANDS <= n_bands <= MAX_BANDS:
        raise SpecError(f"Expected {MIN_BANDS} to {MAX_BANDS} bands, found {n_bands}.")
    edges = _edges(n_bands, spacing)
    band_map = _band_map(height, width, edges, norm, spacing)
    empty = _empty_bands(band_map, n_bands)
    if empty.size:
        band = int(empty[0])
        raise SpecError(
            f"Expected every band to hold a frequency, found none in band {band} of {n_bands} "
            f"({edges[band]:g} <= rho < {edges[band + 1]:g}, {norm}) at {height} x {width} px. "
            f"{_remedy(height, width, norm, spacing)}"
        )
    return Partition(norm=norm, edges=edges, height=height, width=width, band_map=band_map)


def full_band_map(partition: Partition) -> NDArray[np.uint8]:
    """Return the band of each coefficient of the full transform ``fft2``, unshifted.

    Returns
    -------
    (H, W) uint8
        Even in both axes; ``numpy.fft.fftshift`` brings band 0 to the centre.
    """
    return partition.band_map[:, _folded(partition.width)]


def _edges(n_bands: int, spacing: Spacing | tuple[float, ...]) -> tuple[float, ...]:
    match parse_spacing(spacing):
        case Spacing.UNIFORM:
            return tuple(i / n_bands for i in range(n_bands + 1))
        case Spacing.OCTAVE:
            return (0.0, *(2.0 ** (i - n_bands) for i in range(1, n_bands + 1)))
        case interior:
            if len(interior) != n_bands - 1:
                raise SpecError(
                    f"Expected {n_bands - 1} interior edges for {n_bands} bands, found "
                    f"{len(interior)}."
                )
            return (0.0, *interior, 1.0)


def _band_map(
    height: int,
    width: int,
    edges: tuple[float, ...],
    norm: Norm,
    spacing: Spacing | tuple[float, ...],
) -> BandMap:
    if spacing == Spacing.UNIFORM:
        return _uniform_band_map(height, width, len(edges) - 1, norm)
    rho = radius_map(height, width, norm)
    return np.searchsorted(edges[1:-1], rho, side="right").astype(np.uint8)


def _uniform_band_map(height: int, width: int, n_bands: int, norm: Norm) -> BandMap:
    """Return ``floor(M rho)`` in int64, where no tie can be rounded away.

    ``M^2 H^2 W^2`` bounds every number here; it stays below 2^63 up to 94 megapixels at M = 32.
    """
    k_y, k_x = _half_plane(height, width)
    match norm:
        case Norm.LINF:
            band = np.maximum(2 * n_bands * k_y // height, 2 * n_bands * k_x // width)
        case Norm.L2:
            squared = 2 * n_bands**2 * ((k_y * width) ** 2 + (k_x * height) ** 2)
            # isqrt: at most M^2 = 1024, so the float64 root of a perfect square is exact.
            band = np.sqrt(squared // (height * width) ** 2).astype(np.int64)
        case _:
            assert_never(norm)
    return np.minimum(band, n_bands - 1).astype(np.uint8)


def radius_map(height: int, width: int, norm: Norm) -> NDArray[np.float64]:
    """Return rho of each coefficient of ``rfft2``, (H, W // 2 + 1), in one division of integers.

    A rational rho is thus the float64 nearest to it, as is an edge that was typed as a decimal or
    is a power of two, and ties are exact. In ``l2`` the division comes after the root of the
    integers: the root is exact where rho is rational, and elsewhere rho cannot lie on an edge.
    (``numpy.fft.fftfreq`` is ``k * (1 / n)``, which is off in the last bit at many sizes.)
    """
    k_y, k_x = _half_plane(height, width)
    match norm:
        case Norm.LINF:
            return 2 * np.maximum(k_y / height, k_x / width)
        case Norm.L2:
            squared = 2 * ((k_y * width) ** 2 + (k_x * height) ** 2)
            rho: NDArray[np.float64] = np.sqrt(squared) / (height * width)
            return rho
        case _:
            assert_never(norm)


def _half_plane(height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ``|k_y|`` as a column and ``|k_x|`` as a row of the real transform's half plane."""
    return _folded(height)[:, None], np.arange(width // 2 + 1, dtype=np.int64)[None, :]


def _folded(n: int) -> NDArray[np.int64]:
    """Return ``min(j, n - j)``: the absolute frequency of each of the n positions of an axis."""
    positions = np.arange(n, dtype=np.int64)
    return np.minimum(positions, n - positions)


def _empty_bands(band_map: BandMap, n_bands: int) -> NDArray[np.int64]:
    return np.flatnonzero(np.bincount(band_map.ravel(), minlength=n_bands) == 0)


def _remedy(height: int, width: int, norm: Norm, spacing: Spacing | tuple[float, ...]) -> str:
    """Say what would give every band a frequency at this size."""
    if not isinstance(spacing, Spacing):
        return "Move the edges apart, or use a larger frame."
    for n_bands in range(MAX_BANDS, MIN_BANDS - 1, -1):
        band_map = _band_map(height, width, _edges(n_bands, spacing), norm, spacing)
        if not _empty_bands(band_map, n_bands).size:
            return f"The largest number of bands that works there is {n_bands}."
    return "Use a larger frame."
