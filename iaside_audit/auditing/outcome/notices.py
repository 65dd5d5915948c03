"""What a reader of the numbers of a result must know: the warnings that follow from them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.auditing.outcome.assemble import MIN_REFERENCE_BATCHES
from iaside_audit.auditing.outcome.chance import is_near_chance, may_be_guessing
from iaside_audit.choices import MIN_BANDS, SAME_NATS, Mode
from iaside_audit.result import IMAGES_FAILED, AuditWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iaside_audit.result import ChecksRecord, FailedImage, ValuesRecord
    from iaside_audit.spec import AuditSpec
    from iaside_audit.statistics import ProfileEstimate

STOPPED_EARLY: Final = "stopped_early"
FEW_IMAGES: Final = 30
FLOORED_SHARE: Final = 1e-3
EFFICIENCY_TOLERANCE: Final = 1e-4


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
    elif like_guessing := _like_guessing(spec, profile, n_classes):
        yield AuditWarning(
            code="near_chance",
            message=f"Top-1 on the unfiltered images is {profile.top1:.1%}, {like_guessing}: "
            f"guessing among {n_classes} classes has {1 / n_classes:.1%}. Check labels and "
            "preprocessing, an audit of a broken pipeline means nothing.",
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


def _like_guessing(spec: AuditSpec, profile: ProfileEstimate, n_classes: int) -> str:
    """Say how top-1 is like that of guessing; an empty string where it is not."""
    if is_near_chance(profile.top1, n_classes):
        return "near chance"
    n_images = profile.n_units * (spec.reference_batch if spec.mode == Mode.REFERENCE else 1)
    if may_be_guessing(round(profile.top1 * n_images), n_images, n_classes):
        return f"no more than luck may reach on {n_images} images"
    return ""


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
    >>> from iaside_audit.result import FailedImage
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
        code=STOPPED_EARLY,
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
    if not checks.repeat_difference <= SAME_NATS:
        yield AuditWarning(
            code="not_deterministic",
            message="The model gives different answers to the same input: log-probabilities differ "
            f"by up to {checks.repeat_difference:.1e} nats between two runs.",
        )
    if checks.batch_difference is not None and not checks.batch_difference <= SAME_NATS:
        yield AuditWarning(
            code="batch_variance",
            message="The model's answer to an image depends on the others in its batch: "
            f"log-probabilities differ by up to {checks.batch_difference:.1e} nats from those of "
            "the image alone. Try --batch 1.",
        )
