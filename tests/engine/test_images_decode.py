"""Decoding: every kind of file comes out upright, in RGB, the same on every machine."""

from __future__ import annotations

import hashlib
import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from strategies_images import byte_images, hand_made_png, photograph

from iaside_audit.images import decode_image, image_identity

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.types import ByteImage


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@given(byte_images(), st.sampled_from([("PNG", {}), ("BMP", {}), ("TIFF", {})]))
def test_decode_lossless_formats_return_what_was_saved(image: ByteImage, form: Any) -> None:
    """Lossless formats come back pixel by pixel."""
    kind, options = form
    np.testing.assert_array_equal(
        decode_image(encoded(Image.fromarray(image), kind, **options)), image
    )


def test_decode_webp_lossless_returns_what_was_saved() -> None:
    """A lossless WebP comes back pixel by pixel."""
    image = photograph((33, 20))
    data = encoded(Image.fromarray(image), "WEBP", lossless=True)
    np.testing.assert_array_equal(decode_image(data), image)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_decode_undoes_the_exif_orientation(kind: str, orientation: int, tmp_path: Path) -> None:
    """A file turned by its EXIF tag decodes like the upright one."""
    height, width = 24, 40
    upright = np.zeros((height, width, 3), np.uint8)
    upright[:8, :12] = (255, 0, 0)  # top left red, top right green, the rest black
    upright[:8, -12:] = (0, 255, 0)
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"turned.{kind.lower()}"
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(np.ascontiguousarray(turned)).save(path, kind, exif=exif, **options)
    decoded = decode_image(path)
    assert decoded.shape == upright.shape
    assert decoded[2, 2, 0] > 200
    assert decoded[2, 2, 1] < 60
    assert decoded[2, -3, 1] > 200
    assert decoded[-3, 2].max() < 60


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_decode_16_bit_grey_is_scaled_not_saturated(kind: str) -> None:
    """A 16-bit ramp keeps its high byte in all three channels."""
    samples = np.linspace(0, 65535, 64 * 32, dtype=np.uint16).reshape(32, 64)
    decoded = decode_image(encoded(Image.fromarray(samples), kind))
    expected = (samples >> 8).astype(np.uint8)
    np.testing.assert_array_equal(decoded, np.repeat(expected[:, :, None], 3, axis=2))


def test_decode_16_bit_samples_in_32_bit_tiff_are_scaled() -> None:
    """Pillow's mode I holding 16-bit samples is scaled as 16 bits."""
    samples = np.full((16, 16), 32768, np.int32)
    decoded = decode_image(encoded(Image.fromarray(samples), "TIFF"))
    np.testing.assert_array_equal(decoded, np.full((16, 16, 3), 128, np.uint8))


def test_decode_12_bit_tiff_is_scaled_by_its_own_depth() -> None:
    """The largest 12-bit sample is white; the file is written here tag by tag."""
    side, first_byte = 16, 8
    pixels = b"\x80\x0f\xff" * (side * side // 2)  # samples 0x800 and 0xfff in turn
    # Size, bits, no compression, grey; then one strip of one channel.
    tags = [(256, side), (257, side), (258, 12), (259, 1), (262, 1)]
    tags += [(273, first_byte), (277, 1), (278, side), (279, len(pixels))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    data = b"II*\0" + struct.pack("<I", first_byte + len(pixels)) + pixels + directory
    decoded = decode_image(data)
    np.testing.assert_array_equal(decoded[:, ::2], 0x80)
    np.testing.assert_array_equal(decoded[:, 1::2], 255)


def test_decode_16_bit_rgb_keeps_the_high_byte() -> None:
    """A 16-bit RGB PNG, written here by hand, decodes to the high byte of each sample."""
    samples = np.random.default_rng(0).integers(0, 65536, (16, 16, 3), dtype=np.uint16)
    data = hand_made_png(16, 16, bit_depth=16, colour_type=2, rows=samples.astype(">u2"))
    np.testing.assert_array_equal(decode_image(data), (samples >> 8).astype(np.uint8))


def test_decode_cmyk_jpeg_becomes_rgb() -> None:
    """A CMYK JPEG of pure cyan ink is cyan in RGB."""
    ink = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    decoded = decode_image(encoded(ink, "JPEG", quality=95))
    np.testing.assert_allclose(decoded[16, 16], (0, 255, 255), atol=6)


def test_decode_palette_with_transparency_is_white_where_transparent() -> None:
    """The transparent entry of a palette shows white, not its hidden colour."""
    picture = Image.new("P", (16, 16), 0)
    picture.putpalette([200, 10, 10, 10, 200, 10])
    picture.paste(1, (8, 0, 16, 16))
    decoded = decode_image(encoded(picture, "PNG", transparency=b"\x00\xff"))
    np.testing.assert_array_equal(decoded[0, 0], (255, 255, 255))
    np.testing.assert_array_equal(decoded[0, 15], (10, 200, 10))


@pytest.mark.parametrize(
    ("mode", "hidden", "shown"),
    [("RGBA", (9, 99, 199), (9, 99, 199)), ("LA", (77,), (77, 77, 77))],
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_decode_alpha_is_composited_over_white(
    kind: str, mode: str, hidden: tuple[int, ...], shown: tuple[int, ...]
) -> None:
    """Opaque pixels keep their colour, transparent ones are white, half ones in between."""
    picture = Image.new(mode, (32, 16), (*hidden, 255))
    picture.paste((*hidden, 0), (0, 0, 8, 16))
    picture.paste((*hidden, 128), (8, 0, 16, 16))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    decoded = decode_image(encoded(picture, kind, **options))
    np.testing.assert_array_equal(decoded[8, 4], (255, 255, 255))
    np.testing.assert_array_equal(decoded[8, 24], shown)
    middle = [255 + (value - 255) * 128 / 255 for value in shown]
    np.testing.assert_allclose(decoded[8, 12], middle, atol=1)


def test_decode_colour_key_is_white() -> None:
    """The colour that an RGB PNG declares transparent becomes white."""
    picture = Image.new("RGB", (16, 16), (1, 2, 3))
    picture.paste((4, 5, 6), (8, 0, 16, 16))
    decoded = decode_image(encoded(picture, "PNG", transparency=(1, 2, 3)))
    np.testing.assert_array_equal(decoded[0, 0], (255, 255, 255))
    np.testing.assert_array_equal(decoded[0, 15], (4, 5, 6))


@pytest.mark.parametrize("mode", ["1", "L", "YCbCr"])
def test_decode_other_modes_become_rgb(mode: str) -> None:
    """Bilevel, grey and YCbCr white and black are white and black in RGB."""
    picture = Image.new("RGB", (32, 16), "white")
    picture.paste("black", (0, 0, 16, 16))
    decoded = decode_image(encoded(picture.convert(mode), "TIFF"))
    np.testing.assert_array_equal(decoded, np.asarray(picture))


def test_decode_accepts_paths_bytes_and_files_alike(tmp_path: Path) -> None:
    """A path, its bytes, a view of them and an open file give the same pixels."""
    path = tmp_path / "Straße 図 é.PNG"
    image = photograph((20, 30))
    path.write_bytes(encoded(Image.fromarray(image), "PNG"))
    data = path.read_bytes()
    with path.open("rb") as file:
        sources = [decode_image(one) for one in (path, data, memoryview(data), file)]
        assert not file.closed
    for decoded in sources:
        np.testing.assert_array_equal(decoded, image)
    assert sources[0].flags.writeable


def test_identity_is_the_stated_byte_layout() -> None:
    """The digest is sha256 over "HxWx3," and the samples in C order."""
    image = photograph((17, 23))
    expected = hashlib.sha256(b"17x23x3," + image.tobytes()).hexdigest()
    assert image_identity(image) == expected
    assert image_identity(np.asfortranarray(image)) == expected


@given(byte_images(high=24), st.data())
def test_identity_follows_every_sample_and_the_shape(image: ByteImage, data: Any) -> None:
    """Changing one sample, or the shape alone, changes the identity."""
    other = image.copy()
    other.reshape(-1)[data.draw(st.integers(0, image.size - 1))] ^= 1
    flat = image.reshape(1, -1, 3)
    assert len({image_identity(one) for one in (image, other, flat)}) == 3
