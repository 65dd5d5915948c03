"""How closely what an audit predicts follows what is measured, over the models of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.errors import SpecError
from iaside_audit.robustness.prediction import DEFAULT_FORM
from iaside_audit.robustness.study.columns import (
    CLEAN_ERROR,
    CORRUPTION_ERROR,
    MIDPOINT,
    direction,
)
from iaside_audit.robustness.study.held_out import HeldOut, hold_out
from iaside_audit.robustness.study.resampling import Bootstrap, mean_of_first
from iaside_audit.statistics.association import (
    MIN_MODELS,
    N_MODEL_RESAMPLES,
    Association,
    correlation,
    correlation_difference,
    correlation_given,
    partial_correlation,
    pearson,
    principal_map,
    rank_correlation,
)
from iaside_audit.statistics.scores import importance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.robustness.prediction import PredictionForm
    from iaside_audit.robustness.study.columns import ModelTable
    from iaside_audit.types import FloatMatrix, FloatVector

N_CONDITION_RESAMPLES: Final = 2000
"""Of models, where every resample holds all conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """How closely one predictor follows one measured figure, over models.

    Parameters
    ----------
    predictor, measured : str
        Names of the two columns.
    pearson, spearman : Association
        Correlations.
    given_clean_error : Association
        Partial correlation of Pearson.
    beyond_clean_error, beyond_midpoint : Association
        How much larger the correlation is than that of the predictor without a spectrum, both
        signed so that more is better; paired over models.
    without_lineage : mapping of str to float
        The correlation of Pearson without the models of one lineage, for each lineage.
    """

    predictor: str
    measured: str
    pearson: Association
    spearman: Association
    given_clean_error: Association
    beyond_clean_error: Association
    beyond_midpoint: Association
    without_lineage: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinModels:
    """Which condition hurts a model: correlations across conditions, within each model.

    `error` and `log_loss` are means over the models; `by_model` holds each model's correlation
    with the error.
    """

    form: str
    error: Association
    log_loss: Association
    by_model: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossConditions:
    """Which model is hurt more by a corruption: partial correlations given clean error.

    `mean` is over the conditions; `share_positive` the share of conditions above 0.
    """

    form: str
    mean: Association
    share_positive: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyAnalysis:
    """Everything that follows from the rows of a study.

    Parameters
    ----------
    predictors, measured : mapping of str to mapping of str to float
        By model, then by name.
    pairings : tuple of Pairing
        Every predictor with every measured figure.
    within : tuple of WithinModels
        For each form.
    across : tuple of AcrossConditions
        For each form.
    held_out : HeldOut or None
        None below eight models.
    profiles : mapping of str to tuple of float
        Importance of every band, by model.
    places : mapping of str to (float, float)
        Each model's place on the map of profiles.
    place_shares : (float, float)
        Share of the variance that each axis of the map shows.
    default_form : str
        The form that the words of the study are about: that of `held_out` where there is one.
    """

    predictors: dict[str, dict[str, float]]
    measured: dict[str, dict[str, float]]
    pairings: tuple[Pairing, ...]
    within: tuple[WithinModels, ...]
    across: tuple[AcrossConditions, ...]
    held_out: HeldOut | None
    profiles: dict[str, tuple[float, ...]]
    places: dict[str, tuple[float, float]]
    place_shares: tuple[float, float]
    default_form: str

    def pairing(self, predictor: str, measured: str = CORRUPTION_ERROR) -> Pairing:
        """Return one pairing by its names."""
        return next(
            one for one in self.pairings if one.predictor == predictor and one.measured == measured
        )


def analyse(
    tables: Sequence[ModelTable],
    *,
    seed: int,
    confidence: float,
    n_resamples: int = N_MODEL_RESAMPLES,
) -> StudyAnalysis:
    """Compute every association of a study.

    Parameters
    ----------
    tables : sequence of ModelTable
        At least four models.
    seed : int
        Of resamples and splits.
    confidence : float
        Of every interval, in (0, 1).
    n_resamples : int
        Of models.

    Raises
    ------
    SpecError
        If there are too few models.
    """
    if len(tables) < MIN_MODELS:
        raise SpecError(
            f"Expected at least {MIN_MODELS} models with every part of the study, found "
            f"{len(tables)}. Add models, or see which ones failed."
        )
    predictors = {one.id: one.predictors() for one in tables}
    measured = {one.id: one.measured() for one in tables}
    forms = [form for form in tables[0].forms() if all(form in one.predicted for one in tables)]
    bootstrap = Bootstrap(seed=seed, confidence=confidence, n_resamples=n_resamples)
    pairings = _pairings(tables, predictors, measured, bootstrap)
    held_out = hold_out(tables, forms, bootstrap)
    profiles = {one.id: importance(one.audited_shapley.mean(axis=0)) for one in tables}
    places, shares = principal_map(np.array(list(profiles.values())))
    return StudyAnalysis(
        predictors=predictors,
        measured=measured,
        pairings=pairings,
        within=tuple(_within(tables, form, bootstrap) for form in forms),
        across=tuple(_across(tables, form, bootstrap) for form in forms),
        held_out=held_out,
        profiles={name: tuple(profile.tolist()) for name, profile in profiles.items()},
        places={
            name: (float(place[0]), float(place[1]))
            for name, place in zip(profiles, places, strict=True)
        },
        place_shares=(float(shares[0]), float(shares[1])),
        default_form=DEFAULT_FORM.name if held_out is None else held_out.form,
    )


def _column(numbers: dict[str, dict[str, float]], name: str) -> FloatVector:
    return np.array([one[name] for one in numbers.values()])


def _pairings(
    tables: Sequence[ModelTable],
    predictors: dict[str, dict[str, float]],
    measured: dict[str, dict[str, float]],
    bootstrap: Bootstrap,
) -> tuple[Pairing, ...]:
    """Pair every predictor with every measured figure."""
    lineages = np.array([one.lineage for one in tables])
    first = tables[0].id
    clean = _column(predictors, CLEAN_ERROR)
    middle = _column(predictors, MIDPOINT)
    found = []
    for truth_name in measured[first]:
        truth = _column(measured, truth_name)
        for name in predictors[first]:
            column = _column(predictors, name)
            signed = direction(name) * column
            pair = np.stack([column, truth])
            found.append(
                Pairing(
                    predictor=name,
                    measured=truth_name,
                    pearson=bootstrap.associate(pair, correlation),
                    spearman=bootstrap.associate(pair, rank_correlation),
                    given_clean_error=bootstrap.associate(
                        np.stack([column, truth, clean]), correlation_given
                    ),
                    beyond_clean_error=bootstrap.associate(
                        np.stack([signed, clean, truth]), correlation_difference
                    ),
                    beyond_midpoint=bootstrap.associate(
                        np.stack([signed, middle, truth]), correlation_difference
                    ),
                    without_lineage={
                        str(lineage): float(pearson(*pair[:, lineages != lineage]))
                        for lineage in dict.fromkeys(lineages.tolist())
                        if (lineages != lineage).sum() >= MIN_MODELS
                    },
                )
            )
    return tuple(found)


def _within(
    tables: Sequence[ModelTable], form: PredictionForm, bootstrap: Bootstrap
) -> WithinModels:
    """Correlate across the conditions of each model."""
    predicted = np.stack([one.predicted[form].mean(axis=0) for one in tables])
    by_error = pearson(predicted, np.stack([one.wrong.mean(axis=0) for one in tables]))
    by_loss = pearson(predicted, np.stack([one.log_loss.mean(axis=0) for one in tables]))

    return WithinModels(
        form=form.name,
        error=bootstrap.associate(by_error[None, :], mean_of_first),
        log_loss=bootstrap.associate(by_loss[None, :], mean_of_first),
        by_model={one.id: float(value) for one, value in zip(tables, by_error, strict=True)},
    )


def _across(
    tables: Sequence[ModelTable], form: PredictionForm, bootstrap: Bootstrap
) -> AcrossConditions:
    """Correlate over models, condition by condition, given clean error."""
    predicted = np.stack([one.predicted[form].mean(axis=0) for one in tables], axis=-1)
    wrong = np.stack([one.wrong.mean(axis=0) for one in tables], axis=-1)
    clean = np.array([one.clean_wrong.mean() for one in tables])
    n_conditions = len(predicted)

    def by_condition(columns: FloatMatrix) -> FloatMatrix:
        return partial_correlation(
            columns[..., :n_conditions, :],
            columns[..., n_conditions:-1, :],
            columns[..., -1:, :],
        )

    def mean(columns: FloatMatrix) -> FloatVector:
        found = by_condition(columns)
        is_defined = np.isfinite(found)
        total = np.where(is_defined, found, 0).sum(axis=-1)
        count = is_defined.sum(axis=-1)
        means: FloatVector = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return means

    columns = np.concatenate([predicted, wrong, clean[None, :]])
    found = by_condition(columns)
    defined = found[np.isfinite(found)]
    return AcrossConditions(
        form=form.name,
        mean=bootstrap.associate(columns, mean, most=N_CONDITION_RESAMPLES),
        share_positive=float((defined > 0).mean()) if defined.size else np.nan,
    )
