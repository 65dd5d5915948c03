"""How a decoded photograph becomes a model's input (INTERFACE.md, the TOML preprocessing file)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from iaside_audit.errors import SpecError
from iaside_audit.registry import nearest

MAX_SIDE_PX: Final = 65_536
"""Beyond any photograph; arithmetic with larger numbers would fail in stranger ways."""


class Interpolation(StrEnum):
    """The resize filter; all are antialiased, as Pillow's are."""

    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"
    AREA = "area"
    NEAREST = "nearest"


class ChannelOrder(StrEnum):
    """Order of the model's input channels."""

    RGB = "RGB"
    BGR = "BGR"
    GREY = "L"


class Rounding(StrEnum):
    """Where halves go: a crop that starts one pixel off changes some answers of a small model.

    ``torchvision``: the longer side down, the crop's offset to the nearest (halves to the even).
    ``floor``: both down, as Hugging Face's image processors do.
    ``nearest``: the longer side to the nearest, the crop's offset down.
    """

    TORCHVISION = "torchvision"
    FLOOR = "floor"
    NEAREST = "nearest"


class Layout(StrEnum):
    """Order of the model's input axes; AUTO is read from the graph."""

    AUTO = "auto"
    NCHW = "NCHW"
    NHWC = "NHWC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Resize, crop and normalisation, and where they were read.

    The model's input is ``(uint8 * scale - mean) / std`` per channel, mean and std listed in
    `channel_order`.

    Parameters
    ----------
    resize : int or (int, int)
        Shorter side in pixels, or height and width; 0 leaves the size alone.
    crop : int or (int, int)
        Side, or height and width, of the centre crop: the model's input size.
    interpolation : Interpolation
        The resize filter.
    channel_order : ChannelOrder
        RGB, BGR, or L for a grey model.
    scale : float
        Factor from uint8 to float, before mean and std.
    mean, std : tuple of float
        One number for each channel; std not zero.
    layout : Layout
        NCHW, NHWC, or auto.
    rounding : Rounding
        Of the longer side after resizing, and of the crop's offset.
    source : str
        Where this was read; shown in every report.

    Raises
    ------
    SpecError
        Naming every fault at once.
    """

    resize: int | tuple[int, int]
    crop: int | tuple[int, int]
    interpolation: Interpolation = Interpolation.BILINEAR
    channel_order: ChannelOrder = ChannelOrder.RGB
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    layout: Layout = Layout.AUTO
    rounding: Rounding = Rounding.TORCHVISION
    source: str = "given"

    def __post_init__(self) -> None:
        faults = [*self._faulty_choices(), *self._faulty_sizes(), *self._faulty_numbers()]
        if faults:
            raise SpecError(
                f"The preprocessing from {self.source} is faulty: {'; '.join(faults)}.",
                path=self.source,
            )

    def _faulty_choices(self) -> list[str]:
        faults: list[str] = []
        for name, kind in (
            ("interpolation", Interpolation),
            ("channel_order", ChannelOrder),
            ("layout", Layout),
            ("rounding", Rounding),
        ):
            value = str(getattr(self, name))
            names = [str(member.value) for member in kind]
            if value in names:
                object.__setattr__(self, name, kind(value))
            else:
                faults.append(
                    f"{name} is {value!r}, expected one of {', '.join(names)}."
                    f"{nearest(value, names)}"
                )
        return faults

    def _faulty_sizes(self) -> list[str]:
        faults: list[str] = []
        for name in ("resize", "crop"):
            size = getattr(self, name)
            if isinstance(size, Sequence) and not isinstance(size, str):
                size = tuple(size)
                object.__setattr__(self, name, size)
            if not _is_size(size, zero_allowed=name == "resize"):
                faults.append(f"{name} is {size!r}, expected pixels, or [height, width]")
        return faults

    def _faulty_numbers(self) -> list[str]:
        faults: list[str] = []
        for name in ("mean", "std"):
            numbers = getattr(self, name)
            if not isinstance(numbers, Sequence) or not all(_is_number(one) for one in numbers):
                faults.append(f"{name} is {numbers!r}, expected a list of numbers")
            else:
                object.__setattr__(self, name, tuple(float(one) for one in numbers))
                if len(numbers) != self.n_channels:
                    faults.append(f"{name} has {len(numbers)} numbers, expected {self.n_channels}")
                if name == "std" and 0.0 in self.std:
                    faults.append("std holds a zero")
        if not _is_number(self.scale) or self.scale == 0:
            faults.append(f"scale is {self.scale!r}, expected a number other than 0")
        return faults

    @property
    def n_channels(self) -> int:
        """Channels of the model's input: 1 for grey, else 3."""
        return 1 if self.channel_order == ChannelOrder.GREY else 3

    @property
    def is_raw(self) -> bool:
        """Whether the model takes the bytes as they are."""
        return self.scale == 1 and not any(self.mean) and set(self.std) == {1.0}

    @property
    def crop_size(self) -> tuple[int, int]:
        """Height and width of the crop."""
        return (self.crop, self.crop) if isinstance(self.crop, int) else self.crop

    def at_frame(self, frame: int) -> Preprocessing:
        """Return the same preprocessing with the crop at `frame` pixels (METHOD.md, section 1).

        Of an input that is not square the shorter side becomes `frame`, and the longer one follows,
        so that resizing to the input does not distort.
        """
        height, width = self.crop_size
        short = min(height, width)
        crop: int | tuple[int, int] = frame
        if height != width:
            crop = (round(height * frame / short), round(width * frame / short))
        if isinstance(self.resize, int):
            resize: int | tuple[int, int] = round(self.resize * frame / short)
        else:
            resize = (
                round(self.resize[0] * frame / short),
                round(self.resize[1] * frame / short),
            )
        return replace(self, resize=resize, crop=crop)


def _is_number(value: object) -> bool:
    """Say whether `value` is a finite number and no boolean."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and value == value  # noqa: PLR0124 - NaN is the one number that differs from itself
        and abs(value) <= sys.float_info.max
    )


def _is_size(value: object, *, zero_allowed: bool) -> bool:
    """Say whether `value` is a side, or a height and a width, in pixels."""
    least = 0 if zero_allowed else 1
    if isinstance(value, tuple):
        return len(value) == 2 and all(_is_size(side, zero_allowed=False) for side in value)  # noqa: PLR2004
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MAX_SIDE_PX
