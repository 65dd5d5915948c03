"""Band images add up to the image, and each keeps to its band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies_spectrum import images_with_partitions, random_image

from iaside_audit.choices import Norm, Spacing
from iaside_audit.errors import ImageError
from iaside_audit.spectrum import Partition, decompose, full_band_map, make_partition

if TYPE_CHECKING:
    from iaside_audit.types import FloatImage

PARTITION_224 = make_partition(
    height=224, width=224, n_bands=8, norm=Norm.LINF, spacing=Spacing.UNIFORM
)


@given(images_with_partitions())
def test_band_images_add_up_to_the_image(case: tuple[FloatImage, Partition]) -> None:
    """The sum of the band images is the image, at every size and number of channels."""
    image, partition = case
    bands = decompose(image, partition)
    assert bands.dtype == np.float32
    assert bands.shape == (partition.n_bands, *image.shape)
    np.testing.assert_allclose(bands.sum(axis=0), image, atol=1e-5)


@given(images_with_partitions())
def test_band_images_keep_to_their_bands(case: tuple[FloatImage, Partition]) -> None:
    """The spectrum of a band image is the image's inside its band and zero outside."""
    image, partition = case
    band_map = full_band_map(partition)
    spectrum = np.fft.fft2(image.astype(np.float64))
    for band, band_image in enumerate(decompose(image, partition)):
        expected = spectrum * (band_map == band)
        found = np.fft.fft2(band_image.astype(np.float64))
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@given(images_with_partitions(), st.floats(-2, 2, width=32))
@settings(max_examples=50)
def test_decomposition_is_linear(case: tuple[FloatImage, Partition], factor: float) -> None:
    """The bands of a weighted sum of images are the weighted sum of their bands."""
    image, partition = case
    other = random_image(1, image.shape)
    together = decompose(image + np.float32(factor) * other, partition)
    apart = decompose(image, partition) + np.float32(factor) * decompose(other, partition)
    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_constant_image_lies_in_band_0() -> None:
    """An image without contrast is its own band 0, and the other bands are exactly zero."""
    image = np.broadcast_to(np.float32([0.2, 0.5, 0.7])[:, None, None], (3, 224, 224))
    bands = decompose(image, PARTITION_224)
    np.testing.assert_array_equal(bands[0], image)
    assert not bands[1:].any()


def test_pure_wave_lies_in_the_band_of_its_frequency() -> None:
    """A wave of 40 cycles in 224 px, rho = 0.357, is wholly in band 2 of 8."""
    wave = np.cos(2 * np.pi * 40 / 224 * np.arange(224)).astype(np.float32)
    image = np.broadcast_to(wave[:, None], (1, 224, 224))
    bands = decompose(image, PARTITION_224)
    np.testing.assert_allclose(bands[2], image, atol=1e-5)
    np.testing.assert_allclose(np.delete(bands, 2, axis=0), 0, atol=1e-5)


def test_decomposition_does_not_depend_on_workers() -> None:
    """Threads of the transform change no bit."""
    image = random_image(0, (3, 224, 224))
    np.testing.assert_array_equal(
        decompose(image, PARTITION_224, workers=2), decompose(image, PARTITION_224)
    )


@pytest.mark.parametrize("shape", [(3, 224, 223), (224, 224), (1, 3, 224, 224)])
def test_decomposition_of_another_size_is_refused(shape: tuple[int, ...]) -> None:
    """An image that is not (C, H, W) of the partition's size is an error."""
    with pytest.raises(ImageError, match=r"Expected an image of shape \(C, 224, 224\), found"):
        decompose(random_image(0, shape), PARTITION_224)
