"""The words and digits that every report shares, so that the PDF and the command line agree.

Texts are plain ASCII but for what names of files bring, so that any terminal can show them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from iaside_audit.choices import FIRST_CHECK, IntervalMethod, Mode, Norm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iaside_audit.result import AuditResult, ScoreValue
    from iaside_audit.types import Interval

ROUGH_STEPS_S: Final = (
    (10, 1),
    (60, 5),
    (180, 30),
    (600, 60),
    (3600, 300),
    (36_000, 600),
    (math.inf, 3600),
)
"""Estimates below so many seconds are rounded to a multiple of so many."""
NOT_DEFINED: Final = "not defined"
SCORE_TITLES: Final = {"signed": "signed", "paper": "paper", "comparable": "anchored"}
"""Field of :class:`~iaside_audit.result.Score`, in the order of a report, and its name there."""

DEFAULT_DECIMALS: Final = 3
"""Decimals of a number without an interval."""
_MAX_DECIMALS: Final = 6
_TWO_DIGITS_UP_TO: Final = 3.55
_SURE: Final = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceRow:
    """One band in words: a line of the table that the PDF and the command line print.

    Decimals are the same for every band of a result, so that the columns align.
    """

    band: str
    edges: str
    shapley: str
    shapley_interval: str
    importance: str
    importance_interval: str
    at_boundary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One score in words, beside the 5 % to 95 % range of random profiles."""

    name: str
    value: str
    interval: str
    random: str
    percentile: str


def decimals_for(interval: Interval) -> int:
    """Return how many decimals a number with this interval deserves, 0..6.

    The half-width is shown with two digits where they are at most 35, else with one: the rule of
    the Particle Data Group.

    References
    ----------
    .. [1] Particle Data Group, "Review of Particle Physics", section 5.3 of the introduction, 2022.
       doi:10.1093/ptep/ptac097

    Examples
    --------
    >>> decimals_for((0.37, 0.45)), decimals_for((0.401, 0.423))
    (2, 3)
    """
    halfwidth = (interval[1] - interval[0]) / 2
    if not (math.isfinite(halfwidth) and halfwidth > 0):
        return DEFAULT_DECIMALS
    return min(max(-math.floor(math.log10(halfwidth / _TWO_DIGITS_UP_TO)), 0), _MAX_DECIMALS)


def format_number(value: float, decimals: int = DEFAULT_DECIMALS) -> str:
    """Return a number in fixed notation, without a sign where it rounds to 0.

    Examples
    --------
    >>> format_number(-0.0004), format_number(float("nan"))
    ('0.000', 'not defined')
    """
    if not math.isfinite(value):
        return NOT_DEFINED
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def format_interval(interval: Interval, decimals: int = DEFAULT_DECIMALS) -> str:
    """Return ``"low to high"``, or that the interval is not defined."""
    if not all(map(math.isfinite, interval)):
        return NOT_DEFINED
    return " to ".join(format_number(end, decimals) for end in interval)


def format_estimate(value: float, interval: Interval, *, confidence: float) -> str:
    """Return a number with its interval, both to the digits that the interval supports.

    Examples
    --------
    >>> format_estimate(0.412, (0.37, 0.45), confidence=0.95)
    '0.41, 95 % interval 0.37 to 0.45'
    """
    decimals = decimals_for(interval)
    return (
        f"{format_number(value, decimals)}, {format_percent(confidence)} interval "
        f"{format_interval(interval, decimals)}"
    )


def format_percent(share: float, decimals: int | None = None) -> str:
    """Return a share as a percentage, by default with the digits that it has, at most three.

    Examples
    --------
    >>> format_percent(0.95), format_percent(0.995), format_percent(0.575, 1)
    ('95 %', '99.5 %', '57.5 %')
    """
    if not math.isfinite(share):
        return NOT_DEFINED
    text = f"{100 * share:.3g}" if decimals is None else format_number(100 * share, decimals)
    return f"{text} %"


def counted(number: int, noun: str, plural: str = "", *, separator: str = "") -> str:
    """Return a number with its noun in the singular or the plural.

    Examples
    --------
    >>> counted(1, "thread"), counted(1200, "class", "classes", separator=",")
    ('1 thread', '1,200 classes')
    """
    return f"{number:{separator}} {noun if number == 1 else plural or f'{noun}s'}"


def unused_pairs_sentence(n_pairs: int) -> str:
    """Say that pairs of orders were asked for in vain."""
    return (
        f"Every coalition is evaluated here, so the {counted(n_pairs, 'pair')} of orders are not "
        "used; --estimator permutation uses them."
    )


def format_size(size_bytes: int) -> str:
    """Return a file size in decimal units.

    Examples
    --------
    >>> format_size(4_956_208), format_size(812)
    ('4.96 MB', '812 bytes')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.3g} {unit}"
    return f"{size_bytes} bytes"


def format_duration(elapsed_s: float) -> str:
    """Return a duration as a person reads it.

    Examples
    --------
    >>> format_duration(81.4), format_duration(3.21), format_duration(7384)
    ('1 min 21 s', '3.2 s', '2 h 3 min')
    """
    if not math.isfinite(elapsed_s):
        return NOT_DEFINED
    if elapsed_s < 59.95:  # noqa: PLR2004 - the first duration that would round to 60.0 s
        return f"{elapsed_s:.1f} s"
    minutes, seconds = divmod(round(elapsed_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def rough_duration(expected_s: float) -> str:
    """Return an estimated duration as a person says it, in no more figures than are known.

    Examples
    --------
    >>> [rough_duration(one) for one in (0.2, 6.7, 45.7, 99, 184, 4790, 93_000)]
    ['1 s', '7 s', '45 s', '1 min 30 s', '3 min', '1 h 20 min', '26 h']
    """
    if not math.isfinite(expected_s):
        return NOT_DEFINED
    step = next(step for end, step in ROUGH_STEPS_S if expected_s < end)
    minutes, seconds = divmod(max(1, round(expected_s / step) * step), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def base_name(path: str) -> str:
    r"""Return the last part of a path of any operating system.

    Examples
    --------
    >>> base_name("C:\\models\\a.onnx"), base_name("models/a.onnx")
    ('a.onnx', 'a.onnx')
    """
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or path


def interval_method(result: AuditResult) -> str:
    """Return how a result's intervals were made: by which bootstrap, and which are none of it."""
    bootstrap = bootstrap_name(result.spec.interval, result.spec.mode)
    has_wilson = result.spec.mode == Mode.CORRECTED and math.isfinite(result.accuracy.top1)
    return f"{bootstrap} (top-1: Wilson)" if has_wilson else bootstrap


def target_outcome(result: AuditResult) -> str:
    """Say what became of the target half-width of an audit that had one."""
    if result.estimator.converged:
        return f"met, so the audit stopped at {counted(result.estimator.n_images, 'image')}"
    if result.estimator.n_images < FIRST_CHECK:
        return f"not met: below {FIRST_CHECK} images no interval is trusted to stop at"
    return "not met"


def bootstrap_name(method: IntervalMethod, mode: Mode) -> str:
    """Return a bootstrap's method, where it is not the default, and what it draws.

    Examples
    --------
    >>> bootstrap_name(IntervalMethod.BCA, Mode.CORRECTED)
    'BCa bootstrap over images'
    """
    name = "BCa bootstrap" if method == IntervalMethod.BCA else "bootstrap"
    return f"{name} over {'batches' if mode == Mode.REFERENCE else 'images'}"


def value_unit(result: AuditResult) -> str:
    """Return the unit of values and Shapley values: ``"nats"``, or empty for a plain number."""
    return "nats" if result.spec.value in {"log-probability", "margin"} else ""


def radius_meaning(result: AuditResult) -> str:
    """Return what rho, the axis of the bands, measures."""
    if result.spec.norm == Norm.L2:
        return "1 is the corner, 0.707 the Nyquist frequency of an axis"
    return "1 is the Nyquist frequency, 0.5 cycles per pixel"


def score_sentence(result: AuditResult) -> str:
    """Say the signed score, its interval, and where it lies among random profiles.

    Such as "More low-frequency than 97 % of random profiles: signed score 0.41, 95 % interval
    0.37 to 0.45."
    """
    signed = result.score.signed
    estimate = format_estimate(signed.value, signed.interval, confidence=result.spec.confidence)
    if not math.isfinite(signed.value):
        return "The signed score is not defined."
    if not math.isfinite(signed.percentile):
        return f"Signed score {estimate}."
    is_low = signed.percentile >= 1 / 2
    share = signed.percentile if is_low else 1 - signed.percentile
    side = "low" if is_low else "high"
    return (
        f"More {side}-frequency than {_amount(share)} of random profiles: signed score {estimate}."
    )


def guessing_sentence(result: AuditResult) -> str:
    """Say what guessing would have, to hold the values and top-1 against; "" where not known."""
    from iaside_audit.statistics import guessing_value  # noqa: PLC0415 - start-up time

    n_classes = result.model.output.n_classes
    value = guessing_value(result.spec.value, n_classes=n_classes)
    if not math.isfinite(value):
        return ""
    unit = f" {value_unit(result)}".rstrip()
    return (
        f"Guessing among {n_classes:,} classes: {format_number(value)}{unit}, top-1 "
        f"{format_percent(1 / n_classes, 1)}."
    )


def null_sentence(result: AuditResult) -> str:
    """Say how the signed score's interval lies to the range of random profiles."""
    low, high = result.score.null_quantiles.get("signed", (math.nan, math.nan))
    ends = result.score.signed.interval
    if not all(map(math.isfinite, (low, high))):
        return "How random profiles score is not known."
    span = f"90 % of random profiles score between {format_interval((low, high), 2)}"
    span = span.replace(" to ", " and ")
    if not all(map(math.isfinite, ends)):
        return f"{span}; without an interval the score cannot be told from them."
    if ends[0] > high or ends[1] < low:
        return f"{span}; the whole interval of this score lies outside that range."
    if ends[0] >= low and ends[1] <= high:
        return f"{span}; the whole interval of this score lies inside that range."
    return f"{span}; the interval of this score reaches into that range."


def importance_rows(result: AuditResult) -> tuple[ImportanceRow, ...]:
    """Return the table of the bands, the lowest first."""
    shapley = column_decimals(band.interval for band in result.bands)
    importance = column_decimals(band.importance_interval for band in result.bands)
    return tuple(
        ImportanceRow(
            band=str(band.index),
            edges=f"{band.low:.3g} to {band.high:.3g}",
            shapley=format_number(band.shapley, shapley),
            shapley_interval=format_interval(band.interval, shapley),
            importance=format_number(band.importance, importance),
            importance_interval=_importance_interval(
                band.importance_interval, importance, is_one_sided=band.at_boundary
            ),
            at_boundary=band.at_boundary,
        )
        for band in result.bands
    )


def score_rows(result: AuditResult) -> tuple[ScoreRow, ...]:
    """Return the table of the scores, the signed one first."""
    return tuple(_score_row(result, name, title) for name, title in SCORE_TITLES.items())


def _score_row(result: AuditResult, name: str, title: str) -> ScoreRow:
    score: ScoreValue = getattr(result.score, name)
    decimals = decimals_for(score.interval)
    null = result.score.null_quantiles.get(name, (math.nan, math.nan))
    return ScoreRow(
        name=title,
        value=format_number(score.value, decimals),
        interval=format_interval(score.interval, decimals),
        random=format_interval(null, 2),
        percentile=_amount(score.percentile),
    )


def _amount(share: float) -> str:
    """Return a share of the random profiles; they are a sample, so it is never 0 or 100 %."""
    if share > _SURE:
        return "over 99 %"
    if share < 1 - _SURE:
        return "under 1 %"
    return f"{math.floor(100 * share)} %" if math.isfinite(share) else NOT_DEFINED


def column_decimals(intervals: Iterable[Interval]) -> int:
    """Return the decimals of a column: those of its typical interval."""
    defined = [decimals_for(one) for one in intervals if one[1] > one[0]]
    return math.ceil(median(defined)) if defined else DEFAULT_DECIMALS


def _importance_interval(interval: Interval, decimals: int, *, is_one_sided: bool) -> str:
    if is_one_sided and math.isfinite(interval[1]):
        return f"up to {format_number(interval[1], decimals)}"
    return format_interval(interval, decimals)
