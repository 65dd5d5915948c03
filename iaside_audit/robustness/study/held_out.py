"""Forms of the prediction, reported on models and images on which they were not chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.robustness.study.columns import CLEAN_ERROR, CORRUPTION_ERROR, MIDPOINT
from iaside_audit.robustness.study.resampling import mean_of_first
from iaside_audit.statistics.association import (
    MIN_MODELS,
    correlation,
    correlation_difference,
    correlation_given,
    pearson,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.robustness.prediction import PredictionForm
    from iaside_audit.robustness.study.columns import ModelTable
    from iaside_audit.robustness.study.resampling import Bootstrap
    from iaside_audit.statistics.association import Association, Statistic
    from iaside_audit.types import FloatMatrix, FloatVector, Interval

CLAIMED_R: Final = 0.92
"""|r| that the paper reports between its score and corruption error (arXiv 2408.01139)."""
N_SPLITS: Final = 200
"""Random halves of models and images: quantiles of 5 % then lie on ten of them."""


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
        within=bootstrap.associate(within[None, :], mean_of_first),
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


def _halves(generator: np.random.Generator, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut a random order of n things into two halves."""
    order = generator.permutation(n)
    return order[: n // 2], order[n // 2 :]
