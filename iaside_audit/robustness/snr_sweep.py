"""Worker side of the SNR: what corruptions leave of bands and narrow rings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.robustness.snr import PairMeter
from iaside_audit.spectrum import snr_decibels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from iaside_audit.robustness.asker import Asker
    from iaside_audit.robustness.copies import Copies
    from iaside_audit.robustness.read_image import ReadImage
    from iaside_audit.robustness.sweeps import Arrays
    from iaside_audit.spectrum import BandMoments, Partition
    from iaside_audit.types import FloatImage


class SnrSweep:
    """Measures what copies leave of every band and ring; asks the model about them if wanted.

    Parameters
    ----------
    asker : Asker
        Asks the model.
    copies : Copies
        Of an image.
    partition : Partition
        The audit's bands at the frame.
    has_answers : bool
        Whether the model is asked.
    """

    def __init__(
        self, asker: Asker, copies: Copies, partition: Partition, *, has_answers: bool
    ) -> None:
        self._asker = asker
        self._copies = copies
        self._meter = PairMeter(partition)
        self._has_answers = has_answers

    def __call__(self, images: Sequence[ReadImage]) -> list[Arrays]:
        """Return moments of bands and SNR of rings over the conditions, and answers if wanted."""
        return [self._measure(one) for one in images]

    def _measure(self, read: ReadImage) -> Arrays:
        moments: list[BandMoments] = []
        decibels: list[NDArray[np.float64]] = []
        differences: list[float] = []

        def noted() -> Iterator[FloatImage]:
            for copy in self._copies(read):
                bands, rings = self._meter(read.image, copy)
                moments.append(bands)
                decibels.append(snr_decibels(rings))
                differences.append(255 * float(np.abs(copy - read.image).mean()))
                yield copy

        answers: Arrays = {}
        if self._has_answers:
            log_p, best_other = self._asker.label_and_best_other(noted(), read.label)
            answers["log_p"] = log_p.astype(np.float32)
            answers["best_other"] = best_other.astype(np.float32)
        else:
            for _ in noted():
                pass
        return {
            **answers,
            "clean_power": moments[0].clean_power,
            "cross": np.stack([one.cross for one in moments]),
            "corrupted_power": np.stack([one.corrupted_power for one in moments]),
            "ring_db": np.stack(decibels).astype(np.float32),
            "difference": np.array(differences, dtype=np.float32),
        }
