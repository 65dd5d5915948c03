"""Models and games of known answer, through the whole chain, on this machine and device.

A check compares numbers that this program computes with numbers that are known without it: formulas
of cooperative games, and synthetic ONNX models written to disk, audited on image files by a worker
process like any other.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from iaside_audit.auditing.run import audit
from iaside_audit.classifier.synthetic import SyntheticClassifier, synthetic_classifiers
from iaside_audit.games import closed_forms, pair_interactions, shapley_values
from iaside_audit.images import decode_image
from iaside_audit.spec import AuditSpec, Estimator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iaside_audit.types import FloatMatrix

GAME_TOLERANCE: Final = 1e-12
CHAIN_TOLERANCE: Final = 1e-4
"""Relative to the largest Shapley value: float32 all the way from the band images to the scores."""
N_IMAGES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One comparison with a known answer.

    Parameters
    ----------
    name : str
        What was compared.
    error : float
        Largest difference found, relative to the largest known number.
    tolerance : float
        Largest difference allowed.
    elapsed_s : float
        How long it took.
    """

    name: str
    error: float
    tolerance: float
    elapsed_s: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; NaN is not."""
        return self.error <= self.tolerance


def run_selfcheck(device: str = "auto") -> Iterator[Check]:
    """Yield every check as it is done.

    Parameters
    ----------
    device : str
        Where the models run: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    """
    yield from _game_checks()
    with tempfile.TemporaryDirectory(prefix="iaside-selfcheck-") as folder:
        for number, classifier in enumerate(synthetic_classifiers()):
            yield from _chain_checks(classifier, Path(folder) / str(number), device)


def _game_checks() -> Iterator[Check]:
    for game in closed_forms():
        started = time.perf_counter()
        phi = shapley_values(game.values, n_players=game.n_players)
        pairs = pair_interactions(game.values, n_players=game.n_players)
        error = max(_error(phi, game.shapley), _error(pairs, game.pair_interactions))
        yield Check(
            name=f"game: {game.name}",
            error=error,
            tolerance=GAME_TOLERANCE,
            elapsed_s=time.perf_counter() - started,
        )


def _chain_checks(classifier: SyntheticClassifier, folder: Path, device: str) -> Iterator[Check]:
    """Audit a synthetic model on image files, by both estimators."""
    images = folder / "images"
    images.mkdir(parents=True)
    classifier.save(folder / "model.onnx")
    _write_images(images, classifier.side)
    pixels = {
        path.name: decode_image(path).transpose(2, 0, 1) / 255
        for path in sorted(images.glob("*.png"))
    }
    for estimator in (Estimator.EXACT, Estimator.PERMUTATION):
        started = time.perf_counter()
        result = audit(
            AuditSpec(
                model=folder / "model.onnx",
                images=images,
                bands=classifier.n_bands,
                norm=classifier.norm,
                value="margin",
                estimator=estimator,
                device=device,
            )
        )
        known = classifier.shapley(np.stack([pixels[path] for path in result.rows().path]))
        found = np.array([band.shapley for band in result.bands])
        yield Check(
            name=f"model: {classifier.name} ({estimator}, {result.runtime.provider})",
            error=_error(found, known.mean(axis=0)),
            tolerance=CHAIN_TOLERANCE,
            elapsed_s=time.perf_counter() - started,
        )


def _write_images(folder: Path, side: int) -> None:
    """Write seeded images with energy in every band, all labelled with class 0."""
    generator = np.random.default_rng(0)
    lines = ["path,label"]
    for number in range(N_IMAGES):
        slope = np.linspace(0, generator.uniform(20, 120), side)
        noise = generator.normal(0, 25, (side, side, 3))
        image = np.clip(generator.uniform(60, 140) + slope[:, None, None] + noise, 0, 255)
        Image.fromarray(image.astype(np.uint8)).save(folder / f"{number:02}.png")
        lines.append(f"{number:02}.png,0")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _error(found: FloatMatrix, known: FloatMatrix) -> float:
    """Return the largest difference, relative to the largest known number unless all are 0."""
    return float(np.abs(found - known).max() / (np.abs(known).max() or 1.0))
