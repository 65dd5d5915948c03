"""Hashes of the model file: what was audited, by content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from iaside_audit.errors import ModelError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, 64 hexadecimal digits.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    ModelError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ModelNotFoundError(
            f"Expected a model file, found nothing at '{path}'. Check the path.", path=str(path)
        ) from error
    except OSError as error:
        raise ModelError(
            f"Expected a readable model file, found '{path}': {error.strerror}. "
            "Check that it is a file and that you may read it.",
            path=str(path),
        ) from error


def model_identity(path: Path, external_files: Iterable[str]) -> str:
    """Return the sha256 over a model and its external data.

    It is the file's own sha256 where there is no external data; else the sha256 of the sorted
    lines ``<sha256> <relative name>``, the model's name being ``model``.

    Raises
    ------
    ModelError
        If a file is missing, or lies outside the model's folder.
    """
    digest = file_sha256(path)
    names = sorted(set(external_files))
    if not names:
        return digest
    lines = [f"{digest} model"]
    lines += [f"{file_sha256(_beside(path, name))} {name}" for name in names]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _beside(path: Path, name: str) -> Path:
    """Return a file of external data; a stranger's model may name a device that never ends."""
    file = path.parent / name
    if Path(name).is_absolute() or ".." in Path(name).parts or not file.is_file():
        raise ModelError(
            f"Expected the external data of '{path.name}' in files beside it, found {name!r}. "
            "Put the model and its data in one folder, or export it as one file.",
            path=str(path),
            found=name,
        )
    return file
