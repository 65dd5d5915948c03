"""Folders of images that others have corrupted, laid out as ImageNet-C is.

``corruption/severity/class/image``, or with a category above it (``noise/gaussian_noise/1/...``),
as the published archives unpack.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import ImageError, SpecError
from iaside_audit.images import decode_image, resize_and_crop
from iaside_audit.registry import CORRUPTIONS, nearest
from iaside_audit.robustness.corruptions import SEVERITIES
from iaside_audit.robustness.read_image import to_float
from iaside_audit.robustness.requests import ReadyMadeRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.robustness.read_image import ReadImage
    from iaside_audit.types import ByteImage, FloatImage

_LEVELS: Final = frozenset(str(severity) for severity in SEVERITIES)


def is_ready_made(path: Path) -> bool:
    """Say whether a folder is laid out as ImageNet-C is."""
    return path.is_dir() and any(_folders(path))


def ready_made_request(
    root: Path, *, names: Sequence[str] = (), severities: Sequence[int] = ()
) -> ReadyMadeRequest:
    """Find the conditions that a folder holds.

    Parameters
    ----------
    root : Path
        The folder.
    names : sequence of str
        Which corruptions; of the fifteen those that are there, unless given.
    severities : sequence of int
        Which severities; those that are there, unless given.

    Raises
    ------
    SpecError
        If one that is named is not there, the nearest being named, or nothing is there.
    """
    found = dict(_folders(root))
    known = list(dict.fromkeys(name for name, _ in found))
    for name in names:
        if name not in known:
            raise SpecError(
                f"Expected a corruption out of those in '{root}' ({', '.join(known)}), found "
                f"{name!r}.{nearest(name, known)}",
                path=str(root),
                found=name,
            )
    wanted = names or [name for name in CORRUPTIONS.builtin if name in known]
    levels = severities or SEVERITIES
    missing = [
        f"{name}/{level}" for name in names for level in severities if (name, level) not in found
    ]
    conditions = [(name, level) for name in wanted for level in levels if (name, level) in found]
    if missing or not conditions:
        raise SpecError(
            f"Expected folders corruption/severity/class in '{root}', found no "
            f"{', '.join(missing) or 'known corruption'}. Check the folder, or name another one.",
            path=str(root),
        )
    return ReadyMadeRequest(
        root=str(root.absolute()),
        conditions=tuple(conditions),
        folders=tuple(found[one] for one in conditions),
    )


class ReadyMadeCopies:
    """The corrupted copies of an image, from files.

    A copy that has the size of the frame is taken as it is; another one is resized to it.

    Parameters
    ----------
    request : ReadyMadeRequest
        Where the copies are.
    preprocessing : Preprocessing
        Of the frame.
    """

    def __init__(self, request: ReadyMadeRequest, preprocessing: Preprocessing) -> None:
        self._request = request
        self._preprocessing = replace(preprocessing, resize=preprocessing.crop_size)

    def __call__(self, read: ReadImage) -> Iterator[FloatImage]:
        """Yield the copy of every condition.

        Raises
        ------
        ImageError
            If a copy is missing or cannot be read.
        """
        for folder in self._request.folders:
            path = Path(self._request.root, folder, read.path)
            if not path.is_file():
                raise ImageError(
                    f"Expected a corrupted copy of {read.path!r} at '{path}', found none.",
                    path=str(path),
                )
            yield to_float(self._at_frame(decode_image(path, name=f"{folder}/{read.path}")))

    def _at_frame(self, pixels: ByteImage) -> ByteImage:
        channels = self._preprocessing.n_channels
        if pixels.shape == (*self._preprocessing.crop_size, channels):
            return pixels
        return resize_and_crop(pixels, self._preprocessing)


def _folders(root: Path) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield corruption and severity, and their folder, with or without categories above."""
    try:
        tops = sorted(one for one in root.iterdir() if one.is_dir())
        nested = [below for one in tops for below in sorted(one.iterdir()) if below.is_dir()]
    except OSError as error:
        raise SpecError(
            f"Expected a folder of corrupted images, found '{root}': {error.strerror}. "
            "Check the path.",
            path=str(root),
        ) from error
    for corruption in (*tops, *nested):
        levels = sorted(one.name for one in corruption.iterdir() if one.is_dir())
        if levels and _LEVELS.issuperset(levels):
            for level in levels:
                folder = (corruption / level).relative_to(root).as_posix()
                yield (corruption.name, int(level)), folder
