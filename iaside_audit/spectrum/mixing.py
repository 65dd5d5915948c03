"""Coalition images as an affine map of the coalition's bits (METHOD.md, section 2).

``x_S = b + sum over i in S of (x_i - b_i)``: with the components ``[b; x_i - b_i]`` a batch of
coalition images is one matrix product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.types import BandImages, CoalitionMatrix, Components, FloatImage


def components(
    baseline: FloatImage, image_bands: BandImages, baseline_bands: BandImages
) -> Components:
    """Stack the baseline on the difference that each band brings.

    Parameters
    ----------
    baseline : (C, H, W) float32
        What the empty coalition shows.
    image_bands, baseline_bands : (M, C, H, W) float32
        The image and the baseline, cut into the same bands.

    Returns
    -------
    (1 + M, C, H, W) float32
        They add up to the image, to rounding.
    """
    stack = np.empty((1 + len(image_bands), *baseline.shape), dtype=np.float32)
    stack[0] = baseline
    np.subtract(image_bands, baseline_bands, out=stack[1:])
    return stack


def mix(
    components: Components,
    coalitions: CoalitionMatrix,
    *,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Make the images of coalitions by one matrix product, in true float32.

    Parameters
    ----------
    components : (1 + M, ...) float32
        The baseline, then the difference that each band brings.
    coalitions : (P, M) bool
        True where the band is present.
    out : (P, ...) float32 or None
        Contiguous; takes the images, to spare the memory of others.

    Returns
    -------
    (P, ...) float32
        `out`, where it is given. The empty coalition gives the baseline, the grand coalition the
        image, to rounding.

    Examples
    --------
    >>> mix(np.float32([[1.0, 2.0], [10.0, 20.0]]), np.array([[False], [True]]))
    array([[ 1.,  2.],
           [11., 22.]], dtype=float32)
    """
    weights = np.ones((len(coalitions), len(components)), dtype=np.float32)
    weights[:, 1:] = coalitions
    if out is None:
        out = np.empty((len(coalitions), *components.shape[1:]), dtype=np.float32)
    flat = components.reshape(len(components), -1)
    np.matmul(weights, flat, out=out.reshape(len(coalitions), flat.shape[1]))
    return out


def affine_normalise(
    components: Components, *, scale_255: float, mean: Sequence[float], std: Sequence[float]
) -> Components:
    """Fold the model's normalisation into the components, so that mixtures come out normalised.

    The baseline becomes ``(255 scale b - mean) / std``; the differences are only scaled, by
    ``255 scale / std``.

    Parameters
    ----------
    components : (1 + M, C, H, W) float32
        In image units (0..1), channels in the order of `mean` and `std`.
    scale_255 : float
        255 times the preprocessing's scale, because images here are uint8 / 255.
    mean, std : C floats
        Of the preprocessing, one for each channel; std not zero.

    Returns
    -------
    (1 + M, C, H, W) float32
        In the model's units; a new array.
    """
    gain = scale_255 / np.asarray(std, dtype=np.float64)
    offset = np.asarray(mean, dtype=np.float64) / np.asarray(std, dtype=np.float64)
    normalised = components * gain.astype(np.float32)[:, None, None]
    normalised[0] -= offset.astype(np.float32)[:, None, None]
    return normalised
