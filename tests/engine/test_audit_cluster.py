"""Leases on a Dask cluster: the same rows as here, whatever dies, and wherever the files are."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import onnx
import pytest
from audit_material import assert_same_rows, audit_here, convnet_spec, events_here, finished
from cluster_material import ScriptedWorker, a_lease, answers_to, cluster_here, executor_of, rows_of
from models_for_tests import save_with_external_data

from iaside_audit.auditing.cluster.connection import open_cluster
from iaside_audit.auditing.cluster.parcels import Shelf
from iaside_audit.errors import InferenceError, SpecError, WorkerLostError
from iaside_audit.events import Cancelled, Control, Finished, ImageDone
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iaside_audit.auditing.cluster.connection import Cluster

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Start a scheduler and two workers in this process."""
    with cluster_here(n_workers=2) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def cluster(address: str) -> Iterator[Cluster]:
    """Connect to it."""
    spec = AuditSpec(model="m.onnx", images="images", scheduler=address)
    with open_cluster(spec, lambda: False, lambda _stage: None) as opened:
        assert opened is not None
        yield opened


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., type[ScriptedWorker]]:
    """Return a way to say how the workers behave."""

    def script(**how: Any) -> type[ScriptedWorker]:  # Any: attributes of the class
        for name, value in how.items():
            monkeypatch.setattr(ScriptedWorker, name, value)
        return ScriptedWorker

    return script


def test_audit_on_a_cluster_equals_one_here(address: str, tmp_path: Path) -> None:
    """The same threads give the same bits, wherever a lease runs."""
    here = audit_here(convnet_spec(tmp_path, threads=1, batch=30))
    spec = convnet_spec(tmp_path, threads=1, batch=30, scheduler=address)
    there = finished(events_here(spec))
    assert_same_rows(here, there)
    assert there.runtime.workers == 2
    assert there.runtime.threads == 1
    assert there.score == here.score


def test_files_that_a_worker_cannot_read_are_sent(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model with external data and its images travel by sha256, and the rows are the same."""
    spec = convnet_spec(tmp_path, threads=1, batch=30, scheduler=address)
    save_with_external_data(onnx.load(str(spec.model)), spec.model)
    here = audit_here(convnet_spec(tmp_path, threads=1, batch=30))
    seen: list[str] = []
    kept = Shelf.keep

    def keep(self: Shelf, name: str, start: int, chunk: bytes, *, is_last: bool) -> bool:
        seen.append(name)
        return kept(self, name, start, chunk, is_last=is_last)

    monkeypatch.setattr(Shelf, "_shared", lambda *_: False)
    monkeypatch.setattr(Shelf, "keep", keep)
    there = finished(events_here(spec))
    assert_same_rows(here, there)
    assert here.model.sha256 in seen
    assert max(seen.count(one) for one in seen) <= 2  # once for each of the two workers


def test_every_lease_is_answered_once(
    cluster: Cluster, scripted: Callable[..., type[ScriptedWorker]]
) -> None:
    """Each image has one row, and both workers took part."""
    answers = answers_to(executor_of(cluster, scripted()), 12)
    assert rows_of(answers) == list(range(24))
    assert {one["worker"] for one in answers if one["kind"] == "row"} == {0, 1}


def test_an_image_that_ends_its_worker_is_given_up_alone(
    cluster: Cluster, scripted: Callable[..., type[ScriptedWorker]]
) -> None:
    """Its neighbours in the lease get their rows."""
    answers = answers_to(executor_of(cluster, scripted(killers=frozenset({5}))), 6)
    assert rows_of(answers) == [index for index in range(12) if index != 5]
    failures = [one for one in answers if one["kind"] == "failed"]
    assert [(one["index"], one["path"]) for one in failures] == [(5, "2-1.png")]
    assert failures[0]["reason"].startswith("given up after 3 tries")


def test_a_model_that_always_ends_its_worker_ends_the_audit(
    cluster: Cluster, scripted: Callable[..., type[ScriptedWorker]]
) -> None:
    """Too many lost workers in a row are the model's fault."""
    executor = executor_of(cluster, scripted(killers=frozenset(range(100))))
    with pytest.raises(WorkerLostError, match="found that it ended"):
        answers_to(executor, 12)


def test_a_batch_that_does_not_fit_is_halved(
    cluster: Cluster, scripted: Callable[..., type[ScriptedWorker]]
) -> None:
    """It is halved until it fits, and no image is lost."""
    answers = answers_to(executor_of(cluster, scripted(most_rows=3), batch=8), 6)
    assert rows_of(answers) == list(range(12))
    assert [one["batch"] for one in answers if one["kind"] == "batch"] == [4, 2]


def test_a_worker_that_runs_the_model_elsewhere_is_an_error(
    cluster: Cluster, scripted: Callable[..., type[ScriptedWorker]]
) -> None:
    """Rows of several providers are not mixed."""
    executor = executor_of(cluster, scripted(provider="CUDAExecutionProvider"))
    with pytest.raises(SpecError, match="as the first one did, with CPUExecutionProvider"):
        answers_to(executor, 1)


def test_closing_does_not_wait_for_a_model_that_hangs(
    cluster: Cluster, scripted: Callable[..., type[ScriptedWorker]]
) -> None:
    """A cancelled audit is over soon, and leaves its workers free for the next one."""
    executor = executor_of(cluster, scripted(hangs=True))
    executor.submit(a_lease(0))
    time.sleep(0.5)
    started = time.monotonic()
    executor.close()
    assert time.monotonic() - started < 3
    scripted(hangs=False)
    assert rows_of(answers_to(executor_of(cluster, ScriptedWorker), 2)) == [0, 1, 2, 3]


def test_cancelled_audit_gives_what_it_has(address: str, tmp_path: Path) -> None:
    """Cancelling ends a cluster's audit as it ends one here."""
    spec = convnet_spec(tmp_path, n_images=60, threads=1, batch=7, scheduler=address)
    control = Control()
    last = None
    for event in events_here(spec, control):
        if isinstance(event, ImageDone) and event.n_done >= 3:
            control.cancel()
        last = event
    assert isinstance(last, Cancelled)
    assert last.partial is not None
    assert 2 < last.partial.estimator.n_images < 60


def test_workers_without_a_gpu_are_refused_for_cuda(address: str, tmp_path: Path) -> None:
    """Nobody waits for ever for a resource that no worker has."""
    with pytest.raises(SpecError, match=r"found 2 without\. Start each with CUDA_VISIBLE_DEVICES"):
        finished(events_here(convnet_spec(tmp_path, scheduler=address, device="cuda")))


def ancestors(pid: int) -> list[int]:
    """Return the parents of a process, the nearest first."""
    found: list[int] = []
    while pid > 1:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        pid = int(stat.rpartition(")")[2].split()[1])
        found.append(pid)
    return found


def children_of_cluster_workers() -> list[int]:
    """Return the processes that run the model below the cluster's workers of this process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            above = ancestors(int(folder.name))
        except (OSError, ValueError):  # it has ended
            continue
        if b"iaside_audit.worker" in words and os.getpid() in above[1:]:
            found.append(int(folder.name))
    return found


@needs_proc
def test_killed_cluster_worker_costs_nothing_but_time(tmp_path: Path) -> None:
    """`local:2` with one worker ended by its pid in the middle is complete and equal."""
    here = audit_here(convnet_spec(tmp_path, n_images=40, threads=1, batch=14))
    spec = convnet_spec(tmp_path, n_images=40, threads=1, batch=14, scheduler="local:2")
    killed: list[int] = []
    for event in events_here(spec):
        if isinstance(event, ImageDone) and not killed:
            child = children_of_cluster_workers()[0]
            killed.append(ancestors(child)[0])
            os.kill(killed[0], signal.SIGKILL)
        last = event
    assert isinstance(last, Finished)
    assert_same_rows(here, last.result)
    assert last.result.runtime.workers == 2
    assert last.result.data.n_failed == 0
    assert children_of_cluster_workers() == []


def test_lost_scheduler_is_told() -> None:
    """A scheduler that ends in the middle ends the audit with a message, not with a wait."""
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),  # for Dask's own closing
        cluster_here(n_workers=1) as short_lived,
    ):
        spec = AuditSpec(model="m", images="i", scheduler=short_lived.scheduler_address)
        with open_cluster(spec, lambda: False, lambda _stage: None) as opened:
            assert opened is not None
            executor = executor_of(opened, ScriptedWorker)
            short_lived.sync(short_lived.scheduler.close)
            with pytest.raises(InferenceError, match="found that the connection is lost"):
                answers_to(executor, 4)
