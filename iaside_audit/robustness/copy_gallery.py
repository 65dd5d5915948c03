"""Corrupted photographs to look at, beside the clean ones, exactly as they were measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iaside_audit.errors import ImageError
from iaside_audit.images import (
    decode_image,
    find_images,
    image_identity,
    read_image,
    resize_and_crop,
)
from iaside_audit.robustness.corruptions import corrupt, corruption_generator
from iaside_audit.robustness.requests import CorruptionRequest, ReadyMadeRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.types import ByteImage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorruptedCopy:
    """One photograph, clean and under one condition.

    Parameters
    ----------
    path : str
        Relative to the data set's root.
    clean, corrupted : (H, W, C) uint8
        At the size at which it was measured; C is 3, or 1 for a grey model.
    """

    path: str
    clean: ByteImage
    corrupted: ByteImage


class CopyGallery:
    """The images of a measurement of corruptions.

    Parameters
    ----------
    images : Path
        Where the clean ones are.
    request : CorruptionRequest or ReadyMadeRequest
        What was measured.
    preprocessing : Preprocessing
        At the frame.
    seed : int
        Of the measurement.
    paths : sequence of str
        The images that were measured, in the order to show them; all of `images` where empty.

    Raises
    ------
    ImageError
        If there are no images any more.
    """

    def __init__(
        self,
        images: Path,
        request: CorruptionRequest | ReadyMadeRequest,
        preprocessing: Preprocessing,
        *,
        seed: int,
        paths: Sequence[str] = (),
    ) -> None:
        records = {one.path: one for one in find_images(images).records}
        self._records = [records[path] for path in paths or records if path in records]
        if not self._records:
            raise ImageError(
                f"Expected the images that were measured in '{images}', found none of them. "
                "Put them back, or measure again.",
                path=str(images),
            )
        self._request = request
        self._preprocessing = preprocessing
        self._seed = seed

    def __len__(self) -> int:
        return len(self._records)

    def copy(self, place: int, name: str, severity: int) -> CorruptedCopy:
        """Return one image under one condition.

        Raises
        ------
        ImageError
            If the image, or its ready-made copy, cannot be read.
        """
        record = self._records[place]
        pixels = read_image(record.location, record.position, record.path)
        clean = resize_and_crop(pixels, self._preprocessing)
        if isinstance(self._request, CorruptionRequest):
            identity = image_identity(pixels)
            generator = corruption_generator(self._seed, identity, name, severity)
            corrupted = corrupt(clean, name, severity, generator=generator)
        else:
            corrupted = self._ready_made(self._request, record.path, name, severity)
        return CorruptedCopy(path=record.path, clean=clean, corrupted=corrupted)

    def _ready_made(
        self, request: ReadyMadeRequest, path: str, name: str, severity: int
    ) -> ByteImage:
        folder = request.folders[request.conditions.index((name, severity))]
        file = Path(request.root, folder, path)
        if not file.is_file():
            raise ImageError(
                f"Expected a corrupted copy of {path!r} at '{file}', found none. "
                "Put the folder back that was measured.",
                path=str(file),
            )
        return decode_image(file, name=f"{folder}/{path}")
