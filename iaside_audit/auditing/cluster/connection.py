"""Connect to a Dask cluster, or start one on this machine."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iaside_audit._version import __version__
from iaside_audit.auditing.cluster.worker import greet
from iaside_audit.choices import local_workers
from iaside_audit.errors import InferenceError, SpecError
from iaside_audit.events import AuditCancelled, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client, Future

    from iaside_audit.spec import AuditSpec

CONNECT_S: Final = 10.0
START_S: Final = 120.0
"""For the workers of this machine to start; much longer than a busy machine needs."""
CLOSE_S: Final = 2.0
POLL_S: Final = 0.1
GPU: Final = "GPU"
"""The resource of which a worker on a GPU has 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where leases are sent.

    Parameters
    ----------
    client : Client
        Connected to the scheduler.
    n_workers : int
        That were there at the start.
    threads : int
        Of one worker, as it was started.
    is_local : bool
        Whether the workers share the cores and the memory of this machine.
    resources : dict
        What a lease takes of a worker.
    """

    client: Client
    n_workers: int
    threads: int
    is_local: bool
    resources: dict[str, float]


@contextmanager
def open_cluster(
    spec: AuditSpec, is_cancelled: Callable[[], bool], say: Callable[[Stage], None]
) -> Iterator[Cluster | None]:
    """Connect to the cluster that a specification names; give None where it names none.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    is_cancelled : callable
        Asked now and then.
    say : callable
        Takes the name of the stage.

    Raises
    ------
    SpecError
        If Dask is not installed, the scheduler does not answer, or its workers cannot run an audit.
    AuditCancelled
        If `is_cancelled` says so.
    """
    if spec.scheduler is None:
        yield None
        return
    try:
        from distributed.utils import silence_logging_cmgr  # noqa: PLC0415 - the extra `cluster`
    except ImportError as error:
        raise SpecError(
            "Expected Dask for --scheduler, found that it is not installed. "
            'Install it: pip install "iaside-audit[cluster]".'
        ) from error
    n_local = local_workers(spec.scheduler)
    resources = {GPU: 1.0} if spec.device.startswith("cuda") else {}
    with ExitStack() as opened:
        # Its log goes to stderr, over the progress; what matters is told by events.
        opened.enter_context(silence_logging_cmgr(logging.CRITICAL))
        if n_local is None:
            say(Stage.CONNECTING)
            client = opened.enter_context(_connected(spec.scheduler, is_cancelled))
        else:
            say(Stage.STARTING_WORKERS)
            client = opened.enter_context(_started(n_local, resources))
        say(Stage.AWAITING_WORKERS)
        yield _met(client, resources, is_cancelled, n_local=n_local)


@contextmanager
def _connected(address: str, is_cancelled: Callable[[], bool]) -> Iterator[Client]:
    """Connect to a scheduler that runs already; it is left running."""
    from distributed import Client  # noqa: PLC0415

    try:
        asyncio.run(_wait_for_answer(address, is_cancelled))
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except ValueError as error:
        raise SpecError(
            f"Expected the address of a Dask scheduler, such as tcp://host:8786, found "
            f"{address!r} ({error}). Correct --scheduler.",
        ) from error
    except (OSError, TimeoutError) as error:
        raise SpecError(
            f"Expected a Dask scheduler at {address!r}, found none that answers within "
            f"{CONNECT_S:.0f} s. Check the address and that `dask scheduler` runs there.",
            found=str(error),
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=CLOSE_S)


async def _wait_for_answer(address: str, is_cancelled: Callable[[], bool]) -> None:
    """Return once something at an address greets as Dask does.

    A `Client` that finds no scheduler raises from its constructor and cannot be closed. The garbage
    collector closes it later, in whichever thread it runs, and where that is the starting thread of
    the next client, the two wait for each other. So one is made only for what answers. This wait
    can be cancelled, too.
    """
    from distributed import Security  # noqa: PLC0415
    from distributed.comm import connect  # noqa: PLC0415

    security = Security().get_connection_args("client")
    greeting = asyncio.create_task(connect(address, timeout=CONNECT_S, **security))
    deadline = time.monotonic() + CONNECT_S
    try:
        while not greeting.done():
            if is_cancelled():
                raise AuditCancelled("The audit was cancelled.")
            if time.monotonic() > deadline:
                raise TimeoutError("It took the connection and said nothing.")
            await asyncio.wait({greeting}, timeout=POLL_S)
        await greeting.result().close()
    finally:
        greeting.cancel()


@contextmanager
def _started(n_workers: int, resources: dict[str, float]) -> Iterator[Client]:
    """Start a scheduler in this process and workers in processes of their own.

    The processes are started with the interpreter's command line, not by ``multiprocessing`` from
    here, so a script needs no ``if __name__ == "__main__"``. They end with their scheduler.
    """
    from distributed import Client, LocalCluster  # noqa: PLC0415

    options: dict[str, Any] = {  # Any: JSON
        "nthreads": 1,
        "memory_limit": 0,  # the children hold the memory, and have limits of their own
        "resources": resources,
        "dashboard": False,
        "death_timeout": START_S,
    }
    workers = {
        f"{number}": {"cls": "distributed.Nanny", "opts": {**options, "name": f"{number}"}}
        for number in range(n_workers)
    }
    with (
        LocalCluster(
            n_workers=0,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,
        ) as scheduler,
        tempfile.TemporaryDirectory(prefix="iaside-cluster-", ignore_cleanup_errors=True) as folder,
    ):
        process = subprocess.Popen(  # noqa: S603 - our own words
            [
                *(sys.executable, "-P", "-m", "distributed.cli.dask_spec"),
                *(scheduler.scheduler_address, "--spec", json.dumps(workers)),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the supervisor, which then decides
        )
        try:
            with Client(scheduler.scheduler_address, set_as_default=False) as client:
                yield client
        finally:
            with suppress(subprocess.TimeoutExpired):
                process.terminate()
                process.wait(CLOSE_S)
            process.kill()
            process.wait()


def _met(
    client: Client,
    resources: dict[str, float],
    is_cancelled: Callable[[], bool],
    *,
    n_local: int | None,
) -> Cluster:
    """Wait for the first worker, or for all of this machine, and check that it can run audits.

    A task asks for it, so that a cluster which grows by demand starts one.
    """
    future = client.submit(greet, pure=False, resources=resources)
    started = time.monotonic()
    while not (future.done() and (n_local is None or len(client.nthreads()) >= n_local)):
        if is_cancelled():
            raise AuditCancelled("The audit was cancelled.")
        time.sleep(POLL_S)
        if n_local is None:
            _check_resources(client, resources)
        elif time.monotonic() - started > START_S:
            raise InferenceError(
                f"Expected {n_local} workers to start within {START_S:.0f} s, found "
                f"{len(client.nthreads())}. Ask for fewer with --scheduler local:N."
            )
    greeting = _greeting(future)
    if greeting["version"] != __version__:
        raise SpecError(
            f"Expected iaside-audit {__version__} on the cluster's workers, found "
            f"{greeting['version']}. Install the same version there.",
            expected=__version__,
            found=str(greeting["version"]),
        )
    return Cluster(
        client=client,
        n_workers=max(1, len(client.nthreads())),
        threads=int(greeting["threads"]),
        is_local=n_local is not None,
        resources=resources,
    )


def _greeting(future: Future) -> dict[str, Any]:  # Any: JSON
    try:
        greeting: dict[str, Any] = future.result(timeout=CONNECT_S)
    except Exception as error:  # whatever keeps a stranger's worker from answering
        raise SpecError(
            "Expected the cluster's workers to run iaside-audit, found a worker that cannot: "
            f"{type(error).__name__}: {error}. Install iaside-audit[cluster] in their environment."
        ) from error
    return greeting


def _check_resources(client: Client, resources: dict[str, float]) -> None:
    """Refuse workers none of which may ever take a lease."""
    workers = client.scheduler_info()["workers"].values()
    if resources and workers and not any(GPU in one.get("resources", {}) for one in workers):
        raise SpecError(
            f"Expected workers with a GPU for --device cuda, found {len(workers)} without. "
            f'Start each with CUDA_VISIBLE_DEVICES and --resources "{GPU}=1".'
        )
