"""Decoding: whatever is wrong with a file is one ImageError that names it, and never a warning."""

from __future__ import annotations

import io
import os
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from strategies_images import hand_made_png, photograph

from iaside_audit.errors import ImageError
from iaside_audit.images import decode, decode_image


def encoded(kind: str, size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    """Return a random image as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(photograph(size)).convert(mode).save(buffer, kind)
    return buffer.getvalue()


class Case(NamedTuple):
    """A file that must be refused."""

    name: str
    data: bytes
    match: str


CASES = [
    Case("empty.png", b"", "found an empty file"),
    Case("really_gif.png", encoded("GIF", mode="P"), "found a GIF. Convert it"),
    Case("really_text.jpg", b"<html>not found</html>", "found text"),
    Case("heic.jpg", b"\0\0\0\x18ftypheic" + bytes(40), "found an AVIF, HEIC"),
    Case("noise.jpg", bytes(range(200, 256)) * 9, "other content or a damaged header"),
    Case("truncated.jpg", encoded("JPEG")[:1500], "truncated"),
    Case("truncated.png", encoded("PNG")[:3000], "truncated"),
    Case("truncated.webp", encoded("WEBP")[:400], "fault|damaged header"),
    Case("truncated.tif", encoded("TIFF")[:4000], "fault|damaged header"),
    Case("truncated.bmp", encoded("BMP")[:4000], "truncated"),
    Case("bomb.png", hand_made_png(50_000, 50_000), "at most 64,000,000 pixels"),
    Case("warned.png", hand_made_png(10_000, 10_000), "at most 64,000,000 pixels"),
    Case("large.png", hand_made_png(10_000, 8_000), "at most 64,000,000 pixels.*10000|8000"),
    Case("small.png", encoded("PNG", (15, 64)), r"at least 16 px.*15 x 64 px"),
    Case("tiny.png", encoded("PNG", (5, 5)), r"at least 16 px.*5 x 5 px"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decode_refuses(case: Case, tmp_path: Path) -> None:
    """A file that is no sound image of the five formats names itself and its fault."""
    path = tmp_path / case.name
    path.write_bytes(case.data)
    with pytest.raises(ImageError, match=case.match) as caught:
        decode_image(path)
    assert case.name in caught.value.message
    assert caught.value.path == str(path)


def test_decode_checks_limits_before_pixels() -> None:
    """A header beyond the caller's limit is refused though no pixel follows it."""
    data = hand_made_png(200, 100)
    with pytest.raises(ImageError, match=r"at most 19,999 pixels in 'x', found 100 x 200 px"):
        decode_image(data, max_pixels=19_999, name="x")
    with pytest.raises(ImageError, match="a fault"):
        decode_image(data, max_pixels=20_000)


def test_decode_names_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    """A path without a file, and a folder, are said to be so."""
    with pytest.raises(ImageError, match=r"gone\.png', found no file"):
        decode_image(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="found a folder"):
        decode_image(tmp_path)


def test_decode_refuses_float_samples() -> None:
    """Floating-point samples have no known scale."""
    buffer = io.BytesIO()
    Image.fromarray(np.ones((16, 16), np.float32)).save(buffer, "TIFF")
    with pytest.raises(ImageError, match="floating-point samples"):
        decode_image(buffer.getvalue())


def test_decode_refuses_grey_samples_beyond_16_bits() -> None:
    """32-bit samples that need more than 16 bits have no known scale."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((16, 16), 70_000, np.int32)).save(buffer, "TIFF")
    with pytest.raises(ImageError, match="beyond 16 bits"):
        decode_image(buffer.getvalue())


def with_exif(jpeg: bytes, directory: bytes) -> bytes:
    """Return a JPEG with a hand-made EXIF directory (big-endian)."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + directory
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def test_decode_survives_an_orientation_that_is_no_number() -> None:
    """An orientation in words costs the orientation, not the image."""
    bare = encoded("JPEG")
    words = struct.pack(">HHHI4sI", 1, 0x0112, 2, 4, b"up!\0", 0)
    damaged = with_exif(bare, words)
    assert Image.open(io.BytesIO(damaged)).getexif()[0x0112] == "up!"
    np.testing.assert_array_equal(decode_image(damaged), decode_image(bare))


def test_decode_survives_corrupt_exif() -> None:
    """Damaged EXIF neither warns nor loses the image; it counts as upright."""
    bare = encoded("JPEG")
    # A directory that announces 500 entries, the first with an offset beyond the file.
    damaged = with_exif(bare, struct.pack(">HHHII", 500, 0x0112, 2, 4000, 0xFFFFFF))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Image.open(io.BytesIO(damaged))
    assert caught  # Pillow does warn of this file
    np.testing.assert_array_equal(decode_image(damaged), decode_image(bare))


def test_decode_leaves_the_warning_filters_alone() -> None:
    """Many threads that decode at once restore the filters that they found."""
    data = encoded("TIFF", (16, 16))
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode_image, [data] * 200))
    assert list(warnings.filters) == before


@given(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "TIFF"]), st.data())
def test_decode_of_damaged_bytes_gives_an_image_or_an_image_error(
    kind: str, data: st.DataObject
) -> None:
    """Overwriting any bytes of a file never escapes as another error or a warning."""
    damaged = bytearray(encoded(kind, (20, 20)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(damaged), 400) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    with suppress(ImageError):
        image = decode_image(bytes(damaged), max_pixels=100_000)
        assert image.dtype == np.uint8
        assert image.shape[2] == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices of POSIX")
@pytest.mark.timeout(20)
def test_decode_opens_no_pipe_and_no_device(tmp_path: Path) -> None:
    """A table may name a file that never answers, or never ends."""
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(ImageError, match=r"found a fault .a pipe, socket or device"):
            decode_image(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_decode_reads_no_endless_file(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows an image is not read, where some decoders would: the file's size is limited."""
    path = tmp_path / "image"
    path.write_bytes(encoded(kind))
    monkeypatch.setattr(decode, "MAX_FILE_BYTES", path.stat().st_size)
    assert decode_image(path).shape == decode_image(io.BytesIO(path.read_bytes())).shape
    path.write_bytes(encoded(kind) + b"\0")
    for source in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(ImageError, match=r"found a fault .more than"):
            decode_image(source)


def scans_of(n_scans: int) -> bytes:
    """Return a progressive JPEG with so many further scans, each of a few bytes."""
    buffer = io.BytesIO()
    Image.new("L", (64, 64), 128).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    start = data.rindex(b"\xff\xda")
    end = data.rindex(b"\xff\xd9")
    return data[:end] + data[start:end] * n_scans + data[end:]


def test_decode_refuses_a_jpeg_of_endless_scans() -> None:
    """Each scan costs a pass over the whole image and almost no byte; usual ones are few."""
    assert decode_image(scans_of(20)).shape == (64, 64, 3)
    with pytest.raises(ImageError, match=r"5,00\d scans, of which 100 are allowed"):
        decode_image(scans_of(5000))
