"""Worker side of the measurements that ask about many versions of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from scipy.fft import irfft2, rfft2

from iaside_audit.choices import Norm, Range, Spacing
from iaside_audit.randomness import Purpose, image_generator
from iaside_audit.robustness.copies import ObservedCopies
from iaside_audit.robustness.fourier import basis_image, frequency_grid
from iaside_audit.robustness.read_image import audit_partition
from iaside_audit.spectrum import decompose, make_partition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from iaside_audit.robustness.asker import Asker
    from iaside_audit.robustness.copies import Copies
    from iaside_audit.robustness.read_image import ReadImage
    from iaside_audit.robustness.requests import HeatmapRequest, PassbandRequest
    from iaside_audit.spec import AuditSpec
    from iaside_audit.spectrum import Partition
    from iaside_audit.types import FloatImage

    Arrays = dict[str, NDArray[Any]]  # Any: what a measurement stores, by name

SIGNS: Final = np.array([-1, 1], dtype=np.float32)


class Measurement(Protocol):
    """One kind of measurement in a worker."""

    def __call__(self, images: Sequence[ReadImage]) -> list[Arrays]:
        """Return what was measured of each image of a lease, as named arrays."""


class CorruptionSweep:
    """Asks about corrupted copies, and measures what is left of every band.

    Parameters
    ----------
    asker : Asker
        Asks the model.
    copies : Copies
        Of an image.
    partition : Partition
        The audit's bands at the frame.
    """

    def __init__(self, asker: Asker, copies: Copies, partition: Partition) -> None:
        self._asker = asker
        self._copies = copies
        self._partition = partition

    def __call__(self, images: Sequence[ReadImage]) -> list[Arrays]:
        """Return log-probabilities and the bands' moments, over the conditions."""
        return [self._measure(one) for one in images]

    def _measure(self, read: ReadImage) -> Arrays:
        observed = ObservedCopies(read, self._copies, self._partition)
        log_p, best_other = self._asker.label_and_best_other(observed, read.label)
        return {
            "log_p": log_p.astype(np.float32),
            "best_other": best_other.astype(np.float32),
            **observed.moments(),
        }


class HeatmapSweep:
    """Adds Fourier basis images, one frequency at a time (Yin et al. 2019).

    The sign of each channel is drawn for each image and frequency. Images are clipped to 0..1
    unless the specification asks otherwise, for a noisy photograph is a photograph.

    Parameters
    ----------
    asker : Asker
        Asks the model.
    spec : AuditSpec
        Its seed.
    request : HeatmapRequest
        Stride and strength.
    size : (int, int)
        Height and width of the frame.
    """

    def __init__(
        self, asker: Asker, spec: AuditSpec, request: HeatmapRequest, size: tuple[int, int]
    ) -> None:
        self._asker = asker
        self._seed = spec.seed
        self._grid = frequency_grid(*size, request.stride_at(*size))
        self._strength = np.float32(request.strength_at(*size))

    def __call__(self, images: Sequence[ReadImage]) -> list[Arrays]:
        """Return log-probabilities of the label and the best other, each over frequencies."""
        return [self._measure(one) for one in images]

    def _measure(self, read: ReadImage) -> Arrays:
        log_p, best_other = self._asker.label_and_best_other(self._noisy(read), read.label)
        return {"log_p": log_p.astype(np.float32), "best_other": best_other.astype(np.float32)}

    def _noisy(self, read: ReadImage) -> Iterator[FloatImage]:
        generator = image_generator(self._seed, read.image_id, Purpose.FOURIER)
        n_channels, height, width = read.image.shape
        for k_y, k_x in zip(self._grid.k_y.tolist(), self._grid.k_x.tolist(), strict=True):
            signs = generator.choice(SIGNS, size=(n_channels, 1, 1))
            wave = self._strength * basis_image(height, width, k_y, k_x)
            yield np.clip(read.image + signs * wave, 0, 1)


class PassbandSweep:
    """Keeps the low or the high frequencies, or adds noise to one band.

    What is cut is gone (the baseline ``zero`` of an audit); pixels beyond 0..1 stay unless the
    specification's range is ``clip``.

    Parameters
    ----------
    asker : Asker
        Asks the model.
    spec : AuditSpec
        Its bands, norm, spacing, range and seed.
    request : PassbandRequest
        Cut-offs and noise.
    size : (int, int)
        Height and width of the frame.
    """

    def __init__(
        self, asker: Asker, spec: AuditSpec, request: PassbandRequest, size: tuple[int, int]
    ) -> None:
        self._asker = asker
        self._spec = spec
        self._request = request
        height, width = size
        self._steps = make_partition(
            height=height,
            width=width,
            n_bands=request.cutoffs,
            norm=Norm(spec.norm),
            spacing=Spacing.UNIFORM,
        )
        self._bands = audit_partition(spec, size)

    def __call__(self, images: Sequence[ReadImage]) -> list[Arrays]:
        """Return ``low_*`` and ``high_*`` over the cut-offs, ``noise_*`` over levels and bands."""
        return [self._measure(one) for one in images]

    def _measure(self, read: ReadImage) -> Arrays:
        steps = decompose(read.image, self._steps)
        lows = [np.zeros_like(read.image), *np.cumsum(steps[:-1], axis=0), read.image]
        versions = [*lows, *(read.image - low for low in lows), *self._noisy(read)]
        if self._spec.range == Range.CLIP:
            versions = [np.clip(one, 0, 1) for one in versions]
        log_p, best_other = self._asker.label_and_best_other(versions, read.label)
        arrays: Arrays = {}
        for name, values in (("log_p", log_p), ("best_other", best_other)):
            low, high, noise = np.split(values.astype(np.float32), [len(lows), 2 * len(lows)])
            arrays[f"low_{name}"], arrays[f"high_{name}"] = low, high
            arrays[f"noise_{name}"] = noise.reshape(-1, self._spec.bands)
        return arrays

    def _noisy(self, read: ReadImage) -> Iterator[FloatImage]:
        """Yield the image with noise in one band, levels in turn, bands within a level."""
        generator = image_generator(self._spec.seed, read.image_id, Purpose.BAND_NOISE)
        waves = [
            band_noise(read.image.shape, self._bands, band, generator)
            for band in range(self._spec.bands)
        ]
        for level in self._request.noise:
            for wave in waves:
                yield read.image + np.float32(level) * wave


def band_noise(
    shape: tuple[int, ...], partition: Partition, band: int, generator: np.random.Generator
) -> FloatImage:
    """Draw noise that lies in one band, of root mean square 1.

    Parameters
    ----------
    shape : (C, H, W)
        Of the image; the channels are independent.
    partition : Partition
        Of the image's height and width.
    band : int
        Which band.
    generator : numpy.random.Generator
        Draws white noise, of which the band is kept.
    """
    white = generator.standard_normal(shape, dtype=np.float32)
    size = shape[-2:]
    spectrum = rfft2(white, s=size, axes=(-2, -1), norm="backward", workers=1)
    spectrum *= partition.band_map == band
    noise = irfft2(spectrum, s=size, axes=(-2, -1), norm="backward", workers=1)
    scaled: FloatImage = (noise / np.sqrt((noise**2).mean())).astype(np.float32)
    return scaled
