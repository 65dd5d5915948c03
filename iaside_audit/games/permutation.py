"""Shapley values from antithetic walks through random orders (METHOD.md, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from iaside_audit.errors import SpecError
from iaside_audit.games.coalitions import check_players

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import CodeVector, FloatMatrix

_Number = TypeVar("_Number", np.uint32, np.float64)


def draw_orders(
    generator: np.random.Generator, *, n_players: int, n_pairs: int
) -> NDArray[np.intp]:
    """Draw antithetic pairs of orders in which the players join.

    A player who joins early in one order joins late in its reverse; where marginal contributions
    shrink or grow along a walk, the errors of the two cancel.

    Parameters
    ----------
    generator : numpy.random.Generator
        Of one image, for :attr:`~iaside_audit.randomness.Purpose.ORDERS`.
    n_players : int
        Between 2 and 32.
    n_pairs : int
        K, at least 1.

    Returns
    -------
    (2 * n_pairs, n_players) intp
        Row 2k is a uniformly random permutation, row 2k + 1 its reverse.
    """
    check_players(n_players, least=2)
    identity = np.tile(np.arange(n_players, dtype=np.intp), (n_pairs, 1))
    forward = generator.permuted(identity, axis=1)
    return np.stack([forward, forward[:, ::-1]], axis=1).reshape(-1, n_players)


def walk_codes(orders: NDArray[np.intp]) -> CodeVector:
    """Return the coalitions that the walks of one image visit.

    Parameters
    ----------
    orders : (n_walks, n_players) intp
        Each row a permutation of the players.

    Returns
    -------
    (n_walks * (n_players - 1) + 2,) uint32
        The empty and the grand coalition, which all walks share, then for each order the
        coalitions between them.

    Examples
    --------
    >>> walk_codes(np.array([[0, 1, 2], [2, 1, 0]]))
    array([0, 7, 1, 3, 4, 6], dtype=uint32)
    """
    check_players(orders.shape[1], least=2)
    players = np.uint32(1) << orders.astype(np.uint32)
    prefixes = np.bitwise_or.accumulate(players, axis=1)
    ends = np.array([0, prefixes[0, -1]], dtype=np.uint32)
    return np.concatenate([ends, prefixes[:, :-1].ravel()])


def walk_shapley(codes: NDArray[np.uint32], values: FloatMatrix, *, n_players: int) -> FloatMatrix:
    """Estimate the Shapley values of each image from its walks.

    The orders are read back from the codes, so images may have walked different ones.

    Parameters
    ----------
    codes : (n_images, n_walks * (n_players - 1) + 2) uint32
        Each row as :func:`walk_codes` gives it.
    values : same shape, float64
        Value of each coalition, in the unit of v (nats by default).
    n_players : int
        Between 2 and 32.

    Returns
    -------
    (n_images, n_players) float64
        Mean of the marginal contributions over the walks, in the unit of `values`; unbiased. Each
        row sums to its own ``values[:, 1] - values[:, 0]``. Values that are not finite give
        estimates that are not finite.

    Raises
    ------
    SpecError
        If a row is not made of whole walks from the empty to the grand coalition.

    References
    ----------
    .. [1] J. Castro, D. Gomez, J. Tejada, "Polynomial calculation of the Shapley value based on
       sampling", 2009. doi:10.1016/j.cor.2008.04.004
    .. [2] R. Mitchell et al., "Sampling permutations for Shapley value estimation", 2022.
       arXiv:2104.12199
    """
    check_players(n_players, least=2)
    n_walks, rest = divmod(codes.shape[1] - 2, n_players - 1)
    if rest or n_walks < 1 or values.shape != codes.shape:
        raise SpecError(
            f"Expected whole walks of {n_players - 1} coalitions after the first two, for codes "
            f"and values alike, found arrays of shape {codes.shape} and {values.shape}. The rows "
            "may belong to another number of bands.",
        )
    chains = _chains(codes, n_walks)
    joiners = chains[..., 1:] ^ chains[..., :-1]
    # A chain of n steps, each changing one bit, that leads from no bit to all n sets every bit
    # once: these three conditions make each chain the walk of a permutation.
    grand = (1 << n_players) - 1
    adds_one = np.bitwise_count(joiners) == 1
    if (codes[:, 0] != 0).any() or (codes[:, 1] != grand).any() or not adds_one.all():
        raise SpecError(
            f"Expected walks that add one of {n_players} players at a time, found other "
            "coalitions. The rows may come from exact mode.",
        )
    players = np.bitwise_count(joiners - np.uint32(1)).astype(np.intp)
    with np.errstate(invalid="ignore"):  # inf - inf is NaN here, not an accident
        marginals = np.diff(_chains(values, n_walks), axis=-1)
        contributions = np.empty_like(marginals)
        np.put_along_axis(contributions, players, marginals, axis=-1)
        estimates: FloatMatrix = contributions.mean(axis=1)
    return estimates


def _chains(columns: NDArray[_Number], n_walks: int) -> NDArray[_Number]:
    """Put the shared ends around every walk: shape (n_images, n_walks, n_players + 1)."""
    n_images = columns.shape[0]
    between = columns[:, 2:].reshape(n_images, n_walks, -1)
    empty, grand = (
        np.broadcast_to(columns[:, end, None, None], (n_images, n_walks, 1)) for end in (0, 1)
    )
    return np.concatenate([empty, between, grand], axis=-1)
