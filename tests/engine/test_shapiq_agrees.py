"""An independent library finds the same: shapiq, for games and for the interactions of an audit.

It loads scikit-learn and numba, which takes seconds; so it is imported in a test, and in one file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up_rows import N_BANDS, made_up_spec, profiles_of, random_rows

from iaside_audit.auditing.outcome.groups import interactions_record
from iaside_audit.games import (
    coalition_matrix,
    moebius_transform,
    pair_interactions,
    shapley_values,
    value_table,
)

if TYPE_CHECKING:
    import shapiq

    from iaside_audit.types import CoalitionMatrix, FloatVector


def computer_of(values: FloatVector, n_players: int) -> shapiq.ExactComputer:
    """Return what computes the indices of a game, its values ordered by bit code."""
    import shapiq  # noqa: PLC0415 - seconds that only these tests should wait

    def look_up(coalitions: CoalitionMatrix) -> FloatVector:
        return values[np.asarray(coalitions) @ (1 << np.arange(n_players))]

    return shapiq.ExactComputer(look_up, n_players=n_players)


@pytest.mark.parametrize("n_players", [2, 5, 8])
def test_games_agree(n_players: int) -> None:
    """Values, interactions and Moebius coefficients are the same."""
    values = np.random.default_rng(n_players).normal(size=2**n_players)
    values[0] = 0.0  # shapiq subtracts the value of the empty coalition for some indices
    computer = computer_of(values, n_players)
    shapley = computer("SV", order=1)
    interactions = computer("SII", order=2)
    moebius = computer("Moebius", order=n_players)
    ours = shapley_values(values, n_players=n_players)
    our_pairs = pair_interactions(values, n_players=n_players)
    our_moebius = moebius_transform(values, n_players=n_players)
    for i in range(n_players):
        assert shapley[(i,)] == pytest.approx(ours[i], abs=1e-12)
        for j in range(i):
            assert interactions[(j, i)] == pytest.approx(our_pairs[i, j], abs=1e-12)
    members = coalition_matrix(np.arange(2**n_players, dtype=np.uint32), n_players=n_players)
    for code, row in enumerate(members):
        players = tuple(np.flatnonzero(row).tolist())
        assert moebius[players] == pytest.approx(our_moebius[code], abs=1e-11)


def test_interactions_of_an_audit_agree() -> None:
    """SII and Moebius coefficients of the mean table are the same."""
    rows = random_rows()
    record = interactions_record(profiles_of(rows), made_up_spec())
    assert record is not None
    table = value_table(rows.coalitions[0], rows.log_p.astype(np.float64), n_players=N_BANDS)
    mean = table.mean(axis=0)
    computer = computer_of(mean, N_BANDS)
    pairs, moebius = computer("SII", order=2), computer("Moebius")
    for one in range(N_BANDS):
        for other in range(N_BANDS):
            expected = 0.0 if one == other else pairs[tuple(sorted((one, other)))]
            assert record.matrix[one][other] == pytest.approx(expected, abs=1e-6)
    assert record.moebius_order == N_BANDS
    assert len(record.moebius) == 2**N_BANDS
    for part in record.moebius[1:]:
        assert part.value == pytest.approx(moebius[part.bands], abs=1e-6), part.bands
    assert record.moebius[0].value == pytest.approx(mean[0], abs=1e-6)
