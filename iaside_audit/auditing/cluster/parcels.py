"""Files on their way to a cluster, named by sha256: sent only where they cannot be read already."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from contextlib import suppress
from hashlib import sha256 as new_sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iaside_audit.classifier.identity import file_sha256
from iaside_audit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHA256: Final = re.compile("[0-9a-f]{64}")
PIECE_BYTES: Final = 1 << 24


class Parcels:
    """What the client can send."""

    def __init__(self) -> None:
        self._sources: dict[str, bytes | Path] = {}
        self._sha256_of: dict[str, str] = {}

    def add(self, data: bytes) -> str:
        """Remember some bytes, and return their name."""
        name = new_sha256(data).hexdigest()
        self._sources[name] = data
        return name

    def named(self, locations: Sequence[str]) -> dict[str, str]:
        """Return the sha256 of files; one that cannot be read here is left to the worker."""
        named = {}
        for location in locations:
            if location not in self._sha256_of:
                with suppress(ModelError):
                    digest = file_sha256(Path(location))
                    self._sha256_of[location] = digest
                    self._sources[digest] = Path(location)
            if location in self._sha256_of:
                named[location] = self._sha256_of[location]
        return named

    def pieces(self, name: str) -> Iterator[tuple[int, bytes, bool]]:
        """Yield where each piece starts, the piece, and whether it is the last."""
        source = self._sources[name]
        data = source if isinstance(source, bytes) else source.read_bytes()
        for start in range(0, max(1, len(data)), PIECE_BYTES):
            end = start + PIECE_BYTES
            yield start, data[start:end], end >= len(data)


class Shelf:
    """What a cluster's worker was sent, and what it can read without.

    Parameters
    ----------
    folder : str
        Where files are kept; a folder of its own is made in it, and removed with the shelf.
    """

    def __init__(self, folder: str) -> None:
        self._kept = Path(tempfile.mkdtemp(prefix="iaside-", dir=folder))
        weakref.finalize(self, shutil.rmtree, self._kept, ignore_errors=True)
        self._known: dict[str, tuple[int, int, str]] = {}
        self._models: dict[frozenset[str], Path] = {}

    def path(self, name: str) -> Path:
        """Return where a file of this name is kept."""
        return self._kept / name

    def has_model(self, files: dict[str, str]) -> bool:
        """Say whether a model was sent, and put together, before."""
        return frozenset(files.values()) in self._models

    def keep(self, sha256: str, start: int, chunk: bytes, *, is_last: bool) -> bool:
        """Take a piece of a file; say whether the whole is what its name says."""
        part = self.path(f"{sha256}.part")
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.write(chunk)
        if not is_last:
            return True
        if file_sha256(part) != sha256:
            part.unlink()
            return False
        part.replace(self.path(sha256))
        return True

    def model(self, model: Path, files: dict[str, str]) -> Path:
        """Return where the model lies here, its external data beside it."""
        known = frozenset(files.values())
        if known in self._models:
            return self._models[known]
        if all(self._shared(location, sha256) for location, sha256 in files.items()):
            return model
        folder = Path(tempfile.mkdtemp(prefix="model-", dir=self._kept))
        for location, sha256 in files.items():
            path = Path(location)
            if ".." in path.parts or not path.is_relative_to(model.parent):
                raise ModelError(
                    f"Expected the external data of '{model.name}' beside it, found '{path}'. "
                    "Put the model and its data in one folder.",
                    path=str(model),
                )
            copy = folder / path.relative_to(model.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if self.path(sha256).exists():
                self.path(sha256).replace(copy)  # a link would be refused as unsafe
            else:
                shutil.copyfile(location, copy)
        self._models[known] = folder / model.name
        return self._models[known]

    def find(self, location: str, sha256: str) -> Path | None:
        """Return where a file lies here, kept or shared; None where it must be sent."""
        kept = self.path(sha256) if SHA256.fullmatch(sha256) else None
        if kept is not None and kept.exists():
            return kept
        return Path(location) if self._shared(location, sha256) else None

    def _shared(self, location: str, sha256: str) -> bool:
        """Say whether the client's path holds the same bytes here; read once unless it changes."""
        if not location:
            return False
        with suppress(OSError, ModelError):
            path = Path(location)
            status = path.stat()
            known = self._known.get(location)
            if known is None or known[:2] != (status.st_mtime_ns, status.st_size):
                known = (status.st_mtime_ns, status.st_size, file_sha256(path))
                self._known[location] = known
            return known[2] == sha256
        return False
