"""A worker's part in a measurement: photographs in, rows of named arrays out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, assert_never

import numpy as np

from iaside_audit.errors import ImageError
from iaside_audit.images import read_pixels
from iaside_audit.result import FailedImage
from iaside_audit.robustness.asker import Asker
from iaside_audit.robustness.attack import AttackSearch
from iaside_audit.robustness.copies import copies_of
from iaside_audit.robustness.read_image import ReadImage, audit_partition, prepared
from iaside_audit.robustness.requests import (
    AttackRequest,
    CorruptionRequest,
    HeatmapRequest,
    PassbandRequest,
    ReadyMadeRequest,
    SnrRequest,
)
from iaside_audit.robustness.rows import MeasuredRow
from iaside_audit.robustness.snr_sweep import SnrSweep
from iaside_audit.robustness.sweeps import CorruptionSweep, HeatmapSweep, PassbandSweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from iaside_audit.auditing.evaluation.evaluate import LeaseItem
    from iaside_audit.auditing.evaluation.settings import EvaluationSettings
    from iaside_audit.classifier.session import OnnxClassifier
    from iaside_audit.robustness.requests import Request
    from iaside_audit.robustness.sweeps import Arrays, Measurement

OWN_LABEL: Final = -1
"""The label of an image until the model itself has said it."""
ATTACK_LEASE: Final = 32
"""Images that are attacked together: each round of queries is one call of the model."""


def images_a_lease(request: Request) -> int:
    """Return how many images a measurement takes at once."""
    return ATTACK_LEASE if isinstance(request, AttackRequest) else 1


class MeasurementEvaluator:
    """Measures leases of images.

    Parameters
    ----------
    classifier : OnnxClassifier
        The model.
    settings : EvaluationSettings
        Preprocessing, batch, and the specification whose bands, range and seed are used.
    request : Request
        What is measured.
    """

    def __init__(
        self, classifier: OnnxClassifier, settings: EvaluationSettings, request: Request
    ) -> None:
        self._frame = settings.frame_preprocessing
        self._asker = Asker(classifier, settings.preprocessing, settings.batch)
        self._measure = _measurement(self._asker, settings, request)

    @property
    def n_evaluations(self) -> int:
        """Images put through the model so far."""
        return self._asker.n_evaluations

    def __call__(self, items: Sequence[LeaseItem]) -> Iterator[MeasuredRow | FailedImage]:
        """Yield a row, or a failure, for each item, in order."""
        prepared = [self._prepare(item) for item in items]
        read = [one for one in prepared if isinstance(one, ReadImage)]
        if not read:
            yield from (one for one in prepared if isinstance(one, FailedImage))
            return
        clean = self._asker.log_probabilities([one.image for one in read])
        predictions = clean.argmax(axis=1).tolist()
        read = [
            one if one.label >= 0 else replace(one, label=prediction)
            for one, prediction in zip(read, predictions, strict=True)
        ]
        try:
            arrays = self._measure(read)
        except ImageError as error:  # an image beside the one that was read
            yield from (FailedImage(path=item.image.path, reason=error.message) for item in items)
            return
        measured = iter(zip(read, clean, predictions, arrays, strict=True))
        for item, one in zip(items, prepared, strict=True):
            if isinstance(one, FailedImage):
                yield one
            else:
                yield _row(item, *next(measured))

    def look(self, items: Iterable[LeaseItem]) -> list[bool]:
        """Return whether the model is right, for every unchanged image that can be read."""
        read = [one for one in map(self._prepare, items) if isinstance(one, ReadImage)]
        if not read:
            return []
        predictions = self._asker.log_probabilities([one.image for one in read]).argmax(axis=1)
        return [
            one.label == prediction
            for one, prediction in zip(read, predictions.tolist(), strict=True)
        ]

    def _prepare(self, item: LeaseItem) -> ReadImage | FailedImage:
        label = OWN_LABEL if item.image.label is None else item.image.label
        try:
            return prepared(
                read_pixels(item.image),
                self._frame,
                path=item.image.path,
                image_id=item.image.image_id,
                label=label,
            )
        except ImageError as error:
            return FailedImage(path=item.image.path, reason=error.message)


def _row(
    item: LeaseItem,
    read: ReadImage,
    clean: NDArray[np.float64],
    prediction: int,
    arrays: Arrays,
) -> MeasuredRow | FailedImage:
    others = np.delete(clean, read.label)
    arrays = {
        "clean_log_p": np.asarray(clean[read.label], dtype=np.float32),
        "clean_best_other": np.asarray(others.max(), dtype=np.float32),
        **arrays,
    }
    broken = [name for name, values in arrays.items() if not np.isfinite(values).all()]
    if broken:
        return FailedImage(
            path=item.image.path,
            reason=f"the model returned a value that is not finite ({', '.join(broken)})",
        )
    return MeasuredRow(
        index=item.index,
        image_id=item.image.image_id,
        path=item.image.path,
        label=read.label,
        prediction=prediction,
        arrays=arrays,
    )


def _measurement(asker: Asker, settings: EvaluationSettings, request: Request) -> Measurement:
    size = settings.frame_preprocessing.crop_size
    match request:
        case CorruptionRequest() | ReadyMadeRequest():
            copies = copies_of(request, settings.spec.seed, settings.frame_preprocessing)
            return CorruptionSweep(asker, copies, audit_partition(settings.spec, size))
        case SnrRequest(has_answers=has_answers):
            made = request.as_corruptions
            copies = copies_of(made, settings.spec.seed, settings.frame_preprocessing)
            partition = audit_partition(settings.spec, size)
            return SnrSweep(asker, copies, partition, has_answers=has_answers)
        case HeatmapRequest():
            return HeatmapSweep(asker, settings.spec, request, size)
        case PassbandRequest():
            return PassbandSweep(asker, settings.spec, request, size)
        case AttackRequest():
            return AttackSearch(asker, settings.spec, request)
        case _:
            assert_never(request)
