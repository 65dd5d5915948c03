"""Fourier basis images and the grid of a heat map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.choices import Norm, Spacing
from iaside_audit.errors import SpecError
from iaside_audit.robustness.fourier import basis_image, frequency_grid
from iaside_audit.spectrum import full_band_map, make_partition

sides = st.integers(2, 13)


@given(sides, sides, st.data())
def test_basis_images_hold_one_frequency(height: int, width: int, data: st.DataObject) -> None:
    """The transform is zero but at the frequency and its negative, and the norm is 1."""
    k_y = data.draw(st.integers(-(height // 2), height // 2))
    k_x = data.draw(st.integers(-(width // 2), width // 2))
    image = basis_image(height, width, k_y, k_x).astype(np.float64)
    assert np.linalg.norm(image) == pytest.approx(1, abs=1e-6)
    power = np.abs(np.fft.fft2(image)) ** 2
    power[k_y % height, k_x % width] = 0
    power[-k_y % height, -k_x % width] = 0
    assert power.max() < 1e-9 * height * width


@given(sides, sides)
def test_half_of_the_plane_says_all_of_it(height: int, width: int) -> None:
    """Each frequency or its negative is measured, once, and the map has no hole."""
    grid = frequency_grid(height, width, 1)
    measured = list(zip(grid.k_y % height, grid.k_x % width, strict=True))
    negatives = set(zip(-grid.k_y % height, -grid.k_x % width, strict=True))
    assert len(set(measured)) == len(measured)
    assert len(set(measured) | negatives) == height * width
    assert len(measured) <= height * width // 2 + 2
    assert np.isfinite(grid.whole(np.arange(len(grid), dtype=np.float64))).all()


@given(sides, sides, st.integers(1, 4))
def test_the_map_is_symmetric_about_its_middle(height: int, width: int, stride: int) -> None:
    """A frequency and its negative have one value."""
    if stride > min(height, width) // 2:
        return
    grid = frequency_grid(height, width, stride)
    plane = grid.whole(np.random.default_rng(0).normal(size=len(grid)))
    np.testing.assert_array_equal(plane, plane[::-1, ::-1])
    assert grid.rows[len(grid.rows) // 2] == 0


@pytest.mark.parametrize("norm", Norm)
def test_the_radius_is_that_of_the_bands(norm: Norm) -> None:
    """A heat map's frequency lies in the band that the partition says."""
    grid = frequency_grid(16, 20, 1)
    partition = make_partition(height=16, width=20, n_bands=4, norm=norm, spacing=Spacing.UNIFORM)
    expected = full_band_map(partition)[grid.k_y % 16, grid.k_x % 20]
    found = np.minimum(np.floor(4 * grid.radii(norm) + 1e-9), 3)
    np.testing.assert_array_equal(found, expected)


def test_a_stride_beyond_the_nyquist_frequency_is_refused() -> None:
    """The mean alone is no map."""
    with pytest.raises(SpecError, match="stride of 1 to 4"):
        frequency_grid(8, 10, 5)
