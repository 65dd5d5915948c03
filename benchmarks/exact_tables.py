"""Value tables of real classifiers: every coalition of every image, kept for other benchmarks.

Each table is an ordinary audit in exact mode (M = 8, linf, baseline zero) of one model of the
shared zoo on its labelled images; 256 evaluations an image. From such a table the truth of a
population of images is known, and any estimator can be tried on it at no cost.

Run it with ``python benchmarks/exact_tables.py [--models ID ...] [--images N] [--device NAME]
[--out FOLDER]``; a table that is there is kept. The zoo is looked for in ``$IASIDE_SHARED``, else
in ``../shared``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import iaside_audit as ia
from iaside_audit.classifier.preprocessing_sources import to_toml
from iaside_audit.games import draw_orders, value_table, walk_codes, walk_shapley
from iaside_audit.preprocessing import Preprocessing, Rounding
from iaside_audit.statistics import value_function

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix, FloatVector

SHARED = Path(os.environ.get("IASIDE_SHARED") or Path(__file__).parents[2] / "shared")
FOLDER = Path(tempfile.gettempdir()) / "iaside-exact-tables"
FASTEST = (
    "tinytrain_proxyless_w03_128",
    "tinytrain_mbv2_w035_128",
    "mobilenet_v1_025_128_qat",
    "tinytrain_mcunet_5fps_128",
    "mobilenet_v1_025_224_keras",
)
"""The five models of the zoo that take the least time an image."""
N_BANDS = 8


@dataclass(frozen=True)
class ExactTable:
    """The values of one model on its images, by bit code, in nats."""

    model: str
    values: FloatMatrix
    correct: FloatVector


def load_tables(folder: Path = FOLDER) -> list[ExactTable]:
    """Read the tables that are there."""
    tables = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as stored:
            values = value_function("log-probability")(stored["log_p"], stored["best_other"])
            table = value_table(stored["codes"], values, n_players=N_BANDS)
            tables.append(ExactTable(path.stem, table, stored["correct"].astype(np.float64)))
    if not tables:
        raise SystemExit(f"No tables in {folder}: run benchmarks/exact_tables.py first.")
    return tables


def walk_estimates(
    values: FloatMatrix, *, n_draws: int, n_pairs: int, generator: np.random.Generator
) -> FloatMatrix:
    """Estimate every image's Shapley values many times, (n_images, n_draws, N_BANDS), by pairs."""
    draws = []
    for _ in range(n_draws):
        codes = np.stack(
            [
                walk_codes(draw_orders(generator, n_players=N_BANDS, n_pairs=n_pairs))
                for _ in range(len(values))
            ]
        )
        walked = np.take_along_axis(values, codes.astype(np.intp), axis=1)
        draws.append(walk_shapley(codes, walked, n_players=N_BANDS))
    return np.stack(draws, axis=1)


def make_table(model: str, n_images: int, path: Path, *, device: str) -> None:
    """Audit one model in exact mode and keep its rows."""
    manifest = json.loads((SHARED / "zoo/manifest.json").read_text(encoding="utf-8"))
    record = next(one for one in manifest["models"] if one["id"] == model)
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.toml"
        recipe.write_text(to_toml(_recipe(record)), encoding="utf-8")
        result = ia.audit(
            ia.AuditSpec(
                model=SHARED / "zoo" / record["file"],
                images=SHARED / "zoo/images",
                labels=str(SHARED / "zoo/labels.csv"),
                preprocess=str(recipe),
                bands=N_BANDS,
                estimator="exact",
                max_images=n_images,
                device=device,
            )
        )
    rows = result.rows()
    np.savez(
        path,
        codes=rows.coalitions[0],
        log_p=rows.log_p,
        best_other=rows.best_other,
        label=rows.label,
        correct=rows.prediction == rows.label,
        image_id=np.array(rows.image_id),
    )


def _recipe(record: dict[str, object]) -> Preprocessing:
    return Preprocessing(
        resize=record["resize_shorter_side"],
        crop=record["crop"],
        interpolation=record["interpolation"],
        channel_order=record["channel_order"],
        scale=record["scale"],
        mean=record["mean"],
        std=record["std"],
        rounding=Rounding.NEAREST,
    )


def main() -> None:
    """Make the tables that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=FASTEST)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for model in arguments.models:
        path = arguments.out / f"{model}.npz"
        if not path.exists():
            started = time.perf_counter()
            make_table(model, arguments.images, path, device=arguments.device)
            print(f"{model}: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
