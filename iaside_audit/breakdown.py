"""Who and where: the records of interactions, classes, outcomes and single images in a result.

All numbers are in the unit of the value function (nats by default) unless said otherwise, and all
intervals at the specification's confidence, by the bootstrap over the images of the group. A number
that is not defined is NaN, and null in JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

from iaside_audit.types import Interval  # noqa: TC001 - cattrs reads the annotations


@dataclass(frozen=True, slots=True, kw_only=True)
class MoebiusCoefficient:
    """What a coalition is worth beyond all its parts.

    Parameters
    ----------
    bands : tuple of int
        The members, ascending; empty for the empty coalition.
    value : float
        Mean over the images.
    interval : (float, float)
        Of `value`.
    """

    bands: tuple[int, ...]
    value: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionsRecord:
    """How bands act together; there is one only where every coalition was evaluated (exact mode).

    Parameters
    ----------
    kind : str
        ``SII``, the Shapley interaction index of pairs.
    matrix : tuple of tuple of float
        M rows of M numbers, symmetric, 0 on the diagonal; positive where two bands are worth more
        together than apart, negative where one stands in for the other.
    interval : tuple of tuple of (float, float)
        Of each number of `matrix`.
    moebius_order : int
        Coefficients of all coalitions of at most so many bands are listed: all up to 8 bands.
    moebius : tuple of MoebiusCoefficient
        By size, then by members.
    """

    kind: str
    matrix: tuple[tuple[float, ...], ...]
    interval: tuple[tuple[Interval, ...], ...]
    moebius_order: int
    moebius: tuple[MoebiusCoefficient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProfile:
    """The profile of the model over some of its images; tuples have one entry for each band.

    Parameters
    ----------
    n_images : int
        Images of the group.
    top1 : float
        Share of them whose unfiltered prediction is the label, 0..1; NaN where the labels are the
        model's own.
    top1_interval : (float, float)
        Of `top1`.
    shapley : tuple of float
        Mean Shapley values.
    interval : tuple of (float, float)
        Of `shapley`.
    importance : tuple of float
        psi of `shapley`, 0..1, adds up to 1.
    importance_interval : tuple of (float, float)
        Of `importance`; one-sided where `at_boundary`.
    at_boundary : tuple of bool
        Whether the band is lowest in more than 1 % of the resamples.
    signed : float
        The signed score of `importance`.
    signed_interval : (float, float)
        Of `signed`.
    """

    n_images: int
    top1: float
    top1_interval: Interval
    shapley: tuple[float, ...]
    interval: tuple[Interval, ...]
    importance: tuple[float, ...]
    importance_interval: tuple[Interval, ...]
    at_boundary: tuple[bool, ...]
    signed: float
    signed_interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassProfile(GroupProfile):
    """The profile over the images of one class.

    Parameters
    ----------
    label : int
        Position of the class in the model's output.
    name : str
        What the class is called; empty where that is not known.
    """

    label: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileDifference:
    """One group's profile less another's, of different images; tuples have one entry a band."""

    shapley: tuple[float, ...]
    interval: tuple[Interval, ...]
    importance: tuple[float, ...]
    importance_interval: tuple[Interval, ...]
    signed: float
    signed_interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesRecord:
    """The images that the model gets right against those that it gets wrong, unfiltered.

    `difference` is correct less wrong.
    """

    correct: GroupProfile
    wrong: GroupProfile
    difference: ProfileDifference


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProfile:
    """What one image says by itself.

    Parameters
    ----------
    path : str
        Relative to the data set's root.
    image_id : str
        sha256 of the decoded image.
    label, prediction : int
        The class that is valued, and the class that the model gives the unfiltered image.
    empty, grand : float
        Values of the empty and the grand coalition.
    shapley : tuple of float
        One for each band. From a single pair of random orders each is a draw: unbiased, and far
        from exact.
    """

    path: str
    image_id: str
    label: int
    prediction: int
    empty: float
    grand: float
    shapley: tuple[float, ...]
