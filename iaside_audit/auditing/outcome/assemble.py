"""From value rows to the numbers of a result (METHOD.md, sections 4 to 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.choices import Estimator, Mode
from iaside_audit.games import (
    controlled_shapley,
    is_controlled,
    shapley_values,
    value_table,
)
from iaside_audit.result import (
    Accuracy,
    BandResult,
    EstimatorRecord,
    Score,
    ScoreValue,
    ValuesRecord,
)
from iaside_audit.statistics import N_RESAMPLES, estimate_profile, null_level, value_function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.rows import ValueRow, ValueRows
    from iaside_audit.spec import AuditSpec
    from iaside_audit.statistics import ProfileEstimate
    from iaside_audit.types import FloatMatrix, FloatVector

MIN_REFERENCE_BATCHES: Final = 8
"""Fewer batches give no intervals in reference mode (METHOD.md, section 7)."""
MEAN_GAME: Final = "mean_game"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageProfiles:
    """What each image says by itself.

    Parameters
    ----------
    shapley : (n, M) float64
        In the unit of the value function.
    empty, grand : (n,) float64
        Values of the empty and the grand coalition.
    correct : (n,) float64
        1 where the unfiltered prediction is the label, else 0; NaN with the model's own labels.
    table : (n, 2**M) float64 or None
        Every coalition's value by bit code, where every coalition was evaluated.
    """

    shapley: FloatMatrix
    empty: FloatVector
    grand: FloatVector
    correct: FloatVector
    table: FloatMatrix | None = None

    @property
    def efficiency_residual(self) -> float:
        """Largest distance of an image's Shapley values from adding up to v(all) - v(empty)."""
        with np.errstate(invalid="ignore"):
            residuals = np.abs(self.shapley.sum(axis=1) - (self.grand - self.empty))
        return float(residuals.max())


def image_profiles(
    rows: ValueRows, spec: AuditSpec, estimator: Estimator, *, labels_are_own: bool
) -> ImageProfiles:
    """Compute every image's Shapley values from its row."""
    table = None
    with np.errstate(invalid="ignore"):  # reference mode may hold -inf; it is reported
        values = value_function(spec.value)(rows.log_p, rows.best_other)
        if estimator == Estimator.EXACT:
            table = value_table(rows.coalitions[0], values, n_players=spec.bands)
            shapley = shapley_values(table, n_players=spec.bands)
        else:
            shapley = controlled_shapley(rows.coalitions, values, n_players=spec.bands)
    correct = (rows.prediction == rows.label).astype(np.float64)
    if labels_are_own:
        correct = np.full_like(correct, np.nan)
    return ImageProfiles(
        shapley=shapley,
        empty=values[:, 0],
        grand=values[:, 1],
        correct=correct,
        table=table,
    )


def estimate(
    profiles: ImageProfiles, spec: AuditSpec, *, n_resamples: int = N_RESAMPLES
) -> ProfileEstimate:
    """Estimate the model's profile; the unit is the image, or the batch in reference mode."""
    return estimate_profile(
        unit_means(profiles.shapley, spec),
        unit_means(profiles.empty, spec),
        unit_means(profiles.grand, spec),
        unit_means(profiles.correct, spec),
        beta=spec.beta,
        confidence=spec.confidence,
        seed=spec.seed,
        method=spec.interval,
        n_resamples=n_resamples,
        min_units=min_units(spec),
    )


def unit_means(column: FloatMatrix, spec: AuditSpec) -> FloatMatrix:
    """Average over the images of each unit: one image, or a batch in reference mode."""
    n_images = spec.reference_batch if spec.mode == Mode.REFERENCE else 1
    means: FloatMatrix = column.reshape(-1, n_images, *column.shape[1:]).mean(axis=1)
    return means


def min_units(spec: AuditSpec) -> int:
    """Return how many units an interval takes at least."""
    return MIN_REFERENCE_BATCHES if spec.mode == Mode.REFERENCE else 2


def band_results(profile: ProfileEstimate, edges: Sequence[float]) -> tuple[BandResult, ...]:
    """Return the bands of an estimate."""
    return tuple(
        BandResult(
            index=band,
            low=float(edges[band]),
            high=float(edges[band + 1]),
            shapley=float(profile.shapley[band]),
            standard_error=float(profile.shapley_se[band]),
            interval=_interval(profile.shapley_interval[band]),
            importance=float(profile.importance[band]),
            importance_standard_error=float(profile.importance_se[band]),
            importance_interval=_interval(profile.importance_interval[band]),
            at_boundary=bool(profile.at_boundary[band]),
        )
        for band in range(len(profile.shapley))
    )


def score_result(profile: ProfileEstimate, spec: AuditSpec) -> Score:
    """Return the three scores beside their null levels."""
    null = null_level(spec.bands, spec.beta)
    return Score(
        paper=ScoreValue(
            value=profile.paper,
            standard_error=profile.paper_se,
            interval=profile.paper_interval,
            percentile=null.percentile("paper", profile.paper),
        ),
        signed=signed_score_value(profile, spec),
        comparable=ScoreValue(
            value=profile.comparable,
            standard_error=profile.comparable_se,
            interval=profile.comparable_interval,
            percentile=null.percentile("comparable", profile.comparable),
        ),
        null_q95=null.q95,
        null_quantiles={str(kind): ends for kind, ends in null.quantiles.items()},
        beta=spec.beta,
    )


def signed_score_value(profile: ProfileEstimate, spec: AuditSpec) -> ScoreValue:
    """Return the signed score beside its null level."""
    null = null_level(spec.bands, spec.beta)
    return ScoreValue(
        value=profile.signed,
        standard_error=profile.signed_se,
        interval=profile.signed_interval,
        percentile=null.percentile("signed", profile.signed),
    )


def values_record(
    profile: ProfileEstimate, profiles: ImageProfiles, rows: Sequence[ValueRow]
) -> ValuesRecord:
    """Return the values of the empty and the grand coalition, and how well the numbers close."""
    n_values = sum(row.coalitions.size for row in rows)
    return ValuesRecord(
        empty=profile.empty,
        empty_standard_error=profile.empty_se,
        empty_interval=profile.empty_interval,
        grand=profile.grand,
        grand_standard_error=profile.grand_se,
        grand_interval=profile.grand_interval,
        efficiency_residual=profiles.efficiency_residual,
        floored_share=sum(row.n_floored for row in rows) / n_values,
    )


def accuracy_result(profile: ProfileEstimate) -> Accuracy:
    """Return top-1 on the unfiltered images."""
    return Accuracy(
        top1=profile.top1, standard_error=profile.top1_se, interval=profile.top1_interval
    )


def estimator_record(
    spec: AuditSpec,
    estimator: Estimator,
    *,
    n_images: int,
    n_evaluations: int,
    converged: bool | None,
) -> EstimatorRecord:
    """Return how the Shapley values were estimated."""
    walks = estimator == Estimator.PERMUTATION
    controlled = is_controlled(n_images=n_images, n_players=spec.bands)
    return EstimatorRecord(
        kind=estimator.value,
        n_images=n_images,
        n_evaluations=n_evaluations,
        converged=converged,
        pairs=spec.pairs if walks else None,
        control_variate=MEAN_GAME if walks and controlled else None,
    )


def _interval(ends: FloatVector) -> tuple[float, float]:
    return float(ends[0]), float(ends[1])
