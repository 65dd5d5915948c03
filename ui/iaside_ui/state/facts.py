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
from iaside_ui.state.words import tr

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
        tr("Model"): _model(result),
        tr("Images"): _data(result),
        tr("Ran on"): _runtime(result),
        tr("Method"): _method(result),
        tr("Result"): {
            tr("created"): result.created,
            tr("program"): f"{result.tool.name} {result.tool.version}",
            tr("report id"): report_id(result),
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
    form = f"{model.input.layout} {model.input.channel_order}"
    return {
        tr("file"): model.path,
        tr("sha256"): model.sha256,
        tr("size"): format_size(model.size_bytes),
        tr("input"): f"{shape} {model.input.dtype}, {form}",
        tr("output"): tr("{n} classes, {kind}").format(
            n=model.output.n_classes, kind=model.output.kind
        ),
        tr("preprocessing"): model.preprocessing.source,
    }


def _data(result: AuditResult) -> dict[str, str]:
    data, accuracy = result.data, result.accuracy
    top1 = tr("not measured (the model's own labels)")
    if math.isfinite(accuracy.top1):
        low, high = accuracy.interval
        ends = format_interval((100 * low, 100 * high), 1)
        top1 = f"{format_percent(accuracy.top1, 1)} ({ends})"
    return {
        tr("path"): data.path,
        tr("used"): tr("{n} of {total}").format(n=data.n_images, total=data.n_available),
        tr("failed"): str(data.n_failed),
        tr("ignored"): str(data.n_ignored),
        tr("labels"): data.labels,
        tr("top-1"): top1,
        tr("manifest sha256"): data.manifest_sha256,
    }


def _runtime(result: AuditResult) -> dict[str, str]:
    runtime = result.runtime
    return {
        tr("provider"): tr("{provider} (asked for: {requested})").format(
            provider=runtime.provider, requested=runtime.provider_requested
        ),
        tr("device"): runtime.device,
        tr("ONNX Runtime"): runtime.onnxruntime,
        tr("threads, batch"): f"{runtime.threads}, {runtime.batch}",
        tr("evaluations"): tr("{n}, {rate} a second").format(
            n=runtime.n_evaluations, rate=f"{runtime.evaluations_per_s:.0f}"
        ),
        tr("time"): format_duration(runtime.elapsed_s),
    }


def _method(result: AuditResult) -> dict[str, str]:
    spec, estimator = result.spec, result.estimator
    estimated = estimator.kind
    if estimator.pairs is not None:
        pairs = tr("{kind}, {n} pairs of orders an image")
        if estimator.pairs == 1:
            pairs = tr("{kind}, one pair of orders an image")
        estimated = pairs.format(kind=estimator.kind, n=estimator.pairs)
    if estimator.control_variate is not None:
        estimated = tr("{estimator}, the mean game as control variate").format(estimator=estimated)
    return {
        tr("bands"): tr("{n}, {norm} radius").format(n=len(result.bands), norm=spec.norm.value),
        tr("baseline"): spec.baseline,
        tr("value"): spec.value,
        tr("estimator"): estimated,
        tr("mode"): spec.mode.value,
        tr("confidence"): format_percent(spec.confidence),
        tr("seed"): str(spec.seed),
    }
