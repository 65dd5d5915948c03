"""Find the shared test material: ``$IASIDE_SHARED``, else the folder ``shared`` beside the tree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared(path: str) -> Path:
    """Return a file or folder of the shared material, or skip the test that needs it.

    Parameters
    ----------
    path : str
        Relative to the shared folder, such as ``"zoo/labels.csv"``.
    """
    folder = os.environ.get("IASIDE_SHARED")
    root = Path(folder) if folder else Path(__file__).parents[2] / "shared"
    found = root / path
    if not found.exists():
        pytest.skip(f"needs {path} of the shared material (IASIDE_SHARED or ../shared)")
    return found
