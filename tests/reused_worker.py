"""One worker process for many models, for tests that would otherwise mostly start processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iaside_audit.auditing.workers import ProcessWorker

if TYPE_CHECKING:
    from iaside_audit.auditing.limits import Limits
    from iaside_audit.auditing.wire import Message


class Lender:
    """One worker process for many models; a new one only when the last one ended."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._worker: ProcessWorker | None = None
        self._n_unanswered = 0
        self.n_started = 0

    def __call__(self) -> Lender:
        """Have a worker ready."""
        if not self.is_alive:
            self.end()
            self._worker = ProcessWorker(self.limits)
            self._n_unanswered = 0
            self.n_started += 1
        return self

    @property
    def is_alive(self) -> bool:
        """Whether a process waits for a task."""
        return self._worker is not None and self._worker._process.poll() is None

    @property
    def _ready(self) -> ProcessWorker:
        assert self._worker is not None
        return self._worker

    def send(self, message: Message) -> None:
        """Queue a task; a path is that of the tests' folder, not of the one it was started in."""
        if "model" in message:
            message = message | {"model": str(Path(message["model"]).absolute())}
        self._n_unanswered += 1
        self._ready.send(message)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next reply."""
        reply = self._ready.receive(timeout_s)
        self._n_unanswered -= reply is not None and reply["kind"] in {"done", "error"}
        return reply

    def kill(self) -> None:
        """Keep the process for the next model, unless it still works for the last one."""
        if self._n_unanswered:
            self.end()

    def end(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None
