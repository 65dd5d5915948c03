"""Resizing: torchvision's sizes and offsets, Pillow's filters, and a linear float path."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies_images import byte_images, components, photograph, sizes

from iaside_audit.errors import ImageError
from iaside_audit.images import prepare, resize_and_crop, resize_components, resized_size
from iaside_audit.preprocessing import Interpolation, Preprocessing

INTERPOLATIONS = list(Interpolation)
SMOOTH = [one for one in INTERPOLATIONS if one != Interpolation.NEAREST]


def triangle_weights(n_in: int, n_out: int) -> np.ndarray:
    """Return the (n_out, n_in) matrix of an antialiased triangle filter."""
    ratio = n_in / n_out
    support = max(ratio, 1.0)
    centres = (np.arange(n_out)[:, None] + 0.5) * ratio
    weights = np.maximum(0, 1 - np.abs(np.arange(n_in) + 0.5 - centres) / support)
    return weights / weights.sum(axis=1, keepdims=True)


def triangle_resize(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize the last two axes with separable triangle filters, in float64."""
    rows = triangle_weights(planes.shape[-2], size[0])
    columns = triangle_weights(planes.shape[-1], size[1])
    return rows @ planes.astype(np.float64) @ columns.T


@given(byte_images(), sizes(8, 64))
def test_prepare_bilinear_is_the_triangle_filter(image: np.ndarray, size: tuple[int, int]) -> None:
    """An independent separable triangle resize agrees to 1/255: two uint8 roundings."""
    found = prepare(image, Preprocessing(resize=size, crop=size))
    expected = triangle_resize(image.transpose(2, 0, 1), size) / 255
    assert found.dtype == np.float32
    assert found.shape == (3, *size)
    np.testing.assert_allclose(found, expected, atol=1.01 / 255)


@given(components(), sizes(4, 40))
def test_resize_components_bilinear_is_the_triangle_filter(
    planes: np.ndarray, size: tuple[int, int]
) -> None:
    """In float the triangle filter agrees to rounding."""
    found = resize_components(planes, size, Interpolation.BILINEAR)
    np.testing.assert_allclose(found, triangle_resize(planes, size), atol=2e-6)


@given(components(), sizes(4, 40), st.sampled_from(INTERPOLATIONS), st.floats(-3, 3, width=32))
def test_resize_components_is_linear(
    planes: np.ndarray, size: tuple[int, int], interpolation: Interpolation, factor: float
) -> None:
    """Resizing a x + y is a resized x + resized y, whatever the filter."""
    other = planes[:, :, ::-1, ::-1].copy()
    mixed = resize_components(np.float32(factor) * planes + other, size, interpolation)
    parts = [resize_components(one, size, interpolation) for one in (planes, other)]
    assert mixed.dtype == np.float32
    np.testing.assert_allclose(mixed, factor * parts[0] + parts[1], atol=2e-5)


@given(sizes(8, 24), sizes(4, 40), st.sampled_from(INTERPOLATIONS))
def test_resize_components_keeps_constants_beyond_the_pixel_range(
    size: tuple[int, int], target: tuple[int, int], interpolation: Interpolation
) -> None:
    """A constant stays what it is, below 0 and above 1 too: nothing is clipped."""
    planes = np.stack([np.full((1, *size), value, np.float32) for value in (-1.5, 2.5)])
    found = resize_components(planes, target, interpolation)
    np.testing.assert_allclose(found[0], -1.5, atol=1e-5)
    np.testing.assert_allclose(found[1], 2.5, atol=1e-5)


def test_resize_components_of_the_right_size_are_untouched() -> None:
    """At the model's own size nothing is resampled."""
    planes = np.random.default_rng(0).normal(size=(2, 3, 9, 7)).astype(np.float32)
    np.testing.assert_array_equal(resize_components(planes, (9, 7), Interpolation.LANCZOS), planes)


@pytest.mark.parametrize("interpolation", SMOOTH)
def test_prepare_is_antialiased(interpolation: Interpolation) -> None:
    """A checkerboard of single pixels shrinks to even grey instead of aliasing."""
    board = np.indices((128, 128)).sum(axis=0) % 2 * 255
    image = np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)
    found = prepare(image, Preprocessing(resize=32, crop=16, interpolation=interpolation))
    np.testing.assert_allclose(found, 0.5, atol=0.02)


@given(sizes(16, 2000), st.integers(1, 600))
def test_resized_size_follows_the_shorter_side(size: tuple[int, int], resize: int) -> None:
    """The shorter side is exact, the longer one is cut to whole pixels; both turn together."""
    height, width = resized_size(*size, resize)
    assert min(height, width) == resize
    assert (height <= width) == (size[0] <= size[1]) or height == width
    assert max(height, width) == math.floor(resize * max(size) / min(size))
    assert resized_size(*size[::-1], resize) == (width, height)
    assert resized_size(*size, 0) == size
    assert resized_size(*size, (resize, 7)) == (resize, 7)


@given(byte_images(), st.data())
def test_crop_takes_the_rounded_centre(image: np.ndarray, data: st.DataObject) -> None:
    """Without resizing, the crop is a slice that starts at round((side - crop) / 2)."""
    height, width = image.shape[:2]
    crop = (data.draw(st.integers(1, height)), data.draw(st.integers(1, width)))
    found = resize_and_crop(image, Preprocessing(resize=0, crop=crop))
    top, left = round((height - crop[0]) / 2), round((width - crop[1]) / 2)
    expected = image[top : top + crop[0], left : left + crop[1]]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("side", "start"), [(17, 0), (19, 2), (21, 2), (23, 4)])
def test_crop_rounds_halves_to_even_as_torchvision_does(side: int, start: int) -> None:
    """Odd margins follow Python's round: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, 3.5 -> 4."""
    image = photograph((side, side))
    found = resize_and_crop(image, Preprocessing(resize=0, crop=16))
    np.testing.assert_array_equal(found, image[start : start + 16, start : start + 16])


@given(byte_images())
def test_prepare_grey_is_the_luma_of_the_pixels(image: np.ndarray) -> None:
    """A grey model gets one channel, ITU-R 601 luma to rounding."""
    grey = Preprocessing(resize=0, crop=16, channel_order="L", mean=(0.0,), std=(1.0,))
    colour = prepare(image, Preprocessing(resize=0, crop=16))
    found = prepare(image, grey)
    expected = np.tensordot([0.299, 0.587, 0.114], colour, axes=1)
    assert found.shape == (1, 16, 16)
    np.testing.assert_allclose(found[0], expected, atol=1 / 255)


@given(byte_images())
def test_prepare_keeps_rgb_order_for_bgr_models(image: np.ndarray) -> None:
    """Channel order is applied to components later, never here."""
    order = Preprocessing(resize=0, crop=16, channel_order="BGR")
    found = prepare(image, order)
    np.testing.assert_array_equal(found, prepare(image, Preprocessing(resize=0, crop=16)))


@given(hnp.arrays(np.uint8, (16, 16, 3)))
def test_prepare_is_uint8_over_255_in_float32(image: np.ndarray) -> None:
    """Every sample is the float32 quotient, and the array is laid out channel by channel."""
    found = prepare(image, Preprocessing(resize=16, crop=16))
    expected = image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous


@given(sizes(16, 60), st.integers(0, 40), st.integers(1, 80))
def test_crop_larger_than_the_image_is_refused(
    size: tuple[int, int], resize: int, crop: int
) -> None:
    """The error names the crop and the size after resizing."""
    height, width = resized_size(*size, resize)
    assume(min(height, width) < crop)
    with pytest.raises(ImageError, match=f"{crop} x {crop} px.*found {height} x {width} px"):
        prepare(photograph(size), Preprocessing(resize=resize, crop=crop))


def test_resize_of_a_very_elongated_image_is_refused() -> None:
    """A strip whose shorter side would grow is refused before its longer side fills memory."""
    strip = np.zeros((16, 60_000, 3), np.uint8)
    with pytest.raises(ImageError, match="elongated"):
        prepare(strip, Preprocessing(resize=256, crop=224))
