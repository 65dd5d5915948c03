"""What happens meanwhile: the frozen events of a running audit, and the caller's control of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from iaside_audit.errors import IASideError

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult, BandResult, ModelRecord, ScoreValue
    from iaside_audit.types import Interval


class Stage(StrEnum):
    """What is going on besides auditing, as the command line says it."""

    STARTING = "starting"
    CONNECTING = "connecting to the cluster"
    STARTING_WORKERS = "starting the cluster's workers"
    AWAITING_WORKERS = "waiting for the cluster's workers"
    OPENING_MODEL = "opening the model"
    READING_IMAGES = "reading the images"
    MEASURING_DATA = "measuring the data set"
    NORMALISATIONS = "normalisations"
    GEOMETRIES = "geometries"
    ROUNDINGS = "roundings"
    FINALISTS = "finalists"
    QUICK_LOOK = "a quick look at the accuracy"
    MEASURING = "measuring"
    COMPARING_SPECTRA = "comparing spectra"
    CORRUPTING = "corrupting"
    RECOMPUTING = "computing the numbers again"
    COMPARING_MODEL = "looking at the model"
    REPEATING = "making rows again"
    VARYING = "auditing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing:
    """A step before the audit proper, or of something else that takes a while.

    `detail` says more of the stage ``auditing``; `total` is 0 where it is not known.
    """

    stage: Stage
    done: int = 0
    total: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What will be done: the estimator, how many images and how many evaluations.

    `unused_pairs` is what was asked for where ``auto`` takes every coalition instead; else 0.
    """

    model: ModelRecord
    estimator: str
    n_images: int
    n_failed: int
    evaluations_per_image: int
    n_evaluations: int
    provider: str
    device: str
    threads: int
    batch: int
    preprocessing_source: str
    unused_pairs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDone:
    """One image has its row."""

    index: int
    path: str
    n_done: int
    n_images: int
    elapsed_s: float
    remaining_s: float | None
    evaluations_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFailed:
    """One image was left out."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedStop:
    """Where an audit with a target will stop, as far as its rows tell by now.

    Parameters
    ----------
    n_images_needed : int
        Images that bring the signed score's half-width down to the target.
    stops_at : int or None
        The next number of images at which that is looked at; None beyond the images there are.
    n_evaluations : int
        Of the whole audit, up to the stop or the end.
    remaining_s : float or None
        Estimated time to it; None until the speed is known.
    """

    n_images_needed: int
    stops_at: int | None
    n_evaluations: int
    remaining_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The numbers so far, with intervals; over `n_images` rows.

    `stop` is the plan as these rows refine it: from 32 images on, where there is a target.
    """

    n_images: int
    bands: tuple[BandResult, ...]
    signed: ScoreValue
    accuracy: float
    accuracy_interval: Interval
    stop: ExpectedStop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that a reader of the numbers must know."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The audit ran to its end."""

    result: AuditResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The user asked to stop; `partial` is None where too few rows exist."""

    partial: AuditResult | None


Event: TypeAlias = (
    Preparing | Planned | ImageDone | ImageFailed | Estimate | Warned | Finished | Cancelled
)


class AuditCancelled(IASideError):  # noqa: N818 - a public name; being cancelled is no failure
    """The user asked to stop.

    Parameters
    ----------
    message : str
        What was going on.
    partial : AuditResult or None
        The result over the rows that exist; None where there are too few.
    """

    def __init__(self, message: str, *, partial: AuditResult | None = None) -> None:
        super().__init__(message)
        self.partial = partial


class Control:
    """The caller's handle on a running audit; its methods may be called from any thread."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._running = threading.Event()
        self._running.set()

    def cancel(self) -> None:
        """Ask the audit to stop; it answers within a second."""
        self._cancelled.set()
        self._running.set()

    def pause(self) -> None:
        """Lease no further images until :meth:`resume`."""
        self._running.clear()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._running.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled.is_set()

    @property
    def is_paused(self) -> bool:
        """Whether the audit is to wait."""
        return not self._running.is_set()
