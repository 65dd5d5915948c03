"""The authors' filter, against a slow transcription of METHOD.md, section 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies_spectrum import random_image

from iaside_audit.errors import ImageError, SpecError
from iaside_audit.spectrum import ReferenceFilter, reference_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = [(16, 16), (17, 17), (20, 33), (33, 20), (31, 64), (25, 24)]


def slow_windows(height: int, width: int, n_bands: int) -> NDArray[np.bool_]:
    """Build the masks pixel by pixel."""
    dim = min(height, width)
    masks = np.zeros((n_bands, height, width), dtype=np.int64)
    for i in range(n_bands):
        for k, sign in ((i + 1, 1), (i, -1)):
            step = 1.0 / n_bands
            r = int(dim * (k * step))
            start = (dim - r) // 2
            for row in range(start, start + r):
                for column in range(start, start + r):
                    masks[i, row, column] += sign
    assert set(np.unique(masks)) <= {0, 1}
    return masks.astype(np.bool_)


def slow_filter(
    images: NDArray[np.float32], mask: NDArray[np.bool_], fill: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Filter a batch in float64, on the shifted spectrum."""
    axes = (2, 3)
    spectrum = np.fft.fftshift(np.fft.fft2(images.astype(np.float64), axes=axes), axes=axes)
    mixed = spectrum * mask + fill * (1 - mask)
    filtered = np.abs(np.fft.ifft2(np.fft.ifftshift(mixed, axes=axes), axes=axes))
    filtered = filtered - filtered.min()
    filtered = filtered / filtered.max()
    return filtered.clip(0, 1)


def batch(height: int = 24, width: int = 25) -> NDArray[np.float32]:
    """Return four random colour images."""
    return random_image(0, (4, 3, height, width))


def coalition_of(*bands: int, n_bands: int = 4) -> NDArray[np.bool_]:
    """Return a coalition as a boolean row."""
    return np.isin(np.arange(n_bands), bands)


def reference(
    images: NDArray[np.float32], baseline: str = "zero", seed: int = 0
) -> ReferenceFilter:
    """Return the filter of a batch over four bands."""
    return ReferenceFilter(images, 4, baseline, np.random.default_rng(seed))


@pytest.mark.parametrize("size", [*SIZES, (224, 224), (49, 60)], ids=str)
@pytest.mark.parametrize("n_bands", [4, 7, 8, 16])
def test_windows_agree_with_the_text(size: tuple[int, int], n_bands: int) -> None:
    """Every mask is the window of i + 1 less the window of i, pixel by pixel."""
    np.testing.assert_array_equal(reference_windows(*size, n_bands), slow_windows(*size, n_bands))


def test_window_side_is_cut_from_k_times_the_rounded_step() -> None:
    """224 * (5 * (1 / 7)) is 159.99..., so that window has 159 px; 5 / 7 would give it 160."""
    areas = reference_windows(224, 224, 7).sum(axis=(1, 2))
    np.testing.assert_array_equal(areas, np.diff(np.square([0, 32, 64, 96, 128, 159, 192, 224])))


def test_windows_of_a_wide_image_are_off_centre_and_incomplete() -> None:
    """On 16 x 32 px the windows fill the left half, and the column of DC, 16, is in no band."""
    windows = reference_windows(16, 32, 4)
    assert windows[:, :, :16].any(axis=0).all()
    assert not windows[:, :, 16:].any()


def test_windows_of_an_even_square_are_not_even() -> None:
    """At even widths a frequency and its negative may be in different bands."""
    windows = np.fft.ifftshift(reference_windows(16, 16, 4), axes=(1, 2))
    negative = np.roll(windows[:, ::-1, ::-1], (1, 1), axis=(1, 2))
    assert (windows != negative).any()


@given(st.sampled_from(SIZES), st.integers(1, 15))
@settings(max_examples=40)
def test_zero_filter_agrees_with_the_text(size: tuple[int, int], code: int) -> None:
    """Absent bands at zero, absolute value, and one stretch over the whole batch."""
    images = batch(*size)
    coalition = code >> np.arange(4) & 1 == 1
    mask = slow_windows(*size, 4)[coalition].any(axis=0)
    found = reference(images).filtered(coalition)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, slow_filter(images, mask, np.zeros(1)), atol=1e-5)


@pytest.mark.parametrize("baseline", ["noise", "shuffle"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_drawn_baseline_fills_the_absent_bands(size: tuple[int, int], baseline: str) -> None:
    """Present bands are the batch's, absent ones those of the drawn spectrum."""
    images = batch(*size)
    coalition = coalition_of(0, 2)
    mask = slow_windows(*size, 4)[coalition].any(axis=0)
    generator = np.random.default_rng(5)
    if baseline == "shuffle":
        spectrum = np.fft.fftshift(np.fft.fft2(images.astype(np.float64)), axes=(2, 3))
        fill = spectrum[generator.permutation(len(images))]
    else:
        pairs = generator.standard_normal((*images.shape, 2), dtype=np.float32) / 2
        fill = np.fft.fftshift(pairs[..., 0] + 1j * pairs[..., 1], axes=(2, 3))
    found = reference(images, baseline, seed=5).filtered(coalition)
    np.testing.assert_allclose(found, slow_filter(images, mask, fill), atol=1e-5)


def test_gaussian_parts_have_variance_one_quarter() -> None:
    """Real and imaginary parts are independent, with mean 0 and variance 1/4."""
    spectrum = reference(random_image(0, (4, 3, 64, 64)), "noise")._baseline_spectrum()
    assert spectrum.dtype == np.complex64
    for part in (spectrum.real, spectrum.imag):
        assert abs(part.mean()) < 4 * 0.5 / np.sqrt(part.size)
        assert abs(part.var() - 0.25) < 4 * 0.25 * np.sqrt(2 / part.size)
    assert abs((spectrum.real * spectrum.imag).mean()) < 4 * 0.25 / np.sqrt(spectrum.size)


@pytest.mark.parametrize("baseline", ["noise", "shuffle"])
def test_baseline_is_drawn_anew_for_every_coalition(baseline: str) -> None:
    """Asking twice for one coalition gives two batches, repeatable by the seed."""
    first, again = reference(batch(), baseline, seed=1), reference(batch(), baseline, seed=1)
    coalition = coalition_of(0)
    drawn = [first.filtered(coalition) for _ in range(2)]
    assert not np.allclose(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], again.filtered(coalition))


@pytest.mark.parametrize("baseline", ["zero", "noise", "shuffle"])
def test_empty_coalition_is_exactly_zero(baseline: str) -> None:
    """Without a band the batch is zero, whatever the baseline, and nothing is drawn for it."""
    images = batch()
    asked, plain = reference(images, baseline), reference(images, baseline)
    empty = asked.filtered(coalition_of())
    assert empty.shape == images.shape
    assert empty.dtype == np.float32
    assert not empty.any()
    np.testing.assert_array_equal(asked.filtered(coalition_of(1)), plain.filtered(coalition_of(1)))


def test_grand_coalition_of_a_square_batch_is_the_stretched_batch() -> None:
    """With every band present a square batch is only stretched to 0..1, as one."""
    images = 0.2 + 0.5 * batch(24, 24)
    stretched = (images - images.min()) / (images.max() - images.min())
    np.testing.assert_allclose(
        reference(images).filtered(coalition_of(0, 1, 2, 3)), stretched, atol=1e-5
    )


def test_filter_depends_on_the_batch() -> None:
    """The stretch is over the batch, so an image's result changes with its companions."""
    images = batch()
    brighter = images.copy()
    brighter[-1] *= 2
    coalition = coalition_of(0, 1)
    alone, beside = (reference(one).filtered(coalition) for one in (images, brighter))
    assert not np.allclose(alone[0], beside[0], atol=1e-2)


def test_constant_batch_is_refused() -> None:
    """0 divided by 0 is an error that says so."""
    with pytest.raises(ImageError, match="divides 0 by 0"):
        reference(np.zeros((2, 3, 16, 16), dtype=np.float32)).filtered(coalition_of(0))


def test_batch_of_one_is_refused() -> None:
    """One image is no batch."""
    with pytest.raises(SpecError, match=r"at least 2 images .* found 1"):
        reference(batch()[:1])


@pytest.mark.parametrize("size", [(15, 40), (40, 15)], ids=str)
def test_small_images_are_refused(size: tuple[int, int]) -> None:
    """A side below 16 px is an error that names the size."""
    with pytest.raises(SpecError, match=f"16 x 16 px .* found {size[0]} x {size[1]}"):
        reference(batch(*size))


def test_baseline_that_the_authors_do_not_have_is_refused() -> None:
    """The mean colour is no baseline of reference mode."""
    with pytest.raises(SpecError, match="zero, noise, shuffle in reference mode, found 'mean'"):
        reference(batch(), "mean")
