"""Exact Shapley values, Moebius coefficients and interactions: laws and oracles."""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies_games import games, tables, worths

from iaside_audit.errors import SpecError
from iaside_audit.games import (
    ClosedForm,
    airport_game,
    all_codes,
    closed_forms,
    coalition_matrix,
    moebius_transform,
    pair_interactions,
    shapley_values,
    shapley_weights,
    unanimity_game,
    unanimity_sum_game,
    value_table,
)

if TYPE_CHECKING:
    from iaside_audit.types import CoalitionMatrix, FloatMatrix, FloatVector

Game = tuple[int, "FloatVector"]


def members_of(n_players: int) -> CoalitionMatrix:
    """Return every coalition by bit code."""
    return coalition_matrix(np.arange(2**n_players, dtype=np.uint32), n_players=n_players)


def relabelled(values: FloatVector, order: tuple[int, ...]) -> FloatVector:
    """Return the game in which player ``order[i]`` of `values` is called i."""
    codes = members_of(len(order)) @ (1 << np.array(order))
    return values[codes]


def brute_force(values: FloatVector, n_players: int) -> FloatVector:
    """Average the marginal contributions over all orders, one by one."""
    total = np.zeros(n_players)
    for order in permutations(range(n_players)):
        code = 0
        for player in order:
            total[player] += values[code | 1 << player] - values[code]
            code |= 1 << player
    return total / factorial(n_players)


def brute_force_interactions(values: FloatVector, n_players: int) -> FloatMatrix:
    """Sum the discrete second derivatives as METHOD.md, section 4, defines them."""
    matrix = np.zeros((n_players, n_players))
    for i, j in permutations(range(n_players), 2):
        pair = 1 << i | 1 << j
        for code in range(2**n_players):
            if code & pair == 0:
                size = code.bit_count()
                weight = factorial(size) * factorial(n_players - size - 2)
                delta = (
                    values[code | pair]
                    - values[code | 1 << i]
                    - values[code | 1 << j]
                    + values[code]
                )
                matrix[i, j] += weight / factorial(n_players - 1) * delta
    return matrix


@pytest.mark.parametrize("form", closed_forms(), ids=lambda form: form.name)
def test_closed_forms_are_solved(form: ClosedForm) -> None:
    """Shapley values and interactions of the known games are those of the formulas."""
    np.testing.assert_allclose(
        shapley_values(form.values, n_players=form.n_players), form.shapley, atol=1e-12
    )
    np.testing.assert_allclose(
        pair_interactions(form.values, n_players=form.n_players),
        form.pair_interactions,
        atol=1e-12,
    )


@given(st.lists(worths, min_size=1, max_size=6))
def test_airport_formula_holds_for_any_costs(costs: list[float]) -> None:
    """Costs may come in any order, tie, or be negative."""
    form = airport_game(costs)
    np.testing.assert_allclose(
        shapley_values(form.values, n_players=form.n_players), form.shapley, atol=1e-10
    )
    np.testing.assert_allclose(
        pair_interactions(form.values, n_players=form.n_players),
        form.pair_interactions,
        atol=1e-10,
    )


def test_closed_forms_are_read_only() -> None:
    """A solution is valid for life."""
    with pytest.raises(ValueError, match="read-only"):
        closed_forms()[0].shapley[0] = 1.0


@given(games())
def test_shapley_values_are_efficient(game: Game) -> None:
    """They add up to what the grand coalition is worth beyond the empty one."""
    n_players, values = game
    shapley = shapley_values(values, n_players=n_players)
    np.testing.assert_allclose(shapley.sum(), values[-1] - values[0], atol=1e-11)


@given(games(least=2), st.data())
def test_shapley_values_follow_the_names(game: Game, data: st.DataObject) -> None:
    """Renaming the players renames their values and interactions, and changes nothing else."""
    n_players, values = game
    order = tuple(data.draw(st.permutations(range(n_players))))
    renamed = relabelled(values, order)
    np.testing.assert_allclose(
        shapley_values(renamed, n_players=n_players),
        shapley_values(values, n_players=n_players)[list(order)],
        atol=1e-11,
    )
    np.testing.assert_allclose(
        pair_interactions(renamed, n_players=n_players),
        pair_interactions(values, n_players=n_players)[np.ix_(order, order)],
        atol=1e-10,
    )


@given(games(least=2))
def test_symmetric_players_are_worth_the_same(game: Game) -> None:
    """Two players whom every coalition can exchange have one value."""
    n_players, values = game
    swapped = relabelled(values, (1, 0, *range(2, n_players)))
    shapley = shapley_values(values + swapped, n_players=n_players)
    np.testing.assert_allclose(shapley[0], shapley[1], atol=1e-11)


@given(games(least=2))
def test_a_null_player_is_worth_nothing(game: Game) -> None:
    """A player who changes no value has the value 0 and interacts with nobody."""
    n_players, values = game
    without_first = values[np.arange(2**n_players) & ~1]
    np.testing.assert_allclose(shapley_values(without_first, n_players=n_players)[0], 0, atol=1e-12)
    np.testing.assert_allclose(
        pair_interactions(without_first, n_players=n_players)[0], 0, atol=1e-10
    )


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(tables(n), tables(n))), worths)
def test_shapley_values_are_additive(pair: tuple[FloatVector, FloatVector], factor: float) -> None:
    """The value of a sum of games is the sum of the values."""
    first, second = pair
    n_players = first.size.bit_length() - 1
    np.testing.assert_allclose(
        shapley_values(first + factor * second, n_players=n_players),
        shapley_values(first, n_players=n_players)
        + factor * shapley_values(second, n_players=n_players),
        atol=1e-10,
    )


@settings(max_examples=25)
@given(games(most=5))
def test_three_exact_formulas_agree(game: Game) -> None:
    """The weights, the Moebius dividends and the mean over all orders give the same values."""
    n_players, values = game
    shapley = shapley_values(values, n_players=n_players)
    members = members_of(n_players)
    dividends = moebius_transform(values, n_players=n_players)[1:]
    shares = dividends / members[1:].sum(axis=1)
    np.testing.assert_allclose(shares @ members[1:], shapley, atol=1e-10)
    np.testing.assert_allclose(brute_force(values, n_players), shapley, atol=1e-11)


def test_brute_force_agrees_for_six_players() -> None:
    """The mean over all 720 orders of six players is the Shapley value."""
    values = np.random.default_rng(6).normal(size=64)
    np.testing.assert_allclose(
        shapley_values(values, n_players=6), brute_force(values, 6), atol=1e-13
    )


@settings(max_examples=25)
@given(games(most=5))
def test_pair_interactions_are_their_definition(game: Game) -> None:
    """The sum over Moebius coefficients is the weighted sum of second differences."""
    n_players, values = game
    matrix = pair_interactions(values, n_players=n_players)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_allclose(matrix, brute_force_interactions(values, n_players), atol=1e-10)


@given(games())
def test_moebius_coefficients_rebuild_the_game(game: Game) -> None:
    """Every game is the sum of the unanimity games, each times its dividend."""
    n_players, values = game
    values = values - values[0]
    dividends = moebius_transform(values, n_players=n_players)
    players = [tuple(np.flatnonzero(row).tolist()) for row in members_of(n_players)]
    rebuilt = unanimity_sum_game(
        dict(zip(players[1:], dividends[1:].tolist(), strict=True)), n_players=n_players
    )
    np.testing.assert_allclose(rebuilt.values, values, atol=1e-9)


def test_leading_axes_are_games_of_their_own() -> None:
    """A stack of tables gives the stack of the answers."""
    values = np.random.default_rng(0).normal(size=(2, 3, 16))
    for solve in (shapley_values, pair_interactions, moebius_transform):
        stacked = solve(values, n_players=4)
        for place in np.ndindex(2, 3):
            np.testing.assert_allclose(
                stacked[place], solve(values[place], n_players=4), atol=1e-14
            )


def test_moebius_transform_leaves_its_argument_alone() -> None:
    """The table is copied before it is transformed."""
    values = np.arange(4.0)
    moebius_transform(values, n_players=2)
    np.testing.assert_array_equal(values, np.arange(4.0))


def test_a_constant_game_has_exactly_no_shapley_values() -> None:
    """Rounding must not look like a profile where a model ignores its input."""
    values = np.full(256, -6.907755278982137)
    np.testing.assert_array_equal(shapley_values(values, n_players=8), np.zeros(8))


def test_an_infinite_value_leaves_no_finite_shapley_value() -> None:
    """A game with v = -inf has no answer, and no warning either."""
    values = np.zeros((2, 8))
    values[1, 3] = -np.inf
    shapley = shapley_values(values, n_players=3)
    assert np.isfinite(shapley[0]).all()
    assert not np.isfinite(shapley[1]).any()
    assert not np.isfinite(pair_interactions(values, n_players=3)[1, 0, 1])


def test_shapley_weights_are_kept_and_read_only() -> None:
    """The matrix is made once; nobody can spoil it."""
    weights = shapley_weights(5)
    assert weights is shapley_weights(5)
    assert not weights.flags.writeable


def test_value_table_orders_rows_by_code() -> None:
    """Values in the order of a row come out in the order of the codes."""
    codes = all_codes(3)
    values = np.stack([codes.astype(np.float64), 2.0 * codes])
    np.testing.assert_array_equal(
        value_table(codes, values, n_players=3), [np.arange(8.0), 2 * np.arange(8.0)]
    )


def test_value_table_refuses_rows_that_miss_a_coalition() -> None:
    """A coalition that comes twice means that another is missing."""
    with pytest.raises(SpecError, match="each of the 4 coalitions of 2 players once, found 3"):
        value_table(np.array([0, 3, 1, 1], dtype=np.uint32), np.zeros(4), n_players=2)


@pytest.mark.parametrize("solve", [shapley_values, pair_interactions, moebius_transform])
def test_tables_of_another_size_are_refused(solve: object) -> None:
    """A table has one value for each coalition."""
    assert callable(solve)
    with pytest.raises(SpecError, match="Expected 8 values for 3 players, found 7"):
        solve(np.zeros(7), n_players=3)


@pytest.mark.parametrize("players", [[], [3], [-1], [1, 1]], ids=str)
def test_unanimity_games_refuse_sets_that_are_none(players: list[int]) -> None:
    """The set of a unanimity game holds known players, each once."""
    with pytest.raises(SpecError, match="set of different players between 0 and 2"):
        unanimity_game(players, n_players=3)
