"""Lease images to workers until every row is there, the target is met, or the user cancels."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.executor import POLL_S
from iaside_audit.auditing.outcome import assemble
from iaside_audit.auditing.outcome.conclude import used_rows
from iaside_audit.auditing.plan import checkpoints, stopping_point
from iaside_audit.choices import FIRST_CHECK
from iaside_audit.events import Estimate, ExpectedStop, ImageDone, ImageFailed, Warned
from iaside_audit.result import FailedImage
from iaside_audit.rows import ValueRow, ValueRows
from iaside_audit.statistics import N_LIVE_RESAMPLES, N_RESAMPLES, PILOT_IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    from iaside_audit.auditing.attempts import Lease
    from iaside_audit.auditing.executor import Executor
    from iaside_audit.auditing.outcome.conclude import AuditContext
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.auditing.recall import CachedRows
    from iaside_audit.auditing.wire import Message
    from iaside_audit.events import Control, Event
    from iaside_audit.types import Interval

    class RowStore(Protocol):
        """Where rows are kept."""

        def put(self, index: int, row: ValueRow) -> None:
            """Keep the row of one image."""

        def fail(self, index: int, failure: FailedImage) -> None:
            """Note that one image has no row, and why."""

        def missing(self) -> list[int]:
            """Return the indices that have no row yet."""

        def rows(self) -> list[ValueRow]:
            """Return the rows there are, by ascending index."""

        def prefix(self) -> list[ValueRow]:
            """Return the rows of the images from the first on that are all settled."""

        def failures(self) -> dict[int, FailedImage]:
            """Return the images without a row, by ascending index."""

        def __len__(self) -> int:
            """Count the rows there are."""


ESTIMATE_EVERY_S: Final = 0.5
ESTIMATE_SHARE: Final = 0.05
"""Estimates over many rows take longer and come less often: at most this share of the time."""
FINISH_S: Final = 0.5
"""How long a cancelled audit waits for the leases that are being evaluated."""


class LeaseRun:
    """Leases the images of one audit.

    Parameters
    ----------
    context : AuditContext
        What is asked, and what it is asked of.
    plan : AuditPlan
        What will be done.
    executor : Executor
        Runs the leases.
    store : RowStore
        Takes the rows.
    control : Control
        Looked at between any two answers of the executor.
    emit : callable
        Takes the events.
    n_workers : int
        That evaluate side by side, for the rate.
    cached : CachedRows or None
        Rows of earlier audits.
    on_batch : callable
        Takes the new batch where it was halved.

    Attributes
    ----------
    n_evaluations, n_cached : int
        Images put through the model in this run; rows found in the cache.
    """

    def __init__(
        self,
        context: AuditContext,
        plan: AuditPlan,
        executor: Executor,
        store: RowStore,
        control: Control,
        emit: Callable[[Event], None],
        *,
        n_workers: int = 1,
        cached: CachedRows | None = None,
        on_batch: Callable[[int], None] = lambda _batch: None,
    ) -> None:
        self._context = context
        self._spec = context.spec
        self._plan = plan
        self._executor = executor
        self._store = store
        self._control = control
        self._emit = emit
        self._n_workers = n_workers
        self._cached = cached
        self._on_batch = on_batch
        self._n_images = len(plan.indices)
        self._checkpoints = deque(
            checkpoints(self._n_images) if self._spec.target_halfwidth is not None else ()
        )
        self._stopped_at: int | None = None
        self._next_estimate = time.perf_counter() + ESTIMATE_EVERY_S
        self._evaluating_s = 0.0
        self.n_evaluations = 0
        self.n_cached = 0
        self.n_lost = 0

    @property
    def evaluations_per_s(self) -> float:
        """Evaluations a second, while workers were evaluating."""
        if not self._evaluating_s:
            return 0.0
        return self.n_evaluations / self._evaluating_s * self._n_workers

    def run(self) -> None:
        """Lease until the end; the rows are in the store."""
        leases = self._missing_leases()
        lease = next(leases, None)
        self._look()
        while not self._control.is_cancelled and self._stopped_at is None:
            if lease is not None and self._executor.has_room and not self._control.is_paused:
                if not self._recall(lease):
                    self._executor.submit(lease)
                lease = next(leases, None)
            elif not self._executor.is_idle:
                self._take(self._executor.receive(POLL_S))
            elif lease is None:
                self._check_end()
                return
            else:  # paused
                time.sleep(POLL_S)
        if self._control.is_cancelled:
            self._finish()

    def used_rows(self) -> list[ValueRow]:
        """Return the rows behind the numbers: all, or the prefix at which the audit stopped."""
        if self._stopped_at is not None:
            return self._store.prefix()[: self._stopped_at]
        return used_rows(self._store.rows(), self._spec)

    def failures(self) -> list[FailedImage]:
        """Return the images without a row, in order; beyond the stop, none counts."""
        failures = self._store.failures()
        if self._stopped_at is not None:
            rows = self.used_rows()
            failures = {index: one for index, one in failures.items() if index < rows[-1].index}
        return list(failures.values())

    def has_converged(self) -> bool | None:
        """Say whether the target was met; None without a target."""
        if self._spec.target_halfwidth is None:
            return None
        return self._stopped_at is not None

    def _missing_leases(self) -> Iterator[Lease]:
        """Yield the leases of which some row is missing, whole: their shapes decide the bits."""
        missing = set(self._store.missing())
        return (lease for lease in self._plan.leases() if lease.wanted & missing)

    def _recall(self, lease: Lease) -> bool:
        """Take the rows of a lease from earlier audits, if all are there."""
        rows = None if self._cached is None else self._cached.find(lease)
        if rows is None:
            return False
        self.n_cached += len(rows)
        for row in rows:
            self._keep(row)
        self._look()
        return True

    def _finish(self) -> None:
        """Let the leases that are being evaluated end, if they do so soon."""
        self._executor.stop()
        deadline = time.monotonic() + FINISH_S
        while not self._executor.is_idle and time.monotonic() < deadline:
            self._take(self._executor.receive(POLL_S))

    def _take(self, answer: Message | None) -> None:
        """Keep what a worker made."""
        if answer is None:
            return
        match answer["kind"]:
            case "row":
                values = {name: one for name, one in answer.items() if name != "kind"}
                row = ValueRow(**values)
                if self._cached is not None:
                    self._cached.add(row)
                self._keep(row)
            case "failed":
                failure = FailedImage(path=answer["path"], reason=answer["reason"])
                self._store.fail(answer["index"], failure)
                self._emit(ImageFailed(path=failure.path, reason=failure.reason))
            case "done":
                self.n_evaluations += answer["n_evaluations"]
                self._evaluating_s += answer["elapsed_s"]
                if self._cached is not None:
                    self._cached.flush()
                self._look()
            case "lost":
                self.n_lost += 1
                self._emit(
                    Warned(
                        code="worker_lost",
                        message=f"A worker was replaced, and its images go back: "
                        f"{answer['message']}",
                    )
                )
            case "batch":
                self._on_batch(answer["batch"])
                self._emit(
                    Warned(
                        code="batch_halved",
                        message=f"A batch did not fit the memory; going on with {answer['batch']} "
                        "images a call.",
                    )
                )

    def _keep(self, row: ValueRow) -> None:
        """Put a row into the store and, once it is there, say so."""
        self._store.put(row.index, row)
        n_done = len(self._store) + len(self._store.failures())
        rate = self.evaluations_per_s
        left = (self._n_images - n_done) * self._plan.evaluations_per_image
        self._emit(
            ImageDone(
                index=row.index,
                path=row.path,
                n_done=n_done,
                n_images=self._n_images,
                elapsed_s=self._evaluating_s,
                remaining_s=left / rate if rate else None,
                evaluations_per_s=rate,
            )
        )

    def _look(self) -> None:
        """Check the target at its fixed numbers of images, and show the estimate now and then."""
        if self._checkpoints and len(self._store) >= self._checkpoints[0]:
            rows = self._store.prefix()
            while self._checkpoints and len(rows) >= self._checkpoints[0]:
                n_images = self._checkpoints.popleft()
                if self._meets_target(rows[:n_images]):
                    self._stopped_at = n_images
                    return
        started = time.perf_counter()
        if started < self._next_estimate:
            return
        rows = used_rows(self._store.rows(), self._spec)
        if len(rows) > 1:
            self._emit(self._estimate(rows, n_resamples=N_LIVE_RESAMPLES))
            spent = time.perf_counter() - started
            self._next_estimate = started + max(ESTIMATE_EVERY_S, spent / ESTIMATE_SHARE)

    def _check_end(self) -> None:
        """Check the target at the end of the data or the budget, whatever the number of images."""
        rows = self._store.rows()
        if len(rows) >= FIRST_CHECK and self._meets_target(rows):
            self._stopped_at = len(rows)

    def _meets_target(self, rows: Sequence[ValueRow]) -> bool:
        """Say whether the signed score's interval over `rows` is as narrow as asked."""
        target = self._spec.target_halfwidth
        if target is None:
            return False
        low, high = self._estimate(rows).signed.interval
        return (high - low) / 2 <= target

    def _estimate(self, rows: Sequence[ValueRow], *, n_resamples: int = N_RESAMPLES) -> Estimate:
        context = self._context
        profiles = assemble.image_profiles(
            ValueRows.stack(rows),
            self._spec,
            context.estimator,
            labels_are_own=context.labels_are_own,
        )
        profile = assemble.estimate(profiles, self._spec, n_resamples=n_resamples)
        return Estimate(
            n_images=len(rows),
            bands=assemble.band_results(profile, context.edges),
            signed=assemble.signed_score_value(profile, self._spec),
            accuracy=profile.top1,
            accuracy_interval=profile.top1_interval,
            stop=self._expected_stop(len(rows), profile.signed_interval),
        )

    def _expected_stop(self, n_rows: int, interval: Interval) -> ExpectedStop | None:
        """Refine the plan by what the rows so far say of the half-width."""
        target = self._spec.target_halfwidth
        halfwidth = (interval[1] - interval[0]) / 2
        if target is None or n_rows < PILOT_IMAGES or not math.isfinite(halfwidth):
            return None
        needed = max(2, math.ceil(n_rows * (halfwidth / target) ** 2))
        stops_at = stopping_point(needed, self._n_images)
        n_images = self._n_images if stops_at is None else stops_at
        left = max(n_images - n_rows, 0) * self._plan.evaluations_per_image
        rate = self.evaluations_per_s
        return ExpectedStop(
            n_images_needed=needed,
            stops_at=stops_at,
            n_evaluations=self._plan.shared_evaluations
            + n_images * self._plan.evaluations_per_image,
            remaining_s=left / rate if rate else None,
        )
