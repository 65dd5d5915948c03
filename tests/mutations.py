"""Seeded damage for fuzzing: bytes turned, lost, doubled and spliced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

EDGES: Final = (0, 1, 0x7F, 0x80, 0xFF)
"""Bytes at which numbers end, and lengths overflow."""


def _turned(generator: np.random.Generator, data: bytes, _other: bytes) -> bytes:
    """Turn one or two bits."""
    damaged = bytearray(data)
    for place in generator.integers(len(data), size=generator.integers(1, 3)):
        damaged[place] ^= 1 << int(generator.integers(8))
    return bytes(damaged)


def _edged(generator: np.random.Generator, data: bytes, _other: bytes) -> bytes:
    """Set one to four bytes, one after the other, to the same edge."""
    start, n_bytes = int(generator.integers(len(data))), int(generator.integers(1, 5))
    edge = bytes([EDGES[generator.integers(len(EDGES))]]) * n_bytes
    return data[:start] + edge + data[start + n_bytes :]


def _cut(generator: np.random.Generator, data: bytes, _other: bytes) -> bytes:
    """Lose the end."""
    return data[: generator.integers(len(data))]


def _lost(generator: np.random.Generator, data: bytes, _other: bytes) -> bytes:
    """Lose a piece from within."""
    first, last = sorted(generator.integers(len(data), size=2))
    return data[:first] + data[last:]


def _doubled(generator: np.random.Generator, data: bytes, _other: bytes) -> bytes:
    """Repeat a short piece."""
    start, n_bytes = int(generator.integers(len(data))), int(generator.integers(1, 200))
    return data[: start + n_bytes] + data[start:]


def _spliced(generator: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Replace a piece by one of another file."""
    first, last = sorted(generator.integers(len(data), size=2))
    start, end = sorted(generator.integers(len(other), size=2))
    return data[:first] + other[start:end] + data[last:]


def _joined(_generator: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Put two files one after the other, which protobuf merges."""
    return data + other


MUTATIONS: Final = (
    _turned,
    _turned,
    _turned,
    _turned,
    _edged,
    _edged,
    _cut,
    _lost,
    _doubled,
    _spliced,
    _joined,
)


def mutants(
    generator: np.random.Generator, seeds: Sequence[bytes], n_mutants: int
) -> Iterator[bytes]:
    """Yield damaged files, each of one or two mutations of a seed."""
    for _ in range(n_mutants):
        data, other = (seeds[generator.integers(len(seeds))] for _ in range(2))
        for _ in range(generator.choice([1, 1, 1, 2])):
            if data:
                data = MUTATIONS[generator.integers(len(MUTATIONS))](generator, data, other)
        yield data
