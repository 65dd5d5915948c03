"""Spectral importance, the three robustness scores, and their null level (METHOD.md, section 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.types import FloatMatrix, FloatVector, Interval

ScoreKind: TypeAlias = Literal["paper", "signed", "comparable"]
"""The keys of the scores in a result; ``comparable`` is the anchored score."""

EQUAL_SHARE: Final = 1e-12
"""Shapley values whose spread is this share of their size differ by rounding only.

Sums of up to 2**16 float64 terms round at about 1e-13; real spreads are above 1e-6.
"""

NULL_DRAWS: Final = 200_000
NULL_SEED: Final = 0


def importance(shapley: FloatMatrix, *, lowest: NDArray[np.bool_] | None = None) -> FloatMatrix:
    """Normalise Shapley values to the spectral importance.

    ``psi = (phi - min phi) / sum(phi - min phi)``, uniform where all phi are equal.

    Parameters
    ----------
    shapley : (..., n_bands) float64
        Of any unit.
    lowest : (n_bands,) bool or None
        Bands whose mean takes the place of min phi, up to half of the way to the mean of all;
        those that might be lowest, where it is not known which is.

    Returns
    -------
    (..., n_bands) float64
        0..1, each profile adds up to 1; the band of the least Shapley value has 0. With `lowest`
        a band below that mean is negative. NaN throughout a profile that holds a number that is
        not finite.

    Examples
    --------
    >>> importance(np.array([3.0, 1.0, 0.0]))
    array([0.75, 0.25, 0.  ])
    """
    # One infinite value would leave the others at 0, which looks like a result.
    is_broken = ~np.isfinite(shapley).all(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # inf - inf and 0 / 0 are NaN here, not an accident
        level = shapley.min(axis=-1, keepdims=True)
        spread = shapley.max(axis=-1, keepdims=True) - level
        if lowest is not None:
            # Nearer to the mean of all bands, psi would hang on a difference of nearly nothing.
            highest = (level + shapley.mean(axis=-1, keepdims=True)) / 2
            level = np.minimum(shapley[..., lowest].mean(axis=-1, keepdims=True), highest)
        raised = shapley - level
        are_equal = spread <= EQUAL_SHARE * np.abs(shapley).max(axis=-1, keepdims=True)
        psi = raised / raised.sum(axis=-1, keepdims=True)
    undefined = np.where(is_broken, np.nan, 1 / shapley.shape[-1])
    profiles: FloatMatrix = np.where(is_broken | are_equal, undefined, psi)
    return profiles


def signed_score(profiles: FloatMatrix, *, beta: float) -> FloatVector:
    """Score importance profiles; negative where high bands dominate.

    ``(<bh, psi> - D) / (1 - D)`` with the weights ``bh = b / ||b||_2``, ``b_k = beta**k``, and
    their mean ``D = ||b||_1 / (M ||b||_2)``.

    Parameters
    ----------
    profiles : (..., n_bands) float64
        Importance; each profile adds up to 1.
    beta : float
        Weight ratio of neighbouring bands, in (0, 1).

    Returns
    -------
    (...) float64
        0 for the uniform profile; its range depends on the number of bands.

    Raises
    ------
    SpecError
        If `beta` is not in (0, 1).
    """
    weights = _weights(profiles.shape[-1], beta)
    scores: FloatVector = _above_uniform(profiles, weights) / (1 - weights.mean())
    return scores


def paper_score(profiles: FloatMatrix, *, beta: float) -> FloatVector:
    """Score importance profiles as the paper does: the absolute value of the signed score.

    Parameters and errors are those of :func:`signed_score`.

    Returns
    -------
    (...) float64
        Not negative; 0 for the uniform profile. High bands score like low ones.

    References
    ----------
    .. [1] Q. Luo, J. McDermott, C. O'Riordan, "Interpreting global perturbation robustness of
       image models using axiomatic spectral importance decomposition", 2024. arXiv:2408.01139
    """
    return np.abs(signed_score(profiles, beta=beta))


def anchored_score(profiles: FloatMatrix, *, beta: float) -> FloatVector:
    """Score importance profiles between two anchors: 1 for all in band 0, 0 for uniform.

    Parameters and errors are those of :func:`signed_score`.

    Returns
    -------
    (...) float64
        At most 1; negative where high bands dominate, down to -0.58 for 8 bands and beta 0.75.
        Compare only results of equal bands, norm, spacing and beta.
    """
    weights = _weights(profiles.shape[-1], beta)
    scores: FloatVector = _above_uniform(profiles, weights) / (weights[0] - weights.mean())
    return scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NullLevel:
    """The scores of random importance profiles, to read a score against.

    Parameters
    ----------
    n_bands : int
        Bands of the profiles.
    beta : float
        Weight ratio of the scores.
    samples : dict of ScoreKind to (200000,) float64
        The scores of each kind, ascending, read-only.
    """

    n_bands: int
    beta: float
    samples: dict[ScoreKind, FloatVector]

    @property
    def q95(self) -> float:
        """The 95 % quantile of the paper score (``null_q95`` of a result)."""
        return float(np.quantile(self.samples["paper"], 0.95))

    @property
    def quantiles(self) -> dict[ScoreKind, Interval]:
        """The 5 % and 95 % quantiles of each score."""
        ends = {kind: np.quantile(one, [0.05, 0.95]) for kind, one in self.samples.items()}
        return {kind: (float(low), float(high)) for kind, (low, high) in ends.items()}

    def percentile(self, kind: ScoreKind, value: float) -> float:
        """Return the share (0..1) of random profiles whose score is below `value`; NaN of NaN."""
        if math.isnan(value):
            return math.nan
        # Two bands have two profiles: samples that differ by rounding only are not below.
        below = value - EQUAL_SHARE * abs(value)
        return float(np.searchsorted(self.samples[kind], below) / self.samples[kind].size)


@lru_cache(maxsize=8)
def null_level(n_bands: int, beta: float) -> NullLevel:
    """Score random profiles: Dirichlet(1) draws, passed through psi's own min-subtraction.

    Without that subtraction the level would be too low to compare an importance with: 0.172
    instead of 0.193 for the paper score at 8 bands.

    Parameters
    ----------
    n_bands : int
        At least 2.
    beta : float
        In (0, 1).

    Returns
    -------
    NullLevel
        Of 200,000 draws with a fixed seed, so the same in every audit; kept for the next call.

    Raises
    ------
    SpecError
        If `n_bands` or `beta` is out of range.
    """
    generator = np.random.default_rng(NULL_SEED)
    # Draw by draw in portions: all at once would take 50 MB for 32 bands, several times over.
    portions = [
        signed_score(importance(generator.dirichlet(np.ones(n_bands), NULL_DRAWS // 20)), beta=beta)
        for _ in range(20)
    ]
    signed = np.sort(np.concatenate(portions))
    weights = _weights(n_bands, beta)
    scale = (1 - weights.mean()) / (weights[0] - weights.mean())
    samples: dict[ScoreKind, FloatVector] = {
        "paper": np.sort(np.abs(signed)),
        "signed": signed,
        "comparable": signed * scale,
    }
    for one in samples.values():
        one.flags.writeable = False
    return NullLevel(n_bands=n_bands, beta=beta, samples=samples)


def _weights(n_bands: int, beta: float) -> FloatVector:
    """Return bh of section 5; its mean is D."""
    if n_bands < 2 or not 0 < beta < 1:  # noqa: PLR2004
        raise SpecError(
            f"Expected at least 2 bands and beta between 0 and 1, found {n_bands} bands and "
            f"beta {beta}.",
        )
    powers = beta ** np.arange(n_bands, dtype=np.float64)
    weights: FloatVector = powers / np.sqrt(np.sum(powers**2))
    return weights


def _above_uniform(profiles: FloatMatrix, weights: FloatVector) -> FloatVector:
    """Return ``<bh, psi> - D``, which is ``<bh, psi - 1/M>`` as psi adds up to 1.

    The second form is exactly 0 for the uniform profile.
    """
    excess: FloatVector = (profiles - 1 / weights.size) @ weights
    return excess
