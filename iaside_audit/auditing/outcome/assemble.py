"""From value rows to the numbers of a result (METHOD.md, sections 4 to 6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.auditing.outcome.chance import is_near_chance, may_be_guessing
from iaside_audit.choices import MIN_BANDS, Estimator, Mode
from iaside_audit.games import (
    controlled_shapley,
    is_controlled,
    shapley_values,
    value_table,
)
from iaside_audit.result import (
    IMAGES_FAILED,
    Accuracy,
    AuditWarning,
    BandResult,
    ChecksRecord,
    EstimatorRecord,
    FailedImage,
    Score,
    ScoreValue,
    ValuesRecord,
)
from iaside_audit.statistics import N_RESAMPLES, estimate_profile, null_level, value_function

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iaside_audit.rows import ValueRow, ValueRows
    from iaside_audit.spec import AuditSpec
    from iaside_audit.statistics import ProfileEstimate
    from iaside_audit.types import FloatMatrix, FloatVector

MIN_REFERENCE_BATCHES: Final = 8
"""Fewer batches give no intervals in reference mode (METHOD.md, section 7)."""
FEW_IMAGES: Final = 30
FLOORED_SHARE: Final = 1e-3
EFFICIENCY_TOLERANCE: Final = 1e-4
MEAN_GAME: Final = "mean_game"
SAME: Final = 1e-4
"""Log-probabilities that differ by less are the same, in nats (DESIGN.md)."""


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


def number_warnings(
    spec: AuditSpec, profile: ProfileEstimate, values: ValuesRecord, *, n_classes: int
) -> list[AuditWarning]:
    """Return what a reader of the numbers must know."""
    return list(_number_warnings(spec, profile, values, n_classes))


def _number_warnings(
    spec: AuditSpec, profile: ProfileEstimate, values: ValuesRecord, n_classes: int
) -> Iterator[AuditWarning]:
    if not np.isfinite(profile.shapley).all():
        yield AuditWarning(
            code="not_finite",
            message="Some values are not finite (a probability underflowed to 0), so Shapley "
            "values and scores are not defined.",
        )
    elif float(np.ptp(profile.importance)) == 0:
        yield AuditWarning(
            code="all_equal",
            message="All Shapley values are equal: importance is uniform by definition, and the "
            "scores are 0.",
        )
    if len(profile.shapley) == MIN_BANDS:
        yield AuditWarning(
            code="two_bands",
            message="Of two bands one has all the importance, so the scores have two values only "
            "and say no more than which: read the Shapley values, or use more bands.",
        )
    if spec.mode == Mode.REFERENCE and profile.n_units < MIN_REFERENCE_BATCHES:
        yield AuditWarning(
            code="no_intervals",
            message=f"Batches: {profile.n_units}. Intervals need {MIN_REFERENCE_BATCHES} in "
            "reference mode, where the batch is the unit.",
        )
    elif spec.mode == Mode.CORRECTED and profile.n_units < FEW_IMAGES:
        yield AuditWarning(code="few_images", message=_few_images(profile.n_units, spec))
    if spec.baseline == "shuffle" and math.isfinite(profile.signed_interval[0]):
        yield AuditWarning(
            code="approximate_intervals",
            message="With --baseline shuffle two rows may share an image, so they are not quite "
            "independent: every interval is approximate.",
        )
    if values.floored_share > FLOORED_SHARE:
        yield AuditWarning(
            code="floored",
            message=f"{values.floored_share:.2%} of the probabilities were too small to tell from "
            "0 and were raised to the smallest that can be; Shapley values may be cut short.",
        )
    if values.efficiency_residual > EFFICIENCY_TOLERANCE:
        yield AuditWarning(
            code="efficiency",
            message="The Shapley values of an image miss v(all) - v(empty) by "
            f"{values.efficiency_residual:.1e}.",
        )
    if math.isnan(profile.top1):
        yield AuditWarning(
            code="labels_self",
            message="The labels are the model's own answers: accuracy is not measured, and a "
            "mistake counts as right.",
        )
    elif _is_like_guessing(spec, profile, n_classes):
        yield AuditWarning(
            code="near_chance",
            message=f"Top-1 on the unfiltered images is {profile.top1:.1%}, near chance: guessing "
            f"among {n_classes} classes has {1 / n_classes:.1%}. Check labels and preprocessing, "
            "an audit of a broken pipeline means nothing.",
        )
    if -math.inf < profile.grand < profile.empty:
        yield AuditWarning(
            code="loss",
            message=f"The model does worse with all bands ({profile.grand:.3g}) than with none "
            f"({profile.empty:.3g}): the Shapley values share out a loss, and importance and "
            "scores, which see only their differences, do not show it.",
        )


def _few_images(n_images: int, spec: AuditSpec) -> str:
    """Say what so few images are worth."""
    if n_images == 1:
        return "Images: 1. One image has no intervals, and describes itself more than the model."
    message = (
        f"Images: {n_images}. Below {FEW_IMAGES}, intervals are rough and describe these images "
        "more than the model."
    )
    # No resample lies beyond the images themselves, and all n lie on one side of a median in 2 of
    # 2**n cases.
    at_best = 1 - 2 ** (1 - n_images)
    if at_best < spec.confidence:
        message += f" Of so few they hold the truth {at_best:.0%} of the time at best."
    return message


def _is_like_guessing(spec: AuditSpec, profile: ProfileEstimate, n_classes: int) -> bool:
    """Say whether top-1 is about that of guessing, or one that so few images reach by guessing."""
    n_images = profile.n_units * (spec.reference_batch if spec.mode == Mode.REFERENCE else 1)
    n_right = round(profile.top1 * n_images)
    return is_near_chance(profile.top1, n_classes) or may_be_guessing(n_right, n_images, n_classes)


def failure_warning(failed: Sequence[FailedImage], *, n_used: int) -> AuditWarning:
    """Return what a reader of the numbers must know of images that are not behind them.

    Parameters
    ----------
    failed : sequence of FailedImage
        At least one.
    n_used : int
        Images that could be used.

    Examples
    --------
    >>> gone = FailedImage(path="cat/7.png", reason="found no file.")
    >>> failure_warning([gone], n_used=59).message
    '1 of 60 images could not be used and was left out of every number. cat/7.png: found no file.'
    """
    n_failed, first = len(failed), failed[0]
    were = "was" if n_failed == 1 else "were"
    the_first = "" if n_failed == 1 else "The first: "
    why = first.reason if first.path in first.reason else f"{first.path}: {first.reason}"
    return AuditWarning(
        code=IMAGES_FAILED,
        message=f"{n_failed} of {n_failed + n_used} images could not be used and {were} left out "
        f"of every number. {the_first}{why.rstrip('.')}.",
    )


def stopped_warning(*, n_used: int, n_planned: int) -> AuditWarning:
    """Return what a reader must know of the numbers of an audit that was cancelled.

    Parameters
    ----------
    n_used : int
        Images behind the numbers.
    n_planned : int
        Images that the whole audit may take.
    """
    return AuditWarning(
        code="stopped_early",
        message=f"The audit was stopped: its numbers are those of {n_used} of {n_planned} images. "
        "The same command goes on with the others.",
    )


def with_failures(
    known: Sequence[AuditWarning],
    failed: Sequence[FailedImage],
    *,
    n_known: int,
    n_used: int,
) -> tuple[AuditWarning, ...]:
    """Return the warnings with one of all images left out, not one for each stage.

    Parameters
    ----------
    known : sequence of AuditWarning
        Those of the preparation, which may name the images that failed in it.
    failed : sequence of FailedImage
        All images left out, those of the preparation first.
    n_known : int
        How many failed in the preparation.
    n_used : int
        Images behind the numbers.
    """
    if len(failed) == n_known:
        return tuple(known)
    others = (one for one in known if one.code != IMAGES_FAILED)
    return (*others, failure_warning(failed, n_used=n_used))


def check_warnings(checks: ChecksRecord) -> Iterator[AuditWarning]:
    """Yield what the checks of a session found that a reader of the numbers must know."""
    if not checks.repeat_difference <= SAME:
        yield AuditWarning(
            code="not_deterministic",
            message="The model gives different answers to the same input: log-probabilities differ "
            f"by up to {checks.repeat_difference:.1e} nats between two runs.",
        )
    if checks.batch_difference is not None and not checks.batch_difference <= SAME:
        yield AuditWarning(
            code="batch_variance",
            message="The model's answer to an image depends on the others in its batch: "
            f"log-probabilities differ by up to {checks.batch_difference:.1e} nats from those of "
            "the image alone. Try --batch 1.",
        )


def _interval(ends: FloatVector) -> tuple[float, float]:
    return float(ends[0]), float(ends[1])
