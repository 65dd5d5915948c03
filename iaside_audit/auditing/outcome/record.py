"""What an audit's rows depend on, as the store and the cache of rows name it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.choices import Mode
from iaside_audit.errors import SpecError
from iaside_audit.store import StoreHeader, Wanted, difference_list
from iaside_audit.store.header import ROW_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.auditing.evaluation.evaluate import LeaseItem
    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.outcome.conclude import AuditContext
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.spec import AuditSpec

    Json = dict[str, Any]  # Any: JSON values

AUDIT_KEYS: Final = (
    "mode",
    "bands",
    "norm",
    "spacing",
    "frame",
    "baseline",
    "range",
    "pairs",
    "seed",
    "reference_batch",
    "value",
    "beta",
    "confidence",
    "shard",
)
"""Fields of the specification that make an audit another one.

Not those that say how many images it takes, so that it may grow, nor how it is run.
"""
CACHED_BASELINES: Final = ("zero", "mean", "noise", "shuffle")
"""A plug-in's code may change behind its name."""
DRAWN_BASELINES: Final = ("noise", "shuffle")


def known_at_start(spec: AuditSpec, model: AuditedModel) -> Json:
    """Return what decides the rows and is known once the model is open."""
    values = spec.to_dict()
    return {
        "rows": ROW_VERSION,
        **{name: values[name] for name in AUDIT_KEYS},
        "model": model.record.identity,
        "output": model.graph.output_name,
        "preprocessing": preprocessing_values(model),
        "provider": model.provider,
        "onnxruntime": minor_version(model.onnxruntime),
    }


def check_continues(path: Path, header: StoreHeader, spec: AuditSpec, model: AuditedModel) -> None:
    """Refuse early, before hours of reading images, to continue another audit's store.

    Raises
    ------
    SpecError
        If what is known so far differs; every difference is named.
    """
    known = known_at_start(spec, model)
    before = {name: header.deciding.get(name) for name in known}
    differences = difference_list(before, known)
    if header.settings.get("threads") != model.threads:
        differences += [f"threads was {header.settings.get('threads')}, now {model.threads}"]
    if differences:
        raise SpecError(
            f"Expected the rows of the same audit in '{path}', found those of another: "
            f"{'; '.join(differences)}. Choose another --out, or --no-resume to start again there "
            "(the old rows are moved aside).",
            path=str(path),
            found="; ".join(differences),
        )


def store_header(
    spec: AuditSpec,
    model: AuditedModel,
    plan: AuditPlan,
    context: AuditContext,
) -> StoreHeader:
    """Return the header of an audit's store."""
    return StoreHeader(
        deciding={
            **known_at_start(spec, model),
            "estimator": plan.estimator.value,
            "labels": "self" if context.labels_are_own else "given",
            "statistics": context.data.statistics_digest,
        },
        settings={
            "batch": plan.batch,
            "batch_asked": spec.batch,
            "lease_images": plan.lease_images,
            "threads": model.threads,
        },
        data={"manifest": context.data.manifest_sha256, "n_images": len(plan.images)},
        context=context.to_document(),
    )


def wanted_images(plan: AuditPlan) -> list[Wanted]:
    """Return the images that an audit wants rows of."""
    return [
        Wanted(index=index, image_id=image.image_id, label=image.label, path=image.path)
        for index, image in ((index, plan.images[index]) for index in plan.indices)
    ]


def cache_facts(spec: AuditSpec, model: AuditedModel, context: AuditContext) -> Json | None:
    """Return what decides a cached row beside its image; None where rows are not cached.

    In reference mode a row depends on its whole batch.
    """
    if spec.mode == Mode.REFERENCE or spec.baseline not in CACHED_BASELINES:
        return None
    return {
        "rows": ROW_VERSION,
        "model": model.record.identity,
        "output": model.graph.output_name,
        "preprocessing": preprocessing_values(model),
        "frame": spec.frame,
        "edges": list(context.edges),
        "norm": spec.norm.value,
        "baseline": spec.baseline,
        "statistics": context.data.statistics_digest,
        "seed": spec.seed if spec.baseline in DRAWN_BASELINES else None,
        "range": spec.range.value,
        "mode": spec.mode.value,
        "provider": model.provider,
        "precision": model.graph.input_dtype,
        "onnxruntime": minor_version(model.onnxruntime),
    }


def cache_image(item: LeaseItem) -> str:
    """Return everything about an image that decides its row, as the cache names it."""
    label = "self" if item.image.label is None else str(item.image.label)
    partner = "" if item.partner is None else item.partner.image_id
    return f"{item.image.image_id},{label},{partner}"


def preprocessing_values(model: AuditedModel) -> Json:
    """Return the preprocessing; where it was found does not matter."""
    values = asdict(model.preprocessing)
    del values["source"]
    return {name: list(one) if isinstance(one, tuple) else one for name, one in values.items()}


def minor_version(version: str) -> str:
    """Return what of a version of ONNX Runtime decides the numbers: major.minor."""
    return ".".join(version.split(".")[:2])
