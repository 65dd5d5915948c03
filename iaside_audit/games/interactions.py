"""Moebius coefficients and pair interactions from a value table (METHOD.md, sections 4 and 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.games.coalitions import coalition_matrix
from iaside_audit.games.exact import check_table

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix


def moebius_transform(values: FloatMatrix, *, n_players: int) -> FloatMatrix:
    """Compute the Moebius coefficients (Harsanyi dividends) of a game.

    ``m(T) = sum_{S in T} (-1)**(|T| - |S|) v(S)``: what T is worth beyond all its parts.

    Parameters
    ----------
    values : (..., 2**n_players) float64
        Value of each coalition, ordered by bit code.
    n_players : int
        Between 1 and 20.

    Returns
    -------
    (..., 2**n_players) float64
        In the unit of `values`, ordered by bit code.

    Raises
    ------
    SpecError
        If the last axis of `values` does not have one entry for each coalition.

    Examples
    --------
    >>> moebius_transform(np.array([0.0, 1.0, 2.0, 5.0]), n_players=2)
    array([0., 1., 2., 2.])
    """
    check_table(values, n_players=n_players)
    coefficients = np.array(values, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf is NaN here, not an accident
        for player in range(n_players):
            # Axis -2 says whether `player` is present; the axes around it are the other bits.
            halves = coefficients.reshape(*values.shape[:-1], -1, 2, 1 << player)
            halves[..., 1, :] -= halves[..., 0, :]
    return coefficients


def pair_interactions(values: FloatMatrix, *, n_players: int) -> FloatMatrix:
    """Compute the Shapley interaction index (SII) of every pair of players.

    Parameters
    ----------
    values : (..., 2**n_players) float64
        Value of each coalition, ordered by bit code.
    n_players : int
        Between 1 and 20.

    Returns
    -------
    (..., n_players, n_players) float64
        Symmetric, in the unit of `values`, 0 on the diagonal. Positive where two players are worth
        more together than apart, negative where one stands in for the other.

    Raises
    ------
    SpecError
        If the last axis of `values` does not have one entry for each coalition.

    References
    ----------
    .. [1] M. Grabisch, M. Roubens, "An axiomatic approach to the concept of interaction among
       players in cooperative games", 1999. doi:10.1007/s001820050125

    Examples
    --------
    >>> pair_interactions(np.array([0.0, 1.0, 2.0, 5.0]), n_players=2)
    array([[0., 2.],
           [2., 0.]])
    """
    coefficients = moebius_transform(values, n_players=n_players)
    members = coalition_matrix(np.arange(1 << n_players, dtype=np.uint32), n_players=n_players)
    shares = coefficients / np.maximum(members.sum(axis=1) - 1, 1)
    matrix = np.empty((*values.shape[:-1], n_players, n_players))
    with np.errstate(invalid="ignore"):  # a table that is not finite gives NaN
        for player in range(n_players):
            inside = members[:, player]
            matrix[..., player, :] = shares[..., inside] @ members[inside].astype(np.float64)
        matrix += np.swapaxes(matrix, -1, -2).copy()  # the two sums of a pair differ in rounding
    matrix /= 2
    matrix[..., np.arange(n_players), np.arange(n_players)] = 0.0
    return matrix
