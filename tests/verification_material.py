"""Results to verify, ways to spoil them, and what the checks say, for tests of verification."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from audit_material import audit_here, convnet_spec

from iaside_audit.auditing.verification.originals import OriginalsAsked
from iaside_audit.auditing.verification.verdicts import Verdict, VerificationCheck
from iaside_audit.auditing.verification.verify import verify_result
from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.report import RESULT_NAME, load_result
from iaside_audit.report.documents import write_result
from iaside_audit.store import STORE_NAME
from iaside_audit.store.schema import INSERT, record_of, row_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.events import Control
    from iaside_audit.rows import ValueRow
    from iaside_audit.spec import AuditSpec

N_IMAGES = 12
"""That can be read."""


def checks_of(
    folder: Path, asked: OriginalsAsked | None = None, control: Control | None = None
) -> dict[str, VerificationCheck]:
    """Verify the result of a folder, the model run in this process."""
    stream = verify_result(
        load_result(folder), folder / STORE_NAME, asked, control, start_worker=InProcessWorker
    )
    return {one.name: one for one in stream if isinstance(one, VerificationCheck)}


def given(spec: AuditSpec, **others: Any) -> OriginalsAsked:  # Any: fields of what is asked
    """Ask for everything, on the audit's own model and images."""
    return OriginalsAsked(**{"model": spec.model, "images": spec.images, "seed": 3, **others})


def failed(checks: dict[str, VerificationCheck]) -> list[str]:
    """Return the names of the checks that failed."""
    return [name for name, one in checks.items() if one.verdict == Verdict.FAILED]


def change_document(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit a result by hand."""
    path = folder / RESULT_NAME
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def change_rows(folder: Path, change: Callable[[ValueRow], ValueRow]) -> None:
    """Edit the rows of a store, checksums and all, as a forger would."""
    with closing(sqlite3.connect(folder / STORE_NAME, isolation_level=None)) as connection:
        records = connection.execute("SELECT * FROM images").fetchall()
        for record in records:
            row = row_of(record)
            assert row is not None
            connection.execute(INSERT, record_of(change(row), created=0.0))


def set_value(document: dict[str, Any], path: str, value: object) -> None:
    """Put a value where a path such as ``bands.2.importance`` leads."""
    *parents, last = path.split(".")
    for name in parents:
        document = document[int(name)] if isinstance(document, list) else document[name]
    document[last] = value


def audited_spec(folder: Path) -> AuditSpec:
    """Specify an audit of several leases, one image of which is damaged."""
    asked = convnet_spec(folder, n_images=N_IMAGES + 1, batch=28, threads=1)
    (folder / "images" / "007.png").write_bytes(b"damaged")
    return asked


def run_into(spec: AuditSpec, out: Path) -> Path:
    """Run an audit, write its result, and return its folder."""
    write_result(audit_here(spec, out=out), out / RESULT_NAME)
    return out
