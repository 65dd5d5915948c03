"""Evaluate one lease: images in, value rows out (DESIGN.md, "How the data flows")."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from iaside_audit.auditing.evaluation.ahead import Ahead, threads_ahead
from iaside_audit.auditing.evaluation.inputs import CoalitionInputs
from iaside_audit.choices import Estimator
from iaside_audit.classifier.feeds import WHITE, as_bytes
from iaside_audit.classifier.providers import CPU
from iaside_audit.errors import ImageError, InferenceError
from iaside_audit.games import all_codes, coalition_matrix, draw_orders, walk_codes
from iaside_audit.images import IndexedImage, read_pixels
from iaside_audit.randomness import Purpose, image_generator
from iaside_audit.result import FailedImage
from iaside_audit.rows import ValueRow
from iaside_audit.spectrum import baseline_needs

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from iaside_audit.auditing.evaluation.settings import EvaluationSettings
    from iaside_audit.classifier.session import LogProbabilities, OnnxClassifier
    from iaside_audit.spec import AuditSpec
    from iaside_audit.spectrum import DatasetStatistics
    from iaside_audit.types import CoalitionMatrix, CodeVector, Components


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseItem:
    """One image of a lease.

    Parameters
    ----------
    index : int
        Position in the order of the audit.
    image : IndexedImage
        Where its pixels are, and its label; None for the model's own.
    partner : IndexedImage or None
        The image that stands in for absent bands, with the baseline ``shuffle``.
    """

    index: int
    image: IndexedImage
    partner: IndexedImage | None = None

    def to_wire(self) -> dict[str, Any]:  # Any: JSON
        """Return JSON-ready values."""
        partner = None if self.partner is None else self.partner.to_wire()
        return {"index": self.index, "image": self.image.to_wire(), "partner": partner}

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> Self:  # Any: JSON
        """Build from :meth:`to_wire`'s values."""
        partner = values["partner"]
        return cls(
            index=values["index"],
            image=IndexedImage.from_wire(values["image"]),
            partner=None if partner is None else IndexedImage.from_wire(partner),
        )


@dataclass(slots=True)
class _Work:
    """One image on its way to a row; arrays are ordered as `codes`."""

    item: LeaseItem
    codes: CodeVector
    coalitions: CoalitionMatrix
    parts: Components
    log_p: NDArray[np.float64] = field(init=False)
    best_other: NDArray[np.float64] = field(init=False)
    label: int = -1
    prediction: int = -1
    n_floored: int = 0

    def __post_init__(self) -> None:
        self.log_p = np.zeros(len(self.codes))
        self.best_other = np.zeros(len(self.codes))

    def take(self, at: Sequence[int] | NDArray[np.intp], scores: LogProbabilities) -> None:
        """Keep the label's and the best other log-probability of some coalitions."""
        self.log_p[at], self.best_other[at] = label_and_best_other(scores.values, self.label)
        if scores.is_floored is not None:
            self.n_floored += int(scores.is_floored[:, self.label].sum())


def label_and_best_other(
    log_probabilities: NDArray[np.float64], label: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the log-probability of `label` and of the best other class, each (B,)."""
    others = np.delete(log_probabilities, label, axis=1)
    return log_probabilities[:, label], others.max(axis=1)


def coalition_names(code: int, n_bands: int) -> str:
    """Say which bands a coalition holds, for messages.

    Examples
    --------
    >>> coalition_names(0b101, 3), coalition_names(0, 3)
    ('bands 0, 2', 'no band')
    """
    bands = [str(band) for band in range(n_bands) if code >> band & 1]
    return f"bands {', '.join(bands)}" if bands else "no band"


def row_codes(spec: AuditSpec, estimator: Estimator, image_id: str) -> CodeVector:
    """Return the coalitions that an image's row holds, (P,) uint32: empty and grand come first."""
    if estimator == Estimator.EXACT:
        return all_codes(spec.bands)
    orders = image_generator(spec.seed, image_id, Purpose.ORDERS)
    return walk_codes(draw_orders(orders, n_players=spec.bands, n_pairs=spec.pairs))


class LeaseEvaluator:
    """Evaluates leases in corrected mode.

    A lease is cut into batches at fixed rows, and an image that failed or is not wanted leaves its
    rows empty: so every
    matrix product and every call of the model has the same shape whatever happens to the others,
    which is what makes rows repeat to the bit.

    Parameters
    ----------
    classifier : OnnxClassifier
        The model under audit.
    settings : EvaluationSettings
        What decides the numbers.
    statistics : DatasetStatistics or None
        For the baselines that need them.
    """

    def __init__(
        self,
        classifier: OnnxClassifier,
        settings: EvaluationSettings,
        *,
        statistics: DatasetStatistics | None,
    ) -> None:
        self._classifier = classifier
        self._settings = settings
        self._inputs = CoalitionInputs(
            settings,
            layout=classifier.graph.layout,
            input_size=settings.preprocessing.crop_size,
            statistics=statistics,
        )
        # One for all leases: to get so much memory from the system takes as long as to fill it.
        self._feed = np.zeros((settings.batch, *classifier.input_shape), dtype=np.float32)
        self._has_shared_empty = baseline_needs(settings.spec.baseline).is_constant
        self._empty = self._evaluate_shared_empty() if self._has_shared_empty else None
        self.n_evaluations = int(self._has_shared_empty)
        n_pixels = max(
            math.prod(settings.preprocessing.crop_size),
            math.prod(settings.frame_preprocessing.crop_size),  # while it is made
        )
        n_values = (1 + settings.spec.bands) * settings.preprocessing.n_channels * n_pixels
        self._ahead = Ahead(
            self._prepare,
            n_threads=threads_ahead(classifier.threads, is_beside=classifier.provider != CPU),
            made_bytes=n_values * np.dtype(np.float32).itemsize,
        )

    def begin(self, items: Sequence[LeaseItem], wanted: Container[int]) -> None:
        """Prepare the images of a lease that will follow; may be called from another thread."""
        self._ahead.begin((item.index, item) for item in items if item.index in wanted)

    def close(self) -> None:
        """Begin no further lease."""
        self._ahead.close()

    def __call__(
        self, items: Sequence[LeaseItem], wanted: Container[int]
    ) -> Iterator[tuple[LeaseItem, ValueRow | FailedImage]]:
        """Yield one row, or one failure, for each item whose index is wanted, in order."""
        started = time.perf_counter()
        try:
            prepared = [
                self._ahead.take(item.index, item) if item.index in wanted else None
                for item in items
            ]
        finally:
            self._ahead.forget(item.index for item in items if item.index in wanted)
        works = [one if isinstance(one, _Work) else None for one in prepared]
        if any(work is not None for work in works):
            self._evaluate(works)
        elapsed_s = (time.perf_counter() - started) / len(items)
        for item, one in zip(items, prepared, strict=True):
            if one is not None:
                yield item, self._row(one, elapsed_s) if isinstance(one, _Work) else one

    def byte_loss(self, items: Sequence[LeaseItem]) -> tuple[float, float]:
        """Measure what a model that takes whole bytes loses of the mixtures; no model is run.

        Returns
        -------
        rms : float
            Root-mean-square difference between mixtures and what the model is given, of 255.
        share : float
            Share of the pixels, 0..1, that lie outside 0..255 and are clipped.
        """
        squares = n_clipped = n_pixels = 0.0
        for item in items:
            work = self._prepare(item)
            if isinstance(work, FailedImage):
                continue
            for start in range(0, len(work.codes), self._settings.batch):
                coalitions = work.coalitions[start : start + self._settings.batch]
                mixed = self._inputs.mix(work.parts, coalitions)
                given = as_bytes(mixed)
                squares += float(np.square(mixed - given, dtype=np.float64).sum())
                n_clipped += int(((mixed < 0) | (mixed > WHITE)).sum())
                n_pixels += mixed.size
        n_pixels = max(n_pixels, 1.0)
        return float(np.sqrt(squares / n_pixels)), n_clipped / n_pixels

    def _prepare(self, item: LeaseItem) -> _Work | FailedImage:
        """Decode one image and cut it into components."""
        spec = self._settings.spec
        image_id = item.image.image_id
        try:
            image = self._inputs.image(read_pixels(item.image))
            partner = None
            if item.partner is not None:
                partner = self._inputs.image(read_pixels(item.partner))
        except ImageError as error:
            return FailedImage(path=item.image.path, reason=error.message)
        generator = image_generator(spec.seed, image_id, Purpose.BASELINE)
        baseline = self._inputs.baseline(generator, partner)
        codes = row_codes(spec, self._settings.estimator, image_id)
        return _Work(
            item=item,
            codes=codes,
            coalitions=coalition_matrix(codes, n_players=spec.bands),
            parts=self._inputs.components(image, baseline),
        )

    def _evaluate(self, works: Sequence[_Work | None]) -> None:
        """Run every coalition of a lease, batch by batch."""
        n_codes = next(len(work.codes) for work in works if work is not None)
        # The grand coalition goes first: with labels "self", its prediction is the label.
        sequence = np.array(
            [1, *range(2, n_codes)] if self._has_shared_empty else [1, 0, *range(2, n_codes)]
        )
        batch = self._settings.batch
        feed = self._feed
        n_rows = len(works) * len(sequence)
        for start in range(0, n_rows, batch):
            pieces = list(_pieces(start, min(start + batch, n_rows), len(sequence)))
            for number, first, last, row in pieces:
                work = works[number]
                rows = feed[row : row + last - first]
                if work is None:
                    rows[:] = 0
                else:
                    self._inputs.mix(work.parts, work.coalitions[sequence[first:last]], out=rows)
            feed[min(batch, n_rows - start) :] = 0
            scores = self._classifier(feed)
            for number, first, last, row in pieces:
                work = works[number]
                if work is not None:
                    self._take(work, sequence[first:last], scores[row : row + last - first])
                    self.n_evaluations += last - first

    def _take(self, work: _Work, at: NDArray[np.intp], scores: LogProbabilities) -> None:
        if work.label < 0:
            work.prediction = int(scores.values[0].argmax())
            label = work.item.image.label
            work.label = work.prediction if label is None else label
            if self._empty is not None:
                work.take([0], self._empty)
        work.take(at, scores)

    def _row(self, work: _Work, elapsed_s: float) -> ValueRow | FailedImage:
        is_finite = np.isfinite(work.log_p) & np.isfinite(work.best_other)
        if not is_finite.all():
            code = int(work.codes[int(np.argmin(is_finite))])
            held = coalition_names(code, self._settings.spec.bands)
            return FailedImage(
                path=work.item.image.path,
                reason=f"the model returned a value that is not finite with {held} present",
            )
        return ValueRow(
            index=work.item.index,
            image_id=work.item.image.image_id,
            path=work.item.image.path,
            label=work.label,
            prediction=work.prediction,
            coalitions=work.codes,
            log_p=work.log_p.astype(np.float32),
            best_other=work.best_other.astype(np.float32),
            n_floored=work.n_floored,
            elapsed_s=elapsed_s,
        )

    def _evaluate_shared_empty(self) -> LogProbabilities:
        """Run the empty coalition, which is one constant image for the whole audit."""
        baseline = self._inputs.baseline(np.random.default_rng(0))  # constant: draws nothing
        parts = self._inputs.components(baseline, baseline)
        nobody = np.zeros((1, self._settings.spec.bands), dtype=np.bool_)
        self._feed[:1] = self._inputs.mix(parts, nobody)
        scores = self._classifier(self._feed)[:1]
        if not np.isfinite(scores.values).all():
            raise InferenceError(
                "Expected finite scores for the empty coalition, found values that are not finite: "
                "the model may standardise its input and divide 0 by 0 on a constant image. "
                "Choose --baseline noise or --baseline shuffle."
            )
        return scores


def _pieces(start: int, end: int, n_each: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (image, first, last, row of the batch) for the lease's rows from `start` to `end`."""
    row = start
    while row < end:
        image, first = divmod(row, n_each)
        last = min(n_each, first + end - row)
        yield image, first, last, row - start
        row += last - first
