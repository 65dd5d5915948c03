"""How many images a wanted half-width takes, from the rows of a pilot (METHOD.md, section 6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtri

from iaside_audit.errors import SpecError
from iaside_audit.statistics.bootstrap import jackknife_means
from iaside_audit.statistics.scores import importance, signed_score

if TYPE_CHECKING:
    from iaside_audit.types import FloatMatrix, FloatVector, Interval

PILOT_IMAGES: Final = 32
"""Enough to know a standard deviation to about 15 %, and the images needed to about 30 %."""
N_SPREAD_RESAMPLES: Final = 200
RANGE_TAILS: Final = (0.05, 0.95)
"""Ends of the 90 % range of what a pilot leaves open."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreVariance:
    """Where the variance of the signed score comes from, for one image.

    Parameters
    ----------
    between : float
        Of the images' own, exact influence on the score.
    within : float
        That one antithetic pair of random orders adds; 0 for exact rows.
    n_images : int
        Images of the pilot.
    resampled : (n_resamples, 2) float64
        `between` and `within` of resamples of the pilot's images: how well it knows them.
    """

    between: float
    within: float
    n_images: int
    resampled: FloatMatrix

    def halfwidth(self, n_images: int, *, pairs: int | None, confidence: float) -> float:
        """Return the expected half-width of the signed score's interval; None pairs are exact."""
        return _quantile(confidence) * math.sqrt(self._one(pairs) / n_images)

    def halfwidth_range(self, n_images: int, *, pairs: int | None, confidence: float) -> Interval:
        """Return what the pilot leaves open of :meth:`halfwidth` (90 %)."""
        low, high = np.sqrt(self._range(pairs) / n_images) * _quantile(confidence)
        return float(low), float(high)

    def images_needed(self, halfwidth: float, *, pairs: int | None, confidence: float) -> int:
        """Return how many images bring the half-width down to `halfwidth`; at least 2."""
        return _images(self._one(pairs) * (_quantile(confidence) / halfwidth) ** 2)

    def images_range(
        self, halfwidth: float, *, pairs: int | None, confidence: float
    ) -> tuple[int, int]:
        """Return what the pilot leaves open of :meth:`images_needed` (90 %)."""
        low, high = self._range(pairs) * (_quantile(confidence) / halfwidth) ** 2
        return _images(low), _images(high)

    def _one(self, pairs: int | None) -> float:
        return self.between + (0.0 if pairs is None else self.within / pairs)

    def _range(self, pairs: int | None) -> FloatVector:
        """Return the ends of the variance of an image: the less walked, the better known."""
        between, within = self.resampled.T
        ends: FloatVector = np.quantile(
            between + (0.0 if pairs is None else within / pairs), RANGE_TAILS
        )
        return ends


def score_variance(
    first: FloatMatrix,
    second: FloatMatrix | None,
    *,
    beta: float,
    seed: int = 0,
    n_resamples: int = N_SPREAD_RESAMPLES,
) -> ScoreVariance:
    """Split the variance of the signed score between images and random orders.

    Parameters
    ----------
    first : (n_images, n_bands) float64
        Shapley values of each image, exact or from walks.
    second : (n_images, n_bands) float64 or None
        Of the same images from walks of their own, as many; None where `first` is exact, or where
        the two parts need not be told apart: all of it then counts as between.
    beta : float
        Weight ratio of the score.
    seed, n_resamples : int
        Of the resamples that say how well the variance is known.

    Returns
    -------
    ScoreVariance
        For the numbers of walks that `first` holds counted as one pair.

    Raises
    ------
    SpecError
        If there are fewer than two images.

    Notes
    -----
    To first order the score is a mean of one influence an image (the jackknife's). Two independent
    sets of walks of an image share its own influence and differ by their orders alone, which is
    how the two parts are told apart.
    """
    if len(first) < 2:  # noqa: PLR2004 - a variance
        raise SpecError("Expected at least two images in a pilot, found fewer. Use more images.")
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(first), size=(n_resamples, len(first)))
    # How much an image pulls depends on the profile too, so all of it is done again.
    resampled = np.array(
        [_split(first[draw], None if second is None else second[draw], beta) for draw in draws]
    )
    between, within = _split(first, second, beta)
    if second is not None:
        # A difference of two large numbers: of 32 images it is not above 0 in one pilot of five,
        # as if images were all alike. The mean over resamples is above 0, and errs less.
        between = float(resampled[:, 0].mean())
    return ScoreVariance(between=between, within=within, n_images=len(first), resampled=resampled)


def score_influence(shapley_rows: FloatMatrix, *, beta: float) -> FloatVector:
    """Return how each row pulls the signed score of the mean profile; adds up to 0.

    Parameters
    ----------
    shapley_rows : (n_rows, n_bands) float64
        At least two.
    beta : float
        Weight ratio of the score.

    Returns
    -------
    (n_rows,) float64
        The score's standard error is their standard deviation over ``sqrt(n_rows)``.
    """
    scores = signed_score(importance(jackknife_means(shapley_rows)), beta=beta)
    influence: FloatVector = (len(shapley_rows) - 1) * (scores.mean() - scores)
    return influence


def _split(first: FloatMatrix, second: FloatMatrix | None, beta: float) -> tuple[float, float]:
    """Return the variance of one image's influence on the score, and what its orders add."""
    if second is None:
        return float(score_influence(first, beta=beta).var(ddof=1)), 0.0
    both = score_influence(np.vstack([first, second]), beta=beta)
    one, other = both[: len(first)], both[len(first) :]
    within = float(np.square(one - other).mean() / 2)
    between = float((one.var(ddof=1) + other.var(ddof=1)) / 2) - within
    return max(between, 0.0), within


def _images(needed: float) -> int:
    return max(2, math.ceil(needed)) if math.isfinite(needed) else 2


def _quantile(confidence: float) -> float:
    return float(ndtri((1 + confidence) / 2))
