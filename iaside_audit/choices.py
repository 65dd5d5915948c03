"""What can be chosen: the names and limits of options, and how they are written (INTERFACE.md)."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import Final

from iaside_audit.errors import SpecError
from iaside_audit.registry import nearest

DEFAULT_BANDS: Final = 8
DEFAULT_PAIRS: Final = 1
FIRST_CHECK: Final = 100
"""Stopping is looked at after 100, 200, 400, ... images; denser checks undercover."""
DEFAULT_REFERENCE_BATCH: Final = 10
"""The authors'."""
DEFAULT_SAMPLE: Final = 8
"""Rows that `verify` makes again."""
SAME_NATS: Final = 1e-4
"""Log-probabilities that differ by less are the same: those of one row on two machines, or in two
batches (DESIGN.md). On one machine, in one batch, they are equal."""
MAX_MODEL_BYTES: Final = 4 << 30
"""A classifier larger than this is more often an accident, or a trap, than meant."""
REFERENCE_BASELINES: Final = ("zero", "noise", "shuffle")
"""The authors' zero, gaussian and shuffle."""
MIN_BANDS: Final = 2
MAX_BANDS: Final = 32
MAX_EXACT_BANDS: Final = 16
"""2**16 coalitions an image is the most that exact mode walks."""

FORMATS: Final = ("json", "pdf", "csv", "html")
"""What ``--formats`` may list; ``json`` and the figures always come."""
DEFAULT_FORMATS: Final = ("json", "pdf", "csv")


class Norm(StrEnum):
    """Which radius orders the frequencies (METHOD.md, section 1)."""

    LINF = "linf"
    L2 = "l2"


class Range(StrEnum):
    """What happens to pixels outside [0, 1] (METHOD.md, section 2)."""

    NONE = "none"
    CLIP = "clip"


class Estimator(StrEnum):
    """How Shapley values are computed (METHOD.md, section 4)."""

    AUTO = "auto"
    EXACT = "exact"
    PERMUTATION = "permutation"


class IntervalMethod(StrEnum):
    """How the ends of an interval follow from its resamples (METHOD.md, section 6)."""

    PERCENTILE = "percentile"
    BCA = "bca"


class Mode(StrEnum):
    """The mathematics done properly, or the authors' published code (METHOD.md, section 7)."""

    CORRECTED = "corrected"
    REFERENCE = "reference"


class Spacing(StrEnum):
    """The named spacings of band edges; explicit edges are a tuple of numbers instead."""

    UNIFORM = "uniform"
    OCTAVE = "octave"


def parse_spacing(value: str | tuple[float, ...] | list[float]) -> Spacing | tuple[float, ...]:
    """Read a spacing: a name, ``"e1,e2,..."``, or a sequence of numbers.

    Raises
    ------
    SpecError
        If it is neither a known name nor ascending numbers between 0 and 1.

    Examples
    --------
    >>> parse_spacing("octave")
    <Spacing.OCTAVE: 'octave'>
    >>> parse_spacing("0.1,0.5")
    (0.1, 0.5)
    """
    names = [str(member.value) for member in Spacing]
    if isinstance(value, str) and value in names:
        return Spacing(value)
    try:
        parts = value.split(",") if isinstance(value, str) else value
        edges = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        raise SpecError(
            unknown_choice("spacing", str(value), [*names, "edges such as 0.1,0.3,0.6"])
        ) from None
    if not all(low < high for low, high in pairwise((0.0, *edges, 1.0))):
        raise SpecError(
            f"Expected the edges of spacing to ascend strictly between 0 and 1, found {value!r}."
        )
    return edges


def parse_shard(value: str) -> tuple[int, int]:
    """Read a shard, ``"I/N"``, as (I, N).

    Raises
    ------
    SpecError
        If it is not two whole numbers with 1 <= I <= N.

    Examples
    --------
    >>> parse_shard("2/4")
    (2, 4)
    """
    number, slash, n_shards = str(value).partition("/")
    if slash and number.isdecimal() and n_shards.isdecimal() and 1 <= int(number) <= int(n_shards):
        return int(number), int(n_shards)
    raise SpecError(f"Expected shard to be I/N with I from 1 to N, such as 1/4, found {value!r}.")


def local_workers(scheduler: str | None) -> int | None:
    """Return N of the scheduler ``"local:N"``; None for an address, or for no scheduler.

    Examples
    --------
    >>> local_workers("local:4"), local_workers("tcp://host:8786")
    (4, None)
    """
    kind, _, number = (scheduler or "").partition(":")
    return int(number) if kind == "local" else None


def device_list(device: str) -> list[str]:
    """Return one device a worker of ``"cuda:0,1"``, or the device itself.

    Examples
    --------
    >>> device_list("cuda:0,1"), device_list("cpu")
    (['cuda:0', 'cuda:1'], ['cpu'])
    """
    kind, colon, numbers = device.partition(":")
    return [f"{kind}:{one}" for one in numbers.split(",")] if colon else [device]


def unknown_choice(name: str, value: str, choices: list[str]) -> str:
    """Return the message for a value that is none of the choices; the nearest one is named."""
    return (
        f"Expected {name} to be one of {', '.join(choices)}, found {value!r}."
        f"{nearest(value, choices)}"
    )


def is_device(value: object) -> bool:
    """Say whether `value` is ``auto``, ``cpu``, ``cuda``, or ``cuda:`` with different numbers."""
    text = str(value)
    numbers = text.removeprefix("cuda:").split(",")
    return text in {"auto", "cpu", "cuda"} or (
        text.startswith("cuda:")
        and all(one.isdecimal() for one in numbers)
        and len(set(numbers)) == len(numbers)
    )


def is_scheduler(value: object) -> bool:
    """Say whether `value` is an address with a scheme, or ``local:N``."""
    kind, colon, rest = str(value).partition(":")
    return bool(colon and rest) and (kind != "local" or (rest.isdecimal() and int(rest) > 0))
