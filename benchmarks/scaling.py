"""How audits grow with their workers, and what handing out the leases costs.

Two parts, each with the workers of this machine (``LocalExecutor``) and with a Dask cluster
(``DaskExecutor``):

- *model*: rows a second of a real model with 1, 2, ... workers of one thread each, from the first
  row to the last, so that starting them does not count. It cannot grow beyond the machine's cores.
- *sleeping*: up to 64 workers that sleep in place of running a model, with rows of the usual size.
  What is left to see is the executor: how much of the ideal rate it reaches, and how much processor
  time it spends a row. Dask's scheduler and all its workers live in this one process here, so its
  figures hold the work of 64 machines' workers too: they are an upper bound.

Run it with ``python benchmarks/scaling.py [--model M.onnx --preprocess P.toml --images DIR]``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from distributed import LocalCluster, __version__

import iaside_audit as ia
from iaside_audit.auditing.attempts import Lease
from iaside_audit.auditing.cluster.connection import open_cluster
from iaside_audit.auditing.cluster.dask_executor import DaskExecutor
from iaside_audit.auditing.evaluation.evaluate import LeaseItem
from iaside_audit.auditing.executor import LocalExecutor, Seat
from iaside_audit.classifier.catalogue import demo_images, find_model
from iaside_audit.classifier.providers import available_threads
from iaside_audit.images import IndexedImage

if TYPE_CHECKING:
    from iaside_audit.auditing.executor import Executor
    from iaside_audit.auditing.limits import Limits
    from iaside_audit.auditing.wire import Message

MODEL: Final = "efficientnet_lite0"
BANDS: Final = 4
SLEEP_S: Final = 0.5
"""One row: 255 evaluations of a small model take a CPU about a second."""
LEASES_EACH: Final = 4
N_COALITIONS: Final = 256
OPENED: Final = {"provider": "none", "onnxruntime": "0.0.0"}


def rows_per_s(spec: ia.AuditSpec) -> float:
    """Audit, and return the rate from the first row to the last."""
    done: list[tuple[float, int]] = [
        (time.perf_counter(), event.n_done)
        for event in ia.run_audit(spec)
        if isinstance(event, ia.ImageDone)
    ]
    (started, first), (ended, last) = done[0], done[-1]
    return (last - first) / (ended - started)


class SleepingWorker:
    """A worker that sleeps for each lease, and answers with a row of the usual size."""

    def __init__(self, _limits: Limits | None = None) -> None:
        self._tasks: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def send(self, message: Message) -> None:
        """Queue a task."""
        self._tasks.put(message)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next reply."""
        try:
            return self._replies.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def kill(self) -> None:
        """End the thread."""
        self._tasks.put({"task": "end"})

    def _serve(self) -> None:
        values = np.zeros(N_COALITIONS, dtype=np.float32)
        while (message := self._tasks.get())["task"] != "end":
            if message["task"] != "lease":
                self._replies.put({"kind": "done", **OPENED})
                continue
            time.sleep(SLEEP_S)
            for index in message["wanted"]:
                row = {"log_p": values, "best_other": values, "path": f"{index}.png"}
                self._replies.put({"kind": "row", "index": index, **row})
            self._replies.put({"kind": "done", "n_evaluations": 255, "elapsed_s": SLEEP_S})


def preparation(_batch: int) -> list[Message]:
    """Return the tasks before the first lease."""
    return [{"task": "open"}, {"task": "settle"}]


def drive(executor: Executor, n_workers: int) -> dict[str, float]:
    """Run leases once every worker has had one, and return what they took."""
    with_warm_up = n_workers * (LEASES_EACH + 1)
    n_sent = n_done = 0
    started = cpu = 0.0
    while n_done < with_warm_up:
        if n_sent < with_warm_up and executor.has_room:
            image = IndexedImage(
                path=f"{n_sent}.png",
                location=f"/nowhere/{n_sent}.png",
                position=None,
                image_id=f"{n_sent:064}",
                label=0,
                height=224,
                width=224,
            )
            executor.submit(Lease.of([LeaseItem(index=n_sent, image=image)], number=n_sent))
            n_sent += 1
            continue
        answer = executor.receive(0.1)
        if answer is not None and answer["kind"] == "done":
            n_done += 1
            if n_done == n_workers:
                started, cpu = time.perf_counter(), time.process_time()
    n_rows = n_workers * LEASES_EACH
    rate = n_rows / (time.perf_counter() - started)
    return {
        "rows_per_s": round(rate, 2),
        "share_of_ideal": round(rate * SLEEP_S / n_workers, 3),
        "processor_ms_a_row": round(1e3 * (time.process_time() - cpu) / n_rows, 2),
    }


def sleeping_here(n_workers: int) -> dict[str, float]:
    """Drive the executor of this machine's workers."""
    seat = Seat(start=SleepingWorker, preparation=preparation)
    executor = LocalExecutor([seat] * n_workers, SleepingWorker(), batch=1)
    try:
        return drive(executor, n_workers)
    finally:
        executor.close()


def sleeping_on_dask(n_workers: int) -> dict[str, float]:
    """Drive a cluster whose scheduler and workers live in this process, and speak over TCP."""
    with LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    ) as scheduler:
        spec = ia.AuditSpec(model="m", images="i", scheduler=scheduler.scheduler_address)
        with open_cluster(spec, lambda: False, lambda _stage: None) as cluster:
            if cluster is None:
                raise AssertionError("the specification names a scheduler")
            executor = DaskExecutor(
                cluster,
                preparation,
                batch=1,
                opened=OPENED,
                max_model_bytes=1,
                start=SleepingWorker,
            )
            try:
                return drive(executor, n_workers)
            finally:
                executor.close()


def model_rates(model: Path, given: argparse.Namespace) -> dict[str, float]:
    """Return the best rate of some rounds, for each number of workers here and on Dask."""
    common = {
        "model": model,
        "images": given.images or demo_images(),
        "preprocess": given.preprocess,
        "labels": "self",
        "bands": BANDS,
        "estimator": "permutation",
        "max_images": given.max_images,
        "batch": 2 * (BANDS - 1) + 1,  # one image a lease
        "threads": 1,
        "device": "cpu",
    }
    best: dict[str, float] = {}
    for _ in range(given.rounds):
        for n_workers in range(1, available_threads() + 1):
            for name, how in (
                (f"workers {n_workers}", {"workers": n_workers}),
                (f"local:{n_workers}", {"scheduler": f"local:{n_workers}"}),
            ):
                rate = rows_per_s(ia.AuditSpec(**common, **how))
                best[name] = round(max(rate, best.get(name, 0.0)), 2)
                print(f"{name:12} {rate:8.2f} rows/s")
    return best


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--preprocess", default="auto")
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--max-images", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--most", type=int, default=64, help="sleeping workers at most")
    parser.add_argument("--note", default="")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    model = given.model or find_model(MODEL).path
    sleeping: dict[str, dict[str, dict[str, float]]] = {"here": {}, "dask": {}}
    document = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": available_threads(),
            "load_at_the_start": round(os.getloadavg()[0], 1),
            "distributed": __version__,
            "note": given.note,
        },
        "model": {
            "file": model.name,
            "bands": BANDS,
            "threads_each": 1,
            "rows_per_s": model_rates(model, given),
        },
        "sleeping": {"seconds_a_row": SLEEP_S, "leases_each": LEASES_EACH, **sleeping},
    }
    n_workers = 1
    while n_workers <= given.most:
        for name, measure in (("here", sleeping_here), ("dask", sleeping_on_dask)):
            found = sleeping[name][str(n_workers)] = measure(n_workers)
            print(f"{name:5} {n_workers:3} sleeping workers: {found}")
            given.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        n_workers *= 4
    print(f"Written to {given.out}")


if __name__ == "__main__":
    main()
