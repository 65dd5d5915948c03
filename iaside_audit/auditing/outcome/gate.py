"""Hold a result against thresholds: by the end of each interval that speaks against it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from iaside_audit.auditing.outcome.compare import NamedResult, compare_results
from iaside_audit.comparison import finite
from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iaside_audit.result import AuditResult
    from iaside_audit.statistics.scores import ScoreKind
    from iaside_audit.types import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What is asked of a result; None asks nothing.

    Parameters
    ----------
    score : ScoreKind
        Which score the thresholds on scores are about.
    min_score : float or None
        Least lower end of its interval.
    max_halfwidth : float or None
        Of its interval.
    max_drop : float or None
        By how much the score may lie below that of another result, at worst: the lower end of the
        paired difference's interval is at least ``-max_drop``.
    min_top1 : float or None
        Least lower end of the interval of top-1, 0..1.
    max_importance : tuple of (int, float)
        Bands, and of each the greatest upper end of the interval of its importance, 0..1.
    max_failed : int or None
        Images that could not be used.

    Raises
    ------
    SpecError
        If nothing is asked, or a threshold is not finite, or beyond what a share or a half-width
        can be.
    """

    score: ScoreKind = "signed"
    min_score: float | None = None
    max_halfwidth: float | None = None
    max_drop: float | None = None
    min_top1: float | None = None
    max_importance: tuple[tuple[int, float], ...] = ()
    max_failed: int | None = None

    def __post_init__(self) -> None:
        asked = [one for one in fields(self) if one.name != "score"]
        if not any(getattr(self, one.name) not in (None, ()) for one in asked):
            raise SpecError(
                "Expected at least one threshold, found none. Give --min-score, or another one."
            )
        numbers = {
            "--min-score": self.min_score,
            "--max-halfwidth": self.max_halfwidth,
            "--max-drop": self.max_drop,
        }
        faults = [
            f"{name} {x:g}" for name, x in numbers.items() if x is not None and not math.isfinite(x)
        ]
        if faults:
            raise SpecError(f"Expected a finite number, found {', '.join(faults)}.")
        if self.max_halfwidth is not None and self.max_halfwidth < 0:
            raise SpecError(
                f"Expected a half-width of 0 or more, found --max-halfwidth {self.max_halfwidth:g}."
            )
        shares = [("--min-top1", self.min_top1)]
        shares += [(f"--max-importance {band}", most) for band, most in self.max_importance]
        faults = [f"{name} {x:g}" for name, x in shares if x is not None and not 0 <= x <= 1]
        if faults:
            raise SpecError(f"Expected a share between 0 and 1, found {', '.join(faults)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """One number of a result beside its threshold.

    Parameters
    ----------
    name : str
        Where ``result.json`` has the number, such as ``score.signed``; behind it ``halfwidth``, or
        ``change`` against another result.
    value : float
        As measured.
    interval : (float, float) or None
        Of it; None for a count, which is known.
    least, most : float or None
        The threshold: one of the two.
    warnings : tuple of str
        What a reader of a change must know of the comparison.
    """

    name: str
    value: float
    interval: Interval | None = None
    least: float | None = None
    most: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool:
        """Whether the whole interval is on the right side; what is not a number is on none."""
        low, high = self.interval or (self.value, self.value)
        return (self.least is None or low >= self.least) and (
            self.most is None or high <= self.most
        )

    def to_document(self) -> dict[str, Any]:  # Any: JSON
        """Return JSON-ready values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        document: dict[str, Any] = finite(values)  # Any: JSON
        return {**document, "met": self.is_met}


def gate(
    result: AuditResult, thresholds: Thresholds, *, against: NamedResult | None = None
) -> list[GateLine]:
    """Return a line for each threshold, in the order of :class:`Thresholds`.

    Parameters
    ----------
    result : AuditResult
        The audit.
    thresholds : Thresholds
        What is asked of it.
    against : NamedResult or None
        For `max_drop`: an audit on the same images, whose rows must be there as those of `result`.

    Raises
    ------
    SpecError
        If a band is asked for that there is not, or the two results cannot be compared.
    StoreError
        If the rows are gone that a comparison takes.
    """
    if (thresholds.max_drop is None) != (against is None):
        raise SpecError(
            "Expected --max-drop and --against together, found one of them. Give both, or neither."
        )
    return list(_lines(result, thresholds, against))


def _lines(
    result: AuditResult, asked: Thresholds, against: NamedResult | None
) -> Iterator[GateLine]:
    score = getattr(result.score, asked.score)
    name = f"score.{asked.score}"
    if asked.min_score is not None:
        yield GateLine(name=name, value=score.value, interval=score.interval, least=asked.min_score)
    if asked.max_halfwidth is not None:
        low, high = score.interval
        yield GateLine(name=f"{name}.halfwidth", value=(high - low) / 2, most=asked.max_halfwidth)
    if asked.max_drop is not None and against is not None:
        mine = NamedResult(name="this result", result=result)
        compared = compare_results([_on_the_terms_of(result, against), mine])
        change = compared.comparisons[0].score[asked.score]
        yield GateLine(
            name=f"{name}.change",
            value=change.difference,
            interval=change.interval,
            least=-asked.max_drop,
            warnings=compared.warnings,
        )
    if asked.min_top1 is not None:
        accuracy = result.accuracy
        yield GateLine(
            name="accuracy.top1",
            value=accuracy.top1,
            interval=accuracy.interval,
            least=asked.min_top1,
        )
    for place, most in asked.max_importance:
        if not 0 <= place < len(result.bands):
            raise SpecError(
                f"Expected bands 0 to {len(result.bands) - 1} in --max-importance, found {place}.",
                expected=f"0 to {len(result.bands) - 1}",
                found=str(place),
            )
        band = result.bands[place]
        yield GateLine(
            name=f"bands[{place}].importance",
            value=band.importance,
            interval=band.importance_interval,
            most=most,
        )
    if asked.max_failed is not None:
        yield GateLine(name="data.n_failed", value=result.data.n_failed, most=asked.max_failed)


def _on_the_terms_of(result: AuditResult, against: NamedResult) -> NamedResult:
    """Return what is compared with, so that every line of a gate has intervals of one kind."""
    asked = result.spec
    spec = replace(against.result.spec, confidence=asked.confidence, interval=asked.interval)
    return NamedResult(name=against.name, result=replace(against.result, spec=spec))
