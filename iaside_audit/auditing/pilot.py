"""Plan an audit from a pilot: how many images and evaluations a half-width takes, and how long.

The pilot walks two pairs of random orders through the first 32 images. Two pairs of one image share
the image and differ in their orders, so that both parts of the variance are known, and with them
what every other number of pairs, and exact mode, would cost.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.auditing.plan import (
    affordable_images,
    evaluations_per_image,
    resolve_estimator,
    stopping_point,
    unused_pairs,
)
from iaside_audit.auditing.run import run_audit
from iaside_audit.choices import MAX_EXACT_BANDS, Estimator, Mode
from iaside_audit.comparison import finite
from iaside_audit.errors import SpecError
from iaside_audit.events import AuditCancelled, Cancelled, Finished, Warned
from iaside_audit.games import controlled_shapley
from iaside_audit.statistics import PILOT_IMAGES, score_variance, value_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iaside_audit.events import Control, Event
    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec
    from iaside_audit.statistics import ScoreVariance
    from iaside_audit.types import FloatMatrix, Interval

PLAN_SCHEMA_VERSION: Final = 1
PAIRS_TRIED: Final = (1, 2, 4, 8)
WHOLE: Final[dict[str, Any]] = {"shard": None, "scheduler": None}  # Any: as the fields
"""What a pilot runs without, though its audit may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOption:
    """One way to spend evaluations.

    Parameters
    ----------
    estimator : str
        ``exact`` or ``permutation``.
    pairs : int or None
        Antithetic pairs an image; None in exact mode.
    evaluations_per_image : int
        Images put through the model for one image.
    halfwidth : float
        Expected half-width of the signed score's interval over all images that may be used.
    halfwidth_range : (float, float)
        The same at the ends of what the pilot leaves open (90 %).
    n_images_needed : int or None
        Images that bring it down to the target; None without a target.
    n_images_range : (int, int) or None
        The same at the ends of what the pilot leaves open (90 %).
    stops_at : int or None
        Images after which an audit would stop; None without a target, and where it is out of reach.
    n_images, n_evaluations : int
        Of the audit: up to the stop, else over all images that may be used; 0 where the budget
        affords none.
    elapsed_s : float
        At the pilot's speed.
    """

    estimator: str
    pairs: int | None
    evaluations_per_image: int
    halfwidth: float
    halfwidth_range: Interval
    n_images_needed: int | None
    n_images_range: tuple[int, int] | None
    stops_at: int | None
    n_images: int
    n_evaluations: int
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditForecast:
    """What an audit will take.

    Parameters
    ----------
    model : str
        Its path.
    n_pilot_images, n_pilot_evaluations : int
        What the pilot took.
    n_available : int
        Readable images that the specification lets the audit use.
    target_halfwidth : float or None
        As asked.
    confidence : float
        Of the intervals.
    signed, signed_interval : float and (float, float)
        The signed score of the pilot.
    evaluations_per_s : float
        The pilot's speed.
    options : tuple of PlanOption
        The specification's own choice first.
    advised : int
        Which option reaches the target with the least evaluations, else comes closest.
    unused_pairs : int
        Pairs of orders that were asked for in vain; see :class:`~iaside_audit.events.Planned`.
    """

    model: str
    n_pilot_images: int
    n_pilot_evaluations: int
    n_available: int
    target_halfwidth: float | None
    confidence: float
    signed: float
    signed_interval: Interval
    evaluations_per_s: float
    options: tuple[PlanOption, ...]
    advised: int
    unused_pairs: int = 0

    def to_document(self) -> dict[str, Any]:  # Any: JSON
        """Return JSON-ready values, ``schema_version`` first."""
        return {"schema_version": PLAN_SCHEMA_VERSION, **finite(asdict(self))}


def run_pilot(
    spec: AuditSpec,
    control: Control | None = None,
    *,
    run: Callable[..., Iterator[Event]] = run_audit,
) -> Iterator[Event | AuditForecast]:
    """Run the pilot of an audit; its events come first, the forecast last.

    Parameters
    ----------
    spec : AuditSpec
        The audit that is planned.
    control : Control or None
        As of :func:`~iaside_audit.auditing.run.run_audit`.
    run : callable
        Runs an audit.

    Raises
    ------
    SpecError
        In reference mode, which neither samples nor stops.
    AuditCancelled
        If `control` cancelled it.
    IASideError
        As :func:`~iaside_audit.auditing.run.run_audit`.
    """
    dropped = left_out(spec, WHOLE)
    if dropped:
        said = f"The plan is of the whole audit on this machine: {dropped} not taken into account."
        yield Warned(code="plan", message=said)
    for event in run(pilot_spec(spec), control):
        match event:
            case Finished(result=result):
                yield forecast(spec, result)
            case Cancelled():
                raise AuditCancelled("The pilot was cancelled.")
            case _:
                yield event


def pilot_spec(spec: AuditSpec) -> AuditSpec:
    """Return the specification of the pilot of an audit."""
    if spec.mode == Mode.REFERENCE:
        raise SpecError(
            "Expected the corrected mode for a plan, found reference mode, which takes every image "
            "exactly. Leave --plan out."
        )
    cheapest = replace(spec, estimator=Estimator.PERMUTATION, pairs=1, interactions=False)
    affordable_images(spec, *evaluations_per_image(cheapest, cheapest.estimator))
    return replace(
        spec,
        max_images=min(PILOT_IMAGES, spec.max_images or PILOT_IMAGES),
        estimator=Estimator.PERMUTATION,
        pairs=2,
        interactions=False,
        budget=None,
        target_halfwidth=None,
        **WHOLE,
    )


def left_out(spec: AuditSpec, used: Mapping[str, object]) -> str:
    """Name the options of a specification in whose place others are used; empty for none.

    Examples
    --------
    >>> from iaside_audit.spec import AuditSpec
    >>> spec = AuditSpec(model="m.onnx", images="i", interactions=True, budget=9)
    >>> left_out(spec, {"interactions": False, "budget": None}), left_out(spec, {"shard": None})
    ('interactions and budget 9 are', '')
    """
    given = {name: getattr(spec, name) for name in used if getattr(spec, name) != used[name]}
    named = [name if value is True else f"{name} {value}" for name, value in given.items()]
    return f"{' and '.join(named)} {'is' if len(named) == 1 else 'are'}" if named else ""


def forecast(spec: AuditSpec, pilot: AuditResult) -> AuditForecast:
    """Say from a pilot's result what an audit will take."""
    first, second = _pair_estimates(pilot)
    variance = score_variance(first, second, beta=spec.beta, seed=spec.seed)
    low, high = pilot.score.signed.interval
    # Where it is not known which band is lowest, the interval is wider than the variance says.
    plain = variance.halfwidth(len(first), pairs=2, confidence=spec.confidence)
    widening = max(1.0, (high - low) / 2 / plain) if plain > 0 else 1.0
    n_available = min(pilot.data.n_available, spec.max_images or pilot.data.n_available)
    ways = _ways(spec, n_available)
    options = tuple(
        _option(
            spec,
            pairs,
            variance,
            widening=widening,
            n_available=n_available,
            evaluations_per_s=pilot.runtime.evaluations_per_s,
        )
        for pairs in ways
    )
    return AuditForecast(
        model=pilot.model.path,
        n_pilot_images=len(first),
        n_pilot_evaluations=pilot.estimator.n_evaluations,
        n_available=n_available,
        target_halfwidth=spec.target_halfwidth,
        confidence=spec.confidence,
        signed=pilot.score.signed.value,
        signed_interval=pilot.score.signed.interval,
        evaluations_per_s=pilot.runtime.evaluations_per_s,
        options=options,
        advised=_advised(options),
        unused_pairs=unused_pairs(spec, resolve_estimator(spec, n_available)),
    )


def _pair_estimates(pilot: AuditResult) -> tuple[FloatMatrix, FloatMatrix]:
    """Return the Shapley values that each of the pilot's two pairs gives every image."""
    rows, n_bands = pilot.rows(), pilot.spec.bands
    values = value_function(pilot.spec.value)(rows.log_p, rows.best_other)
    n_walked = 2 * (n_bands - 1)
    ends = np.arange(2)
    estimates = [
        controlled_shapley(rows.coalitions[:, columns], values[:, columns], n_players=n_bands)
        for columns in (
            np.concatenate([ends, 2 + pair * n_walked + np.arange(n_walked)]) for pair in (0, 1)
        )
    ]
    return estimates[0], estimates[1]


def _ways(spec: AuditSpec, n_available: int) -> list[int | None]:
    """Return the numbers of pairs to look at, None for exact; the specification's own first."""
    is_exact = resolve_estimator(spec, n_available) == Estimator.EXACT
    ways: list[int | None] = [None if is_exact else spec.pairs, *PAIRS_TRIED]
    n_coalitions = 2**spec.bands
    ways = [one for one in ways if one is None or 2 * one * (spec.bands - 1) + 2 < n_coalitions]
    ways += [None] if spec.bands <= MAX_EXACT_BANDS else []
    return list(dict.fromkeys(ways))


def _option(
    spec: AuditSpec,
    pairs: int | None,
    variance: ScoreVariance,
    *,
    widening: float,
    n_available: int,
    evaluations_per_s: float,
) -> PlanOption:
    estimator = Estimator.EXACT if pairs is None else Estimator.PERMUTATION
    way = replace(spec, estimator=estimator, pairs=pairs or 1, interactions=False)
    per_image, shared = evaluations_per_image(way, estimator)
    n_usable = n_available
    if spec.budget is not None:
        n_usable = min(n_usable, max((spec.budget - shared) // per_image, 0))
    needed = needed_range = stops_at = None
    if spec.target_halfwidth is not None:
        target = spec.target_halfwidth / widening
        needed = variance.images_needed(target, pairs=pairs, confidence=spec.confidence)
        needed_range = variance.images_range(target, pairs=pairs, confidence=spec.confidence)
        stops_at = stopping_point(needed, n_usable)
    n_images = n_usable if stops_at is None else stops_at
    n_evaluations = shared + n_images * per_image if n_images else 0
    halfwidth = low = high = math.inf
    if n_usable:
        confidence = spec.confidence
        halfwidth = widening * variance.halfwidth(n_usable, pairs=pairs, confidence=confidence)
        low, high = variance.halfwidth_range(n_usable, pairs=pairs, confidence=confidence)
    return PlanOption(
        estimator=estimator.value,
        pairs=pairs,
        evaluations_per_image=per_image,
        halfwidth=halfwidth,
        halfwidth_range=(widening * low, widening * high),
        n_images_needed=needed,
        n_images_range=needed_range,
        stops_at=stops_at,
        n_images=n_images,
        n_evaluations=n_evaluations,
        elapsed_s=n_evaluations / evaluations_per_s if evaluations_per_s else float("nan"),
    )


def _advised(options: tuple[PlanOption, ...]) -> int:
    """Return the cheapest option that reaches the target; without any, that which comes closest."""
    places = range(len(options))
    if all(one.n_images_needed is None for one in options):
        return 0
    reaching = [place for place in places if options[place].stops_at is not None]
    if reaching:
        return min(reaching, key=lambda place: options[place].n_evaluations)
    return min(places, key=lambda place: options[place].halfwidth)
