"""How often nominal 95 % intervals cover the truth, percentile and BCa, at fixed n and at the stop.

Populations of which the truth is known: the images of exact value tables of real classifiers
(``exact_tables.py``), each audited by one antithetic pair of random orders as an audit does by
default; sums of unanimity games whose dividends scatter from image to image, skewed like real
ones; and, the worst case for psi and the scores, an additive game whose six highest bands are
exactly equal and scatter independently. From each, many data sets are drawn with replacement, and
every interval is compared with the truth: of phi (all bands), of importance (bands ``at_boundary``
aside), and of the signed score.

*At the stop* repeats what ``--target-halfwidth`` does: look at 100, 200, 400, ... images, and stop
where the signed score's interval is narrow enough.

Run it with ``python benchmarks/interval_coverage.py [--samples N] [--out FILE.json]``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from exact_tables import FOLDER, N_BANDS, load_tables, walk_estimates

from iaside_audit.auditing.plan import checkpoints
from iaside_audit.games import coalition_matrix, shapley_values, unanimity_sum_game
from iaside_audit.spec import IntervalMethod
from iaside_audit.statistics import estimate_profile, profile_numbers

if TYPE_CHECKING:
    from iaside_audit.statistics import ProfileEstimate
    from iaside_audit.types import FloatMatrix, FloatVector

SIZES = (30, 100, 300)
TARGETS = (0.05, 0.03)
MOST_AT_STOP = 800
N_DRAWS = 150
"""Random orders drawn for each image of a population, and picked from thereafter."""
N_RESAMPLES = 500
BETA = 0.75
CONFIDENCE = 0.95
DIVIDENDS = {(0,): 2.0, (1,): 0.8, (0, 1): 0.9, (1, 2, 3): 0.4, (4,): 0.2, (5, 6): -0.15, (7,): 0.1}
EQUAL_BANDS = np.array([4.5, 1.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
N_GAME_IMAGES = 2000


@dataclass(frozen=True)
class Population:
    """Images of known truth: phi of each, over many draws of its orders."""

    name: str
    draws: FloatMatrix
    truth: FloatVector

    def sample(self, generator: np.random.Generator, n_images: int) -> FloatMatrix:
        """Draw rows of images with replacement, each with orders of its own."""
        images = generator.integers(0, self.draws.shape[0], n_images)
        return self.draws[images, generator.integers(0, self.draws.shape[1], n_images)]


def populations(folder: Path) -> list[Population]:
    """Return the populations, the made-up one first."""
    generator = np.random.default_rng(0)
    weights = generator.gamma(1.0, 1.0, (N_GAME_IMAGES, len(DIVIDENDS)))
    weights /= weights.mean(axis=0)
    games = [
        unanimity_sum_game({players: worth}, n_players=N_BANDS).values
        for players, worth in DIVIDENDS.items()
    ]
    found = {"unanimity games": weights @ np.stack(games)}
    worths = EQUAL_BANDS + generator.normal(0, 1, (N_GAME_IMAGES, N_BANDS))
    members = coalition_matrix(np.arange(1 << N_BANDS, dtype=np.uint32), n_players=N_BANDS)
    found["six equal bands"] = (worths - worths.mean(axis=0) + EQUAL_BANDS) @ members.T
    found |= {table.model: table.values for table in load_tables(folder)}
    return [
        Population(
            name=name,
            draws=walk_estimates(
                values,
                n_draws=N_DRAWS if len(values) < N_GAME_IMAGES else 10,
                n_pairs=1,
                generator=generator,
            ),
            truth=_numbers(shapley_values(values, n_players=N_BANDS).mean(axis=0)),
        )
        for name, values in found.items()
    ]


def at_size(
    population: Population, n_images: int, n_samples: int, method: IntervalMethod
) -> dict[str, Any]:
    """Return the coverage at a fixed number of images."""
    generator = np.random.default_rng(n_images)
    phi, psi, signed, halfwidths = [], [], [], []
    for seed in range(n_samples):
        profile = _estimate(population.sample(generator, n_images), method, seed)
        covers = _covers(profile, population.truth)
        phi.append(covers[:N_BANDS].mean())
        free = ~profile.at_boundary
        psi.append((covers[N_BANDS : 2 * N_BANDS][free].sum(), free.sum()))
        signed.append(covers[2 * N_BANDS])
        low, high = profile.signed_interval
        halfwidths.append((high - low) / 2)
    hits, counts = np.sum(psi, axis=0)
    return {
        "population": population.name,
        "n_images": n_images,
        "method": method.value,
        "phi": round(float(np.mean(phi)), 4),
        "importance": round(float(hits / counts), 4),
        "signed": round(float(np.mean(signed)), 4),
        "signed_halfwidth": round(float(np.mean(halfwidths)), 4),
    }


def at_stop(
    population: Population, target: float, n_samples: int, method: IntervalMethod
) -> dict[str, Any]:
    """Return the coverage of the signed score where the audit would have stopped."""
    generator = np.random.default_rng(1)
    covered, phi, stops = [], [], []
    for seed in range(n_samples):
        rows = population.sample(generator, MOST_AT_STOP)
        for n_images in checkpoints(MOST_AT_STOP):
            profile = _estimate(rows[:n_images], method, seed)
            low, high = profile.signed_interval
            if (high - low) / 2 <= target:
                break
        covers = _covers(profile, population.truth)
        covered.append(covers[2 * N_BANDS])
        phi.append(covers[:N_BANDS].mean())
        stops.append(n_images)
    return {
        "population": population.name,
        "target_halfwidth": target,
        "method": method.value,
        "phi": round(float(np.mean(phi)), 4),
        "signed": round(float(np.mean(covered)), 4),
        "mean_images": round(float(np.mean(stops)), 1),
    }


def _numbers(phi: FloatVector) -> FloatVector:
    """Return phi, psi and the signed score."""
    numbers = profile_numbers(np.append(phi, [0.0, 0.0, 0.0]), n_bands=N_BANDS, beta=BETA)
    return np.append(numbers[: 2 * N_BANDS], numbers[2 * N_BANDS + 1])


def _estimate(rows: FloatMatrix, method: IntervalMethod, seed: int) -> ProfileEstimate:
    zeros = np.zeros(len(rows))
    return estimate_profile(
        rows,
        zeros,
        zeros,
        zeros,
        beta=BETA,
        confidence=CONFIDENCE,
        seed=seed,
        method=method,
        n_resamples=N_RESAMPLES,
    )


def _covers(profile: ProfileEstimate, truth: FloatVector) -> FloatVector:
    """Say which of phi, psi and the signed score are inside their intervals."""
    ends = np.vstack(
        [profile.shapley_interval, profile.importance_interval, [profile.signed_interval]]
    )
    return (ends[:, 0] <= truth) & (truth <= ends[:, 1])


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=250)
    parser.add_argument("--tables", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()

    started = time.perf_counter()
    fixed, stopped = [], []
    everyone = populations(arguments.tables)
    print(f"{'population':32} {'n':>5} {'method':10}  phi    importance  signed")
    for population in everyone:
        for n_images in SIZES:
            for method in IntervalMethod:
                row = at_size(population, n_images, arguments.samples, method)
                fixed.append(row)
                print(
                    f"{row['population']:32} {n_images:5} {row['method']:10}  {row['phi']:.3f}  "
                    f"{row['importance']:.3f}       {row['signed']:.3f}",
                    flush=True,
                )
    for population in everyone:
        for target in TARGETS:  # the default method, which decides the stop
            row = at_stop(population, target, arguments.samples // 2, IntervalMethod.PERCENTILE)
            stopped.append(row)
            print(
                f"{row['population']:32} stop at {target}: {row['method']:10}  {row['phi']:.3f}  "
                f"             {row['signed']:.3f}  ({row['mean_images']:.0f} images)",
                flush=True,
            )
    outside = [
        row
        for row in (*fixed, *stopped)
        if row.get("n_images", 100) >= 100  # noqa: PLR2004 - the promise
        and any(
            not 0.92 <= row[name] <= 0.97  # noqa: PLR2004 - the promise
            for name in ("phi", "importance", "signed")
            if name in row
        )
    ]
    report = {
        "confidence": CONFIDENCE,
        "samples": arguments.samples,
        "resamples": N_RESAMPLES,
        "pairs": 1,
        "at_fixed_n": fixed,
        "at_the_stop": stopped,
        "outside_92_to_97_percent": outside,
        "elapsed_s": round(time.perf_counter() - started, 1),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
