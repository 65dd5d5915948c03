"""Leases on a Dask cluster: the same rows as here, whatever dies, and wherever the files are."""

from __future__ import annotations

import builtins
import gc
import logging
import os
import queue
import signal
import socket
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dask
import onnx
import pytest
from audit_material import assert_same_rows, audit_here, command_here, convnet_spec, events_here
from distributed import Client, LocalCluster
from models_for_tests import save_with_external_data

from iaside_audit.auditing import cluster_worker
from iaside_audit.auditing.attempts import Lease
from iaside_audit.auditing.cluster import open_cluster
from iaside_audit.auditing.cluster_worker import Errand, LeaseHost
from iaside_audit.auditing.dask_executor import DaskExecutor
from iaside_audit.auditing.evaluate import LeaseItem
from iaside_audit.auditing.parcels import Shelf
from iaside_audit.errors import InferenceError, ModelError, SpecError, WorkerLostError
from iaside_audit.events import AuditCancelled, Cancelled, Control, Finished, ImageDone
from iaside_audit.images import IndexedImage
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iaside_audit.auditing.cluster import Cluster
    from iaside_audit.auditing.limits import Limits
    from iaside_audit.auditing.wire import Message
    from iaside_audit.result import AuditResult

DEADLINE_S: Final = 30.0
OPENED: Final = {"provider": "CPUExecutionProvider", "onnxruntime": "1.31.1"}
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def cluster_here(*, n_workers: int) -> LocalCluster:
    """Return a scheduler and workers in this process, which speak as those of machines do."""
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    )


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


class ScriptedWorker:
    """A child of a cluster's worker that plays a model; it lives in this process.

    Its model ends its process on the images of `killers`, and takes at most `most_rows` a batch.
    """

    killers: frozenset[int] = frozenset()
    most_rows: int = 1 << 30
    provider: str = OPENED["provider"]
    hangs: bool = False

    def __init__(self, _limits: Limits) -> None:
        self._replies: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._batch = 0

    def send(self, message: Message) -> None:
        """Answer a task."""
        match message["task"]:
            case "open":
                self._replies.put({"kind": "done", **OPENED, "provider": self.provider})
            case "settle":
                self._batch = message["batch"]
                self._replies.put({"kind": "done"})
            case _:
                self._lease(message)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next reply."""
        try:
            reply = self._replies.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if reply["kind"] == "dies":
            raise WorkerLostError("Expected the worker to answer, found that it ended.")
        return reply

    def kill(self) -> None:
        """Nothing to end."""

    def _lease(self, message: Message) -> None:
        if self.hangs:
            return
        if self._batch > self.most_rows:
            error = {"kind": "error", "error": "MemoryExhaustedError", "message": "Too large."}
            self._replies.put({**error, "path": None, "expected": None, "found": None})
            return
        for index in message["wanted"]:
            dies = index in self.killers
            self._replies.put({"kind": "dies"} if dies else {"kind": "row", "index": index})
        self._replies.put({"kind": "done", "n_evaluations": 1, "elapsed_s": 0.001})


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., type[ScriptedWorker]]:
    """Return a way to say how the workers behave."""

    def script(**how: Any) -> type[ScriptedWorker]:  # Any: attributes of the class
        for name, value in how.items():
            monkeypatch.setattr(ScriptedWorker, name, value)
        return ScriptedWorker

    return script


def a_lease(number: int, n_images: int = 2) -> Lease:
    """Return a lease of images that no worker looks at."""
    items = [
        LeaseItem(
            index=number * n_images + place,
            image=IndexedImage(
                path=f"{number}-{place}.png",
                location=f"/nowhere/{number}-{place}.png",
                position=None,
                image_id="0" * 64,
                label=0,
                height=32,
                width=32,
            ),
        )
        for place in range(n_images)
    ]
    return Lease.of(items, number=number)


def executor_of(cluster: Cluster, start: type[ScriptedWorker], *, batch: int = 8) -> DaskExecutor:
    """Return an executor whose children play a model without a file."""
    return DaskExecutor(
        cluster,
        lambda batch: [{"task": "open"}, {"task": "settle", "batch": batch}],
        batch=batch,
        opened=OPENED,
        max_model_bytes=1 << 20,
        start=start,
    )


def answers_to(executor: DaskExecutor, n_leases: int) -> list[Message]:
    """Run some leases and return all answers."""
    answers: list[Message] = []
    deadline = time.monotonic() + DEADLINE_S
    try:
        for number in range(n_leases):
            executor.submit(a_lease(number))
        while not executor.is_idle:
            assert time.monotonic() < deadline, answers
            answer = executor.receive(0.1)
            answers += [] if answer is None else [answer]
    finally:
        executor.close()
    return answers


def rows_of(answers: list[Message]) -> list[int]:
    """Return the images that have a row, one entry a row."""
    return sorted(answer["index"] for answer in answers if answer["kind"] == "row")


def finished(events: Iterator[Any]) -> AuditResult:  # Any: events
    """Return the result of an audit."""
    *_, last = events
    assert isinstance(last, Finished)
    return last.result


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


def test_kept_files_are_those_that_were_named(tmp_path: Path) -> None:
    """Bytes that are not what their name says are refused and forgotten."""
    one = Shelf(str(tmp_path))
    name = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of "test"
    assert one.keep(name, 0, b"te", is_last=False)
    assert one.find("", name) is None
    assert one.keep(name, 2, b"st", is_last=True)
    assert one.find("", name) is not None
    assert not one.keep("0" * 64, 0, b"test", is_last=True)
    assert one.find("", "0" * 64) is None


def test_a_path_is_shared_only_while_its_bytes_are_the_clients(tmp_path: Path) -> None:
    """A file of the same name and other content, now or later, is not taken."""
    one = Shelf(str(tmp_path))
    path = tmp_path / "model.onnx"
    path.write_bytes(b"test")
    name = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    assert one.find(str(path), name) == path
    path.write_bytes(b"another")
    assert one.find(str(path), name) is None
    path.unlink()
    assert one.find(str(path), name) is None


def test_external_data_outside_the_models_folder_is_not_written(tmp_path: Path) -> None:
    """What a client sends stays in the folder that is kept for it."""
    one = Shelf(str(tmp_path))
    name = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    one.keep(name, 0, b"test", is_last=True)
    with pytest.raises(ModelError, match=r"Expected the external data of 'm\.onnx' beside it"):
        one.model(Path("/a/m.onnx"), {"/a/m.onnx": name, "/etc/cron": name})


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


def test_scheduler_without_dask_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extra is named, and the exit code is that of an unusable request."""
    spec = convnet_spec(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "distributed"]:
        monkeypatch.delitem(sys.modules, name)
    imported = builtins.__import__

    def refuse(name: str, *rest: Any) -> object:  # Any: as the original takes them
        if name.partition(".")[0] == "distributed":
            raise ModuleNotFoundError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    words = ("run", spec.model, "--images", spec.images, "--out", tmp_path / "out")
    outcome = command_here(capsys, *words, "--scheduler", "local:2")
    assert outcome.code == 2
    assert 'pip install "iaside-audit[cluster]"' in outcome.err


def test_scheduler_that_does_not_answer_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the address, comes when the time is up, and exits as an unusable request does."""
    monkeypatch.setattr("iaside_audit.auditing.cluster.CONNECT_S", 2.0)
    spec = convnet_spec(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        where = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        words = ("run", spec.model, "--images", spec.images, "--out", tmp_path / "out")
        outcome = command_here(capsys, *words, "--scheduler", where)
    assert outcome.code == 2
    assert f"Expected a Dask scheduler at '{where}', found none that answers" in outcome.err


def test_what_answers_otherwise_than_a_scheduler_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something that takes the connection and is silent is not waited for without end."""
    monkeypatch.setattr("iaside_audit.auditing.cluster.CONNECT_S", 1.0)
    spec = convnet_spec(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        scheduler = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SpecError, match="found none that answers within 1 s"):
            finished(events_here(replace(spec, scheduler=scheduler)))


def test_failed_attempts_leave_no_client() -> None:
    """Dask's half-made clients lock up the next one, when the garbage collector finds them."""
    before = {id(one) for one in gc.get_objects() if isinstance(one, Client)}
    spec = AuditSpec(model="m", images="i", scheduler="nonsense:x")
    with (
        pytest.raises(SpecError) as refused,
        open_cluster(spec, lambda: False, lambda _stage: None),
    ):
        pytest.fail("there is no scheduler")
    left = {id(one) for one in gc.get_objects() if isinstance(one, Client)}
    assert left <= before, refused.value


def test_connecting_can_be_cancelled() -> None:
    """Nobody waits for a scheduler against the user's will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        scheduler = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        spec = AuditSpec(model="m", images="i", scheduler=scheduler)
        started = time.monotonic()
        with (
            pytest.raises(AuditCancelled),
            open_cluster(spec, lambda: time.monotonic() > started + 0.3, lambda _stage: None),
        ):
            pytest.fail("there is no scheduler")
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("scheduler", ["foo://host:1", "nonsense:x"])
def test_address_of_no_known_kind_is_named(scheduler: str, tmp_path: Path) -> None:
    """An address that Dask cannot read is refused at once."""
    with pytest.raises(SpecError, match="Expected the address of a Dask scheduler"):
        finished(events_here(convnet_spec(tmp_path, scheduler=scheduler)))


def test_waiting_for_workers_can_be_cancelled() -> None:
    """A cluster whose jobs still queue is waited for, but not against the user's will."""
    asked = iter([False, False, True])
    with cluster_here(n_workers=0) as empty:
        spec = AuditSpec(model="m", images="i", scheduler=empty.scheduler_address)
        with (
            pytest.raises(AuditCancelled),
            open_cluster(spec, lambda: next(asked), lambda _stage: None),
        ):
            pytest.fail("there is no worker")


@pytest.mark.parametrize("option", [{"workers": 2}, {"device": "cuda:0,1"}], ids=str)
def test_the_cluster_decides_how_many_workers_run(option: dict[str, Any]) -> None:
    """Options for this machine's workers are refused beside a scheduler."""
    with pytest.raises(SpecError, match="Expected neither workers nor several devices"):
        AuditSpec(model="m", images="i", scheduler="local:2", **option)


def test_lost_scheduler_is_told(scripted: Callable[..., type[ScriptedWorker]]) -> None:
    """A scheduler that ends in the middle ends the audit with a message, not with a wait."""
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),  # for Dask's own closing
        cluster_here(n_workers=1) as short_lived,
    ):
        spec = AuditSpec(model="m", images="i", scheduler=short_lived.scheduler_address)
        with open_cluster(spec, lambda: False, lambda _stage: None) as opened:
            assert opened is not None
            executor = executor_of(opened, scripted())
            short_lived.sync(short_lived.scheduler.close)
            with pytest.raises(InferenceError, match="found that the connection is lost"):
                answers_to(executor, 4)


def test_bench_keeps_its_child_while_the_preparation_is_the_same(
    tmp_path: Path, scripted: Callable[..., type[ScriptedWorker]]
) -> None:
    """A second lease starts nothing; another audit's lease starts a child of its own."""
    started: list[ScriptedWorker] = []

    def start(limits: Limits) -> ScriptedWorker:
        started.append(scripted()(limits))
        return started[-1]

    one = LeaseHost(str(tmp_path), None)
    names = []
    for message in (
        {"task": "open"},
        {"task": "settle", "batch": 4},
        {"task": "settle", "batch": 2},
    ):
        data = cluster_worker.encode(message)
        names.append(sha256(data).hexdigest())
        one.shelf.keep(names[-1], 0, data, is_last=True)

    def kinds(audit: str, settle: str) -> list[str]:
        errand = Errand(
            audit=audit,
            lease=cluster_worker.encode(a_lease(0).message()),
            preparation=(names[0], settle),
            model_files={},
            image_files={},
            n_sharing=1,
            max_model_bytes=1 << 20,
        )
        return [answer["kind"] for answer in one.run(errand, start)]

    assert kinds("a", names[1]) == ["opened", "row", "row", "done"]
    assert kinds("a", names[1]) == ["opened", "row", "row", "done"]
    assert kinds("a", names[2]) == ["opened", "row", "row", "done"]
    assert len(started) == 1
    assert kinds("b", names[1]) == ["opened", "row", "row", "done"]
    assert len(started) == 2
    one.end("b")
    assert kinds("b", names[1]) == []
