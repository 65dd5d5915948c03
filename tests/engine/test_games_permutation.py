"""The permutation estimator: its walks, its bias, and what it refuses."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from strategies_games import worths

from iaside_audit.errors import SpecError
from iaside_audit.games import (
    all_codes,
    coalition_matrix,
    draw_orders,
    shapley_values,
    walk_codes,
    walk_shapley,
)

sizes = st.tuples(st.integers(2, 32), st.integers(1, 4), st.integers(0, 2**32))
"""Players, pairs, seed."""


@given(sizes)
def test_orders_are_antithetic_permutations(size: tuple[int, int, int]) -> None:
    """Every row is a permutation, every second one the reverse of the row before."""
    n_players, n_pairs, seed = size
    orders = draw_orders(np.random.default_rng(seed), n_players=n_players, n_pairs=n_pairs)
    assert orders.shape == (2 * n_pairs, n_players)
    assert orders.dtype == np.intp
    np.testing.assert_array_equal(
        np.sort(orders, axis=1), np.tile(np.arange(n_players), (2 * n_pairs, 1))
    )
    np.testing.assert_array_equal(orders[1::2], orders[0::2, ::-1])


def test_orders_are_uniform() -> None:
    """Each of the 24 orders of four players is drawn equally often."""
    n_pairs = 24_000
    orders = draw_orders(np.random.default_rng(1), n_players=4, n_pairs=n_pairs)[0::2]
    counts = np.unique(orders @ 4 ** np.arange(4), return_counts=True)[1]
    assert counts.size == factorial(4)
    assert stats.chisquare(counts).pvalue > 0.001


def test_orders_follow_the_generator() -> None:
    """Equal generators draw equal orders."""
    first, second = (
        draw_orders(np.random.default_rng(7), n_players=8, n_pairs=3) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@given(sizes)
def test_walks_add_one_player_at_a_time(size: tuple[int, int, int]) -> None:
    """A walk's coalitions are the first 1, 2, ..., M - 1 players of its order."""
    n_players, n_pairs, seed = size
    orders = draw_orders(np.random.default_rng(seed), n_players=n_players, n_pairs=n_pairs)
    codes = walk_codes(orders)
    assert codes.dtype == np.uint32
    assert codes.size == 2 * n_pairs * (n_players - 1) + 2
    assert codes[:2].tolist() == [0, 2**n_players - 1]
    prefixes = coalition_matrix(codes[2:], n_players=n_players)
    for walk, order in zip(prefixes.reshape(-1, n_players - 1, n_players), orders, strict=True):
        for length, coalition in enumerate(walk, start=1):
            assert set(np.flatnonzero(coalition)) == set(order[:length])


@given(sizes)
def test_an_additive_game_is_solved_by_every_walk(size: tuple[int, int, int]) -> None:
    """Where nothing interacts a walk is exact: each player is read back as itself."""
    n_players, n_pairs, seed = size
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=n_players)
    codes = np.stack(
        [walk_codes(draw_orders(generator, n_players=n_players, n_pairs=n_pairs)) for _ in range(3)]
    )
    values = np.stack([coalition_matrix(row, n_players=n_players) @ weights for row in codes])
    np.testing.assert_allclose(
        walk_shapley(codes, values, n_players=n_players), np.tile(weights, (3, 1)), atol=1e-12
    )


@given(st.integers(2, 8), st.integers(1, 3), st.data())
def test_each_image_is_efficient(n_players: int, n_pairs: int, data: st.DataObject) -> None:
    """Each estimate adds up to its own v(all) - v(empty), whatever the values are."""
    generator = np.random.default_rng(data.draw(st.integers(0, 1000)))
    codes = np.stack(
        [walk_codes(draw_orders(generator, n_players=n_players, n_pairs=n_pairs)) for _ in range(2)]
    )
    values = np.array(
        data.draw(
            st.lists(
                st.lists(worths, min_size=codes.shape[1], max_size=codes.shape[1]),
                min_size=2,
                max_size=2,
            )
        )
    )
    estimates = walk_shapley(codes, values, n_players=n_players)
    np.testing.assert_allclose(estimates.sum(axis=1), values[:, 1] - values[:, 0], atol=1e-11)


@pytest.mark.parametrize("n_players", [2, 3, 5])
def test_the_mean_over_all_orders_is_exact(n_players: int) -> None:
    """The estimator is unbiased: over all orders, once each, it is the Shapley value."""
    table = np.random.default_rng(n_players).normal(size=2**n_players)
    orders = np.array(list(permutations(range(n_players))), dtype=np.intp)
    codes = walk_codes(orders)[None]
    np.testing.assert_allclose(
        walk_shapley(codes, table[codes], n_players=n_players)[0],
        shapley_values(table, n_players=n_players),
        atol=1e-13,
    )


def test_the_mean_over_all_antithetic_pairs_is_exact() -> None:
    """One pair an image is unbiased: the mean over all images with all pairs is exact."""
    table = np.random.default_rng(4).normal(size=16)
    orders = [np.array([order, order[::-1]]) for order in permutations(range(4))]
    codes = np.stack([walk_codes(pair) for pair in orders])
    np.testing.assert_allclose(
        walk_shapley(codes, table[codes], n_players=4).mean(axis=0),
        shapley_values(table, n_players=4),
        atol=1e-13,
    )


def test_images_do_not_touch_one_another() -> None:
    """Each image's estimate is the one that it has alone, and NaN stays where it is."""
    generator = np.random.default_rng(0)
    codes = np.stack([walk_codes(draw_orders(generator, n_players=6, n_pairs=2)) for _ in range(4)])
    values = generator.normal(size=codes.shape)
    values[2, 5] = -np.inf
    together = walk_shapley(codes, values, n_players=6)
    alone = [walk_shapley(codes[i : i + 1], values[i : i + 1], n_players=6)[0] for i in range(4)]
    np.testing.assert_array_equal(together, alone)
    assert np.isfinite(together[[0, 1, 3]]).all()
    assert not np.isfinite(together[2]).all()


def test_rows_of_exact_mode_are_refused() -> None:
    """Coalitions that do not follow one another make no walk."""
    codes = all_codes(3)[None]
    with pytest.raises(SpecError, match="add one of 3 players at a time"):
        walk_shapley(codes, np.zeros(codes.shape), n_players=3)


@pytest.mark.parametrize(
    ("codes", "n_players"),
    [
        ([0, 7, 1, 3, 4], 3),  # half a walk
        ([0, 7], 3),  # no walk
        ([0, 7, 1, 3], 4),  # a walk of fewer players
    ],
    ids=str,
)
def test_walks_of_another_length_are_refused(codes: list[int], n_players: int) -> None:
    """A row is made of whole walks."""
    row = np.array([codes], dtype=np.uint32)
    with pytest.raises(SpecError, match=f"whole walks of {n_players - 1} coalitions"):
        walk_shapley(row, np.zeros(row.shape), n_players=n_players)


@pytest.mark.parametrize(
    "codes",
    [[0, 7, 1, 2], [0, 6, 2, 6], [1, 7, 1, 3], [0, 7, 1, 7]],
    ids=["jump", "wrong grand", "wrong empty", "standing still"],
)
def test_chains_that_are_no_walk_are_refused(codes: list[int]) -> None:
    """A walk leads from empty to grand and adds one player at a time."""
    row = np.array([codes], dtype=np.uint32)
    with pytest.raises(SpecError, match="add one of 3 players at a time"):
        walk_shapley(row, np.zeros(row.shape), n_players=3)


def test_one_player_has_no_order_to_draw() -> None:
    """A walk needs two players."""
    with pytest.raises(SpecError, match="between 2 and 32 players, found 1"):
        draw_orders(np.random.default_rng(0), n_players=1, n_pairs=1)
