"""Cooperative games: coalitions, Shapley values, interactions and games of known solution.

coalitions
    Bit codes, boolean rows, and the order of a value row in exact mode.
exact
    Shapley values from the values of all coalitions, one matrix product.
permutation
    Antithetic random orders, their walks, and the estimates of single images.
control
    Walks read against the mean game of the other images, which scatter less for it.
interactions
    Moebius coefficients and the Shapley interaction index of pairs.
multilinear
    Players that are present in part.
closed_form
    Games whose solution is a formula; the ground truth of tests and self-check.

Coalition values are float64 in the unit of the value function; a table of all of them is ordered
by bit code, whatever the order in which a row holds them (:func:`value_table`).
"""

from __future__ import annotations

from iaside_audit.games.closed_form import (
    ClosedForm,
    additive_game,
    airport_game,
    closed_forms,
    glove_game,
    unanimity_game,
    unanimity_sum_game,
)
from iaside_audit.games.coalitions import all_codes, coalition_codes, coalition_matrix
from iaside_audit.games.control import controlled_shapley, is_controlled
from iaside_audit.games.exact import shapley_values, shapley_weights, value_table
from iaside_audit.games.interactions import moebius_transform, pair_interactions
from iaside_audit.games.multilinear import multilinear_extension
from iaside_audit.games.permutation import draw_orders, walk_codes, walk_shapley

__all__ = [
    "ClosedForm",
    "additive_game",
    "airport_game",
    "all_codes",
    "closed_forms",
    "coalition_codes",
    "coalition_matrix",
    "controlled_shapley",
    "draw_orders",
    "glove_game",
    "is_controlled",
    "moebius_transform",
    "multilinear_extension",
    "pair_interactions",
    "shapley_values",
    "shapley_weights",
    "unanimity_game",
    "unanimity_sum_game",
    "value_table",
    "walk_codes",
    "walk_shapley",
]
