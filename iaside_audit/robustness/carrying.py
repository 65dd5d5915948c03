"""Which bands carry a predicted loss, and how that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.types import FloatVector

CARRYING_SHARE: Final = 0.5
"""Bands that carry at least this share of a loss are named."""


def loss_shares(losses: FloatVector) -> FloatVector:
    """Return the share of each band in what bands add to a loss.

    A band whose loss helps the model has no share: where one cancels the others, shares of the
    rest would be of no size that means anything.

    Parameters
    ----------
    losses : (n_bands,) float64
        What each band adds, as :func:`loss_by_band` has it.

    Returns
    -------
    (n_bands,) float64
        0..1, adding up to 1; NaN where no band adds to the loss.
    """
    added = np.maximum(losses, 0)
    total = added.sum()
    shares: FloatVector = added / total if total > 0 else np.full(len(losses), np.nan)
    return shares


def carrying_bands(shares: Sequence[float]) -> tuple[int, int] | None:
    """Return the shortest run of neighbouring bands that carries at least half of a loss.

    Parameters
    ----------
    shares : sequence of float
        Of each band; they add up to 1.

    Returns
    -------
    (int, int) or None
        First and last band; of equally short runs the one that carries most. None where the
        shares are not defined.

    Examples
    --------
    >>> carrying_bands([0.1, 0.2, 0.35, 0.26, 0.09])
    (2, 3)
    """
    if not np.isfinite(shares).all():
        return None
    sums = np.concatenate([[0.0], np.cumsum(shares)])
    for length in range(1, len(shares) + 1):
        carried = sums[length:] - sums[:-length]
        first = int(carried.argmax())
        if carried[first] >= CARRYING_SHARE:
            return first, first + length - 1
    return 0, len(shares) - 1


def bands_in_words(shares: Sequence[float]) -> str:
    """Return the bands that carry a loss and their share of it, for a table.

    Examples
    --------
    >>> bands_in_words([0.1, 0.2, 0.35, 0.26, 0.09])
    'bands 2-3 (61 %)'
    """
    named = _named_run(shares)
    return "none" if named is None else f"{named[0]} ({named[1]})"


def carrying_sentence(name: str, shares: Sequence[float]) -> str:
    """Say in a sentence which bands carry the predicted loss of a condition.

    Examples
    --------
    >>> carrying_sentence("gaussian noise, severity 3", [0.1, 0.2, 0.35, 0.26, 0.09])
    'gaussian noise, severity 3: 61 % of the predicted loss comes from bands 2-3'
    """
    named = _named_run(shares)
    if named is None:
        return f"{name}: no loss is predicted"
    bands, share = named
    return f"{name}: {share} of the predicted loss comes from {bands}"


def _named_run(shares: Sequence[float]) -> tuple[str, str] | None:
    """Return the bands that carry a loss, and their share, in words."""
    run = carrying_bands(shares)
    if run is None:
        return None
    first, last = run
    bands = f"band {first}" if first == last else f"bands {first}-{last}"
    return bands, f"{100 * sum(shares[first : last + 1]):.0f} %"
