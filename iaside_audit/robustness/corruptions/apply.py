"""One corruption of one image, by name.

The names live in :data:`iaside_audit.registry.CORRUPTIONS`. A plug-in is a callable of the form of
:class:`Corruption`, registered under the entry-point group ``iaside_audit.corruptions``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

import numpy as np

from iaside_audit.errors import ImageError, SpecError
from iaside_audit.randomness import Purpose, image_generator
from iaside_audit.registry import CORRUPTIONS
from iaside_audit.robustness.corruptions import blur, digital, noise, weather
from iaside_audit.robustness.corruptions.filters import to_bytes
from iaside_audit.robustness.corruptions.parameters import check_severity, setting_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.robustness.corruptions.filters import Pixels
    from iaside_audit.robustness.corruptions.parameters import Setting
    from iaside_audit.types import ByteImage

    Builtin: TypeAlias = Callable[[Pixels, Setting, np.random.Generator], Pixels]

CHANNELS: Final = (1, 3)


class Corruption(Protocol):
    """What a plug-in implements."""

    def __call__(
        self, image: ByteImage, severity: int, *, generator: np.random.Generator
    ) -> ByteImage:
        """Return a corrupted copy of `image`, of the same shape; `severity` is 1..5."""


BUILTIN: Final[dict[str, Builtin]] = {
    "gaussian_noise": noise.gaussian_noise,
    "shot_noise": noise.shot_noise,
    "impulse_noise": noise.impulse_noise,
    "defocus_blur": blur.defocus_blur,
    "glass_blur": blur.glass_blur,
    "motion_blur": blur.motion_blur,
    "zoom_blur": blur.zoom_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": digital.brightness,
    "contrast": digital.contrast,
    "elastic_transform": digital.elastic_transform,
    "pixelate": digital.pixelate,
    "jpeg_compression": digital.jpeg_compression,
}
"""The implementations behind the built-in names: float32 (H, W, C) in 0..255, in and out."""


def corrupt(
    image: ByteImage, name: str, severity: int, *, generator: np.random.Generator
) -> ByteImage:
    """Corrupt one image.

    Parameters
    ----------
    image : (H, W, 3) or (H, W, 1) uint8
        RGB or grey, at least 32 px a side; not changed.
    name : str
        One of the fifteen, or a plug-in's.
    severity : int
        1..5.
    generator : numpy.random.Generator
        Of this image, corruption and severity: :func:`corruption_generator`.

    Returns
    -------
    (H, W, C) uint8
        A new array of the shape of `image`.

    Raises
    ------
    SpecError
        If the name is unknown (the nearest known one is named), the severity is not 1..5, or a
        plug-in gives anything but a uint8 image of that shape.
    ImageError
        If the image is too small, or is not uint8 with one or three channels.
    """
    check_severity(severity)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in CHANNELS:  # noqa: PLR2004
        raise ImageError(
            f"Expected a uint8 image of shape (H, W, 3) or (H, W, 1), found {image.dtype} of shape "
            f"{image.shape}.",
            expected="uint8 (H, W, 3) or (H, W, 1)",
            found=f"{image.dtype} {image.shape}",
        )
    height, width = image.shape[:2]
    if name in BUILTIN:
        setting = setting_for(name, severity, height=height, width=width)
        return to_bytes(BUILTIN[name](image.astype(np.float32), setting, generator))
    plugin = cast("Corruption", CORRUPTIONS.load(name))
    corrupted = plugin(image.copy(), severity, generator=generator)
    if corrupted.dtype != np.uint8 or corrupted.shape != image.shape:
        raise SpecError(
            f"Expected a uint8 image of shape {image.shape} from the corruption {name!r}, found "
            f"{corrupted.dtype} of shape {corrupted.shape}. Correct the plug-in.",
            expected=f"uint8 {image.shape}",
            found=f"{corrupted.dtype} {corrupted.shape}",
        )
    return corrupted


def corruption_generator(seed: int, image_id: str, name: str, severity: int) -> np.random.Generator:
    """Return the generator of one image under one corruption at one severity.

    Parameters
    ----------
    seed : int
        Not negative.
    image_id : str
        sha256 of the decoded image, 64 hexadecimal digits.
    name : str
        The corruption.
    severity : int
        1..5.
    """
    name_digits = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16)
    return image_generator(seed, image_id, Purpose.CORRUPTION, name_digits, severity)
