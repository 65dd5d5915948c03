"""A model near chance has nothing to lose: it is refused after a quick look, not after hours."""

from __future__ import annotations

from typing import Final

from iaside_audit.auditing.outcome.chance import is_near_chance, may_be_guessing
from iaside_audit.errors import SpecError

LOOK_IMAGES: Final = 100
"""Of a quick look: a model right on 5 % of them is missed in 1 of 170 looks at 1000 classes."""
LEAST_IMAGES: Final = 20
"""On fewer a model that can do something may well be wrong on all; nothing is refused."""


def refuse_near_chance(n_right: int, n_images: int, n_classes: int) -> None:
    """Refuse a model whose accuracy is near chance and may be that of guessing.

    Parameters
    ----------
    n_right, n_images : int
        Unchanged images that the model gets right, and all that it was asked about.
    n_classes : int
        Outputs of the model.

    Raises
    ------
    SpecError
        Saying what was found, what was expected, and what to check.
    """
    if n_images < LEAST_IMAGES or not is_near_chance(n_right / n_images, n_classes):
        return
    if not may_be_guessing(n_right, n_images, n_classes):
        return
    raise SpecError(
        f"Expected a model above chance on the unchanged images, found {n_right} of {n_images} "
        f"right among {n_classes} classes, as by guessing: nothing can be said of what it loses. "
        "Check labels and preprocessing with `iaside-audit inspect MODEL --images PATH`.",
        expected=f"more than {n_images / n_classes:.3g} of {n_images} right",
        found=str(n_right),
    )
