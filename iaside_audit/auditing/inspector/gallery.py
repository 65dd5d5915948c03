"""Images to look at one by one, and what stands in for their absent bands."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from iaside_audit.auditing.plan import STATISTICS_IMAGES, partner_of
from iaside_audit.classifier.providers import available_threads
from iaside_audit.errors import SpecError
from iaside_audit.images import (
    class_table,
    find_images,
    image_identity,
    index_images,
    read_image,
    resolve_labels,
)
from iaside_audit.spectrum import baseline_needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from iaside_audit.auditing.evaluation.settings import EvaluationSettings
    from iaside_audit.auditing.wire import Message
    from iaside_audit.images import ImageIndex, ImageRecord, Labelling, Listing
    from iaside_audit.spec import AuditSpec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery:
    """Images that can be looked at, in the order of their list.

    Parameters
    ----------
    listing : Listing
        Where they are from.
    labelling : Labelling
        The images, and the class of each; None where only the model itself can say.
    names : tuple of str, or None
        What the model's outputs are called, where that is known.
    notes : tuple of str
        What there is to know about the labels.
    """

    listing: Listing
    labelling: Labelling
    names: tuple[str, ...] | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labelling.records)

    def record(self, place: int) -> ImageRecord:
        """Return one image."""
        return self.labelling.records[place]

    def label(self, place: int) -> int | None:
        """Return the class of one image, None for the model's own answer."""
        return self.labelling.labels[place]

    def class_name(self, index: int) -> str:
        """Return what an output of the model is called."""
        return f"class {index}" if self.names is None else self.names[index]

    def place_of(self, path: str) -> int | None:
        """Return the position of the image that reports call `path`."""
        paths = (one.path for one in self.labelling.records)
        return next((place for place, known in enumerate(paths) if known == path), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One image under the settings of an audit.

    Parameters
    ----------
    spec : AuditSpec
        Model, images, bands, baseline, range: as an audit would take them.
    place : int
        Position of the image in the gallery of `spec`.
    """

    spec: AuditSpec
    place: int


def gather_images(spec: AuditSpec, n_classes: int) -> Gallery:
    """Find the images of a specification and what is known of their classes.

    Where no labels are found, they are the model's own, and a note says so.

    Raises
    ------
    ImageError
        If there is none.
    SpecError
        If the labels or the names of classes that are asked for cannot be used.
    """
    listing = find_images(spec.images)
    notes: tuple[str, ...] = ()
    try:
        labelling = resolve_labels(
            listing, labels=spec.labels, classes=spec.classes, n_classes=n_classes
        )
    except SpecError as error:
        if spec.labels != "auto" or error.expected != "labels":
            raise
        notes = (error.message,)
        labelling = resolve_labels(listing, labels="self", n_classes=n_classes)
    names = labelling.class_names or class_table(spec.classes, n_classes).names
    return Gallery(
        listing=listing,
        labelling=labelling,
        names=names,
        notes=(*notes, *labelling.warnings),
    )


class Surroundings:
    """What the baselines take from the other images, found once for a gallery and kept.

    The first 256 images of the list are looked at. Where there are no more, everything here is
    what an audit of the same images takes; where there are, an audit takes 256 in another order.

    Parameters
    ----------
    gallery : Gallery
        The images.
    call : callable
        Sends one task to the worker and returns its last reply.
    is_cancelled : callable
        Asked now and then while images are read.
    """

    def __init__(
        self,
        gallery: Gallery,
        call: Callable[[Message], Message],
        is_cancelled: Callable[[], bool],
    ) -> None:
        self._gallery = gallery
        self._call = call
        self._is_cancelled = is_cancelled
        self._index: tuple[int, ImageIndex] | None = None
        self._statistics: dict[str, Message] = {}

    def of(self, place: int, settings: EvaluationSettings) -> dict[str, Any]:  # Any: JSON, arrays
        """Return what a ``look`` at one image needs besides the image itself."""
        spec = settings.spec
        needs = baseline_needs(spec.baseline)
        found: dict[str, Any] = {"partner": None}
        if needs.partner:
            record = self._gallery.record(place)
            pixels = read_image(record.location, record.position, record.path)
            entries = self._indexed(spec.seed).entries
            image_id = image_identity(pixels)
            if not {one.image_id for one in entries} - {image_id}:
                raise SpecError(
                    "Expected at least two different images for the baseline shuffle, found one. "
                    "Add images, or choose another baseline."
                )
            partner = partner_of(image_id, entries, seed=spec.seed)
            found["partner"] = _wire(partner.path, partner.location, partner.position)
        if needs.statistics:
            found |= self._measured(settings)
        return found

    def _measured(self, settings: EvaluationSettings) -> Message:
        """Return mean colour and mean power of the images at the frame."""
        preprocessing = asdict(settings.frame_preprocessing)
        key = str(preprocessing)
        if key not in self._statistics:
            reply = self._call(
                {
                    "task": "statistics",
                    "preprocessing": preprocessing,
                    "images": [one.to_wire() for one in self._indexed(settings.spec.seed).entries],
                }
            )
            self._statistics[key] = {
                name: reply[name] for name in ("mean_colour", "power", "n_images")
            }
        return self._statistics[key]

    def _indexed(self, seed: int) -> ImageIndex:
        if self._index is None or self._index[0] != seed:
            labelling = self._gallery.labelling
            self._index = (
                seed,
                index_images(
                    self._gallery.listing,
                    replace(
                        labelling,
                        records=labelling.records[:STATISTICS_IMAGES],
                        labels=labelling.labels[:STATISTICS_IMAGES],
                    ),
                    seed=seed,
                    workers=available_threads(),
                    is_cancelled=self._is_cancelled,
                ),
            )
        return self._index[1]


def _wire(path: str, location: str, position: int | None) -> dict[str, Any]:  # Any: JSON
    return {"path": path, "location": location, "position": position}
