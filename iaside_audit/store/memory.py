"""The rows of one audit, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iaside_audit.rows import ValueRow


class MemoryRowStore:
    """Keeps rows by their index.

    Parameters
    ----------
    indices : iterable of int
        The rows that the audit wants.
    """

    def __init__(self, indices: Iterable[int]) -> None:
        self._wanted = tuple(indices)
        self._rows: dict[int, ValueRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, index: int, row: ValueRow) -> None:
        """Keep the row of one image."""
        self._rows[index] = row

    def missing(self) -> list[int]:
        """Return the indices that have no row yet, ascending."""
        return [index for index in self._wanted if index not in self._rows]

    def rows(self) -> list[ValueRow]:
        """Return the rows there are, by ascending index."""
        return [self._rows[index] for index in sorted(self._rows)]
