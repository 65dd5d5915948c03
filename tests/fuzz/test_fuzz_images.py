"""Damaged images: an array or an ImageError, nothing else."""

from __future__ import annotations

import io
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from mutations import mutants
from PIL import Image

from iaside_audit.errors import ImageError
from iaside_audit.images import decode_image

pytestmark = pytest.mark.slow

N_MUTANTS = 2000
SIDE = 48
MAX_PIXELS = 4_000_000
"""A header that announces more is refused before it is decoded."""
DEADLINE_S = 20.0


def seeds() -> list[bytes]:
    """Return sound images of every format, in several modes and compressions."""
    generator = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(SIDE), np.arange(SIDE))[..., None] * [1, 2, 3]
    pixels = (ramp + generator.integers(0, 30, (SIDE, SIDE, 3))).astype(np.uint8)
    image = Image.fromarray(pixels)
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    saved: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (image, "PNG", {}),
        (image.convert("P"), "PNG", {}),
        (image.convert("RGBA"), "PNG", {}),
        (image.convert("1"), "PNG", {}),
        (deep, "PNG", {}),
        (image, "JPEG", {"exif": exif}),
        (image, "JPEG", {"progressive": True}),
        (image.convert("CMYK"), "JPEG", {}),
        (image, "WEBP", {}),
        (image, "WEBP", {"lossless": True}),
        (image, "BMP", {}),
        (image.convert("P"), "BMP", {}),
        (deep, "TIFF", {}),
        *(
            (image, "TIFF", {"compression": name})
            for name in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg")
        ),
    ]
    files = []
    for one, kind, options in saved:
        file = io.BytesIO()
        one.save(file, kind, **options)
        files.append(file.getvalue())
    return files


def test_damaged_images_are_decoded_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a file holds, decoding gives an RGB array or one printable ImageError, in time."""
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    for number, data in enumerate(mutants(np.random.default_rng(1), seeds(), N_MUTANTS)):
        started = time.monotonic()
        refusal = ""
        try:
            image = decode_image(data, max_pixels=MAX_PIXELS, name=f"mutant {number}")
        except ImageError as error:
            refusal = error.message
            outcomes[refusal.partition(", found ")[0]] += 1
        else:
            outcomes["decoded"] += 1
            assert image.dtype == np.uint8
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert image.shape[0] * image.shape[1] <= MAX_PIXELS
        assert refusal.isprintable()
        slowest = max(slowest, time.monotonic() - started)
        assert slowest < DEADLINE_S
    kinds = Counter(" in ".join(name.split(" in ")[:1]) for name in outcomes.elements())
    assert kinds["decoded"] > N_MUTANTS // 20
    with capsys.disabled():
        print(f"\nimages: {dict(kinds)}, slowest {slowest:.2f} s")  # noqa: T201 - the summary
