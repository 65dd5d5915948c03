"""The worker process: ``python -m iaside_audit.worker``; it owns one model session.

The address of the connection, its key and the limits are read from standard input, as one line of
JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from multiprocessing.connection import Client
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from iaside_audit.auditing.evaluation.tasks import TaskServer
from iaside_audit.auditing.limits import ALIVE, apply_limits, lift_address_space_limit
from iaside_audit.auditing.wire import decode, encode
from iaside_audit.classifier.providers import has_nvidia_driver
from iaside_audit.robustness.tasks import measurement_tasks

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from iaside_audit.auditing.wire import Message

PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Serve tasks until the connection closes, and end this process at once.

    Somebody waits for its end, and taking Python and its libraries down in order takes long.
    """
    code = 1
    try:
        _serve()
        code = 0
    except Exception:  # noqa: BLE001 - its last line is quoted by the one who started this
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _serve() -> None:
    """Serve tasks until the connection closes; the model's run is then ended too."""
    _die_with_parent()
    greeting = json.loads(sys.stdin.readline())
    apply_limits(greeting["address_space_bytes"])
    with Client(greeting["address"], authkey=bytes.fromhex(greeting["key"])) as connection:

        def say_alive(rows: int, elapsed_s: float) -> None:
            connection.send_bytes(encode({"kind": ALIVE, "rows": rows, "elapsed_s": elapsed_s}))

        server = TaskServer(
            max_model_bytes=greeting["max_model_bytes"],
            on_run=say_alive,
            more_tasks=measurement_tasks,
        )
        messages: SimpleQueue[Message | None] = SimpleQueue()
        threading.Thread(target=_listen, args=(connection, messages, server), daemon=True).start()
        with suppress(BrokenPipeError, ConnectionResetError):  # nobody waits for the reply
            while (message := messages.get()) is not None:
                if message.get("device", "cpu") != "cpu" and has_nvidia_driver():
                    lift_address_space_limit()
                for reply in server.handle(message):
                    connection.send_bytes(encode(reply))
    server.close()


def _listen(
    connection: Connection, messages: SimpleQueue[Message | None], server: TaskServer
) -> None:
    """Queue what arrives, also while the model runs; at the end of the connection stop it."""
    try:
        with suppress(EOFError, OSError):
            while True:
                message = decode(connection.recv_bytes())
                server.announce(message)
                messages.put(message)
    finally:
        server.stop()
        messages.put(None)


def _die_with_parent() -> None:
    """Ask Linux to end this process with its parent, even one that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
