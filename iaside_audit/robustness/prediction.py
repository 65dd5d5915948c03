"""What an audit predicts of a perturbation: SNR times Shapley (METHOD.md, section 9).

A perturbation leaves of band *i* of an image the gain ``w_i``. Predicted is the value of the image
under it, from the image's own Shapley values (additive) or its whole table (multilinear). It costs
no run of the model beyond the audit's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.choices import Estimator
from iaside_audit.games import (
    controlled_shapley,
    multilinear_extension,
    shapley_values,
    value_table,
)
from iaside_audit.spectrum import Gain
from iaside_audit.statistics import value_function

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.rows import ValueRows
    from iaside_audit.types import FloatMatrix, FloatVector

VALUES: Final = ("log-probability", "accuracy")
"""Value functions of which losses are predicted: nats, and errors."""


class Form(StrEnum):
    """How presence in part is valued: by the Shapley values, or by the whole table."""

    ADDITIVE = "additive"
    MULTILINEAR = "multilinear"


@dataclass(frozen=True, slots=True, order=True)
class PredictionForm:
    """One way to predict a loss: a value function, a form and a gain."""

    value: str
    form: Form
    gain: Gain

    @property
    def name(self) -> str:
        """A name for columns, such as ``"predicted_log_loss_additive_root"``."""
        what = "log_loss" if self.value == "log-probability" else "error"
        return f"predicted_{what}_{self.form}_{self.gain}"

    @property
    def words(self) -> str:
        """A name for readers, such as ``"predicted log-loss, additive, gain root"``."""
        what = "log-loss" if self.value == "log-probability" else "error"
        return f"predicted {what}, {self.form}, gain {self.gain}"


ALL_FORMS: Final = tuple(
    PredictionForm(value, form, gain) for value, form, gain in product(VALUES, Form, Gain)
)
DEFAULT_FORM: Final = PredictionForm("log-probability", Form.ADDITIVE, Gain.ROOT)
"""The form that an audit in permutation mode allows and that did best before any study."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GameRows:
    """What an audit says of each image, in the unit of one value function.

    Parameters
    ----------
    empty, grand : (n,) float64
        Values of the empty and the grand coalition.
    shapley : (n, n_bands) float64
        Shapley values; each row adds up to ``grand - empty``.
    table : (n, 2**n_bands) float64 or None
        Value of every coalition by bit code, from exact audits.
    """

    empty: FloatVector
    grand: FloatVector
    shapley: FloatMatrix
    table: FloatMatrix | None

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms that these rows allow."""
        return (Form.ADDITIVE,) if self.table is None else tuple(Form)

    def at(self, chosen: NDArray[np.intp]) -> GameRows:
        """Return the rows of some images."""
        return GameRows(
            empty=self.empty[chosen],
            grand=self.grand[chosen],
            shapley=self.shapley[chosen],
            table=None if self.table is None else self.table[chosen],
        )

    def midpoint(self) -> FloatVector:
        """Return what is predicted without a spectrum: every band half present, (n,)."""
        middle: FloatVector = (self.empty + self.grand) / 2
        return middle


def game_rows(rows: ValueRows, *, n_bands: int, estimator: str, value: str) -> GameRows:
    """Return what an audit says of each image under one value function.

    Parameters
    ----------
    rows : ValueRows
        Of the audit.
    n_bands : int
        Players of its game.
    estimator : str
        ``exact`` or ``permutation``.
    value : str
        Name of the value function.
    """
    values = value_function(value)(rows.log_p, rows.best_other)
    table = None
    if estimator == Estimator.EXACT:
        table = value_table(rows.coalitions[0], values, n_players=n_bands)
        shapley = shapley_values(table, n_players=n_bands)
    else:
        shapley = controlled_shapley(rows.coalitions, values, n_players=n_bands)
    return GameRows(empty=values[:, 0], grand=values[:, 1], shapley=shapley, table=table)


def predicted_values(rows: GameRows, gains: FloatMatrix, form: Form) -> FloatMatrix:
    """Predict the value of every image under every condition.

    Parameters
    ----------
    rows : GameRows
        Of n images.
    gains : (n, n_conditions, n_bands) float64
        What each condition leaves of each band of each image, 0..1.
    form : Form
        Multilinear needs the table.

    Returns
    -------
    (n, n_conditions) float64
        In the unit of the value function. Both forms are exact where all gains are 0, and where
        all are 1; the multilinear one wherever each gain is 0 or 1.
    """
    if form == Form.ADDITIVE:
        values: FloatMatrix = rows.empty[:, None] + np.einsum("nkb,nb->nk", gains, rows.shapley)
        return values
    if rows.table is None:
        raise ValueError("the multilinear form needs the values of all coalitions")
    # Image by image: the tables of all conditions at once would fill the memory at 16 bands.
    return np.stack(
        [
            multilinear_extension(table[None, :], presence)
            for table, presence in zip(rows.table, gains, strict=True)
        ]
    )


def predicted_losses(rows: GameRows, gains: FloatMatrix, one: PredictionForm) -> FloatMatrix:
    """Predict the loss of every image under every condition, (n, n_conditions).

    Nats, the negative of the predicted log-probability; or errors, 1 less the predicted accuracy.
    Parameters are those of :func:`predicted_values`, `rows` of the value function of the form.
    """
    return losses_of(predicted_values(rows, gains, one.form), one.value)


def losses_of(values: FloatMatrix, value: str) -> FloatMatrix:
    """Return the losses that values of a value function of :data:`VALUES` stand for."""
    losses: FloatMatrix = 1 - values if value == "accuracy" else -values
    return losses


def loss_by_band(rows: GameRows, gains: FloatMatrix) -> FloatMatrix:
    """Return what each band adds to the loss: ``(1 - w_i) phi_i``, (n, n_conditions, n_bands)."""
    return (1 - gains) * rows.shapley[:, None, :]
