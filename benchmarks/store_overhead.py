"""What keeping every row costs: the share of an audit's time that store and supervisor take.

    python benchmarks/store_overhead.py [--model-ms 5] [--images 200]

The model is replaced by a wait of so many milliseconds an evaluation, so that whatever else the
time goes to is ours: the store (SQLite, one commit a row), the leases, the messages between the
processes, the events. The same leases run with rows in memory and on disk, by turns, in one
process each; printed are the medians and the share above the waiting itself.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from iaside_audit.rows import ValueRow
from iaside_audit.store import STORE_NAME, MemoryRowStore, SqliteRowStore, StoreHeader, Wanted

N_CODES = 16
"""A walk of one pair over eight bands, empty and grand included."""


def rows(n_images: int) -> list[ValueRow]:
    """Make rows as an audit of eight bands, one pair, makes them."""
    generator = np.random.default_rng(0)
    return [
        ValueRow(
            index=index,
            image_id=f"{index:064x}",
            path=f"class/{index:08}.jpg",
            label=3,
            prediction=3,
            coalitions=generator.integers(0, 256, N_CODES, dtype=np.uint32),
            log_p=generator.normal(size=N_CODES).astype(np.float32),
            best_other=generator.normal(size=N_CODES).astype(np.float32),
        )
        for index in range(n_images)
    ]


def put_all(store: MemoryRowStore | SqliteRowStore, made: list[ValueRow]) -> float:
    """Return the seconds that it takes to keep the rows, one by one."""
    started = time.perf_counter()
    for row in made:
        store.put(row.index, row)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-ms", type=float, default=5.0, help="of one evaluation")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    made = rows(arguments.images)
    wanted = [
        Wanted(index=row.index, image_id=row.image_id, label=row.label, path=row.path)
        for row in made
    ]
    header = StoreHeader(deciding={}, settings={}, data={"n_images": len(made)})
    on_disk, in_memory = [], []
    for _ in range(arguments.repeats):
        in_memory.append(put_all(MemoryRowStore(range(len(made))), made))
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(SqliteRowStore(Path(folder) / STORE_NAME, header, wanted)) as store,
        ):
            on_disk.append(put_all(store, made))
    model_s = arguments.model_ms / 1000 * (N_CODES - 1) * len(made)
    document = {
        "images": len(made),
        "evaluations_per_image": N_CODES - 1,
        "model_ms": arguments.model_ms,
        "store_us_per_row": 1e6 * statistics.median(on_disk) / len(made),
        "memory_us_per_row": 1e6 * statistics.median(in_memory) / len(made),
        "share_of_the_audit": statistics.median(on_disk) / model_s,
    }
    json.dump(document, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
