"""The rows of one audit, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iaside_audit.result import FailedImage
    from iaside_audit.rows import ValueRow


class MemoryRowStore:
    """Keeps rows, and images without one, by their index.

    Parameters
    ----------
    indices : iterable of int
        The rows that the audit wants.
    """

    def __init__(self, indices: Iterable[int]) -> None:
        self._wanted = tuple(indices)
        self._rows: dict[int, ValueRow] = {}
        self._failures: dict[int, FailedImage] = {}
        self._n_settled = 0

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, index: int, row: ValueRow) -> None:
        """Keep the row of one image."""
        self._rows[index] = row
        self._failures.pop(index, None)

    def fail(self, index: int, failure: FailedImage) -> None:
        """Note that one image has no row, and why."""
        self._failures[index] = failure

    def missing(self) -> list[int]:
        """Return the wanted indices that have no row, ascending."""
        return [index for index in self._wanted if index not in self._rows]

    def rows(self) -> list[ValueRow]:
        """Return the rows there are, by ascending index."""
        return [self._rows[index] for index in sorted(self._rows)]

    def failures(self) -> dict[int, FailedImage]:
        """Return the images without a row, by ascending index."""
        return dict(sorted(self._failures.items()))

    def settled(self) -> int:
        """Return how many images from the first on, without a gap, have a row or have failed."""
        while self._n_settled < len(self._wanted):
            index = self._wanted[self._n_settled]
            if index not in self._rows and index not in self._failures:
                break
            self._n_settled += 1  # what is settled stays so, and is not looked at again
        return self._n_settled

    def prefix(self) -> list[ValueRow]:
        """Return the rows of the images that :meth:`settled` counts."""
        settled = self._wanted[: self.settled()]
        return [self._rows[index] for index in settled if index in self._rows]
