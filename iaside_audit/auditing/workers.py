"""Workers as the supervisor sees them: send a message, receive replies."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from typing import TYPE_CHECKING, Final, Protocol

from iaside_audit.auditing.limits import ALIVE, Deadline, Limits, check_memory
from iaside_audit.auditing.wire import Message, decode, encode
from iaside_audit.classifier.safety import printable
from iaside_audit.errors import WIRE_NAMES, InferenceError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from iaside_audit.auditing.evaluation.tasks import MoreTasks

START_DEADLINE_S: Final = 60.0
STOP_S: Final = 0.25
"""For a worker to end its model's run and itself; then it is killed."""
POLL_S: Final = 0.05
MAX_MESSAGE_BYTES: Final = 1 << 28
"""More than any reply takes; a hostile worker could announce one that fills the memory."""
MAX_MESSAGE_CHARACTERS: Final = 2500
"""Of an error's text, which may hold names of the model."""
LAST_WORDS: Final = 2000
"""Bytes at the end of a dead worker's log that are looked at."""
ENVIRONMENT: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_PATH",
)
"""What a worker inherits of the environment; a stranger's model gets no secrets to read."""

ONE_BLAS_THREAD: Final = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
"""The threads of numpy's matrix products spin on after each one, in the way of ONNX Runtime's: with
one thread an audit is a fifth faster on two cores, and its bits do not depend on their number."""

KEPT_MEMORY: Final = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
}
"""Images come and go by arrays of some MB. Left alone, glibc gives each back to the system, and to
get it again, page by page, took a quarter of the time that an image needs beside the model."""


class Worker(Protocol):
    """Something that runs tasks."""

    def send(self, message: Message) -> None:
        """Queue a task."""

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next reply, or None when the time is up."""

    def kill(self) -> None:
        """End at once."""


class ProcessWorker:
    """A worker in a child process of its own.

    It is started with the interpreter's own command line, not by ``multiprocessing.Process``, so a
    script needs no ``if __name__ == "__main__"``.

    Parameters
    ----------
    limits : Limits or None
        What it may take; the defaults for None.

    Raises
    ------
    WorkerLostError
        If the process does not start.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._deadline = Deadline(self._limits)
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by kill()
        key = secrets.token_bytes(32)
        with Listener(authkey=key) as listener:
            self._process = subprocess.Popen(
                # -P keeps the working folder, which may hold a stranger's files, off sys.path.
                [sys.executable, "-P", "-m", "iaside_audit.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the supervisor, which then decides
            )
            greeting = {
                "address": listener.address,
                "key": key.hex(),
                "address_space_bytes": self._limits.memory_bytes,
                "max_model_bytes": self._limits.max_model_bytes,
            }
            try:
                self._greet(greeting)
                self._connection = self._accept(listener)
            except BaseException:
                self._process.kill()
                self._process.wait()
                self._log.close()
                raise

    def send(self, message: Message) -> None:
        """Queue a task."""
        try:
            self._connection.send_bytes(encode(message))
        except OSError as error:
            raise self._death() from error
        self._deadline.sent(message)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next reply, or None when the time is up.

        Raises
        ------
        WorkerLostError
            If the process died, or was ended because it took too long or too much memory.
        """
        started = time.monotonic()
        try:
            check_memory(self._process.pid, self._limits)
        except InferenceError:
            self.kill(grace_s=0.0)
            raise
        try:
            while self._connection.poll(max(0.0, started + timeout_s - time.monotonic())):
                reply = decode(self._connection.recv_bytes(MAX_MESSAGE_BYTES))
                self._deadline.heard(reply)
                if reply.get("kind") != ALIVE:
                    return reply
            self._deadline.waited(min(time.monotonic() - started, timeout_s))
        except WorkerLostError:
            self.kill()
            raise
        except InferenceError as error:  # bytes that are no message
            self.kill()
            raise WorkerLostError(error.message) from error
        except (EOFError, OSError) as error:
            raise self._death() from error
        return None

    def kill(self, *, grace_s: float | None = None) -> None:
        """End the process, at once where it does not end its model's run itself.

        Parameters
        ----------
        grace_s : float or None
            For the worker to see that nobody listens any more; :data:`STOP_S` for None.
        """
        self._connection.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S if grace_s is None else grace_s)
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _greet(self, greeting: dict[str, object]) -> None:
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(BrokenPipeError), pipe:
                pipe.write(json.dumps(greeting).encode() + b"\n")

    def _accept(self, listener: Listener) -> Connection:
        """Wait for the process to connect; a process that dies first must not hang us."""
        accepted: list[Connection] = []

        def accept() -> None:
            with suppress(OSError, EOFError, AuthenticationError):  # said below, as a death
                accepted.append(listener.accept())

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        deadline = time.monotonic() + START_DEADLINE_S
        while thread.is_alive():
            thread.join(POLL_S)
            if self._process.poll() is not None or time.monotonic() > deadline:
                break
        if not accepted:
            with suppress(OSError, EOFError):  # unblocks accept(), which knows no deadline
                Client(listener.address).close()
            raise self._death()
        return accepted[0]

    def _death(self) -> WorkerLostError:
        """Say how the process ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        code = self._process.returncode
        if code is None:
            how = "broke the connection"
        else:
            how = f"ended with signal {-code}" if code < 0 else f"ended with exit code {code}"
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LAST_WORDS))
        lines = self._log.read(LAST_WORDS).decode(errors="replace").strip().splitlines()
        last = f" ({printable(lines[-1].replace('. ', '; '), 200)})" if lines else ""
        return WorkerLostError(
            f"Expected the worker process to answer, found that it {how}{last}. The model may be "
            "damaged, or need more memory than there is: try a smaller --batch."
        )


class InProcessWorker:
    """A worker in this process, for tests: the same tasks, nothing isolated.

    Parameters
    ----------
    more_tasks : callable
        Adds the tasks of upper layers.
    """

    def __init__(self, more_tasks: MoreTasks = lambda _opened: {}) -> None:
        from iaside_audit.auditing.evaluation.tasks import TaskServer  # noqa: PLC0415 - imports onnxruntime

        self._server = TaskServer(more_tasks=more_tasks)
        self._queue: deque[Message] = deque()
        self._replies: Iterator[Message] = iter(())

    def send(self, message: Message) -> None:
        """Queue a task."""
        self._queue.append(message)

    def receive(self, timeout_s: float) -> Message | None:  # noqa: ARG002 - never waits
        """Run queued tasks as far as the next reply."""
        while True:
            for reply in self._replies:
                return decode(encode(reply))
            if not self._queue:
                return None
            self._replies = self._server.handle(decode(encode(self._queue.popleft())))

    def kill(self) -> None:
        """Release the model."""
        self._server.close()


def _environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return inherited | ONE_BLAS_THREAD | KEPT_MEMORY


def raise_if_error(reply: Message) -> None:
    """Raise the error that a worker reported, as the type it named, its text made printable."""
    if reply.get("kind") == "error":
        kind = WIRE_NAMES.get(str(reply.get("error")), InferenceError)
        raise kind(
            printable(reply.get("message"), MAX_MESSAGE_CHARACTERS),
            path=reply.get("path"),
            expected=reply.get("expected"),
            found=reply.get("found"),
        )
