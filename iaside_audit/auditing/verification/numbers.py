"""Whether a result follows from its own rows: everything is computed again from the store."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from iaside_audit._version import __version__
from iaside_audit.auditing.outcome import assemble, notices
from iaside_audit.auditing.outcome.conclude import AuditContext, conclude, used_rows
from iaside_audit.auditing.outcome.merge import wanted_places
from iaside_audit.auditing.plan import checkpoints, planned_images, row_length
from iaside_audit.auditing.verification.verdicts import VerificationCheck
from iaside_audit.choices import FIRST_CHECK
from iaside_audit.errors import IASideError, SpecError, StoreError
from iaside_audit.paths import elided
from iaside_audit.result import result_to_document
from iaside_audit.rows import ValueRows
from iaside_audit.store import read_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from iaside_audit.result import AuditResult
    from iaside_audit.rows import ValueRow
    from iaside_audit.store import StoredAudit

STORE: Final = "rows are whole"
NUMBERS: Final = "numbers follow from the rows"
STOPPING: Final = "stopped where the rule says"

TOLERANCE: Final = 1e-6
"""Of a number, relative: another numpy may sum in another order."""
SMALLEST: Final = 1e-9
"""Differences below this are none, whatever the number is."""
OWNERS: Final = {"model.sha256": "another model", "data.manifest_sha256": "other images"}
"""Where these differ, every number does: a store that was swapped is not hundreds of edits."""
SHOWN_CHARACTERS: Final = 200
"""Of a value that differs: a result of a stranger may hold any."""
PROVENANCE: Final = ("provider", "onnxruntime", "lease_images")
"""What of the runtime is the same for all the runs that filled a store."""


def check_numbers(result: AuditResult, store: Path) -> Iterator[VerificationCheck]:
    """Hold a result against the store beside it; the last check is missing without a target.

    Parameters
    ----------
    result : AuditResult
        As read from its file.
    store : Path
        Its ``values.sqlite``.
    """
    try:
        stored = read_store(store)
        context = AuditContext.from_document(stored.header.context)
    except StoreError as error:
        yield VerificationCheck.of(STORE, [error.message], fine="")
        yield VerificationCheck.skipped(NUMBERS, "there are no rows to compute them from")
        return
    wanted = wanted_places(stored.header)  # an audit of more images may have been there before
    usable = used_rows([row for row in stored.rows if row.index in wanted], context.spec)
    faults = list(_store_faults(result, context, stored, n_usable=len(usable)))
    yield VerificationCheck.of(STORE, faults, fine=f"{len(stored.rows)} rows, every checksum holds")
    if _n_misshapen(context, stored.rows):
        yield VerificationCheck.skipped(NUMBERS, "the rows are not those of such an audit")
        return
    rows = usable[: max(0, result.data.n_images)]
    try:
        n_compared, faults = _differences(result, context, stored, rows)
    except IASideError as error:
        yield VerificationCheck.of(NUMBERS, [error.message], fine="")
        return
    yield VerificationCheck.of(NUMBERS, faults, fine=f"{n_compared:,} values computed again")
    target = context.spec.target_halfwidth
    if target is not None:
        yield VerificationCheck.of(
            STOPPING,
            list(_stopping_faults(result, context, rows, target, is_end=len(rows) == len(usable))),
            fine=f"after {len(rows)} images, target {target:g}",
        )


def _store_faults(
    result: AuditResult, context: AuditContext, stored: StoredAudit, *, n_usable: int
) -> Iterator[str]:
    if not stored.is_sound:
        yield "SQLite finds the file damaged"
    if stored.n_damaged:
        yield f"{stored.n_damaged} rows are damaged"
    n_images = result.data.n_images
    # Beyond a stop by the rule, or of an audit that went on after it was cancelled, rows may be.
    may_be_more = result.estimator.converged or any(
        one.code == notices.STOPPED_EARLY for one in result.warnings
    )
    if n_usable < n_images or (n_usable > n_images and not may_be_more):
        yield f"{n_usable} rows, where the result is of {n_images} images"
    try:
        n_planned = planned_images(context.spec, context.estimator, context.data.n_available)
    except SpecError as error:
        yield error.message
    else:
        if (n_kept := int(stored.header.data["n_images"])) != n_planned:
            yield f"it is of {n_kept} images, where the audit takes {n_planned}"
    if n_misshapen := _n_misshapen(context, stored.rows):
        yield f"{n_misshapen} rows are of other coalitions than the audit takes"


def _n_misshapen(context: AuditContext, rows: Sequence[ValueRow]) -> int:
    """Count the rows of which values cannot be computed."""
    spec = context.spec
    length, n_coalitions = row_length(spec, context.estimator), 1 << spec.bands
    return sum(
        not len(row.coalitions) == len(row.log_p) == len(row.best_other) == length
        or int(row.coalitions.max()) >= n_coalitions
        for row in rows
    )


def _differences(
    result: AuditResult, context: AuditContext, stored: StoredAudit, rows: Sequence[ValueRow]
) -> tuple[int, list[str]]:
    """Return how many values were compared, and what is said of those that differ."""
    has_target = context.spec.target_halfwidth is not None
    converged = result.estimator.converged if has_target else None  # a check of its own
    wanted = wanted_places(stored.header)
    failures = {index: one for index, one in sorted(stored.failures.items()) if index in wanted}
    if converged and rows:  # beyond the stop, none counts
        failures = {index: one for index, one in failures.items() if index < rows[-1].index}
    settled = wanted & ({row.index for row in stored.rows} | failures.keys())
    if len(settled) < len(wanted) and not converged:
        stopped = notices.stopped_warning(n_used=len(rows), n_planned=len(wanted))
        context = replace(context, warnings=(stopped, *context.warnings))
    again = conclude(context, rows, list(failures.values()), converged=converged)
    expected, found = _comparable(again), _comparable(result)
    pairs = dict(_leaves(expected)), dict(_leaves(found))
    names = list(dict.fromkeys(chain(*pairs)))
    faults = [
        f"{name} is {_said(pairs[1], name)}, the rows give {_said(pairs[0], name)}"
        for name in names
        if not _is_same(pairs[0].get(name, _ABSENT), pairs[1].get(name, _ABSENT))
    ]
    owners = [
        f"the rows are of {owner} than the result"
        for name, owner in OWNERS.items()
        if pairs[0].get(name) != pairs[1].get(name)
    ]
    faults = [*owners, *faults]
    if faults and result.tool.version != __version__:
        faults.insert(0, f"made by version {result.tool.version}, checked by {__version__}")
    return len(names), faults


def _comparable(result: AuditResult) -> dict[str, Any]:  # Any: JSON
    """Return what of a result its rows decide."""
    document = result_to_document(result)
    runtime = document.pop("runtime")
    for name in ("created", "tool"):
        del document[name]
    return {**document, "runtime": {name: runtime[name] for name in PROVENANCE}}


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:  # Any: JSON
    """Yield every value that holds no other, by a name such as ``bands[2].shapley``."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, f"{name}.{key}" if name else key)
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _leaves(one, f"{name}[{place}]")
    else:
        yield name, value


_ABSENT: Final = object()


def _is_same(expected: object, found: object) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return abs(expected - found) <= SMALLEST + TOLERANCE * abs(expected)
    return expected == found


def _said(leaves: dict[str, Any], name: str) -> str:  # Any: JSON
    if name not in leaves:
        return "absent"
    value = leaves[name]
    return f"{value:.6g}" if isinstance(value, float) else elided(repr(value), SHOWN_CHARACTERS)


def _stopping_faults(
    result: AuditResult,
    context: AuditContext,
    rows: Sequence[ValueRow],
    target: float,
    *,
    is_end: bool,
) -> Iterator[str]:
    """Look at the target where the audit had to (METHOD.md, section 6)."""
    if result.estimator.converged and not is_end and len(rows) not in checkpoints(len(rows)):
        yield f"the rule does not look at the target after {len(rows)} images"
    looks = [*checkpoints(len(rows) - 1), len(rows)]
    first = next((n for n in looks if _meets(rows[:n], context, target)), None)
    if first is not None and first < len(rows):
        yield f"the target was met after {first} images, and {len(rows)} were used"
    converged = first is not None and len(rows) >= FIRST_CHECK
    if converged != result.estimator.converged:
        word = {True: "met", False: "not met"}
        yield f"the target is {word[converged]}, the result says {result.estimator.converged}"


def _meets(rows: Sequence[ValueRow], context: AuditContext, target: float) -> bool:
    if len(rows) < FIRST_CHECK:
        return False
    profiles = assemble.image_profiles(
        ValueRows.stack(rows),
        context.spec,
        context.estimator,
        labels_are_own=context.labels_are_own,
    )
    low, high = assemble.estimate(profiles, context.spec).signed_interval
    return (high - low) / 2 <= target
