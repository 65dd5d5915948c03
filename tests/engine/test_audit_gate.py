"""A threshold is met where the whole interval is on its right side, and nowhere else."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audit_material import ConvNet, audit_here, convnet_spec
from sample_results import sample_result

from iaside_audit.auditing.outcome.compare import NamedResult, compare_results
from iaside_audit.auditing.outcome.gate import GateLine, Thresholds, gate
from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

RESULT = sample_result()


def only(**thresholds: Any) -> GateLine:  # Any: of several types
    """Return the one line of a gate with one threshold."""
    (line,) = gate(RESULT, Thresholds(**thresholds))
    return line


@pytest.mark.parametrize("score", ["signed", "paper", "comparable"])
def test_the_lower_end_of_the_score_counts(score: Any) -> None:  # Any: a literal
    """At the end itself the threshold is met; a hair above it, it is not."""
    found = getattr(RESULT.score, score)
    low = found.interval[0]
    assert low < found.value
    line = only(score=score, min_score=low)
    assert (line.is_met, line.name, line.value) == (True, f"score.{score}", found.value)
    assert not only(score=score, min_score=low + 1e-9).is_met
    assert not only(score=score, min_score=found.value).is_met


def test_upper_ends_counts_and_half_widths() -> None:
    """What may be at most so much is held against the end above."""
    band = RESULT.bands[3]
    high = band.importance_interval[1]
    assert only(max_importance=((3, high),)).is_met
    assert not only(max_importance=((3, high - 1e-9),)).is_met
    low, high = RESULT.score.signed.interval
    assert only(max_halfwidth=(high - low) / 2).is_met
    assert not only(max_halfwidth=(high - low) / 2.001).is_met
    assert only(min_top1=RESULT.accuracy.interval[0]).is_met
    assert not only(min_top1=RESULT.accuracy.top1).is_met
    n_failed = RESULT.data.n_failed
    assert only(max_failed=n_failed).is_met
    assert n_failed == 0 or not only(max_failed=n_failed - 1).is_met


def test_what_is_not_known_is_not_met() -> None:
    """Without an interval nothing is shown; with the model's own labels, no accuracy."""
    blind = sample_result(has_intervals=False)
    assert not any(one.is_met for one in gate(blind, Thresholds(min_score=-9.0, max_halfwidth=9.0)))
    own = sample_result(has_self_labels=True)
    (line,) = gate(own, Thresholds(min_top1=0.0))
    assert not line.is_met
    assert line.to_document()["value"] is None


def test_a_drop_is_the_paired_difference(tmp_path: Path) -> None:
    """A model is not below itself; another one is held to the lower end of the difference."""
    spec = convnet_spec(tmp_path, n_images=20)
    mine = audit_here(spec)
    other = audit_here(replace(spec, model=ConvNet(gain=3.0).save(tmp_path / "other.onnx")))
    named = NamedResult(name="mine", result=mine)
    (line,) = gate(mine, Thresholds(max_drop=0.0), against=named)
    assert (line.is_met, line.value) == (True, 0.0)
    compared = compare_results([named, NamedResult(name="other", result=other)])
    change = compared.comparisons[0].score["signed"]
    (line,) = gate(other, Thresholds(max_drop=0.25), against=named)
    assert (line.value, line.interval) == (change.difference, change.interval)
    assert line.is_met == (change.interval[0] >= -0.25)
    assert line.warnings == compared.warnings
    assert "Only 20 images" in line.warnings[-1]
    loose = replace(mine, spec=replace(mine.spec, confidence=0.6, interval="bca"))  # type: ignore[arg-type]
    (again,) = gate(
        other, Thresholds(max_drop=0.25), against=NamedResult(name="mine", result=loose)
    )
    assert again.interval == line.interval  # of the kind of the result that is held


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ({}, "at least one threshold"),
        ({"score": "paper"}, "at least one threshold"),
        ({"min_top1": 70.0}, "--min-top1 70"),
        ({"max_importance": ((2, -0.1),)}, "--max-importance 2 -0.1"),
        ({"max_importance": ((8, 0.1),)}, "bands 0 to 7"),
        (
            {"min_score": math.nan, "max_halfwidth": math.inf},
            "--min-score nan, --max-halfwidth inf",
        ),
        ({"max_halfwidth": -0.1}, "--max-halfwidth -0.1"),
        ({"max_drop": 0.1}, "--max-drop and --against"),
    ],
)
def test_thresholds_that_say_nothing_are_refused(thresholds: dict[str, Any], said: str) -> None:
    """A share in percent, a band that there is not, half of a pair."""
    with pytest.raises(SpecError, match=said):
        gate(RESULT, Thresholds(**thresholds))
