"""Index a data set: decode every image once, name it by content, and fix the orders.

The index is what the rest of an audit works from; its entries travel to worker processes as JSON,
and are read there by :func:`read_pixels`.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.errors import ImageError
from iaside_audit.events import AuditCancelled
from iaside_audit.images.arrays import npz_image
from iaside_audit.images.decode import decode_image, image_identity
from iaside_audit.images.tables import enumerate_few
from iaside_audit.randomness import canonical_key
from iaside_audit.result import FailedImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from iaside_audit.images.labels import Labelling
    from iaside_audit.images.sources import ImageRecord, Listing
    from iaside_audit.types import ByteImage

_POLL_S: Final = 0.1
"""How long a cancelled index may go unnoticed; promised is 0.2 s."""

_QUEUED_PER_WORKER: Final = 4
"""Enough to keep a thread busy between two looks at the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedImage:
    """One readable image of a data set; plain values only, to travel as JSON.

    Parameters
    ----------
    path : str
        Its name in reports and in the manifest hash.
    location : str
        Absolute path of the file that holds it.
    position : int or None
        Of the image in an ``.npz``.
    image_id : str
        sha256 of the decoded image (METHOD.md, section 0).
    label : int or None
        Position of its class in the output; None where the model itself will say.
    height, width : int
        Of the decoded image, in pixels.
    """

    path: str
    location: str
    position: int | None
    image_id: str
    label: int | None
    height: int
    width: int

    def to_wire(self) -> dict[str, Any]:  # Any: JSON
        """Return the entry as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> IndexedImage:  # Any: JSON
        """Build an entry from the values of :meth:`to_wire`."""
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIndex:
    """The readable images of a data set, in both orders.

    Parameters
    ----------
    entries : tuple of IndexedImage
        In the canonical order of the seed.
    listed : tuple of int
        Positions in `entries`, in the order of the manifest, for reference mode.
    failed : tuple of FailedImage
        Images that cannot be read, in the order of the manifest.
    manifest_sha256 : str
        Of the data set as read, whatever its order or place.
    """

    entries: tuple[IndexedImage, ...]
    listed: tuple[int, ...]
    failed: tuple[FailedImage, ...]
    manifest_sha256: str


def index_images(
    listing: Listing,
    labelling: Labelling,
    *,
    seed: int,
    workers: int,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> ImageIndex:
    """Decode every image once and fix identity, size and order.

    Parameters
    ----------
    listing : Listing
        Where the images lie, for messages.
    labelling : Labelling
        The images that take part, with their labels.
    seed : int
        Of the canonical order.
    workers : int
        Threads that decode; decoding releases the interpreter's lock. The index does not depend
        on it.
    on_progress : callable
        Called in this thread with the images done and their total, at most every few images.
    is_cancelled : callable
        Asked at least every 0.1 s.

    Raises
    ------
    AuditCancelled
        If `is_cancelled` says so.
    ImageError
        If no image can be read; the first reasons are listed.
    """
    outcomes = _inspect_all(labelling, workers, on_progress, is_cancelled)
    listed = [one for one in outcomes if isinstance(one, IndexedImage)]
    failed = tuple(one for one in outcomes if isinstance(one, FailedImage))
    if not listed:
        reasons = enumerate_few([one.reason.rstrip(".") for one in failed])
        raise ImageError(
            f"Expected a readable image in '{listing.root}', found none among {len(failed)}: "
            f"{reasons}.",
            path=str(listing.root),
            expected="a readable image",
            found=reasons,
        )

    def canonical(position: int) -> tuple[str, int, str]:
        entry = listed[position]
        label = -1 if entry.label is None else entry.label
        return canonical_key(seed, entry.image_id), label, entry.path

    order = sorted(range(len(listed)), key=canonical)
    rank = {position: place for place, position in enumerate(order)}
    return ImageIndex(
        entries=tuple(listed[position] for position in order),
        listed=tuple(rank[position] for position in range(len(listed))),
        failed=failed,
        manifest_sha256=manifest_digest(listed),
    )


def manifest_digest(entries: Iterable[IndexedImage]) -> str:
    r"""Return the sha256 that names a data set (METHOD.md, section 0).

    The digest is over the lines ``image_id,label,path`` in sorted order, in UTF-8, each ended by
    ``\n``; the label is ``self`` where the model gives it.
    """
    lines = sorted(
        f"{one.image_id},{'self' if one.label is None else one.label},{one.path}\n"
        for one in entries
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_pixels(entry: IndexedImage) -> ByteImage:
    """Decode the image of an entry, and check that it is still the one that was indexed.

    Returns
    -------
    (H, W, 3) uint8
        RGB, upright.

    Raises
    ------
    ImageError
        If the file cannot be read or has changed.
    """
    image = read_image(Path(entry.location), entry.position, entry.path)
    found = image_identity(image)
    if found != entry.image_id:
        raise ImageError(
            f"Expected in {entry.path!r} the image that was indexed ({entry.image_id[:12]}), found "
            f"another ({found[:12]}). Start the audit again, with files that do not change.",
            path=entry.path,
            expected=entry.image_id,
            found=found,
        )
    return image


def read_image(location: Path, position: int | None, name: str) -> ByteImage:
    """Decode an image that was not indexed, whatever it holds.

    Parameters
    ----------
    location : path
        The file that holds it.
    position : int or None
        Of the image in an ``.npz``.
    name : str
        For messages.

    Returns
    -------
    (H, W, 3) uint8
        RGB, upright.

    Raises
    ------
    ImageError
        If the file cannot be read.
    """
    if position is None:
        return decode_image(location, name=name)
    return npz_image(location, position)


def _inspect(record: ImageRecord, label: int | None) -> IndexedImage | FailedImage:
    """Decode one image and forget its pixels."""
    try:
        image = read_image(record.location, record.position, record.path)
    except ImageError as error:
        return FailedImage(path=record.path, reason=error.message)
    return IndexedImage(
        path=record.path,
        location=str(record.location),
        position=record.position,
        image_id=image_identity(image),
        label=label,
        height=image.shape[0],
        width=image.shape[1],
    )


def _inspect_all(
    labelling: Labelling,
    workers: int,
    on_progress: Callable[[int, int], None],
    is_cancelled: Callable[[], bool],
) -> list[IndexedImage | FailedImage]:
    """Inspect all records in threads; the outcomes stand in the order of the records."""
    total = len(labelling.records)
    outcomes: dict[int, IndexedImage | FailedImage] = {}
    pending: dict[Future[IndexedImage | FailedImage], int] = {}
    queue = iter(enumerate(zip(labelling.records, labelling.labels, strict=True)))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="index")
    try:
        while len(outcomes) < total:
            for place, (record, label) in islice(
                queue, _QUEUED_PER_WORKER * workers - len(pending)
            ):
                pending[pool.submit(_inspect, record, label)] = place
            done, _ = wait(pending, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            if is_cancelled():
                raise AuditCancelled(
                    f"Cancelled while reading images ({len(outcomes)} of {total})."
                )
            outcomes |= {pending.pop(future): future.result() for future in done}
            on_progress(len(outcomes), total)
    finally:
        # Not waited for: an image that is being decoded may take longer than a cancel may.
        pool.shutdown(wait=False, cancel_futures=True)
    return [outcomes[place] for place in range(total)]
