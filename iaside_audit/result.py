"""What came out: the frozen result of one audit, and its JSON form (INTERFACE.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable  # noqa: TC003 - cattrs reads the annotations
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from iaside_audit.breakdown import (  # noqa: TC001 - cattrs reads the annotations
    ClassProfile,
    ImageProfile,
    InteractionsRecord,
    OutcomesRecord,
)
from iaside_audit.comparison import finite
from iaside_audit.errors import ReportError, StoreError
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.rows import ValueRows  # noqa: TC001 - cattrs reads the annotations
from iaside_audit.spec import AuditSpec
from iaside_audit.types import Interval  # noqa: TC001 - the same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cattrs import Converter

SCHEMA_VERSION: Final = 1
IMAGES_FAILED: Final = "images_failed"
"""Code of the warning that images were left out of every number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandResult:
    """One band of the spectrum.

    Parameters
    ----------
    index : int
        0 is the lowest band and holds the mean (DC).
    low, high : float
        Edges in the radius rho of METHOD.md, section 1; the band is ``low <= rho < high``.
    shapley : float
        Shapley value, in the unit of the value function (nats by default); positive where the band
        helps the label's probability.
    standard_error : float
        Of `shapley`, by the bootstrap over images.
    interval : (float, float)
        Of `shapley`, at the specification's confidence.
    importance : float
        psi, 0..1; the bands' importances add up to 1.
    importance_standard_error : float
        Of `importance`, likewise.
    importance_interval : (float, float)
        Of `importance`; one-sided where `at_boundary`.
    at_boundary : bool
        Whether this is the lowest band in more than 1 % of the resamples, where psi is 0 by
        construction.
    """

    index: int
    low: float
    high: float
    shapley: float
    standard_error: float
    interval: Interval
    importance: float
    importance_standard_error: float
    importance_interval: Interval
    at_boundary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreValue:
    """One robustness score with its error, and where it lies among random profiles.

    `percentile` is the share (0..1) of random importance profiles whose score is below `value`.
    """

    value: float
    standard_error: float
    interval: Interval
    percentile: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The three robustness scores (METHOD.md, section 5).

    `null_q95` is the 95 % quantile of the paper score of random profiles; `null_quantiles` the 5 %
    and 95 % quantiles of each of the three.
    """

    paper: ScoreValue
    signed: ScoreValue
    comparable: ScoreValue
    null_q95: float
    null_quantiles: dict[str, Interval]
    beta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """The model's image input."""

    name: str
    shape: tuple[int | str | None, ...]
    dtype: str
    layout: str
    channel_order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """The output that is read: its name, kind (logits, probabilities, ...) and classes."""

    name: str
    kind: str
    n_classes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """Which model was audited, by content.

    `sha256` is the file's; `identity` is over the file and its external data.
    """

    path: str
    sha256: str
    identity: str
    size_bytes: int
    input: InputRecord
    output: OutputRecord
    preprocessing: Preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedImage:
    """An image that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecord:
    """Which images were used, by content.

    `n_images` counts the rows behind the numbers, `n_available` the readable images of the data
    set, `n_ignored` files that no list names.
    """

    path: str
    n_images: int
    n_failed: int
    manifest_sha256: str
    labels: str
    statistics_digest: str | None
    n_available: int
    n_ignored: int
    failed: tuple[FailedImage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksRecord:
    """What the model's session was seen to do before the audit, on a few inputs of noise.

    Parameters
    ----------
    repeat_difference : float
        Largest difference of log-probabilities between two runs of one batch, in nats.
    batch_difference : float or None
        The same between an input in a batch and alone; None where calls keep a fixed batch.
    softmax_proven : bool
        Whether the logits before a final softmax are read, proven to give the output.
    provider_nodes : dict of str to int
        Nodes of the optimised graph by the provider that runs them; empty where not known.
    batching : str
        How the session takes any number of images.
    """

    repeat_difference: float
    batch_difference: float | None
    softmax_proven: bool
    provider_nodes: dict[str, int]
    batching: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeRecord:
    """What really ran; everything here may differ between two equal results.

    `n_evaluations` counts images put through the model in this run, `n_cached` rows taken from
    earlier audits of the same model by `provider`, `n_resumed` rows that the store held already,
    `n_workers_lost` worker processes that were replaced.
    """

    provider_requested: str
    provider: str
    onnxruntime: str
    device: str
    threads: int
    batch: int
    lease_images: int
    workers: int
    fused: bool
    elapsed_s: float
    n_evaluations: int
    n_cached: int
    evaluations_per_s: float
    checks: ChecksRecord
    n_resumed: int = 0
    n_workers_lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesRecord:
    """Values of the empty and the grand coalition, in the unit of the value function.

    `efficiency_residual` is the largest difference over the images between the sum of the Shapley
    values and ``v(all) - v(empty)``; `floored_share` the share of probabilities too small to tell
    from 0.
    """

    empty: float
    empty_standard_error: float
    empty_interval: Interval
    grand: float
    grand_standard_error: float
    grand_interval: Interval
    efficiency_residual: float
    floored_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Top-1 on the unfiltered images; NaN where the labels are the model's own."""

    top1: float
    standard_error: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorRecord:
    """How the Shapley values were estimated; `converged` is None without a target.

    `control_variate` is ``mean_game`` where the walks of an image were read against the game of
    the others, else None.
    """

    kind: str
    n_images: int
    n_evaluations: int
    converged: bool | None
    pairs: int | None
    control_variate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWarning:
    """Something that a reader of the numbers must know."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The program that made the result."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """The result of one audit; every number with its interval, seed and provenance.

    `interactions` is None where not every coalition was evaluated; `classes` where no class has
    enough images; `outcomes` where the labels are the model's own, or too few images are right or
    wrong; `images` beyond a thousand images, whose profiles are in ``images.csv`` alone.
    """

    tool: Tool
    created: str
    spec: AuditSpec
    model: ModelRecord
    data: DataRecord
    runtime: RuntimeRecord
    bands: tuple[BandResult, ...]
    score: Score
    values: ValuesRecord
    accuracy: Accuracy
    estimator: EstimatorRecord
    interactions: InteractionsRecord | None = None
    classes: tuple[ClassProfile, ...] | None = None
    outcomes: OutcomesRecord | None = None
    images: tuple[ImageProfile, ...] | None = None
    warnings: tuple[AuditWarning, ...] = ()
    row_source: Callable[[], ValueRows] | None = field(default=None, compare=False, repr=False)

    def rows(self) -> ValueRows:
        """Return the value rows behind the numbers.

        Raises
        ------
        StoreError
            If the store beside the result is gone, damaged, or of another audit.
        """
        if self.row_source is None:
            raise StoreError(
                "Expected the value rows of this audit, found a result without its store. "
                "Run the audit again, with an output folder, to have its rows."
            )
        return self.row_source()

    def to_json(self) -> str:
        """Return the result as an indented JSON document; numbers that are not finite are null."""
        return json.dumps(result_to_document(self), indent=2, ensure_ascii=False) + "\n"


def result_to_document(result: AuditResult) -> dict[str, Any]:  # Any: JSON
    """Return the result as JSON-ready values, ``schema_version`` first."""
    document = cast("dict[str, Any]", finite(converter().unstructure(result)))  # Any: JSON
    document["spec"] = result.spec.to_dict()
    return {"schema_version": SCHEMA_VERSION, **document}


def result_from_document(document: Mapping[str, Any]) -> AuditResult:  # Any: JSON
    """Build a result from the values of a JSON document.

    Raises
    ------
    ReportError
        If the document is of another schema version or does not hold a result.
    """
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ReportError(
            f"Expected a result of schema version {SCHEMA_VERSION}, found {version!r}. "
            "Open it with the version of the program that wrote it.",
            expected=str(SCHEMA_VERSION),
            found=str(version),
        )
    try:
        return converter().structure(dict(document), AuditResult)
    except Exception as error:  # cattrs raises exception groups of many types
        raise ReportError(
            "Expected the fields of an audit result, found others. "
            "The file may be damaged or written by another program."
        ) from error


def results_agree(first: AuditResult, second: AuditResult) -> bool:
    """Say whether two results are the same: all but `created` and `runtime` agree."""
    documents = [result_to_document(one) for one in (first, second)]
    for document in documents:
        del document["created"], document["runtime"]
    return documents[0] == documents[1]


@cache
def converter() -> Converter:
    """Return the converter between results, or their parts, and plain values."""
    from cattrs import Converter  # noqa: PLC0415 - start-up time
    from cattrs.gen import (  # noqa: PLC0415
        make_dict_structure_fn,
        make_dict_unstructure_fn,
        override,
    )

    made = Converter()
    made.register_structure_hook(float, lambda value, _: math.nan if value is None else value)
    made.register_structure_hook(Path, lambda value, _: Path(value))
    made.register_unstructure_hook(Path, str)
    made.register_structure_hook(AuditSpec, lambda value, _: AuditSpec.from_dict(value))
    made.register_structure_hook(
        Preprocessing,
        lambda value, _: Preprocessing(
            **{name: value[name] for name in (one.name for one in fields(Preprocessing))}
        ),
    )
    made.register_structure_hook_func(lambda kind: kind == int | str | None, lambda value, _: value)
    # Rows are kept in the store, not in the document.
    made.register_unstructure_hook(
        AuditResult,
        make_dict_unstructure_fn(AuditResult, made, row_source=override(omit=True)),
    )
    made.register_structure_hook(
        AuditResult,
        make_dict_structure_fn(AuditResult, made, row_source=override(omit=True)),
    )
    return made
