"""The stream of events: their order, their counts, and the caller's control."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from audit_material import (
    ConvNet,
    SlowWorker,
    audit_here,
    convnet_spec,
    events_here,
    save_images,
    save_npz,
)

from iaside_audit.auditing import leases
from iaside_audit.auditing.executor import LEASES_AHEAD
from iaside_audit.events import (
    Cancelled,
    Control,
    Estimate,
    Finished,
    ImageDone,
    ImageFailed,
    Planned,
    Preparing,
    Warned,
)
from iaside_audit.result import AuditWarning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_audit.events import Event


def supervisors() -> list[threading.Thread]:
    """Return the supervisor threads that live."""
    return [one for one in threading.enumerate() if one.name == "audit supervisor"]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Whatever a test does to its audit, the supervisor ends with it."""
    yield
    assert supervisors() == []


def test_events_come_in_order(tmp_path: Path) -> None:
    """Preparing, the plan, one event an image, and the result last and once."""
    events = list(events_here(convnet_spec(tmp_path, n_images=5)))
    kinds = [type(event) for event in events]
    planned = kinds.index(Planned)
    assert set(kinds[:planned]) == {Preparing}
    assert kinds.count(Planned) == 1
    done = [event for event in events if isinstance(event, ImageDone)]
    assert [event.n_done for event in done] == [1, 2, 3, 4, 5]
    assert [event.index for event in done] == [0, 1, 2, 3, 4]
    assert {event.n_images for event in done} == {5}
    assert kinds[-1] is Finished
    assert kinds.count(Finished) == 1
    assert Cancelled not in kinds


def test_reading_is_counted(tmp_path: Path) -> None:
    """The reading of images ends with all of them read, and never goes backwards."""
    events = events_here(convnet_spec(tmp_path, n_images=9))
    reading = [one for one in events if isinstance(one, Preparing) and one.total]
    counts = [one.done for one in reading]
    assert counts == sorted(counts)
    assert (reading[-1].done, reading[-1].total) == (9, 9)


@pytest.mark.parametrize("baseline", ["zero", "noise"])
def test_plan_says_what_is_done(tmp_path: Path, baseline: str) -> None:
    """The plan's evaluations are those that were made, and its facts those of the result."""
    events = list(events_here(convnet_spec(tmp_path, baseline=baseline, threads=1)))
    planned = next(one for one in events if isinstance(one, Planned))
    assert isinstance(events[-1], Finished)
    result = events[-1].result
    made = planned.n_evaluations
    assert made == result.estimator.n_evaluations == result.runtime.n_evaluations
    assert planned.estimator == result.estimator.kind
    assert planned.model == result.model
    assert planned.threads == result.runtime.threads == 1
    assert planned.batch == result.runtime.batch
    assert planned.preprocessing_source == "the model's metadata"


def test_warnings_are_events_and_stay_in_the_result(tmp_path: Path) -> None:
    """What a reader must know is said at once, and kept, in the same order."""
    save_images(tmp_path / "images", 6, side=20, n_classes=5)
    events = list(events_here(convnet_spec(tmp_path)))
    said = [
        AuditWarning(code=one.code, message=one.message)
        for one in events
        if isinstance(one, Warned)
    ]
    assert isinstance(events[-1], Finished)
    assert tuple(said) == events[-1].result.warnings
    assert [one.code for one in said][:1] == ["images_enlarged"]


def test_failures_are_events_and_stay_in_the_result(tmp_path: Path) -> None:
    """Every image that is left out is named once, before the plan where it cannot be read."""
    spec = convnet_spec(tmp_path, n_images=6)
    for name in ("001.png", "004.png"):
        (tmp_path / "images" / name).write_bytes(b"nothing")
    events = list(events_here(spec))
    failed = [one for one in events if isinstance(one, ImageFailed)]
    assert isinstance(events[-1], Finished)
    assert [(one.path, one.reason) for one in failed] == [
        (one.path, one.reason) for one in events[-1].result.data.failed
    ]
    planned = next(one for one in events if isinstance(one, Planned))
    assert planned.n_failed == 2
    assert events.index(failed[-1]) < events.index(planned)


def test_estimates_come_while_the_audit_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers so far are over the rows so far; the last of them is near the result's."""
    monkeypatch.setattr(leases, "ESTIMATE_EVERY_S", 0.0)
    monkeypatch.setattr(leases, "ESTIMATE_SHARE", 1e9)
    events = list(events_here(convnet_spec(tmp_path, n_images=8, batch=7)))
    assert isinstance(events[-1], Finished)
    result = events[-1].result
    estimates = [one for one in events if isinstance(one, Estimate)]
    assert [one.n_images for one in estimates] == [2, 3, 4, 5, 6, 7, 8]
    last = estimates[-1]
    for one, other in zip(last.bands, result.bands, strict=True):
        assert one.shapley == other.shapley
    assert last.signed.value == result.score.signed.value
    assert last.accuracy == result.accuracy.top1
    assert last.signed.interval[0] <= last.signed.value <= last.signed.interval[1]


def test_no_estimate_of_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row has no interval, so it is no estimate worth showing."""
    monkeypatch.setattr(leases, "ESTIMATE_EVERY_S", 0.0)
    monkeypatch.setattr(leases, "ESTIMATE_SHARE", 1e9)
    events = list(events_here(convnet_spec(tmp_path, max_images=1)))
    assert not any(isinstance(one, Estimate) for one in events)


def cancel_at(events: Iterator[Event], control: Control, kind: type, count: int = 1) -> Event:
    """Cancel with the n-th event of a kind, and return the last event."""
    last = None
    for event in events:
        last = event
        count -= isinstance(event, kind)
        if not count:
            control.cancel()
    assert last is not None
    return last


def test_cancelling_answers_with_a_partial_result(tmp_path: Path) -> None:
    """The rows that exist make a result, and those of a whole audit begin with them."""
    spec = convnet_spec(tmp_path, n_images=30, batch=7)
    control = Control()
    events = events_here(spec, control, start_worker=SlowWorker)
    last = cancel_at(events, control, ImageDone, 3)
    assert isinstance(last, Cancelled)
    assert last.partial is not None
    n_kept = last.partial.data.n_images
    assert 3 <= n_kept < 30
    whole = audit_here(spec).rows()
    rows = last.partial.rows()
    assert rows.image_id == whole.image_id[:n_kept]
    assert (rows.log_p == whole.log_p[:n_kept]).all()
    assert last.partial.estimator.n_images == n_kept


def test_cancelling_a_stopping_audit_is_not_convergence(tmp_path: Path) -> None:
    """A cancelled audit with a target has not met it."""
    control = Control()
    spec = convnet_spec(tmp_path, n_images=30, batch=7, target_halfwidth=0.9)
    events = events_here(spec, control, start_worker=SlowWorker)
    last = cancel_at(events, control, ImageDone, 4)
    assert isinstance(last, Cancelled)
    assert last.partial is not None
    assert last.partial.estimator.converged is False


@pytest.mark.parametrize(("kind", "count"), [(Preparing, 1), (Planned, 1)], ids=["model", "plan"])
def test_cancelling_before_two_rows_leaves_nothing(tmp_path: Path, kind: type, count: int) -> None:
    """With fewer than two rows there is no partial result."""
    control = Control()
    spec = convnet_spec(tmp_path, ConvNet(side=64), n_images=8, bands=8, estimator="exact")
    events = events_here(spec, control, start_worker=SlowWorker)
    last = cancel_at(events, control, kind, count)
    assert last == Cancelled(partial=None)


def test_cancelling_while_images_are_read(tmp_path: Path) -> None:
    """Reading stops within a second, also of a data set that takes much longer."""
    control = Control()
    images = save_npz(tmp_path / "images.npz", 20_000, side=16)
    spec = convnet_spec(tmp_path, ConvNet(side=16), images=images)
    n_read = []
    started = 0.0
    last: Event | None = None
    for event in events_here(spec, control):
        last = event
        if isinstance(event, Preparing) and event.total:
            n_read.append(event.done)
            if not control.is_cancelled:
                control.cancel()
                started = time.monotonic()
    assert time.monotonic() - started < 1
    assert last == Cancelled(partial=None)
    assert n_read[-1] < 20_000


def test_pausing_holds_further_images_back(tmp_path: Path) -> None:
    """While paused nothing but the images already leased is done; then it goes on to the end."""
    control = Control()
    spec = convnet_spec(tmp_path, n_images=12, batch=7)
    moments = []
    for event in events_here(spec, control, start_worker=SlowWorker):
        if isinstance(event, ImageDone):
            moments.append(time.monotonic())
            if event.n_done == 1:
                control.pause()
                assert control.is_paused
                threading.Timer(1.0, control.resume).start()
    assert isinstance(event, Finished)
    assert event.result.data.n_images == 12
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    at = gaps.index(max(gaps))
    assert gaps[at] > 0.5
    assert at <= LEASES_AHEAD + 1


def test_cancelling_ends_a_pause(tmp_path: Path) -> None:
    """A paused audit can be cancelled."""
    control = Control()
    spec = convnet_spec(tmp_path, n_images=12, batch=7)
    for event in events_here(spec, control, start_worker=SlowWorker):
        if isinstance(event, ImageDone) and not control.is_paused and not control.is_cancelled:
            control.pause()
            threading.Timer(0.3, control.cancel).start()
    assert isinstance(event, Cancelled)


def test_closing_the_iterator_cancels(tmp_path: Path) -> None:
    """Whoever stops listening stops the audit; its thread has ended when close() returns."""
    control = Control()
    spec = convnet_spec(tmp_path, n_images=30, batch=7)
    events = events_here(spec, control, start_worker=SlowWorker)
    next(event for event in events if isinstance(event, ImageDone))
    assert len(supervisors()) == 1
    events.close()
    assert control.is_cancelled
    assert supervisors() == []


def test_nothing_runs_before_the_first_event_is_asked_for(tmp_path: Path) -> None:
    """An iterator that nobody walks costs nothing."""
    events = events_here(convnet_spec(tmp_path))
    assert supervisors() == []
    events.close()


def test_a_slow_listener_does_not_hold_the_audit_up(tmp_path: Path) -> None:
    """The supervisor works on while events wait to be taken."""
    spec = convnet_spec(tmp_path, n_images=20, batch=7)
    events = events_here(spec)
    next(events)
    deadline = time.monotonic() + 30
    while supervisors() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert supervisors() == []
    *_, last = events
    assert isinstance(last, Finished)
