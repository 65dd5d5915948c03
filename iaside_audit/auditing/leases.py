"""Lease images to a worker until every row is there, the target is met, or the user cancels."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing import assemble
from iaside_audit.auditing.plan import FIRST_CHECK, checkpoints
from iaside_audit.auditing.workers import raise_if_error
from iaside_audit.events import Estimate, ImageDone, ImageFailed
from iaside_audit.result import FailedImage
from iaside_audit.rows import ValueRow, ValueRows
from iaside_audit.spec import Mode
from iaside_audit.statistics import N_LIVE_RESAMPLES, N_RESAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    from iaside_audit.auditing.evaluate import LeaseItem
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker
    from iaside_audit.events import Control, Event
    from iaside_audit.spec import AuditSpec

    class RowStore(Protocol):
        """Where rows are kept."""

        def put(self, index: int, row: ValueRow) -> None:
            """Keep the row of one image."""

        def missing(self) -> list[int]:
            """Return the indices that have no row yet."""

        def rows(self) -> list[ValueRow]:
            """Return the rows there are, by ascending index."""

        def __len__(self) -> int:
            """Count the rows there are."""


POLL_S: Final = 0.1
"""How long a wait for the worker lasts before cancelling is looked at again."""
LEASES_AHEAD: Final = 2
"""One lease runs while the next one waits, so that the worker never idles."""
ESTIMATE_EVERY_S: Final = 0.5
ESTIMATE_SHARE: Final = 0.05
"""Estimates over many rows take longer and come less often: at most this share of the time."""


class LeaseRun:
    """Leases the images of one audit.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    plan : AuditPlan
        What will be done.
    worker : Worker
        Settled and ready.
    store : RowStore
        Takes the rows.
    control : Control
        Looked at between any two replies of the worker.
    emit : callable
        Takes the events.
    edges : sequence of float
        Of the bands, for the estimates.
    labels_are_own : bool
        Whether the labels are the model's predictions.
    """

    def __init__(
        self,
        spec: AuditSpec,
        plan: AuditPlan,
        worker: Worker,
        store: RowStore,
        control: Control,
        emit: Callable[[Event], None],
        *,
        edges: Sequence[float],
        labels_are_own: bool,
    ) -> None:
        self._spec = spec
        self._plan = plan
        self._worker = worker
        self._store = store
        self._control = control
        self._emit = emit
        self._edges = edges
        self._labels_are_own = labels_are_own
        self._leased: deque[int] = deque()
        self._checkpoints = deque(
            checkpoints(len(plan.images)) if spec.target_halfwidth is not None else ()
        )
        self._stopped_at: int | None = None
        self._next_estimate = time.perf_counter() + ESTIMATE_EVERY_S
        self.failed: list[FailedImage] = []
        self.n_evaluations = 0
        self.evaluating_s = 0.0

    @property
    def evaluations_per_s(self) -> float:
        """Evaluations a second, while the worker was evaluating."""
        return self.n_evaluations / self.evaluating_s if self.evaluating_s else 0.0

    def run(self) -> None:
        """Lease until the end; the rows are in the store."""
        leases = self._missing_leases()
        upcoming = next(leases, None)
        while not self._control.is_cancelled and self._stopped_at is None:
            has_room = len(self._leased) < LEASES_AHEAD and not self._control.is_paused
            if upcoming is not None and has_room:
                self._lease(upcoming)
                upcoming = next(leases, None)
                continue
            if upcoming is None and not self._leased:
                self._check_end()
                return
            if not self._leased:  # paused
                time.sleep(POLL_S)
                continue
            reply = self._worker.receive(POLL_S)
            if reply is not None:
                self._take(reply)

    def used_rows(self) -> list[ValueRow]:
        """Return the rows behind the numbers: all, or the prefix at which the audit stopped.

        In reference mode a batch counts as a whole or not at all, wherever cancelling met it.
        """
        rows = self._store.rows()
        if self._spec.mode == Mode.REFERENCE:
            return rows[: len(rows) // self._spec.reference_batch * self._spec.reference_batch]
        return rows if self._stopped_at is None else rows[: self._stopped_at]

    def has_converged(self) -> bool | None:
        """Say whether the target was met; None without a target."""
        if self._spec.target_halfwidth is None:
            return None
        return self._stopped_at is not None

    def _missing_leases(self) -> Iterator[Sequence[LeaseItem]]:
        """Yield the leases of which some row is missing, whole: their shapes decide the bits."""
        missing = set(self._store.missing())
        return (
            lease for lease in self._plan.leases() if any(item.index in missing for item in lease)
        )

    def _lease(self, items: Sequence[LeaseItem]) -> None:
        number = items[0].index // self._plan.lease_images
        wire = [item.to_wire() for item in items]
        self._worker.send({"task": "lease", "lease": number, "items": wire})
        self._leased.append(number)

    def _take(self, reply: Message) -> None:
        """Keep what the worker made."""
        match reply["kind"]:
            case "row":
                row = ValueRow(**{name: value for name, value in reply.items() if name != "kind"})
                self._store.put(row.index, row)
                self._report(row)
            case "failed":
                failure = FailedImage(path=reply["path"], reason=reply["reason"])
                self.failed.append(failure)
                self._emit(ImageFailed(path=failure.path, reason=failure.reason))
            case "done":
                self._leased.popleft()
                self.n_evaluations = reply["n_evaluations"]
                self.evaluating_s += reply["elapsed_s"]
                self._look()
            case _:
                raise_if_error(reply)

    def _report(self, row: ValueRow) -> None:
        n_done = len(self._store) + len(self.failed)
        n_images = len(self._plan.images)
        rate = self.evaluations_per_s
        left = (n_images - n_done) * self._plan.evaluations_per_image
        self._emit(
            ImageDone(
                index=row.index,
                path=row.path,
                n_done=n_done,
                n_images=n_images,
                elapsed_s=self.evaluating_s,
                remaining_s=left / rate if rate else None,
                evaluations_per_s=rate,
            )
        )

    def _look(self) -> None:
        """Check the target at its fixed numbers of images, and show the estimate now and then."""
        n_rows = len(self._store)
        while self._checkpoints and n_rows >= self._checkpoints[0]:
            n_images = self._checkpoints.popleft()
            if self._meets_target(self._store.rows()[:n_images]):
                self._stopped_at = n_images
                return
        started = time.perf_counter()
        is_whole = self._spec.mode == Mode.CORRECTED or not n_rows % self._spec.reference_batch
        if started >= self._next_estimate and n_rows > 1 and is_whole:
            self._emit(self._estimate(self._store.rows(), n_resamples=N_LIVE_RESAMPLES))
            spent = time.perf_counter() - started
            self._next_estimate = started + max(ESTIMATE_EVERY_S, spent / ESTIMATE_SHARE)

    def _check_end(self) -> None:
        """Check the target at the end of the data or the budget, whatever the number of images."""
        rows = self._store.rows()
        if len(rows) >= FIRST_CHECK and self._meets_target(rows):
            self._stopped_at = len(rows)

    def _meets_target(self, rows: list[ValueRow]) -> bool:
        """Say whether the signed score's interval over `rows` is as narrow as asked."""
        target = self._spec.target_halfwidth
        if target is None:
            return False
        low, high = self._estimate(rows).signed.interval
        return (high - low) / 2 <= target

    def _estimate(self, rows: list[ValueRow], *, n_resamples: int = N_RESAMPLES) -> Estimate:
        profiles = assemble.image_profiles(
            ValueRows.stack(rows),
            self._spec,
            self._plan.estimator,
            labels_are_own=self._labels_are_own,
        )
        profile = assemble.estimate(profiles, self._spec, n_resamples=n_resamples)
        return Estimate(
            n_images=len(rows),
            bands=assemble.band_results(profile, self._edges),
            signed=assemble.signed_score_value(profile, self._spec),
            accuracy=profile.top1,
            accuracy_interval=profile.top1_interval,
        )
