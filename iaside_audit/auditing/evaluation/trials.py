"""A worker's part in trying preprocessings: the same images under several candidates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from iaside_audit.auditing.evaluation.inputs import normalise, to_layout, to_model_order
from iaside_audit.classifier.recipes import Geometry, geometry_in
from iaside_audit.errors import ImageError
from iaside_audit.images import IndexedImage, read_pixels, resize_and_crop
from iaside_audit.preprocessing import ChannelOrder, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from iaside_audit.auditing.wire import Message
    from iaside_audit.classifier.session import OnnxClassifier
    from iaside_audit.types import ByteImage

LEAST_LOG_P: Final = float(np.log(1e-12))
"""Worse answers count as this: one image of a saturated network must not decide a mean."""
KEPT_BYTES: Final = 256 << 20
"""All of 200 images as ImageNet's, half of them at twice the pixels."""
UNKNOWN: Final = -1
"""The label of an image without one, and the prediction where the model gave no number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """A model's answers to the same images under one or several preprocessings.

    Parameters
    ----------
    log_p : (..., n) float64
        Natural log-probability of the label, at least :data:`LEAST_LOG_P`; NaN without label.
    confidence : (..., n) float64
        Probability of the predicted class.
    prediction : (..., n) int64
        The predicted class.
    """

    log_p: NDArray[np.float64]
    confidence: NDArray[np.float64]
    prediction: NDArray[np.int64]

    @classmethod
    def none(cls, *shape: int) -> Self:
        """Return what counts where the model gives no number: wrong, and not confident."""
        return cls(
            log_p=np.full(shape, LEAST_LOG_P),
            confidence=np.zeros(shape),
            prediction=np.full(shape, UNKNOWN, dtype=np.int64),
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the answers to the images of all `parts`, in turn."""
        return cls(
            **{
                name: np.concatenate([getattr(one, name) for one in parts], axis=-1)
                for name in cls.__slots__
            }
        )

    @classmethod
    def from_wire(cls, reply: Message) -> Self:
        """Build from the reply of :class:`TrialRunner`."""
        return cls(**{name: reply[name] for name in cls.__slots__})

    def first(self, n_images: int) -> Answers:
        """Return the answers to the first images."""
        return Answers(
            log_p=self.log_p[..., :n_images],
            confidence=self.confidence[..., :n_images],
            prediction=self.prediction[..., :n_images],
        )

    def of(self, candidate: int) -> Answers:
        """Return the answers under one of several preprocessings."""
        return Answers(
            log_p=self.log_p[candidate],
            confidence=self.confidence[candidate],
            prediction=self.prediction[candidate],
        )


class TrialRunner:
    """Puts images through the open model under any preprocessing.

    Decoded images are kept up to :data:`KEPT_BYTES`, the first ones, which are asked for most.

    Parameters
    ----------
    classifier : OnnxClassifier
        The open model.
    """

    def __init__(self, classifier: OnnxClassifier) -> None:
        self._classifier = classifier
        self._kept: dict[str, ByteImage] = {}
        self._room = KEPT_BYTES

    def __call__(self, message: Message) -> Message:
        """Put some images through the model under every candidate.

        An image is resized once for each geometry among the candidates.

        Parameters
        ----------
        message : Message
            ``candidates``, the fields of each preprocessing; ``images``, indexed images; ``batch``,
            rows of a call of the model.

        Returns
        -------
        Message
            The fields of :class:`Answers`, (candidates, images) each. An image that cannot be read
            any more, or is smaller than a crop, gives no answer.
        """
        candidates = [Preprocessing(**one) for one in message["candidates"]]
        images = [IndexedImage.from_wire(values) for values in message["images"]]
        shapes = {_shape_of(one): one for one in candidates}
        with ThreadPoolExecutor() as pool:  # Pillow releases the interpreter's lock
            rows = pool.map(lambda one: self._crops(one, shapes.values()), images)
            crops = dict(zip(shapes, zip(*rows, strict=True), strict=True))
        labels = labels_of(images)
        answers = Answers.none(len(candidates), len(images))
        for row, one in enumerate(candidates):
            self._ask(one, crops[_shape_of(one)], labels, int(message["batch"]), answers.of(row))
        return {name: getattr(answers, name) for name in Answers.__slots__}

    def _crops(
        self, image: IndexedImage, shapes: Iterable[Preprocessing]
    ) -> list[ByteImage | None]:
        """Return one crop of an image for each geometry."""
        pixels = self._kept.get(image.image_id)
        if pixels is None:
            try:
                pixels = read_pixels(image)
            except ImageError:
                return [None for _ in shapes]
            if pixels.nbytes <= self._room:
                self._room -= pixels.nbytes
                self._kept[image.image_id] = pixels
        return [_crop(pixels, one) for one in shapes]

    def _ask(
        self,
        preprocessing: Preprocessing,
        crops: Sequence[ByteImage | None],
        labels: NDArray[np.int64],
        batch: int,
        answers: Answers,
    ) -> None:
        """Fill in the answers to the images that have a crop."""
        made = [place for place, crop in enumerate(crops) if crop is not None]
        for start in range(0, len(made), batch):
            places = np.array(made[start : start + batch])
            pixels = np.stack([crop for crop in (crops[one] for one in places) if crop is not None])
            values = self._classifier(_model_input(pixels, preprocessing)).values
            is_number = np.isfinite(values.max(axis=1))  # NaN and +inf: the network overflowed
            values, places = values[is_number], places[is_number]
            rows, right = np.arange(len(places)), labels[places]
            prediction = values.argmax(axis=1)
            answers.prediction[places] = prediction
            answers.confidence[places] = np.exp(values[rows, prediction])
            answers.log_p[places] = np.where(
                right == UNKNOWN, np.nan, np.maximum(values[rows, right], LEAST_LOG_P)
            )


def labels_of(images: Iterable[IndexedImage]) -> NDArray[np.int64]:
    """Return the labels of some images, :data:`UNKNOWN` where they have none."""
    return np.array([UNKNOWN if one.label is None else one.label for one in images], dtype=np.int64)


def _shape_of(preprocessing: Preprocessing) -> tuple[Geometry, bool]:
    """Return all that decides the pixels of a crop."""
    return geometry_in(preprocessing), preprocessing.channel_order == ChannelOrder.GREY


def _crop(pixels: ByteImage, preprocessing: Preprocessing) -> ByteImage | None:
    try:
        return resize_and_crop(pixels, preprocessing)
    except ImageError:
        return None


def _model_input(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    images = pixels.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    normalised = normalise(to_model_order(images, preprocessing), preprocessing)
    return to_layout(normalised, preprocessing.layout)
