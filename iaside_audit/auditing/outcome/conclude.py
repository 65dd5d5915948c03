"""From rows to the result: the last step of an audit, of a merge, and of a store read again."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from iaside_audit._version import __version__
from iaside_audit.auditing.outcome import assemble, notices
from iaside_audit.auditing.outcome.groups import breakdown
from iaside_audit.choices import Estimator, Mode
from iaside_audit.errors import ImageError, StoreError
from iaside_audit.result import (
    AuditResult,
    AuditWarning,
    DataRecord,
    FailedImage,
    ModelRecord,
    RuntimeRecord,
    Tool,
    converter,
)
from iaside_audit.rows import ValueRow, ValueRows, whole_batches
from iaside_audit.spec import AuditSpec  # noqa: TC001 - cattrs reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """Everything of a result but its numbers; kept in the store, so that rows suffice.

    Parameters
    ----------
    spec : AuditSpec
        As given.
    model : ModelRecord
        Which model.
    data : DataRecord
        Which images; `n_images`, `n_failed` and `failed` are those before the first lease.
    runtime : RuntimeRecord
        What really runs; its counts are those of the run so far.
    estimator : Estimator
        Exact or permutation.
    edges : tuple of float
        Of the bands.
    labels_are_own : bool
        Whether the labels are the model's predictions.
    evaluations_per_image, shared_evaluations : int
        As in the plan.
    warnings : tuple of AuditWarning
        What was known before the first lease.
    class_names : tuple of str or None
        A name for each output, where any are known.
    """

    spec: AuditSpec
    model: ModelRecord
    data: DataRecord
    runtime: RuntimeRecord
    estimator: Estimator
    edges: tuple[float, ...]
    labels_are_own: bool
    evaluations_per_image: int
    shared_evaluations: int
    warnings: tuple[AuditWarning, ...]
    class_names: tuple[str, ...] | None = None

    def to_document(self) -> dict[str, Any]:  # Any: JSON
        """Return JSON-ready values."""
        document: dict[str, Any] = converter().unstructure(self)  # Any: JSON
        return {**document, "spec": self.spec.to_dict()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:  # Any: JSON
        """Build a context from :meth:`to_document`'s values.

        Raises
        ------
        StoreError
            If they are none.
        """
        try:
            return converter().structure(dict(document), cls)
        except Exception as error:  # cattrs raises exception groups of many types
            raise StoreError(
                "Expected the context of an audit in its store, found another form. "
                "Run the audit again with this version of the program."
            ) from error


def used_rows(rows: Sequence[ValueRow], spec: AuditSpec) -> list[ValueRow]:
    """Return the rows that numbers may rest on: in reference mode, those of whole batches."""
    if spec.mode != Mode.REFERENCE:
        return list(rows)
    return whole_batches(rows, spec.reference_batch)


def conclude(
    context: AuditContext,
    rows: Sequence[ValueRow],
    failures: Iterable[FailedImage],
    *,
    converged: bool | None = None,
) -> AuditResult:
    """Assemble the result of an audit from its rows.

    Parameters
    ----------
    context : AuditContext
        The rest of the result.
    rows : sequence of ValueRow
        Those behind the numbers, in order; at least one.
    failures : iterable of FailedImage
        The images without a row, in order.
    converged : bool or None
        Whether the target was met; None without a target.

    Raises
    ------
    ImageError
        If there is no row; the most frequent reason is named.
    """
    spec = context.spec
    failed = (*context.data.failed, *failures)
    if not rows:
        raise ImageError(_why_no_rows(failed))
    stacked = ValueRows.stack(rows)
    profiles = assemble.image_profiles(
        stacked, spec, context.estimator, labels_are_own=context.labels_are_own
    )
    profile = assemble.estimate(profiles, spec)
    values = assemble.values_record(profile, profiles, rows)
    known = notices.with_failures(
        context.warnings, failed, n_known=len(context.data.failed), n_used=len(rows)
    )
    warnings = notices.number_warnings(
        spec, profile, values, n_classes=context.model.output.n_classes
    )
    return AuditResult(
        tool=Tool(name="iaside-audit", version=__version__),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        spec=spec,
        model=context.model,
        data=replace(context.data, n_images=len(rows), n_failed=len(failed), failed=failed),
        runtime=context.runtime,
        bands=assemble.band_results(profile, context.edges),
        score=assemble.score_result(profile, spec),
        values=values,
        accuracy=assemble.accuracy_result(profile),
        estimator=assemble.estimator_record(
            spec,
            context.estimator,
            n_images=len(rows),
            n_evaluations=context.shared_evaluations + len(rows) * context.evaluations_per_image,
            converged=converged,
        ),
        **breakdown(stacked, profiles, spec, names=context.class_names),
        warnings=(*known, *warnings),
        row_source=lambda: stacked,
    )


def _why_no_rows(failed: tuple[FailedImage, ...]) -> str:
    """Explain an audit of which every image failed."""
    reasons = Counter(_shared_reason(one) for one in failed)
    shared, n_times = reasons.most_common(1)[0]
    reason = next(one.reason for one in failed if _shared_reason(one) == shared)
    so = "" if n_times == len(failed) else f", {n_times} of them so"
    return (
        f"Expected at least one image with values, found that all {len(failed)} failed{so}: "
        f"{reason.rstrip('.')}. Check the images, or choose another --baseline."
    )


def _shared_reason(failed: FailedImage) -> str:
    """Return why an image failed without its name, so that equal reasons can be counted."""
    return failed.reason.replace(failed.path, "")
