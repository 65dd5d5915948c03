"""The bootstrap over the models of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iaside_audit.statistics.association import N_MODEL_RESAMPLES, associate

if TYPE_CHECKING:
    from iaside_audit.statistics.association import Association, Statistic
    from iaside_audit.types import FloatMatrix, FloatVector


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The bootstrap over models: equal seeds pair every number of a study."""

    seed: int
    confidence: float
    n_resamples: int = N_MODEL_RESAMPLES

    def associate(
        self, columns: FloatMatrix, statistic: Statistic, *, most: int | None = None
    ) -> Association:
        """Compute a statistic with its interval, from `most` resamples at most."""
        return associate(
            columns,
            statistic,
            seed=self.seed,
            confidence=self.confidence,
            n_resamples=min(self.n_resamples, most or self.n_resamples),
        )


def mean_of_first(columns: FloatMatrix) -> FloatVector:
    """Return the mean over the models of the first column: a statistic for a bootstrap."""
    means: FloatVector = columns[..., 0, :].mean(axis=-1)
    return means
