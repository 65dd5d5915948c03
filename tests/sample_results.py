"""A builder of realistic audit results, for tests of everything that reads one."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from iaside_audit.breakdown import (
    ClassProfile,
    GroupProfile,
    ImageProfile,
    InteractionsRecord,
    MoebiusCoefficient,
    OutcomesRecord,
    ProfileDifference,
)
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.result import (
    Accuracy,
    AuditResult,
    AuditWarning,
    BandResult,
    ChecksRecord,
    DataRecord,
    EstimatorRecord,
    FailedImage,
    InputRecord,
    ModelRecord,
    OutputRecord,
    RuntimeRecord,
    Score,
    ScoreValue,
    Tool,
    ValuesRecord,
)
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix, FloatVector

LONG_NAME = "efficientnet_lite0_imagenet1k_finetuned_on_traffic-signs.onnx"
UNDEFINED = (math.nan, math.nan)
WARNING_TEXTS = (
    ("few-images", "Only 8 images were used: every interval is wide. Use at least 100."),
    ("images-failed", "3 images were given up; the numbers do not include them."),
    ("labels-by-order", "Folders were matched to classes by their natural order."),
    ("floored", "0.4 % of the probabilities lay below 1e-12 and were raised to it."),
    ("not-converged", "The half-width of the signed score is 0.041, the target was 0.020."),
    ("quantised-input", "The input is quantised: pixels outside [0, 1] saturate by themselves."),
)


def sample_result(
    n_bands: int = 8,
    *,
    seed: int = 0,
    n_warnings: int = 0,
    has_intervals: bool = True,
    has_long_names: bool = False,
    has_self_labels: bool = False,
    is_flat: bool = False,
    is_high: bool = False,
    has_breakdown: bool = False,
    **options: object,
) -> AuditResult:
    """Build the result of an audit that never ran.

    Parameters
    ----------
    n_bands : int
        Number of bands M.
    seed : int
        Of the made-up numbers and of the specification.
    n_warnings : int
        How many warnings the result carries.
    has_intervals : bool
        Whether the intervals are numbers; with one image they are NaN.
    has_long_names : bool
        Whether file names are as long as they get.
    has_self_labels : bool
        Whether the labels are the model's own, so that top-1 is NaN.
    is_flat : bool
        Whether all Shapley values are equal, so that every score is 0.
    is_high : bool
        Whether high bands dominate.
    has_breakdown : bool
        Whether interactions, classes, outcomes and single images are in the result.
    **options : object
        Further fields of the specification.
    """
    generator = np.random.default_rng(seed)
    model = f"models/{LONG_NAME}" if has_long_names else "models/squeezenet1_1.onnx"
    images = "data/" + "validation-photographs-of-2026/" * 4 if has_long_names else "data/val"
    values: dict[str, object] = {
        "model": model,
        "images": images,
        "labels": "self" if has_self_labels else "auto",
        "bands": 0 if "spacing" in options else n_bands,
        "seed": seed,
    }
    spec = AuditSpec.from_dict(values | options)
    if isinstance(spec.spacing, tuple):
        edges = (0.0, *spec.spacing, 1.0)
    elif spec.spacing == "octave":
        edges = (0.0, *(2.0 ** -(spec.bands - i) for i in range(1, spec.bands + 1)))
    else:
        edges = tuple(i / spec.bands for i in range(spec.bands + 1))
    shapley = 2.6 * 0.62 ** np.arange(spec.bands) + generator.normal(0, 0.04, spec.bands)
    shapley = shapley[::-1].copy() if is_high else np.ones_like(shapley) if is_flat else shapley
    errors = generator.uniform(0.03, 0.08, spec.bands)
    warnings = [WARNING_TEXTS[i % len(WARNING_TEXTS)] for i in range(n_warnings)]
    n_images = 200 if has_intervals else 1
    n_evaluations = n_images * (2 * spec.bands)
    empty, grand = -math.log(1000), -math.log(1000) + float(shapley.sum())
    return AuditResult(
        tool=Tool(name="iaside-audit", version="0.1.0"),
        created="2026-11-24T09:30:00+00:00",
        spec=spec,
        model=ModelRecord(
            path=model,
            sha256=hashlib.sha256(model.encode()).hexdigest(),
            identity=hashlib.sha256(b"identity" + model.encode()).hexdigest(),
            size_bytes=4_956_208,
            input=InputRecord(
                name="data",
                shape=("N", 3, 224, 224),
                dtype="float32",
                layout="NCHW",
                channel_order="RGB",
            ),
            output=OutputRecord(name="softmax_prob", kind="logits before Softmax", n_classes=1000),
            preprocessing=Preprocessing(
                resize=256,
                crop=224,
                mean=(0.485, 0.456, 0.406),
                std=(0.229, 0.224, 0.225),
                source=f"{model}.toml",
            ),
        ),
        data=DataRecord(
            path=images,
            n_images=n_images,
            n_failed=5,
            manifest_sha256=hashlib.sha256(images.encode()).hexdigest(),
            labels="the model's own" if has_self_labels else "class folders, all wnids",
            statistics_digest=None,
            n_available=5000,
            n_ignored=2,
            failed=tuple(
                FailedImage(path=f"n01440764/ILSVRC2012_val_0000{i}.JPEG", reason="truncated file")
                for i in range(5)
            ),
        ),
        runtime=RuntimeRecord(
            provider_requested="auto",
            provider="CPUExecutionProvider",
            onnxruntime="1.24.0",
            device="AMD EPYC 7B13, 2 cores",
            threads=2,
            batch=16,
            lease_images=4,
            workers=1,
            fused=True,
            elapsed_s=81.4,
            n_evaluations=n_evaluations,
            n_cached=0,
            evaluations_per_s=39.3,
            checks=ChecksRecord(
                repeat_difference=0.0,
                batch_difference=2.4e-7,
                softmax_proven=True,
                provider_nodes={"CPUExecutionProvider": 94},
                batching="free",
            ),
        ),
        bands=_bands(edges, shapley, errors if has_intervals else errors * math.nan),
        score=_score(shapley, spec.beta, 0.04 if has_intervals else math.nan),
        values=ValuesRecord(
            empty=empty,
            empty_standard_error=0.01 if has_intervals else math.nan,
            empty_interval=(empty - 0.02, empty + 0.02) if has_intervals else UNDEFINED,
            grand=grand,
            grand_standard_error=0.08 if has_intervals else math.nan,
            grand_interval=(grand - 0.16, grand + 0.15) if has_intervals else UNDEFINED,
            efficiency_residual=3.6e-7,
            floored_share=0.0,
        ),
        accuracy=Accuracy(
            top1=math.nan if has_self_labels else 0.575,
            standard_error=0.035 if has_intervals and not has_self_labels else math.nan,
            interval=(0.505, 0.645) if has_intervals and not has_self_labels else UNDEFINED,
        ),
        estimator=EstimatorRecord(
            kind="permutation",
            n_images=n_images,
            n_evaluations=n_evaluations,
            converged=None,
            pairs=spec.pairs,
            control_variate="mean_game" if spec.bands <= 10 else None,
        ),
        warnings=tuple(AuditWarning(code=code, message=message) for code, message in warnings),
        **(_breakdown(shapley, errors, has_intervals=has_intervals) if has_breakdown else {}),
    )


def _breakdown(shapley: FloatVector, errors: FloatVector, *, has_intervals: bool) -> dict[str, Any]:
    """Return what a result says of pairs, classes, outcomes and images."""
    generator = np.random.default_rng(1)
    n_bands = shapley.size
    width = 1.0 if has_intervals else math.nan
    upper = np.triu(generator.normal(0, 0.2, (n_bands, n_bands)), 1)
    matrix = (upper + upper.T).tolist()
    group = _group(shapley, errors * width)
    wrong = _group(shapley / 2, errors * width * 2, top1=0.0)
    return {
        "interactions": InteractionsRecord(
            kind="SII",
            matrix=tuple(map(tuple, matrix)),
            interval=tuple(
                tuple((one - 0.1 * width, one + 0.1 * width) for one in row) for row in matrix
            ),
            moebius_order=1,
            moebius=(
                MoebiusCoefficient(bands=(), value=-6.9, interval=(-7.0, -6.8)),
                *(
                    MoebiusCoefficient(
                        bands=(band,), value=value, interval=(value - width, value + width)
                    )
                    for band, value in enumerate(shapley.tolist())
                ),
            ),
        ),
        "classes": tuple(
            ClassProfile(label=label, name=name, **asdict(group))
            for label, name in ((0, "tench"), (7, ""))
        ),
        "outcomes": OutcomesRecord(
            correct=group,
            wrong=wrong,
            difference=ProfileDifference(
                shapley=group.shapley,
                interval=group.interval,
                importance=group.importance,
                importance_interval=group.importance_interval,
                signed=group.signed,
                signed_interval=group.signed_interval,
            ),
        ),
        "images": tuple(
            ImageProfile(
                path=f"n01440764/ILSVRC2012_val_0000{number}.JPEG",
                image_id=hashlib.sha256(str(number).encode()).hexdigest(),
                label=0,
                prediction=number % 2,
                empty=-6.9,
                grand=-0.4,
                shapley=tuple((shapley + generator.normal(0, 1, n_bands)).tolist()),
            )
            for number in range(3)
        ),
    }


def _group(shapley: FloatVector, errors: FloatVector, *, top1: float = 0.75) -> GroupProfile:
    """Return the profile of a group of images around `shapley`."""
    bands = _bands(tuple(np.linspace(0, 1, shapley.size + 1).tolist()), shapley, errors)
    return GroupProfile(
        n_images=40,
        top1=top1,
        top1_interval=(max(top1 - 0.1, 0.0), top1 + 0.1),
        shapley=tuple(band.shapley for band in bands),
        interval=tuple(band.interval for band in bands),
        importance=tuple(band.importance for band in bands),
        importance_interval=tuple(band.importance_interval for band in bands),
        at_boundary=tuple(band.at_boundary for band in bands),
        signed=0.3,
        signed_interval=(0.2, 0.4),
    )


def _bands(
    edges: tuple[float, ...],
    shapley: FloatVector,
    errors: FloatVector,
) -> tuple[BandResult, ...]:
    """Dress Shapley values and standard errors as bands."""
    importance, halfwidth = _importance(shapley), 1.96 * errors
    relative = halfwidth / max(float((shapley - shapley.min()).sum()), 1.0)
    return tuple(
        BandResult(
            index=i,
            low=edges[i],
            high=edges[i + 1],
            shapley=float(shapley[i]),
            standard_error=float(errors[i]),
            interval=(float(shapley[i] - halfwidth[i]), float(shapley[i] + halfwidth[i])),
            importance=float(importance[i]),
            importance_standard_error=float(relative[i] / 1.96),
            importance_interval=(
                # max() keeps its first argument where the second is NaN, so NaN stands first.
                max(float(importance[i] - relative[i]), 0.0),
                float(importance[i] + relative[i]),
            ),
            at_boundary=bool(np.ptp(shapley) > 0 and importance[i] < relative[i]),
        )
        for i in range(shapley.size)
    )


def _importance(shapley: FloatMatrix) -> FloatMatrix:
    """Return psi of METHOD.md, section 5."""
    above = shapley - shapley.min(axis=-1, keepdims=True)
    total = above.sum(axis=-1, keepdims=True)
    return np.where(total > 0, above / np.where(total > 0, total, 1), 1 / shapley.shape[-1])


def _score(shapley: FloatVector, beta: float, halfwidth: float) -> Score:
    """Return the three scores of METHOD.md, section 5, with a small null sample."""
    n_bands = shapley.size
    weights = beta ** np.arange(n_bands)
    norm = float(np.linalg.norm(weights))
    level = float(weights.sum()) / (n_bands * norm)
    random = np.random.default_rng(0).dirichlet(np.ones(n_bands), 2000)

    def scores(profiles: FloatMatrix) -> dict[str, FloatVector]:
        distance = _importance(profiles) @ weights / norm - level
        return {
            "paper": np.abs(distance) / abs(1 - level),
            "signed": distance / abs(1 - level),
            "comparable": distance / (1 / norm - level),
        }

    null = scores(random)
    found = {name: float(value[0]) for name, value in scores(shapley[np.newaxis]).items()}
    quantiles = {name: np.quantile(one, (0.05, 0.95)) for name, one in null.items()}
    return Score(
        **{
            name: ScoreValue(
                value=value,
                standard_error=halfwidth / 1.96,
                interval=(value - halfwidth, value + halfwidth),
                percentile=float(np.mean(null[name] < value)),
            )
            for name, value in found.items()
        },
        null_q95=float(quantiles["paper"][1]),
        null_quantiles={name: (float(low), float(high)) for name, (low, high) in quantiles.items()},
        beta=beta,
    )
