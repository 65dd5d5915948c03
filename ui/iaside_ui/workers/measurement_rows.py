"""The rows of a measurement: on disk, so that one that was stopped goes on, and as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from iaside_audit.robustness.kept_rows import KeptRows
    from iaside_audit.robustness.requests import Request
    from iaside_audit.robustness.rows import MeasuredRow

CACHE_FOLDER: Final = "measurements"
"""Below the user's cache: the rows of what was measured last without a result in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsFound:
    """A measurement goes on with images that were measured before."""

    n_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsNotKept:
    """Rows cannot be written: what is measured from here on is lost with the window."""

    reason: str


class RowsBeside:
    """Keeps rows in memory for the page, and beside the result for the next time.

    Rows of other settings in their place are moved aside, not refused as on the command line, for
    the window has no other place to offer. A disk that fails costs no measurement.

    Parameters
    ----------
    folder : Path or None
        That of the result, where the command line would keep them too; the user's cache where the
        result is in no file, which holds the latest of each kind.
    request : Request
        What is measured.

    Attributes
    ----------
    rows : list of MeasuredRow
        All there are, those from before first.
    """

    def __init__(self, folder: Path | None, request: Request) -> None:
        self._folder = folder
        self._request = request
        self._kept: KeptRows | None = None
        self._notes: list[RowsFound | RowsNotKept] = []
        self.rows: list[MeasuredRow] = []

    def begin(self, header: Mapping[str, Any]) -> list[MeasuredRow]:  # Any: JSON
        """Return the rows that are there already."""
        from iaside_audit.errors import StoreError  # noqa: PLC0415 - with the engine

        try:
            self.rows += self._begun(header)
        except StoreError as error:
            self._give_up(error)
        if self.rows:
            self._notes.append(RowsFound(n_images=len(self.rows)))
        return list(self.rows)

    def put(self, row: MeasuredRow) -> None:
        """Keep a row."""
        from iaside_audit.errors import StoreError  # noqa: PLC0415 - with the engine

        self.rows.append(row)
        if self._kept is not None:
            try:
                self._kept.put(row)
            except StoreError as error:
                self._give_up(error)

    def close(self) -> None:
        """Let go of the file; the rows in memory are wanted until the end."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def notes(self) -> Iterator[RowsFound | RowsNotKept]:
        """Yield what there is to say, once."""
        while self._notes:
            yield self._notes.pop(0)

    def _begun(self, header: Mapping[str, Any]) -> list[MeasuredRow]:  # Any: JSON
        """Open the file, in whose place may be rows of other settings."""
        from iaside_audit.errors import SpecError  # noqa: PLC0415 - with the engine
        from iaside_audit.robustness.kept_rows import KeptRows, keeper_in  # noqa: PLC0415

        if self._folder is None:
            path = _cache_folder() / f"{self._request.kind}.sqlite"
            self._kept = KeptRows(path, starts_anew=True)
            return self._kept.begin(header)
        self._kept = keeper_in(self._folder, self._request, resume=True)
        try:
            return self._kept.begin(header)
        except SpecError:
            self._kept = keeper_in(self._folder, self._request, resume=False)
            return self._kept.begin(header)

    def _give_up(self, error: Exception) -> None:
        self.close()
        self._notes.append(RowsNotKept(reason=str(error)))


def _cache_folder() -> Path:
    """Return a folder of this user, made where it is missing.

    Raises
    ------
    StoreError
        If it cannot be made.
    """
    from iaside_audit.errors import StoreError  # noqa: PLC0415 - with the engine
    from iaside_audit.store import default_cache_path  # noqa: PLC0415

    folder = default_cache_path().parent / CACHE_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Expected a folder that can be written at '{folder}', found: {error.strerror}.",
            path=str(folder),
        ) from error
    return folder
