"""What one image says about the bands: sweeps of the cut-off, and its own Shapley values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iaside_audit.games import draw_orders, shapley_values, walk_codes, walk_shapley
from iaside_audit.statistics.values import value_function

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.auditing.inspector.gallery import Subject
    from iaside_audit.auditing.wire import Message
    from iaside_audit.types import CodeVector, FloatVector

MAX_EXACT_BANDS: Final = 8
"""All 256 coalitions take a second or two; beyond, walks through random orders do."""
N_PAIRS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """The cut-off moved through all bands.

    Parameters
    ----------
    codes : (M + 1,) uint32
        The coalitions, growing from none of the bands to all of them.
    log_p : (M + 1,) float64
        Natural-log probability of the label.
    predictions : (M + 1,) int64
        The class that the model gives.
    """

    codes: CodeVector
    log_p: FloatVector
    predictions: NDArray[np.int64]

    @property
    def flips(self) -> tuple[int, ...]:
        """The steps, 1..M, at which one band more changes the prediction."""
        return tuple(int(one) + 1 for one in np.flatnonzero(np.diff(self.predictions)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """What is known so far of one image.

    Parameters
    ----------
    subject : Subject
        What was asked.
    n_done, n_total : int
        Coalitions evaluated, and to be evaluated.
    low_pass, high_pass : Sweep or None
        Bands added from the lowest up, and from the highest down.
    shapley : (M,) float64 or None
        Of the value function of the specification; they add up to v(all) - v(empty).
    is_exact : bool
        Whether they are exact; else they come from random orders and carry an error.
    """

    subject: Subject
    n_done: int
    n_total: int
    low_pass: Sweep | None
    high_pass: Sweep | None
    shapley: FloatVector | None
    is_exact: bool


class Profiler:
    """Says which coalitions to ask about next, and what follows from the answers.

    The sweeps come first, being short. Then up to 8 bands all coalitions, beyond them walks
    through antithetic pairs of random orders.

    Parameters
    ----------
    subject : Subject
        The image and its settings.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        spec = subject.spec
        self._n_bands = spec.bands
        self._value = value_function(spec.value)
        self._low, self._high = sweep_codes(spec.bands)
        self.is_exact = spec.bands <= MAX_EXACT_BANDS
        if self.is_exact:
            self._walks = np.arange(1 << spec.bands, dtype=np.uint32)
        else:
            generator = np.random.default_rng(spec.seed)
            orders = draw_orders(generator, n_players=spec.bands, n_pairs=N_PAIRS)
            self._walks = walk_codes(orders)
        ordered = np.concatenate([self._low, self._high, self._walks])
        _, first = np.unique(ordered, return_index=True)
        self._waiting: CodeVector = ordered[np.sort(first)]
        self._n_total = len(self._waiting)
        self._answers: dict[int, tuple[float, float, int]] = {}

    def next_codes(self, n_codes: int) -> CodeVector:
        """Return up to so many coalitions that nobody asked about yet; none at the end."""
        return self._waiting[:n_codes]

    def take(self, codes: CodeVector, reply: Message) -> Explanation:
        """Keep the answers to some coalitions, and return what is known now."""
        self._waiting = self._waiting[len(codes) :]
        rows = zip(reply["log_p"], reply["best_other"], reply["prediction"], strict=True)
        self._answers |= {
            int(code): (float(log_p), float(other), int(prediction))
            for code, (log_p, other, prediction) in zip(codes, rows, strict=True)
        }
        return Explanation(
            subject=self._subject,
            n_done=len(self._answers),
            n_total=self._n_total,
            low_pass=self._sweep(self._low),
            high_pass=self._sweep(self._high),
            shapley=self._shapley(),
            is_exact=self.is_exact,
        )

    def _sweep(self, codes: CodeVector) -> Sweep | None:
        if not all(int(code) in self._answers for code in codes):
            return None
        answers = [self._answers[int(code)] for code in codes]
        return Sweep(
            codes=codes,
            log_p=np.array([one[0] for one in answers]),
            predictions=np.array([one[2] for one in answers], dtype=np.int64),
        )

    def _shapley(self) -> FloatVector | None:
        """Return the Shapley values: of whole pairs of walks, or once all coalitions are known."""
        if self.is_exact:
            if self._waiting.size:
                return None
            return shapley_values(self._values(self._walks), n_players=self._n_bands)
        per_pair = 2 * (self._n_bands - 1)
        known = [int(code) in self._answers for code in self._walks]
        n_known = len(known) if all(known) else known.index(False)
        n_pairs = (n_known - 2) // per_pair
        if n_pairs < 1:
            return None
        codes = self._walks[: 2 + n_pairs * per_pair]
        values = self._values(codes)
        shapley: FloatVector = walk_shapley(codes[None], values[None], n_players=self._n_bands)[0]
        return shapley

    def _values(self, codes: CodeVector) -> FloatVector:
        answers = np.array([self._answers[int(code)][:2] for code in codes])
        return self._value(answers[:, 0], answers[:, 1])


def sweep_codes(n_bands: int) -> tuple[CodeVector, CodeVector]:
    """Return the coalitions of the low-pass and the high-pass sweep, growing.

    Examples
    --------
    >>> low, high = sweep_codes(3)
    >>> low, high
    (array([0, 1, 3, 7], dtype=uint32), array([0, 4, 6, 7], dtype=uint32))
    """
    bits = np.uint32(1) << np.arange(n_bands, dtype=np.uint32)
    low = np.concatenate([[np.uint32(0)], np.cumsum(bits, dtype=np.uint32)])
    high = np.concatenate([[np.uint32(0)], np.cumsum(bits[::-1], dtype=np.uint32)])
    return low.astype(np.uint32), high.astype(np.uint32)
