"""What a written report says beside its tables and figures: conclusions, identity, provenance."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from iaside_audit.choices import FIRST_CHECK, Mode
from iaside_audit.report.claims import SCORE_CLAIM
from iaside_audit.report.summary import (
    NOT_DEFINED,
    counted,
    decimals_for,
    format_duration,
    format_interval,
    format_number,
    format_percent,
    format_size,
    guessing_sentence,
    interval_method,
    null_sentence,
    target_outcome,
    value_unit,
)

if TYPE_CHECKING:
    from iaside_audit.report.typesetting import Run
    from iaside_audit.result import AuditResult, ChecksRecord
    from iaside_audit.types import Interval

Row: TypeAlias = "tuple[str, Run | str]"
"""A label, and what is said of it."""

_MAX_FAILED_NAMES: Final = 3

_counted = partial(counted, separator=",")


def conclusions(result: AuditResult) -> list[str]:
    """Return the plain-language summary, a paragraph each."""
    n_images = result.estimator.n_images
    label = "class that the model gives the whole image" if _is_self(result) else "true class"
    measured = (
        f"The model was run on {_counted(n_images, 'image')} with spatial-frequency bands taken "
        f"out in turn, to see how much each band brings to its {result.spec.value} of the {label}. "
        "The signed score sums this up: 0 is an even profile, above 0 low frequencies dominate, "
        "below 0 high frequencies."
    )
    if n_images < FIRST_CHECK:
        measured += f" Fewer than {FIRST_CHECK} images were used: treat the numbers as a trial."
    meaning = f"{SCORE_CLAIM} It is not a measurement of accuracy on corrupted images."
    return [measured, f"{null_sentence(result)} {meaning}"]


def measured_rows(result: AuditResult) -> list[list[str]]:
    """Return the values of the game and the accuracy: what, number and interval."""
    values, accuracy = result.values, result.accuracy
    unit = f" ({value_unit(result)})" if value_unit(result) else ""
    scaled = (100 * accuracy.interval[0], 100 * accuracy.interval[1])
    return [
        [f"All bands{unit}", *_number_and_interval(values.grand, values.grand_interval)],
        [f"No band{unit}", *_number_and_interval(values.empty, values.empty_interval)],
        ["Top-1 (%)", format_number(100 * accuracy.top1, 1), format_interval(scaled, 1)],
    ]


def measured_note(result: AuditResult) -> str:
    """Return what a reader of the values must know beside them."""
    residual, share = result.values.efficiency_residual, result.values.floored_share
    unit = f" {value_unit(result)}".rstrip()
    within = f"{residual:.1e}{unit}" if math.isfinite(residual) else NOT_DEFINED
    note = (
        f"Shapley values add up to the difference of the first two, residual: {within}. "
        f"Probabilities too small to tell from 0: {format_percent(share)}."
    )
    note = f"{note} {guessing_sentence(result)}".rstrip()
    if _is_self(result):
        note += " Top-1 is not measured: the labels are what the model says."
    return note


def identity_sections(result: AuditResult) -> list[tuple[str, list[Row]]]:
    """Return the sections on identity and provenance: a title and rows each."""
    return [
        ("Model", _model_rows(result)),
        ("Data", _data_rows(result)),
        ("Preprocessing", _preprocessing_rows(result)),
        ("Protocol", _protocol_rows(result)),
        ("Runtime", _runtime_rows(result)),
    ]


def _model_rows(result: AuditResult) -> list[Row]:
    model = result.model
    shape = " x ".join("?" if side is None else str(side) for side in model.input.shape)
    identity: list[Row] = [("With its data files", ("code", model.identity))]
    image = f"{model.input.name}: {shape}, {model.input.dtype}"
    classes = _counted(model.output.n_classes, "class", "classes")
    return [
        ("File", ("name", model.path)),
        ("Size", format_size(model.size_bytes)),
        ("SHA-256", ("code", model.sha256)),
        *(identity if model.identity != model.sha256 else []),
        ("Input", f"{image}, {model.input.layout}, {model.input.channel_order}"),
        ("Output", f"{model.output.name}: {model.output.kind}, {classes}"),
    ]


def _data_rows(result: AuditResult) -> list[Row]:
    data = result.data
    rows: list[Row] = [
        ("Images", ("name", data.path)),
        ("Used", f"{data.n_images} of {data.n_available} readable"),
        ("Labels", data.labels),
        ("Manifest SHA-256", ("code", data.manifest_sha256)),
    ]
    if data.statistics_digest:
        rows.append(("Statistics digest", ("code", data.statistics_digest)))
    if data.n_ignored:
        rows.append(("Ignored", f"{_counted(data.n_ignored, 'file')} that no list names"))
    if data.n_failed:
        named = data.failed[:_MAX_FAILED_NAMES]
        names = ", ".join(f"{one.path} ({one.reason})" for one in named)
        more = f", and {data.n_failed - len(named)} more" if data.n_failed > len(named) else ""
        rows.append(
            ("Left out", f"{data.n_failed}: {names}{more}" if named else str(data.n_failed))
        )
    return rows


def _preprocessing_rows(result: AuditResult) -> list[Row]:
    steps = result.model.preprocessing
    return [
        ("Resize", f"{_size(steps.resize)}, {steps.interpolation}"),
        ("Crop", f"{_size(steps.crop)}, rounding {steps.rounding}"),
        ("Scale", f"{steps.scale:.6g}"),
        ("Mean", ", ".join(f"{one:.6g}" for one in steps.mean)),
        ("Deviation", ", ".join(f"{one:.6g}" for one in steps.std)),
        ("Channels", f"{steps.channel_order}, {steps.layout}"),
        ("Read from", ("name", steps.source)),
    ]


def _protocol_rows(result: AuditResult) -> list[Row]:
    spec, estimator = result.spec, result.estimator
    spacing = ", ".join(map(str, spec.spacing)) if isinstance(spec.spacing, tuple) else spec.spacing
    pairs = f", {_counted(estimator.pairs, 'pair')} an image" if estimator.pairs else ""
    control = ", the mean game as control variate" if estimator.control_variate else ""
    is_reference = spec.mode == Mode.REFERENCE
    mode = f"reference (the published code), batches of {spec.reference_batch}"
    rows: list[Row] = [
        ("Mode", mode if is_reference else "corrected"),
        ("Bands", f"{spec.bands}, norm {spec.norm}, spacing {spacing}, frame {spec.frame}"),
        ("Absent bands", f"baseline {spec.baseline}, range {spec.range}"),
        ("Value function", spec.value),
        ("Estimator", f"{estimator.kind}{pairs}{control}"),
        ("Evaluations", f"{estimator.n_evaluations:,}"),
        ("Score", f"beta {spec.beta:g}"),
        ("Intervals", f"{format_percent(spec.confidence)}, {interval_method(result)}"),
        ("Seed", str(spec.seed)),
    ]
    if estimator.converged is not None:
        rows.append(("Target half-width", f"{spec.target_halfwidth:g}, {target_outcome(result)}"))
    return rows


def _runtime_rows(result: AuditResult) -> list[Row]:
    runtime = result.runtime
    workers = _counted(runtime.workers, "worker")
    threads = _counted(runtime.threads, "thread")
    leases = f"leases of {_counted(runtime.lease_images, 'image')}"
    graph = "fused graph" if runtime.fused else "plain graph"
    elapsed = format_duration(runtime.elapsed_s)
    n_kept = runtime.n_resumed + runtime.n_cached
    from_before = f"; {_counted(n_kept, 'image')} from before" if n_kept else ""
    versions = f"{result.tool.name} {result.tool.version}, ONNX Runtime {runtime.onnxruntime}"
    return [
        ("Provider", f"{runtime.provider} (asked for: {runtime.provider_requested})"),
        ("Device", runtime.device),
        ("Versions", versions),
        ("Work", f"{workers}, {threads}, batch {runtime.batch}, {leases}, {graph}"),
        ("Nodes", _nodes(runtime.checks.provider_nodes)),
        ("Same input twice", f"differs by {runtime.checks.repeat_difference:.1e} nats"),
        ("Alone, in a batch", _batch_check(runtime.checks)),
        ("Elapsed", elapsed),
        ("Evaluations", f"{runtime.n_evaluations:,} in this run{from_before}"),
    ]


def _nodes(counts: dict[str, int]) -> str:
    shares = [f"{number:,} on {name}" for name, number in sorted(counts.items())]
    return ", ".join(shares) or "not known"


def _batch_check(checks: ChecksRecord) -> str:
    if checks.batch_difference is None:
        return f"batch {checks.batching}"
    return f"differs by {checks.batch_difference:.1e} nats; batch {checks.batching}"


def _is_self(result: AuditResult) -> bool:
    return result.spec.labels == "self"


def _size(size: int | tuple[int, int]) -> str:
    if size == 0:
        return "none"
    return f"{size} px" if isinstance(size, int) else f"{size[0]} x {size[1]} px"


def _number_and_interval(value: float, interval: Interval) -> tuple[str, str]:
    decimals = decimals_for(interval)
    return format_number(value, decimals), format_interval(interval, decimals)
