"""The synthetic classifiers have the Shapley values that they claim, by an independent count."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort
import pytest
from models_for_tests import open_classifier

from iaside_audit.choices import Norm
from iaside_audit.classifier.graph import describe_graph, load_graph
from iaside_audit.classifier.preprocessing_sources import METADATA_KEY, parse_toml
from iaside_audit.classifier.session import OutputKind
from iaside_audit.classifier.synthetic import (
    SyntheticClassifier,
    energy_classifier,
    one_band_classifier,
    product_classifier,
    synthetic_classifiers,
    weighted_bands_classifier,
)
from iaside_audit.preprocessing import Preprocessing

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ALL = [
    *synthetic_classifiers(),
    *(one_band_classifier(band, norm=norm) for band in (0, 3) for norm in Norm),
    product_classifier(1, 3),
    energy_classifier(0),
    energy_classifier(3),
]
each_classifier = pytest.mark.parametrize("classifier", ALL, ids=lambda one: one.name)


def photographs(side: int, n_images: int = 5) -> NDArray[np.float64]:
    """Return bright images with energy in every band, (n, 3, side, side) in 0..1."""
    generator = np.random.default_rng(11)
    return generator.uniform(0, 1, (n_images, 3, side, side)) ** generator.uniform(
        0.5, 2, (n_images, 1, 1, 1)
    )


def bands_of(images: NDArray[np.float64], n_bands: int, norm: Norm) -> NDArray[np.float64]:
    """Cut images into uniform bands by METHOD.md's definition of rho, (M, n, 3, side, side).

    The sides are powers of two, so every frequency and edge is exact.
    """
    frequencies = np.fft.fftfreq(images.shape[-1])
    u, v = np.meshgrid(frequencies, frequencies, indexing="ij")
    rho = 2 * np.maximum(abs(u), abs(v)) if norm == Norm.LINF else np.sqrt(2 * (u**2 + v**2))
    band = np.minimum((n_bands * rho).astype(int), n_bands - 1)
    spectrum = np.fft.fft2(images)
    return np.stack([np.fft.ifft2(spectrum * (band == index)).real for index in range(n_bands)])


def counted_shapley(classifier: SyntheticClassifier, images: NDArray[np.float64]) -> np.ndarray:
    """Average every player's contribution over all orders, each coalition run by ONNX Runtime."""
    session = ort.InferenceSession(
        classifier.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    n_bands = classifier.n_bands
    bands = bands_of(images, n_bands, classifier.norm)
    margins = []
    for code in range(2**n_bands):
        present = [index for index in range(n_bands) if code >> index & 1]
        mixed = bands[present].sum(axis=0).astype(np.float32)
        (scores,) = session.run(None, {"image": mixed})
        margins.append(scores[:, 0].astype(float) - scores[:, 1])
    phi = np.zeros((len(images), n_bands))
    orders = list(permutations(range(n_bands)))
    for order in orders:
        code = 0
        for player in order:
            phi[:, player] += (margins[code | 1 << player] - margins[code]) / len(orders)
            code |= 1 << player
    return phi


@each_classifier
def test_synthetic_shapley_is_the_counted_one(classifier: SyntheticClassifier) -> None:
    """The claimed values are those of the game that the model plays, to float32's precision."""
    images = photographs(classifier.side)
    known = classifier.shapley(images)
    assert known.shape == (len(images), classifier.n_bands)
    np.testing.assert_allclose(
        counted_shapley(classifier, images), known, rtol=0, atol=3e-5 * np.abs(known).max()
    )


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("band", range(4))
def test_one_band_has_all(band: int, norm: Norm) -> None:
    """A model of one band gives it everything, and every other exactly nothing."""
    phi = one_band_classifier(band, norm=norm).shapley(photographs(32))
    assert np.all(phi[:, band] != 0)
    assert not np.delete(phi, band, axis=1).any()


def test_weights_scale_their_bands() -> None:
    """A weighted model's values are the weights times those of the one-band models."""
    weights = [4.0, -2.0, 1.0, 0.5]
    images = photographs(32)
    single = np.stack([one_band_classifier(band).shapley(images)[:, band] for band in range(4)])
    found = weighted_bands_classifier(weights).shapley(images)
    np.testing.assert_allclose(found, (np.array(weights)[:, None] * single).T, rtol=1e-5)


def test_product_is_shared_in_halves() -> None:
    """The two bands of a product have half of it each, the others nothing."""
    phi = product_classifier(0, 2).shapley(photographs(32))
    np.testing.assert_array_equal(phi[:, 0], phi[:, 2])
    assert np.all(phi[:, 0] != 0)
    assert not phi[:, [1, 3]].any()


@each_classifier
def test_synthetic_file_is_a_classifier_that_says_its_preprocessing(
    classifier: SyntheticClassifier, tmp_path: Path
) -> None:
    """The saved file opens as logits of two classes, and carries how its input is made."""
    path = tmp_path / "model.onnx"
    classifier.save(path)
    graph = describe_graph(load_graph(path), path)
    side = classifier.side
    assert (graph.height, graph.width, graph.batch) == (side, side, None)
    found = parse_toml(graph.metadata[METADATA_KEY], source="given")
    assert found == Preprocessing(resize=0, crop=side)
    with open_classifier(path, size=(side, side)) as session:
        assert (session.kind, session.n_classes) == (OutputKind.LOGITS, 2)


def test_synthetic_models_are_always_the_same() -> None:
    """Two builds give the same bytes under distinct names."""
    first, second = synthetic_classifiers(), synthetic_classifiers()
    assert [one.model.SerializeToString(deterministic=True) for one in first] == [
        one.model.SerializeToString(deterministic=True) for one in second
    ]
    assert len({one.name for one in first}) == len(first)
