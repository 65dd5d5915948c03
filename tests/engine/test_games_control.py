"""Walks read against the mean game: as unbiased, narrower, and never against their own game."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iaside_audit.errors import SpecError
from iaside_audit.games import (
    controlled_shapley,
    draw_orders,
    is_controlled,
    shapley_values,
    unanimity_sum_game,
    walk_codes,
    walk_shapley,
)
from iaside_audit.games.control import CORRELATION, NUGGET, SHRINKAGE, fit_mean_game

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix

DIVIDENDS = {(0,): 2.0, (0, 1, 2): 1.5, (1, 2, 3, 4): 1.0, (4,): 0.2}
N_PLAYERS = 5


def walked(
    table: FloatMatrix, generator: np.random.Generator, *, n_pairs: int = 1
) -> tuple[NDArray[np.uint32], FloatMatrix]:
    """Walk through every image's own game, (n_images, 2**n_players), by orders of its own."""
    n_players = int(math.log2(table.shape[1]))
    codes = np.stack(
        [
            walk_codes(draw_orders(generator, n_players=n_players, n_pairs=n_pairs))
            for _ in range(len(table))
        ]
    )
    return codes, np.take_along_axis(table, codes.astype(np.intp), axis=1)


def images(n_images: int, generator: np.random.Generator, *, spread: float = 0.5) -> FloatMatrix:
    """Return games that scatter about one whose interactions walks cannot see at once."""
    games = np.stack(
        [
            unanimity_sum_game({players: worth}, n_players=N_PLAYERS).values
            for players, worth in DIVIDENDS.items()
        ]
    )
    table: FloatMatrix = generator.normal(1, spread, (n_images, len(games))) @ games
    return table


@pytest.mark.parametrize("n_pairs", [1, 2])
def test_as_unbiased_as_the_walks(n_pairs: int) -> None:
    """Over many draws of the orders the mean is the exact value."""
    generator = np.random.default_rng(0)
    table = images(40, generator)
    truth = shapley_values(table, n_players=N_PLAYERS)
    errors = np.array(
        [
            controlled_shapley(*walked(table, generator, n_pairs=n_pairs), n_players=N_PLAYERS)
            - truth
            for _ in range(100)
        ]
    ).mean(axis=1)
    standard_error = errors.std(axis=0, ddof=1) / math.sqrt(len(errors))
    assert (np.abs(errors.mean(axis=0)) < 4 * standard_error).all()


def test_narrower_where_the_mean_game_is_what_walks_miss() -> None:
    """Where images are much alike, most of the walks' scatter goes."""
    generator = np.random.default_rng(1)
    codes, values = walked(images(200, generator, spread=0.1), generator)
    plain = walk_shapley(codes, values, n_players=N_PLAYERS)
    controlled = controlled_shapley(codes, values, n_players=N_PLAYERS)
    assert controlled.var(axis=0).sum() < 0.5 * plain.var(axis=0).sum()


def test_rows_close_on_their_own_image() -> None:
    """Each row adds up to its own v(all) - v(empty)."""
    generator = np.random.default_rng(2)
    codes, values = walked(images(31, generator), generator, n_pairs=2)
    estimates = controlled_shapley(codes, values, n_players=N_PLAYERS)
    np.testing.assert_allclose(estimates.sum(axis=1), values[:, 1] - values[:, 0], atol=1e-12)


def test_an_additive_game_is_read_exactly() -> None:
    """What walks read exactly stays exact."""
    worths = np.array([3.0, -1.0, 0.5, 0.0, 2.0])
    table = np.tile(
        unanimity_sum_game({(0,): 3, (1,): -1, (2,): 0.5, (4,): 2}, n_players=5).values, (40, 1)
    )
    estimates = controlled_shapley(*walked(table, np.random.default_rng(3)), n_players=N_PLAYERS)
    np.testing.assert_allclose(estimates, np.tile(worths, (40, 1)), atol=1e-12)


def test_an_image_is_not_read_against_what_it_says_itself() -> None:
    """A value moves its own image as a walk says, and the other half; not its own half."""
    generator = np.random.default_rng(4)
    codes, values = walked(images(40, generator), generator)
    changed = values.copy()
    changed[0, 2:] += 1.0  # the first image is of the even half
    estimates, walks = (
        estimate(codes, changed, n_players=N_PLAYERS) - estimate(codes, values, n_players=N_PLAYERS)
        for estimate in (controlled_shapley, walk_shapley)
    )
    np.testing.assert_allclose(estimates[0], walks[0], atol=1e-12)
    np.testing.assert_array_equal(estimates[2::2], 0)
    assert np.abs(estimates[1::2]).max() > 0


def test_copies_of_an_image_are_not_read_against_each_other() -> None:
    """What an image that is there three times says of itself changes none of the three."""
    generator = np.random.default_rng(8)
    codes, values = walked(images(40, generator), generator)
    thrice = np.array([*range(10), 10, 10, *range(10, 40)])
    before = controlled_shapley(codes[thrice], values[thrice], n_players=N_PLAYERS)
    louder = values.copy()
    louder[10, 2:] *= 3  # the ends decide the sum of a row, and stay
    after = controlled_shapley(codes[thrice], louder[thrice], n_players=N_PLAYERS)
    others = thrice != 10
    is_same_half = np.isclose(after, before).all(axis=1)[others]
    assert 0 < is_same_half.sum() < others.sum(), "the other half is read against it"
    gain = walk_shapley(codes[[10]], louder[[10]], n_players=N_PLAYERS)
    gain -= walk_shapley(codes[[10]], values[[10]], n_players=N_PLAYERS)
    np.testing.assert_allclose((after - before)[~others], np.repeat(gain, 3, axis=0))

    same = np.zeros(40, dtype=int)
    alone = walk_shapley(codes[same], values[same], n_players=N_PLAYERS)
    found = controlled_shapley(codes[same], values[same], n_players=N_PLAYERS)
    np.testing.assert_array_equal(found, alone)


def test_the_fit_is_the_generalised_least_squares_that_it_says() -> None:
    """The normal equations give the posterior mean of the Gaussian model that they stand for."""
    n_players = 3
    generator = np.random.default_rng(5)
    table = generator.normal(size=(6, 8))
    codes, values = walked(table, generator)
    worths = walk_shapley(codes, values, n_players=n_players).mean(axis=0)
    bits = np.arange(8)[:, None] >> np.arange(n_players) & 1
    additive = bits @ worths
    covariance = np.array(
        [[CORRELATION ** (a ^ b).bit_count() for a in range(8)] for b in range(8)]
    )
    # As the posterior mean of one Gaussian vector, all observations at once.
    at = codes.astype(np.intp).ravel()
    image = np.repeat(np.arange(6), codes.shape[1])
    observed = (
        SHRINKAGE * covariance[np.ix_(at, at)]
        + (image[:, None] == image) * (covariance[np.ix_(at, at)])
    )
    observed += NUGGET * np.eye(len(at))
    rest = (values - values[:, :1]).ravel() - additive[at]
    expected = additive + SHRINKAGE * covariance[:, at] @ np.linalg.solve(observed, rest)
    np.testing.assert_allclose(
        fit_mean_game(codes, values, n_players=n_players), expected, atol=1e-9
    )


@pytest.mark.parametrize(
    ("n_images", "n_players", "expected"),
    [
        (30, 8, True),
        (29, 8, False),
        (100, 2, False),
        (100, 3, True),
        (30, 10, True),
        (30, 11, False),
    ],
)
def test_where_it_does_not_pay_the_walks_stand(
    n_images: int, n_players: int, *, expected: bool
) -> None:
    """Few images, two players or many players: exactly the plain walks."""
    assert is_controlled(n_images=n_images, n_players=n_players) == expected
    generator = np.random.default_rng(6)
    codes = np.stack(
        [
            walk_codes(draw_orders(generator, n_players=n_players, n_pairs=1))
            for _ in range(n_images)
        ]
    )
    values = generator.normal(size=codes.shape)
    is_plain = np.array_equal(
        controlled_shapley(codes, values, n_players=n_players),
        walk_shapley(codes, values, n_players=n_players),
    )
    assert is_plain != expected


def test_a_value_that_is_not_finite_stays_with_its_image() -> None:
    """One image that failed does not take the others with it."""
    generator = np.random.default_rng(7)
    codes, values = walked(images(40, generator), generator)
    values[3, 4] = -np.inf
    estimates = controlled_shapley(codes, values, n_players=N_PLAYERS)
    np.testing.assert_array_equal(np.isfinite(estimates).all(axis=1), np.arange(40) != 3)


def test_rows_of_another_game_are_refused() -> None:
    """As the walks refuse them."""
    codes, values = walked(images(40, np.random.default_rng(8)), np.random.default_rng(8))
    with pytest.raises(SpecError, match="whole walks"):
        controlled_shapley(codes, values, n_players=8)
