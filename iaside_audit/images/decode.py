"""Decode an untrusted image file to RGB, and name an image by its content.

Limits are checked on the header, before a single pixel is decoded; only the five formats of
:data:`FORMATS` are ever handed to a decoder.
"""

from __future__ import annotations

import hashlib
import io
import stat
import threading
import warnings
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from iaside_audit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageFile import ImageFile

    from iaside_audit.types import ByteImage

FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
"""What is decoded, in Pillow's names; every further decoder would be attack surface."""

MIN_SIDE_PX: Final = 16
"""Below this no partition of the spectrum is meaningful, and reference mode is undefined."""

MAX_PIXELS: Final = 64_000_000
"""Largest image that is decoded: 192 MB in RGB, above any camera's ImageNet-like photograph."""

MAX_FILE_BYTES: Final = 8 * MAX_PIXELS + (16 << 20)
"""The largest image, uncompressed in 16 bits with transparency, and its metadata. Some decoders
read the whole file, whatever its header announces."""

MAX_SCANS: Final = 100
"""Of a JPEG: progressive ones have about ten. Each passes over the whole image, though it may take
less than a hundred bytes of the file."""

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation; 1 and unknown ones need nothing."""

_FILTERS_LOCK = threading.Lock()


def decode_image(
    source: Path | bytes | bytearray | memoryview | BinaryIO,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> ByteImage:
    """Decode an image to RGB, upright.

    The EXIF orientation is applied. 16-bit samples keep their high byte; grey, palette, CMYK and
    YCbCr become RGB by Pillow's own conversion, colour profiles are not applied. Transparency is
    composited over white, so that colours hidden under it never reach a model. Of several frames
    the first is taken.

    Parameters
    ----------
    source : path, bytes-like or binary file
        A PNG, JPEG, WebP, BMP or TIFF, whatever its suffix.
    max_pixels : int
        The most pixels that are decoded; Pillow's own limit of 179 million stays above it.
    name : str or None
        What messages call the image; the path by default.

    Returns
    -------
    (H, W, 3) uint8
        A writable array of its own.

    Raises
    ------
    ImageError
        If the file is missing, no regular one, of another format, damaged, larger than `max_pixels`
        or :data:`MAX_FILE_BYTES`, or has a side below :data:`MIN_SIDE_PX`.
    """
    path = str(source) if isinstance(source, Path) else None
    name = name or path or "the image"
    try:
        with _binary(source) as file:
            return _decode(file, name, max_pixels)
    except ImageError as error:
        error.path = path or name
        raise
    except Exception as error:  # damaged files make Pillow raise errors of many types
        raise ImageError(
            f"Expected a readable image in {name!r}, found {_fault(error)}. "
            "Replace it or leave it out.",
            path=path or name,
            expected="a readable image",
            found=_fault(error),
        ) from error


def image_identity(image: ByteImage) -> str:
    """Return the sha256 that names an image by its content (METHOD.md, section 0).

    The digest is over the ASCII text ``"<H>x<W>x<C>,"`` followed by the samples, one byte each,
    row by row, the channels of a pixel together (C order).

    Parameters
    ----------
    image : (H, W, C) uint8
        The decoded image, before any resize.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> image_identity(np.zeros((16, 16, 3), np.uint8))[:16]
    'd51e6f9726262e4f'
    """
    digest = hashlib.sha256(("x".join(map(str, image.shape)) + ",").encode("ascii"))
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def check_size(height: int, width: int, name: str, *, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse an image that is too small to have bands, or too large to be decoded safely.

    Raises
    ------
    ImageError
        Naming the limit and the size found.
    """
    found = f"{height} x {width} px"
    if min(height, width) < MIN_SIDE_PX:
        expected = f"sides of at least {MIN_SIDE_PX} px"
        advice = "Leave it out, or use the original of this thumbnail."
    elif height * width > max_pixels:
        expected = f"at most {max_pixels:,} pixels"
        advice = "Scale it down first, or leave it out."
    else:
        return
    raise ImageError(
        f"Expected {expected} in {name!r}, found {found}. {advice}",
        path=name,
        expected=expected,
        found=found,
    )


def _decode(file: BinaryIO, name: str, max_pixels: int) -> ByteImage:
    """Check the header, then decode the pixels."""
    with _pillow_is_quiet():
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError as error:
            raise ImageError(
                f"Expected a PNG, JPEG, WebP, BMP or TIFF image in {name!r}, found "
                f"{_content(file)}. Convert it or leave it out.",
                expected="PNG, JPEG, WebP, BMP or TIFF",
                found=_content(file),
            ) from error
        except Image.DecompressionBombError as error:
            raise ImageError(
                f"Expected at most {max_pixels:,} pixels in {name!r}, found a header that "
                "announces far more. Scale it down first, or leave it out.",
                expected=f"at most {max_pixels:,} pixels",
            ) from error
    check_size(image.height, image.width, name, max_pixels=max_pixels)
    if image.format == "JPEG":
        _check_scans(file)
    # Only TIFF reads its metadata, and may warn, while it decodes; the others decode in parallel.
    with _pillow_is_quiet() if image.format == "TIFF" else nullcontext():
        image.load()
    turn = _TURNS.get(_orientation(image))
    rgb = _to_rgb(image)
    return np.array(rgb if turn is None else rgb.transpose(turn))


def _to_rgb(image: ImageFile) -> Image.Image:
    """Convert any mode that the five formats may hold to RGB."""
    if image.mode.startswith("I"):
        grey = np.asarray(image)
        bits = int(image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0]) if hasattr(image, "tag_v2") else 16
        depth = min(bits, 16)  # mode I holds 16-bit samples in 32 bits
        if grey.min() < 0 or grey.max() >= 1 << depth:
            raise ValueError(f"grey samples beyond {depth} bits, whose scale is unknown")
        return Image.fromarray((grey >> (depth - 8)).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point samples, whose scale is unknown")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


_BITS_PER_SAMPLE: Final = 258
"""The TIFF tag."""


def _orientation(image: ImageFile) -> int:
    """Return the EXIF orientation, 1..8; damaged metadata counts as upright."""
    with _pillow_is_quiet():
        try:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
        except Exception:  # noqa: BLE001 - the pixels are sound, whatever the metadata does
            return 1


@contextmanager
def _pillow_is_quiet() -> Iterator[None]:
    """Drop Pillow's warnings, also where warnings are errors.

    ``catch_warnings`` swaps a list that all threads share, so entries must not overlap.
    """
    with _FILTERS_LOCK, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _binary(source: Path | bytes | bytearray | memoryview | BinaryIO) -> BinaryIO:
    """Return `source` as a binary file; one given by the caller stays the caller's to close."""
    if isinstance(source, Path):
        status = source.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise ValueError("a pipe, socket or device")  # which may block, or never end
        _check_bytes(status.st_size)
        return source.open("rb")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    data = source.read(MAX_FILE_BYTES + 1)
    _check_bytes(len(data))
    return io.BytesIO(data)


def _check_bytes(n_bytes: int) -> None:
    if n_bytes > MAX_FILE_BYTES:
        raise ValueError(f"more than {MAX_FILE_BYTES:,} bytes")


def _check_scans(file: BinaryIO) -> None:
    """Refuse a JPEG of which a few bytes would keep a processor busy for hours."""
    place, n_scans, last = file.tell(), 0, b""
    file.seek(0)
    while block := file.read(1 << 20):
        n_scans += (last + block).count(b"\xff\xda")  # entropy-coded data never hold it
        last = block[-1:]
    file.seek(place)
    if n_scans > MAX_SCANS:
        raise ValueError(f"{n_scans:,} scans, of which {MAX_SCANS} are allowed")


def _content(file: BinaryIO) -> str:
    """Say in words what a file that is no image holds."""
    file.seek(0)
    head = file.read(16)
    if not head:
        return "an empty file"
    if head.startswith(b"GIF8"):
        return "a GIF"
    if head[4:8] == b"ftyp":
        return "an AVIF, HEIC or video file"
    if head.isascii() and head.decode("ascii").strip("\r\n\t").isprintable():
        return "text"
    return "other content or a damaged header"


def _fault(error: Exception) -> str:
    """Say in words why a file cannot be decoded."""
    match error:
        case FileNotFoundError():
            return "no file"
        case IsADirectoryError():
            return "a folder"
        case PermissionError():
            return "a file that may not be read"
        case _:
            return f"a fault ({str(error) or type(error).__name__})"
