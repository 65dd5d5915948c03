"""Hypothesis strategies and oracles for images, partitions and coalitions."""

from __future__ import annotations

import math
from bisect import bisect_right
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from iaside_audit.choices import Norm, Spacing
from iaside_audit.spectrum import Partition, make_partition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.types import FloatImage

sides = st.integers(12, 41)
"""Heights and widths: small, odd and even."""

seeds = st.integers(0, 2**32 - 1)


def random_image(seed: int, shape: tuple[int, ...]) -> FloatImage:
    """Return uniform pixels in 0..1, float32."""
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@st.composite
def partitions(draw: st.DrawFn) -> Partition:
    """Draw a partition of a small size in which every band holds a frequency."""
    height, width = draw(sides), draw(sides)
    norm = draw(st.sampled_from(Norm))
    shorter = min(height, width)
    spacing: Spacing | tuple[float, ...] = draw(
        st.sampled_from(Spacing) | st.sampled_from([(0.25,), (0.2, 0.5), (0.3, 0.5, 0.8)])
    )
    match spacing:
        case Spacing.UNIFORM:  # neighbouring radii are at most sqrt(2) / shorter apart
            n_bands = draw(st.integers(2, shorter // 2))
        case Spacing.OCTAVE:  # the second band must hold the lowest frequency, 2 / shorter
            n_bands = draw(st.integers(2, 1 + int(math.log2(shorter / 2))))
        case edges:
            n_bands = len(edges) + 1
    return make_partition(height=height, width=width, n_bands=n_bands, norm=norm, spacing=spacing)


@st.composite
def images_with_partitions(draw: st.DrawFn) -> tuple[FloatImage, Partition]:
    """Draw a colour or grey image, and a partition of its size."""
    partition = draw(partitions())
    shape = (draw(st.sampled_from([1, 3])), partition.height, partition.width)
    return random_image(draw(seeds), shape), partition


def exact_band_map(
    height: int, width: int, norm: Norm, edges: Sequence[Fraction]
) -> NDArray[np.int64]:
    """Return the band of every coefficient of ``fft2``, by the definition and in fractions.

    Parameters
    ----------
    height, width : int
        Image size in pixels.
    norm : Norm
        The radius.
    edges : sequence of Fraction
        The interior edges.
    """
    squared_edges = [edge**2 for edge in edges]

    def frequencies(n: int) -> list[Fraction]:
        return [
            abs(f if f <= Fraction(1, 2) else f - 1) for f in (Fraction(j, n) for j in range(n))
        ]

    @cache
    def band(u: Fraction, v: Fraction) -> int:
        squared_rho = 4 * max(u, v) ** 2 if norm is Norm.LINF else 2 * (u**2 + v**2)
        return bisect_right(squared_edges, squared_rho)

    return np.array([[band(u, v) for v in frequencies(width)] for u in frequencies(height)])
