"""The words and digits that reports share."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_results import sample_result

from iaside_audit.paths import elided
from iaside_audit.report.summary import (
    base_name,
    decimals_for,
    format_duration,
    format_estimate,
    format_interval,
    format_number,
    importance_rows,
    interval_method,
    null_sentence,
    rough_duration,
    score_rows,
    score_sentence,
    target_outcome,
)
from iaside_audit.result import AuditResult, ScoreValue


def with_signed(value: float, interval: tuple[float, float], percentile: float) -> AuditResult:
    """Return a sample result with another signed score; 90 % of random profiles are in +-0.2."""
    result = sample_result()
    signed = ScoreValue(value=value, standard_error=0.02, interval=interval, percentile=percentile)
    quantiles = result.score.null_quantiles | {"signed": (-0.2, 0.2)}
    score = dataclasses.replace(result.score, signed=signed, null_quantiles=quantiles)
    return dataclasses.replace(result, score=score)


def placed(side: str, amount: str, score: str) -> str:
    """Return the sentence of a score that lies somewhere among random profiles."""
    return f"More {side}-frequency than {amount} of random profiles: signed score {score}"


@pytest.mark.parametrize(
    ("value", "interval", "percentile", "sentence"),
    [
        (
            0.412,
            (0.371, 0.449),
            0.978,
            placed("low", "97 %", "0.41, 95 % interval 0.37 to 0.45."),
        ),
        (
            -0.3,
            (-0.35, -0.25),
            0.03,
            placed("high", "97 %", "-0.30, 95 % interval -0.35 to -0.25."),
        ),
        (
            0.9,
            (0.8990, 0.9010),
            1.0,
            placed("low", "over 99 %", "0.9000, 95 % interval 0.8990 to 0.9010."),
        ),
        (
            0.41,
            (math.nan, math.nan),
            0.97,
            placed("low", "97 %", "0.410, 95 % interval not defined."),
        ),
        (0.41, (0.37, 0.45), math.nan, "Signed score 0.41, 95 % interval 0.37 to 0.45."),
        (math.nan, (math.nan, math.nan), math.nan, "The signed score is not defined."),
    ],
    ids=["low", "high", "certain", "no interval", "no percentile", "nothing"],
)
def test_score_sentence_says_score_interval_and_place(
    value: float, interval: tuple[float, float], percentile: float, sentence: str
) -> None:
    """The sentence gives the score to the digits of its interval, and its place."""
    assert score_sentence(with_signed(value, interval, percentile)) == sentence


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((0.3, 0.5), "lies outside"),
        ((-0.5, -0.3), "lies outside"),
        ((-0.1, 0.1), "lies inside"),
        ((0.1, 0.3), "reaches into"),
        ((math.nan, math.nan), "cannot be told"),
    ],
)
def test_null_sentence_compares_the_interval_with_random(
    interval: tuple[float, float], words: str
) -> None:
    """The sentence says how the interval lies to the range of random profiles."""
    assert words in null_sentence(with_signed(0.0, interval, 0.5))


@given(st.floats(-10, 10), st.floats(1e-5, 5))
def test_digits_resolve_the_interval_and_no_more(value: float, halfwidth: float) -> None:
    """Rounding moves an end by a sixth of the half-width at most, and keeps 1 or 2 digits of it."""
    interval = (value - halfwidth, value + halfwidth)
    step = 10.0 ** -decimals_for(interval)
    assert step / 2 <= halfwidth * 0.15 or step == 1e-6
    assert halfwidth / step < 36 or step == 1


@given(st.floats(-100, 100), st.integers(0, 6))
def test_format_number_has_no_negative_zero(value: float, decimals: int) -> None:
    """A number keeps its value to its decimals, and 0 has no sign."""
    text = format_number(value, decimals)
    assert abs(float(text) - value) <= 0.5 * 10.0**-decimals + 1e-9
    assert not (float(text) == 0 and text.startswith("-"))


@pytest.mark.parametrize("n_bands", [2, 8, 16])
@pytest.mark.parametrize("has_intervals", [True, False])
def test_rows_are_plain_and_aligned(n_bands: int, has_intervals: bool) -> None:  # noqa: FBT001 - a parameter
    """A row for each band in ASCII, with equally many decimals in a column and never "nan"."""
    rows = importance_rows(sample_result(n_bands, has_intervals=has_intervals))
    assert [row.band for row in rows] == [str(i) for i in range(n_bands)]
    for name in ("shapley", "importance"):
        assert len({len(getattr(row, name).partition(".")[2]) for row in rows}) == 1
    for row in rows:
        texts = dataclasses.astuple(row)
        assert all(str(text).isascii() and "nan" not in str(text) for text in texts)


def test_importance_rows_show_one_sided_intervals() -> None:
    """The interval of a band at the boundary is one-sided."""
    rows = importance_rows(sample_result())
    assert any(row.at_boundary for row in rows)
    assert all(row.importance_interval.startswith("up to ") == row.at_boundary for row in rows)


def test_score_rows_name_the_three_scores() -> None:
    """The signed score comes first; the comparable one is called anchored."""
    rows = score_rows(sample_result())
    assert [row.name for row in rows] == ["signed", "paper", "anchored"]
    assert rows[0].percentile == "over 99 %"


def test_format_estimate_says_where_nothing_is_defined() -> None:
    """NaN is never printed as such."""
    text = format_estimate(math.nan, (math.nan, 1.0), confidence=0.9)
    assert text == "not defined, 90 % interval not defined"
    assert format_interval((0.0, math.inf)) == "not defined"


@pytest.mark.parametrize(
    ("elapsed_s", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 0 s"), (3599.7, "1 h 0 min")],
)
def test_format_duration_carries_over(elapsed_s: float, text: str) -> None:
    """Rounding never shows 60 seconds or 60 minutes."""
    assert format_duration(elapsed_s) == text


@pytest.mark.parametrize(
    ("expected_s", "text"),
    [(0.0, "1 s"), (9.7, "10 s"), (58.0, "1 min"), (598.0, "10 min"), (3590.0, "1 h")],
)
def test_rough_duration_carries_over(expected_s: float, text: str) -> None:
    """What is rounded up is said in the larger unit."""
    assert rough_duration(expected_s) == text


@given(st.text(max_size=40), st.integers(8, 30))
def test_elided_text_fits_and_keeps_its_ends(text: str, width: int) -> None:
    """Elided text is no wider than asked, and keeps its beginning and end."""
    short = elided(text, width)
    assert len(short) <= width
    assert short[:2] == text[:2]
    assert short[-3:] == text[-3:]


@pytest.mark.parametrize("path", ["a.onnx", "m/a.onnx", "C:\\m\\a.onnx", "m/a.onnx/"])
def test_base_name_knows_both_kinds_of_paths(path: str) -> None:
    """A result may have been made on another system."""
    assert base_name(path) == "a.onnx"


@pytest.mark.parametrize(
    ("converged", "n_images", "words"),
    [
        (True, 200, "met, so the audit stopped at 200 images"),
        (False, 2, "not met: below 100 images no interval is trusted to stop at"),
        (False, 500, "not met"),
    ],
)
def test_target_outcome_says_why_a_narrow_interval_is_not_enough(
    converged: bool,  # noqa: FBT001 - a case
    n_images: int,
    words: str,
) -> None:
    """Below 100 images a target is never called met, however narrow the interval."""
    result = sample_result()
    record = dataclasses.replace(result.estimator, converged=converged, n_images=n_images)
    assert target_outcome(dataclasses.replace(result, estimator=record)) == words


def test_interval_method_names_wilson_where_there_is_an_accuracy() -> None:
    """With the model's own labels top-1 is not measured, and has no interval."""
    result = sample_result()
    assert interval_method(result) == "bootstrap over images (top-1: Wilson)"
    unknown = dataclasses.replace(result.accuracy, top1=math.nan)
    assert interval_method(dataclasses.replace(result, accuracy=unknown)) == "bootstrap over images"
