"""The models of a study as points: one predictor against one measured figure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iaside_audit.report import format_percent
from iaside_ui.state.words import tr

if TYPE_CHECKING:
    from iaside_audit.report.study_documents import StudyRecord
    from iaside_audit.statistics.association import Association


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPoint:
    """One model: what its audit predicts, and what was measured; `group` is of its lineage."""

    name: str
    lineage: str
    predicted: float
    measured: float
    group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyState:
    """A study, and which of its columns are held against each other.

    Parameters
    ----------
    record : StudyRecord
        What was read.
    predictor, measured : str
        Names of the two columns.
    """

    record: StudyRecord
    predictor: str
    measured: str

    @classmethod
    def of(cls, record: StudyRecord) -> StudyState:
        """Return the pair that the words of the study are about."""
        return cls(
            record=record,
            predictor=record.default_predictor,
            measured=record.default_measured,
        )

    def with_columns(self, predictor: str, measured: str) -> StudyState:
        """Return the same study with other columns."""
        return replace(self, predictor=predictor, measured=measured)

    @property
    def titles(self) -> tuple[str, str]:
        """What the two columns are called."""
        record = self.record
        return record.predictor_titles[self.predictor], record.measured_titles[self.measured]

    def points(self) -> tuple[StudyPoint, ...]:
        """Return the models that have both numbers; groups are 0 where every lineage is alone."""
        models = self.record.models
        lineages = list(dict.fromkeys(one.lineage for one in models))
        is_grouped = len(lineages) < len(models)
        points = (
            StudyPoint(
                name=one.id,
                lineage=one.lineage,
                predicted=one.predictors[self.predictor],
                measured=one.measured[self.measured],
                group=lineages.index(one.lineage) if is_grouped else 0,
            )
            for one in models
        )
        return tuple(
            one for one in points if math.isfinite(one.predicted) and math.isfinite(one.measured)
        )

    def sentence(self) -> str:
        """Say how closely the one follows the other, every number with its interval."""
        pair = self.record.pairs.get((self.predictor, self.measured))
        if pair is None:
            return tr("The study says nothing of this pair.")
        said = tr(
            "r = {pearson}, of ranks {spearman}, given clean error {partial}: {n} models, "
            "{confidence} intervals by the bootstrap over models."
        ).format(
            pearson=_with_interval(pair.pearson),
            spearman=_with_interval(pair.spearman),
            partial=_with_interval(pair.given_clean_error),
            n=len(self.points()),
            confidence=format_percent(self.record.confidence),
        )
        if self.record.n_failed:
            said += " " + tr("Models left out: {n}.").format(n=self.record.n_failed)
        return said


def _with_interval(number: Association) -> str:
    from iaside_audit.report.study_words import with_interval  # noqa: PLC0415 - imported by now

    return with_interval(number)
