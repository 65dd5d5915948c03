"""How much the profile and the score depend on choices that no data decide: the stability panel."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats

from iaside_audit.auditing.pilot import left_out
from iaside_audit.auditing.run import run_audit
from iaside_audit.choices import Estimator, Mode, Norm, Range, Spacing
from iaside_audit.comparison import finite
from iaside_audit.errors import SpecError
from iaside_audit.events import (
    AuditCancelled,
    Cancelled,
    Control,
    Finished,
    Preparing,
    Stage,
    Warned,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from iaside_audit.events import Event
    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec
    from iaside_audit.types import FloatVector, Interval

STABILITY_SCHEMA_VERSION: Final = 1
N_IMAGES: Final = 50
"""Of each small audit, unless --max-images says otherwise."""
ROUNDED: Final = 12
"""Decimals of importances and agreements that mean something."""
OWN: Final[dict[str, Any]] = {  # Any: fields of several types
    "estimator": Estimator.AUTO,
    "interactions": False,
    "budget": None,
    "target_halfwidth": None,
    "shard": None,
    "scheduler": None,
}
"""What every small audit has, whatever the specification says."""
MIN_BANDS_OCTAVE: Final = 3
BASELINES: Final = ("zero", "mean", "noise", "shuffle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The specification with one choice made otherwise.

    Parameters
    ----------
    choice, value : str
        Such as ``norm`` and ``l2``; both empty for the specification as it is.
    spec : AuditSpec
        Of the small audit.
    """

    choice: str
    value: str
    spec: AuditSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult:
    """What one small audit found.

    Parameters
    ----------
    choice, value : str
        As of the variant.
    bands : int
        M that was used.
    note : str
        What was changed beside the choice, or why there is no result; empty otherwise.
    comparable, signed : float
        The anchored and the signed score; NaN without a result.
    comparable_interval : (float, float)
        Of `comparable`.
    importance : tuple of float
        psi, over this variant's own bands.
    rank_agreement : float
        Kendall's tau-b of this profile and the specification's own, over its bands: 1 where both
        order them alike; other bands are brought to the same edges first.
    """

    choice: str
    value: str
    bands: int
    note: str
    comparable: float
    comparable_interval: Interval
    signed: float
    importance: tuple[float, ...]
    rank_agreement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilityReport:
    """How far the choices move the numbers.

    Parameters
    ----------
    model : str
        Its path.
    n_images : int
        Of each small audit.
    variants : tuple of VariantResult
        The specification as it is first.
    comparable_range : (float, float)
        Least and largest anchored score of the variants of the same M and norm.
    lowest_rank_agreement : float
        Over all variants.
    """

    model: str
    n_images: int
    variants: tuple[VariantResult, ...]
    comparable_range: Interval
    lowest_rank_agreement: float

    def to_document(self) -> dict[str, Any]:  # Any: JSON
        """Return JSON-ready values, ``schema_version`` first."""
        return {"schema_version": STABILITY_SCHEMA_VERSION, **finite(asdict(self))}


def run_stability(
    spec: AuditSpec,
    control: Control | None = None,
    *,
    run: Callable[..., Iterator[Event]] = run_audit,
) -> Iterator[Event | StabilityReport]:
    """Run the small audits one after the other; their events come first, the report last.

    Parameters
    ----------
    spec : AuditSpec
        What is varied, one choice at a time.
    control : Control or None
        As of :func:`~iaside_audit.auditing.run.run_audit`.
    run : callable
        Runs an audit.

    Raises
    ------
    SpecError
        In reference mode, whose choices are fixed; or if the specification itself cannot work.
    AuditCancelled
        If `control` cancelled it.
    IASideError
        As :func:`~iaside_audit.auditing.run.run_audit`.
    """
    listed = variants(spec)
    dropped = left_out(spec, OWN)
    if dropped:
        said = f"A stability panel makes small audits of its own: {dropped} not used."
        yield Warned(code="stability", message=said)
    found: list[tuple[Variant, AuditResult | str, str]] = []
    for number, variant in enumerate(listed):
        name = f"with {variant.choice} {variant.value}" if variant.choice else "as asked"
        yield Preparing(stage=Stage.VARYING, done=number, total=len(listed), detail=name)
        result: AuditResult | str | None = None
        note = ""
        current = variant
        while result is None:
            try:
                result = yield from _small_audit(current.spec, control, run)
            except SpecError as error:
                lowered = _lowered(current.spec, variant)
                if lowered is None:
                    if not variant.choice:
                        raise
                    result = error.message
                else:
                    current = replace(variant, spec=lowered)
                    note = f"M lowered to {lowered.bands}: a band would be empty at this size"
        found.append((current, result, note))
    yield _report(found)


def variants(spec: AuditSpec) -> tuple[Variant, ...]:
    """Return the small audits: the specification as it is, then one choice changed at a time."""
    if spec.mode == Mode.REFERENCE:
        raise SpecError(
            "Expected the corrected mode for a stability panel, found reference mode, whose "
            "choices are fixed. Leave --stability out."
        )
    base = replace(
        spec,
        max_images=min(spec.max_images or N_IMAGES, N_IMAGES),
        **OWN,
    )
    changes: list[tuple[str, str, dict[str, Any]]] = []  # Any: fields of several types
    changes += [("norm", one.value, {"norm": one}) for one in Norm if one != spec.norm]
    changes += [
        ("spacing", one.value, {"spacing": one, "bands": spec.bands})
        for one in Spacing
        if one != spec.spacing
    ]
    changes += [
        ("bands", str(one), {"spacing": _named(spec), "bands": one})
        for one in (max(spec.bands // 2, 3), min(spec.bands * 2, 16))
        if one != spec.bands
    ]
    changes += [("baseline", one, {"baseline": one}) for one in BASELINES if one != spec.baseline]
    changes += [("range", one.value, {"range": one}) for one in Range if one != spec.range]
    return (
        Variant(choice="", value="", spec=base),
        *(
            Variant(choice=choice, value=value, spec=replace(base, **change))
            for choice, value, change in changes
        ),
    )


def _named(spec: AuditSpec) -> Spacing:
    return Spacing.UNIFORM if isinstance(spec.spacing, tuple) else spec.spacing


def _small_audit(
    spec: AuditSpec, control: Control | None, run: Callable[..., Iterator[Event]]
) -> Generator[Event, None, AuditResult]:
    """Yield the events of one small audit that are worth showing; return its result."""
    own = Control()  # an audit cancels its control when it is left, the caller's goes on
    for event in run(spec, own):
        if control is not None and control.is_cancelled:
            own.cancel()
        match event:
            case Finished(result=result):
                return result
            case Cancelled():
                raise AuditCancelled("The stability panel was cancelled.")
            case _:
                yield event
    raise AssertionError("an audit ends with Finished or Cancelled")


def _lowered(spec: AuditSpec, variant: Variant) -> AuditSpec | None:
    """Return the specification with one band less; None where that is no way out."""
    can_lower = variant.choice in {"norm", "spacing", "bands"} and spec.bands > MIN_BANDS_OCTAVE
    if not can_lower or isinstance(spec.spacing, tuple):
        return None
    return replace(spec, bands=spec.bands - 1)


def _report(found: list[tuple[Variant, AuditResult | str, str]]) -> StabilityReport:
    base = found[0][1]
    assert not isinstance(base, str)  # noqa: S101 - a specification that fails raises
    own = np.array([band.importance for band in base.bands])
    edges = np.array([*(band.low for band in base.bands), 1.0])
    listed = tuple(_variant_result(*one, own=own, edges=edges) for one in found)
    alike = [
        one.comparable
        for one, (variant, result, _) in zip(listed, found, strict=True)
        if not isinstance(result, str)
        and (variant.spec.bands, variant.spec.norm, variant.spec.spacing)
        == (base.spec.bands, base.spec.norm, base.spec.spacing)
    ]
    agreements = [one.rank_agreement for one in listed if np.isfinite(one.rank_agreement)]
    return StabilityReport(
        model=base.model.path,
        n_images=base.data.n_images,
        variants=listed,
        comparable_range=(min(alike), max(alike)),
        lowest_rank_agreement=min(agreements),
    )


def _variant_result(
    variant: Variant,
    result: AuditResult | str,
    note: str,
    *,
    own: FloatVector,
    edges: FloatVector,
) -> VariantResult:
    if isinstance(result, str):
        undefined = (float("nan"), float("nan"))
        return VariantResult(
            choice=variant.choice,
            value=variant.value,
            bands=variant.spec.bands,
            note=result,
            comparable=undefined[0],
            comparable_interval=undefined,
            signed=undefined[0],
            importance=(),
            rank_agreement=undefined[0],
        )
    profile = np.array([band.importance for band in result.bands])
    own_edges = np.array([*(band.low for band in result.bands), 1.0])
    return VariantResult(
        choice=variant.choice,
        value=variant.value,
        bands=variant.spec.bands,
        note=note,
        comparable=result.score.comparable.value,
        comparable_interval=result.score.comparable.interval,
        signed=result.score.signed.value,
        importance=tuple(profile.tolist()),
        rank_agreement=rank_agreement(own, edges, profile, own_edges),
    )


def rank_agreement(
    first: FloatVector, edges: FloatVector, second: FloatVector, second_edges: FloatVector
) -> float:
    """Return Kendall's tau-b of two profiles, the second brought to the bands of the first.

    Parameters
    ----------
    first, second : (M,) and (M',) float64
        Importances.
    edges, second_edges : (M + 1,) and (M' + 1,) float64
        Edges of their bands in rho; a band's importance is spread evenly over its width.

    Examples
    --------
    >>> halves, quarters = np.array([0, 0.5, 1]), np.array([0, 0.25, 0.5, 0.75, 1])
    >>> round(rank_agreement(np.array([0.7, 0.3]), halves, np.array([4, 3, 2, 1]) / 10, quarters))
    1
    """
    cumulated = np.concatenate([[0.0], np.cumsum(second)])
    brought = np.diff(np.interp(edges, second_edges, cumulated))
    # Importances that differ by rounding alone are ties.
    tau = stats.kendalltau(first.round(ROUNDED), brought.round(ROUNDED)).statistic
    return float(np.round(tau, ROUNDED))
