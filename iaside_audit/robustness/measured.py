"""What one measurement found out, and its last event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iaside_audit.result import AuditWarning, DataRecord, ModelRecord, Tool
    from iaside_audit.robustness.requests import Request
    from iaside_audit.robustness.rows import MeasuredRows
    from iaside_audit.spec import AuditSpec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What one measurement found out, row by row.

    Parameters
    ----------
    tool : Tool
        The program.
    created : str
        ISO 8601.
    spec : AuditSpec
        Model, images, bands, seed and all else that an audit shares.
    request : Request
        What was measured.
    model : ModelRecord
        By content.
    data : DataRecord
        By content.
    provider : str
        Which ran the model.
    elapsed_s : float
        Of the whole measurement.
    n_evaluations : int
        Images put through the model in this run.
    n_resumed : int
        Rows that were kept from an earlier run.
    warnings : tuple of AuditWarning
        What a reader must know.
    rows : MeasuredRows
        In the canonical order.
    """

    tool: Tool
    created: str
    spec: AuditSpec
    request: Request
    model: ModelRecord
    data: DataRecord
    provider: str
    elapsed_s: float
    n_evaluations: int
    n_resumed: int
    warnings: tuple[AuditWarning, ...]
    rows: MeasuredRows


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementFinished:
    """The last event: all rows, or those that there were when the user cancelled.

    `measured` is None where fewer than two rows exist.
    """

    measured: Measured | None
    is_cancelled: bool
