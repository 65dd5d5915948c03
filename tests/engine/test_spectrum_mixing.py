"""Coalition images are an affine map of the coalition's bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies_spectrum import images_with_partitions, random_image, seeds

from iaside_audit.spectrum import Partition, affine_normalise, components, decompose, mix

if TYPE_CHECKING:
    from iaside_audit.types import Components, FloatImage


def cut(image: FloatImage, baseline: FloatImage, partition: Partition) -> Components:
    """Return the components of an image over a baseline."""
    return components(baseline, decompose(image, partition), decompose(baseline, partition))


@given(images_with_partitions())
def test_grand_coalition_is_the_image_and_empty_one_the_baseline(
    case: tuple[FloatImage, Partition],
) -> None:
    """All bands present give the image back; none gives the baseline."""
    image, partition = case
    baseline = random_image(1, image.shape)
    coalitions = np.repeat([[False], [True]], partition.n_bands, axis=1)
    empty, grand = mix(cut(image, baseline, partition), coalitions)
    np.testing.assert_allclose(empty, baseline, atol=1e-5)
    np.testing.assert_allclose(grand, image, atol=1e-5)


@given(images_with_partitions(), st.data())
@settings(max_examples=50)
def test_coalition_image_takes_each_band_from_one_of_two_images(
    case: tuple[FloatImage, Partition], data: st.DataObject
) -> None:
    """A present band is the image's, an absent one the baseline's."""
    image, partition = case
    baseline = random_image(1, image.shape)
    coalition = np.array(
        data.draw(st.lists(st.booleans(), min_size=partition.n_bands, max_size=partition.n_bands))
    )
    (mixed,) = mix(cut(image, baseline, partition), coalition[None])
    expected = np.where(
        coalition[:, None, None, None],
        decompose(image, partition),
        decompose(baseline, partition),
    ).sum(axis=0)
    np.testing.assert_allclose(mixed, expected, atol=1e-5)


@given(seeds, st.integers(2, 8))
def test_mixing_is_affine(seed: int, n_bands: int) -> None:
    """Union and intersection of two coalitions give, together, what the two give."""
    generator = np.random.default_rng(seed)
    parts = generator.random((1 + n_bands, 3, 4, 5), dtype=np.float32)
    first, second = generator.random((2, n_bands)) < 0.5
    images = mix(parts, np.stack([first, second, first | second, first & second]))
    assert images.dtype == np.float32
    np.testing.assert_allclose(images[0] + images[1], images[2] + images[3], atol=1e-5)


@given(seeds)
def test_normalised_components_mix_to_normalised_images(seed: int) -> None:
    """Normalising the components first, or the mixtures last, is the same."""
    generator = np.random.default_rng(seed)
    parts = generator.random((5, 3, 4, 5), dtype=np.float32)
    coalitions = generator.random((6, 4)) < 0.5
    mean, std, scale = [0.4, 0.5, 0.6], [0.2, 0.25, -0.5], 1 / 128
    normalised = affine_normalise(parts, scale_255=255 * scale, mean=mean, std=std)
    assert normalised.dtype == np.float32
    pixels = 255 * mix(parts, coalitions).astype(np.float64)
    column = (slice(None), None, None)
    expected = (pixels * scale - np.array(mean)[column]) / np.array(std)[column]
    np.testing.assert_allclose(mix(normalised, coalitions), expected, atol=1e-4)


def test_normalising_leaves_its_argument_alone() -> None:
    """The components in image units are still there after normalisation."""
    parts = np.ones((3, 1, 2, 2), dtype=np.float32)
    affine_normalise(parts, scale_255=1.0, mean=[0.5], std=[0.25])
    assert (parts == 1).all()


def test_mixing_has_float32_precision() -> None:
    """Products are not rounded to fewer bits than float32 has."""
    parts = np.float32([[1.0], [2.0**-20]])
    assert mix(parts, np.array([[True]]))[0, 0] == np.float32(1 + 2.0**-20)
