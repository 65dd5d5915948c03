"""Value rows: the product of one image, from which every number of an audit follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.types import CodeVector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueRow:
    """What the model said of one image under every coalition walked.

    Parameters
    ----------
    index : int
        Position in the order of the audit (canonical; as listed in reference mode).
    image_id : str
        sha256 of the decoded image.
    path : str
        Relative to the data set's root.
    label : int
        The class whose probability is valued.
    prediction : int
        The class that the model gives the unfiltered image.
    coalitions : (P,) uint32
        Codes; the empty and the grand coalition come first and second, then the walks.
    log_p : (P,) float32
        Natural-log probability of the label (nats).
    best_other : (P,) float32
        Natural-log probability of the best other class (nats).
    n_floored : int
        Values among the P that lay below the smallest probability that can be told from 0.
    worker : int
        Which worker made it.
    elapsed_s : float
        Time that its lease took, divided by the images of the lease.
    """

    index: int
    image_id: str
    path: str
    label: int
    prediction: int
    coalitions: CodeVector
    log_p: NDArray[np.float32]
    best_other: NDArray[np.float32]
    n_floored: int = 0
    worker: int = 0
    elapsed_s: float = 0.0

    def __post_init__(self) -> None:
        for name, dtype in (
            ("coalitions", np.uint32),
            ("log_p", np.float32),
            ("best_other", np.float32),
        ):
            array = np.array(getattr(self, name), dtype=dtype)
            array.flags.writeable = False
            object.__setattr__(self, name, array)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueRows:
    """Many rows as arrays, in the order of the audit.

    Parameters
    ----------
    index, label, prediction : (n,) int64
        As in :class:`ValueRow`.
    image_id, path : tuple of str
        As in :class:`ValueRow`.
    coalitions : (n, P) uint32
        As in :class:`ValueRow`; every row walks equally many.
    log_p, best_other : (n, P) float32
        As in :class:`ValueRow`, in nats.
    """

    index: NDArray[np.int64]
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    image_id: tuple[str, ...]
    path: tuple[str, ...]
    coalitions: NDArray[np.uint32]
    log_p: NDArray[np.float32]
    best_other: NDArray[np.float32]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def __len__(self) -> int:
        return len(self.image_id)

    @classmethod
    def stack(cls, rows: Sequence[ValueRow]) -> ValueRows:
        """Stack rows, sorted by their index; `rows` must not be empty."""
        rows = sorted(rows, key=lambda row: row.index)
        return cls(
            index=np.array([row.index for row in rows], dtype=np.int64),
            label=np.array([row.label for row in rows], dtype=np.int64),
            prediction=np.array([row.prediction for row in rows], dtype=np.int64),
            image_id=tuple(row.image_id for row in rows),
            path=tuple(row.path for row in rows),
            coalitions=np.stack([row.coalitions for row in rows]),
            log_p=np.stack([row.log_p for row in rows]),
            best_other=np.stack([row.best_other for row in rows]),
        )


def whole_batches(rows: Sequence[ValueRow], n_images: int) -> list[ValueRow]:
    """Return the rows of consecutive batches of `n_images` of which every row is there.

    In reference mode a row depends on its whole batch, which counts as one or not at all.
    """
    n_rows = Counter(row.index // n_images for row in rows)
    return [row for row in rows if n_rows[row.index // n_images] == n_images]


def rows_at(rows: ValueRows, chosen: NDArray[np.intp]) -> ValueRows:
    """Return some of the rows, in the order in which they are chosen."""
    places = chosen.tolist()
    return ValueRows(
        index=rows.index[chosen],
        label=rows.label[chosen],
        prediction=rows.prediction[chosen],
        image_id=tuple(rows.image_id[i] for i in places),
        path=tuple(rows.path[i] for i in places),
        coalitions=rows.coalitions[chosen],
        log_p=rows.log_p[chosen],
        best_other=rows.best_other[chosen],
    )
