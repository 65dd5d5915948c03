"""One worker process for many models, for tests that would otherwise mostly start processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iaside_audit.auditing.workers import ProcessWorker

if TYPE_CHECKING:
    from iaside_audit.auditing.limits import Limits
    from iaside_audit.auditing.wire import Message


class Lender:
    """One worker process for many models; a new one only when the last one ended."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._worker: ProcessWorker | None = None
        self.n_started = 0

    def __call__(self) -> Lender:
        """Have a worker ready."""
        if self._worker is None or self._worker._process.poll() is not None:
            self.end()
            self._worker = ProcessWorker(self._limits)
            self.n_started += 1
        return self

    @property
    def _ready(self) -> ProcessWorker:
        assert self._worker is not None
        return self._worker

    def send(self, message: Message) -> None:
        """Queue a task."""
        self._ready.send(message)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next reply."""
        return self._ready.receive(timeout_s)

    def kill(self) -> None:
        """Keep the process for the next model."""

    def end(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None
