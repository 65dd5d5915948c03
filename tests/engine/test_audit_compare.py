"""Comparisons: what is refused, how images are matched, and what is said of two models."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from audit_material import ConvNet, audit_here, convnet_spec

from iaside_audit.auditing.outcome.compare import NamedResult, compare_results
from iaside_audit.choices import Estimator
from iaside_audit.errors import SpecError
from iaside_audit.images import FROM_MODEL
from iaside_audit.report.comparisons import (
    comparison_csv,
    difference_rows,
    model_names,
    write_comparison,
)
from iaside_audit.rows import ValueRows

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.comparison import ComparisonReport
    from iaside_audit.result import AuditResult


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditResult, AuditResult]:
    """Return the results of two networks on the same images; the second one is less sure."""
    folder = tmp_path_factory.mktemp("compared")
    one = audit_here(convnet_spec(folder, n_images=12))
    weak = folder / "weak.onnx"
    ConvNet(gain=0.3).save(weak)
    return one, audit_here(replace(one.spec, model=weak))


def compare(*results: AuditResult) -> ComparisonReport:
    """Compare results under the names a, b, ..."""
    return compare_results(
        [NamedResult(name=name, result=one) for name, one in zip("abcd", results, strict=False)]
    )


def chosen(result: AuditResult, places: list[int]) -> AuditResult:
    """Return a result as if only some of its images had been audited, in that order."""
    rows = result.rows()
    fields = {
        name: getattr(rows, name)[places]
        for name in ("index", "label", "prediction", "coalitions", "log_p", "best_other")
    }
    names = {name: tuple(getattr(rows, name)[at] for at in places) for name in ("image_id", "path")}
    taken = ValueRows(**fields, **names)
    return replace(result, row_source=lambda: taken)


def test_a_result_against_itself_is_all_zeros(audited: tuple[AuditResult, ...]) -> None:
    """No difference, no width, p-values of 1, on every line."""
    report = compare(audited[0], audited[0])
    assert report.n_images == 12
    lines = list(report.comparisons[0].lines())
    assert len(lines) == 2 * 4 + 6
    for name, one in lines:
        assert one.first == one.second, name
        assert (one.difference, *one.interval) == (0, 0, 0), name
        assert (one.p_value, one.p_corrected) == (1, 1), name


def test_numbers_are_those_of_the_results(audited: tuple[AuditResult, ...]) -> None:
    """Where both have the same images, first and second are what the results say."""
    one, other = audited
    [comparison] = compare(one, other).comparisons
    for band in comparison.bands:
        for result, attribute in ((one, "first"), (other, "second")):
            found = getattr(band.shapley, attribute)
            assert found == pytest.approx(result.bands[band.index].shapley, abs=1e-9)
            found = getattr(band.importance, attribute)
            assert found == pytest.approx(result.bands[band.index].importance, abs=1e-9)
    assert comparison.score["signed"].second == pytest.approx(other.score.signed.value, abs=1e-9)
    assert comparison.values["grand"].first == pytest.approx(one.values.grand, abs=1e-9)
    assert comparison.top1.second == pytest.approx(other.accuracy.top1)


def test_the_order_of_two_models_turns_the_signs(audited: tuple[AuditResult, ...]) -> None:
    """Differences and intervals mirror, p-values stay."""
    [there], [back] = (compare(*pair).comparisons for pair in (audited, audited[::-1]))
    for (name, one), (_, other) in zip(there.lines(), back.lines(), strict=True):
        assert one.difference == pytest.approx(-other.difference, abs=1e-12), name
        mirrored = (-other.interval[1], -other.interval[0])
        assert one.interval == pytest.approx(mirrored, abs=1e-9), name
        assert one.p_value == other.p_value, name


def test_images_are_matched_by_content(audited: tuple[AuditResult, ...]) -> None:
    """The order does not matter, and images of one result alone are left out and counted."""
    one, other = audited
    shuffled = chosen(other, np.random.default_rng(0).permutation(12).tolist())
    straight, mixed = compare(one, other), compare(one, shuffled)
    assert mixed.comparisons[0].bands == straight.comparisons[0].bands
    part = compare(one, chosen(other, [7, 3, 5, 1, 0, 9, 8]))
    assert part.n_images == 7
    [comparison] = part.comparisons
    places = [0, 1, 3, 5, 7, 8, 9]
    expected = compare(chosen(one, places), chosen(other, places)).comparisons[0]
    assert comparison.bands == expected.bands
    assert any("'a' has 12 images, of which the 7" in warning for warning in part.warnings)
    named = [NamedResult(name="a", result=one)] * 2
    twice = compare_results([*named, NamedResult(name="b", result=chosen(other, [7, 3]))])
    assert len(twice.warnings) == len(set(twice.warnings)) == 2


def test_images_of_equal_content_are_matched_one_to_one(audited: tuple[AuditResult, ...]) -> None:
    """An image that occurs twice in both results is compared twice, not four times."""
    one, other = (chosen(result, [0, 1, 1, 2]) for result in audited)
    report = compare(one, other)
    assert report.n_images == 4
    assert any("1 of the 4 images repeat" in warning for warning in report.warnings)


class Refusal(NamedTuple):
    """A change that makes a result incomparable, and what is said of it."""

    options: dict[str, Any]
    message: str


REFUSALS = [
    Refusal({"baseline": "mean"}, "baseline mean instead of zero"),
    Refusal({"norm": "l2"}, "norm l2 instead of linf"),
    Refusal({"frame": 24}, "frame 24 x 24 px instead of 32 x 32 px.*Give --frame 24"),
    Refusal({"value": "margin"}, "value margin instead of log-probability"),
    Refusal({"beta": 0.5, "range": "clip"}, "range clip instead of none; beta 0.5 instead of 0.75"),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: "-".join(case.options))
def test_results_of_another_game_are_refused(
    audited: tuple[AuditResult, ...], case: Refusal
) -> None:
    """Everything that differs is named."""
    one, other = audited
    with pytest.raises(SpecError, match=case.message):
        compare(one, replace(other, spec=replace(other.spec, **case.options)))


def test_every_result_that_does_not_fit_is_named(audited: tuple[AuditResult, ...]) -> None:
    """Not only the first of them."""
    one, other = audited
    foreign = [replace(other, spec=replace(other.spec, **case.options)) for case in REFUSALS[:2]]
    with pytest.raises(SpecError, match=r"'b' with baseline .*, and 'c' with norm"):
        compare(one, *foreign)


def test_results_of_other_bands_or_images_are_refused(audited: tuple[AuditResult, ...]) -> None:
    """Other bands, other images, other labels, and labels of each model's own."""
    one, other = audited
    with pytest.raises(SpecError, match="bands 5 instead of 4"):
        compare(one, replace(other, spec=replace(other.spec, bands=5)))
    with pytest.raises(SpecError, match=r"that all of .* have, found 0"):
        compare(chosen(one, [0, 1, 2]), chosen(other, [3, 4, 5]))
    rows = other.rows()
    relabelled = replace(rows, label=(rows.label + 1) % 5)
    with pytest.raises(SpecError, match="others for 12 of 12 images"):
        compare(one, replace(other, row_source=lambda: relabelled))
    own = [replace(result, data=replace(result.data, labels=FROM_MODEL)) for result in audited]
    with pytest.raises(SpecError, match=r"labels by .*weak.* itself instead of by .*model.onnx"):
        compare(*own)
    with pytest.raises(SpecError, match=r"labels from .* instead of by .*model.onnx"):
        compare(own[0], one)
    copied = replace(own[0], model=replace(own[0].model, path="copy.onnx"))
    assert compare(own[0], copied).n_images == 12
    with pytest.raises(SpecError, match="at least two results"):
        compare(one)


def test_what_makes_a_comparison_less_precise_is_said(audited: tuple[AuditResult, ...]) -> None:
    """Other seeds, intervals, another estimator and few images are no reason to refuse."""
    one, other = audited
    seeded = replace(other, spec=replace(other.spec, seed=3, interval="bca"))
    text = " ".join(compare(one, seeded).warnings)
    assert "seed 3 against 0" in text
    assert "'b' has bca intervals of its own; those of the differences are percentile" in text
    exact = audit_here(replace(one.spec, estimator=Estimator.EXACT, max_images=4))
    reseeded = replace(exact, spec=replace(exact.spec, seed=3))  # no draw in a row
    assert not any("seed" in warning for warning in compare(exact, reseeded).warnings)
    assert "Only 12 images" in text


def test_a_comparison_is_written_exactly(audited: tuple[AuditResult, ...], tmp_path: Path) -> None:
    """CSV and JSON hold every line; numbers read back to the bit."""
    first, second = (replace(one, spec=replace(one.spec, interval="bca")) for one in audited)
    report = compare(first, second, first)
    write_comparison(report, tmp_path / "c.json")
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["schema_version"] == 1
    assert document["interval_method"] == "bca"
    signed = report.comparisons[0].score["signed"]
    assert document["comparisons"][0]["score"]["signed"]["interval"] == list(signed.interval)
    lines = comparison_csv(report).splitlines()
    assert len(lines) == 1 + 2 * 14
    assert lines[0].endswith(",confidence,interval_method")
    assert all(line.endswith(",0.95,bca") for line in lines[1:])
    assert f"a,b,score.signed,{signed.first},{signed.second},{signed.difference}" in "\n".join(
        lines
    )
    with pytest.raises(SpecError, match=r"\.json or \.csv"):
        write_comparison(report, tmp_path / "c.txt")


def test_a_comparison_reads_well(audited: tuple[AuditResult, ...]) -> None:
    """Models have short names, differences a sign, and only clear lines are marked."""
    report = compare(*audited)
    assert model_names(report) == ("model", "weak")
    rows = difference_rows(report.comparisons[0], confidence=report.confidence)
    assert [row.name for row in rows[:2]] == ["top-1", "signed score"]
    shapley = next(row for row in rows if row.name == "Shapley, band 0")
    expected = report.comparisons[0].bands[0].shapley
    assert shapley.difference.startswith("+" if expected.difference > 0 else "-")
    assert all(row.is_clear == (float(row.p_corrected) <= 0.05) for row in rows)
