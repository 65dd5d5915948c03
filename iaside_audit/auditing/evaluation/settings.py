"""What a worker must know to evaluate leases: resolved from the specification, fixed for an audit.

These settings decide the numbers to the bit; the same settings on the same CPU give the same rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from iaside_audit.choices import Estimator
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """Everything that decides a row, besides model and image.

    Parameters
    ----------
    spec : AuditSpec
        As given.
    estimator : Estimator
        Exact or permutation; ``auto`` is resolved.
    preprocessing : Preprocessing
        At the model's own input size.
    batch : int
        Rows of every call of the model.
    """

    spec: AuditSpec
    estimator: Estimator
    preprocessing: Preprocessing
    batch: int

    @property
    def frame_preprocessing(self) -> Preprocessing:
        """The preprocessing at the size where the bands are taken (METHOD.md, section 1)."""
        frame = self.spec.frame
        return self.preprocessing.at_frame(frame) if isinstance(frame, int) else self.preprocessing

    def to_wire(self) -> dict[str, Any]:  # Any: JSON
        """Return JSON-ready values."""
        return {
            "spec": self.spec.to_dict(),
            "estimator": self.estimator.value,
            "preprocessing": asdict(self.preprocessing),
            "batch": self.batch,
        }

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> EvaluationSettings:  # Any: JSON
        """Build from :meth:`to_wire`'s values."""
        return cls(
            spec=AuditSpec.from_dict(values["spec"]),
            estimator=Estimator(values["estimator"]),
            preprocessing=Preprocessing(**values["preprocessing"]),
            batch=values["batch"],
        )
