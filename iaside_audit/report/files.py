"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import ReportError

if TYPE_CHECKING:
    from pathlib import Path

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_MISSING: Final = (errno.ENOENT, errno.ENOTDIR)


def write_bytes(path: Path, data: bytes, *, again: str = "") -> None:
    """Write a file whole, or leave what was there.

    The bytes go to a temporary sibling, reach the disk, and then take the name of `path` in one
    step; after a failure the sibling is gone and an older file is untouched.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    data : bytes
        Everything it will hold.
    again : str
        How to repeat this once there is space; how to write a report, unless given.

    Raises
    ------
    ReportError
        Naming the file, the reason and the next step.
    """
    sibling = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with sibling.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # some file systems notice a full disk only here
        sibling.replace(path)
    except OSError as error:
        again = again or f"run `iaside-audit report RESULT --out {path}` again"
        raise ReportError(
            f"Expected to write {str(path)!r}, found: {error.strerror or error}. "
            f"{_next_step(error.errno, again)}",
            path=str(path),
            expected="a file that can be written",
            found=error.strerror or str(error),
        ) from error
    finally:
        with contextlib.suppress(OSError):
            sibling.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, whole or not at all; see :func:`write_bytes`."""
    write_bytes(path, text.encode())


def _next_step(code: int | None, again: str) -> str:
    """Return the sentence that says what to do after an error of the operating system."""
    if code in _FULL:
        return f"Free some space and {again}."
    if code in _FORBIDDEN:
        return "Choose a place where you may write."
    if code in _MISSING:
        return "Create the folder first, or choose another one."
    return "Choose another place."
