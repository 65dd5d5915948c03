"""The worker process: ``python -m iaside_audit.worker``; it owns one model session.

The address of the connection, its key and the limits are read from standard input, as one line of
JSON.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
from multiprocessing.connection import Client
from typing import Final

from iaside_audit.auditing.limits import ALIVE, apply_limits, lift_address_space_limit
from iaside_audit.auditing.tasks import TaskServer
from iaside_audit.auditing.wire import decode, encode
from iaside_audit.classifier.providers import has_nvidia_driver

PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Serve tasks until the connection closes."""
    _die_with_parent()
    greeting = json.loads(sys.stdin.readline())
    apply_limits(greeting["address_space_bytes"])
    with Client(greeting["address"], authkey=bytes.fromhex(greeting["key"])) as connection:

        def say_alive(rows: int, elapsed_s: float) -> None:
            connection.send_bytes(encode({"kind": ALIVE, "rows": rows, "elapsed_s": elapsed_s}))

        server = TaskServer(max_model_bytes=greeting["max_model_bytes"], on_run=say_alive)
        while True:
            try:
                message = decode(connection.recv_bytes())
            except EOFError:
                break
            if message.get("device", "cpu") != "cpu" and has_nvidia_driver():
                lift_address_space_limit()
            for reply in server.handle(message):
                connection.send_bytes(encode(reply))
    server.close()


def _die_with_parent() -> None:
    """Ask Linux to end this process with its parent, even one that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
