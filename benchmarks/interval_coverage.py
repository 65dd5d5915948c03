"""How often nominal 95 % intervals cover the truth, percentile and BCa, at fixed n and at the stop.

Populations of which the truth is known: the images of exact value tables of real classifiers
(``exact_tables.py``), each audited as an audit does by default, by one antithetic pair of random
orders read against the mean game; sums of unanimity games whose dividends scatter from image to
image, skewed like real ones; and, the worst case for psi and the scores, an additive game whose
six highest bands are exactly equal and scatter independently. From each, many data sets are drawn
with replacement, and every interval is compared with the truth: of phi (all bands), of importance
(bands ``at_boundary`` aside), and of the signed score. Data sets of 5 and 10 images are what a
small class is. Of the exact tables, the interaction indices of all pairs are looked at too.

*At the stop* repeats what ``--target-halfwidth`` does: look at 100, 200, 400, ... images, and stop
where the signed score's interval is narrow enough.

Run it with ``python benchmarks/interval_coverage.py [--samples N] [--out FILE.json]``.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from exact_tables import FOLDER, N_BANDS, load_tables

from iaside_audit.auditing.plan import checkpoints
from iaside_audit.choices import IntervalMethod
from iaside_audit.games import (
    coalition_matrix,
    controlled_shapley,
    draw_orders,
    pair_interactions,
    shapley_values,
    unanimity_sum_game,
    walk_codes,
)
from iaside_audit.statistics import (
    Resamples,
    bootstrap_generator,
    estimate_profile,
    profile_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from iaside_audit.statistics import ProfileEstimate
    from iaside_audit.types import FloatMatrix, FloatVector

    Job = Callable[[], dict[str, Any]]

SIZES = (5, 10, 30, 100, 300)
INTERACTION_SIZES = (30, 100)
TARGETS = (0.05, 0.03)
MOST_AT_STOP = 800
N_DRAWS = 20_000
"""Pairs of orders, of which every image of a data set has one."""
N_RESAMPLES = 500
BETA = 0.75
CONFIDENCE = 0.95
DIVIDENDS = {(0,): 2.0, (1,): 0.8, (0, 1): 0.9, (1, 2, 3): 0.4, (4,): 0.2, (5, 6): -0.15, (7,): 0.1}
EQUAL_BANDS = np.array([4.5, 1.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
N_GAME_IMAGES = 2000
PAIRS = np.triu_indices(N_BANDS, 1)


@dataclass(frozen=True)
class Walks:
    """The coalitions of images, and their values."""

    codes: NDArray[np.uint32]
    values: FloatMatrix

    def shapley(self, n_images: int) -> FloatMatrix:
        """Return what an audit of the first images says of each of them."""
        return controlled_shapley(self.codes[:n_images], self.values[:n_images], n_players=N_BANDS)


@dataclass(frozen=True)
class Population:
    """Images of known truth, and the coalitions of many draws of one pair of orders."""

    name: str
    values: FloatMatrix
    codes: NDArray[np.uint32]
    truth: FloatVector
    interactions: FloatMatrix
    """SII of all pairs, of each image: (n_images, 28)."""

    def sample(self, generator: np.random.Generator, n_images: int) -> Walks:
        """Draw images with replacement, each with orders of its own."""
        images = generator.integers(0, len(self.values), n_images)
        codes = self.codes[generator.integers(0, len(self.codes), n_images)]
        return Walks(codes, self.values[images[:, None], codes.astype(np.intp)])


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
    codes = np.stack(
        [walk_codes(draw_orders(generator, n_players=N_BANDS, n_pairs=1)) for _ in range(N_DRAWS)]
    )
    return [
        Population(
            name=name,
            values=values,
            codes=codes,
            truth=_numbers(shapley_values(values, n_players=N_BANDS).mean(axis=0)),
            interactions=pair_interactions(values, n_players=N_BANDS)[:, *PAIRS],
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
        profile = _estimate(population.sample(generator, n_images).shapley(n_images), method, seed)
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
        walks = population.sample(generator, MOST_AT_STOP)
        for n_images in checkpoints(MOST_AT_STOP):
            profile = _estimate(walks.shapley(n_images), method, seed)
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


def of_interactions(population: Population, n_images: int, n_samples: int) -> dict[str, Any]:
    """Return the coverage of the interaction indices, all pairs together."""
    generator = np.random.default_rng(n_images)
    truth = population.interactions.mean(axis=0)
    covered = []
    for seed in range(n_samples):
        rows = population.interactions[generator.integers(0, len(population.values), n_images)]
        resamples = Resamples(rows, generator=bootstrap_generator(seed), n_resamples=N_RESAMPLES)
        low, high = resamples.intervals(
            lambda means: means, confidence=CONFIDENCE, method=IntervalMethod.PERCENTILE
        ).T
        covered.append(((low <= truth) & (truth <= high)).mean())
    return {
        "population": population.name,
        "n_images": n_images,
        "interactions": round(float(np.mean(covered)), 4),
    }


def jobs(population: Population, n_samples: int) -> list[tuple[str, Job]]:
    """Return all that is looked at in one population, and the part of the report it belongs to."""
    sized = [
        partial(at_size, population, n_images, n_samples, method)
        for n_images in SIZES
        for method in IntervalMethod
    ]
    stopped = [  # the default method, which decides the stop
        partial(at_stop, population, target, n_samples // 2, IntervalMethod.PERCENTILE)
        for target in TARGETS
    ]
    paired = [
        partial(of_interactions, population, n_images, n_samples) for n_images in INTERACTION_SIZES
    ]
    return [
        (part, job)
        for part, several in (
            ("at_fixed_n", sized),
            ("at_the_stop", stopped),
            ("of_interactions", paired),
        )
        for job in several
    ]


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
    parser.add_argument("--workers", type=int, default=None, help="processes; all cores")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()

    started = time.perf_counter()
    report: dict[str, Any] = {
        "confidence": CONFIDENCE,
        "samples": arguments.samples,
        "resamples": N_RESAMPLES,
        "pairs": 1,
        "at_fixed_n": [],
        "at_the_stop": [],
        "of_interactions": [],
    }
    with ProcessPoolExecutor(arguments.workers) as workers:
        running = [
            (part, workers.submit(job))
            for population in populations(arguments.tables)
            for part, job in jobs(population, arguments.samples)
        ]
        for part, job in running:
            row = job.result()
            report[part].append(row)
            print(part, *row.values(), sep="  ", flush=True)
    outside = [
        row
        for row in (*report["at_fixed_n"], *report["at_the_stop"])
        if row.get("n_images", 100) >= 100  # noqa: PLR2004 - the promise
        and any(
            not 0.92 <= row[name] <= 0.97  # noqa: PLR2004 - the promise
            for name in ("phi", "importance", "signed")
            if name in row
        )
    ]
    report["outside_92_to_97_percent"] = outside
    report["elapsed_s"] = round(time.perf_counter() - started, 1)
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
