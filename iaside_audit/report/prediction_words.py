"""What an audit predicts, in words, and which of its forms they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iaside_audit.robustness.prediction import DEFAULT_FORM, Form, PredictionForm

if TYPE_CHECKING:
    from iaside_audit.robustness.errors_by_corruption import Measure
    from iaside_audit.robustness.predicted_loss import FormPrediction, Prediction
    from iaside_audit.spectrum import Gain

N_WORST: Final = 3
"""Conditions whose bands are named in words; all of them are in the JSON."""


def shown_forms(prediction: Prediction, gain: Gain = DEFAULT_FORM.gain) -> list[FormPrediction]:
    """Return the forms that a reader sees: errors, then the log-loss that the words are about."""
    wanted = [
        PredictionForm("accuracy", Form.ADDITIVE, gain),
        PredictionForm("accuracy", Form.MULTILINEAR, gain),
        PredictionForm("log-probability", Form.ADDITIVE, gain),
    ]
    by_form = {one.form: one for one in prediction.forms}
    return [by_form[one] for one in wanted if one in by_form]


def prediction_sentences(prediction: Prediction, gain: Gain = DEFAULT_FORM.gain) -> list[str]:
    """Say which bands carry the predicted loss: of the suite, and of the worst conditions."""
    losses = shown_forms(prediction, gain)[-1].losses
    worst = sorted(
        (one for one in losses if one.scope.severity is not None), key=lambda one: -one.loss.value
    )
    return [one.sentence for one in (losses[0], *worst[:N_WORST])]


def without_spectrum_sentence(prediction: Prediction) -> str:
    """Return the two predictors that know no spectrum, for whatever the perturbation is."""
    clean, middle = prediction.clean, prediction.midpoint
    return (
        "Without a spectrum the same is predicted for every corruption: the clean error "
        f"{_in_words(clean['accuracy'])} ({_in_words(clean['log-probability'])} nats), or the "
        "midpoint of all bands and none "
        f"{_in_words(middle['accuracy'])} ({_in_words(middle['log-probability'])} nats)."
    )


def following_sentence(prediction: Prediction, gain: Gain = DEFAULT_FORM.gain) -> str | None:
    """Say how closely the shown forms follow what was measured; None where that is not known."""
    measured = prediction.measured
    if measured is None:
        return None
    if not measured.following:
        return "Too few conditions were measured for a correlation across them."
    by_form = {one.form: one for one in measured.following}
    parts = []
    for one in shown_forms(prediction, gain):
        found = by_form[one.form.name]
        r = found.error if one.form.value == "accuracy" else found.log_loss
        parts.append(f"{_in_words(r)} ({one.form.words})")
    return (
        f"Across the {len(prediction.conditions)} conditions of this model, prediction and "
        f"measurement correlate with r = {', '.join(parts)}."
    )


def _in_words(measure: Measure) -> str:
    low, high = measure.interval
    return f"{measure.value:.2f} [{low:.2f}, {high:.2f}]"
