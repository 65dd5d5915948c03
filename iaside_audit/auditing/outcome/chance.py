"""Whether a model's accuracy is that of guessing, which says that a pipeline is broken."""

from __future__ import annotations

from typing import Final

from scipy.special import bdtrc

CHANCE_FACTOR: Final = 2
"""Top-1 below so many times chance says that the pipeline is broken; with two or three classes,
below half of the way from chance to 1."""
LEVEL: Final = 0.05
"""Guessing reaches what is not put down to it in fewer than this share of cases."""


def is_near_chance(top1: float, n_classes: int) -> bool:
    """Say whether an accuracy is near that of guessing; never of NaN.

    Examples
    --------
    >>> is_near_chance(0.19, 10), is_near_chance(0.21, 10), is_near_chance(0.6, 2)
    (True, False, True)
    """
    chance = 1 / n_classes
    return top1 < min(CHANCE_FACTOR * chance, (1 + chance) / 2)


def may_be_guessing(n_right: int, n_images: int, n_classes: int) -> bool:
    """Say whether guessing may well get as many images right (one-sided binomial test, 5 %).

    Examples
    --------
    >>> may_be_guessing(1, 100, 1000), may_be_guessing(3, 100, 1000), may_be_guessing(19, 100, 10)
    (True, False, False)
    """
    return bool(bdtrc(n_right - 1, n_images, 1 / n_classes) > LEVEL)
