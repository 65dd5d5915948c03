"""Walks read against the game of the other images: a control variate (METHOD.md, section 4).

A pair of walks sees few coalitions of an image, so its estimate scatters from order to order. Much
of that scatter is alike for all images: it comes from the mean game, which all their walks
together know far better than any of them. So the mean game is fitted, its Shapley values are
computed exactly, and walks need only find in what an image differs from it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.choices import SAME_NATS
from iaside_audit.games.coalitions import coalition_matrix
from iaside_audit.games.exact import shapley_values
from iaside_audit.games.permutation import walk_shapley

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix, FloatVector

MIN_IMAGES: Final = 30
"""Fewer images know too little of the mean game to be worth the fit."""
MIN_PLAYERS: Final = 3
"""Of two players a pair of walks visits every coalition."""
MAX_PLAYERS: Final = 10
"""Beyond, walks leave most coalitions unseen, and the fit takes long: it solves 2**n equations."""
CORRELATION: Final = 0.7
"""Of an image's values of two coalitions that differ in one player, once the mean game is taken
away; each further player multiplies it. Measured on real classifiers: 0.5 to 0.85 serve alike."""
NUGGET: Final = 0.01
"""Share of that variance which each coalition has for itself; it keeps the fit well-conditioned."""
SHRINKAGE: Final = 0.1
"""Variance of what is not additive in the mean game, over that of an image about the mean game.
A weak fit is drawn towards an additive game, which leaves the walks as they are."""


def is_controlled(*, n_images: int, n_players: int) -> bool:
    """Say whether :func:`controlled_shapley` reads so many images against their mean game."""
    return n_images >= MIN_IMAGES and MIN_PLAYERS <= n_players <= MAX_PLAYERS


def controlled_shapley(
    codes: NDArray[np.uint32], values: FloatMatrix, *, n_players: int
) -> FloatMatrix:
    """Estimate the Shapley values of each image from its walks, the mean game as control variate.

    Each half of the images (every other row, copies of an image together) is read against the game
    that is fitted to the other half. That game does not know the orders of the images that are read
    against it, so whatever it is, it changes their estimates by something of expectation 0.

    Parameters
    ----------
    codes : (n_images, n_walks * (n_players - 1) + 2) uint32
        Each row as :func:`~iaside_audit.games.walk_codes` gives it for antithetic pairs.
    values : same shape, float64
        Value of each coalition, in the unit of v (nats by default).
    n_players : int
        Between 2 and 32.

    Returns
    -------
    (n_images, n_players) float64
        In the unit of `values`; unbiased, each row sums to its own ``values[:, 1] -
        values[:, 0]``. Where :func:`is_controlled` says no, values are not finite, or all rows
        are of one image, these are the estimates of :func:`~iaside_audit.games.walk_shapley`.
        Additive mean games are read exactly and change nothing.

    Raises
    ------
    SpecError
        If a row is not made of whole walks from the empty to the grand coalition.

    References
    ----------
    .. [1] P. Glasserman, "Monte Carlo Methods in Financial Engineering", 2003, section 4.1.
    .. [2] V. Chernozhukov et al., "Double/debiased machine learning for treatment and structural
       parameters", 2018, on fitting to the other half. doi:10.1111/ectj.12097
    """
    estimates = walk_shapley(codes, values, n_players=n_players)
    if not is_controlled(n_images=len(codes), n_players=n_players):
        return estimates
    if not np.isfinite(values).all():
        return estimates
    is_first = _first_half(codes, values)
    if is_first.all():  # one image, again and again
        return estimates
    for mine in (is_first, ~is_first):
        game = fit_mean_game(codes[~mine], values[~mine], n_players=n_players)
        walked = walk_shapley(codes[mine], game[codes[mine]], n_players=n_players)
        estimates[mine] += shapley_values(game, n_players=n_players) - walked
    return estimates


def _first_half(codes: NDArray[np.uint32], values: FloatMatrix) -> NDArray[np.bool_]:
    """Say which rows are of the first half: every other one.

    An image that is there twice walks the same orders twice, and its rows follow each other. In
    opposite halves, each would be read against a game that was fitted to itself.
    """
    is_same_walk = (codes[1:] == codes[:-1]).all(axis=1)
    is_copy = is_same_walk & np.isclose(values[1:], values[:-1], rtol=0, atol=SAME_NATS).all(axis=1)
    number = np.concatenate([[0], np.cumsum(~is_copy)])
    is_first: NDArray[np.bool_] = number % 2 == 0
    return is_first


def fit_mean_game(codes: NDArray[np.uint32], values: FloatMatrix, *, n_players: int) -> FloatVector:
    """Fit the mean game of images to what the first pair of walks of each saw of it.

    Generalised least squares with a working covariance: right about the mean of the values
    whatever the true one is, and no more than weights where it is wrong. The additive part is
    taken from the walks themselves; the rest is shrunk towards 0, so coalitions that no image saw
    are read from their neighbours.

    Parameters
    ----------
    codes, values : (n_images, >= 2 * n_players) uint32, float64
        As of :func:`controlled_shapley`; at least one image, all finite.
    n_players : int
        Between 3 and 10.

    Returns
    -------
    (2**n_players,) float64
        Values above that of the empty coalition, ordered by bit code, in the unit of `values`.
    """
    first_pair = slice(2 * n_players)
    codes, values = codes[:, first_pair], values[:, first_pair]
    n_codes = 1 << n_players
    members = coalition_matrix(np.arange(n_codes, dtype=np.uint32), n_players=n_players)
    additive = members @ walk_shapley(codes, values, n_players=n_players).mean(axis=0)
    rest = values - values[:, :1] - additive[codes]

    covariance = _working_covariance(n_players)
    seen = codes.astype(np.intp)
    weights = np.linalg.inv(
        covariance[seen[:, :, None], seen[:, None, :]] + NUGGET * np.eye(seen.shape[1])
    )
    places = seen[:, :, None] * n_codes + seen[:, None, :]
    normal = np.bincount(places.ravel(), weights.ravel(), minlength=n_codes**2)
    weighted = np.einsum("nij,nj->ni", weights, rest)
    right = np.bincount(seen.ravel(), weighted.ravel(), minlength=n_codes)
    precision = normal.reshape(n_codes, n_codes) + _working_precision(n_players) / SHRINKAGE
    game: FloatVector = additive + np.linalg.solve(precision, right)
    return game


@lru_cache(maxsize=2)
def _working_covariance(n_players: int) -> FloatMatrix:
    """Return CORRELATION to the number of players that differ, (2**n_players, 2**n_players)."""
    codes = np.arange(1 << n_players, dtype=np.uint32)
    covariance: FloatMatrix = CORRELATION ** np.bitwise_count(codes[:, None] ^ codes)
    covariance.flags.writeable = False
    return covariance


@lru_cache(maxsize=2)
def _working_precision(n_players: int) -> FloatMatrix:
    """Return the inverse of the working covariance: it is a product over the players."""
    of_one = np.array([[1.0, -CORRELATION], [-CORRELATION, 1.0]]) / (1 - CORRELATION**2)
    precision: FloatMatrix = of_one
    for _ in range(n_players - 1):
        precision = np.kron(precision, of_one).astype(np.float64)
    precision.flags.writeable = False
    return precision
