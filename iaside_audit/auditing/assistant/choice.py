"""How preprocessings that were tried on the same images are measured, compared and chosen."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import bdtr

from iaside_audit.classifier.recipes import normalisation_in
from iaside_audit.statistics.shares import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.auditing.evaluation.trials import Answers
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.types import Interval

NEAR_TIE: Final = 0.02
TIE_P: Final = 0.05
"""Top-1 within this share is a tie unless the paired sign test tells the two apart at this p: the
best of many candidates is a point or two ahead by luck alone."""
SAME_MEAN: Final = 2.0
"""Means of a paired difference within so many standard errors are not told apart."""
NEGLIGIBLE: Final = 0.002
"""Nor is a difference of so many nats, or so much confidence, worth an unusual recipe."""
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
    balanced_confidence : float
        The same, but see :func:`balanced_confidences`; what ranks without labels, 0..1.
    """

    candidate: Candidate
    n_images: int
    n_right: int | None
    top1: float | None
    top1_interval: Interval | None
    mean_log_p: float | None
    mean_confidence: float
    balanced_confidence: float


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
    n_classes : int
        Outputs of the model.
    """

    candidate: Candidate
    answers: Answers
    labels: NDArray[np.int64] | None
    n_classes: int

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
        """(n,) float64: log-probability of the label, or without labels balanced confidence."""
        return self._balanced_confidences() if self.labels is None else self.answers.log_p

    def _is_label_plus(self, shift: int) -> NDArray[np.bool_]:
        if self.labels is None:
            return np.zeros(self.answers.prediction.shape, dtype=bool)
        return np.equal(self.answers.prediction, self.labels + shift)

    def _balanced_confidences(self) -> NDArray[np.float64]:
        return balanced_confidences(
            self.answers.confidence, self.answers.prediction, n_classes=self.n_classes
        )

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
            balanced_confidence=float(self._balanced_confidences().mean()),
        )


def choose(measured: Sequence[Measured]) -> Measured:
    """Return the best of several candidates that were tried on the same images.

    1. The highest top-1 wins. Candidates within two points of it that the paired sign test does
       not tell apart from it at 5 %, and those within one image, tie with it.
    2. Among these the highest mean log-probability of the label wins; a candidate whose paired
       difference from it is within two standard errors, or 0.002 nats, ties with it.
    3. Among these the configured one wins, else the first: candidates come most usual first.

    Without labels the first step falls away, and the second takes the mean balanced confidence.

    Parameters
    ----------
    measured : sequence of Measured
        At least one, most usual first, on the same images.
    """
    top = max(measured, key=lambda one: one.n_right)
    near = [one for one in measured if _is_near(gain_over(top, one))]
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


def balanced_confidences(
    confidence: NDArray[np.float64], prediction: NDArray[np.int64], *, n_classes: int
) -> NDArray[np.float64]:
    """Return the confidence of each answer, or 0 where its class has been counted often enough.

    Confidence alone misleads: fed with 0..255 instead of 0..1, most networks are sure that every
    image is of one and the same class. So a class counts with its most confident answers, up to
    half of its even share of the images, and at least with one. Over 32 networks and 48 images
    each, the most confident recipe lost 29 points of top-1 in the mean, and this one 2.

    Parameters
    ----------
    confidence : (n,) float64
        Probability of the predicted class.
    prediction : (n,) int64
        The predicted class.
    n_classes : int
        Outputs of the model.

    Examples
    --------
    >>> answers = np.array([7, 7, 3])
    >>> balanced_confidences(np.array([0.9, 1.0, 0.5]), answers, n_classes=10)
    array([0. , 1. , 0.5])
    """
    most = max(1, len(prediction) // (2 * n_classes))
    order = np.lexsort((-confidence, prediction))
    ranked = prediction[order]
    place_in_class = np.arange(len(ranked)) - np.searchsorted(ranked, ranked)
    counted = np.zeros(len(confidence))
    kept = order[place_in_class < most]
    counted[kept] = confidence[kept]
    return counted


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


def _is_near(gain: Gain) -> bool:
    n_more = gain.n_won - gain.n_lost
    return n_more <= 1 or (n_more <= NEAR_TIE * gain.n_images and gain.p_value > TIE_P)


def _is_alike(one: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    differences = best - one
    standard_error = float(differences.std()) / sqrt(len(differences))
    return float(differences.mean()) <= max(SAME_MEAN * standard_error, NEGLIGIBLE)
