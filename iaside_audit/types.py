"""Array aliases and the small numeric types that must not be swapped."""

from __future__ import annotations

from typing import NewType, TypeAlias

import numpy as np
from numpy.typing import NDArray

BandIndex = NewType("BandIndex", int)
"""Position of a band in its partition; 0 is the lowest and holds the mean (DC)."""

ClassIndex = NewType("ClassIndex", int)
"""Position of a class in the model's output."""

CoalitionCode = NewType("CoalitionCode", int)
"""A coalition as an integer: bit *i* is set where player *i* is present."""

Interval: TypeAlias = tuple[float, float]
"""Lower and upper end; NaN where the interval is not defined."""

ByteImage: TypeAlias = NDArray[np.uint8]
"""Shape ``(H, W, 3)`` in RGB, or ``(H, W, 1)`` in grey; what a file holds after decoding."""

FloatImage: TypeAlias = NDArray[np.float32]
"""Shape ``(C, H, W)``; uint8 / 255, so 0..1 for a photograph and beyond for mixtures."""

BandImages: TypeAlias = NDArray[np.float32]
"""Shape ``(M, C, H, W)``; the images of the bands, which add up to the image."""

Components: TypeAlias = NDArray[np.float32]
"""Shape ``(1 + M, C, H, W)``; the baseline, then the difference that each band brings."""

BandMap: TypeAlias = NDArray[np.uint8]
"""Shape ``(H, W // 2 + 1)``; the band index of each coefficient of the real transform."""

CodeVector: TypeAlias = NDArray[np.uint32]
"""Shape ``(n_coalitions,)``; coalition codes."""

CoalitionMatrix: TypeAlias = NDArray[np.bool_]
"""Shape ``(n_coalitions, n_players)``; True where the player is present."""

FloatVector: TypeAlias = NDArray[np.float64]
"""Shape ``(n,)``; values, Shapley values, importances."""

FloatMatrix: TypeAlias = NDArray[np.float64]
"""Shape ``(n_rows, n_columns)``; said where it is used."""
