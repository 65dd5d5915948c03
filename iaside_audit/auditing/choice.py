"""How preprocessings that were tried on the same images are measured, compared and chosen."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import bdtr

from iaside_audit.classifier.recipes import normalisation_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.auditing.trials import Answers
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.types import Interval

Z95: Final = 1.959964
NEAR_TIE: Final = 0.01
"""Top-1 that differs by no more than one image in a hundred is a tie."""
SAME_MEAN: Final = 2.0
"""Means of a paired difference within so many standard errors are not told apart."""
CLEAR_P: Final = 0.01
"""Of the paired sign test, below which one preprocessing is clearly better than another."""
CLEAR_GAIN: Final = 0.05
CLEAR_IMAGES: Final = 5
"""A gain above this share, and of at least so many images, is clear as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A preprocessing to try.

    Parameters
    ----------
    name : str
        Its normalisation, as shown.
    preprocessing : Preprocessing
        In full; its source says where it is from.
    is_configured : bool
        Whether an audit of this model would take it as things stand.
    """

    name: str
    preprocessing: Preprocessing
    is_configured: bool = False

    @classmethod
    def of(cls, preprocessing: Preprocessing, *, is_configured: bool = False) -> Candidate:
        """Return the candidate of a preprocessing, named by the usual recipe that it equals."""
        name = normalisation_in(preprocessing).name
        return cls(name=name, preprocessing=preprocessing, is_configured=is_configured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a candidate did.

    Parameters
    ----------
    candidate : Candidate
        What was tried.
    n_images : int
        Images that it was tried on.
    n_right : int or None
        Right answers; None without labels.
    top1 : float or None
        Share of right answers, 0..1; None without labels.
    top1_interval : Interval or None
        Wilson's, at 95 %.
    mean_log_p : float or None
        Mean natural log-probability of the label; None without labels.
    mean_confidence : float
        Mean probability of the predicted class, 0..1.
    """

    candidate: Candidate
    n_images: int
    n_right: int | None
    top1: float | None
    top1_interval: Interval | None
    mean_log_p: float | None
    mean_confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """One preprocessing against another on the same images.

    Parameters
    ----------
    n_won : int
        Images that only the first answers rightly.
    n_lost : int
        Images that only the second answers rightly.
    n_images : int
        Images in all.
    p_value : float
        Of the sign test, two-sided and exact, over the images on which the two differ.
    """

    n_won: int
    n_lost: int
    n_images: int
    p_value: float

    @property
    def top1(self) -> float:
        """Gain in top-1, -1..1."""
        return (self.n_won - self.n_lost) / self.n_images

    @property
    def is_clear(self) -> bool:
        """Whether the first is clearly better."""
        n_more = self.n_won - self.n_lost
        is_large = self.top1 > CLEAR_GAIN and n_more >= CLEAR_IMAGES
        return n_more > 0 and (self.p_value < CLEAR_P or is_large)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """A candidate with all its answers.

    Parameters
    ----------
    candidate : Candidate
        What was tried.
    answers : Answers
        (n,) each.
    labels : (n,) int64 or None
        The right answers, where they are known.
    """

    candidate: Candidate
    answers: Answers
    labels: NDArray[np.int64] | None

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """(n,) bool; all False without labels."""
        return self._is_label_plus(0)

    @property
    def n_right(self) -> int:
        """Right answers; 0 without labels."""
        return int(self.is_right.sum())

    def n_shifted(self, shift: int) -> int:
        """Return how many answers are the label plus `shift`."""
        return int(self._is_label_plus(shift).sum())

    @property
    def fine(self) -> NDArray[np.float64]:
        """(n,) float64: the log-probability of the label, or without labels the confidence."""
        return self.answers.confidence if self.labels is None else self.answers.log_p

    def _is_label_plus(self, shift: int) -> NDArray[np.bool_]:
        if self.labels is None:
            return np.zeros(self.answers.prediction.shape, dtype=bool)
        return np.equal(self.answers.prediction, self.labels + shift)

    def trial(self) -> Trial:
        """Return the numbers that are shown."""
        n_images = len(self.answers.prediction)
        has_labels = self.labels is not None
        return Trial(
            candidate=self.candidate,
            n_images=n_images,
            n_right=self.n_right if has_labels else None,
            top1=self.n_right / n_images if has_labels else None,
            top1_interval=wilson_interval(self.n_right, n_images) if has_labels else None,
            mean_log_p=float(self.answers.log_p.mean()) if has_labels else None,
            mean_confidence=float(self.answers.confidence.mean()),
        )


def choose(measured: Sequence[Measured]) -> Measured:
    """Return the best of several candidates that were tried on the same images.

    1. The highest top-1 wins; candidates within one image in a hundred of it, and always within
       one image, tie with it.
    2. Among these the highest mean log-probability of the label wins; a candidate whose paired
       difference from it is within two standard errors ties with it.
    3. Among these the configured one wins, else the first: candidates come most usual first.

    Without labels the first step falls away, and the second takes the mean confidence.

    Parameters
    ----------
    measured : sequence of Measured
        At least one, most usual first, on the same images.
    """
    n_images = len(measured[0].answers.prediction)
    slack = max(1, int(NEAR_TIE * n_images))
    most = max(one.n_right for one in measured)
    near = [one for one in measured if one.n_right >= most - slack]
    best = max(near, key=lambda one: float(one.fine.mean()))
    alike = [one for one in near if _is_alike(one.fine, best.fine)]
    return next((one for one in alike if one.candidate.is_configured), alike[0])


def promising(measured: Sequence[Measured], n_kept: int) -> list[Measured]:
    """Return the candidates worth more images: half by right answers, half by :attr:`fine`.

    A few images tell right answers apart only coarsely, and log-probabilities of an
    over-confident network mislead; together they lose no good candidate. The order is kept.
    """
    by_right = sorted(measured, key=lambda one: (-one.n_right, -float(one.fine.mean())))
    by_fine = sorted(measured, key=lambda one: -float(one.fine.mean()))
    ranked = [one for pair in zip(by_right, by_fine, strict=True) for one in pair]
    kept = {id(one) for one in list(dict.fromkeys(ranked))[:n_kept]}
    return [one for one in measured if id(one) in kept]


def gain_over(first: Measured, second: Measured) -> Gain:
    """Compare two candidates on the same labelled images, image by image."""
    n_won = int((first.is_right & ~second.is_right).sum())
    n_lost = int((second.is_right & ~first.is_right).sum())
    return Gain(
        n_won=n_won,
        n_lost=n_lost,
        n_images=len(first.answers.prediction),
        p_value=sign_test(n_won, n_lost),
    )


def sign_test(n_won: int, n_lost: int) -> float:
    """Return the two-sided exact p-value of a fair coin.

    Examples
    --------
    >>> sign_test(8, 0), sign_test(3, 3), sign_test(0, 0)
    (0.0078125, 1.0, 1.0)
    """
    n_all = n_won + n_lost
    if n_all == 0:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(n_won, n_lost), n_all, 0.5)))


def wilson_interval(n_right: int, n_images: int) -> Interval:
    """Return Wilson's 95 % interval of a share.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
       1927. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> [round(end, 3) for end in wilson_interval(177, 200)]
    [0.833, 0.922]
    """
    share, spread = n_right / n_images, Z95**2 / n_images
    middle = share + spread / 2
    halfwidth = sqrt(max(0.0, spread * share * (1 - share) + spread**2 / 4))
    low, high = ((middle + sign * halfwidth) / (1 + spread) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def _is_alike(one: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    differences = best - one
    standard_error = float(differences.std()) / sqrt(len(differences))
    return float(differences.mean()) <= SAME_MEAN * standard_error
