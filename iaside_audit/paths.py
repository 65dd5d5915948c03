"""Paths that people give: whether the system looks them up at all, and how they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.errors import IASideError

SHOWN_CHARACTERS: Final = 60
"""Of a path that may be endless, which else would bury what is said of it."""


def check_path(path: Path, *, to: str, kind: type[IASideError] = SpecError) -> None:
    """Refuse a path that the system does not look up.

    Of a name that no file can have, a folder that is closed to this user, or links in a circle even
    the question whether there is a file raises a bare error. Whether there is one is left open.

    Parameters
    ----------
    path : Path
        As it was given.
    to : str
        What it should lead to, such as ``"a model"``.
    kind : type
        Of the error.

    Raises
    ------
    IASideError
        Of that kind.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise kind(
            f"Expected a path to {to} that can be looked up, found "
            f"'{elided(str(path), SHOWN_CHARACTERS)}': {reason}. Check the path.",
            path=str(path),
            found=reason,
        ) from error


def elided(text: str, width: int) -> str:
    """Return `text`, its middle left out where it is longer than `width` characters.

    Examples
    --------
    >>> elided("efficientnet_lite0.onnx", 16)
    'effici...e0.onnx'
    """
    if len(text) <= width:
        return text
    tail = (width - 3) // 2 + 1
    return f"{text[: width - 3 - tail]}...{text[-tail:]}"
