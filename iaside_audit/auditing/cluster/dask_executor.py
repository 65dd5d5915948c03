"""Run leases on the workers of a Dask cluster, which brings back those of a lost worker.

A lease is one task. Its answers come back as bytes on the wire and are handed on at once, so that
no worker holds anything that another one would have to compute again.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.books import BookedExecutor, Running
from iaside_audit.auditing.cluster.parcels import Parcels
from iaside_audit.auditing.cluster.worker import Errand, end_audit, keep, run_errand
from iaside_audit.auditing.executor import LEASES_AHEAD, POLL_S
from iaside_audit.auditing.outcome.record import minor_version
from iaside_audit.auditing.wire import decode, encode
from iaside_audit.auditing.workers import ProcessWorker, raise_if_error
from iaside_audit.errors import (
    InferenceError,
    MemoryExhaustedError,
    SpecError,
    WorkerLostError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distributed import Future

    from iaside_audit.auditing.attempts import Lease
    from iaside_audit.auditing.cluster.connection import Cluster
    from iaside_audit.auditing.cluster.worker import StartWorker
    from iaside_audit.auditing.wire import Message

    Result = tuple[str, list[bytes]]

LOOK_EVERY_S: Final = 1.0
"""How often the number of workers is looked at."""
RESULT_S: Final = 5.0
"""For a result of some kilobytes; a worker that dies meanwhile has its lease run again."""
CLOSE_S: Final = 2.0


class DaskExecutor(BookedExecutor):
    """Runs leases on a cluster.

    Parameters
    ----------
    cluster : Cluster
        Where leases are sent; stays open.
    preparation : callable
        Takes the rows of a batch; returns the tasks that come before the first lease.
    batch : int
        Rows of every call of the model; halved where they do not fit the memory.
    opened : dict
        `provider` and `onnxruntime` of the first worker, which every other must equal.
    max_model_bytes : int
        The most that a model with its external data may take.
    start : callable
        Starts the child of a cluster's worker; it travels there.
    """

    def __init__(
        self,
        cluster: Cluster,
        preparation: Callable[[int], Sequence[Message]],
        *,
        batch: int,
        opened: Message,
        max_model_bytes: int,
        start: StartWorker = ProcessWorker,
    ) -> None:
        super().__init__(batch)
        self._cluster = cluster
        self._client = cluster.client
        self._preparation = preparation
        self._expected = opened
        self._max_model_bytes = max_model_bytes
        self._start = start
        self._audit = secrets.token_hex(8)
        self._parcels = Parcels()
        self._model_files = self._parcels.named(_model_files(preparation(batch)))
        self._prepared: dict[int, tuple[str, ...]] = {}
        self._running: dict[Future, tuple[Running, int]] = {}
        self._finished: queue.SimpleQueue[Future | None] = queue.SimpleQueue()
        self._numbers: dict[str, int] = {}
        self._present: set[str] = set()
        self._n_workers = cluster.n_workers
        self._next_look = 0.0
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="audit cluster", daemon=True)
        self._thread.start()

    @property
    def has_room(self) -> bool:
        """Whether a further lease would keep a worker busy."""
        return self._attempts.n_open < LEASES_AHEAD * self._n_workers

    def submit(self, lease: Lease) -> None:
        """Queue a lease."""
        super().submit(lease)
        self._finished.put(None)  # wakes the thread

    def close(self) -> None:
        """Cancel what the cluster has, and end the children of its workers."""
        self._attempts.stop()
        self._is_closing.set()
        self._thread.join(CLOSE_S)
        # In a thread: a scheduler or a worker that does not answer must hold nobody up.
        ending = threading.Thread(target=self._end, name="audit cluster end", daemon=True)
        ending.start()
        ending.join(CLOSE_S)

    def _end(self) -> None:
        with suppress(Exception):  # gone already
            self._client.cancel(list(self._running), force=True)
            self._client.run(end_audit, self._audit, on_error="ignore")

    def _serve(self) -> None:
        """Send leases and settle what became of them, until the end."""
        try:
            while not self._is_closing.is_set():
                self._look()
                while (lease := self._attempts.next(0)) is not None:
                    self._send(lease)
                finished = self._wait()
                for future, result in zip(finished, self._gather(finished), strict=True):
                    self._settle(future, result)
        except (OSError, TimeoutError) as error:
            self._answers.put(_lost_scheduler(error))
        except BaseException as error:  # noqa: BLE001 - raised in the supervisor's thread
            self._answers.put(error)

    def _look(self) -> None:
        """Count the workers, and tell which left: Dask has their leases run again by others."""
        if time.monotonic() < self._next_look:
            return
        present = set(self._client.nthreads())
        for address in sorted(self._present - present):
            self._answers.put(
                {"kind": "lost", "message": f"The cluster's worker at {address} left or died."}
            )
        self._present = present
        self._n_workers = max(1, len(present))
        self._next_look = time.monotonic() + LOOK_EVERY_S

    def _send(self, lease: Lease, *, to: str | None = None) -> None:
        """Send a lease; `to` names a worker that has its files."""
        batch = self._batch
        images = [
            image.location
            for item in lease.items
            if item.index in lease.wanted
            for image in (item.image, item.partner)
            if image is not None
        ]
        errand = Errand(
            audit=self._audit,
            lease=encode(lease.message()),
            preparation=self._preparation_of(batch),
            model_files=self._model_files,
            image_files=self._parcels.named(images),
            n_sharing=self._cluster.n_workers if self._cluster.is_local else 1,
            max_model_bytes=self._max_model_bytes,
        )
        future = self._client.submit(
            run_errand,
            errand,
            self._start,
            pure=False,
            resources=self._cluster.resources,
            workers=None if to is None else [to],
            allow_other_workers=to is not None,
        )
        self._running[future] = (Running(lease), batch)
        future.add_done_callback(self._finished.put)

    def _wait(self) -> list[Future]:
        """Return the leases that finished, once there is one, or soon."""
        finished: list[Future | None] = []
        with suppress(queue.Empty):
            finished.append(self._finished.get(timeout=POLL_S))
            while True:
                finished.append(self._finished.get_nowait())
        return [future for future in finished if future is not None]

    def _gather(self, futures: Sequence[Future]) -> list[Result | None]:
        """Fetch results together, for each fetch is a journey; None for one that must go alone."""
        if len(futures) > 1 and all(future.status == "finished" for future in futures):
            with suppress(Exception):  # a worker just died: see which result went with it
                results: list[Result | None] = self._client.gather(list(futures))
                return results
        return [None] * len(futures)

    def _settle(self, future: Future, result: Result | None) -> None:
        """Take the answers to a lease."""
        current, batch = self._running[future]
        try:
            address, answers = result or future.result(timeout=RESULT_S)
        except Exception as error:  # noqa: BLE001 - whatever kept a worker from answering
            if isinstance(error, TimeoutError) and future.status != "error":
                future.add_done_callback(self._finished.put)  # its worker died: it runs again
                return
            del self._running[future]
            self._fail(current, future, error)
            return
        del self._running[future]
        number = self._numbers.setdefault(address, len(self._numbers))
        for answer in answers:
            self._take_one(number, address, current, decode(answer), batch)

    def _take_one(
        self, number: int, address: str, current: Running, answer: Message, batch: int
    ) -> None:
        """Take one answer of a worker."""
        match answer["kind"]:
            case "opened":
                self._check_opened(address, answer)
            case "missing":
                self._deliver(address, answer["sha256"])
                self._send(current.lease, to=address)
            case "lost":
                error = WorkerLostError(answer["message"])
                if answer["is_prepared"]:
                    self._lose([current], error)
                else:
                    self._attempts.again([current.lease])
                    self._lose([], error)
            case "error" if answer.get("is_prepared") is False:
                self._attempts.again([current.lease])
                try:
                    raise_if_error(answer)
                except MemoryExhaustedError as error:
                    if not self._halve(batch, error):
                        raise
            case _:
                self._take(number, current, answer, batch)

    def _fail(self, current: Running, future: Future, error: Exception) -> None:
        """Decide what becomes of a lease that the cluster could not run."""
        if future.status in {"cancelled", "lost"}:
            raise _lost_scheduler(error) from error
        kind = type(error).__name__
        if kind == "KilledWorker":
            lost = WorkerLostError(
                "Expected the cluster's workers to live, found that several died with this lease. "
                "See their logs: they may lack memory."
            )
            self._lose([current], lost)
            return
        self._strike(
            current,
            InferenceError(
                f"Expected the cluster's worker to run a lease, found {kind}: {error}. "
                "See the worker's log."
            ),
        )

    def _check_opened(self, address: str, opened: Message) -> None:
        """Refuse a worker whose numbers would not be comparable with the others'."""
        expected, found = _facts(self._expected), _facts(opened)
        if found != expected:
            raise SpecError(
                f"Expected every worker to run the model as the first one did, with {expected}, "
                f"found {found} at {address}. Give --device, and install the same ONNX Runtime "
                "everywhere.",
                expected=expected,
                found=found,
            )

    def _preparation_of(self, batch: int) -> tuple[str, ...]:
        """Return the names of the tasks before the first lease."""
        if batch not in self._prepared:
            messages = [encode(_absolute(message)) for message in self._preparation(batch)]
            self._prepared[batch] = tuple(self._parcels.add(message) for message in messages)
        return self._prepared[batch]

    def _deliver(self, address: str, names: Sequence[str]) -> None:
        """Send files to a worker that cannot read them where they lie."""
        for name in names:
            for start, chunk, is_last in self._parcels.pieces(name):
                replies = self._client.run(
                    keep, name, start, chunk, is_last=is_last, workers=[address], on_error="return"
                )
                kept = replies.get(address, True)  # a worker that is gone needs nothing more
                if kept is not True:
                    raise InferenceError(
                        f"Expected the worker at {address} to keep a file, found "
                        f"{kept or 'that it changed meanwhile'}. Give it space, or start again "
                        "with files that do not change."
                    )


def _absolute(message: Message) -> Message:
    """Return a task whose model can be looked for from another folder."""
    if "model" not in message:
        return message
    return {**message, "model": str(Path(message["model"]).absolute())}


def _model_files(preparation: Sequence[Message]) -> list[str]:
    """Return the files of the model that is opened: its own and its external data."""
    return [
        str(Path(message["model"]).absolute().parent / name)
        for message in preparation
        if "model" in message
        for name in (Path(message["model"]).name, *message["graph"]["external_files"])
    ]


def _facts(opened: Message) -> str:
    return f"{opened['provider']} of ONNX Runtime {minor_version(opened['onnxruntime'])}"


def _lost_scheduler(error: BaseException) -> InferenceError:
    return InferenceError(
        f"Expected the Dask scheduler to answer, found that the connection is lost "
        f"({type(error).__name__}). The rows so far are kept: start it and run the audit again."
    )
