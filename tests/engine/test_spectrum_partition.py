"""The partition covers every frequency once, and decides ties exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from strategies_spectrum import exact_band_map, partitions

from iaside_audit.choices import Norm, Spacing
from iaside_audit.errors import SpecError
from iaside_audit.spectrum import Partition, full_band_map, make_partition

LINF, L2 = Norm.LINF, Norm.L2
UNIFORM, OCTAVE = Spacing.UNIFORM, Spacing.OCTAVE
DECIMAL = (0.1, 0.2, 0.3, 0.5, 0.7)
"""Edges on which many frequencies of 20 and 100 px lie."""


class Case(NamedTuple):
    """One partition."""

    height: int
    width: int
    n_bands: int
    norm: Norm
    spacing: Spacing | tuple[float, ...] = UNIFORM

    def make(self) -> Partition:
        """Make the partition."""
        return make_partition(
            height=self.height,
            width=self.width,
            n_bands=self.n_bands,
            norm=self.norm,
            spacing=self.spacing,
        )

    def exact_edges(self) -> list[Fraction]:
        """Return the interior edges as the numbers that were meant."""
        m = self.n_bands
        match self.spacing:
            case Spacing.UNIFORM:
                return [Fraction(i, m) for i in range(1, m)]
            case Spacing.OCTAVE:
                return [Fraction(1, 2 ** (m - i)) for i in range(1, m)]
            case edges:
                return [Fraction(str(edge)) for edge in edges]


def label(case: Case) -> str:
    """Name a case in the log."""
    return f"{case.height}x{case.width}-M{case.n_bands}-{case.norm}-{case.spacing}"


CASES = [
    Case(224, 224, 7, LINF),
    Case(384, 384, 12, LINF),
    Case(224, 224, 8, L2),
    Case(224, 224, 7, L2),
    Case(225, 33, 8, LINF),
    Case(225, 33, 8, L2),
    Case(224, 320, 8, LINF),
    Case(224, 320, 10, L2),
    Case(31, 64, 5, LINF),
    Case(31, 64, 5, L2),
    Case(128, 128, 16, LINF),
    Case(128, 128, 16, L2),
    Case(299, 299, 32, LINF),
    Case(4, 5, 2, LINF),
    Case(2, 2, 2, L2),
    Case(1, 9, 3, LINF),
    Case(224, 224, 8, LINF, OCTAVE),
    Case(160, 160, 6, L2, OCTAVE),  # Pythagorean ties: (ky, kx) = (8, 56)
    Case(31, 64, 4, LINF, OCTAVE),
    Case(100, 100, 6, LINF, DECIMAL),
    Case(100, 100, 6, L2, DECIMAL),
    Case(20, 100, 6, L2, DECIMAL),
]


@pytest.mark.parametrize("case", CASES, ids=label)
def test_band_map_agrees_with_exact_fractions(case: Case) -> None:
    """Every coefficient is in the band that exact arithmetic gives it, ties included."""
    expected = exact_band_map(case.height, case.width, case.norm, case.exact_edges())
    expected = np.minimum(expected, case.n_bands - 1)
    partition = case.make()
    np.testing.assert_array_equal(full_band_map(partition), expected)
    np.testing.assert_array_equal(partition.band_map, expected[:, : case.width // 2 + 1])


@pytest.mark.parametrize("n_bands", [3, 5, 7, 9, 12])
def test_explicit_edges_reproduce_uniform_ones(n_bands: int) -> None:
    """The float64 edges i / M give the bands of the int64 formula at sizes full of ties."""
    edges = tuple(i / n_bands for i in range(1, n_bands))
    for norm in Norm:
        for side in (60, 224, 252):
            uniform = Case(side, side, n_bands, norm).make()
            explicit = Case(side, side, n_bands, norm, edges).make()
            np.testing.assert_array_equal(explicit.band_map, uniform.band_map)
            assert explicit.edges == uniform.edges


@given(partitions())
def test_partition_covers_every_frequency_once(partition: Partition) -> None:
    """Every band holds a frequency, no coefficient is left out, and band 0 holds the mean."""
    occupied = np.unique(partition.band_map)
    np.testing.assert_array_equal(occupied, np.arange(partition.n_bands))
    assert partition.band_map.shape == (partition.height, partition.width // 2 + 1)
    assert partition.band_map[0, 0] == 0


@given(partitions())
def test_band_map_is_even(partition: Partition) -> None:
    """A frequency and its negative are in one band, so every band image is real."""
    full = full_band_map(partition)
    negative = np.roll(full[::-1, ::-1], (1, 1), axis=(0, 1))
    np.testing.assert_array_equal(full, negative)


@given(partitions())
def test_band_index_never_falls_along_an_axis(partition: Partition) -> None:
    """From the mean to the Nyquist frequency of an axis, bands only rise."""
    quadrant = partition.band_map[: partition.height // 2 + 1].astype(int)
    assert (np.diff(quadrant, axis=0) >= 0).all()
    assert (np.diff(quadrant, axis=1) >= 0).all()


def test_partition_is_read_only() -> None:
    """Nothing can change the band map of a partition, nor the array it was made from."""
    partition = Case(16, 16, 4, LINF).make()
    with pytest.raises(ValueError, match="read-only"):
        partition.band_map[0, 0] = 1
    given_map = np.zeros((2, 2), dtype=np.uint8)
    copied = Partition(norm=LINF, edges=(0.0, 0.5, 1.0), height=2, width=2, band_map=given_map)
    given_map[:] = 1
    assert not copied.band_map.any()


def test_octave_edges_halve() -> None:
    """Octave edges are exact powers of two below 1."""
    assert Case(64, 64, 4, LINF, OCTAVE).make().edges == (0.0, 0.125, 0.25, 0.5, 1.0)


class Fault(NamedTuple):
    """A request that cannot work, and what the message must say."""

    case: Case
    message: str


FAULTS = [
    Fault(Case(6, 6, 8, LINF), r"none in band 1 of 8 .* at 6 x 6 px\. .*that works there is 4\."),
    Fault(Case(128, 128, 8, LINF, OCTAVE), r"band 1 of 8 .* 128 x 128 px\. .*works there is 7\."),
    Fault(Case(1, 1, 2, L2), r"none in band 1 of 2 .* at 1 x 1 px\. Use a larger frame"),
    Fault(Case(20, 20, 3, LINF, (0.51, 0.52)), r"band 1 of 3 \(0.51 <= rho < 0.52.*Move the edges"),
    Fault(Case(20, 20, 3, LINF, (0.5,)), "2 interior edges for 3 bands, found 1"),
    Fault(Case(20, 20, 3, LINF, (0.5, 0.4)), "ascend strictly"),
    Fault(Case(20, 20, 1, LINF), "2 to 32 bands, found 1"),
    Fault(Case(99, 99, 33, LINF), "2 to 32 bands, found 33"),
    Fault(Case(0, 20, 2, LINF), "found 0 x 20"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: label(fault.case))
def test_impossible_partition_is_refused(fault: Fault) -> None:
    """A band without a frequency, or numbers out of range, are errors that say what works."""
    with pytest.raises(SpecError, match=fault.message):
        fault.case.make()


def test_largest_number_of_bands_in_the_message_works() -> None:
    """The number that the message names gives a partition, and the next larger one does not."""
    assert Case(6, 6, 4, LINF).make().n_bands == 4
    assert Case(128, 128, 7, LINF, OCTAVE).make().n_bands == 7
    with pytest.raises(SpecError):
        Case(6, 6, 5, LINF).make()
