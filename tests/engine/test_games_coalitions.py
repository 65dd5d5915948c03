"""Coalition codes, boolean rows and their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iaside_audit.errors import SpecError
from iaside_audit.games import all_codes, coalition_codes, coalition_matrix


@given(st.integers(1, 32).flatmap(lambda n: hnp.arrays(np.bool_, (5, n))))
def test_coalitions_survive_packing(matrix: np.ndarray) -> None:
    """Unpacking undoes packing, for every number of players up to 32."""
    codes = coalition_codes(matrix)
    assert codes.dtype == np.uint32
    np.testing.assert_array_equal(coalition_matrix(codes, n_players=matrix.shape[1]), matrix)


def test_coalition_codes_set_bit_i_for_player_i() -> None:
    """Player i alone has the code 2**i, the highest of 32 players included."""
    np.testing.assert_array_equal(
        coalition_codes(np.eye(32, dtype=np.bool_)).astype(np.uint64),
        2 ** np.arange(32, dtype=np.uint64),
    )


@pytest.mark.parametrize("n_players", [1, 2, 5, 20])
def test_all_codes_begin_with_empty_and_grand(n_players: int) -> None:
    """The order of a row is empty, grand, then ascending, and holds every coalition once."""
    codes = all_codes(n_players)
    assert codes.dtype == np.uint32
    assert codes[:2].tolist() == [0, 2**n_players - 1]
    np.testing.assert_array_equal(codes[2:], np.arange(1, 2**n_players - 1))


@pytest.mark.parametrize("n_players", [0, 33])
def test_coalition_matrix_refuses_a_number_of_players_beyond_32_bits(n_players: int) -> None:
    """A code has 32 bits."""
    with pytest.raises(SpecError, match=f"between 1 and 32 players, found {n_players}"):
        coalition_matrix(np.zeros(1, dtype=np.uint32), n_players=n_players)


def test_all_codes_refuse_more_players_than_exact_mode_has() -> None:
    """Above 20 players nobody enumerates."""
    with pytest.raises(SpecError, match="between 1 and 20 players, found 21"):
        all_codes(21)


def test_coalition_matrix_refuses_codes_of_a_larger_game() -> None:
    """A code with a bit above the players is another game's."""
    with pytest.raises(SpecError, match="codes below 8 for 3 players, found 8"):
        coalition_matrix(np.array([1, 8], dtype=np.uint32), n_players=3)
