"""The corrupted copies of a photograph, made here or read from files, and what is left of bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from iaside_audit.robustness.corruptions import corrupt, corruption_generator
from iaside_audit.robustness.read_image import to_float
from iaside_audit.robustness.ready_made import ReadyMadeCopies
from iaside_audit.robustness.requests import CorruptionRequest, ReadyMadeRequest
from iaside_audit.spectrum import Gain, band_gains, band_moments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.robustness.read_image import ReadImage
    from iaside_audit.spectrum import BandMoments, Partition
    from iaside_audit.types import FloatImage, FloatMatrix


class Copies(Protocol):
    """Where corrupted copies come from."""

    def __call__(self, read: ReadImage) -> Iterator[FloatImage]:
        """Yield a copy, (C, H, W) float32 in 0..1, for every condition of the request."""


class MadeHere:
    """Corrupts an image in memory.

    Parameters
    ----------
    request : CorruptionRequest
        Corruptions and severities.
    seed : int
        Of their draws, with image, corruption and severity.
    """

    def __init__(self, request: CorruptionRequest, seed: int) -> None:
        self._conditions = request.conditions
        self._seed = seed

    def __call__(self, read: ReadImage) -> Iterator[FloatImage]:
        """Yield the image under every condition."""
        for name, severity in self._conditions:
            generator = corruption_generator(self._seed, read.image_id, name, severity)
            yield to_float(corrupt(read.pixels, name, severity, generator=generator))


def copies_of(
    request: CorruptionRequest | ReadyMadeRequest, seed: int, preprocessing: Preprocessing
) -> Copies:
    """Return the copies that a request asks for; `preprocessing` is that of the frame."""
    if isinstance(request, ReadyMadeRequest):
        return ReadyMadeCopies(request, preprocessing)
    return MadeHere(request, seed)


class ObservedCopies:
    """Hands on the copies of one image, and notes what each leaves of every band.

    Parameters
    ----------
    read : ReadImage
        The image.
    copies : Copies
        Of it.
    partition : Partition
        The bands, at the frame.
    """

    def __init__(self, read: ReadImage, copies: Copies, partition: Partition) -> None:
        self._read = read
        self._copies = copies
        self._partition = partition
        self._moments: list[BandMoments] = []

    def __iter__(self) -> Iterator[FloatImage]:
        for copy in self._copies(self._read):
            self._moments.append(band_moments(self._read.image, copy, self._partition))
            yield copy

    def moments(self) -> dict[str, NDArray[np.float64]]:
        """Return the moments of the copies handed on so far.

        Returns
        -------
        dict
            ``clean_power`` (n_bands,), ``cross`` and ``corrupted_power`` (n_conditions, n_bands);
            units of :class:`~iaside_audit.spectrum.BandMoments`.
        """
        return {
            "clean_power": self._moments[0].clean_power,
            "cross": np.stack([one.cross for one in self._moments]),
            "corrupted_power": np.stack([one.corrupted_power for one in self._moments]),
        }


def gains_of(
    arrays: Mapping[str, NDArray[np.float64]], chosen: Sequence[int] | NDArray[np.intp]
) -> dict[Gain, FloatMatrix]:
    """Return the gains of some images, by kind.

    Parameters
    ----------
    arrays : mapping of str to array
        The moments of :meth:`ObservedCopies.moments`, stacked over images.
    chosen : sequence of int
        Which images.

    Returns
    -------
    dict of Gain to (n_chosen, n_conditions, n_bands) float64
        0..1.
    """
    at = np.asarray(chosen, dtype=np.intp)
    power = arrays["clean_power"][at][:, None, :]
    cross, corrupted = arrays["cross"][at], arrays["corrupted_power"][at]
    return {gain: band_gains(power, cross, corrupted, gain) for gain in Gain}
