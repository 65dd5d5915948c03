"""A photograph as a measurement takes it: after resize and crop, before normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.choices import Norm
from iaside_audit.images import resize_and_crop
from iaside_audit.spectrum import make_partition

if TYPE_CHECKING:
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.spec import AuditSpec
    from iaside_audit.spectrum import Partition
    from iaside_audit.types import ByteImage, FloatImage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadImage:
    """A photograph after resize and crop, with the class that is asked about.

    Parameters
    ----------
    path : str
        Relative to the data set's root.
    image_id : str
        sha256 of the decoded image.
    label : int
        Its class.
    pixels : (H, W, C) uint8
        At the frame.
    image : (C, H, W) float32
        The same, 0..1.
    """

    path: str
    image_id: str
    label: int
    pixels: ByteImage
    image: FloatImage


def prepared(
    decoded: ByteImage, preprocessing: Preprocessing, *, path: str, image_id: str, label: int
) -> ReadImage:
    """Bring a decoded image to the frame; `preprocessing` is that of the frame.

    Raises
    ------
    ImageError
        If it cannot be brought there.
    """
    pixels = resize_and_crop(decoded, preprocessing)
    return ReadImage(
        path=path, image_id=image_id, label=label, pixels=pixels, image=to_float(pixels)
    )


def to_float(pixels: ByteImage) -> FloatImage:
    """Return (H, W, C) bytes as (C, H, W) float32 in 0..1."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32)
    planes /= 255
    return planes


def audit_partition(spec: AuditSpec, size: tuple[int, int]) -> Partition:
    """Return the bands of an audit at a size of (height, width)."""
    height, width = size
    return make_partition(
        height=height,
        width=width,
        n_bands=spec.bands,
        norm=Norm(spec.norm),
        spacing=spec.spacing,
    )
