"""Second moments by band against Parseval, a full transform and images of one frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from iaside_audit.choices import Norm, Spacing
from iaside_audit.errors import ImageError
from iaside_audit.spectrum import band_moments, decompose, full_band_map, make_partition

if TYPE_CHECKING:
    from iaside_audit.spectrum import Partition


def partition(height: int, width: int, n_bands: int = 4) -> Partition:
    """Return uniform linf bands."""
    return make_partition(
        height=height, width=width, n_bands=n_bands, norm=Norm.LINF, spacing=Spacing.UNIFORM
    )


def pair(seed: int, height: int, width: int, *, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return two images of white noise."""
    images = np.random.default_rng(seed).random((2, channels, height, width), dtype=np.float32)
    return images[0], images[1]


@given(seed=st.integers(0, 99), height=st.integers(8, 21), width=st.integers(8, 21))
def test_moments_add_up_to_the_images_mean_squares(seed: int, height: int, width: int) -> None:
    """Parseval: the bands' sums add up to the mean over pixels, at odd and even sizes."""
    clean, corrupted = pair(seed, height, width)
    moments = band_moments(clean, corrupted, partition(height, width))
    for found, product in (
        (moments.clean_power, clean * clean),
        (moments.cross, clean * corrupted),
        (moments.corrupted_power, corrupted * corrupted),
    ):
        assert_allclose(found.sum(), product.mean(axis=(1, 2)).sum(), rtol=1e-5)


def test_moments_agree_with_the_full_transform() -> None:
    """The half plane, with its mirrored columns, gives what the full complex plane gives."""
    clean, corrupted = pair(3, 9, 12)
    bands = partition(9, 12)
    moments = band_moments(clean, corrupted, bands)
    x, y = np.fft.fft2(clean), np.fft.fft2(corrupted)
    is_two = full_band_map(bands) == 2
    assert_allclose(moments.clean_power[2], (abs(x) ** 2)[:, is_two].sum() / 108**2, rtol=1e-5)
    assert_allclose(moments.cross[2], (y * x.conj()).real[:, is_two].sum() / 108**2, rtol=1e-5)
    error = (abs(y - x) ** 2)[:, is_two].sum() / 108**2
    assert_allclose(moments.error_power[2], error, rtol=1e-5)


def test_a_removed_band_leaves_nothing_of_itself() -> None:
    """Without band 1 its cross term and power vanish; those of the others are the clean power."""
    clean, _ = pair(1, 16, 16)
    bands = partition(16, 16)
    moments = band_moments(clean, clean - decompose(clean, bands)[1], bands)
    others = [0, 2, 3]
    assert_allclose(moments.corrupted_power[1], 0, atol=1e-8)
    assert_allclose(moments.cross[others], moments.clean_power[others], rtol=1e-5)
    assert_allclose(moments.error_power[1], moments.clean_power[1], rtol=1e-5)


def test_no_error_is_exactly_none() -> None:
    """An image against itself has error power 0, not rounding."""
    clean, _ = pair(2, 17, 16)
    assert not band_moments(clean, clean, partition(17, 16)).error_power.any()


def test_a_change_of_one_level_in_one_pixel_is_seen_exactly() -> None:
    """The smallest error of a uint8 image spreads over all bands as its size says."""
    clean, _ = pair(4, 32, 32)
    changed = clean.copy()
    changed[0, 5, 7] += np.float32(1 / 255)
    bands = partition(32, 32)
    step = float(changed[0, 5, 7] - clean[0, 5, 7])
    error = band_moments(clean, changed, bands).error_power
    shares = np.bincount(full_band_map(bands).ravel()) / 32**2
    assert_allclose(error, step**2 / 32**2 * shares, rtol=1e-4)


def test_one_clean_image_serves_many_copies() -> None:
    """Leading axes broadcast; each copy's moments are those it has alone."""
    clean, corrupted = pair(5, 16, 16)
    copies = np.stack([corrupted, clean, corrupted / 2])
    moments = band_moments(clean, copies, partition(16, 16))
    assert moments.clean_power.shape == moments.cross.shape == (3, 4)
    alone = band_moments(clean, corrupted, partition(16, 16))
    assert_allclose(moments.cross[0], alone.cross)
    assert_allclose(moments.cross[2], alone.cross / 2, rtol=1e-5)


def test_images_of_another_size_are_refused() -> None:
    """The size of the partition is the images'."""
    clean, corrupted = pair(0, 16, 16)
    with pytest.raises(ImageError, match="of one shape and of the partition's size"):
        band_moments(clean, corrupted, partition(16, 20))
    with pytest.raises(ImageError, match="of one shape"):
        band_moments(clean, corrupted[:1], partition(16, 16))
