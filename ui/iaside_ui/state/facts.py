"""Where a result comes from, as headings and values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iaside_audit.report import (
    format_duration,
    format_interval,
    format_percent,
    format_size,
)

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of the provenance panel."""

    group: str
    name: str
    value: str


def provenance(result: AuditResult) -> tuple[Fact, ...]:
    """Return what was measured, on what, by what: enough to tell two results apart."""
    from iaside_audit.report import report_id  # noqa: PLC0415 - start-up time

    groups = {
        "Model": _model(result),
        "Images": _data(result),
        "Ran on": _runtime(result),
        "Method": _method(result),
        "Result": {
            "created": result.created,
            "program": f"{result.tool.name} {result.tool.version}",
            "report id": report_id(result),
        },
    }
    return tuple(
        Fact(group=group, name=name, value=value)
        for group, facts in groups.items()
        for name, value in facts.items()
    )


def _model(result: AuditResult) -> dict[str, str]:
    model = result.model
    shape = " x ".join("?" if side is None else str(side) for side in model.input.shape)
    return {
        "file": model.path,
        "sha256": model.sha256,
        "size": format_size(model.size_bytes),
        "input": f"{shape} {model.input.dtype}, {model.input.layout} {model.input.channel_order}",
        "output": f"{model.output.n_classes} classes, {model.output.kind}",
        "preprocessing": model.preprocessing.source,
    }


def _data(result: AuditResult) -> dict[str, str]:
    data, accuracy = result.data, result.accuracy
    top1 = "not measured (the model's own labels)"
    if math.isfinite(accuracy.top1):
        top1 = f"{format_percent(accuracy.top1, 1)} ({format_interval(accuracy.interval)})"
    return {
        "path": data.path,
        "used": f"{data.n_images} of {data.n_available}",
        "failed": str(data.n_failed),
        "ignored": str(data.n_ignored),
        "labels": data.labels,
        "top-1": top1,
        "manifest sha256": data.manifest_sha256,
    }


def _runtime(result: AuditResult) -> dict[str, str]:
    runtime = result.runtime
    return {
        "provider": f"{runtime.provider} (asked for: {runtime.provider_requested})",
        "device": runtime.device,
        "ONNX Runtime": runtime.onnxruntime,
        "threads, batch": f"{runtime.threads}, {runtime.batch}",
        "evaluations": f"{runtime.n_evaluations}, {runtime.evaluations_per_s:.0f} a second",
        "time": format_duration(runtime.elapsed_s),
    }


def _method(result: AuditResult) -> dict[str, str]:
    spec, estimator = result.spec, result.estimator
    pairs = "" if estimator.pairs is None else f", {estimator.pairs} pairs of orders an image"
    return {
        "bands": f"{len(result.bands)}, {spec.norm.value} radius",
        "baseline": spec.baseline,
        "value": spec.value,
        "estimator": f"{estimator.kind}{pairs}",
        "mode": spec.mode.value,
        "confidence": format_percent(spec.confidence),
        "seed": str(spec.seed),
    }
