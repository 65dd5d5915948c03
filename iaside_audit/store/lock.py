"""One writer a store: a lock of the operating system, which ends with its process."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from iaside_audit.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


class StoreLock:
    """Holds the only right to write to a store.

    Parameters
    ----------
    path : Path
        Of the store; the lock is a file beside it.

    Raises
    ------
    StoreError
        If another process holds it, or the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._file = self._held(path)
        while not self._is_ours():  # its last holder has just taken the file away
            self._file.close()
            self._file = self._held(path)
        with suppress(OSError):  # a full disk: the lock holds all the same
            self._file.truncate(0)
            self._file.write(str(os.getpid()).encode())
            self._file.flush()

    def _held(self, path: Path) -> BinaryIO:
        """Open the file and lock it."""
        try:
            file = self._path.open("a+b")
        except OSError as error:
            raise StoreError(
                f"Expected to write beside '{path}', found: {error.strerror or error}. "
                "Make space or choose another --out.",
                path=str(path),
            ) from error
        try:
            _lock(file)
        except OSError as error:
            file.seek(0)
            holder = file.read(32).decode(errors="replace").strip()
            file.close()
            raise StoreError(
                f"Expected to be the only one to write to '{path}', found that process "
                f"{holder or '(unknown)'} does. Wait for it, or choose another --out.",
                path=str(path),
            ) from error
        return file

    def _is_ours(self) -> bool:
        """Say whether the locked file is still the one that others would open."""
        try:
            return self._path.stat().st_ino == os.fstat(self._file.fileno()).st_ino
        except OSError:
            return False

    def release(self) -> None:
        """Let others write."""
        with suppress(OSError):
            self._path.unlink()
        with suppress(OSError):  # what could not be flushed cannot be flushed by closing either
            self._file.close()


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - Windows only

        file.seek(1 << 30)  # a byte that nobody reads: locked bytes cannot be read there
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - POSIX only

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
