"""What the user chose, in one readable, versioned file.

A file that cannot be used costs one warning, never the start. Where windows lie is no choice: that
is kept in ``QSettings``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.errors import IASideError
from iaside_audit.report import write_text

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION: Final = 1


class ColourScheme(StrEnum):
    """Dark, light, or as the system."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Everything that the user chose."""

    colour_scheme: ColourScheme = ColourScheme.SYSTEM


def read_preferences(path: Path) -> Preferences:
    """Read the preferences; those of a file that does not exist are the defaults.

    Raises
    ------
    IASideError
        If the file cannot be read or holds something else.
    """
    try:
        return _preferences(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Preferences()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IASideError(
            f"Expected the window's preferences in '{path}', found {type(error).__name__}: "
            f"{error}. The defaults are used until you choose again.",
            path=str(path),
        ) from error


def write_preferences(preferences: Preferences, path: Path) -> None:
    """Write the preferences.

    Raises
    ------
    ReportError
        If the file cannot be written.
    OSError
        If its folder cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"schema_version": SCHEMA_VERSION, **asdict(preferences)}
    write_text(path, json.dumps(document, indent=2) + "\n")


def _preferences(document: dict[str, Any]) -> Preferences:  # Any: JSON
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema version {document['schema_version']}")
    return Preferences(colour_scheme=ColourScheme(document["colour_scheme"]))
