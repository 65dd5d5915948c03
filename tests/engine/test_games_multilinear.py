"""The multilinear extension against its definition and its laws."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies_games import games

from iaside_audit.errors import SpecError
from iaside_audit.games import coalition_matrix, multilinear_extension, shapley_values

if TYPE_CHECKING:
    from iaside_audit.types import FloatVector

shares = st.floats(0, 1)


@given(games(most=5))
def test_multilinear_extension_is_the_game_at_every_corner(game: tuple[int, FloatVector]) -> None:
    """Where every player is there or not, the extension is the game's own value, to the bit."""
    n_players, table = game
    corners = coalition_matrix(np.arange(1 << n_players, dtype=np.uint32), n_players=n_players)
    np.testing.assert_array_equal(multilinear_extension(table, corners.astype(float)), table)


@given(games(most=4), st.data())
def test_multilinear_extension_is_the_expectation_over_independent_players(
    game: tuple[int, FloatVector], data: st.DataObject
) -> None:
    """The extension is the mean value where each player comes with its own probability."""
    n_players, table = game
    presence = data.draw(hnp.arrays(np.float64, n_players, elements=shares))
    expected = 0.0
    for present in itertools.product((False, True), repeat=n_players):
        code = sum(1 << i for i, here in enumerate(present) if here)
        chances = [w if here else 1 - w for w, here in zip(presence, present, strict=True)]
        expected += table[code] * np.prod(chances)
    assert multilinear_extension(table, presence) == pytest.approx(expected, abs=1e-9)


@given(hnp.arrays(np.float64, 4, elements=st.floats(-5, 5)), st.data())
def test_multilinear_extension_of_an_additive_game_is_linear(
    weights: FloatVector, data: st.DataObject
) -> None:
    """Where every player adds its own weight, so does a part of the player."""
    presence = data.draw(hnp.arrays(np.float64, 4, elements=shares))
    members = coalition_matrix(np.arange(16, dtype=np.uint32), n_players=4)
    value = multilinear_extension(members @ weights, presence)
    assert value == pytest.approx(presence @ weights, abs=1e-9)


@given(games(least=2, most=4))
def test_multilinear_extension_has_the_shapley_values_along_its_diagonal(
    game: tuple[int, FloatVector],
) -> None:
    """The integral of a player's partial derivative along the diagonal is its Shapley value."""
    n_players, table = game
    nodes, node_weights = np.polynomial.legendre.leggauss(n_players)  # exact for these polynomials
    diagonal = np.repeat(((nodes + 1) / 2)[:, None], n_players, axis=1)
    for player, phi in enumerate(shapley_values(table, n_players=n_players)):
        with_player, without = diagonal.copy(), diagonal.copy()
        with_player[:, player], without[:, player] = 1, 0
        slope = multilinear_extension(table, with_player) - multilinear_extension(table, without)
        assert (node_weights / 2) @ slope == pytest.approx(phi, abs=1e-9)


def test_multilinear_extension_broadcasts_tables_against_conditions() -> None:
    """Many images under many conditions give the numbers of each pair by itself."""
    generator = np.random.default_rng(0)
    tables, presence = generator.normal(size=(3, 1, 8)), generator.uniform(size=(5, 3))
    together = multilinear_extension(tables, presence)
    assert together.shape == (3, 5)
    for image, condition in np.ndindex(3, 5):
        alone = multilinear_extension(tables[image, 0], presence[condition])
        assert together[image, condition] == pytest.approx(alone)


def test_multilinear_extension_refuses_a_table_of_another_game() -> None:
    """A table of three players and presences of two are no one game."""
    with pytest.raises(SpecError, match="Expected 4 values for 2 players, found 8"):
        multilinear_extension(np.zeros(8), np.zeros(2))
    with pytest.raises(SpecError, match="same games"):
        multilinear_extension(np.zeros((3, 4)), np.zeros((2, 2)))
