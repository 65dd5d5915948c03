"""From values to numbers that a reader can trust: importance, scores and their uncertainty.

values
    What a coalition is worth: log-probability, probability, accuracy, margin, or a plug-in.
scores
    Spectral importance, the paper, signed and anchored scores, and the null level of each.
bootstrap
    Means of resampled rows, and percentile and BCa intervals.
estimates
    The profile of a model over its images, every number with its interval.
association
    Correlations over models with intervals, and a map of profiles; imports scipy.stats, so it is
    imported by itself.
paired
    How models differ on the same images: paired intervals, sign-flip tests, max-T correction.
planning
    How many images a wanted half-width takes.

Everything is float64 and knows no file, model or image.
"""

from __future__ import annotations

from iaside_audit.statistics.bootstrap import (
    N_RESAMPLES,
    Resamples,
    bca_interval,
    bootstrap_generator,
    bootstrap_means,
    expanded_tail,
    jackknife_means,
    percentile_interval,
)
from iaside_audit.statistics.estimates import (
    N_LIVE_RESAMPLES,
    ProfileEstimate,
    boundary_bands,
    candidates,
    estimate_profile,
    hull,
    profile_numbers,
)
from iaside_audit.statistics.paired import (
    N_PERMUTATIONS,
    PairedDifferences,
    paired_differences,
    sign_flip_test,
)
from iaside_audit.statistics.planning import (
    PILOT_IMAGES,
    ScoreVariance,
    score_influence,
    score_variance,
)
from iaside_audit.statistics.scores import (
    NullLevel,
    ScoreKind,
    anchored_score,
    importance,
    null_level,
    paper_score,
    signed_score,
)
from iaside_audit.statistics.values import (
    ValueFunction,
    guessing_value,
    value_function,
    value_unit,
)

__all__ = [
    "N_LIVE_RESAMPLES",
    "N_PERMUTATIONS",
    "N_RESAMPLES",
    "PILOT_IMAGES",
    "NullLevel",
    "PairedDifferences",
    "ProfileEstimate",
    "Resamples",
    "ScoreKind",
    "ScoreVariance",
    "ValueFunction",
    "anchored_score",
    "bca_interval",
    "bootstrap_generator",
    "bootstrap_means",
    "boundary_bands",
    "candidates",
    "estimate_profile",
    "expanded_tail",
    "guessing_value",
    "hull",
    "importance",
    "jackknife_means",
    "null_level",
    "paired_differences",
    "paper_score",
    "percentile_interval",
    "profile_numbers",
    "score_influence",
    "score_variance",
    "sign_flip_test",
    "signed_score",
    "value_function",
    "value_unit",
]
