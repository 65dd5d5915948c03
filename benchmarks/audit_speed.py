"""What an audit costs beside bare ONNX Runtime and beside the authors' algorithm.

Three ways to put the same number of images through the built-in model, in turn, several rounds, in
one run on one machine, so that only their ratios count:

- *bare*: ONNX Runtime alone, on ready-made batches of the audit's size;
- *audit*: corrected mode, exact estimator, from image files to rows, in a worker process;
- *authors*: reference mode, which filters every batch anew for every coalition, as their code
  does (but transforms it once), around the same ONNX Runtime session.

Run it with ``python benchmarks/audit_speed.py [--rounds N] [--out FILE.json]``.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort

import iaside_audit as ia
from iaside_audit.classifier.catalogue import demo_images, find_model
from iaside_audit.classifier.providers import CPU, available_threads

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult

MODEL = "efficientnet_lite0"
BANDS = 6
"""64 coalitions an image: enough to see the cost of each, few enough for several rounds."""


def evaluations_per_s_bare(batch: int, n_evaluations: int) -> float:
    """Put ready-made batches through ONNX Runtime with the audit's settings."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = available_threads()
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(find_model(MODEL).path), options, providers=[CPU])
    images = np.random.default_rng(0).standard_normal((batch, 3, 224, 224)).astype(np.float32)
    session.run(None, {"input": images})
    n_calls = -(-n_evaluations // batch)
    started = time.perf_counter()
    for _ in range(n_calls):
        session.run(None, {"input": images})
    return n_calls * batch / (time.perf_counter() - started)


def audit(mode: str, labels: str) -> AuditResult:
    """Audit the built-in model on the built-in images."""
    images = demo_images()
    whole = {"reference_batch": len(list(images.glob("*.jpg")))} if mode == "reference" else {}
    return ia.audit(
        ia.AuditSpec(
            model=Path(MODEL),
            images=images,
            labels=labels,
            bands=BANDS,
            estimator="exact",
            mode=mode,
            device="cpu",
            **whole,
        )
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()

    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder) / "labels.csv"
        rows = audit("corrected", "self").rows()
        lines = [
            f"{demo_images() / path},{label}"
            for path, label in zip(rows.path, rows.label, strict=True)
        ]
        labels.write_text("\n".join(["path,label", *lines]) + "\n", encoding="utf-8")
        for _ in range(arguments.rounds):
            corrected = audit("corrected", str(labels)).runtime
            bare = evaluations_per_s_bare(corrected.batch, corrected.n_evaluations)
            authors = audit("reference", str(labels)).runtime
            rounds.append(
                {
                    "bare_evaluations_per_s": bare,
                    "audit_evaluations_per_s": corrected.evaluations_per_s,
                    "authors_evaluations_per_s": authors.evaluations_per_s,
                    "audit_share_of_bare": corrected.evaluations_per_s / bare,
                    "audit_over_authors": corrected.evaluations_per_s / authors.evaluations_per_s,
                }
            )
            print(
                f"bare {bare:.1f}/s, audit {corrected.evaluations_per_s:.1f}/s, "
                f"authors {authors.evaluations_per_s:.1f}/s"
            )
    report = {
        "model": MODEL,
        "bands": BANDS,
        "onnxruntime": ort.__version__,
        "processor": corrected.device,
        "threads": corrected.threads,
        "batch": corrected.batch,
        "python": platform.python_version(),
        "rounds": rounds,
        "median": {
            name: statistics.median(one[name] for one in rounds)
            for name in ("audit_share_of_bare", "audit_over_authors")
        },
    }
    print(
        f"An audit runs at {report['median']['audit_share_of_bare']:.0%} of bare ONNX Runtime, "
        f"and at {report['median']['audit_over_authors']:.2f} times the authors' algorithm."
    )
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
