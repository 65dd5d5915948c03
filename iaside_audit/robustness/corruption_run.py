"""How a model fares under corruptions: what is asked of a measurement, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.images import FROM_MODEL
from iaside_audit.randomness import Purpose
from iaside_audit.robustness.errors_by_corruption import summarise
from iaside_audit.robustness.near_chance import refuse_near_chance
from iaside_audit.robustness.ready_made import is_ready_made, ready_made_request
from iaside_audit.robustness.requests import CorruptionRequest, ReadyMadeRequest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from iaside_audit.robustness.errors_by_corruption import CorruptionErrors
    from iaside_audit.robustness.measured import Measured
    from iaside_audit.spec import AuditSpec

IMAGENET_CLASSES: Final = (1000, 1001)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionPlan:
    """What to run.

    Parameters
    ----------
    spec : AuditSpec
        The model, and the clean images; without clean ones, those of the first condition.
    request : CorruptionRequest or ReadyMadeRequest
        What is done to them.
    has_clean : bool
        Whether the images of `spec` are clean.
    """

    spec: AuditSpec
    request: CorruptionRequest | ReadyMadeRequest
    has_clean: bool


def plan_corruptions(
    spec: AuditSpec,
    *,
    corrupted: Path | None = None,
    names: tuple[str, ...] = (),
    severities: tuple[int, ...] = (),
) -> CorruptionPlan:
    """Decide what is measured: corruptions made here, or a folder of corrupted images.

    Parameters
    ----------
    spec : AuditSpec
        Its images are clean, or a folder laid out as ImageNet-C is.
    corrupted : Path or None
        Such a folder, beside the clean images.
    names, severities : tuple
        All, where empty.

    Raises
    ------
    SpecError
        If a corruption is unknown or not there; the nearest is named.
    """
    if corrupted is not None:
        ready_made = corruption_request(corrupted, names=names, severities=severities)
        return CorruptionPlan(spec=spec, request=ready_made, has_clean=True)
    if is_ready_made(spec.images):
        request = ready_made_request(spec.images, names=names, severities=severities)
        first = replace(spec, images=spec.images / request.folders[0])
        return CorruptionPlan(spec=first, request=request, has_clean=False)
    made_here = corruption_request(names=names, severities=severities)
    return CorruptionPlan(spec=spec, request=made_here, has_clean=True)


def corruption_request(
    corrupted: Path | None = None,
    *,
    names: Iterable[str] = (),
    severities: Iterable[int] = (),
) -> CorruptionRequest | ReadyMadeRequest:
    """Return a request for corruptions made here, or read from a folder of corrupted images.

    Parameters
    ----------
    corrupted : Path or None
        Laid out as ImageNet-C is.
    names, severities : iterable
        In any order, repeated or not; all, where empty.

    Raises
    ------
    SpecError
        If a corruption is unknown or not there; the nearest is named.
    """
    chosen, levels = tuple(dict.fromkeys(names)), tuple(sorted(set(severities)))
    if corrupted is not None:
        return ready_made_request(corrupted, names=chosen, severities=levels)
    return CorruptionRequest(names=chosen, **({"severities": levels} if levels else {}))


def corruption_errors(measured: Measured, plan: CorruptionPlan) -> CorruptionErrors:
    """Turn the rows of a measurement into errors with intervals.

    Raises
    ------
    SpecError
        If the model is near chance on the clean images: nothing can be said of what it loses.
    """
    rows = measured.rows
    n_classes = measured.model.output.n_classes
    if plan.has_clean:
        refuse_near_chance(int((rows.margin("clean_") > 0).sum()), len(rows), n_classes)
    clean_log_p = rows.arrays["clean_log_p"].astype(np.float64)
    return summarise(
        clean_log_p=clean_log_p if plan.has_clean else None,
        clean_is_right=rows.margin("clean_") > 0 if plan.has_clean else None,
        log_p=rows.arrays["log_p"].astype(np.float64),
        is_right=rows.margin() > 0,
        conditions=plan.request.conditions,
        has_imagenet_classes=n_classes in IMAGENET_CLASSES,
        confidence=plan.spec.confidence,
        generator=np.random.default_rng([plan.spec.seed, Purpose.BOOTSTRAP]),
        labels_are_own=measured.data.labels == FROM_MODEL,
    )
