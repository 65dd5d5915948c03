"""What to measure of robustness, on what, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from iaside_audit.robustness.requests import (
    SEVERITIES,
    HeatmapRequest,
    PassbandRequest,
    SnrRequest,
)

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.requests import Request
    from iaside_audit.spec import AuditSpec

DEFAULT_IMAGES: Final = 50
"""Enough for a half-width of about 14 points on an error rate, at a cost of minutes."""
USUAL_SIDE: Final = 224
"""What the cost counts with where the model's input is not known yet."""
CORRUPTION_S_PER_PX: Final = 4.5e-7
"""One condition of one image on one core, spectra included: 23 ms at 224 px, measured."""


class Kind(StrEnum):
    """What can be measured, and what is predicted of it; the names of the engine's documents."""

    CORRUPTION = "corruption"
    PREDICTION = "prediction"
    SNR = "snr"
    HEATMAP = "heatmap"
    PASSBAND = "passband"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the user wants measured.

    Parameters
    ----------
    kinds : frozenset of Kind
        Which measurements.
    n_images : int
        The first so many of the seeded order.
    severities : tuple of int
        Of the corruptions and their SNR.
    """

    kinds: frozenset[Kind] = frozenset({Kind.CORRUPTION, Kind.SNR, Kind.PASSBAND})
    n_images: int = DEFAULT_IMAGES
    severities: tuple[int, ...] = SEVERITIES

    def requests(self) -> tuple[Request, ...]:
        """Return what the engine is asked for, one after the other."""
        requests: list[Request] = []
        if self.kinds & {Kind.CORRUPTION, Kind.SNR}:
            # Each image is corrupted once, for the model's answers and for the spectra.
            has_answers = Kind.CORRUPTION in self.kinds
            requests.append(SnrRequest(severities=self.severities, has_answers=has_answers))
        if Kind.PASSBAND in self.kinds:
            requests.append(PassbandRequest())
        if Kind.HEATMAP in self.kinds:
            requests.append(HeatmapRequest())
        return tuple(requests)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """What is measured on.

    Parameters
    ----------
    spec : AuditSpec
        Model, images, bands and all else that a measurement shares with an audit.
    audit : AuditResult or None
        The open result whose specification it is; it predicts losses.
    rate : float or None
        Evaluations a second, where an audit of this model has told.
    n_counted : int or None
        Images there are, where no audit says it and they were counted.
    """

    spec: AuditSpec
    audit: AuditResult | None = None
    rate: float | None = None
    n_counted: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width at which images are changed."""
        frame = self.spec.frame
        if isinstance(frame, int):
            return frame, frame
        if self.audit is None:
            return USUAL_SIDE, USUAL_SIDE
        return self.audit.model.preprocessing.crop_size

    @property
    def n_available(self) -> int | None:
        """How many images there are; None where nobody has counted."""
        return self.n_counted if self.audit is None else self.audit.data.n_available or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a choice takes.

    Parameters
    ----------
    n_images : int
        Images of each measurement.
    by_request : tuple of (str, int)
        Evaluations of the model for each image, by kind of request.
    seconds : tuple of float
        Estimated time of each request; empty where the model's speed is not known.
    """

    n_images: int
    by_request: tuple[tuple[str, int], ...]
    seconds: tuple[float, ...]

    @property
    def remaining_s(self) -> float | None:
        """Estimated time of all; None where the model's speed is not known."""
        return sum(self.seconds) if self.seconds else None

    def later_s(self, number: int) -> float:
        """Return the estimated time of the requests after the `number`-th; 0 where not known."""
        return sum(self.seconds[number:])

    @property
    def n_evaluations(self) -> int:
        """Images put through the model in all."""
        return self.n_images * sum(n for _, n in self.by_request)


def cost_of(choice: Choice, target: Target) -> Cost:
    """Estimate what a choice takes."""
    n_images = min(choice.n_images, target.n_available or choice.n_images)
    requests = choice.requests()
    by_request = tuple((one.kind, evaluations_of(one, target)) for one in requests)
    seconds: tuple[float, ...] = ()
    if target.rate:
        n_pixels = target.size[0] * target.size[1]
        seconds = tuple(
            n_images * (n / target.rate + _n_corrupted(one) * n_pixels * CORRUPTION_S_PER_PX)
            for one, (_, n) in zip(requests, by_request, strict=True)
        )
    return Cost(n_images=n_images, by_request=by_request, seconds=seconds)


def _n_corrupted(request: Request) -> int:
    """Return how often each image is corrupted."""
    return len(request.conditions) if isinstance(request, SnrRequest) else 0


def evaluations_of(request: Request, target: Target) -> int:
    """Return how many images one photograph puts through the model, itself included."""
    match request:
        case SnrRequest(has_answers=has_answers):
            return 1 + (len(request.conditions) if has_answers else 0)
        case HeatmapRequest():
            from iaside_audit.robustness.fourier import frequency_grid  # noqa: PLC0415 - start-up

            return 1 + len(frequency_grid(*target.size, request.stride_at(*target.size)))
        case PassbandRequest(cutoffs=cutoffs, noise=noise):
            return 1 + 2 * (cutoffs + 1) + len(noise) * target.spec.bands
        case _:
            raise ValueError(f"no measurement of {request.kind} on this page")
