"""The published parameters of the fifteen corruptions, and how they meet other image sizes.

Hendrycks and Dietterich published three sets with their data sets: ImageNet-C for images of 224 px,
Tiny ImageNet-C for 64 px and CIFAR-10-C for 32 px. An image gets the set whose size is nearest to
its shorter side (by ratio); lengths in pixels are then multiplied by the ratio of the two sizes, so
at 32, 64 and 224 px the parameters are the published ones, unchanged.

References
----------
.. [1] D. Hendrycks, T. Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions
   and Perturbations", ICLR 2019, arXiv 1903.12261; the parameters: github.com/hendrycks/robustness
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from iaside_audit.errors import ImageError, SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

Parameters: TypeAlias = tuple[float, ...]
"""The numbers of one corruption at one severity, in the order of the function that takes them."""

SEVERITIES: Final = (1, 2, 3, 4, 5)
MIN_SIDE_PX: Final = 32
"""The smallest size for which parameters are published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One published set of parameters.

    Parameters
    ----------
    name : str
        Of the data set it was made for.
    side_px : int
        Side of that data set's images.
    parameters : mapping of str to five tuples of float
        By corruption, then severity.
    """

    name: str
    side_px: int
    parameters: Mapping[str, tuple[Parameters, ...]]


IMAGENET_C: Final = Suite(
    name="ImageNet-C",
    side_px=224,
    parameters={
        "gaussian_noise": ((0.08,), (0.12,), (0.18,), (0.26,), (0.38,)),
        "shot_noise": ((60,), (25,), (12,), (5,), (3,)),
        "impulse_noise": ((0.03,), (0.06,), (0.09,), (0.17,), (0.27,)),
        "defocus_blur": ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        "glass_blur": ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        "motion_blur": ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        "zoom_blur": ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
        "snow": (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        "frost": ((1, 0.4, 1), (0.8, 0.6, 1), (0.7, 0.7, 1), (0.65, 0.7, 1), (0.6, 0.75, 1)),
        "fog": ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        "brightness": ((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)),
        "contrast": ((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)),
        # 244, not 224: as published.
        "elastic_transform": (
            (244 * 2, 244 * 0.7, 244 * 0.1),
            (244 * 2, 244 * 0.08, 244 * 0.2),
            (244 * 0.05, 244 * 0.01, 244 * 0.02),
            (244 * 0.07, 244 * 0.01, 244 * 0.02),
            (244 * 0.12, 244 * 0.01, 244 * 0.02),
        ),
        "pixelate": ((0.6,), (0.5,), (0.4,), (0.3,), (0.25,)),
        "jpeg_compression": ((25,), (18,), (15,), (10,), (7,)),
    },
)

TINY_IMAGENET_C: Final = Suite(
    name="Tiny ImageNet-C",
    side_px=64,
    parameters={
        "gaussian_noise": ((0.04,), (0.08,), (0.12,), (0.15,), (0.18,)),
        "shot_noise": ((250,), (100,), (50,), (30,), (15,)),
        "impulse_noise": ((0.01,), (0.02,), (0.05,), (0.08,), (0.14,)),
        "defocus_blur": ((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)),
        "glass_blur": ((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),
        "motion_blur": ((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
        "zoom_blur": ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        "snow": (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
        ),
        "frost": (
            (1, 0.3, 0.3),
            (0.9, 0.4, 0.3),
            (0.8, 0.45, 0.3),
            (0.75, 0.5, 0.3),
            (0.7, 0.55, 0.3),
        ),
        "fog": ((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),
        "brightness": ((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)),
        "contrast": ((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)),
        "elastic_transform": (
            (0, 0, 64 * 0.08),
            (64 * 0.05, 64 * 0.3, 64 * 0.06),
            (64 * 0.1, 64 * 0.08, 64 * 0.06),
            (64 * 0.1, 64 * 0.03, 64 * 0.03),
            (64 * 0.16, 64 * 0.03, 64 * 0.02),
        ),
        "pixelate": ((0.9,), (0.8,), (0.7,), (0.6,), (0.5,)),
        "jpeg_compression": ((65,), (58,), (50,), (40,), (25,)),
    },
)

CIFAR_10_C: Final = Suite(
    name="CIFAR-10-C",
    side_px=32,
    parameters={
        "gaussian_noise": ((0.04,), (0.06,), (0.08,), (0.09,), (0.10,)),
        "shot_noise": ((500,), (250,), (100,), (75,), (50,)),
        "impulse_noise": ((0.01,), (0.02,), (0.03,), (0.05,), (0.07,)),
        "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        "glass_blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        "motion_blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        "zoom_blur": ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        "snow": (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        "frost": (
            (1, 0.2, 0.2),
            (1, 0.3, 0.2),
            (0.9, 0.4, 0.2),
            (0.85, 0.4, 0.2),
            (0.75, 0.45, 0.2),
        ),
        "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        "brightness": ((0.05,), (0.1,), (0.15,), (0.2,), (0.3,)),
        "contrast": ((0.75,), (0.5,), (0.4,), (0.3,), (0.15,)),
        "elastic_transform": (
            (0, 0, 32 * 0.08),
            (32 * 0.05, 32 * 0.2, 32 * 0.07),
            (32 * 0.08, 32 * 0.06, 32 * 0.06),
            (32 * 0.1, 32 * 0.04, 32 * 0.05),
            (32 * 0.1, 32 * 0.03, 32 * 0.03),
        ),
        "pixelate": ((0.95,), (0.9,), (0.85,), (0.75,), (0.65,)),
        "jpeg_compression": ((80,), (65,), (58,), (50,), (40,)),
    },
)

SUITES: Final = (IMAGENET_C, TINY_IMAGENET_C, CIFAR_10_C)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a corruption is applied with.

    Parameters
    ----------
    parameters : tuple of float
        As published.
    scale : float
        What lengths in pixels are multiplied by; 1 at a published size.
    """

    parameters: Parameters
    scale: float


def suite_for(height: int, width: int) -> Suite:
    """Return the published set whose image size is nearest to the shorter side, by ratio.

    Raises
    ------
    ImageError
        If the shorter side is under 32 px.

    Examples
    --------
    >>> suite_for(224, 300).name, suite_for(96, 96).name, suite_for(32, 32).name
    ('ImageNet-C', 'Tiny ImageNet-C', 'CIFAR-10-C')
    """
    shorter = min(height, width)
    if shorter < MIN_SIDE_PX:
        raise ImageError(
            f"Expected an image of at least {MIN_SIDE_PX} x {MIN_SIDE_PX} px to corrupt, found "
            f"{height} x {width} px. Use larger images, or a model with a larger input.",
            expected=f"at least {MIN_SIDE_PX} x {MIN_SIDE_PX} px",
            found=f"{height} x {width} px",
        )
    return min(SUITES, key=lambda suite: abs(math.log(shorter / suite.side_px)))


def setting_for(name: str, severity: int, *, height: int, width: int) -> Setting:
    """Return the parameters of a built-in corruption for one image size.

    Raises
    ------
    SpecError
        If the severity is not 1..5.
    ImageError
        If the image is too small.
    """
    check_severity(severity)
    suite = suite_for(height, width)
    return Setting(
        parameters=suite.parameters[name][severity - 1],
        scale=min(height, width) / suite.side_px,
    )


def check_severity(severity: int) -> int:
    """Return `severity`, or raise :class:`SpecError` if it is not 1..5."""
    if severity not in SEVERITIES:
        raise SpecError(
            f"Expected a severity from 1 to 5, found {severity}.",
            expected="1..5",
            found=str(severity),
        )
    return severity
