"""What is asked of a measurement, beside the model and the images; checked once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

from iaside_audit.choices import MAX_BANDS
from iaside_audit.errors import SpecError
from iaside_audit.registry import CORRUPTIONS

SEVERITIES: Final = (1, 2, 3, 4, 5)
PUBLISHED_RMS: Final = 15.7 / 224
"""Yin et al. add a basis image of L2 norm 15.7 at 224 px: this root mean square."""
AUTO_GRID: Final = 16
"""`auto` takes about so many frequencies along each axis of a heat map."""
MAX_QUERIES: Final = 100_000


class AttackNorm(StrEnum):
    """How the size of an adversarial change is measured."""

    LINF = "linf"
    L2 = "l2"


PUBLISHED_P: Final = {AttackNorm.LINF: 0.05, AttackNorm.L2: 0.1}
"""Share of the image that the first squares cover, as Andriushchenko et al. set it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionRequest:
    """Corruptions at severities, and what each leaves of every band.

    Parameters
    ----------
    names : tuple of str
        Corruptions; all fifteen where empty.
    severities : tuple of int
        Out of 1..5, ascending.

    Raises
    ------
    SpecError
        Naming every unknown corruption, with the nearest known one, and faulty severities.
    """

    names: tuple[str, ...] = ()
    severities: tuple[int, ...] = SEVERITIES

    kind: ClassVar[str] = "corruption"

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names) or CORRUPTIONS.builtin)
        object.__setattr__(self, "severities", tuple(self.severities))
        _check_conditions(self.names, self.severities)

    @property
    def conditions(self) -> tuple[tuple[str, int], ...]:
        """Every corruption at every severity, severities within a corruption."""
        return tuple((name, level) for name in self.names for level in self.severities)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnrRequest:
    """What corruptions leave of every band and narrow ring; with or without the model's answers.

    Parameters
    ----------
    names : tuple of str
        Corruptions; all fifteen where empty.
    severities : tuple of int
        Out of 1..5, ascending.
    has_answers : bool
        Whether the model is asked about every corrupted image as well, as by a
        :class:`CorruptionRequest`: each image is then corrupted once for both.

    Raises
    ------
    SpecError
        As :class:`CorruptionRequest`.
    """

    names: tuple[str, ...] = ()
    severities: tuple[int, ...] = SEVERITIES
    has_answers: bool = False

    kind: ClassVar[str] = "snr"

    def __post_init__(self) -> None:
        same = self.as_corruptions
        object.__setattr__(self, "names", same.names)
        object.__setattr__(self, "severities", same.severities)

    @property
    def as_corruptions(self) -> CorruptionRequest:
        """The same conditions, without spectra in rings."""
        return CorruptionRequest(names=self.names, severities=self.severities)

    @property
    def conditions(self) -> tuple[tuple[str, int], ...]:
        """Every corruption at every severity, severities within a corruption."""
        return self.as_corruptions.conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyMadeRequest:
    """Images that others have corrupted, beside the clean ones.

    Parameters
    ----------
    root : str
        Absolute path of the folder that holds `folders`.
    conditions : tuple of (str, int)
        Corruption and severity.
    folders : tuple of str
        Of each condition, relative to `root`; it holds every image under its clean path.
    """

    root: str
    conditions: tuple[tuple[str, int], ...]
    folders: tuple[str, ...]

    kind: ClassVar[str] = "ready-made"

    def __post_init__(self) -> None:
        conditions = tuple((str(name), int(level)) for name, level in self.conditions)
        object.__setattr__(self, "conditions", conditions)
        object.__setattr__(self, "folders", tuple(self.folders))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapRequest:
    """A Fourier heat map.

    Parameters
    ----------
    stride : int
        Step of the grid in periods over the image; 0 for about 16 frequencies along an axis.
    strength : float
        L2 norm of the basis image added to each channel, image in 0..1; 0 for the published
        15.7 at 224 px, in proportion to the side.

    Raises
    ------
    SpecError
        If a number is out of its range.
    """

    stride: int = 0
    strength: float = 0.0

    kind: ClassVar[str] = "heatmap"

    def __post_init__(self) -> None:
        if self.stride < 0:
            raise SpecError(f"Expected a stride from 1, or 0 for auto, found {self.stride}.")
        if not 0 <= self.strength < 1e6:  # noqa: PLR2004 - beyond any image's norm; refuses NaN
            raise SpecError(
                f"Expected a strength above 0, or 0 for the published one, found {self.strength}."
            )

    def stride_at(self, height: int, width: int) -> int:
        """Return the stride at an image size."""
        return self.stride or max(1, min(height, width) // AUTO_GRID)

    def strength_at(self, height: int, width: int) -> float:
        """Return the L2 norm at an image size."""
        return self.strength or float(PUBLISHED_RMS * (height * width) ** 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassbandRequest:
    """Low-pass and high-pass curves, and the accuracy under noise in one band.

    Parameters
    ----------
    cutoffs : int
        Steps of the cut-off from 0 to 1.
    noise : tuple of float
        Root mean squares of the noise that one band carries, image in 0..1; may be empty.

    Raises
    ------
    SpecError
        If a number is out of its range.
    """

    cutoffs: int = 16
    noise: tuple[float, ...] = (0.05, 0.1)

    kind: ClassVar[str] = "passband"

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", tuple(self.noise))
        if not 2 <= self.cutoffs <= MAX_BANDS:  # noqa: PLR2004
            raise SpecError(f"Expected 2 to {MAX_BANDS} cut-offs, found {self.cutoffs}.")
        if not all(0 < level <= 1 for level in self.noise):
            raise SpecError(f"Expected noise levels in (0, 1], found {list(self.noise)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackRequest:
    """The Square attack.

    Parameters
    ----------
    norm : AttackNorm
        ``linf`` or ``l2``.
    radii : tuple of float
        Largest change, image in 0..1, ascending; an image broken at one is broken at the next.
    queries : int
        Images put through the model for each image and radius, at most.

    Raises
    ------
    SpecError
        If a number is out of its range.
    """

    norm: AttackNorm = AttackNorm.LINF
    radii: tuple[float, ...] = (4 / 255,)
    queries: int = 200

    kind: ClassVar[str] = "attack"

    def __post_init__(self) -> None:
        faults = []
        names = [one.value for one in AttackNorm]
        if self.norm in names:
            object.__setattr__(self, "norm", AttackNorm(self.norm))
        else:
            faults.append(f"Expected norm to be one of {', '.join(names)}, found {self.norm!r}.")
        radii = tuple(float(radius) for radius in self.radii)
        object.__setattr__(self, "radii", radii)
        if not radii or radii[0] <= 0 or list(radii) != sorted(set(radii)):
            faults.append(f"Expected radii above 0, ascending, found {list(radii)}.")
        if not 1 <= self.queries <= MAX_QUERIES:
            faults.append(f"Expected 1 to {MAX_QUERIES:,} queries, found {self.queries}.")
        if faults:
            raise SpecError(" ".join(faults))


Request = (
    CorruptionRequest
    | SnrRequest
    | ReadyMadeRequest
    | HeatmapRequest
    | PassbandRequest
    | AttackRequest
)

REQUESTS: Final[dict[str, type[Request]]] = {
    one.kind: one
    for one in (
        CorruptionRequest,
        SnrRequest,
        ReadyMadeRequest,
        HeatmapRequest,
        PassbandRequest,
        AttackRequest,
    )
}


def request_to_wire(request: Request) -> dict[str, Any]:  # Any: JSON
    """Return a request as JSON-ready values."""
    return {"kind": request.kind, **asdict(request)}


def request_from_wire(values: dict[str, Any]) -> Request:  # Any: JSON
    """Build a request from :func:`request_to_wire`'s values."""
    fields = {name: value for name, value in values.items() if name != "kind"}
    return REQUESTS[values["kind"]](**fields)


def _check_conditions(names: tuple[str, ...], severities: tuple[int, ...]) -> None:
    faults = []
    for name in names:
        try:
            CORRUPTIONS.check(name)
        except SpecError as error:
            faults.append(error.message)
    levels = list(severities)
    if not levels or levels != sorted(set(levels) & set(SEVERITIES)):
        faults.append(f"Expected severities out of 1 to 5, ascending, found {levels}.")
    if faults:
        raise SpecError(" ".join(faults))
