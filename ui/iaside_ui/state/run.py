"""A running audit as the window shows it, folded from its events."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from iaside_audit.events import (
    Cancelled,
    Estimate,
    Event,
    Finished,
    ImageDone,
    ImageFailed,
    Planned,
    Preparing,
    Warned,
)
from iaside_ui.state.planning import unused_pairs_sentence
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from iaside_audit.events import Stage
    from iaside_audit.result import BandResult

MAX_POINTS: Final = 512
"""A trace of more points than a plot has pixels is thinned to half."""


class NoteKind(Enum):
    """What a line of the log is about."""

    FACT = auto()
    WARNING = auto()
    LEFT_OUT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line of the log."""

    kind: NoteKind
    text: str


class RunOutcome(Enum):
    """What became of an audit that was asked for."""

    WAITING = auto()
    RUNNING = auto()
    FINISHED = auto()
    CANCELLED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRun:
    """One audit of the queue.

    Parameters
    ----------
    number : int
        In the order of asking, from 1.
    model, images : str
        Names of the model and of the folder.
    outcome : RunOutcome
        How far it is.
    note : str
        What else there is to say.
    """

    number: int
    model: str
    images: str
    outcome: RunOutcome
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePoint:
    """The signed score after `n_images` images; the ends are NaN where there is no interval."""

    n_images: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """One audit under way.

    Parameters
    ----------
    name : str
        Of the model.
    confidence : float
        Of every interval, in (0.5, 1).
    stage : Stage or None
        What is being done; None once images are audited.
    n_done, n_total : int
        Progress of the stage; `n_total` is 0 where it is not known.
    evaluations_per_s : float
        While the worker was evaluating; 0 until it is known.
    remaining_s : float or None
        Estimated time to the end.
    bands : tuple of BandResult
        The numbers so far; empty until there are some.
    score : tuple of ScorePoint
        The signed score so far, the newest last.
    notes : tuple of Note
        The log, the newest last.
    """

    name: str
    confidence: float
    stage: Stage | None = None
    n_done: int = 0
    n_total: int = 0
    evaluations_per_s: float = 0.0
    remaining_s: float | None = None
    is_paused: bool = False
    is_cancelling: bool = False
    bands: tuple[BandResult, ...] = ()
    score: tuple[ScorePoint, ...] = ()
    notes: tuple[Note, ...] = ()

    def after(self, event: Event) -> RunState:
        """Return the state that follows `event`."""
        state = self
        match event:
            case Preparing(stage=stage, done=done, total=total):
                state = replace(self, stage=stage, n_done=done, n_total=total)
            case Planned(n_images=n_images):
                state = replace(self, stage=None, n_done=0, n_total=n_images)
                state = state.noted(NoteKind.FACT, _plan(event))
            case ImageDone():
                state = replace(
                    self,
                    stage=None,
                    n_done=event.n_done,
                    n_total=event.n_images,
                    evaluations_per_s=event.evaluations_per_s,
                    remaining_s=event.remaining_s,
                )
            case Estimate(bands=bands):
                state = replace(self, bands=bands, score=_traced(self.score, event))
            case ImageFailed(path=path, reason=reason):
                state = self.noted(NoteKind.LEFT_OUT, f"{path}: {reason}")
            case Warned(message=message):
                state = self.noted(NoteKind.WARNING, message)
            case Finished() | Cancelled():
                pass
        return state

    def with_control(self, *, is_paused: bool, is_cancelling: bool) -> RunState:
        """Return the state as the user's hand left it."""
        return replace(self, is_paused=is_paused, is_cancelling=is_cancelling)

    def noted(self, kind: NoteKind, text: str) -> RunState:
        """Return the state with one more line in its log."""
        return replace(self, notes=(*self.notes, Note(kind=kind, text=text)))


def _traced(points: tuple[ScorePoint, ...], estimate: Estimate) -> tuple[ScorePoint, ...]:
    """Return the trace with one more point, thinned where it grew too long."""
    if not math.isfinite(estimate.signed.value):
        return points
    if len(points) >= MAX_POINTS:
        points = points[::2]
    low, high = estimate.signed.interval
    point = ScorePoint(n_images=estimate.n_images, value=estimate.signed.value, low=low, high=high)
    return (*points, point)


def _plan(plan: Planned) -> str:
    said = tr(
        "{estimator} estimator, {n} images, {total} evaluations on {provider} ({device}, {threads} "
        "threads, batch {batch}); preprocessing from {source}."
    ).format(
        estimator=plan.estimator.capitalize(),
        n=plan.n_images,
        total=plan.n_evaluations,
        provider=plan.provider,
        device=plan.device,
        threads=plan.threads,
        batch=plan.batch,
        source=plan.preprocessing_source,
    )
    return f"{said} {unused_pairs_sentence(plan.unused_pairs)}" if plan.unused_pairs else said
