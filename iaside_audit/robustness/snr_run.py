"""One SNR measurement: what is asked, and its run over images with progress and cancel."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from iaside_audit.choices import DEFAULT_BANDS, Norm, Spacing, parse_spacing
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.events import AuditCancelled, Stage
from iaside_audit.images import (
    Labelling,
    find_images,
    index_images,
    read_pixels,
    resize_and_crop,
)
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.registry import CORRUPTIONS
from iaside_audit.result import FailedImage
from iaside_audit.robustness.corruptions import corrupt, corruption_generator
from iaside_audit.robustness.corruptions.parameters import check_severity, suite_for
from iaside_audit.robustness.snr import SnrAccumulator
from iaside_audit.spectrum import make_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from iaside_audit.events import Control
    from iaside_audit.images import ImageIndex, IndexedImage
    from iaside_audit.robustness.snr import SnrResult
    from iaside_audit.types import ByteImage

    Progress = Callable[[Stage, int, int], None]

DEFAULT_SIZE: Final = 224
MIN_PAIRS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SnrSpec:
    """What is asked of an SNR measurement.

    Parameters
    ----------
    images : path
        The clean images, as for an audit; labels are not needed.
    corrupted : tuple of path
        Folders of the same images, corrupted, under the same names; instead of corruptions.
    corruptions : tuple of str
        Names; all fifteen where empty and `corrupted` is empty too.
    severities : tuple of int
        Out of 1..5.
    size : "auto" or int
        Side of the images; shorter side resized to 8/7 of it and cropped, as ImageNet's 256 and
        224. ``auto``: as they are where all have one size, else 224.
    bands : int
        Number of bands.
    norm : Norm
        The radius rho.
    spacing : Spacing or tuple of float
        Of the bands.
    max_images : int or None
        The first so many of the seeded order.
    seed : int
        Of the order, the corruptions and the bootstrap.
    confidence : float
        Of the intervals, in (0.5, 1).

    Raises
    ------
    SpecError
        Naming every fault at once.
    """

    images: Path
    corrupted: tuple[Path, ...] = ()
    corruptions: tuple[str, ...] = ()
    severities: tuple[int, ...] = ()
    size: str | int = "auto"
    bands: int = DEFAULT_BANDS
    norm: Norm = Norm.LINF
    spacing: Spacing | tuple[float, ...] = Spacing.UNIFORM
    max_images: int | None = None
    seed: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        object.__setattr__(self, "corrupted", tuple(dict.fromkeys(self.corrupted)))
        faults = []
        if self.corrupted and (self.corruptions or self.severities):
            faults.append("Expected either corrupted images or corruptions to apply, found both.")
        for name in self.corruptions:
            faults += _fault_of(partial(CORRUPTIONS.check, name))
        for severity in self.severities:
            faults += _fault_of(partial(check_severity, severity))
        if self.size != "auto" and not (isinstance(self.size, int) and self.size >= 8):  # noqa: PLR2004
            faults.append(f"Expected a size of auto or at least 8 pixels, found {self.size!r}.")
        if not 0.5 < self.confidence < 1:  # noqa: PLR2004
            faults.append(f"Expected a confidence in (0.5, 1), found {self.confidence}.")
        if self.max_images is not None and self.max_images < MIN_PAIRS:
            faults.append(f"Expected at least {MIN_PAIRS} images, found {self.max_images}.")
        if self.seed < 0:
            faults.append(f"Expected a seed that is not negative, found {self.seed}.")
        if faults:
            raise SpecError(" ".join(faults))

    @property
    def conditions(self) -> tuple[tuple[str, int], ...]:
        """Corruptions and severities to apply; none with corrupted images."""
        if self.corrupted:
            return ()
        names = self.corruptions or CORRUPTIONS.builtin
        return tuple((name, level) for name in names for level in self.severities or (3,))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SnrRun:
    """What an SNR measurement found.

    Parameters
    ----------
    created : str
        ISO 8601.
    spec : SnrSpec
        What was asked.
    size : (int, int)
        Height and width at which pairs were compared.
    suite : str or None
        The published parameters of the corruptions; None for corrupted images.
    manifest_sha256 : str
        Names the clean images.
    results : tuple of SnrResult
        One for each condition.
    failed : tuple of FailedImage
        Images left out.
    """

    created: str
    spec: SnrSpec
    size: tuple[int, int]
    suite: str | None
    manifest_sha256: str
    results: tuple[SnrResult, ...]
    failed: tuple[FailedImage, ...]


def measure_snr(
    spec: SnrSpec,
    control: Control,
    on_progress: Progress = lambda _stage, _done, _total: None,
) -> SnrRun:
    """Measure the SNR of every condition over all images.

    Parameters
    ----------
    spec : SnrSpec
        What is asked.
    control : Control
        Looked at between any two images.
    on_progress : callable
        Takes the stage, the images done and their total.

    Raises
    ------
    AuditCancelled
        If `control` says so.
    ImageError
        If images are missing, too small, or fewer than two pairs can be read.
    SpecError
        If the bands do not fit the size.
    """
    index = _index(spec.images, spec, control, on_progress)
    entries = index.entries[: spec.max_images]
    preparation = _preparation(spec, entries)
    height, width = preparation.crop_size
    partition = make_partition(
        height=height,
        width=width,
        n_bands=spec.bands,
        norm=spec.norm,
        spacing=parse_spacing(spec.spacing),
    )
    copies = {
        str(folder): _partners(folder, spec, entries, control, on_progress)
        for folder in spec.corrupted
    }
    sums: dict[tuple[str, int | None], SnrAccumulator] = {
        key: SnrAccumulator(partition)
        for key in (*spec.conditions, *((folder, None) for folder in copies))
    }
    failed = list(index.failed)
    for done, entry in enumerate(entries):
        if control.is_cancelled:
            raise AuditCancelled(f"Cancelled after {done} of {len(entries)} images.")
        on_progress(Stage.COMPARING_SPECTRA, done, len(entries))
        try:
            clean = _prepared(entry, preparation)
        except ImageError as error:
            failed.append(FailedImage(path=entry.path, reason=error.message))
            continue
        for folder, partners in copies.items():
            try:
                sums[folder, None].add(clean, _prepared(partners[entry.path], preparation))
            except ImageError as error:
                path = f"{folder}/{partners[entry.path].path}"
                failed.append(FailedImage(path=path, reason=error.message))
        for name, severity in spec.conditions:
            generator = corruption_generator(spec.seed, entry.image_id, name, severity)
            sums[name, severity].add(clean, corrupt(clean, name, severity, generator=generator))
    on_progress(Stage.COMPARING_SPECTRA, len(entries), len(entries))
    n_pairs = min(len(one) for one in sums.values())
    if n_pairs < MIN_PAIRS:
        reason = failed[0].reason if failed else "there is only one"
        raise ImageError(
            f"Expected at least {MIN_PAIRS} pairs of images, found {n_pairs}: "
            f"{reason.rstrip('.')}. Give more images.",
            path=str(spec.images),
        )
    return SnrRun(
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        spec=spec,
        size=(height, width),
        suite=None if copies else suite_for(height, width).name,
        manifest_sha256=index.manifest_sha256,
        results=tuple(
            one.finish(name, severity, seed=spec.seed, confidence=spec.confidence)
            for (name, severity), one in sums.items()
        ),
        failed=tuple(failed),
    )


def _fault_of(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except SpecError as error:
        return [error.message]
    return []


def _index(path: Path, spec: SnrSpec, control: Control, on_progress: Progress) -> ImageIndex:
    listing = find_images(path)
    unlabelled = Labelling(
        records=listing.records, labels=(None,) * len(listing.records), source="none"
    )
    return index_images(
        listing,
        unlabelled,
        seed=spec.seed,
        workers=available_threads(),
        on_progress=lambda done, total: on_progress(Stage.READING_IMAGES, done, total),
        is_cancelled=lambda: control.is_cancelled,
    )


def _preparation(spec: SnrSpec, entries: Sequence[IndexedImage]) -> Preprocessing:
    """Return what brings all images to one size."""
    sizes = {(one.height, one.width) for one in entries}
    if isinstance(spec.size, int):
        side = spec.size
    elif len(sizes) == 1:
        return Preprocessing(resize=0, crop=next(iter(sizes)), source="their own size")
    else:
        side = DEFAULT_SIZE
    return Preprocessing(resize=round(side * 8 / 7), crop=side, source="--size")


def _prepared(entry: IndexedImage, preparation: Preprocessing) -> ByteImage:
    """Read an image and bring it to the size, unless it has it."""
    pixels = read_pixels(entry)
    if pixels.shape[:2] == preparation.crop_size:
        return pixels
    return resize_and_crop(pixels, preparation)


def _partners(
    folder: Path,
    spec: SnrSpec,
    entries: Sequence[IndexedImage],
    control: Control,
    on_progress: Progress,
) -> Mapping[str, IndexedImage]:
    """Return the corrupted image of each clean one: of the same path, whatever the suffix.

    Raises
    ------
    ImageError
        If one is missing.
    """
    index = _index(folder, spec, control, on_progress)
    by_stem = {_stem(one.path): one for one in index.entries}
    found = {one.path: by_stem[_stem(one.path)] for one in entries if _stem(one.path) in by_stem}
    missing = [one.path for one in entries if one.path not in found]
    if missing:
        raise ImageError(
            f"Expected in '{folder}' a corrupted copy of every image of '{spec.images}', "
            f"found none of {len(missing)} ({missing[0]}, ...). Give folders with the same names.",
            path=str(folder),
        )
    return found


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))
