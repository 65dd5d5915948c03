"""Measurements of one model as they are shown: their numbers, and of what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from iaside_audit.choices import Norm
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.robustness.curves import Curve, Heatmap
    from iaside_audit.robustness.errors_by_corruption import CorruptionErrors, Measure
    from iaside_audit.robustness.requests import CorruptionRequest, ReadyMadeRequest
    from iaside_audit.robustness.snr import SnrResult

KINDS: Final = ("corruption", "prediction", "snr", "heatmap", "passband")
"""What can be read; the file of each is called ``KIND.json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Of what a measurement is.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    model : str
        Path or id of the model; empty for an SNR that no model was needed for.
    identity : str or None
        The model by content; None as above.
    images : str
        Path of the clean images.
    n_images : int
        Behind every number.
    n_failed : int
        Images left out, which could not be read or measured.
    labels_are_own : bool
        Whether the labels are the model's own answers, so that an error is a changed answer.
    norm : Norm
        The radius rho of every frequency.
    seed : int
        Of every random draw.
    confidence : float
        Of every interval.
    preprocessing : Preprocessing or None
        What brings an image to the size at which it was changed; None where that is not kept.
    warnings : tuple of str
        What a reader must know.
    """

    kind: str
    model: str
    identity: str | None
    images: str
    n_images: int
    n_failed: int
    labels_are_own: bool
    norm: Norm
    seed: int
    confidence: float
    preprocessing: Preprocessing | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorruptionFinding:
    """Errors under corruptions."""

    origin: Origin
    request: CorruptionRequest | ReadyMadeRequest
    errors: CorruptionErrors
    is_partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionPrediction:
    """The predicted and the measured log-loss of one condition, over the same images.

    Parameters
    ----------
    corruption : str
        Its name.
    severity : int
        1..5.
    predicted : Measure
        In the default form of predictions, nats.
    measured : Measure
        The same loss as it was measured; NaN where it was not.
    clean, midpoint : float
        What is predicted without a spectrum: the loss on clean images, and with every band half
        present.
    shares : tuple of float
        Of each band in what bands add to the predicted loss; NaN where none adds to it.
    sentence : str
        Which bands carry it.
    """

    corruption: str
    severity: int
    predicted: Measure
    measured: Measure
    clean: float
    midpoint: float
    shares: tuple[float, ...]
    sentence: str

    @property
    def difference(self) -> float:
        """Predicted less measured loss, nats."""
        return self.predicted.value - self.measured.value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictionFinding:
    """What an audit predicts of corruptions, condition by condition."""

    origin: Origin
    predictions: tuple[ConditionPrediction, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SnrFinding:
    """The SNR of every condition."""

    origin: Origin
    results: tuple[SnrResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeatmapFinding:
    """A Fourier heat map; `edges` of its profile's bands, empty where they are not kept."""

    origin: Origin
    edges: tuple[float, ...]
    heatmap: Heatmap


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PassbandFinding:
    """Accuracy against cut-off, and with noise in one band; `edges` as above."""

    origin: Origin
    edges: tuple[float, ...]
    cut: tuple[Curve, ...]
    noisy: tuple[Curve, ...]


Finding: TypeAlias = (
    CorruptionFinding | PredictionFinding | SnrFinding | HeatmapFinding | PassbandFinding
)
