"""Fourier basis images and the grid of frequencies of a heat map (Yin et al. 2019).

A real image holds every frequency together with its negative, so half of the plane says all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.choices import Norm
from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix, FloatVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrequencyGrid:
    """The frequencies of a heat map: those of one half plane, and where they stand in the map.

    Parameters
    ----------
    height, width : int
        Of the image, in pixels.
    k_y, k_x : (n,) int64
        Periods over the image's height and width, of each frequency of the half plane.
    rows, columns : (n_y,) and (n_x,) int64
        Periods along the axes of the whole map, ascending, 0 in the middle.
    """

    height: int
    width: int
    k_y: NDArray[np.int64]
    k_x: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.k_y)

    def whole(self, values: FloatVector) -> FloatMatrix:
        """Return the map of the whole plane, (n_y, n_x), from the values of the half plane.

        A frequency and its negative have one value; a Nyquist frequency is its own negative, so
        both edges of the map show it.
        """
        found = np.full((self.height, self.width), np.nan)
        found[self.k_y % self.height, self.k_x % self.width] = values
        found[-self.k_y % self.height, -self.k_x % self.width] = values
        return found[np.ix_(self.rows % self.height, self.columns % self.width)]

    def radii(self, norm: Norm) -> FloatVector:
        """Return rho of each frequency of the half plane (METHOD.md, section 1), (n,)."""
        u, v = np.abs(self.k_y) / self.height, np.abs(self.k_x) / self.width
        radii: FloatVector = (
            2 * np.maximum(u, v) if norm == Norm.LINF else np.sqrt(2) * np.hypot(u, v)
        )
        return radii


def frequency_grid(height: int, width: int, stride: int) -> FrequencyGrid:
    """Lay out the frequencies of a heat map.

    Parameters
    ----------
    height, width : int
        Of the image, in pixels.
    stride : int
        Step between neighbouring frequencies of the grid, in periods over the image; the mean
        (DC) is always on it.

    Raises
    ------
    SpecError
        If the stride leaves nothing but the mean.

    Examples
    --------
    >>> grid = frequency_grid(4, 4, 1)
    >>> len(grid), grid.rows.tolist()
    (10, [-2, -1, 0, 1, 2])
    """
    if not 1 <= stride <= min(height, width) // 2:
        raise SpecError(
            f"Expected a stride of 1 to {min(height, width) // 2} for images of {height} x {width} "
            f"px, found {stride}. Lower --stride."
        )
    axes = []
    for side in (height, width):
        positive = np.arange(0, side // 2 + 1, stride, dtype=np.int64)
        axes.append(np.concatenate([-positive[:0:-1], positive]))
    rows, columns = axes
    chosen: list[tuple[int, int]] = []
    seen: set[tuple[int, int]] = set()
    for k_y in rows.tolist():
        for k_x in columns.tolist():
            place = (k_y % height, k_x % width)
            if place not in seen:
                seen |= {place, (-k_y % height, -k_x % width)}
                chosen.append((k_y, k_x))
    k_y_all, k_x_all = np.array(chosen, dtype=np.int64).T
    return FrequencyGrid(
        height=height, width=width, k_y=k_y_all, k_x=k_x_all, rows=rows, columns=columns
    )


def basis_image(height: int, width: int, k_y: int, k_x: int) -> NDArray[np.float32]:
    """Return the real Fourier basis image of one frequency, of L2 norm 1.

    Parameters
    ----------
    height, width : int
        Of the image, in pixels.
    k_y, k_x : int
        Periods over the height and the width.

    Returns
    -------
    (H, W) float32
        A cosine with its crest in the first pixel; its transform is zero but at the frequency and
        its negative.
    """
    y, x = np.arange(height)[:, None], np.arange(width)[None, :]
    # Whole periods are dropped exactly, in integers, before the division.
    phase = 2 * np.pi * ((k_y * y) % height / height + (k_x * x) % width / width)
    wave = np.cos(phase)
    image: NDArray[np.float32] = (wave / np.linalg.norm(wave)).astype(np.float32)
    return image
