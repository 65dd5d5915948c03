"""Baselines: the image content that stands in for an absent band (METHOD.md, section 2).

The names live in :data:`iaside_audit.registry.BASELINES`. A plug-in is a callable of the form of
:class:`Baseline`, registered under the entry-point group ``iaside_audit.baselines``; it may carry
an attribute ``needs`` of type :class:`BaselineNeeds` to be spared what it does not use.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

import numpy as np
from scipy.fft import irfft2, rfft2

from iaside_audit.errors import ImageError, SpecError
from iaside_audit.registry import BASELINES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import FloatImage, FloatVector

_AXES: Final = (-2, -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetStatistics:
    """What the baselines know of the data set.

    Parameters
    ----------
    mean_colour : (C,) float64
        Mean of each channel over pixels and images, 0..1.
    power : (C, H, W // 2 + 1) float64
        Mean over the images of ``|rfft2|^2``; the transform is unnormalised (``norm="backward"``),
        so a constant image c has power ``(c H W)^2`` at DC.
    n_images : int
        Images that were averaged.

    Notes
    -----
    The arrays are copied and made read-only.
    """

    mean_colour: FloatVector
    power: NDArray[np.float64]
    n_images: int

    def __post_init__(self) -> None:
        for name in ("mean_colour", "power"):
            values = np.array(getattr(self, name), dtype=np.float64)
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    @property
    def digest(self) -> str:
        """sha256 over type, shape and bytes of the two arrays, 64 hexadecimal digits."""
        sha256 = hashlib.sha256()
        for values in (self.mean_colour, self.power):
            sha256.update(f"{values.dtype.str}{values.shape}".encode())
            sha256.update(values.tobytes())
        return sha256.hexdigest()


class StatisticsAccumulator:
    """Averages images into :class:`DatasetStatistics`, one at a time, in float64."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] | None = None
        self._n_images = 0
        self._colour_sum: FloatVector = np.zeros(0)
        self._power_sum: NDArray[np.float64] = np.zeros(0)

    def add(self, image: FloatImage) -> None:
        """Add one image of shape (C, H, W), 0..1.

        Raises
        ------
        ImageError
            If its shape is not that of the images before.
        """
        if self._shape is None:
            channels, height, width = self._shape = image.shape
            self._colour_sum = np.zeros(channels)
            self._power_sum = np.zeros((channels, height, width // 2 + 1))
        if image.shape != self._shape:
            raise ImageError(
                f"Expected an image of shape {self._shape} like those before, found {image.shape}.",
                expected=str(self._shape),
                found=str(image.shape),
            )
        spectrum = rfft2(
            image.astype(np.float64), s=image.shape[1:], axes=_AXES, norm="backward", workers=1
        )
        self._colour_sum += image.mean(axis=_AXES, dtype=np.float64)
        self._power_sum += spectrum.real**2 + spectrum.imag**2
        self._n_images += 1

    def finish(self) -> DatasetStatistics:
        """Return the means over the images added so far.

        Raises
        ------
        ImageError
            If there was none.
        """
        if self._n_images == 0:
            raise ImageError("Expected at least one image for the data set's statistics, found 0.")
        return DatasetStatistics(
            mean_colour=self._colour_sum / self._n_images,
            power=self._power_sum / self._n_images,
            n_images=self._n_images,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineNeeds:
    """What must be at hand before a baseline can be drawn.

    Parameters
    ----------
    statistics : bool
        Whether it reads the data set's statistics.
    partner : bool
        Whether it takes another image of the data set.
    is_constant : bool
        Whether it is the same for every image of an audit, so that the empty coalition is one
        image, evaluated once.
    """

    statistics: bool
    partner: bool
    is_constant: bool


class Baseline(Protocol):
    """Draws the baseline of one image, shape and dtype as :func:`draw_baseline` says."""

    def __call__(
        self,
        *,
        shape: tuple[int, int, int],
        statistics: DatasetStatistics | None,
        partner: FloatImage | None,
        generator: np.random.Generator,
    ) -> FloatImage:
        """Return an image of shape `shape`."""


def draw_baseline(
    name: str,
    *,
    shape: tuple[int, int, int],
    statistics: DatasetStatistics | None,
    partner: FloatImage | None,
    generator: np.random.Generator,
) -> FloatImage:
    """Draw the baseline of one image.

    Parameters
    ----------
    name : str
        ``zero``, ``mean``, ``noise``, ``shuffle``, or a plug-in's name.
    shape : (int, int, int)
        Channels, height and width.
    statistics : DatasetStatistics or None
        Of images of that shape; None where :func:`baseline_needs` asks for none.
    partner : (C, H, W) float32 or None
        Another image of the data set; None where :func:`baseline_needs` asks for none.
    generator : numpy.random.Generator
        Of this image, for the purpose of baselines.

    Returns
    -------
    (C, H, W) float32
        In units of the image (0..1 is black to white; noise may go beyond).

    Raises
    ------
    SpecError
        If the name is unknown, what the baseline needs is missing or of another shape, or a plug-in
        gives anything but a finite image of that shape.
    """
    draw, _ = _find(name)
    baseline = np.asarray(
        draw(shape=shape, statistics=statistics, partner=partner, generator=generator),
        dtype=np.float32,
    )
    if baseline.shape != shape or not np.isfinite(baseline).all():
        raise SpecError(
            f"Expected a finite image of shape {shape} from the baseline {name!r}, found shape "
            f"{baseline.shape} with {np.count_nonzero(~np.isfinite(baseline))} non-finite pixels.",
            expected=str(shape),
            found=str(baseline.shape),
        )
    return baseline


def baseline_needs(name: str) -> BaselineNeeds:
    """Return what the baseline called `name` needs; a plug-in needs everything unless it says.

    Raises
    ------
    SpecError
        If the name is unknown.
    """
    _, needs = _find(name)
    return needs


def _zero(*, shape: tuple[int, int, int], **_: object) -> FloatImage:
    return np.zeros(shape, dtype=np.float32)


def _mean(
    *, shape: tuple[int, int, int], statistics: DatasetStatistics | None, **_: object
) -> FloatImage:
    colour = _matching(statistics, shape).mean_colour.astype(np.float32)
    return np.broadcast_to(colour[:, None, None], shape).copy()


def _noise(
    *,
    shape: tuple[int, int, int],
    statistics: DatasetStatistics | None,
    generator: np.random.Generator,
    **_: object,
) -> FloatImage:
    """Give the data set's mean power to the phases of one real white-noise field.

    The phases are those of a real field, +1 or -1 where a frequency is its own conjugate, so the
    inverse transform is real and has exactly this power.
    """
    known = _matching(statistics, shape)
    size = shape[1:]
    field = rfft2(generator.standard_normal(size), s=size, axes=_AXES, norm="backward", workers=1)
    spectrum = np.sqrt(known.power) * (field / np.abs(field))
    spectrum[:, 0, 0] = known.mean_colour * (size[0] * size[1])
    noise = irfft2(spectrum, s=size, axes=_AXES, norm="backward", workers=1)
    return noise.astype(np.float32)


def _shuffle(*, partner: FloatImage | None, **_: object) -> FloatImage:
    if partner is None:
        raise SpecError(
            "Expected another image of the data set for the baseline shuffle, found none."
        )
    return partner


def _matching(
    statistics: DatasetStatistics | None, shape: tuple[int, int, int]
) -> DatasetStatistics:
    """Return `statistics`, which must be there and fit images of that shape."""
    channels, height, width = shape
    if statistics is None or statistics.power.shape != (channels, height, width // 2 + 1):
        found = "none" if statistics is None else f"those of power {statistics.power.shape}"
        raise SpecError(f"Expected statistics of images of shape {shape}, found {found}.")
    return statistics


_EVERYTHING: Final = BaselineNeeds(statistics=True, partner=True, is_constant=False)

BUILTIN_BASELINES: Final[dict[str, tuple[Baseline, BaselineNeeds]]] = {
    "zero": (_zero, BaselineNeeds(statistics=False, partner=False, is_constant=True)),
    "mean": (_mean, BaselineNeeds(statistics=True, partner=False, is_constant=True)),
    "noise": (_noise, BaselineNeeds(statistics=True, partner=False, is_constant=False)),
    "shuffle": (_shuffle, BaselineNeeds(statistics=False, partner=True, is_constant=False)),
}
"""The implementations behind the built-in names, each with what it needs."""


def _find(name: str) -> tuple[Baseline, BaselineNeeds]:
    if name in BUILTIN_BASELINES:
        return BUILTIN_BASELINES[name]
    plugin = BASELINES.load(name)
    return cast("Baseline", plugin), getattr(plugin, "needs", _EVERYTHING)
