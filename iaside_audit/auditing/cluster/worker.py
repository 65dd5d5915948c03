"""What runs inside a cluster's worker: leases, on a child process that is kept between them.

Everything here is called by Dask, on the machine of its worker. The model still runs in a child of
that worker, with the usual limits, so that a model which ends its process ends nothing else. Files
are taken from the path that the client named where they lie there with the same sha256; otherwise
the client sends them, and they are kept by sha256 until the worker ends.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iaside_audit._version import __version__
from iaside_audit.auditing.cluster.parcels import Shelf
from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.wire import decode, encode
from iaside_audit.errors import WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Worker as DaskWorker

    from iaside_audit.auditing.wire import Message
    from iaside_audit.auditing.workers import Worker

    StartWorker = Callable[[Limits], Worker]

POLL_S: Final = 0.05
"""How long the end of an audit may go unnoticed."""
ATTRIBUTE: Final = "iaside_lease_host"

_making = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One lease on its way to a cluster, and what it takes to run it there.

    Parameters
    ----------
    audit : str
        Names the audit, so that its end can be told.
    lease : bytes
        The task, on the wire; its images are named by their locations on the client's machine.
    preparation : tuple of str
        sha256 of each task that comes before the first lease.
    model_files, image_files : dict
        sha256 of every file, by its location on the client's machine.
    n_sharing : int
        Workers that share the memory of their machine.
    max_model_bytes : int
        The most that a model with its external data may take.
    """

    audit: str
    lease: bytes
    preparation: tuple[str, ...]
    model_files: dict[str, str]
    image_files: dict[str, str]
    n_sharing: int
    max_model_bytes: int


class _Ended(Exception):  # noqa: N818 - not an error: nobody wants the answer any more
    """The audit is over."""


class LeaseHost:
    """The child of one Dask worker, and the files that it was sent.

    Parameters
    ----------
    folder : str
        Where files are kept; a folder of its own is made in it.
    memory_bytes : int or None
        What Dask grants the worker; None for no limit.
    """

    def __init__(self, folder: str, memory_bytes: int | None) -> None:
        self.shelf = Shelf(folder)
        self._memory_bytes = memory_bytes
        self._busy = threading.Lock()
        self._ended: set[str] = set()
        self._worker: Worker | None = None
        self._owner = ""
        self._prepared: tuple[str, ...] = ()
        self._opened: Message = {}

    def run(self, errand: Errand, start: StartWorker) -> list[Message]:
        """Return the answers to a lease: its rows, and how it ended; or what is missing here."""
        with self._busy:  # a Dask worker of several threads still has one child
            answers: list[Message] = []
            try:
                answers.extend(self._run(errand, start))
            except WorkerLostError as error:
                is_prepared = self._prepared == errand.preparation
                self.release()
                answers.append(
                    {"kind": "lost", "message": error.message, "is_prepared": is_prepared}
                )
            except _Ended:
                self.release()
            except BaseException:
                self.release()  # whatever it was, the next lease gets a fresh child
                raise
            return answers

    def end(self, audit: str) -> None:
        """Note that an audit is over, and end its child if it is idle; a busy one sees the note."""
        self._ended.add(audit)
        if self._owner == audit and self._busy.acquire(blocking=False):
            try:
                self.release()
            finally:
                self._busy.release()

    def release(self) -> None:
        """End the child."""
        if self._worker is not None:
            self._worker.kill()
        self._worker = None
        self._prepared = ()

    def _run(self, errand: Errand, start: StartWorker) -> Iterator[Message]:
        is_ready = self._prepared == errand.preparation and self._owner == errand.audit
        wanted = dict.fromkeys(errand.image_files.items())
        if not is_ready:
            if not self.shelf.has_model(errand.model_files):
                wanted |= dict.fromkeys(errand.model_files.items())
            wanted |= dict.fromkeys(("", sha256) for sha256 in errand.preparation)
        missing = [sha256 for location, sha256 in wanted if not self.shelf.find(location, sha256)]
        if missing:
            yield {"kind": "missing", "sha256": list(dict.fromkeys(missing))}
            return
        if not is_ready:
            error = self._prepare(errand, start)
            if error is not None:
                yield {**error, "is_prepared": False}
                return
        yield {**self._opened, "kind": "opened"}
        yield from self._replies(errand, self._moved(errand))

    def _prepare(self, errand: Errand, start: StartWorker) -> Message | None:
        """Make the child ready; return the reply that says why it is not."""
        *before, _ = errand.preparation
        done = self._prepared[: len(before)] if self._owner == errand.audit else ()
        if self._worker is None or list(done) != before:
            self.release()
            self._owner = errand.audit
            self._worker = start(self._limits(errand))
            done = ()
        self._prepared = done
        for sha256 in errand.preparation[len(done) :]:
            message = decode(self.shelf.path(sha256).read_bytes())
            if "model" in message:
                model = self.shelf.model(Path(message["model"]), errand.model_files)
                message["model"] = str(model)
            *_, reply = self._replies(errand, message)
            if reply["kind"] == "error":
                self.release()
                return reply
            if "provider" in reply:
                self._opened = {name: reply[name] for name in ("provider", "onnxruntime")}
            self._prepared += (sha256,)
        return None

    def _replies(self, errand: Errand, message: Message) -> Iterator[Message]:
        """Yield the child's replies to one task."""
        worker = self._worker
        if worker is None:
            raise WorkerLostError("Expected a worker process, found none. Run the audit again.")
        worker.send(message)
        while True:
            reply = worker.receive(POLL_S)
            if errand.audit in self._ended:
                raise _Ended
            if reply is None:
                continue
            yield reply
            if reply["kind"] in {"done", "error"}:
                return

    def _moved(self, errand: Errand) -> Message:
        """Return the lease with the locations that its images have here."""

        def moved(image: dict[str, Any] | None) -> dict[str, Any] | None:  # Any: JSON
            if image is None:
                return None
            location = image["location"]
            sha256 = errand.image_files.get(location)
            path = None if sha256 is None else self.shelf.find(location, sha256)
            return {**image, "location": str(path or location)}

        lease = decode(errand.lease)
        lease["items"] = [
            {**item, "image": moved(item["image"]), "partner": moved(item["partner"])}
            for item in lease["items"]
        ]
        return lease

    def _limits(self, errand: Errand) -> Limits:
        limits = Limits.shared_by(errand.n_sharing, max_model_bytes=errand.max_model_bytes)
        if self._memory_bytes is None or limits.memory_bytes is None:
            return limits
        return replace(limits, memory_bytes=min(limits.memory_bytes, self._memory_bytes))


def run_errand(errand: Errand, start: StartWorker) -> tuple[str, list[bytes]]:
    """Run one lease; the task of a Dask worker.

    Returns
    -------
    address : str
        Of the Dask worker.
    answers : list of bytes
        On the wire; one a row, and how the lease ended.
    """
    from distributed import get_worker  # noqa: PLC0415 - the extra `cluster`

    dask_worker = get_worker()
    answers = host_of(dask_worker).run(errand, start)
    return dask_worker.address, [encode(answer) for answer in answers]


def greet() -> Message:
    """Say what a Dask worker is."""
    from distributed import get_worker  # noqa: PLC0415

    return {"version": __version__, "threads": get_worker().state.nthreads}


def keep(sha256: str, start: int, chunk: bytes, *, is_last: bool, dask_worker: DaskWorker) -> bool:
    """Take a piece of a file; Dask fills in its worker."""
    return host_of(dask_worker).shelf.keep(sha256, start, chunk, is_last=is_last)


def end_audit(audit: str, *, dask_worker: DaskWorker) -> None:
    """End what an audit left on a worker; Dask fills in its worker."""
    host_of(dask_worker).end(audit)


def host_of(dask_worker: DaskWorker) -> LeaseHost:
    """Return the host of a Dask worker; several of them may share a process."""
    with _making:
        host = getattr(dask_worker, ATTRIBUTE, None)
        if host is None:
            memory = getattr(dask_worker.memory_manager, "memory_limit", None)
            host = LeaseHost(dask_worker.local_directory, memory or None)
            setattr(dask_worker, ATTRIBUTE, host)
        return host
