"""Hypothesis strategies for images, and small files that hold them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

    from iaside_audit.types import ByteImage


def sizes(low: int = 16, high: int = 48) -> SearchStrategy[tuple[int, int]]:
    """Draw a height and a width in pixels."""
    return st.tuples(st.integers(low, high), st.integers(low, high))


def byte_images(low: int = 16, high: int = 48) -> SearchStrategy[ByteImage]:
    """Draw RGB images that vary from pixel to pixel."""
    return st.builds(photograph, sizes(low, high), st.integers(0, 2**16))


def components() -> SearchStrategy[np.ndarray]:
    """Draw components of shape ``(K, C, N, M)``, float32, in -2..2."""
    return hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(8, 24), st.integers(8, 24)),
        elements=st.floats(-2, 2, width=32),
    )


def photograph(size: tuple[int, int], seed: int = 0) -> ByteImage:
    """Return a seeded random RGB image of a height and a width."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def save_png(path: Path, size: tuple[int, int] = (20, 24), seed: int = 0) -> Path:
    """Write a seeded random image, making its folders, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photograph(size, seed)).save(path, "PNG")
    return path


def hand_made_png(
    width: int, height: int, *, bit_depth: int = 8, colour_type: int = 2, rows: Any = None
) -> bytes:
    """Return a PNG made chunk by chunk: a header, and pixels where `rows` holds any."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    raw = b"" if rows is None else b"".join(b"\0" + row.tobytes() for row in rows)
    body = chunk(b"IDAT", zlib.compress(raw))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")
