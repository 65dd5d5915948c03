"""One worker process for all commands that are run in the process of the tests.

Starting one costs more than most of these audits. That every audit can start its own is tested
where commands run as programs (``test_main.py``), and in ``engine/test_audit_run.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from reused_worker import Lender

from iaside_audit.auditing.limits import Limits
from iaside_audit.auditing.workers import ProcessWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iaside_audit.auditing.workers import Worker


@pytest.fixture(scope="package")
def lender() -> Iterator[Lender]:
    """Return what lends one process to one audit after the other."""
    lender = Lender(Limits())
    yield lender
    lender.end()


@pytest.fixture(autouse=True)
def _one_worker(lender: Lender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no process where one waits; here, because it would end with an audit's thread."""

    def start(asked: Limits) -> Worker:
        is_ready = asked == lender.limits and lender.is_alive
        return lender if is_ready else ProcessWorker(asked)

    lender()
    for module in ("run", "inspection", "verification.verify"):
        monkeypatch.setattr(f"iaside_audit.auditing.{module}.ProcessWorker", start)
