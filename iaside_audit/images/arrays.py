"""Images in a NumPy ``.npz`` file: ``images``, and ``labels`` where there are any."""

from __future__ import annotations

import threading
import zipfile
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.errors import ImageError
from iaside_audit.images.decode import check_size

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from iaside_audit.types import ByteImage

_EXPECTED: Final = "uint8 'images' of shape (N, H, W, 3), (N, 3, H, W) or grey (N, H, W)"

MAX_EXPANSION: Final = 20
"""Photographs become a third when they are compressed, drawings a tenth; a bomb a thousandth."""
HARMLESS_BYTES: Final = 1 << 30
"""An array that takes no more may be as flat as it likes."""

_LOAD_LOCK = threading.Lock()


def inspect_npz(path: Path) -> tuple[int, tuple[str, ...] | None]:
    """Check an ``.npz`` file by its headers and read its labels.

    Returns
    -------
    n_images : int
        At least 1.
    labels : tuple of str, or None
        One label an image, as text; None where the file has no ``labels``.

    Raises
    ------
    ImageError
        If the file is damaged, or its arrays have other shapes or types, or hold Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            shape, dtype = _header(archive, "images")
            label_header = (
                _header(archive, "labels") if "labels.npy" in archive.namelist() else None
            )
    except Exception as error:  # damaged archives raise errors of many types
        raise _refusal(path, f"a file that does not hold them ({error})") from error
    size = _image_size(shape)
    if dtype != np.uint8 or 0 in shape or size is None:
        raise _refusal(path, f"{dtype} of shape {shape}")
    check_size(*size, str(path))
    if label_header is None:
        return shape[0], None
    label_shape, label_dtype = label_header
    if label_shape != shape[:1] or label_dtype.kind not in "iuU":
        raise ImageError(
            f"Expected 'labels' of shape ({shape[0]},), whole numbers or text, in '{path}', found "
            f"{label_dtype} of shape {label_shape}. Save them again, one for each image.",
            path=str(path),
            expected=f"({shape[0]},)",
            found=str(label_shape),
        )
    return shape[0], tuple(str(label) for label in _load(path, "labels").tolist())


def npz_image(path: Path, position: int) -> ByteImage:
    """Return one image of an ``.npz`` file, in RGB.

    The array is decompressed once and kept until another file is read.

    Parameters
    ----------
    path : path
        A file that :func:`inspect_npz` accepts.
    position : int
        Of the image, from 0.

    Returns
    -------
    (H, W, 3) uint8
        A copy; grey is repeated into the three channels.
    """
    try:
        with _LOAD_LOCK:  # several threads would each decompress the whole array
            image = _kept_images(path, path.stat().st_mtime_ns)[position]
    except (OSError, IndexError) as error:
        raise ImageError(
            f"Expected image {position} in '{path}', found none ({error}).", path=str(path)
        ) from error
    if image.ndim == 2:  # noqa: PLR2004 - grey, without an axis of channels
        image = image[:, :, np.newaxis]
    elif image.shape[2] not in (1, 3):
        image = image.transpose(1, 2, 0)
    return np.array(np.broadcast_to(image, (*image.shape[:2], 3)), order="C")


@lru_cache(maxsize=1)
def _kept_images(path: Path, _modified_ns: int) -> NDArray[np.uint8]:
    """Return all images of a file; a file that was written again is read again."""
    inspect_npz(path)
    return _load(path, "images")


def _load(path: Path, name: str) -> NDArray[Any]:  # Any: the caller has checked the header
    """Return one array of an ``.npz`` file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            array: NDArray[Any] = arrays[name]
            return array
    except Exception as error:  # damaged archives raise errors of many types
        raise _refusal(path, f"a damaged file ({error})") from error


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read shape and type of an array without decompressing its data; refuse a bomb."""
    with archive.open(f"{name}.npy") as member:
        if np.lib.format.read_magic(member) == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(member)
    n_bytes = prod(shape) * dtype.itemsize
    n_stored = archive.getinfo(f"{name}.npy").compress_size
    if n_bytes > max(HARMLESS_BYTES, MAX_EXPANSION * n_stored):
        raise ValueError(f"{n_bytes:,} bytes of {name} from {n_stored:,}")
    return shape, dtype


def _image_size(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Return height and width of the images of an array, or None for no such layout."""
    match shape[1:]:
        case (height, width) | (height, width, 1 | 3) | (1 | 3, height, width):
            return height, width
        case _:
            return None


def _refusal(path: Path, found: str) -> ImageError:
    return ImageError(
        f"Expected {_EXPECTED} in '{path}', found {found}. "
        "Save them with numpy.savez(file, images=..., labels=...).",
        path=str(path),
        expected=_EXPECTED,
        found=found,
    )
