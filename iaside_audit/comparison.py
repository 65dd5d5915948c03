"""How results on the same images differ: the records of ``compare``, and their JSON form.

Every difference is a model's number less the first model's. Intervals come from the paired
bootstrap over images; p-values from sign flips of the images' paired differences, and
``p_corrected`` holds for all lines of a report together (:mod:`iaside_audit.statistics.paired`).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.types import Interval  # noqa: TC001 - read by callers at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iaside_audit.choices import IntervalMethod, Mode

COMPARISON_SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One number of two models.

    Parameters
    ----------
    first, second : float
        The number of each model, over the images that both have.
    difference : float
        `second` less `first`.
    interval : (float, float)
        Of `difference`.
    p_value : float
        Chance of a difference at least as large if the two were equal.
    p_corrected : float
        Chance that any line of the report shows so much if all were equal; at least `p_value`.
    """

    first: float
    second: float
    difference: float
    interval: Interval
    p_value: float
    p_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BandDifference:
    """One band of two models; see :class:`~iaside_audit.result.BandResult`."""

    index: int
    low: float
    high: float
    shapley: Difference
    importance: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedResult:
    """Which result took part; `n_images` are all of its own."""

    path: str
    model: str
    sha256: str
    created: str
    n_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One model against the first, over the images that all results share.

    Parameters
    ----------
    model : ComparedResult
        The second of the two.
    bands : tuple of BandDifference
        The lowest first.
    score : dict of str to Difference
        Keys ``paper``, ``signed`` and ``comparable``.
    values : dict of str to Difference
        Keys ``empty`` and ``grand``.
    top1 : Difference
        Of the share of unfiltered images whose prediction is the label; NaN with own labels.
    """

    model: ComparedResult
    bands: tuple[BandDifference, ...]
    score: dict[str, Difference]
    values: dict[str, Difference]
    top1: Difference

    def lines(self) -> Iterator[tuple[str, Difference]]:
        """Yield every difference with its name, such as ``shapley[0]`` or ``score.signed``."""
        for band in self.bands:
            yield f"shapley[{band.index}]", band.shapley
        for band in self.bands:
            yield f"importance[{band.index}]", band.importance
        for name, one in self.score.items():
            yield f"score.{name}", one
        for name, one in self.values.items():
            yield f"values.{name}", one
        yield "top1", self.top1


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonReport:
    """Models against the first of them.

    Parameters
    ----------
    created : str
        ISO 8601 with a time zone.
    first : ComparedResult
        What every other is compared with.
    comparisons : tuple of Comparison
        In the order they were given.
    n_images : int
        Images that every result has, matched by content.
    confidence : float
        Of every interval.
    interval_method : IntervalMethod
        How the ends of every interval, top-1's too, follow from the paired resamples.
    mode : Mode
        That all share; in reference mode batches are resampled, not images.
    value : str
        The value function that all share.
    correction : str
        How `p_corrected` is made: ``max-T``, step-down, over every line and model.
    n_permutations, n_resamples, seed : int
        Of the sign flips and of the bootstrap.
    warnings : tuple of str
        What a reader of the numbers must know.
    """

    created: str
    first: ComparedResult
    comparisons: tuple[Comparison, ...]
    n_images: int
    confidence: float
    interval_method: IntervalMethod
    mode: Mode
    value: str
    correction: str
    n_permutations: int
    n_resamples: int
    seed: int
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the report as an indented JSON document; numbers not finite are null."""
        document = {"schema_version": COMPARISON_SCHEMA_VERSION, **finite(asdict(self))}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def finite(value: Any) -> Any:  # Any: JSON in, JSON out
    """Replace numbers that are not finite by None, and tuples by lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value
