"""Hypothesis strategies for games and importance profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

if TYPE_CHECKING:
    from iaside_audit.types import FloatVector

worths = st.floats(-10, 10, allow_subnormal=False)
"""Numbers of the size of log-probabilities; sums of a few of them round below 1e-12."""


def tables(n_players: int) -> st.SearchStrategy[FloatVector]:
    """Draw the value of every coalition of `n_players` players, ordered by bit code."""
    return hnp.arrays(np.float64, 1 << n_players, elements=worths)


@st.composite
def games(draw: st.DrawFn, *, least: int = 1, most: int = 6) -> tuple[int, FloatVector]:
    """Draw a number of players and a value table."""
    n_players = draw(st.integers(least, most))
    return n_players, draw(tables(n_players))


@st.composite
def profiles(draw: st.DrawFn, *, least: int = 2, most: int = 16) -> FloatVector:
    """Draw Shapley values that are not all equal."""
    n_bands = draw(st.integers(least, most))
    shapley = draw(hnp.arrays(np.float64, n_bands, elements=worths))
    raised = draw(st.integers(0, n_bands - 1))
    shapley[raised] = shapley.max() + draw(st.floats(0.01, 10))
    return shapley


betas = st.floats(0.1, 0.95)
"""Weight ratios of the scores."""
