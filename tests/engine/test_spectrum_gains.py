"""The gains against closed forms: additive noise, attenuation, removal, and their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iaside_audit.spectrum import Gain, band_gains

if TYPE_CHECKING:
    from iaside_audit.types import FloatVector

spectra = hnp.arrays(np.float64, 6, elements=st.floats(-3, 3, allow_subnormal=False))


def gains_of(clean: FloatVector, corrupted: FloatVector, kind: Gain) -> float:
    """Return the gain of one band whose coefficients are given, real for simplicity."""
    moments = (clean @ clean, clean @ corrupted, corrupted @ corrupted)
    clean_power, cross, power = (np.array([one]) for one in moments)
    return float(band_gains(clean_power, cross, power, kind)[0])


@given(spectra, spectra, st.sampled_from(Gain))
def test_gains_lie_between_0_and_1(clean: FloatVector, corrupted: FloatVector, kind: Gain) -> None:
    """Whatever a perturbation does, it leaves between nothing and all of a band."""
    assert 0 <= gains_of(clean, corrupted, kind) <= 1


@given(spectra.filter(lambda one: one @ one > 1e-3), st.sampled_from(Gain))
def test_gains_are_1_where_nothing_changes(clean: FloatVector, kind: Gain) -> None:
    """An unchanged band is all there."""
    assert gains_of(clean, clean, kind) == pytest.approx(1)


@given(spectra.filter(lambda one: one @ one > 1e-3), st.floats(0.05, 1))
def test_gains_of_a_weakened_band(clean: FloatVector, factor: float) -> None:
    """Attenuation by a: a squared by regression, none by coherence, 1/(1+(1-a)^2) by SNR."""
    weak = factor * clean
    assert gains_of(clean, weak, Gain.REGRESSION) == pytest.approx(factor**2)
    assert gains_of(clean, weak, Gain.COHERENCE) == pytest.approx(1)
    assert gains_of(clean, weak, Gain.SNR) == pytest.approx(1 / (1 + (1 - factor) ** 2))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Gain.SNR, 0.8), (Gain.ROOT, 0.8**0.5), (Gain.REGRESSION, 0.8), (Gain.COHERENCE, 0.8)],
)
def test_gains_of_orthogonal_noise(kind: Gain, expected: float) -> None:
    """Noise of a quarter of the signal's energy: SNR 4, so 4/5 of the band is left."""
    clean, noise = np.array([2.0, 0.0]), np.array([0.0, 1.0])
    assert gains_of(clean, clean + noise, kind) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Gain.SNR, 0.5), (Gain.ROOT, 0.5**0.5), (Gain.REGRESSION, 0.0), (Gain.COHERENCE, 0.0)],
)
def test_gains_of_a_removed_band(kind: Gain, expected: float) -> None:
    """SNR cannot tell a removed band from noise of the same energy; the others can."""
    clean = np.array([2.0, 1.0])
    assert gains_of(clean, 0 * clean, kind) == pytest.approx(expected)


@pytest.mark.parametrize("kind", Gain)
def test_gains_of_an_inverted_band(kind: Gain) -> None:
    """A band of opposite sign is lost to regression, though coherent and far from noise."""
    clean = np.array([2.0, 1.0])
    expected = {Gain.SNR: 0.2, Gain.ROOT: 0.2**0.5, Gain.REGRESSION: 0.0, Gain.COHERENCE: 1.0}
    assert gains_of(clean, -clean, kind) == pytest.approx(expected[kind])


@pytest.mark.parametrize("kind", Gain)
def test_gains_of_an_empty_band(kind: Gain) -> None:
    """A band without signal has nothing to lose until something fills it."""
    nothing, something = np.zeros(1), np.ones(1)
    assert band_gains(nothing, nothing, nothing, kind) == 1
    assert band_gains(nothing, nothing, something, kind) == 0
