"""The page of robustness: what is measured and what was found."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from iaside_ui.state.measuring import Choice, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from iaside_audit.result import AuditResult
    from iaside_audit.robustness.errors_by_corruption import Measure
    from iaside_audit.robustness.findings import (
        ConditionPrediction,
        CorruptionFinding,
        Finding,
        HeatmapFinding,
        PassbandFinding,
        PredictionFinding,
        SnrFinding,
    )
    from iaside_audit.robustness.snr import SnrResult
    from iaside_ui.state.measuring import Target
    from iaside_ui.state.run import RunState

    Document = dict[str, Any]  # Any: JSON
    Condition = tuple[str, int]


class GridQuantity(Enum):
    """What the cells of the grid of corruptions show."""

    ERROR = auto()
    LOSS = auto()
    PREDICTED = auto()
    DIFFERENCE = auto()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageAnswers:
    """What the model said of each measured image, in the order in which they are shown.

    Parameters
    ----------
    paths : tuple of str
        Relative to the data set's root.
    clean_p : (n,) float64
        Probability of the label without corruption.
    p : (n, n_conditions) float64
        Under each condition.
    clean_is_right, is_right : bool arrays of the same shapes
        Whether the label is the prediction.
    """

    paths: tuple[str, ...]
    clean_p: NDArray[np.float64]
    p: NDArray[np.float64]
    clean_is_right: NDArray[np.bool_]
    is_right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """One measurement in the window.

    Parameters
    ----------
    finding : Finding
        What is shown.
    document : dict
        What is saved.
    answers : ImageAnswers or None
        Of corruptions that were measured here.
    gap : str
        Why there is no prediction of corruptions; empty where there is one, or none was asked for.
    is_saved : bool
        Whether a file holds it.
    """

    finding: Finding
    document: Document
    answers: ImageAnswers | None = None
    gap: str = ""
    is_saved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionGrid:
    """Numbers of corruptions by severity.

    Parameters
    ----------
    quantity : GridQuantity
        What they are.
    names : tuple of str
        Corruptions, from the top.
    severities : tuple of int
        From the left.
    cells : mapping of (name, severity) to Measure
        Those that are known; intervals are NaN while images are measured.
    means : mapping of name to Measure
        Over the severities; empty where no interval could be given.
    n_images : int
        Behind every number.
    """

    quantity: GridQuantity = GridQuantity.ERROR
    names: tuple[str, ...] = ()
    severities: tuple[int, ...] = ()
    cells: Mapping[Condition, Measure] = field(default_factory=dict)
    means: Mapping[str, Measure] = field(default_factory=dict)
    n_images: int = 0

    @property
    def reach(self) -> float:
        """The number at which colours end: 1 for errors, the largest there is for the others."""
        if self.quantity == GridQuantity.ERROR:
            return 1.0
        return max((abs(one.value) for one in self.cells.values()), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PicturePair:
    """One image, clean and corrupted, as pixels to paint, and which it is."""

    path: str
    place: int
    n_images: int
    condition: Condition
    clean: NDArray[np.uint8]
    corrupted: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobustnessState:
    """Everything that the page shows.

    Parameters
    ----------
    target : Target or None
        What would be measured on; None before the page is first shown.
    choice : Choice
        What would be measured.
    run : RunState or None
        What is under way.
    later_s : float
        Estimated time of what is measured after it; 0 where nothing is, or nobody knows.
    is_waiting : bool
        Whether an audit is running, beside which nothing is measured.
    held : mapping of Kind to Held
        What was found, at most one of each kind.
    live : CorruptionGrid or None
        Errors so far, while corruptions are measured.
    quantity : GridQuantity
        What the grid shows.
    condition : (str, int) or None
        The chosen cell.
    place : int
        The image that is shown corrupted.
    pair : PicturePair or None
        It.
    """

    target: Target | None = None
    choice: Choice = field(default_factory=Choice)
    run: RunState | None = None
    later_s: float = 0.0
    is_waiting: bool = False
    held: Mapping[Kind, Held] = field(default_factory=dict)
    live: CorruptionGrid | None = None
    quantity: GridQuantity = GridQuantity.ERROR
    condition: Condition | None = None
    place: int = 0
    pair: PicturePair | None = None

    @property
    def corruption(self) -> CorruptionFinding | None:
        """Errors under corruptions."""
        held = self.held.get(Kind.CORRUPTION)
        return None if held is None else held.finding  # type: ignore[return-value]  # by its kind

    @property
    def snr(self) -> SnrFinding | None:
        """What corruptions leave of the signal."""
        held = self.held.get(Kind.SNR)
        return None if held is None else held.finding  # type: ignore[return-value]  # by its kind

    @property
    def heatmap(self) -> HeatmapFinding | None:
        """The Fourier heat map."""
        held = self.held.get(Kind.HEATMAP)
        return None if held is None else held.finding  # type: ignore[return-value]  # by its kind

    @property
    def passband(self) -> PassbandFinding | None:
        """Pass bands."""
        held = self.held.get(Kind.PASSBAND)
        return None if held is None else held.finding  # type: ignore[return-value]  # by its kind

    @property
    def answers(self) -> ImageAnswers | None:
        """What the model said of each image under corruptions measured here."""
        held = self.held.get(Kind.CORRUPTION)
        return None if held is None else held.answers

    @property
    def audit(self) -> AuditResult | None:
        """The audit of the same model on the same radius as everything that was measured."""
        audit = None if self.target is None else self.target.audit
        if audit is None:
            return None
        origins = [one.finding.origin for one in self.held.values()]
        is_same = all(
            one.norm == audit.spec.norm and one.identity in {None, audit.model.identity}
            for one in origins
        )
        return audit if is_same else None

    @property
    def held_gap(self) -> str:
        """Why the audit predicts nothing of corruptions measured here; empty where it does."""
        held = self.held.get(Kind.CORRUPTION)
        return "" if held is None else held.gap

    @property
    def has_unsaved(self) -> bool:
        """Whether something would be lost with the window."""
        return any(not one.is_saved for one in self.held.values())

    @property
    def predictions(self) -> tuple[ConditionPrediction, ...]:
        """What an audit of the same model predicts of the corruptions."""
        held = self.held.get(Kind.PREDICTION)
        if held is None or self.corruption is None:
            return ()
        found: PredictionFinding = held.finding  # type: ignore[assignment]  # by its kind
        is_same = found.origin.identity == self.corruption.origin.identity
        return found.predictions if is_same else ()

    @property
    def prediction(self) -> ConditionPrediction | None:
        """What it predicts of the chosen condition."""
        found = self.predictions
        return next(
            (one for one in found if (one.corruption, one.severity) == self.condition), None
        )

    def snr_of(self, condition: Condition | None) -> SnrResult | None:
        """Return the SNR of a condition, where it was measured."""
        results = () if self.snr is None else self.snr.results
        return next((one for one in results if (one.name, one.severity) == condition), None)

    def grid(self) -> CorruptionGrid:
        """Return what the grid shows: the errors so far, or the quantity that was chosen."""
        if self.live is not None:
            return self.live
        if self.corruption is None:
            return CorruptionGrid(quantity=self.quantity)
        return grid_of(self.corruption, self.quantity, self.predictions)


def grid_of(
    finding: CorruptionFinding,
    quantity: GridQuantity,
    predictions: Sequence[ConditionPrediction] = (),
) -> CorruptionGrid:
    """Lay out one quantity of every condition."""
    errors = finding.errors
    cells: dict[Condition, Measure] = {}
    means: dict[str, Measure] = {}
    match quantity:
        case GridQuantity.ERROR:
            cells = {(one.corruption, one.severity): one.error for one in errors.conditions}
            means = {one.corruption: one.error for one in errors.corruptions}
        case GridQuantity.LOSS:
            cells = {
                (one.corruption, one.severity): _negative(one.log_p) for one in errors.conditions
            }
            means = {one.corruption: _negative(one.log_p) for one in errors.corruptions}
        case GridQuantity.PREDICTED:
            cells = {(one.corruption, one.severity): one.predicted for one in predictions}
        case GridQuantity.DIFFERENCE:
            # The engine gives the difference no interval.
            cells = {
                (one.corruption, one.severity): replace(
                    one.predicted, value=one.difference, interval=(math.nan, math.nan)
                )
                for one in predictions
                if math.isfinite(one.difference)
            }
    conditions = [(one.corruption, one.severity) for one in errors.conditions]
    return CorruptionGrid(
        quantity=quantity,
        names=tuple(dict.fromkeys(name for name, _ in conditions)),
        severities=tuple(sorted({severity for _, severity in conditions})),
        cells=cells,
        means=means,
        n_images=errors.n_images,
    )


def _negative(measure: Measure) -> Measure:
    """Return a loss for a log-probability."""
    low, high = measure.interval
    return replace(measure, value=-measure.value, interval=(-high, -low))
