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
    N_MODEL_RESAMPLES,
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

CLAIMED_R: Final = 0.92
"""|r| that the paper reports between its score and corruption error (arXiv 2408.01139)."""
N_SPLITS: Final = 200
"""Random halves of models and images: quantiles of 5 % then lie on ten of them."""
N_CONDITION_RESAMPLES: Final = 2000
"""Of models, where every resample holds all conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The bootstrap over models: equal seeds pair every number of a study."""

    seed: int
    confidence: float
    n_resamples: int = N_MODEL_RESAMPLES

    def associate(
        self, columns: FloatMatrix, statistic: Statistic, *, most: int | None = None
    ) -> Association:
        """Compute a statistic with its interval, from `most` resamples at most."""
        return associate(
            columns,
            statistic,
            seed=self.seed,
            confidence=self.confidence,
            n_resamples=min(self.n_resamples, most or self.n_resamples),
        )


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
    """Forms reported on models and images on which they were not chosen, in two ways.

    Parameters
    ----------
    form : str
        Chosen most often when each model in turn is left out: the one that follows the corruption
        error of the others best on the first half of the images.
    chosen_counts : dict of str to int
        How many models each form was chosen without.
    n_models, n_images : int
        Reported on: all models, and the second half of the images.
    pearson, given_clean_error, beyond_clean_error, beyond_midpoint : Association
        Of the error that is predicted for each left-out model by a straight line through the
        others, with the measured error, both on the second half of the images.
    within_form : str
        The form that orders the conditions of the others best on the first half of the images,
        chosen most often.
    within : Association
        Correlation across the conditions of each left-out model, on the second half of the images,
        in the form chosen without it: the mean over the models.
    halves_median, halves_spread : float and (float, float)
        Correlation on one half of models and images of the form chosen on the other half: the
        median over random halves, and the middle 90 % of them.
    halves_claimed : float
        Share of the halves in which it reaches :data:`CLAIMED_R`.
    halves_counts : dict of str to int
        How often each form was chosen there.
    """

    form: str
    chosen_counts: dict[str, int]
    n_models: int
    n_images: int
    pearson: Association
    given_clean_error: Association
    beyond_clean_error: Association
    beyond_midpoint: Association
    within_form: str
    within: Association
    halves_median: float
    halves_spread: Interval
    halves_claimed: float
    halves_counts: dict[str, int]


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
        error=bootstrap.associate(by_error[None, :], _mean_of_first),
        log_loss=bootstrap.associate(by_loss[None, :], _mean_of_first),
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


def hold_out(
    tables: Sequence[ModelTable],
    forms: Sequence[PredictionForm],
    bootstrap: Bootstrap,
    *,
    n_splits: int = N_SPLITS,
) -> HeldOut | None:
    """Report forms on models and images on which they were not chosen.

    Parameters
    ----------
    tables : sequence of ModelTable
        Fewer than eight models give None: half of them carry no correlation.
    forms : sequence of PredictionForm
        To choose from.
    bootstrap : Bootstrap
        Of the intervals; its seed is that of the halves too.
    n_splits : int
        Random halves of models and images.
    """
    if len(tables) < 2 * MIN_MODELS or not forms:
        return None
    generator = np.random.default_rng(np.random.SeedSequence([bootstrap.seed, len(tables)]))
    images = sorted(set.intersection(*(set(one.image_id) for one in tables)))
    places = [np.array([one.image_id.index(image) for image in images]) for one in tables]
    names = [form.name for form in forms]

    def columns(chosen: NDArray[np.int64]) -> dict[str, FloatVector]:
        """Return every number over some images, by name, models along each column."""
        rows = [
            one.predictors(place[chosen]) | one.measured(place[chosen])
            for one, place in zip(tables, places, strict=True)
        ]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def best_form(numbers: dict[str, FloatVector], models: NDArray[np.int64]) -> str:
        truth = numbers[CORRUPTION_ERROR][models]
        followed = pearson(np.stack([numbers[name][models] for name in names]), truth)
        return names[int(np.nanargmax(followed))]

    first_half, second_half = _halves(generator, len(images))
    first, second = columns(first_half), columns(second_half)
    everyone = np.arange(len(tables))
    chosen, predicted = [], np.empty(len(tables))
    for left_out in everyone.tolist():
        others = np.delete(everyone, left_out)
        name = best_form(first, others)
        slope, level = np.polyfit(second[name][others], second[CORRUPTION_ERROR][others], 1)
        predicted[left_out] = level + slope * second[name][left_out]
        chosen.append(name)

    within_chosen, within = _within_left_out(tables, forms, places, first_half, second_half)
    correlations, halves_chosen = [], []
    for _ in range(n_splits):
        models, other_models = _halves(generator, len(tables))
        before, after = (columns(half) for half in _halves(generator, len(images)))
        name = best_form(before, models)
        truth = after[CORRUPTION_ERROR][other_models]
        correlations.append(float(pearson(after[name][other_models], truth)))
        halves_chosen.append(name)
    low, median, high = np.nanquantile(correlations, [0.05, 0.5, 0.95])
    truth, clean, middle = (second[name] for name in (CORRUPTION_ERROR, CLEAN_ERROR, MIDPOINT))

    def over(statistic: Statistic, *rows: FloatVector) -> Association:
        return bootstrap.associate(np.stack(rows), statistic)

    return HeldOut(
        form=max(chosen, key=chosen.count),
        chosen_counts={name: chosen.count(name) for name in dict.fromkeys(chosen)},
        n_models=len(tables),
        n_images=len(images) // 2,
        pearson=over(correlation, predicted, truth),
        given_clean_error=over(correlation_given, predicted, truth, clean),
        beyond_clean_error=over(correlation_difference, predicted, clean, truth),
        beyond_midpoint=over(correlation_difference, predicted, middle, truth),
        within_form=max(within_chosen, key=within_chosen.count),
        within=bootstrap.associate(within[None, :], _mean_of_first),
        halves_median=float(median),
        halves_spread=(float(low), float(high)),
        halves_claimed=float((np.array(correlations) >= CLAIMED_R).mean()),
        halves_counts={name: halves_chosen.count(name) for name in dict.fromkeys(halves_chosen)},
    )


def _within_left_out(
    tables: Sequence[ModelTable],
    forms: Sequence[PredictionForm],
    places: Sequence[NDArray[np.intp]],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> tuple[list[str], FloatVector]:
    """Choose the form that orders conditions without each model, and correlate within it."""

    def within(half: NDArray[np.int64]) -> FloatMatrix:
        """Return the correlation across conditions of each form (row) in each model (column)."""
        found = np.empty((len(forms), len(tables)))
        for column, (one, place) in enumerate(zip(tables, places, strict=True)):
            at = place[half]
            predicted = np.stack([one.predicted[form][at].mean(axis=0) for form in forms])
            found[:, column] = pearson(predicted, one.wrong[at].mean(axis=0))
        return found

    before, after = within(first), within(second)
    chosen = [
        int(np.nanargmax(np.delete(before, left_out, axis=1).mean(axis=1)))
        for left_out in range(len(tables))
    ]
    return [forms[one].name for one in chosen], after[chosen, np.arange(len(tables))]


def _mean_of_first(columns: FloatMatrix) -> FloatVector:
    means: FloatVector = columns[..., 0, :].mean(axis=-1)
    return means


def _halves(generator: np.random.Generator, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut a random order of n things into two halves."""
    order = generator.permutation(n)
    return order[: n // 2], order[n // 2 :]
