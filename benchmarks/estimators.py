"""What each way of spending evaluations is worth: errors of phi and of the signed score.

On the exact tables of real classifiers (``exact_tables.py``) every estimator can be tried at no
cost, and its error is known: images are drawn with replacement from those of the table, each is
evaluated as the estimator says, and the root-mean-square error over many data sets is printed, of
phi (squared errors summed over the bands) and of the signed score.

===================  ==============================================================================
exact                all coalitions of few images
one walk             one random order an image
1, 2, 4 pairs        random orders and their reverses
balanced 2 pairs     stratified: the second order is the first, turned by half its length
low to high          ordered: the fixed order of the bands and its reverse; cheap and biased
chain control        one pair, and the chain from coarse to fine as a control variate, measured on
                     as many further images and regressed out
shared regression    one pair, its coalitions read as a design that all images share: generalised
                     least squares for the mean game, with a working covariance in which each band
                     that differs between two coalitions multiplies their correlation; its factors
                     are those of the other models
mean control         the default: one pair, and the mean game as a control variate; it is fitted to
                     one half of the images, and the walks of the other half read what an image
                     differs by; as unbiased as the pair
===================  ==============================================================================

The second part holds the half-width of the signed score's interval at 1,000 images, exact against
one pair and the mean control, and the evaluations that equal half-widths take.

Run it with ``python benchmarks/estimators.py [--samples N] [--out FILE.json]``.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from exact_tables import FOLDER, N_BANDS, ExactTable, load_tables, walk_estimates

from iaside_audit.games import (
    coalition_matrix,
    controlled_shapley,
    draw_orders,
    shapley_values,
    shapley_weights,
    walk_codes,
    walk_shapley,
)
from iaside_audit.statistics import estimate_profile, importance, signed_score

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.types import FloatMatrix, FloatVector

    Estimate = Callable[[np.random.Generator, int], FloatVector]

BUDGETS = (1280, 5120, 20480)
N_DRAWS = 60
N_DESIGNS = 60
BETA = 0.75
EXACT_COST = 2**N_BANDS - 1
"""Evaluations an image; the empty coalition is one constant image and is run once an audit."""
PAIR_COST = 2 * (N_BANDS - 1) + 1
CHAIN_COST = N_BANDS - 1
MANY_IMAGES = 1000
N_HALFWIDTHS = 40
"""Data sets whose half-widths are averaged."""
LEAST_DESIGNS = 300
"""Images below which some coalitions are seen by no image, and regression has no answer."""


class Trial:
    """One model's table, its estimators and their costs."""

    def __init__(self, table: ExactTable, factors: FloatVector) -> None:
        generator = np.random.default_rng(0)
        self.values = table.values
        self.exact = shapley_values(table.values, n_players=N_BANDS)
        self.truth = self.exact.mean(axis=0)
        self.score = _score(self.truth)
        walks = partial(walk_estimates, self.values, n_draws=N_DRAWS, generator=generator)
        self.pairs = walks(n_pairs=1)
        chain = np.array([(1 << size) - 1 for size in range(N_BANDS + 1)])
        self.chain = np.diff(self.values[:, chain], axis=1)
        self._draw_designs(generator, factors)
        one_walk = self._walks(generator, lambda order: order[:1])
        balanced = self._walks(generator, _balanced)
        ordered = np.arange(N_BANDS)[None]
        low_to_high = self._walks(generator, lambda _: np.vstack([ordered, ordered[:, ::-1]]))
        self.estimators: dict[str, tuple[int, Estimate]] = {
            "exact": (EXACT_COST, partial(_mean, self.exact[:, None])),
            "one walk": (N_BANDS, partial(_mean, one_walk)),
            "1 pair": (PAIR_COST, partial(_mean, self.pairs)),
            "2 pairs": (2 * PAIR_COST - 1, partial(_mean, walks(n_pairs=2))),
            "4 pairs": (4 * PAIR_COST - 3, partial(_mean, walks(n_pairs=4))),
            "balanced 2 pairs": (2 * PAIR_COST - 1, partial(_mean, balanced)),
            "low to high": (PAIR_COST, partial(_mean, low_to_high[:, :1])),
            "chain control": (PAIR_COST + 2 * CHAIN_COST + 1, self.chain_control),
            "shared regression": (PAIR_COST, self.regression),
            "mean control": (PAIR_COST, self.mean_control),
        }

    def chain_control(self, generator: np.random.Generator, n_images: int) -> FloatVector:
        """Correct the pairs' mean by what the chains of as many further images say."""
        images = generator.integers(0, len(self.values), (2, n_images))
        rows = self.pairs[images[0], generator.integers(0, N_DRAWS, n_images)]
        chain, further = self.chain[images[0]], self.chain[images[1]]
        slopes = np.linalg.lstsq(chain - chain.mean(axis=0), rows - rows.mean(axis=0), rcond=None)
        gap = (chain.mean(axis=0) + further.mean(axis=0)) / 2 - chain.mean(axis=0)
        result: FloatVector = rows.mean(axis=0) + gap @ slopes[0]
        return result

    def regression(self, generator: np.random.Generator, n_images: int) -> FloatVector:
        """Solve the normal equations of the mean game over the images' coalitions."""
        if n_images < LEAST_DESIGNS:
            return np.full(N_BANDS, np.nan)
        images, designs = self._draw_images(generator, n_images)
        normal, right = self._normal_equations(images, designs)
        game = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
        result: FloatVector = shapley_weights(N_BANDS) @ game
        return result

    def mean_control(self, generator: np.random.Generator, n_images: int) -> FloatVector:
        """Average the rows of pairs that the mean game controls."""
        result: FloatVector = self.controlled_rows(generator, n_images).mean(axis=0)
        return result

    def controlled_rows(self, generator: np.random.Generator, n_images: int) -> FloatMatrix:
        """Return what an audit of the images says of each."""
        images, designs = self._draw_images(generator, n_images)
        codes = self.codes[images, designs]
        seen = np.take_along_axis(self.values[images], codes, axis=1)
        return controlled_shapley(codes.astype(np.uint32), seen, n_players=N_BANDS)

    def _draw_images(self, generator: np.random.Generator, n_images: int) -> tuple[Any, Any]:
        """Draw images, and one of the designs of each."""
        return (
            generator.integers(0, len(self.values), n_images),
            generator.integers(0, N_DESIGNS, n_images),
        )

    def _normal_equations(self, images: Any, designs: Any) -> tuple[Any, Any]:
        """Return the matrix and the right side of the mean game's generalised least squares."""
        codes, weights = self.codes[images, designs], self.weights[images, designs]
        seen = np.take_along_axis(self.values[images], codes, axis=1)
        normal = np.zeros((2**N_BANDS, 2**N_BANDS))
        np.add.at(normal, (codes[:, :, None], codes[:, None, :]), weights)
        right = np.zeros(2**N_BANDS)
        np.add.at(right, codes, np.einsum("nij,nj->ni", weights, seen))
        return normal, right

    def _draw_designs(self, generator: np.random.Generator, factors: FloatVector) -> None:
        """Draw the coalitions of pairs, and the weights that the working covariance gives them."""
        shape = (len(self.values), N_DESIGNS)
        codes = np.array(
            [
                walk_codes(draw_orders(generator, n_players=N_BANDS, n_pairs=1))
                for _ in range(shape[0] * shape[1])
            ]
        ).astype(np.intp)
        members = coalition_matrix(np.arange(2**N_BANDS, dtype=np.uint32), n_players=N_BANDS)
        differ = members[:, None] != members[None]
        covariance = np.where(differ, factors, 1.0).prod(axis=-1)
        covariance += 1e-6 * np.eye(len(covariance))
        chosen = covariance[codes[:, :, None], codes[:, None, :]]
        self.codes = codes.reshape(*shape, -1)
        self.weights = np.linalg.inv(chosen).reshape(*shape, codes.shape[1], codes.shape[1])

    def _walks(self, generator: np.random.Generator, arrange: Callable[[Any], Any]) -> FloatMatrix:
        """Estimate every image by walks that `arrange` makes from a random pair."""
        draws = []
        for _ in range(N_DRAWS):
            codes = np.stack(
                [
                    walk_codes(arrange(draw_orders(generator, n_players=N_BANDS, n_pairs=1)))
                    for _ in self.values
                ]
            )
            seen = np.take_along_axis(self.values, codes.astype(np.intp), axis=1)
            draws.append(walk_shapley(codes, seen, n_players=N_BANDS))
        return np.stack(draws, axis=1)


def correlation_factors(values: FloatMatrix) -> FloatVector:
    """Return by how much each band, where two coalitions differ in it, lowers their correlation."""
    correlation = np.corrcoef(values.T)
    codes = np.arange(2**N_BANDS)
    factors = []
    for band in range(N_BANDS):
        without = codes[(codes >> band & 1) == 0]
        factors.append(correlation[without, without | 1 << band].mean())
    return np.array(factors)


def errors(
    trial: Trial, name: str, budget: int, n_samples: int
) -> dict[str, float | int | str | None]:
    """Return the root-mean-square errors of one estimator at one budget."""
    cost, estimate = trial.estimators[name]
    n_images = budget // cost
    generator = np.random.default_rng(budget)
    found = np.array([estimate(generator, n_images) for _ in range(n_samples)])
    scores = np.array([_score(one) for one in found])
    phi = float(np.sqrt(np.square(found - trial.truth).sum(axis=1).mean()))
    score = float(np.sqrt(np.square(scores - trial.score).mean()))
    is_known = np.isfinite(phi)
    return {
        "estimator": name,
        "budget": budget,
        "n_images": n_images,
        "rmse_phi": round(phi, 4) if is_known else None,
        "rmse_signed": round(score, 5) if is_known else None,
    }


def equal_halfwidths(trial: Trial) -> dict[str, float]:
    """Return half-widths at 1,000 images, and the shares of exact's evaluations they take."""
    widths = []
    for rows_of in (
        partial(_rows, trial.exact[:, None]),
        partial(_rows, trial.pairs),
        trial.controlled_rows,
    ):
        halfwidths = []
        for seed in range(N_HALFWIDTHS):
            # From one seed every way draws its images first, so all see the same ones.
            rows = rows_of(np.random.default_rng(seed), MANY_IMAGES)
            zeros = np.zeros(MANY_IMAGES)
            low, high = estimate_profile(
                rows, zeros, zeros, zeros, beta=BETA, confidence=0.95, seed=seed
            ).signed_interval
            halfwidths.append((high - low) / 2)
        widths.append(float(np.mean(halfwidths)))
    shares = [(width / widths[0]) ** 2 * PAIR_COST / EXACT_COST for width in widths]
    return {
        "exact_halfwidth": round(widths[0], 5),
        "one_pair_halfwidth": round(widths[1], 5),
        "mean_control_halfwidth": round(widths[2], 5),
        "evaluations_of_one_pair_over_exact": round(shares[1], 3),
        "evaluations_of_mean_control_over_exact": round(shares[2], 3),
    }


def _mean(draws: FloatMatrix, generator: np.random.Generator, n_images: int) -> FloatVector:
    result: FloatVector = _rows(draws, generator, n_images).mean(axis=0)
    return result


def _rows(draws: FloatMatrix, generator: np.random.Generator, n_images: int) -> FloatMatrix:
    images = generator.integers(0, len(draws), n_images)
    rows: FloatMatrix = draws[images, generator.integers(0, draws.shape[1], n_images)]
    return rows


def _balanced(order: Any) -> Any:
    turned = np.vstack([order[0], np.roll(order[0], N_BANDS // 2)])
    return np.vstack([turned, turned[:, ::-1]])


def _score(phi: FloatVector) -> float:
    return float(signed_score(importance(phi), beta=BETA))


def measure(factors: dict[str, FloatVector], n_samples: int, table: ExactTable) -> dict[str, Any]:
    """Return the errors of every estimator on one model's table, and the half-widths."""
    others = [one for name, one in factors.items() if name != table.model]
    trial = Trial(table, np.mean(others, axis=0))
    rows = [
        errors(trial, name, budget, n_samples) for budget in BUDGETS for name in trial.estimators
    ]
    exact = {row["budget"]: row for row in rows if row["estimator"] == "exact"}
    for row in rows:
        for error in ("phi", "signed"):
            if row["rmse_phi"] is not None:
                ratio = exact[row["budget"]][f"rmse_{error}"] / row[f"rmse_{error}"]
                row[f"exact_error_over_this_{error}"] = round(ratio, 2)
    return {
        "model": table.model,
        "n_images": len(table.values),
        "top1": float(table.correct.mean()),
        "signed_score": trial.score,
        "errors": rows,
        "at_1000_images": equal_halfwidths(trial),
    }


def _show(model: dict[str, Any]) -> None:
    print(f"{model['model']}: signed score {model['signed_score']:.3f}")
    for row in model["errors"]:
        if row["rmse_phi"] is not None:
            print(
                f"  {row['budget']:6} {row['estimator']:18} phi {row['rmse_phi']:.3f} "
                f"({row['exact_error_over_this_phi']:.2f}x)  signed {row['rmse_signed']:.4f} "
                f"({row['exact_error_over_this_signed']:.2f}x)"
            )
    print(f"  at {MANY_IMAGES} images: {model['at_1000_images']}", flush=True)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--tables", type=Path, default=FOLDER)
    parser.add_argument("--workers", type=int, default=None, help="processes; all cores")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()

    started = time.perf_counter()
    tables = load_tables(arguments.tables)
    factors = {table.model: correlation_factors(table.values) for table in tables}
    with ProcessPoolExecutor(arguments.workers) as workers:
        models = list(workers.map(partial(measure, factors, arguments.samples), tables))
    for model in models:
        _show(model)
    report = {
        "bands": N_BANDS,
        "samples": arguments.samples,
        "models": models,
        "elapsed_s": round(time.perf_counter() - started, 1),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
