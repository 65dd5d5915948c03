"""Whether the preprocessing assistant finds what every shared model was made for.

For each model ``iaside-audit inspect MODEL --images ... --write`` is run as a user would, on 200
labelled images and with nothing configured; what it wrote is compared, on the same images, with
the recipe of the model's manifest. Two points of top-1 is the most that may be lost.

Run it with ``python benchmarks/preprocessing_assistant.py [--only TEXT] [--out FILE.json]``. The
shared models are looked for in ``$IASIDE_SHARED``, else in ``../shared``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnxruntime as ort

from iaside_audit.auditing.assistant.choice import Candidate
from iaside_audit.auditing.assistant.examiner import Examiner
from iaside_audit.auditing.inspection import TrialImages, labelled_images
from iaside_audit.auditing.model import fit_preprocessing, inspect_model
from iaside_audit.auditing.workers import ProcessWorker, raise_if_error
from iaside_audit.classifier.preprocessing_sources import read_preprocessing
from iaside_audit.classifier.providers import available_threads
from iaside_audit.images import find_images
from iaside_audit.preprocessing import Preprocessing, Rounding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iaside_audit.auditing.wire import Message

SHARED = Path(os.environ.get("IASIDE_SHARED") or Path(__file__).parents[2] / "shared")
MOST_LOST = 0.02


@dataclass(frozen=True)
class Case:
    """A model, its images, and the recipe of its manifest."""

    name: str
    model: Path
    options: tuple[str, ...]
    data: TrialImages
    manifest: Preprocessing


def cases() -> Iterator[Case]:
    """Yield every classifier of the shared material."""
    for folder in ("zoo", "hard", "family"):
        text = (SHARED / folder / "manifest.json").read_text(encoding="utf-8")
        for record in json.loads(text)["models"]:
            is_small = record["input_size"] == 32  # noqa: PLR2004 - CIFAR-10
            if is_small:
                images, labels = SHARED / "hard/cifar10/test", "auto"
                classes = SHARED / "hard/cifar10/classes.csv"
            else:
                images, labels = SHARED / "zoo/images", str(SHARED / "zoo/labels.csv")
                classes = None
            options = ["--images", str(images), "--labels", labels]
            options += [] if classes is None else ["--classes", str(classes)]
            yield Case(
                name=record["id"],
                model=SHARED / folder / record["file"],
                options=tuple(options),
                data=TrialImages(images=images, labels=labels, classes=classes),
                manifest=Preprocessing(
                    resize=record["resize_shorter_side"],
                    crop=record["crop"],
                    interpolation=record["interpolation"],
                    channel_order=record["channel_order"],
                    scale=record["scale"],
                    mean=record["mean"],
                    std=record["std"],
                    rounding=Rounding.NEAREST,
                ),
            )


def run(case: Case, folder: Path) -> dict[str, Any]:
    """Let the assistant find a recipe, then measure it beside the manifest's."""
    written = folder / f"{case.name}.toml"
    program = [sys.executable, "-m", "iaside_audit", "inspect", str(case.model), *case.options]
    started = time.perf_counter()
    output = subprocess.run(
        [*program, "--write", str(written), "--json", "--quiet"], check=True, capture_output=True
    ).stdout
    elapsed_s = time.perf_counter() - started
    found = json.loads(output)["assistance"]
    recipe = read_preprocessing(written)
    manifest_top1 = top1_of(case)
    return {
        "model": case.name,
        "n_images": found["best"]["n_images"],
        "manifest_top1": manifest_top1,
        "found_top1": found["best"]["top1"],
        "is_within_two_points": found["best"]["top1"] >= manifest_top1 - MOST_LOST - 1e-9,
        "found": found["best"]["candidate"]["name"],
        "resize": recipe.resize,
        "crop": recipe.crop,
        "interpolation": recipe.interpolation,
        "rounding": recipe.rounding,
        "n_candidates": len(found["trials"]),
        "n_evaluations": found["n_evaluations"],
        "search_s": round(found["elapsed_s"], 1),
        "seconds": round(elapsed_s, 1),
    }


def top1_of(case: Case) -> float:
    """Return the top-1 of the manifest's recipe on the same images."""
    worker = ProcessWorker()

    def call(message: Message) -> Message:
        worker.send(message)
        reply = worker.receive(600.0) or {}
        raise_if_error(reply)
        return reply

    try:
        graph = inspect_model(case.model, call)
        recipe = fit_preprocessing(case.manifest, graph)
        opened = call(
            {
                "task": "open",
                "model": str(case.model),
                "graph": graph.to_wire(),
                "device": "auto",
                "threads": None,
                "size": list(recipe.crop_size),
            }
        )
        images, _ = labelled_images(find_images(case.data.images), case.data, opened["n_classes"])
        examiner = Examiner(call, images, n_classes=opened["n_classes"])
        [measured] = examiner.examine([Candidate.of(recipe)], len(images))
    finally:
        worker.kill()
    return measured.n_right / len(images)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="models whose name holds this")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()

    rows = []
    print(f"{'model':32} {'manifest':>8} {'found':>8}  {'seconds':>7}  recipe")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            if arguments.only not in case.name:
                continue
            row = run(case, Path(folder))
            rows.append(row)
            print(
                f"{row['model']:32} {row['manifest_top1']:8.1%} {row['found_top1']:8.1%}  "
                f"{row['seconds']:7.1f}  {row['found']}, {row['resize']} -> {row['crop']}, "
                f"{row['interpolation']}{'' if row['is_within_two_points'] else '  TOO FAR'}",
                flush=True,
            )
    report = {
        "onnxruntime": ort.__version__,
        "python": platform.python_version(),
        "threads": available_threads(),
        "all_within_two_points": all(row["is_within_two_points"] for row in rows),
        "models": rows,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
