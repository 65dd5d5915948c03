"""Evaluate one lease in reference mode: a whole batch, as the authors' code does (METHOD.md, 7)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import softmax

from iaside_audit.auditing.evaluation.evaluate import label_and_best_other
from iaside_audit.auditing.evaluation.inputs import normalise, to_layout, to_model_order
from iaside_audit.errors import ImageError
from iaside_audit.games import all_codes, coalition_matrix
from iaside_audit.images import prepare, read_pixels
from iaside_audit.randomness import Purpose, image_generator
from iaside_audit.result import FailedImage
from iaside_audit.rows import ValueRow
from iaside_audit.spectrum import ReferenceFilter

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from numpy.typing import NDArray

    from iaside_audit.auditing.evaluation.evaluate import LeaseItem
    from iaside_audit.auditing.evaluation.settings import EvaluationSettings
    from iaside_audit.classifier.session import OnnxClassifier

LEAST_PROBABILITY: Final = 1e-30
"""The authors' floor for models that give probabilities."""


class ReferenceEvaluator:
    """Evaluates whole batches with the authors' published filter and formulas.

    Parameters
    ----------
    classifier : OnnxClassifier
        The model under audit.
    settings : EvaluationSettings
        What decides the numbers.
    """

    def __init__(self, classifier: OnnxClassifier, settings: EvaluationSettings) -> None:
        self._classifier = classifier
        self._settings = settings
        self.n_evaluations = 0

    def __call__(
        self,
        items: Sequence[LeaseItem],
        wanted: Container[int],  # noqa: ARG002 - an image depends on its whole batch
    ) -> Iterator[tuple[LeaseItem, ValueRow | FailedImage]]:
        """Yield one row an image; where one image fails, the whole batch does."""
        started = time.perf_counter()
        try:
            images = np.stack(
                [prepare(read_pixels(item.image), self._settings.preprocessing) for item in items]
            )
            log_p, best_other, predictions = self._evaluate(images, items)
        except ImageError as error:
            for item in items:
                reason = f"its batch failed: {error.message}"
                yield item, FailedImage(path=item.image.path, reason=reason)
            return
        elapsed_s = (time.perf_counter() - started) / len(items)
        for number, item in enumerate(items):
            row = ValueRow(
                index=item.index,
                image_id=item.image.image_id,
                path=item.image.path,
                label=self._label(item),
                prediction=int(predictions[number]),
                coalitions=all_codes(self._settings.spec.bands),
                log_p=log_p[number],
                best_other=best_other[number],
                elapsed_s=elapsed_s,
            )
            yield item, row

    def _evaluate(
        self, images: NDArray[np.float32], items: Sequence[LeaseItem]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
        """Return log p and best other (images, coalitions), and the grand predictions."""
        spec = self._settings.spec
        codes = all_codes(spec.bands)
        band_filter = ReferenceFilter(
            images,
            n_bands=spec.bands,
            baseline=spec.baseline,
            generator=image_generator(spec.seed, items[0].image.image_id, Purpose.BASELINE),
        )
        log_p = np.empty((len(items), len(codes)), dtype=np.float32)
        best_other = np.empty_like(log_p)
        predictions = np.zeros(len(items), dtype=np.intp)
        for column, coalition in enumerate(coalition_matrix(codes, n_players=spec.bands)):
            scores = self._log_probabilities(band_filter.filtered(coalition))
            if coalition.all():
                predictions = scores.argmax(axis=1)
            for number, item in enumerate(items):
                one, other = label_and_best_other(scores[number : number + 1], self._label(item))
                log_p[number, column], best_other[number, column] = one[0], other[0]
        return log_p, best_other, predictions

    def _log_probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log of the float32 softmax; -inf where a probability underflows."""
        preprocessing = self._settings.preprocessing
        model_inputs = to_layout(
            normalise(to_model_order(images, preprocessing), preprocessing),
            self._classifier.graph.layout,
        )
        self.n_evaluations += len(model_inputs)
        batch = self._settings.batch
        logits = []
        for start in range(0, len(model_inputs), batch):
            piece = model_inputs[start : start + batch]
            feed = np.zeros((batch, *piece.shape[1:]), dtype=np.float32)
            feed[: len(piece)] = piece
            logits.append(self._classifier.logits(feed, least=LEAST_PROBABILITY)[: len(piece)])
        with np.errstate(divide="ignore"):
            return np.log(softmax(np.concatenate(logits), axis=1)).astype(np.float64)

    @staticmethod
    def _label(item: LeaseItem) -> int:
        label = item.image.label
        if label is None:
            raise ImageError("Expected a label for every image in reference mode, found none.")
        return label
