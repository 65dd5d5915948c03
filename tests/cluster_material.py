"""Dask clusters in this process, leases for them, and children that play a model.

Nothing here starts a process: schedulers and workers are threads, which speak as machines do.
"""

from __future__ import annotations

import logging
import queue
import time
from typing import TYPE_CHECKING, Final

from distributed import LocalCluster

from iaside_audit.auditing.attempts import Lease
from iaside_audit.auditing.cluster.dask_executor import DaskExecutor
from iaside_audit.auditing.evaluation.evaluate import LeaseItem
from iaside_audit.errors import WorkerLostError
from iaside_audit.images import IndexedImage

if TYPE_CHECKING:
    from iaside_audit.auditing.cluster.connection import Cluster
    from iaside_audit.auditing.limits import Limits
    from iaside_audit.auditing.wire import Message

DEADLINE_S: Final = 30.0
OPENED: Final = {"provider": "CPUExecutionProvider", "onnxruntime": "1.31.1"}


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
