"""The authors' published filter, warts included (METHOD.md, section 7).

Nothing of the corrected path uses this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.fft import fft2, ifft2, ifftshift

from iaside_audit.choices import REFERENCE_BASELINES
from iaside_audit.errors import ImageError, SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AXES: Final = (-2, -1)
_MIN_SIDE: Final = 16
_MIN_BATCH: Final = 2


def reference_windows(height: int, width: int, n_bands: int) -> NDArray[np.bool_]:
    """Return the authors' band masks: differences of square windows on the shifted spectrum.

    The windows have integer sides and are placed by the shorter side of the image, so the masks are
    not even at even widths, and off-centre and incomplete on images that are not square.

    Parameters
    ----------
    height, width : int
        Image size in pixels, at least 16 each.
    n_bands : int
        Number of bands M.

    Returns
    -------
    (M, H, W) bool
        Over ``fftshift(fft2(image))``; disjoint.

    Raises
    ------
    SpecError
        If a side is shorter than 16 px.
    """
    shorter = min(height, width)
    if shorter < _MIN_SIDE:
        raise SpecError(
            f"Expected images of at least {_MIN_SIDE} x {_MIN_SIDE} px in reference mode, found "
            f"{height} x {width}."
        )
    windows = np.zeros((n_bands + 1, height, width), dtype=np.bool_)
    for k, window in enumerate(windows):
        side = int(shorter * (k * (1.0 / n_bands)))  # in this order: k / M rounds differently
        start = (shorter - side) // 2
        window[start : start + side, start : start + side] = True
    return windows[1:] & ~windows[:-1]


class ReferenceFilter:
    """The authors' filter over one batch of images, whose results depend on one another.

    Parameters
    ----------
    images : (B, C, H, W) float32
        At least two, 0..1.
    n_bands : int
        Number of bands M.
    baseline : str
        ``zero``, ``noise`` (the authors' gaussian) or ``shuffle``.
    generator : numpy.random.Generator
        Of the batch. Drawn from anew at every coalition but the empty one, so the images depend on
        the order in which coalitions are asked for; with ``zero`` nothing is drawn.
    workers : int
        Threads of the transform.

    Raises
    ------
    SpecError
        If the batch holds one image, a side is shorter than 16 px, or the authors have no such
        baseline.
    """

    def __init__(
        self,
        images: NDArray[np.float32],
        n_bands: int,
        baseline: str,
        generator: np.random.Generator,
        *,
        workers: int = 1,
    ) -> None:
        if len(images) < _MIN_BATCH:
            raise SpecError(
                f"Expected a batch of at least {_MIN_BATCH} images in reference mode, found "
                f"{len(images)}."
            )
        if baseline not in REFERENCE_BASELINES:
            raise SpecError(
                f"Expected a baseline out of {', '.join(REFERENCE_BASELINES)} in reference mode, "
                f"found {baseline!r}."
            )
        self._size: tuple[int, int] = images.shape[-2:]
        # The masks move to the spectrum's order once, rather than the spectrum to the masks'.
        self._masks = ifftshift(reference_windows(*self._size, n_bands), axes=_AXES)
        spectrum = fft2(
            images.astype(np.float32, copy=False),
            s=self._size,
            axes=_AXES,
            norm="backward",
            workers=workers,
        )
        self._spectrum: NDArray[np.complex64] = spectrum.astype(np.complex64, copy=False)
        self._baseline = baseline
        self._generator = generator
        self._workers = workers

    def filtered(self, coalition: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Filter the batch for one coalition.

        Parameters
        ----------
        coalition : (M,) bool
            True where the band is present.

        Returns
        -------
        (B, C, H, W) float32
            0..1, where 0 and 1 are the smallest and the largest value of the whole batch. Exactly
            zero for the empty coalition, whatever the baseline.

        Raises
        ------
        ImageError
            If the filtered batch is one constant, which cannot be stretched to 0..1.
        """
        if not coalition.any():
            return np.zeros(self._spectrum.shape, dtype=np.float32)
        mask = self._masks[coalition].any(axis=0)
        filtered = np.abs(
            ifft2(
                np.where(mask, self._spectrum, self._baseline_spectrum()),
                s=self._size,
                axes=_AXES,
                norm="backward",
                workers=self._workers,
                overwrite_x=True,
            )
        )
        filtered -= filtered.min()
        largest = filtered.max()
        if largest == 0:
            raise ImageError(
                "Expected contrast in the filtered batch, found one constant, where the authors' "
                "filter divides 0 by 0. Use other images or --mode corrected."
            )
        filtered /= largest  # now within 0..1, so the authors' clip would change nothing
        return filtered

    def _baseline_spectrum(self) -> NDArray[np.complex64]:
        """Draw what fills the absent bands, in the order of the unshifted spectrum."""
        match self._baseline:
            case "noise":
                # Real and imaginary parts N(0, 1/4), side by side; not Hermitian, as published.
                parts = self._generator.standard_normal(
                    (*self._spectrum.shape, 2), dtype=np.float32
                )
                parts *= 0.5
                return parts.view(np.complex64)[..., 0]
            case "shuffle":
                order = self._generator.permutation(len(self._spectrum))
                return np.take(self._spectrum, order, axis=0)
            case _:
                return np.zeros((), dtype=np.complex64)
