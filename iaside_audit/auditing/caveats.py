"""What a reader of an audit's numbers must know, found out before the first lease.

Nothing here changes a row: the model is asked about a few images, and the rest is counted.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.assistant.assist import find_misconfiguration
from iaside_audit.auditing.outcome.notices import check_warnings
from iaside_audit.choices import Mode

if TYPE_CHECKING:
    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.auditing.preparation import Preparation
    from iaside_audit.images import ImageIndex
    from iaside_audit.spec import AuditSpec

LOSS_IMAGES: Final = 4
"""On so many images the loss of a uint8 input is measured: a thousand mixtures, in a second."""
ENLARGED_SHARE: Final = 0.25
"""More enlarged images than this share are worth a warning: their high bands are interpolated."""


def warn_of_caveats(
    stages: Preparation, spec: AuditSpec, index: ImageIndex, model: AuditedModel, plan: AuditPlan
) -> None:
    """Warn of all that bears on the numbers, in the order in which it is read."""
    _warn_of_preprocessing(stages, index, model, plan)
    _warn_of_images(stages, model, plan)
    for warning in check_warnings(model.checks):
        stages.warn(warning.code, warning.message)
    _warn_of_input_type(stages, spec, model, plan)
    _warn_of_images_not_taken(stages, spec, index, plan)


def _warn_of_preprocessing(
    stages: Preparation, index: ImageIndex, model: AuditedModel, plan: AuditPlan
) -> None:
    """Warn where a usual recipe is clearly better."""
    message = find_misconfiguration(
        stages.call,
        model.graph,
        index.entries,
        model.preprocessing,
        n_classes=model.n_classes,
        batch=plan.batch,
    )
    if message is not None:
        stages.warn("preprocessing", message)


def _warn_of_images(stages: Preparation, model: AuditedModel, plan: AuditPlan) -> None:
    """Warn of images that count twice, and of those without high frequencies."""
    n_repeated = len(plan.images) - len({image.image_id for image in plan.images})
    if n_repeated:
        stages.warn(
            "images_repeated",
            f"{n_repeated} of {len(plan.images)} images "
            f"{'has' if n_repeated == 1 else 'have'} the content of another one and "
            f"{'counts' if n_repeated == 1 else 'count'} again: intervals are narrower than they "
            "should be.",
        )
    short = min(model.input_size)
    n_enlarged = sum(min(image.height, image.width) < short for image in plan.images)
    if n_enlarged > ENLARGED_SHARE * len(plan.images):
        stages.warn(
            "images_enlarged",
            f"{n_enlarged} of {len(plan.images)} images are smaller than the model's input of "
            f"{short} px and were enlarged: their high bands hold no signal.",
        )


def _warn_of_input_type(
    stages: Preparation, spec: AuditSpec, model: AuditedModel, plan: AuditPlan
) -> None:
    """Warn where mixtures of bands do not reach the model as they are."""
    if model.graph.input_dtype == "uint8" and spec.mode == Mode.CORRECTED:
        stages.warn("uint8_input", _loss_of_bytes(stages, plan))
    elif model.graph.quantizes_input:
        stages.warn(
            "quantized_input",
            "The model quantises its input, which saturates: mixtures of bands beyond its "
            "range were cut.",
        )


def _loss_of_bytes(stages: Preparation, plan: AuditPlan) -> str:
    """Measure, on the first images, what rounding and clipping do to the mixtures."""
    whole = replace(plan, shard=(1, 1))  # every shard says the same
    leases = list(islice(whole.leases(), -(-LOSS_IMAGES // plan.lease_images)))
    items = [item.to_wire() for lease in leases for item in lease.items][:LOSS_IMAGES]
    loss = stages.call({"task": "byte_loss", "items": items})
    return (
        "The model takes uint8: mixtures of bands were clipped to 0..255 and rounded, so the bands "
        f"do not add up exactly. On {len(items)} images {loss['share']:.1%} of the pixels were "
        f"clipped, and what the model got differs by {loss['rms']:.1f} of 255 (root mean square)."
    )


def _warn_of_images_not_taken(
    stages: Preparation, spec: AuditSpec, index: ImageIndex, plan: AuditPlan
) -> None:
    """Warn where the numbers are of fewer images than were asked for."""
    if spec.mode == Mode.REFERENCE:
        asked = len(index.listed[: spec.max_images])
        if asked != len(plan.images):
            stages.warn(
                "short_batch",
                f"The last {asked - len(plan.images)} images fill no batch of "
                f"{spec.reference_batch} and were dropped.",
            )
    if spec.shard is not None:
        stages.warn(
            "shard",
            f"This is shard {spec.shard}: {len(plan.indices)} of {len(plan.images)} "
            "images. `iaside-audit merge` joins the shards to the audit.",
        )
