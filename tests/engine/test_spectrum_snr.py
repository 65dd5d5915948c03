"""The spectral SNR and its power law, on spectra that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from iaside_audit.choices import Norm, Spacing
from iaside_audit.errors import SpecError
from iaside_audit.spectrum import (
    MAX_DECIBELS,
    band_moments,
    decompose,
    fit_power_law,
    make_partition,
    make_rings,
    ring_moments,
    snr_decibels,
)

EIGHT = make_partition(height=64, width=64, n_bands=8, norm=Norm.LINF, spacing=Spacing.UNIFORM)


def field(exponent: float, seed: int, side: int = 64) -> np.ndarray:
    """Return one channel whose power is ``f^-exponent`` exactly, with random phases."""
    white = np.fft.rfft2(np.random.default_rng(seed).standard_normal((side, side)))
    rho = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    rho[0, 0] = 1
    return np.fft.irfft2(white / abs(white) * rho ** (-exponent / 2), s=(side, side))[None]


def test_attenuation_gives_its_ratio_in_decibels() -> None:
    """An image at 90 % has an error of a hundredth of its power: 20 dB in every band."""
    image = field(1, 0).astype(np.float32)
    assert_allclose(snr_decibels(band_moments(image, 0.9 * image, EIGHT)), 20, atol=1e-3)


def test_a_removed_band_has_as_much_error_as_signal() -> None:
    """0 dB where a band is gone, the cap in the bands that were left alone."""
    image = field(1, 1).astype(np.float32)
    decibels = snr_decibels(band_moments(image, image - decompose(image, EIGHT)[3], EIGHT))
    assert_allclose(decibels[3], 0, atol=1e-3)
    assert decibels[[0, 1, 2, 4, 5, 6, 7]].min() > MAX_DECIBELS - 1


def test_no_error_is_the_cap_even_without_signal() -> None:
    """A constant image against itself is at the cap in every band, also where both powers are 0."""
    grey = np.full((1, 64, 64), 0.5, dtype=np.float32)
    assert (snr_decibels(band_moments(grey, grey, EIGHT)) == MAX_DECIBELS).all()
    noisy = grey + np.float32(0.1) * field(0, 2).astype(np.float32)
    assert (snr_decibels(band_moments(grey, noisy, EIGHT))[1:] <= -60).all()


@given(height=st.integers(8, 40), width=st.integers(8, 40), norm=st.sampled_from(Norm))
def test_rings_cover_every_frequency(height: int, width: int, norm: Norm) -> None:
    """Every ring holds a frequency, DC is alone in the first, and their powers add up."""
    rings = make_rings(height=height, width=width, norm=norm)
    counts = np.bincount(rings.index_map.ravel())
    assert counts[0] == 1
    assert len(counts) == len(rings.radii)
    assert counts.min() > 0
    assert (np.diff(rings.radii) > 0).all()
    assert rings.radii[-1] <= 1
    image = np.random.default_rng(0).random((1, height, width), dtype=np.float32)
    power = ring_moments(image, image, rings).clean_power
    assert_allclose(power.sum(), (image**2).mean(), rtol=1e-5)
    assert_allclose(power[0], image.mean() ** 2, rtol=1e-5)


@pytest.mark.parametrize("exponent", [0.5, 2.0, 3.0])
def test_power_law_finds_the_exponent(exponent: float) -> None:
    """Signal of power f^-a under white noise: exponent a, nearly no residual, no misfit."""
    rings = make_rings(height=64, width=64, norm=Norm.L2)
    signal, noise = field(exponent, 3), 0.01 * field(0, 4)
    decibels = snr_decibels(ring_moments(signal, signal + noise, rings))
    law = fit_power_law(rings.radii, decibels)
    assert_allclose(law.exponent, exponent, rtol=0.05)
    assert law.fits
    assert law.r_squared > 0.99


def test_power_law_says_where_it_fails() -> None:
    """A step at rho = 1/2 is no power law, and the ends beyond 2 dB are named."""
    rho = (np.arange(100) + 0.5) / 100
    law = fit_power_law(rho, np.where(rho < 0.5, 30.0, 0.0))
    assert not law.fits
    assert any(low <= 0.49 <= high for low, high in law.misfits)
    flat = fit_power_law(rho, np.full(100, 3.0))
    assert_allclose([flat.exponent, flat.level_db], [0, 3], atol=1e-12)
    assert not flat.fits


def test_power_law_needs_three_frequencies() -> None:
    """The mean (rho = 0) does not count."""
    with pytest.raises(SpecError, match="at least 3 frequencies to fit a power law to, found 2"):
        fit_power_law(np.array([0.0, 0.5, 1.0]), np.zeros(3))
