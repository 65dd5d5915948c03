"""What a measurement found out about each image: named arrays, one row an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]  # Any: what a measurement stores, by name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredRow:
    """What was measured of one image.

    Parameters
    ----------
    index : int
        Position in the canonical order.
    image_id : str
        sha256 of the decoded image.
    path : str
        Relative to the data set's root.
    label : int
        The class that was asked about.
    prediction : int
        The class that the model gives the unchanged image.
    arrays : mapping of str to array
        ``clean_log_p`` and ``clean_best_other``, each (1,), and those of the measurement.
    """

    index: int
    image_id: str
    path: str
    label: int
    prediction: int
    arrays: Arrays

    def to_wire(self) -> dict[str, Any]:  # Any: JSON and arrays
        """Return the row as a message's values, the arrays at its top level."""
        return {
            "index": self.index,
            "image_id": self.image_id,
            "path": self.path,
            "label": self.label,
            "prediction": self.prediction,
            **{f"array:{name}": array for name, array in self.arrays.items()},
        }

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> MeasuredRow:  # Any: JSON and arrays
        """Build a row from :meth:`to_wire`'s values; others are ignored."""
        arrays = {
            name.removeprefix("array:"): np.array(value)
            for name, value in values.items()
            if name.startswith("array:")
        }
        return cls(
            index=values["index"],
            image_id=values["image_id"],
            path=values["path"],
            label=values["label"],
            prediction=values["prediction"],
            arrays=arrays,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredRows:
    """Many rows as arrays, in the canonical order.

    Parameters
    ----------
    index, label, prediction : (n,) int64
        As in :class:`MeasuredRow`.
    image_id, path : tuple of str
        As in :class:`MeasuredRow`.
    arrays : mapping of str to (n, ...) array
        Each row's arrays, stacked.
    """

    index: NDArray[np.int64]
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    image_id: tuple[str, ...]
    path: tuple[str, ...]
    arrays: Arrays

    def __len__(self) -> int:
        return len(self.image_id)

    @classmethod
    def stack(cls, rows: Sequence[MeasuredRow]) -> MeasuredRows:
        """Stack rows, sorted by their index; `rows` must not be empty."""
        rows = sorted(rows, key=lambda row: row.index)
        return cls(
            index=np.array([row.index for row in rows], dtype=np.int64),
            label=np.array([row.label for row in rows], dtype=np.int64),
            prediction=np.array([row.prediction for row in rows], dtype=np.int64),
            image_id=tuple(row.image_id for row in rows),
            path=tuple(row.path for row in rows),
            arrays={name: np.stack([row.arrays[name] for row in rows]) for name in rows[0].arrays},
        )

    def rows(self) -> list[MeasuredRow]:
        """Return each row by itself; undoes :meth:`stack`."""
        return [
            MeasuredRow(
                index=int(self.index[i]),
                image_id=self.image_id[i],
                path=self.path[i],
                label=int(self.label[i]),
                prediction=int(self.prediction[i]),
                arrays={name: array[i] for name, array in self.arrays.items()},
            )
            for i in range(len(self))
        ]

    def to_arrays(self) -> dict[str, NDArray[Any]]:  # Any: of any kind
        """Return everything as named arrays, to be kept in a file."""
        return {
            "index": self.index,
            "label": self.label,
            "prediction": self.prediction,
            "image_id": np.array(self.image_id),
            "path": np.array(self.path),
            **{f"array:{name}": array for name, array in self.arrays.items()},
        }

    @classmethod
    def from_arrays(cls, values: Arrays) -> MeasuredRows:
        """Build from :meth:`to_arrays`'s values."""
        return cls(
            index=values["index"],
            label=values["label"],
            prediction=values["prediction"],
            image_id=tuple(values["image_id"].tolist()),
            path=tuple(values["path"].tolist()),
            arrays={
                name.removeprefix("array:"): value
                for name, value in values.items()
                if name.startswith("array:")
            },
        )

    def margin(self, prefix: str = "") -> NDArray[np.float64]:
        """Return log p of the label less the best other, (n, ...); above 0 where it is right.

        Parameters
        ----------
        prefix : str
            Of the two arrays, such as ``"clean_"``.
        """
        log_p = self.arrays[f"{prefix}log_p"].astype(np.float64)
        return log_p - self.arrays[f"{prefix}best_other"]
