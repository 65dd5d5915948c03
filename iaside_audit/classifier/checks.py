"""Checks of a session before hours of work: twice the same, and alone as in a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.classifier.runtime_session import Batching
from iaside_audit.classifier.session import OnnxClassifier, OutputKind

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChecks:
    """What a session was seen to do, on a few inputs of noise.

    Parameters
    ----------
    repeat_difference : float
        Largest difference of log-probabilities between two runs of the same batch, in nats.
    batch_difference : float or None
        Largest difference between an input in a batch and the same input alone, in nats; None where
        every call takes the model's own fixed batch.
    softmax_proven : bool
        Whether logits before a final softmax are read, proven to give the output.
    provider_nodes : dict of str to int
        Nodes of the optimised graph that each provider runs; empty where ONNX Runtime does not say.
    """

    repeat_difference: float
    batch_difference: float | None
    softmax_proven: bool
    provider_nodes: dict[str, int]


def check_session(classifier: OnnxClassifier) -> SessionChecks:
    """Run a few inputs twice, and each of them alone."""
    probes = classifier.probes()
    first, second = (classifier(probes).values for _ in range(2))
    batch_difference = None
    if classifier.batching != Batching.FIXED:
        alone = [classifier(probe[None]).values for probe in probes]
        batch_difference = _difference(first, np.concatenate(alone))
    return SessionChecks(
        repeat_difference=_difference(first, second),
        batch_difference=batch_difference,
        softmax_proven=classifier.kind == OutputKind.SOFTMAX_INPUT,
        provider_nodes=classifier.provider_nodes(),
    )


def _difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the largest difference; values that are not finite agree where they are the same."""
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        return float(np.where(same, 0.0, np.abs(first - second)).max())
