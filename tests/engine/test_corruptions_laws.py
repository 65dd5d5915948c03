"""Each corruption against a closed form or an independent way to the same numbers."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from iaside_audit.choices import Norm, Spacing
from iaside_audit.robustness.corruptions import corrupt
from iaside_audit.robustness.corruptions.blur import _disk, _displaced, glass_blur
from iaside_audit.robustness.corruptions.digital import _gaussian_matrix
from iaside_audit.robustness.corruptions.filters import motion_blurred, to_bytes, zoomed
from iaside_audit.robustness.corruptions.parameters import Setting
from iaside_audit.robustness.corruptions.textures import frost_texture, plasma
from iaside_audit.spectrum import band_moments, make_partition

GREY = np.full((224, 224, 3), 128, dtype=np.uint8)


def generator(seed: int = 0) -> np.random.Generator:
    """Return a seeded generator."""
    return np.random.default_rng(seed)


def noise_image(side: int = 64) -> np.ndarray:
    """Return white noise, (side, side, 3) uint8."""
    return generator().integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_gaussian_noise_has_its_deviation() -> None:
    """On mid grey at severity 1 nothing is clipped: standard deviation 0.08 of white."""
    noisy = corrupt(GREY, "gaussian_noise", 1, generator=generator())
    assert_allclose(noisy.std() / 255, 0.08, rtol=0.01)
    assert_allclose(noisy.mean(), 127.5, atol=0.2)  # fractions are dropped


def test_shot_noise_is_poisson() -> None:
    """Variance over mean is one photon: white / 60 at severity 1."""
    noisy = corrupt(GREY, "shot_noise", 1, generator=generator()).astype(np.float64)
    assert_allclose(noisy.var() / 128, 255 / 60, rtol=0.02)


def test_impulse_noise_is_half_salt_half_pepper() -> None:
    """At severity 5, 27 % of the values are black or white, half each; the rest is untouched."""
    noisy = corrupt(GREY, "impulse_noise", 5, generator=generator())
    assert_allclose((noisy == 255).mean(), 0.135, atol=0.003)
    assert_allclose((noisy == 0).mean(), 0.135, atol=0.003)
    assert_array_equal(np.unique(noisy), [0, 128, 255])


@pytest.mark.parametrize(
    "name", ["defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "contrast",
             "elastic_transform", "pixelate", "jpeg_compression"]
)  # fmt: skip
def test_a_constant_image_stays(name: str) -> None:
    """What only moves, averages or compresses pixels keeps a constant, to a level of rounding."""
    result = corrupt(GREY, name, 4, generator=generator()).astype(int)
    assert abs(result - 128).max() <= 1


def test_disk_is_a_softened_disk() -> None:
    """The weights are even, and end a pixel or two beyond the radius.

    Their sum is 1, or 1 % more where the disk touches its kernel's border (as published).
    """
    for radius, reach in ((3, 4), (10, 10)):
        disk = _disk(radius, 0.5)
        assert_allclose(disk.sum(), 1, atol=1e-5 if radius < 8 else 0.011)
        assert_allclose(disk, disk[::-1, ::-1], atol=1e-8)
        positions = np.arange(len(disk)) - len(disk) // 2
        used = np.hypot(positions[:, None], positions)[disk > 1e-4]
        assert used.max() <= reach + 1


@pytest.mark.parametrize("max_step", [1, 3, 4])
def test_glass_displacement_is_the_loop_over_pixels(max_step: int) -> None:
    """Following all chains at once gives what visiting pixel after pixel gives."""
    height, width = 23, 31
    source = _displaced(height, width, max_step, generator(1))
    pixels = np.arange(height * width).reshape(height, width)
    rows = range(max_step + 1, height - max_step + 1)
    columns = range(max_step + 1, width - max_step + 1)
    steps = generator(1).integers(-max_step, max_step, size=(2, len(rows), len(columns)))
    for row in reversed(rows):
        for column in reversed(columns):
            down, right = steps[:, row - rows[0], column - columns[0]]
            pixels[row, column] = pixels[row + down, column + right]
    assert_array_equal(source.reshape(height, width), pixels)


def test_glass_blur_keeps_the_colours_of_pixels_together() -> None:
    """Pixels move as wholes: a grey image in three channels stays grey."""
    grey = np.repeat(generator().random((64, 64, 1), dtype=np.float32) * 255, 3, axis=2)
    blurred = glass_blur(grey, Setting(parameters=(0.5, 2, 2), scale=1.0), generator())
    assert_allclose(blurred[..., 0], blurred[..., 2], atol=1e-3)


def test_motion_blur_of_a_point_is_half_a_gaussian_on_a_line() -> None:
    """At 0 degrees all weight lies in the row, to the left of the point, falling with distance."""
    point = np.zeros((41, 41), dtype=np.float32)
    point[20, 20] = 1
    smeared = motion_blurred(point, radius=5, sigma=3, angle_degrees=0)
    assert_allclose(smeared.sum(), 1, rtol=1e-5)
    expected = np.exp(-0.5 * (np.arange(11) / 3) ** 2)
    assert_allclose(smeared[20, 20 - np.arange(11)], expected / expected.sum(), rtol=1e-4)
    assert_allclose(smeared[20].sum(), 1, rtol=1e-5)


def test_motion_blur_turns_with_its_angle() -> None:
    """At 90 degrees the image blurs as its transpose does at 0."""
    image = noise_image()[..., 0].astype(np.float32)
    upright = motion_blurred(image, radius=4, sigma=3, angle_degrees=90)
    level = motion_blurred(image.T.copy(), radius=4, sigma=3, angle_degrees=0).T
    assert_allclose(upright, level, atol=1e-2)


@pytest.mark.parametrize("factor", [1.0, 1.07, 1.3, 2.5])
def test_zoom_agrees_with_scipy(factor: float) -> None:
    """The middle, enlarged by scipy's linear zoom and cropped, to the 1/32 px of the filter."""
    side = 64
    smooth = ndimage.gaussian_filter(generator().random((side, side)) * 255, 3).astype(np.float32)
    middle = int(np.ceil(side / factor))
    start = (side - middle) // 2
    enlarged = ndimage.zoom(smooth[start : start + middle, start : start + middle], factor, order=1)
    trim = (len(enlarged) - side) // 2
    expected = enlarged[trim : trim + side, trim : trim + side]
    assert_allclose(zoomed(smooth, factor), expected, atol=0.3)


def test_brightness_raises_the_value_of_hsv() -> None:
    """Pixel by pixel as colorsys: V grows by 0.3, at most to 1; hue and saturation stay."""
    image = noise_image(32)
    image[0, 0] = 0
    result = corrupt(np.tile(image, (7, 7, 1)), "brightness", 3, generator=generator())[:32, :32]
    for colour, found in zip(image.reshape(-1, 3), result.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(colour / 255))
        expected = np.array(colorsys.hsv_to_rgb(hue, saturation, min(value + 0.3, 1))) * 255
        assert abs(found - np.floor(expected + 1e-4)).max() <= 1


def test_contrast_shrinks_towards_each_channel_s_mean() -> None:
    """At severity 3: a fifth of the distance to the mean."""
    image = np.tile(noise_image(64), (4, 4, 1))[:224, :224]
    result = corrupt(image, "contrast", 3, generator=generator())
    mean = image.mean(axis=(0, 1))
    assert_array_equal(result, np.floor((image - mean) * 0.2 + mean + 1e-5))


def test_gaussian_matrix_is_scipy_s_filter() -> None:
    """The blur of the displacements as two matrix products, mirrored at the border."""
    field = generator().uniform(-1, 1, (40, 50))
    found = _gaussian_matrix(40, 17.0) @ field.astype(np.float32) @ _gaussian_matrix(50, 17.0).T
    assert_allclose(
        found, ndimage.gaussian_filter(field, 17.0, mode="reflect", truncate=3), atol=1e-5
    )


def test_pixelate_shows_boxes() -> None:
    """At a quarter of 224 px, boxes of 4 x 4 pixels have one colour: their mean."""
    image = np.tile(noise_image(64), (4, 4, 1))[:224, :224]
    result = corrupt(image, "pixelate", 5, generator=generator())
    means = image.reshape(56, 4, 56, 4, 3).mean(axis=(1, 3))
    assert abs(result - means.repeat(4, axis=0).repeat(4, axis=1)).max() < 1  # rounded twice


def test_fog_follows_its_cloud() -> None:
    """A white image at severity 1 becomes (1 + 1.5 cloud) / 2.5 of white."""
    white = np.full((224, 224, 3), 255, dtype=np.uint8)
    foggy = corrupt(white, "fog", 1, generator=generator(5))
    cloud = plasma(224, 2.0, generator(5))[:224, :224]
    expected = np.minimum((1 + 1.5 * cloud) / 2.5, 1) * 255
    assert abs(foggy[..., 1] - np.floor(expected)).max() <= 1


def test_plasma_fills_its_range_and_is_smoother_at_higher_decay() -> None:
    """From 0 to 1; the mean step between neighbours falls with the decay."""
    steps = []
    for decay in (1.4, 2.0, 3.0):
        cloud = plasma(224, decay, generator(2))
        assert cloud.shape == (256, 256)
        assert (cloud.min(), cloud.max()) == (0, 1)
        steps.append(np.abs(np.diff(cloud, axis=1)).mean())
    assert steps == sorted(steps, reverse=True)


def test_frost_has_the_spectrum_that_its_docstring_states() -> None:
    """Mean colour and mean power of many plates are the shares' means, clipping aside."""
    bands = make_partition(
        height=224, width=224, n_bands=8, norm=Norm.LINF, spacing=Spacing.UNIFORM
    )
    plates = [frost_texture(224, 224, 1.0, generator(seed)) for seed in range(60)]
    colour = np.mean([one.mean(axis=(0, 1)) for one in plates], axis=0)
    assert_allclose(colour, [146, 167, 179], atol=20)
    power = np.mean(
        [
            band_moments(image, image, bands).clean_power / 3
            for image in (one.transpose(2, 0, 1) for one in plates)
        ],
        axis=0,
    )
    assert_allclose(power[1:], [93, 64, 50, 39, 28, 20, 16], rtol=0.25)


def test_bytes_are_clipped_and_cut() -> None:
    """As the published images were written: no rounding."""
    values = np.array([-3, 0.9, 254.99, 300], dtype=np.float32)
    assert_array_equal(to_bytes(values), [0, 0, 254, 255])
