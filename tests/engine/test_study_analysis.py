"""The analysis of a study on models whose robustness is known by construction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iaside_audit.errors import ReportError, SpecError
from iaside_audit.report.schemas import document_faults
from iaside_audit.report.study_documents import load_study_record
from iaside_audit.report.study_figures import profiles_figure
from iaside_audit.report.study_outputs import models_csv, pairings_csv, study_document
from iaside_audit.report.study_words import answers, verdict
from iaside_audit.robustness.prediction import Form, PredictionForm
from iaside_audit.robustness.requests import CorruptionRequest
from iaside_audit.robustness.study.analysis import StudyAnalysis, analyse
from iaside_audit.robustness.study.columns import (
    ADDED_ERROR,
    CLEAN_ERROR,
    CORRUPTION_ERROR,
    MIDPOINT,
    ModelTable,
)
from iaside_audit.robustness.study.held_out import hold_out
from iaside_audit.robustness.study.resampling import Bootstrap
from iaside_audit.robustness.study.spec import StudyModel, StudySpec
from iaside_audit.spec import AuditSpec
from iaside_audit.spectrum import Gain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GOOD = PredictionForm("log-probability", Form.ADDITIVE, Gain.ROOT)
BAD = PredictionForm("log-probability", Form.ADDITIVE, Gain.COHERENCE)
FEW = Bootstrap(seed=0, confidence=0.95, n_resamples=300)
N_IMAGES, N_BANDS = 60, 4
CONDITIONS = tuple((name, level) for name in ("fog", "snow") for level in (1, 3, 5))


def table(number: int, fragility: float, *, seed: int = 0) -> ModelTable:
    """Return a model that loses as much as its fragility says, whatever its clean error."""
    generator = np.random.default_rng([seed, number])
    strength = np.array([level for _, level in CONDITIONS]) / 5
    clean = generator.random(N_IMAGES) < 0.1 + 0.02 * (number % 5)
    chances = np.clip(clean[:, None] + fragility * strength, 0, 1)
    wrong = (generator.random(chances.shape) < chances).astype(float)
    good = np.clip(chances + 0.02 * generator.normal(size=chances.shape), 0, None)
    shapley = np.outer(np.ones(N_IMAGES), [2.0, 1.0, 0.5, 4 * fragility])
    shapley += 0.1 * generator.normal(size=shapley.shape)
    empty = np.full(N_IMAGES, -3.0)
    grand = empty + shapley.sum(axis=1)
    values = {"log-probability": grand, "accuracy": 1.0 - clean}
    return ModelTable(
        id=f"m{number}",
        lineage=f"l{number // 2}",
        position=float(number),
        image_id=tuple(f"{i:064x}" for i in range(N_IMAGES)),
        shapley=shapley,
        audited_shapley=shapley,
        empty={"log-probability": empty, "accuracy": np.zeros(N_IMAGES)},
        grand=values,
        predicted={GOOD: good, BAD: generator.normal(size=chances.shape)},
        clean_wrong=clean.astype(float),
        wrong=wrong,
        log_loss=2 * chances,
        broken=None,
        beta=0.75,
        has_imagenet_classes=False,
        conditions=CONDITIONS,
        band_losses=np.outer(strength, [0.1, 0.2, 0.3, 0.4]),
    )


@pytest.fixture(scope="module")
def tables() -> list[ModelTable]:
    """Return ten models of rising fragility."""
    return [table(i, 0.05 + 0.08 * i) for i in range(10)]


@pytest.fixture(scope="module")
def analysis(tables: list[ModelTable]) -> StudyAnalysis:
    """Return their analysis, from few resamples."""
    return analyse(tables, seed=0, confidence=0.95, n_resamples=300)


def test_a_good_prediction_is_found_to_be_good(analysis: StudyAnalysis) -> None:
    """It follows the error, adds to clean error, and is better than what knows no spectrum."""
    pairing = analysis.pairing(GOOD.name)
    assert pairing.pearson.value > 0.97
    assert pairing.given_clean_error.excludes_zero
    assert pairing.beyond_clean_error.excludes_zero
    assert min(pairing.without_lineage.values()) > 0.95


def test_clean_error_gives_nothing_beyond_itself(analysis: StudyAnalysis) -> None:
    """The difference of a predictor to itself is zero, and nothing is left of it given itself."""
    pairing = analysis.pairing(CLEAN_ERROR, ADDED_ERROR)
    assert pairing.beyond_clean_error.interval == (0, 0)
    assert np.isnan(pairing.given_clean_error.value)


def test_the_form_is_chosen_without_the_models_it_is_reported_on(
    tables: Sequence[ModelTable],
) -> None:
    """The better of two forms is chosen, and holds on what it was not chosen on."""
    held = hold_out(tables, [BAD, GOOD], FEW, n_splits=40)
    assert held is not None
    assert held.form == GOOD.name
    assert held.pearson.value > 0.95
    assert held.halves_median > 0.95
    assert held.halves_claimed > 0.8
    assert (held.n_models, held.n_images) == (10, N_IMAGES // 2)


def test_a_prediction_of_nothing_is_not_made_to_look_good(tables: Sequence[ModelTable]) -> None:
    """Chosen among noise, a form shows nothing on what it was not chosen on."""
    noise = [
        PredictionForm("log-probability", Form.ADDITIVE, gain)
        for gain in (Gain.SNR, Gain.REGRESSION, Gain.COHERENCE)
    ]
    generator = np.random.default_rng(7)
    guessing = [
        _changed(one, predicted={form: generator.normal(size=one.wrong.shape) for form in noise})
        for one in tables
    ]
    held = hold_out(guessing, noise, FEW, n_splits=40)
    assert held is not None
    assert held.pearson.value < 0.6
    assert held.halves_median < 0.6
    assert held.halves_claimed < 0.2


def _changed(one: ModelTable, **changes: object) -> ModelTable:
    values = {name: getattr(one, name) for name in ModelTable.__slots__}
    return ModelTable(**{**values, **changes})


def test_within_a_model_the_prediction_orders_the_conditions(analysis: StudyAnalysis) -> None:
    """What is worse at higher severity is predicted to be."""
    within = {one.form: one for one in analysis.within}
    assert within[GOOD.name].error.value > 0.7
    assert abs(within[BAD.name].error.value) < 0.5
    across = {one.form: one for one in analysis.across}
    assert across[GOOD.name].mean.value > 0.7


def test_few_models_are_refused(tables: Sequence[ModelTable]) -> None:
    """Three models carry no correlation; six carry one, but no halves."""
    with pytest.raises(SpecError, match="at least 4 models"):
        analyse(tables[:3], seed=0, confidence=0.95)
    assert analyse(tables[:6], seed=0, confidence=0.95, n_resamples=50).held_out is None


def test_a_study_is_written_as_json_and_csv(
    tables: Sequence[ModelTable], analysis: StudyAnalysis, tmp_path: Path
) -> None:
    """The document is JSON without NaN, and reads back; tables have a line for each model."""
    audit = AuditSpec(model="m.onnx", images="images")
    models = tuple(
        StudyModel(id=one.id, audit=audit, preprocessing=None, lineage=one.lineage, position=None)
        for one in tables
    )
    spec = StudySpec(
        title="Ten",
        axis="",
        models=models,
        corruptions=CorruptionRequest(),
        corruption_images=None,
        attack=None,
        attack_images=None,
    )
    document = json.loads(json.dumps(study_document(spec, analysis, tables, ()), allow_nan=False))
    assert list(document_faults(document, "study")) == []
    assert document["models"][3]["measured"][CORRUPTION_ERROR] == pytest.approx(
        float(tables[3].wrong.mean())
    )
    assert "comes from bands 2-3" in document["models"][0]["sentences"][0]
    assert len(models_csv(analysis, tables).splitlines()) == 11
    assert len(pairings_csv(analysis).splitlines()) == 1 + len(analysis.pairings)
    assert "reaches" in verdict(analysis)
    assert len(answers(analysis)) == 4
    assert MIDPOINT in document["models"][0]["predictors"]
    path = tmp_path / "study.json"
    path.write_text(json.dumps(document))
    record = load_study_record(tmp_path)
    pairing = analysis.pairing(analysis.default_form)
    read = record.pairs[record.default_predictor, record.default_measured]
    assert (read.pearson, read.given_clean_error) == (pairing.pearson, pairing.given_clean_error)
    assert record.models[3].measured == analysis.measured["m3"]
    path.write_text(json.dumps(document | {"schema_version": 2}))
    with pytest.raises(ReportError, match=r"found 2 in .* Update this program"):
        load_study_record(path)
    path.write_text(json.dumps(document | {"models": []}))
    with pytest.raises(ReportError, match="Expected a study"):
        load_study_record(path)


def test_models_are_laid_out_along_an_axis_only_where_all_have_a_place(
    tables: Sequence[ModelTable], analysis: StudyAnalysis
) -> None:
    """One model without a position, and all are ordered by the signed score, the highest first."""

    def drawn(models: Sequence[ModelTable]) -> tuple[list[str], str]:
        axes = profiles_figure(analysis, models, axis="depth " * 20).axes[0]
        return [one.get_text() for one in axes.get_yticklabels()], axes.get_title(loc="left")

    labels, title = drawn(tables[::-1])
    assert labels == [f"m{i} ({i})" for i in range(10)]
    assert len(title) < 100
    without = [*tables[:9], _changed(tables[9], position=None)]
    labels, title = drawn(without)
    scores = [analysis.predictors[label.split()[0]]["signed"] for label in labels]
    assert scores == sorted(scores, reverse=True)
    assert title.endswith("by the signed score")
