"""What store and supervisor cost: the share of an audit's time in which no worker evaluates.

    python benchmarks/store_overhead.py [--model-ms 5] [--images 200] [--repeats 5]

A whole audit through a worker process, its rows on disk. The model's own run is replaced, in the
worker, by a wait of so many milliseconds an image, so that what is not waiting is ours. The worker
says how long it took for each lease, from decoding to the last value; what the clock of the process
that talks to the user shows beyond that, from the first row to the last, is the cost of leases,
messages, events, live estimates and SQLite. Printed is the median over the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from iaside_audit.auditing import run_audit, workers
from iaside_audit.auditing.leases import LeaseRun
from iaside_audit.choices import Estimator
from iaside_audit.classifier.synthetic import one_band_classifier
from iaside_audit.events import Finished
from iaside_audit.spec import AuditSpec

PRELUDE = """
import time
from iaside_audit.classifier.runtime_session import RuntimeSession
run = RuntimeSession._run_once
def wait(self, session, feed, output):
    scores = run(self, session, feed, output)
    time.sleep({seconds} * len(feed))
    return scores
RuntimeSession._run_once = wait
from iaside_audit.worker import main
main()
"""


def slow_workers(model_ms: float) -> None:
    """Have the workers of this process wait in place of a model."""
    original = subprocess.Popen
    program = PRELUDE.format(seconds=model_ms / 1000)

    def popen(_words: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return original([sys.executable, "-c", program], **options)

    workers.subprocess.Popen = popen  # type: ignore[assignment, misc]


def measure(spec: AuditSpec, out: Path | None) -> dict[str, float]:
    """Run one audit; return its wall time, and the worker's, while leases were evaluated."""
    moments: list[float] = []
    original = LeaseRun.run

    def timed(run: LeaseRun) -> None:
        moments.append(time.perf_counter())
        original(run)
        moments.append(time.perf_counter())
        moments.append(run._evaluating_s)  # noqa: SLF001 - what the workers said

    LeaseRun.run = timed  # type: ignore[method-assign]
    try:
        *_, last = run_audit(spec, out=out)
    finally:
        LeaseRun.run = original  # type: ignore[method-assign]
    assert isinstance(last, Finished)  # noqa: S101 - a benchmark's own check
    wall_s = moments[1] - moments[0]
    return {"wall_s": wall_s, "worker_s": moments[2], "overhead": 1 - moments[2] / wall_s}


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-ms", type=float, default=5.0, help="of one evaluation")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    slow_workers(arguments.model_ms)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        images = np.random.default_rng(0).integers(
            0, 256, (arguments.images, 32, 32, 3), dtype=np.uint8
        )
        np.savez(place / "images.npz", images=images, labels=np.arange(len(images)) % 2)
        one_band_classifier(1).save(place / "model.onnx")
        spec = AuditSpec(
            model=place / "model.onnx",
            images=place / "images.npz",
            bands=8,
            estimator=Estimator.PERMUTATION,
            batch=30,
        )
        runs = [measure(spec, place / f"out{number}") for number in range(arguments.repeats)]
        in_memory = [measure(spec, None) for _ in range(arguments.repeats)]
    document = {
        "model_ms": arguments.model_ms,
        "images": arguments.images,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "overhead_on_disk": statistics.median(one["overhead"] for one in runs),
        "overhead_in_memory": statistics.median(one["overhead"] for one in in_memory),
        "wall_s": statistics.median(one["wall_s"] for one in runs),
    }
    json.dump(document, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
