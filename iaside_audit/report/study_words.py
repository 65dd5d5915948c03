"""What a study says, in sentences and in rows of text; every number with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from iaside_audit.robustness.study.columns import (
    ADDED_ERROR,
    ATTACK_ERROR,
    CLEAN_ERROR,
    CORRUPTION_ERROR,
    LOG_LOSS,
    MCE_ALEXNET,
    MIDPOINT,
    RELATIVE_MCE_ALEXNET,
)
from iaside_audit.robustness.study.held_out import CLAIMED_R

if TYPE_CHECKING:
    from iaside_audit.robustness.study.analysis import StudyAnalysis, WithinModels
    from iaside_audit.statistics.association import Association

MEASURED_TITLES: Final = {
    CORRUPTION_ERROR: "error under corruption (mCE, unnormalised)",
    ADDED_ERROR: "error added by corruption (relative mCE, unnormalised)",
    MCE_ALEXNET: "mCE by AlexNet's published errors",
    RELATIVE_MCE_ALEXNET: "relative mCE by AlexNet's published errors",
    LOG_LOSS: "log-loss under corruption (nats)",
    ATTACK_ERROR: "error under the Square attack",
}
"""What the measured columns are called."""

PREDICTOR_TITLES: Final = {
    "paper": "paper score",
    "signed": "signed score",
    "comparable": "anchored score",
    "v_all": "v(all), clean log-probability",
    CLEAN_ERROR: "clean error (no spectrum)",
    MIDPOINT: "midpoint of v(all) and v(empty) (no spectrum)",
    f"{MIDPOINT}_error": "midpoint of the errors (no spectrum)",
}


def predictor_title(name: str) -> str:
    """Return what a predictor is called.

    Examples
    --------
    >>> predictor_title("phi_3"), predictor_title("predicted_log_loss_additive_root")
    ('phi of band 3', 'predicted log-loss, additive, gain root')
    """
    if name in PREDICTOR_TITLES:
        return PREDICTOR_TITLES[name]
    if name.startswith("phi_"):
        return f"phi of band {name.removeprefix('phi_')}"
    what, form, gain = name.removeprefix("predicted_").rsplit("_", 2)
    return f"predicted {what.replace('_', '-')}, {form}, gain {gain}"


def with_interval(number: Association, decimals: int = 2) -> str:
    """Return a number with its interval, such as ``"0.95 [0.81, 0.99]"``; a dash for none."""
    if not math.isfinite(number.value):
        return "-"
    low, high = number.interval
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{number.value:.{decimals}f}"
    return f"{number.value:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def verdict(analysis: StudyAnalysis) -> str:
    """Say in a sentence whether the joint prediction follows corruption error in this study."""
    held = analysis.held_out
    if held is None:
        form = analysis.default_form
        pairing = analysis.pairing(form)
        r, given, clean, middle = (
            pairing.pearson,
            pairing.given_clean_error,
            pairing.beyond_clean_error,
            pairing.beyond_midpoint,
        )
        where = f"over {len(analysis.predictors)} models"
    else:
        form = held.form
        r, given, clean, middle = (
            held.pearson,
            held.given_clean_error,
            held.beyond_clean_error,
            held.beyond_midpoint,
        )
        where = (
            f"over {held.n_models} models, each left out when the form was chosen, and the "
            f"{held.n_images} images on which it was not chosen"
        )
    strength = "reaches" if abs(r.value) >= CLAIMED_R else "does not reach"
    return (
        f"The joint prediction ({predictor_title(form)}) follows the error under corruption with "
        f"r = {with_interval(r)} {where}, which {strength} the |r| of {CLAIMED_R} that is claimed. "
        f"Given clean error {_adds(given)} (partial correlation {with_interval(given)}); beside "
        f"the midpoint {_adds(middle)} (difference of r {with_interval(middle)}), beside clean "
        f"error {_adds(clean)} ({with_interval(clean)})."
    )


def _adds(number: Association) -> str:
    return "it adds" if number.excludes_zero and number.value > 0 else "it adds nothing shown here"


def answers(analysis: StudyAnalysis) -> list[tuple[str, str]]:
    """Answer the three questions of a study, each with its figure."""
    n_models = len(analysis.predictors)
    across = max(analysis.across, key=lambda one: _sortable(one.mean))
    condition = next(one for one in analysis.across if one.form == analysis.default_form)
    pairing = analysis.pairing(analysis.default_form)
    clean = analysis.pairing(CLEAN_ERROR)
    within = best_within(analysis)
    held = analysis.held_out
    where = (
        ""
        if held is None
        else (
            f"; on models and images on which the form was not chosen {with_interval(held.within)}"
        )
    )
    said = [
        (
            "Which corruption hurts this model?",
            (
                f"Across the conditions of one model, prediction and error correlate with "
                f"{with_interval(within.error)} on average over the models "
                f"({predictor_title(within.form)}){where}. A predictor without a spectrum says "
                f"nothing here."
            ),
        ),
        (
            "Which model is hurt more by a corruption?",
            (
                f"Over the models, given clean error, prediction and error correlate with "
                f"{with_interval(condition.mean)} on average over the conditions, above 0 in "
                f"{100 * condition.share_positive:.0f} % of them "
                f"({predictor_title(condition.form)}); the best form is "
                f"{predictor_title(across.form)}, {with_interval(across.mean)}."
            ),
        ),
        (
            "Which of the models is more robust?",
            (
                f"Over the {n_models} models, prediction and mean error under corruption correlate "
                f"with {with_interval(pairing.pearson)}, clean error with "
                f"{with_interval(clean.pearson)}; partial correlation given clean error "
                f"{with_interval(pairing.given_clean_error)}."
            ),
        ),
    ]
    if held is not None:
        low, high = held.halves_spread
        favourite = max(held.halves_counts, key=lambda one: held.halves_counts[one])
        halves = (
            f"Over random halves of models and images, the form chosen on one half has a median r "
            f"of {held.halves_median:.2f} on the other; 90 % of the halves lie between {low:.2f} "
            f"and {high:.2f}, and {100 * held.halves_claimed:.0f} % reach {CLAIMED_R}. Chosen most "
            f"often: {predictor_title(favourite)}."
        )
        said.append(("Does it depend on the halves?", halves))
    return said


def best_within(analysis: StudyAnalysis) -> WithinModels:
    """Return the form that tells best which condition hurts a model."""
    return max(analysis.within, key=lambda one: _sortable(one.error))


def _sortable(number: Association) -> float:
    """Return a number that is last where it is not defined."""
    return number.value if math.isfinite(number.value) else -math.inf


def key_pairings(analysis: StudyAnalysis) -> list[str]:
    """Return the predictors that a reader sees first, the best forms before the trivial ones."""
    forms = sorted(
        (
            one
            for one in analysis.pairings
            if one.predictor.startswith("predicted_") and one.measured == CORRUPTION_ERROR
        ),
        key=lambda one: -_sortable(one.pearson),
    )
    names = [analysis.default_form, *(one.predictor for one in forms)]
    best = list(dict.fromkeys(names))[:4]
    return [*best, CLEAN_ERROR, MIDPOINT, "signed", "comparable", "paper"]
