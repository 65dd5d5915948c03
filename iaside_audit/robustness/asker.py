"""A worker's way to ask the model about images that were made from a photograph."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.auditing.evaluation.inputs import normalise, to_layout, to_model_order
from iaside_audit.images import resize_components

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from iaside_audit.classifier.session import OnnxClassifier
    from iaside_audit.preprocessing import Preprocessing
    from iaside_audit.types import FloatImage, FloatMatrix, FloatVector


class Asker:
    """Puts images through the model and keeps count.

    Parameters
    ----------
    classifier : OnnxClassifier
        The model.
    preprocessing : Preprocessing
        Of the model's input; images come after its resize and crop, before its normalisation.
    batch : int
        Images of a call at most.
    """

    def __init__(
        self, classifier: OnnxClassifier, preprocessing: Preprocessing, batch: int
    ) -> None:
        self._classifier = classifier
        self._preprocessing = preprocessing
        self._batch = batch
        self.n_evaluations = 0

    def log_probabilities(self, images: Iterable[FloatImage]) -> FloatMatrix:
        """Return the natural-log probabilities of images, (n, n_classes).

        Parameters
        ----------
        images : iterable of (C, H, W) float32
            In 0..1 and beyond, channels in RGB or grey; another size than the input is resized
            with the preprocessing's filter. They are made one batch at a time.
        """
        answers = []
        source = iter(images)
        while chunk := list(islice(source, self._batch)):
            answers.append(self._classifier(self._model_input(np.stack(chunk))).values)
            self.n_evaluations += len(chunk)
        return np.concatenate(answers)

    def label_and_best_other(
        self, images: Iterable[FloatImage], labels: int | NDArray[np.int64]
    ) -> tuple[FloatVector, FloatVector]:
        """Return the log-probabilities of the label and of the best other class, each (n,).

        Parameters
        ----------
        images : iterable of (C, H, W) float32
            As for :meth:`log_probabilities`.
        labels : int or (n,) int64
            One class for all of them, or one for each.
        """
        scores = self.log_probabilities(images)
        rows = np.arange(len(scores))
        log_p = scores[rows, labels]
        scores[rows, labels] = -np.inf
        return log_p, scores.max(axis=1)

    def _model_input(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        size = self._preprocessing.crop_size
        if images.shape[-2:] != size:
            images = resize_components(images, size, self._preprocessing.interpolation)
        ordered = to_model_order(images, self._preprocessing)
        normalised = normalise(ordered, self._preprocessing)
        return np.ascontiguousarray(to_layout(normalised, self._preprocessing.layout))
