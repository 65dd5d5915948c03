"""Coalitions as bit codes and as boolean rows (METHOD.md, section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from iaside_audit.types import CoalitionMatrix, CodeVector

MAX_PLAYERS: Final = 32
"""A coalition is coded in 32 bits."""

MAX_EXACT_PLAYERS: Final = 20
"""At 20 players the matrix of the Shapley weights takes 168 MB; every further one doubles it."""


def check_players(n_players: int, *, least: int = 1, most: int = MAX_PLAYERS) -> None:
    """Raise :class:`SpecError` unless `n_players` lies between `least` and `most`."""
    if not least <= n_players <= most:
        raise SpecError(
            f"Expected between {least} and {most} players, found {n_players}. "
            "Choose another number of bands.",
            expected=f"{least}..{most}",
            found=str(n_players),
        )


def coalition_matrix(codes: CodeVector, *, n_players: int) -> CoalitionMatrix:
    """Unpack coalition codes into boolean rows.

    Parameters
    ----------
    codes : (n_coalitions,) uint32
        Below ``2**n_players``.
    n_players : int
        Between 1 and 32.

    Returns
    -------
    (n_coalitions, n_players) bool
        True where the player is present.

    Raises
    ------
    SpecError
        If a code names a player that the game does not have.

    Examples
    --------
    >>> coalition_matrix(np.array([0, 1, 6], dtype=np.uint32), n_players=3).astype(int)
    array([[0, 0, 0],
           [1, 0, 0],
           [0, 1, 1]])
    """
    check_players(n_players)
    if codes.size and int(codes.max()) >> n_players:
        raise SpecError(
            f"Expected coalition codes below {1 << n_players} for {n_players} players, "
            f"found {codes.max()}. The row may belong to a game of more bands.",
        )
    shifts = np.arange(n_players, dtype=np.uint32)
    present: CoalitionMatrix = (codes[:, None] >> shifts & np.uint32(1)).astype(np.bool_)
    return present


def coalition_codes(matrix: CoalitionMatrix) -> CodeVector:
    """Pack boolean rows into coalition codes; undoes :func:`coalition_matrix`.

    Parameters
    ----------
    matrix : (n_coalitions, n_players) bool
        True where the player is present; at most 32 players.

    Returns
    -------
    (n_coalitions,) uint32
    """
    check_players(matrix.shape[1])
    bits = np.uint32(1) << np.arange(matrix.shape[1], dtype=np.uint32)
    codes: CodeVector = np.bitwise_or.reduce(np.where(matrix, bits, np.uint32(0)), axis=1)
    return codes


def all_codes(n_players: int) -> CodeVector:
    """Return every coalition in the order of a value row.

    Every row begins with the empty and the grand coalition, as the walks of
    :func:`~iaside_audit.games.permutation.walk_codes` do; the others follow by ascending code.

    Parameters
    ----------
    n_players : int
        Between 1 and 20.

    Returns
    -------
    (2**n_players,) uint32

    Examples
    --------
    >>> all_codes(3)
    array([0, 7, 1, 2, 3, 4, 5, 6], dtype=uint32)
    """
    check_players(n_players, most=MAX_EXACT_PLAYERS)
    ascending = np.arange(1 << n_players, dtype=np.uint32)
    return np.concatenate([ascending[:1], ascending[-1:], ascending[1:-1]])
