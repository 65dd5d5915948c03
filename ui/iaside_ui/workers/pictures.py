"""Corrupted images to look at, made in a thread: the one asked for last comes next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from iaside_ui.state.robustness import PicturePair
from iaside_ui.workers.jobs import Jobs

if TYPE_CHECKING:
    from iaside_audit.robustness.copy_gallery import CopyGallery
    from iaside_audit.robustness.findings import CorruptionFinding
    from iaside_ui.state.robustness import Condition


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureRequest:
    """Which image under which condition; `paths` are the images that were measured, if known."""

    finding: CorruptionFinding
    paths: tuple[str, ...]
    condition: Condition
    place: int


class CorruptedPictures(QObject):
    """Makes one picture at a time; what was asked for meanwhile is forgotten but for the last.

    Parameters
    ----------
    parent : QObject or None
        Its owner.
    """

    pairMade = Signal(object, PicturePair)  # the finding, and its picture
    pairFailed = Signal(object, Exception)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = Jobs(self)
        self._wanted: PictureRequest | None = None
        self._gallery: tuple[CorruptionFinding, CopyGallery] | None = None

    def look(self, request: PictureRequest) -> None:
        """Ask for a picture; :attr:`pairMade` or :attr:`pairFailed` follows."""
        self._wanted = request
        self._start()

    def close(self) -> None:
        """Wait for the picture under way, and hear no more of it."""
        self._jobs.close()

    def _start(self) -> None:
        request = self._wanted
        if request is None or self._jobs.is_busy:
            return
        self._wanted = None
        gallery = None
        if self._gallery is not None and self._gallery[0] is request.finding:
            gallery = self._gallery[1]
        self._jobs.start(
            partial(_pictured, request, gallery),
            partial(self._take, request),
            partial(self._miss, request),
        )

    def _take(self, request: PictureRequest, made: tuple[CopyGallery, PicturePair]) -> None:
        gallery, pair = made
        self._gallery = (request.finding, gallery)
        self.pairMade.emit(request.finding, pair)
        self._start()

    def _miss(self, request: PictureRequest, error: Exception) -> None:
        self.pairFailed.emit(request.finding, error)
        self._start()


def _pictured(
    request: PictureRequest, gallery: CopyGallery | None
) -> tuple[CopyGallery, PicturePair]:
    """Corrupt one image as it was measured."""
    import numpy as np  # noqa: PLC0415 - with the engine

    from iaside_audit.robustness.copy_gallery import CopyGallery  # noqa: PLC0415

    finding, condition = request.finding, request.condition
    origin = finding.origin
    if origin.preprocessing is None:
        raise ValueError("a document without preprocessing has no pictures")
    if gallery is None:
        gallery = CopyGallery(
            Path(origin.images),
            finding.request,
            origin.preprocessing,
            seed=origin.seed,
            paths=request.paths,
        )
    place = request.place % len(gallery)
    made = gallery.copy(place, *condition)
    clean, corrupted = (
        np.repeat(one, 3, axis=2) if one.shape[2] == 1 else one
        for one in (made.clean, made.corrupted)
    )
    return gallery, PicturePair(
        path=made.path,
        place=place,
        n_images=len(gallery),
        condition=condition,
        clean=clean,
        corrupted=corrupted,
    )
