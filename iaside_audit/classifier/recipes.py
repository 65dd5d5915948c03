"""The usual recipes: how published image classifiers take a photograph.

Pure data, most usual first; where two recipes cannot be told apart, the earlier one is chosen. A
recipe is a normalisation (what becomes of the numbers) and a geometry (what becomes of the size).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iaside_audit.preprocessing import ChannelOrder, Interpolation, Preprocessing, Rounding

if TYPE_CHECKING:
    from collections.abc import Iterator

RGB, BGR, GREY = ChannelOrder.RGB, ChannelOrder.BGR, ChannelOrder.GREY
NO_MEAN: Final = (0.0, 0.0, 0.0)
NO_STD: Final = (1.0, 1.0, 1.0)
UNIT: Final = 1 / 255


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What becomes of the numbers: ``(uint8 * scale - mean) / std``.

    Parameters
    ----------
    name : str
        As shown; unique among the recipes.
    scale, mean, std, channel_order
        As in :class:`~iaside_audit.preprocessing.Preprocessing`.
    """

    name: str
    scale: float
    mean: tuple[float, ...] = NO_MEAN
    std: tuple[float, ...] = NO_STD
    channel_order: ChannelOrder = RGB

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest number that a photograph may become."""
        ends = [
            (value * self.scale - mean) / std
            for value in (0, 255)
            for mean, std in zip(self.mean, self.std, strict=True)
        ]
        return min(ends), max(ends)

    @property
    def numbers(self) -> tuple[object, ...]:
        """All that makes a difference, by which two normalisations are the same."""
        return self.scale, self.mean, self.std, self.channel_order


@dataclass(frozen=True, slots=True)
class Geometry:
    """What becomes of the size: resize, then the centre crop."""

    resize: int | tuple[int, int]
    crop: int | tuple[int, int]
    interpolation: Interpolation = Interpolation.BILINEAR
    rounding: Rounding = Rounding.TORCHVISION


_COLOUR: Final = (
    Normalisation("ImageNet mean/std", UNIT, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    Normalisation("-1..1", 2 * UNIT, (1.0, 1.0, 1.0)),
    Normalisation("0..1", UNIT),
    Normalisation("0..255", 1.0),
    Normalisation("Caffe mean, BGR", 1.0, (104.0, 117.0, 123.0), NO_STD, BGR),
    Normalisation("Keras mean, BGR", 1.0, (103.939, 116.779, 123.68), NO_STD, BGR),
    Normalisation("(x - 127) / 128", 1.0, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
    Normalisation(
        "CLIP",
        UNIT,
        (0.48145466, 0.4578275, 0.40821073),
        (0.26862954, 0.26130258, 0.27577711),
    ),
    Normalisation("CIFAR-10", UNIT, (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    Normalisation("CIFAR-10, std 0.20", UNIT, (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.201)),
    Normalisation("CIFAR-100", UNIT, (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    Normalisation("Caffe mean, RGB", 1.0, (123.68, 116.779, 103.939)),
    Normalisation("Caffe / 58.8, BGR", 1.0, (103.94, 116.78, 123.68), (58.8, 58.8, 58.8), BGR),
    Normalisation("ImageNet, BGR", UNIT, (0.406, 0.456, 0.485), (0.225, 0.224, 0.229), BGR),
    Normalisation("-1..1, BGR", 2 * UNIT, (1.0, 1.0, 1.0), NO_STD, BGR),
    Normalisation("0..1, BGR", UNIT, NO_MEAN, NO_STD, BGR),
    Normalisation("0..255, BGR", 1.0, NO_MEAN, NO_STD, BGR),
    Normalisation("-0.5..0.5", UNIT, (0.5, 0.5, 0.5)),
    Normalisation("-128..127", 1.0, (128.0, 128.0, 128.0)),
)
_GREY: Final = (
    Normalisation("grey 0..1", UNIT, (0.0,), (1.0,), GREY),
    Normalisation("grey -1..1", 2 * UNIT, (1.0,), (1.0,), GREY),
    Normalisation("MNIST", UNIT, (0.1307,), (0.3081,), GREY),
    Normalisation("grey 0..255", 1.0, (0.0,), (1.0,), GREY),
    Normalisation("grey ImageNet", UNIT, (0.449,), (0.226,), GREY),
    Normalisation("Fashion-MNIST", UNIT, (0.286,), (0.353,), GREY),
    Normalisation("grey -0.5..0.5", UNIT, (0.5,), (1.0,), GREY),
    Normalisation("grey, inverted", -UNIT, (-1.0,), (1.0,), GREY),
    Normalisation("MNIST, inverted", -UNIT, (-0.8693,), (0.3081,), GREY),
)
"""Digits are often light on dark in training and dark on light in the wild, hence the inverted."""

QUICK: Final = ("ImageNet mean/std", "-1..1", "0..1", "0..255", "Caffe mean, BGR")
"""The colour recipes that a running audit compares itself with."""

_CAFFE_CROP: Final = 227
_CAFFE_RESIZE: Final = 256
_RATIOS: Final = (256 / 224, 1.0, 1 / 0.9, 1 / 0.95, 232 / 224)
"""Shorter side after resizing, for one of the crop: torchvision, and timm's ``crop_pct``."""


def normalisations(n_channels: int) -> tuple[Normalisation, ...]:
    """Return the usual normalisations of a grey (1) or colour (3) model, most usual first."""
    return _GREY if n_channels == 1 else _COLOUR


def geometries(crop: tuple[int, int], *, enlarged: bool = True) -> tuple[Geometry, ...]:
    """Return the usual bilinear geometries that end in a crop of that size, most usual first.

    Parameters
    ----------
    crop : (int, int)
        Height and width of the model's input, in pixels.
    enlarged : bool
        False for images that have the input's size already: leaving them alone comes first then.

    Examples
    --------
    >>> [one.resize for one in geometries((224, 224))]
    [256, 224, (224, 224), (256, 256), 249, 236, 232]
    """
    size = as_size(crop)
    resizes = dict.fromkeys(_resizes(crop, enlarged=enlarged))
    return tuple(Geometry(resize, size) for resize in resizes)


def as_size(crop: tuple[int, int]) -> int | tuple[int, int]:
    """Return a square's side, else height and width."""
    return crop[0] if crop[0] == crop[1] else crop


def preprocessing_of(normalisation: Normalisation, geometry: Geometry) -> Preprocessing:
    """Return the recipe of a normalisation and a geometry."""
    return Preprocessing(
        resize=geometry.resize,
        crop=geometry.crop,
        interpolation=geometry.interpolation,
        rounding=geometry.rounding,
        channel_order=normalisation.channel_order,
        scale=normalisation.scale,
        mean=normalisation.mean,
        std=normalisation.std,
        source=f"usual recipe: {normalisation.name}",
    )


def normalisation_in(preprocessing: Preprocessing) -> Normalisation:
    """Return the normalisation of a preprocessing, under the name of the usual one it equals."""
    found = Normalisation(
        f"as in {preprocessing.source}",
        preprocessing.scale,
        preprocessing.mean,
        preprocessing.std,
        preprocessing.channel_order,
    )
    usual = normalisations(preprocessing.n_channels)
    return next((one for one in usual if one.numbers == found.numbers), found)


def geometry_in(preprocessing: Preprocessing) -> Geometry:
    """Return the geometry of a preprocessing."""
    return Geometry(
        preprocessing.resize,
        preprocessing.crop,
        preprocessing.interpolation,
        preprocessing.rounding,
    )


def _resizes(crop: tuple[int, int], *, enlarged: bool) -> Iterator[int | tuple[int, int]]:
    if not enlarged:
        yield 0
    short = min(crop)
    if short == _CAFFE_CROP:
        yield _CAFFE_RESIZE
    first, *further = (round(short * ratio) for ratio in _RATIOS)
    yield first
    yield further[0]
    yield crop
    # The evaluation of TensorFlow's slim models: the central 87.5 % of each axis, squashed.
    yield round(crop[0] / 0.875), round(crop[1] / 0.875)
    yield from further[1:]
