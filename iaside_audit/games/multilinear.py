"""The multilinear extension: a game whose players may be present in part (METHOD.md, section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.errors import SpecError
from iaside_audit.games.exact import check_table

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix


def multilinear_extension(values: FloatMatrix, presence: FloatMatrix) -> FloatMatrix:
    """Compute ``sum over S of v(S) prod_{i in S} w_i prod_{i not in S} (1 - w_i)``.

    Each player is folded away in turn, which halves the table, so the cost is that of reading the
    table twice rather than once for each player.

    Parameters
    ----------
    values : (..., 2**n_players) float64
        Value of each coalition, ordered by bit code.
    presence : (..., n_players) float64
        w, usually 0..1; the leading axes broadcast against those of `values`.

    Returns
    -------
    (...) float64
        In the unit of `values`; exactly ``v(S)`` where w is 1 on S and 0 elsewhere, and linear in
        each w alone.

    Raises
    ------
    SpecError
        If `values` does not have one entry for each coalition.

    References
    ----------
    .. [1] G. Owen, "Multilinear extensions of games", 1972. doi:10.1287/mnsc.18.5.64

    Examples
    --------
    >>> multilinear_extension(np.array([0.0, 1.0, 2.0, 7.0]), np.array([0.5, 0.5]))
    array(2.5)
    """
    n_players = presence.shape[-1]
    check_table(values, n_players=n_players)
    try:
        np.broadcast_shapes(values.shape[:-1], presence.shape[:-1])
    except ValueError as error:
        raise SpecError(
            f"Expected values and presence over the same games, found shapes {values.shape} and "
            f"{presence.shape}."
        ) from error
    folded = values
    for player in range(n_players - 1, -1, -1):  # the highest bit splits the table into halves
        absent, present = np.split(folded, 2, axis=-1)
        weight = presence[..., player, None]
        # Not absent + weight * (present - absent), which misses v(S) by a rounding at weight 1.
        folded = (1 - weight) * absent + weight * present
    return np.asarray(folded[..., 0])
