"""What an audit predicts of a perturbation: SNR times Shapley (METHOD.md, section 9).

A perturbation leaves of band *i* of an image the gain ``w_i``. Predicted is the value of the image
under it, from the image's own Shapley values (additive) or its whole table (multilinear); the
loss is the negative of the value. It costs no run of the model beyond the audit's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.games import multilinear_extension
from iaside_audit.randomness import Purpose
from iaside_audit.statistics import N_RESAMPLES, bootstrap_means, percentile_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix, FloatVector, Interval

CARRYING_SHARE: Final = 0.5
"""Bands that carry at least this share of a loss are named."""


class Form(StrEnum):
    """How presence in part is valued: by the Shapley values, or by the whole table."""

    ADDITIVE = "additive"
    MULTILINEAR = "multilinear"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedLoss:
    """The predicted loss of one condition, or of a suite of them.

    Parameters
    ----------
    loss : float
        The negative of the predicted value: nats for log-probabilities, the error rate for
        accuracies.
    interval : (float, float)
        By the bootstrap over images.
    added : float
        How much of it the perturbation adds to the loss on clean images.
    shares : tuple of float
        Of each band in what bands add to the loss, as the additive form has it
        (:func:`loss_shares`).
    midpoint : float
        The loss that is predicted without a spectrum: half of every band.
    """

    loss: float
    interval: Interval
    added: float
    shares: tuple[float, ...]
    midpoint: float


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


def loss_by_band(rows: GameRows, gains: FloatMatrix) -> FloatMatrix:
    """Return what each band adds to the loss: ``(1 - w_i) phi_i``, (n, n_conditions, n_bands)."""
    return (1 - gains) * rows.shapley[:, None, :]


def predict_loss(
    rows: GameRows,
    gains: FloatMatrix,
    form: Form,
    *,
    seed: int,
    confidence: float,
    n_resamples: int = N_RESAMPLES,
) -> PredictedLoss:
    """Predict the mean loss over images and conditions, with its interval.

    Parameters
    ----------
    rows : GameRows
        Of n images.
    gains : (n, n_conditions, n_bands) float64
        One condition for a single perturbation, all of them for a suite.
    form : Form
        Additive or multilinear.
    seed : int
        Of the bootstrap over images.
    confidence : float
        Of the interval, in (0, 1).
    n_resamples : int
        At least 1.
    """
    losses = -predicted_values(rows, gains, form).mean(axis=1)
    generator = np.random.default_rng(np.random.SeedSequence([seed, int(Purpose.BOOTSTRAP)]))
    samples = bootstrap_means(losses[:, None], n_resamples=n_resamples, generator=generator)
    low, high = percentile_interval(samples[:, 0], confidence=confidence, n_units=len(losses))
    by_band = loss_by_band(rows, gains).mean(axis=(0, 1))
    return PredictedLoss(
        loss=float(losses.mean()),
        interval=(float(low), float(high)),
        added=float(losses.mean() + rows.grand.mean()),
        shares=tuple(loss_shares(by_band).tolist()),
        midpoint=float(-rows.midpoint().mean()),
    )


def loss_shares(losses: FloatVector) -> FloatVector:
    """Return the share of each band in what bands add to a loss.

    A band whose loss helps the model has no share: where one cancels the others, shares of the
    rest would be of no size that means anything.

    Parameters
    ----------
    losses : (n_bands,) float64
        What each band adds, as :func:`loss_by_band` has it.

    Returns
    -------
    (n_bands,) float64
        0..1, adding up to 1; NaN where no band adds to the loss.
    """
    added = np.maximum(losses, 0)
    total = added.sum()
    shares: FloatVector = added / total if total > 0 else np.full(len(losses), np.nan)
    return shares


def carrying_bands(shares: Sequence[float]) -> tuple[int, int] | None:
    """Return the shortest run of neighbouring bands that carries at least half of a loss.

    Parameters
    ----------
    shares : sequence of float
        Of each band; they add up to 1.

    Returns
    -------
    (int, int) or None
        First and last band; of equally short runs the one that carries most. None where the
        shares are not defined.

    Examples
    --------
    >>> carrying_bands([0.1, 0.2, 0.35, 0.26, 0.09])
    (2, 3)
    """
    if not np.isfinite(shares).all():
        return None
    sums = np.concatenate([[0.0], np.cumsum(shares)])
    for length in range(1, len(shares) + 1):
        carried = sums[length:] - sums[:-length]
        first = int(carried.argmax())
        if carried[first] >= CARRYING_SHARE:
            return first, first + length - 1
    return 0, len(shares) - 1


def carrying_sentence(name: str, shares: Sequence[float]) -> str:
    """Say in a sentence which bands carry the predicted loss of a condition.

    Examples
    --------
    >>> carrying_sentence("gaussian noise, severity 3", [0.1, 0.2, 0.35, 0.26, 0.09])
    'gaussian noise, severity 3: 61 % of the predicted loss comes from bands 2-3'
    """
    run = carrying_bands(shares)
    if run is None:
        return f"{name}: no loss is predicted"
    first, last = run
    bands = f"band {first}" if first == last else f"bands {first}-{last}"
    share = 100 * sum(shares[first : last + 1])
    return f"{name}: {share:.0f} % of the predicted loss comes from {bands}"
