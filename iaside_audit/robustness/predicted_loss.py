"""The predicted losses of one model: of every condition, every corruption and the whole suite.

Beside them always stand the two predictors that know no spectrum, and, where the same conditions
were measured, what was measured and how closely the predictions follow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.robustness.carrying import carrying_sentence, loss_shares
from iaside_audit.robustness.errors_by_corruption import Measure
from iaside_audit.robustness.prediction import (
    ALL_FORMS,
    VALUES,
    PredictionForm,
    loss_by_band,
    losses_of,
    predicted_losses,
)
from iaside_audit.statistics import N_RESAMPLES, bootstrap_means, percentile_interval
from iaside_audit.statistics.association import pearson
from iaside_audit.statistics.bootstrap import bootstrap_generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iaside_audit.robustness.prediction import GameRows
    from iaside_audit.spectrum import Gain
    from iaside_audit.types import FloatMatrix, FloatVector

MIN_CONDITIONS: Final = 4
"""Over fewer, a correlation across conditions says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a loss is the loss of: one condition, a corruption over its severities, or the suite.

    `severity` is None for the mean over a corruption's severities, `corruption` too for the mean
    over the corruptions.
    """

    corruption: str | None = None
    severity: int | None = None

    @property
    def title(self) -> str:
        """The scope for readers, such as ``"gaussian noise, severity 3"``."""
        if self.corruption is None:
            return "all corruptions"
        name = self.corruption.replace("_", " ")
        return name if self.severity is None else f"{name}, severity {self.severity}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedLoss:
    """The predicted loss of one scope in one form.

    Parameters
    ----------
    scope : Scope
        Of what.
    loss : Measure
        Nats, or an error rate, as the form's value function has it; the interval is by the
        bootstrap over images.
    added : Measure
        How much of it is added to the loss on clean images, paired with it.
    shares : tuple of float
        Of each band in what bands add to the loss, as the additive form has it; 0..1, adding up to
        1, or NaN where no band adds to it.
    """

    scope: Scope
    loss: Measure
    added: Measure
    shares: tuple[float, ...]

    @property
    def sentence(self) -> str:
        """Which bands carry the loss."""
        return carrying_sentence(self.scope.title, self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPrediction:
    """All predicted losses in one form: the suite's first, then corruptions, then conditions."""

    form: PredictionForm
    losses: tuple[PredictedLoss, ...]

    def of(self, scope: Scope) -> PredictedLoss:
        """Return the loss of one scope."""
        return next(one for one in self.losses if one.scope == scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How closely one form follows what was measured, across the conditions of the model.

    Parameters
    ----------
    form : str
        Its name.
    error, log_loss : Measure
        Correlations of Pearson over the conditions; intervals over images, predictions and
        measurements resampled together. NaN where one of the two does not vary.
    """

    form: str
    error: Measure
    log_loss: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLosses:
    """What was measured under the same conditions, and how closely it is followed.

    Parameters
    ----------
    error, log_loss : mapping of Scope to Measure
        Top-1 error, and the negative mean log-probability of the label in nats.
    following : tuple of Following
        One for each form; empty below :data:`MIN_CONDITIONS` conditions.
    """

    error: Mapping[Scope, Measure]
    log_loss: Mapping[Scope, Measure]
    following: tuple[Following, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What an audit predicts of a model under perturbations.

    Parameters
    ----------
    n_images : int
        Behind every number.
    conditions : tuple of (str, int)
        Corruption and severity.
    clean, midpoint : mapping of str to Measure
        Losses by value function: on clean images, and with every band half present. They know no
        spectrum, and every prediction has to be held against them.
    forms : tuple of FormPrediction
        Every form that the audit allows.
    measured : MeasuredLosses or None
        Where the conditions were measured too.
    """

    n_images: int
    conditions: tuple[tuple[str, int], ...]
    clean: Mapping[str, Measure]
    midpoint: Mapping[str, Measure]
    forms: tuple[FormPrediction, ...]
    measured: MeasuredLosses | None

    def form(self, name: str) -> FormPrediction:
        """Return the losses in one form, by its name."""
        return next(one for one in self.forms if one.form.name == name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredOutcomes:
    """What was measured of the n images that are predicted.

    Parameters
    ----------
    wrong, log_loss : (n, n_conditions) float64
        1 where the model was wrong, and the negative log-probability of the label.
    """

    wrong: FloatMatrix
    log_loss: FloatMatrix


def predict(
    games: Mapping[str, GameRows],
    gains: Mapping[Gain, FloatMatrix],
    conditions: Sequence[tuple[str, int]],
    *,
    seed: int,
    confidence: float,
    measured: MeasuredOutcomes | None = None,
    n_resamples: int = N_RESAMPLES,
) -> Prediction:
    """Predict the losses of every scope in every form.

    Parameters
    ----------
    games : mapping of str to GameRows
        Of n images, by value function: all of :data:`~.prediction.VALUES`.
    gains : mapping of Gain to (n, n_conditions, n_bands) float64
        What each condition leaves of each band of each image.
    conditions : sequence of (str, int)
        Corruption and severity, in the order of the gains.
    seed, confidence
        Of the bootstrap over images and its intervals.
    measured : MeasuredOutcomes or None
        What was measured of the same images under the same conditions.
    n_resamples : int
        At least 1.
    """
    scopes, weights = _scopes(conditions)
    intervals = _Intervals(confidence, n_units=len(games[VALUES[0]].grand))
    forms = [one for one in ALL_FORMS if one.form in games[one.value].forms]
    losses = {one: predicted_losses(games[one.value], gains[one.gain], one) for one in forms}
    clean = {value: losses_of(games[value].grand, value) for value in VALUES}
    middle = {value: losses_of(games[value].midpoint(), value) for value in VALUES}
    blocks = [np.column_stack([*clean.values(), *middle.values()])]
    blocks += [losses[one] for one in forms]
    blocks += [] if measured is None else [measured.wrong, measured.log_loss]
    columns = np.concatenate(blocks, axis=1)
    resampled = bootstrap_means(
        columns, n_resamples=n_resamples, generator=bootstrap_generator(seed)
    )
    means = np.vstack([columns.mean(axis=0), resampled])  # the first row is the number itself
    ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
    plain, *parts = np.split(means, ends, axis=1)
    clean_means = dict(zip(VALUES, plain[:, :2].T, strict=True))
    middle_means = dict(zip(VALUES, plain[:, 2:].T, strict=True))
    truths = parts[len(forms) :]
    return Prediction(
        n_images=len(columns),
        conditions=tuple(conditions),
        clean={name: intervals.mean(one) for name, one in clean_means.items()},
        midpoint={name: intervals.mean(one) for name, one in middle_means.items()},
        forms=tuple(
            FormPrediction(
                form=one,
                losses=_losses(
                    scopes,
                    part @ weights,
                    clean_means[one.value],
                    loss_by_band(games[one.value], gains[one.gain]).mean(axis=0).T @ weights,
                    intervals,
                ),
            )
            for one, part in zip(forms, parts, strict=False)
        ),
        measured=_measured(scopes, weights, forms, parts, truths, intervals) if truths else None,
    )


def _scopes(conditions: Sequence[tuple[str, int]]) -> tuple[list[Scope], FloatMatrix]:
    """Return the suite, the corruptions and the conditions, and each one's mean as weights.

    A corruption is the mean over its severities, the suite the mean over corruptions: as mCE.

    Returns
    -------
    scopes : list of Scope
        Of length k.
    weights : (n_conditions, k) float64
        Columns add up to 1.
    """
    names = list(dict.fromkeys(name for name, _ in conditions))
    is_of = np.array([[one == name for name in names] for one, _ in conditions], dtype=np.float64)
    by_name = is_of / is_of.sum(axis=0)
    scopes = [
        Scope(),
        *(Scope(corruption=name) for name in names),
        *(Scope(corruption=name, severity=level) for name, level in conditions),
    ]
    suite = by_name.mean(axis=1, keepdims=True)
    return scopes, np.hstack([suite, by_name, np.eye(len(conditions))])


def _losses(
    scopes: Sequence[Scope],
    losses: FloatMatrix,
    clean: FloatVector,
    by_band: FloatMatrix,
    intervals: _Intervals,
) -> tuple[PredictedLoss, ...]:
    """Return the losses of all scopes from their resampled means and what their bands add."""
    return tuple(
        PredictedLoss(
            scope=scope,
            loss=intervals.mean(losses[:, place]),
            added=intervals.mean(losses[:, place] - clean),
            shares=tuple(loss_shares(by_band[:, place]).tolist()),
        )
        for place, scope in enumerate(scopes)
    )


def _measured(
    scopes: Sequence[Scope],
    weights: FloatMatrix,
    forms: Sequence[PredictionForm],
    predicted: Sequence[FloatMatrix],
    truths: Sequence[FloatMatrix],
    intervals: _Intervals,
) -> MeasuredLosses:
    """Return what was measured, and each form's correlation with it over the conditions."""
    error, log_loss = (
        {scope: intervals.mean(column) for scope, column in zip(scopes, one.T, strict=True)}
        for one in (truth @ weights for truth in truths)
    )
    following: tuple[Following, ...] = ()
    if len(weights) >= MIN_CONDITIONS:
        following = tuple(
            Following(
                form=form.name,
                error=intervals.of(pearson(part, truths[0])),
                log_loss=intervals.of(pearson(part, truths[1])),
            )
            for form, part in zip(forms, predicted, strict=False)
        )
    return MeasuredLosses(error=error, log_loss=log_loss, following=following)


class _Intervals:
    """Turns a number (the first) and its resamples (the others) into a measure.

    Parameters
    ----------
    confidence : float
        Of the intervals.
    n_units : int
        Images that were resampled.
    """

    def __init__(self, confidence: float, *, n_units: int) -> None:
        self._confidence = confidence
        self._n_units = n_units

    def mean(self, values: FloatVector) -> Measure:
        """Return a mean over images."""
        return self.of(values, n_units=self._n_units)

    def of(self, values: FloatVector, *, n_units: int | None = None) -> Measure:
        """Return any other number, unless `n_units` says that it is a mean."""
        low, high = percentile_interval(values[1:], confidence=self._confidence, n_units=n_units)
        return Measure(value=float(values[0]), interval=(float(low), float(high)))
