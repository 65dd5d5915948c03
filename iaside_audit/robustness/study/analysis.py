"""How closely what an audit predicts follows what is measured, over the models of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.errors import SpecError
from iaside_audit.robustness.study.columns import (
    CLEAN_ERROR,
    CORRUPTION_ERROR,
    DEFAULT_FORM,
    MIDPOINT,
    direction,
)
from iaside_audit.statistics.association import (
    MIN_MODELS,
    Association,
    associate,
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

    from numpy.typing import NDArray

    from iaside_audit.robustness.study.columns import ModelTable, PredictionForm
    from iaside_audit.statistics.association import Statistic
    from iaside_audit.types import FloatMatrix, FloatVector, Interval

    Half = tuple[NDArray[np.int64], NDArray[np.int64]]

N_SPLITS: Final = 200
"""Random halves of models and images; the first is the one that is reported."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The form chosen on one half of models and images, reported on the other half.

    Parameters
    ----------
    form : str
        The one that followed the corruption error best on the first half.
    chosen_at : float
        Its correlation there.
    n_models, n_images : int
        Of the second half.
    pearson, given_clean_error, beyond_clean_error, beyond_midpoint : Association
        On the second half.
    median, spread : float and (float, float)
        Of the correlation on the second half over random splits; the middle 90 % of them.
    chosen_counts : dict of str to int
        How often each form was chosen.
    """

    form: str
    chosen_at: float
    n_models: int
    n_images: int
    pearson: Association
    given_clean_error: Association
    beyond_clean_error: Association
    beyond_midpoint: Association
    median: float
    spread: Interval
    chosen_counts: dict[str, int]


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
        The form that the words of the study are about: the one chosen on the first half where
        there is one.
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


def analyse(tables: Sequence[ModelTable], *, seed: int, confidence: float) -> StudyAnalysis:
    """Compute every association of a study.

    Parameters
    ----------
    tables : sequence of ModelTable
        At least four models.
    seed : int
        Of resamples and splits.
    confidence : float
        Of every interval, in (0, 1).

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
    pairings = _pairings(tables, predictors, measured, seed=seed, confidence=confidence)
    held_out = hold_out(tables, forms, seed=seed, confidence=confidence)
    profiles = {one.id: importance(one.audited_shapley.mean(axis=0)) for one in tables}
    places, shares = principal_map(np.array(list(profiles.values())))
    return StudyAnalysis(
        predictors=predictors,
        measured=measured,
        pairings=pairings,
        within=tuple(_within(tables, form, seed=seed, confidence=confidence) for form in forms),
        across=tuple(_across(tables, form, seed=seed, confidence=confidence) for form in forms),
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
    *,
    seed: int,
    confidence: float,
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
                    pearson=associate(pair, correlation, seed=seed, confidence=confidence),
                    spearman=associate(pair, rank_correlation, seed=seed, confidence=confidence),
                    given_clean_error=associate(
                        np.stack([column, truth, clean]),
                        correlation_given,
                        seed=seed,
                        confidence=confidence,
                    ),
                    beyond_clean_error=associate(
                        np.stack([signed, clean, truth]),
                        correlation_difference,
                        seed=seed,
                        confidence=confidence,
                    ),
                    beyond_midpoint=associate(
                        np.stack([signed, middle, truth]),
                        correlation_difference,
                        seed=seed,
                        confidence=confidence,
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
    tables: Sequence[ModelTable], form: PredictionForm, *, seed: int, confidence: float
) -> WithinModels:
    """Correlate across the conditions of each model."""
    predicted = np.stack([one.predicted[form].mean(axis=0) for one in tables])
    by_error = pearson(predicted, np.stack([one.wrong.mean(axis=0) for one in tables]))
    by_loss = pearson(predicted, np.stack([one.log_loss.mean(axis=0) for one in tables]))

    def mean(columns: FloatMatrix) -> FloatVector:
        means: FloatVector = columns[..., 0, :].mean(axis=-1)
        return means

    return WithinModels(
        form=form.name,
        error=associate(by_error[None, :], mean, seed=seed, confidence=confidence),
        log_loss=associate(by_loss[None, :], mean, seed=seed, confidence=confidence),
        by_model={one.id: float(value) for one, value in zip(tables, by_error, strict=True)},
    )


def _across(
    tables: Sequence[ModelTable], form: PredictionForm, *, seed: int, confidence: float
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
        means: FloatVector = total / np.maximum(is_defined.sum(axis=-1), 1)
        return means

    columns = np.concatenate([predicted, wrong, clean[None, :]])
    found = by_condition(columns)
    return AcrossConditions(
        form=form.name,
        mean=associate(
            columns, mean, seed=seed, confidence=confidence, n_resamples=N_CONDITION_RESAMPLES
        ),
        share_positive=float((found[np.isfinite(found)] > 0).mean()),
    )


def hold_out(
    tables: Sequence[ModelTable],
    forms: Sequence[PredictionForm],
    *,
    seed: int,
    confidence: float,
    n_splits: int = N_SPLITS,
) -> HeldOut | None:
    """Choose the form on one half of models and images, and report it on the other half.

    Parameters
    ----------
    tables : sequence of ModelTable
        Fewer than eight models give None: half of them carry no correlation.
    forms : sequence of PredictionForm
        To choose from.
    seed : int
        Of the splits.
    confidence : float
        Of the intervals.
    n_splits : int
        The first is reported; the others say how much the split matters.
    """
    if len(tables) < 2 * MIN_MODELS or not forms:
        return None
    generator = np.random.default_rng(np.random.SeedSequence([seed, len(tables)]))
    images = sorted(set.intersection(*(set(one.image_id) for one in tables)))
    places = [np.array([one.image_id.index(image) for image in images]) for one in tables]
    halves = []
    for _ in range(n_splits):
        models = generator.permutation(len(tables))
        chosen = generator.permutation(len(images))
        halves.append(
            (
                (models[: len(models) // 2], chosen[: len(chosen) // 2]),
                (models[len(models) // 2 :], chosen[len(chosen) // 2 :]),
            )
        )

    def columns(half: Half, names: Sequence[str]) -> FloatMatrix:
        """Return the named columns, then the corruption error, over one half."""
        models, chosen = half
        rows = []
        for place in models.tolist():
            at = places[place][chosen]
            numbers = tables[place].predictors(at) | tables[place].measured(at)
            rows.append([numbers[name] for name in (*names, CORRUPTION_ERROR)])
        return np.array(rows).T

    names = [form.name for form in forms]
    chosen_names, correlations, chosen_at = [], [], []
    for first, second in halves:
        before = columns(first, names)
        followed = pearson(before[:-1], before[-1:])
        best = int(np.nanargmax(followed))
        chosen_names.append(names[best])
        chosen_at.append(float(followed[best]))
        after = columns(second, [names[best]])
        correlations.append(float(pearson(after[0], after[1])))
    last = columns(halves[0][1], [chosen_names[0], CLEAN_ERROR, MIDPOINT])
    predicted, clean, middle, truth = last
    low, median, high = np.nanquantile(correlations, [0.05, 0.5, 0.95])

    def over(statistic: Statistic, *rows: FloatVector) -> Association:
        return associate(np.stack(rows), statistic, seed=seed, confidence=confidence)

    return HeldOut(
        form=chosen_names[0],
        chosen_at=chosen_at[0],
        n_models=len(halves[0][1][0]),
        n_images=len(halves[0][1][1]),
        pearson=over(correlation, predicted, truth),
        given_clean_error=over(correlation_given, predicted, truth, clean),
        beyond_clean_error=over(correlation_difference, predicted, clean, truth),
        beyond_midpoint=over(correlation_difference, predicted, middle, truth),
        median=float(median),
        spread=(float(low), float(high)),
        chosen_counts={name: chosen_names.count(name) for name in dict.fromkeys(chosen_names)},
    )
