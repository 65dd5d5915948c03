"""Games whose solution is known by formula: the ground truth (METHOD.md, section 8).

They test every estimator, and ship with the program because ``iaside-audit selfcheck`` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.errors import SpecError
from iaside_audit.games.coalitions import MAX_EXACT_PLAYERS, check_players, coalition_matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iaside_audit.types import CoalitionMatrix, FloatMatrix, FloatVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosedForm:
    """A game and its solution, each from its own formula.

    Parameters
    ----------
    name : str
        Of the game, for messages.
    n_players : int
        Between 1 and 20.
    values : (2**n_players,) float64
        Value of each coalition, ordered by bit code; the empty coalition is worth 0.
    shapley : (n_players,) float64
        The Shapley values.
    pair_interactions : (n_players, n_players) float64
        The Shapley interaction index of each pair, 0 on the diagonal.
    """

    name: str
    n_players: int
    values: FloatVector
    shapley: FloatVector
    pair_interactions: FloatMatrix

    def __post_init__(self) -> None:
        for name in ("values", "shapley", "pair_interactions"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)


def additive_game(worths: Sequence[float]) -> ClosedForm:
    """Return the game in which every player brings its own worth: ``phi_i = w_i``."""
    n_players = len(worths)
    return ClosedForm(
        name="additive",
        n_players=n_players,
        values=_members(n_players) @ np.asarray(worths, dtype=np.float64),
        shapley=np.asarray(worths),
        pair_interactions=np.zeros((n_players, n_players)),
    )


def unanimity_game(players: Sequence[int], *, n_players: int) -> ClosedForm:
    """Return the game worth 1 where all of `players` (T) are present: ``phi_i = 1/|T|`` in T."""
    return _unanimity_sum("unanimity", [(list(players), 1.0)], n_players)


def unanimity_sum_game(dividends: Mapping[tuple[int, ...], float], *, n_players: int) -> ClosedForm:
    """Return a sum of unanimity games, each multiplied by its dividend.

    Parameters
    ----------
    dividends : mapping of tuple of int to float
        For each set T of players, not empty, its dividend d_T. Then
        ``phi_i = sum of d_T / |T|`` over the T with i, and the interaction of a pair is the
        ``sum of d_T / (|T| - 1)`` over the T with both. Every game is of this form.
    n_players : int
        Between 1 and 20.

    Raises
    ------
    SpecError
        If a set is empty or names a player that the game does not have.
    """
    terms = [(list(players), dividend) for players, dividend in dividends.items()]
    return _unanimity_sum("sum of unanimity games", terms, n_players)


def glove_game() -> ClosedForm:
    """Return the game of one left glove (player 0) and two right ones; a pair is worth 1."""
    left, *right = _members(3).T
    return ClosedForm(
        name="glove",
        n_players=3,
        values=np.minimum(left, np.sum(right, axis=0)),
        shapley=np.array([2 / 3, 1 / 6, 1 / 6]),
        pair_interactions=np.array([[0.0, 0.5, 0.5], [0.5, 0.0, -0.5], [0.5, -0.5, 0.0]]),
    )


def airport_game(costs: Sequence[float]) -> ClosedForm:
    """Return the game in which a coalition costs what its most expensive member costs.

    With the costs ascending, ``phi_i = sum over k <= i of (c_k - c_(k-1)) / (n - k + 1)``: each
    stretch of the runway is shared by all who need it. The stretch k is the dual of a unanimity
    game of n - k + 1 players, so a pair that needs it interacts by ``-(c_k - c_(k-1)) / (n - k)``.

    Parameters
    ----------
    costs : sequence of float
        In any order, one for each player.

    References
    ----------
    .. [1] S. C. Littlechild, G. Owen, "A simple expression for the Shapley value in a special
       case", 1973. doi:10.1287/mnsc.20.3.370
    """
    n_players = len(costs)
    members = _members(n_players).astype(np.bool_)
    lengths = np.asarray(costs, dtype=np.float64)
    values = np.max(np.broadcast_to(lengths, members.shape), axis=1, where=members, initial=-np.inf)
    values[0] = 0.0
    ranks = np.argsort(np.argsort(lengths))
    stretches = np.diff(np.sort(lengths), prepend=0.0)
    users = np.arange(n_players, 0, -1)
    shares = np.cumsum(stretches / users)
    # The last stretch has one user and no pair: its entry is never on the way of two players.
    pair_shares = np.cumsum(stretches / np.maximum(users - 1, 1))
    interactions = -pair_shares[np.minimum.outer(ranks, ranks)]
    np.fill_diagonal(interactions, 0.0)
    return ClosedForm(
        name="airport",
        n_players=n_players,
        values=values,
        shapley=shares[ranks],
        pair_interactions=interactions,
    )


def closed_forms() -> tuple[ClosedForm, ...]:
    """Return one game of each kind, of 3 to 8 players, for tests and the self-check."""
    return (
        additive_game([2.0, -1.0, 0.5, 0.0, 3.25, 0.125, -0.75, 1.0]),
        unanimity_game([0, 2, 5], n_players=7),
        glove_game(),
        airport_game([4.0, 1.0, 1.0, 7.5, 2.0]),
        unanimity_sum_game(
            {(0,): 1.0, (1, 3): -2.0, (0, 1, 2): 3.0, (2, 3, 4, 5): 0.5}, n_players=6
        ),
    )


def _members(n_players: int) -> FloatMatrix:
    """Return which player (column) is in which coalition (row, by bit code), as 0.0 and 1.0."""
    check_players(n_players, most=MAX_EXACT_PLAYERS)
    codes = np.arange(1 << n_players, dtype=np.uint32)
    members: CoalitionMatrix = coalition_matrix(codes, n_players=n_players)
    return members.astype(np.float64)


def _unanimity_sum(name: str, terms: list[tuple[list[int], float]], n_players: int) -> ClosedForm:
    members = _members(n_players)
    values = np.zeros(1 << n_players)
    shapley = np.zeros(n_players)
    interactions = np.zeros((n_players, n_players))
    for players, dividend in terms:
        if not players or len(set(players)) < len(players) or not _are_known(players, n_players):
            raise SpecError(
                f"Expected a set of different players between 0 and {n_players - 1}, "
                f"found {tuple(players)}.",
            )
        values += dividend * members[:, players].prod(axis=1)
        shapley[players] += dividend / len(players)
        if len(players) > 1:
            interactions[np.ix_(players, players)] += dividend / (len(players) - 1)
    np.fill_diagonal(interactions, 0.0)
    return ClosedForm(
        name=name,
        n_players=n_players,
        values=values,
        shapley=shapley,
        pair_interactions=interactions,
    )


def _are_known(players: list[int], n_players: int) -> bool:
    return all(0 <= player < n_players for player in players)
