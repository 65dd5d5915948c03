"""Exact Shapley values from the values of all coalitions (METHOD.md, section 4)."""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.errors import SpecError
from iaside_audit.games.coalitions import MAX_EXACT_PLAYERS, check_players, coalition_matrix

if TYPE_CHECKING:
    from iaside_audit.types import CodeVector, FloatMatrix, FloatVector


@lru_cache(maxsize=4)
def shapley_weights(n_players: int) -> FloatMatrix:
    """Return the matrix that turns a value table into Shapley values.

    Parameters
    ----------
    n_players : int
        Between 1 and 20.

    Returns
    -------
    (n_players, 2**n_players) float64
        Read-only; columns ordered by bit code. A coalition of s players weighs
        ``(s - 1)! (n - s)! / n!`` for a player inside and ``-s! (n - s - 1)! / n!`` for one
        outside, so that every row sums to 0.
    """
    check_players(n_players, most=MAX_EXACT_PLAYERS)
    members = coalition_matrix(np.arange(1 << n_players, dtype=np.uint32), n_players=n_players)
    # The weight of a player who joins a coalition of s others; the two ends pad the sizes that
    # a player inside (0) and a player outside (n) cannot meet.
    joining = [1 / (n_players * comb(n_players - 1, size)) for size in range(n_players)]
    inside, outside = np.array([0.0, *joining]), np.array([*joining, 0.0])
    sizes = members.sum(axis=1)
    weights: FloatMatrix = np.where(members.T, inside[sizes], -outside[sizes])
    weights.flags.writeable = False
    return weights


def shapley_values(values: FloatMatrix, *, n_players: int) -> FloatMatrix:
    """Compute exact Shapley values from all coalition values.

    Parameters
    ----------
    values : (..., 2**n_players) float64
        Value of each coalition, ordered by bit code; ``values[..., 0]`` is the empty coalition.
        Unit: whatever v measures (nats by default).
    n_players : int
        Between 1 and 20.

    Returns
    -------
    (..., n_players) float64
        In the unit of `values`, positive where the player adds value. They sum to
        ``values[..., -1] - values[..., 0]``, and are exactly 0 where all values are equal. A
        table that holds a number that is not finite gives numbers that are not finite.

    Raises
    ------
    SpecError
        If the last axis of `values` does not have one entry for each coalition.

    References
    ----------
    .. [1] L. S. Shapley, "A value for n-person games", 1953. doi:10.1515/9781400881970-018

    Examples
    --------
    >>> shapley_values(np.array([0.0, 0.0, 0.0, 1.0]), n_players=2)
    array([0.5, 0.5])
    """
    check_table(values, n_players=n_players)
    with np.errstate(invalid="ignore"):  # inf - inf is NaN here, not an accident
        # Shapley values do not depend on the level of v; without it, rounding is smaller and a
        # constant game gives exact zeros.
        gains = values - values[..., :1]
        shapley: FloatMatrix = gains @ shapley_weights(n_players).T
    return shapley


def value_table(codes: CodeVector, values: FloatMatrix, *, n_players: int) -> FloatMatrix:
    """Bring the values of rows in exact mode into the order of the bit codes.

    Parameters
    ----------
    codes : (2**n_players,) uint32
        Each coalition once, in any order; usually :func:`~iaside_audit.games.all_codes`.
    values : (..., 2**n_players) float64
        The values of `codes`.
    n_players : int
        Between 1 and 20.

    Returns
    -------
    (..., 2**n_players) float64
        Ordered by bit code, as :func:`shapley_values` takes it.

    Raises
    ------
    SpecError
        If `codes` does not hold each coalition once.

    Examples
    --------
    >>> codes = np.array([0, 3, 1, 2], dtype=np.uint32)
    >>> value_table(codes, np.array([0.0, 9.0, 1.0, 2.0]), n_players=2)
    array([0., 1., 2., 9.])
    """
    check_table(values, n_players=n_players)
    if not np.array_equal(np.sort(codes), np.arange(1 << n_players)):
        raise SpecError(
            f"Expected each of the {1 << n_players} coalitions of {n_players} players once, found "
            f"{np.unique(codes).size} different ones in {codes.size}. The rows may come from "
            "permutation mode.",
        )
    return values[..., np.argsort(codes)]


def check_table(values: FloatVector | FloatMatrix, *, n_players: int) -> None:
    """Raise :class:`SpecError` unless `values` has one entry for each coalition."""
    check_players(n_players, most=MAX_EXACT_PLAYERS)
    if values.shape[-1] != 1 << n_players:
        raise SpecError(
            f"Expected {1 << n_players} values for {n_players} players, found {values.shape[-1]}. "
            "Give the value of every coalition, ordered by bit code.",
            expected=str(1 << n_players),
            found=str(values.shape[-1]),
        )
