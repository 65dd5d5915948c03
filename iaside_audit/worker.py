"""The worker process: ``python -m iaside_audit.worker``; it owns one model session.

The address of the connection and its key are read from standard input, as one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
from multiprocessing.connection import Client
from typing import Final

from iaside_audit.auditing.tasks import TaskServer
from iaside_audit.auditing.wire import decode, encode

PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Serve tasks until the connection closes."""
    _die_with_parent()
    greeting = json.loads(sys.stdin.readline())
    server = TaskServer()
    with Client(greeting["address"], authkey=bytes.fromhex(greeting["key"])) as connection:
        while True:
            try:
                message = decode(connection.recv_bytes())
            except EOFError:
                break
            for reply in server.handle(message):
                connection.send_bytes(encode(reply))
    server.close()


def _die_with_parent() -> None:
    """Ask Linux to end this process with its parent, even one that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
