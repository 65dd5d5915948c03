"""The plan from a pilot, the stability panel, and the plan as a run refines it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from audit_material import convnet_spec, events_here

from iaside_audit.auditing.pilot import AuditForecast, forecast, pilot_spec, run_pilot
from iaside_audit.auditing.plan import stopping_point
from iaside_audit.auditing.stability import (
    StabilityReport,
    rank_agreement,
    run_stability,
    variants,
)
from iaside_audit.choices import Estimator
from iaside_audit.cli.planning import plan
from iaside_audit.errors import SpecError
from iaside_audit.events import AuditCancelled, Control, Estimate, Finished, Warned
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> AuditSpec:
    """Return the audit of a small network on 120 images, in eight bands."""
    folder = tmp_path_factory.mktemp("planned")
    return convnet_spec(folder, n_images=120, bands=8, estimator="auto", target_halfwidth=0.04)


@pytest.fixture(scope="module")
def pilot(wide: AuditSpec) -> AuditResult:
    """Return the result of its pilot."""
    *_, last = events_here(pilot_spec(wide))
    assert isinstance(last, Finished)
    return last.result


@pytest.fixture(scope="module")
def planned(wide: AuditSpec, pilot: AuditResult) -> AuditForecast:
    """Return its plan."""
    *_, last = run_pilot(wide, run=lambda *_: iter([Finished(result=pilot)]))
    assert isinstance(last, AuditForecast)
    return last


def test_a_pilot_is_small_and_has_two_pairs(wide: AuditSpec) -> None:
    """32 images, two pairs, no target and no budget of its own."""
    pilot = pilot_spec(wide)
    assert (pilot.max_images, pilot.pairs, pilot.estimator) == (32, 2, Estimator.PERMUTATION)
    assert pilot.target_halfwidth is pilot.budget is None
    with pytest.raises(SpecError, match="corrected mode for a plan"):
        pilot_spec(convnet_spec(wide.model.parent, mode="reference", estimator="auto"))
    with pytest.raises(SpecError, match="at least 16 evaluations, which is one image, found 15"):
        pilot_spec(replace(wide, budget=15))


def test_a_plan_counts_as_an_audit_does(planned: AuditForecast) -> None:
    """The first option is what was asked; its evaluations are those of the audit's own plan."""
    asked = planned.options[0]
    assert (asked.estimator, asked.pairs) == ("permutation", 1)
    assert planned.n_available == 120
    assert asked.evaluations_per_image == 14 + 1
    assert asked.n_evaluations == 1 + asked.n_images * 15
    ways = [(one.estimator, one.pairs) for one in planned.options]
    assert ways == [*(("permutation", pairs) for pairs in (1, 2, 4, 8)), ("exact", None)]


def test_more_pairs_are_narrower_and_dearer(planned: AuditForecast) -> None:
    """Half-widths fall along the pairs and are least in exact mode; an image's cost rises."""
    halfwidths = [one.halfwidth for one in planned.options]
    costs = [one.evaluations_per_image for one in planned.options]
    assert halfwidths == sorted(halfwidths, reverse=True)
    assert costs == sorted(costs)
    for one in planned.options:
        assert one.n_images_needed is not None
        assert one.n_images_range is not None
        assert one.stops_at == stopping_point(one.n_images_needed, 120)


def test_the_advice_is_the_cheapest_that_gets_there(planned: AuditForecast) -> None:
    """Among the options that stop, none takes fewer evaluations; else the narrowest is advised."""
    reaching = [one for one in planned.options if one.stops_at is not None]
    advised = planned.options[planned.advised]
    if reaching:
        assert advised.n_evaluations == min(one.n_evaluations for one in reaching)
    else:
        assert advised.halfwidth == min(one.halfwidth for one in planned.options)
    document = planned.to_document()
    assert document["schema_version"] == 1
    assert len(document["options"]) == 5


def test_a_plan_names_what_it_does_not_count(wide: AuditSpec, pilot: AuditResult) -> None:
    """Pairs that exact mode does without, images that no budget pays for, a shard of the whole."""
    exact = forecast(replace(wide, pairs=50), pilot)
    assert (exact.options[0].estimator, exact.unused_pairs) == ("exact", 50)
    poor = forecast(replace(wide, budget=10), pilot)
    assert {(one.n_images, one.n_evaluations) for one in poor.options} == {(0, 0)}
    part = replace(wide, shard="1/2", target_halfwidth=None)
    warned, _ = run_pilot(part, run=lambda *_: iter([Finished(result=pilot)]))
    assert isinstance(warned, Warned)
    assert "shard 1/2 is not taken into account" in warned.message


class Missed(NamedTuple):
    """How many images an audit may take, and what is said where that is too few."""

    n_available: int
    n_affordable: int
    words: str


MISSED = [
    Missed(120, 120, "No option reaches 0.04 with 120 images"),
    Missed(500, 120, "with the 120 images that the budget affords"),
    Missed(40, 40, "below 100 images; there are 40 images. Give more images."),
    Missed(500, 40, "the budget affords 40 images. Give a larger budget."),
]


@pytest.mark.parametrize("case", MISSED, ids=str)
def test_a_target_out_of_reach_is_explained(
    planned: AuditForecast,
    case: Missed,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too few images, or too small a budget, is told from a target that is too narrow."""
    options = tuple(
        replace(one, stops_at=None, n_images=case.n_affordable) for one in planned.options
    )
    missed = replace(planned, n_available=case.n_available, options=options)
    monkeypatch.setattr("iaside_audit.cli.planning.run_pilot", lambda *_: iter([missed]))
    spec = AuditSpec(model="m", images="i")
    assert plan(spec, as_json=False, quiet=True) == 4
    assert case.words in " ".join(capsys.readouterr().out.split())


def test_a_cancelled_pilot_says_so(wide: AuditSpec) -> None:
    """Nothing is planned from a pilot that did not end."""
    control = Control()
    control.cancel()
    with pytest.raises(AuditCancelled, match="cancelled"):
        list(run_pilot(wide, control, run=partial(events_here)))


def test_a_run_refines_its_plan(wide: AuditSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 32 images on, estimates say where the audit will stop, and it stops where they end."""
    monkeypatch.setattr("iaside_audit.auditing.leases.ESTIMATE_EVERY_S", 0.0)
    monkeypatch.setattr("iaside_audit.auditing.leases.ESTIMATE_SHARE", 1e9)
    *events, last = events_here(wide)
    assert isinstance(last, Finished)
    estimates = [event for event in events if isinstance(event, Estimate)]
    assert all(one.stop is None for one in estimates if one.n_images < 32)
    stops = [one for one in estimates if one.n_images >= 32]
    assert stops
    for one in stops:
        assert one.stop is not None
        low, high = one.signed.interval
        needed = one.n_images * ((high - low) / 2 / 0.04) ** 2
        assert one.stop.n_images_needed == max(2, int(np.ceil(needed)))
        assert one.stop.stops_at == stopping_point(one.stop.n_images_needed, 120)
    converged = last.result.estimator.converged
    low, high = last.result.score.signed.interval
    assert converged == ((high - low) / 2 <= 0.04)


def test_stability_varies_one_choice_at_a_time(wide: AuditSpec) -> None:
    """Each variant differs from the first in its choice, and has no target of its own."""
    listed = variants(wide)
    base = listed[0].spec
    choices = [(one.choice, one.value) for one in listed]
    assert choices == [
        ("", ""),
        ("norm", "l2"),
        ("spacing", "octave"),
        ("bands", "4"),
        ("bands", "16"),
        ("baseline", "mean"),
        ("baseline", "noise"),
        ("baseline", "shuffle"),
        ("range", "clip"),
    ]
    for one in listed[1:]:
        before, now = base.to_dict(), one.spec.to_dict()
        assert [name for name in now if now[name] != before[name]] == [one.choice]
    assert base.target_halfwidth is None
    assert base.max_images == 50


def test_a_stability_panel_lowers_bands_and_says_so(tmp_path: Path) -> None:
    """At 32 px octave bands of M = 8 would be empty: M falls until it fits, with a note."""
    spec = convnet_spec(tmp_path, n_images=8, bands=8)
    control = Control()
    warned, *_, report = run_stability(spec, control, run=partial(events_here))
    assert isinstance(warned, Warned)
    assert "estimator permutation is not used" in warned.message
    assert not control.is_cancelled
    assert isinstance(report, StabilityReport)
    first, *others = report.variants
    assert first.rank_agreement == pytest.approx(1)
    assert first.note == ""
    octave = next(one for one in others if one.value == "octave")
    assert octave.bands < 8
    assert f"M lowered to {octave.bands}" in octave.note
    assert len(octave.importance) == octave.bands
    assert all(abs(one.rank_agreement) <= 1 + 1e-12 for one in others)
    alike = [first, *(one for one in others if one.choice in {"baseline", "range"})]
    found = [one.comparable for one in alike]
    assert report.comparable_range == (min(found), max(found))


def test_a_cancelled_panel_says_so(wide: AuditSpec) -> None:
    """Cancelling ends the small audit that is running, and the panel with it."""
    control = Control()
    control.cancel()
    with pytest.raises(AuditCancelled, match="stability panel was cancelled"):
        list(run_stability(wide, control, run=partial(events_here)))


def test_rank_agreement_is_kendalls_on_common_bands() -> None:
    """Equal profiles agree, opposite ones do not, finer bands are added up."""
    edges = np.linspace(0, 1, 5)
    profile = np.array([0.5, 0.3, 0.2, 0.0])
    assert rank_agreement(profile, edges, profile, edges) == pytest.approx(1)
    assert rank_agreement(profile, edges, profile[::-1], edges) == pytest.approx(-1)
    finer = np.repeat(profile / 2, 2)
    assert rank_agreement(profile, edges, finer, np.linspace(0, 1, 9)) == pytest.approx(1)
