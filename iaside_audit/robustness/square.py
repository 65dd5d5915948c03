"""The Square attack (Andriushchenko, Croce, Flammarion, Hein 2020), after the paper.

A random search that sees scores only: at each query a square window of the image is changed, and
the change is kept where it lowers the margin of the right class. The windows shrink on the
published schedule. Every image draws from its own generator, so that what is found does not depend
on which images are attacked together.

References
----------
.. [1] M. Andriushchenko et al., "Square Attack: a query-efficient black-box adversarial attack via
   random search", ECCV 2020. arXiv:1912.00049
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from iaside_audit.robustness.requests import PUBLISHED_P, AttackNorm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from iaside_audit.robustness.requests import AttackRequest
    from iaside_audit.types import FloatImage, FloatVector

    Margins = Callable[[Sequence[FloatImage], NDArray[np.int64]], FloatVector]

SCHEDULE_QUERIES: Final = 10_000
HALVINGS: Final = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries out of 10,000 after which the share of the image that a window covers is halved."""
INITIAL_GRID: Final = 5
"""The l2 attack starts from so many tiles along a side."""
LEAST_SIDE_L2: Final = 3
SIGNS: Final = np.array([-1, 1], dtype=np.float32)
SAME: Final = 1e-7
MAX_DRAWS: Final = 16
"""A window whose new colour changes nothing is drawn again, so often at most."""


def window_share(start: float, query: int, n_queries: int) -> float:
    """Return the share of the image that a window covers at a query.

    Parameters
    ----------
    start : float
        Share at the first queries, in (0, 1].
    query : int
        From 0.
    n_queries : int
        Of the whole attack; the schedule of 10,000 queries is scaled to them.

    Examples
    --------
    >>> window_share(0.8, 0, 200), window_share(0.8, 199, 200)
    (0.8, 0.0015625)
    """
    place = query * SCHEDULE_QUERIES // n_queries
    n_halvings = sum(place > limit for limit in HALVINGS)
    return start * 0.5**n_halvings


class _Change(Protocol):
    """How an image is changed, in one norm."""

    def first(self, image: FloatImage, generator: np.random.Generator) -> FloatImage:
        """Return the image from which the search starts."""

    def next(
        self, image: FloatImage, best: FloatImage, share: float, generator: np.random.Generator
    ) -> FloatImage:
        """Return a candidate that differs from `best` in a window."""


class _ChangeLinf:
    """Squares of one colour at the corners of the ball; at first, vertical stripes."""

    def __init__(self, radius: float) -> None:
        self._radius = np.float32(radius)

    def _colours(
        self, shape: tuple[int, int, int], generator: np.random.Generator
    ) -> NDArray[np.float32]:
        colours: NDArray[np.float32] = self._radius * generator.choice(SIGNS, size=shape)
        return colours

    def first(self, image: FloatImage, generator: np.random.Generator) -> FloatImage:
        n_channels, _, width = image.shape
        stripes = self._colours((n_channels, 1, width), generator)
        changed: FloatImage = np.clip(image + stripes, 0, 1)
        return changed

    def next(
        self, image: FloatImage, best: FloatImage, share: float, generator: np.random.Generator
    ) -> FloatImage:
        n_channels, height, width = image.shape
        side = int(np.clip(round((share * height * width) ** 0.5), 1, min(height, width) - 1))
        window = _window(height, width, side, generator)
        candidate = best.copy()
        for _ in range(MAX_DRAWS):
            colours = self._colours((n_channels, 1, 1), generator)
            candidate[window] = np.clip(image[window] + colours, 0, 1)
            if np.abs(candidate[window] - best[window]).max() > SAME:
                break
        return candidate


class _ChangeL2:
    """Bumps that move the ball's budget from one window of the image to another."""

    def __init__(self, radius: float) -> None:
        self._radius = radius

    def _on_sphere(self, image: FloatImage, change: NDArray[np.float64]) -> FloatImage:
        size = max(float(np.linalg.norm(change)), 1e-12)
        moved = np.clip(image + (change * (self._radius / size)).astype(np.float32), 0, 1)
        return moved.astype(np.float32, copy=False)

    def first(self, image: FloatImage, generator: np.random.Generator) -> FloatImage:
        n_channels, height, width = image.shape
        side = max(1, min(height, width) // INITIAL_GRID)
        change = np.zeros(image.shape)
        tile = _bump(side, generator)
        for top in range(0, height - side + 1, side):
            for left in range(0, width - side + 1, side):
                signs = generator.choice([-1.0, 1.0], size=(n_channels, 1, 1))
                change[:, top : top + side, left : left + side] += signs * tile
        return self._on_sphere(image, change)

    def next(
        self, image: FloatImage, best: FloatImage, share: float, generator: np.random.Generator
    ) -> FloatImage:
        n_channels, height, width = image.shape
        side = max(round((share * height * width) ** 0.5), LEAST_SIDE_L2)
        side = min(side + (side % 2 == 0), height, width)
        target = _window(height, width, side, generator)
        source = _window(height, width, side, generator)
        change = (best - image).astype(np.float64)
        is_touched = np.zeros((height, width), dtype=np.bool_)
        is_touched[target[1:]] = is_touched[source[1:]] = True
        freed = (change**2 * is_touched).sum(axis=(1, 2), keepdims=True)
        unused = max(self._radius**2 - float((change**2).sum()), 0.0) / n_channels
        signs = generator.choice([-1.0, 1.0], size=(n_channels, 1, 1))
        old = change[target]
        size = np.linalg.norm(old, axis=(1, 2), keepdims=True)
        new = signs * _bump(side, generator) + old / (size + 1e-10)
        length = np.maximum(np.linalg.norm(new, axis=(1, 2), keepdims=True), 1e-12)
        change[source] = 0
        change[target] = new / length * np.sqrt(freed + unused)
        return self._on_sphere(image, change)


class SquareAttack:
    """Attacks images together, each by its own search.

    Parameters
    ----------
    request : AttackRequest
        Norm and queries.
    radius : float
        Largest change, images in 0..1.
    """

    def __init__(self, request: AttackRequest, radius: float) -> None:
        self._n_queries = request.queries
        self._share = PUBLISHED_P[request.norm]
        self._change: _Change = (
            _ChangeLinf(radius) if request.norm == AttackNorm.LINF else _ChangeL2(radius)
        )

    def run(
        self,
        images: Sequence[FloatImage],
        labels: NDArray[np.int64],
        margins: Margins,
        generators: Sequence[np.random.Generator],
    ) -> tuple[FloatVector, NDArray[np.int64], list[FloatImage]]:
        """Search until every image is broken or its queries are spent.

        Parameters
        ----------
        images : n of (C, H, W) float32
            In 0..1; taken to be classified rightly.
        labels : (n,) int64
            Their classes.
        margins : callable
            Takes images and their labels and returns the log-probability of each label less that
            of the best other class; at most 0 where the image is broken.
        generators : n generators
            One for each image.

        Returns
        -------
        margins : (n,) float64
            The lowest that was found.
        n_queries : (n,) int64
            Images put through the model for each image.
        found : n of (C, H, W) float32
            The images with these margins, within the radius and 0..1.
        """
        found = [
            self._change.first(image, generator)
            for image, generator in zip(images, generators, strict=True)
        ]
        best = margins(found, labels)
        n_queries = np.ones(len(images), dtype=np.int64)
        for query in range(1, self._n_queries):
            active = [i for i, margin in enumerate(best.tolist()) if margin > 0]
            if not active:
                break
            share = window_share(self._share, query - 1, self._n_queries)
            candidates = [
                self._change.next(images[i], found[i], share, generators[i]) for i in active
            ]
            tried = margins(candidates, labels[active])
            n_queries[active] += 1
            for i, candidate, margin in zip(active, candidates, tried, strict=True):
                if margin < best[i]:
                    found[i], best[i] = candidate, margin
        return best, n_queries, found


def _window(
    height: int, width: int, side: int, generator: np.random.Generator
) -> tuple[slice, slice, slice]:
    """Return a window of all channels at a random place."""
    top = int(generator.integers(0, height - side + 1))
    left = int(generator.integers(0, width - side + 1))
    return slice(None), slice(top, top + side), slice(left, left + side)


def _bump(side: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return a tile of two bumps of opposite sign, along a random axis, of L2 norm 1."""
    tile = np.empty((side, side))
    half = side // 2
    tile[:half] = _pyramid(half, side)
    tile[half:] = -_pyramid(side - half, side)
    tile /= max(float(np.linalg.norm(tile)), 1e-12)
    return tile.T if generator.random() > 0.5 else tile  # noqa: PLR2004 - either axis


def _pyramid(height: int, width: int) -> NDArray[np.float64]:
    """Return the published bump: ``sum of 1 / j^2`` over j beyond the distance from the middle."""
    y, x = np.arange(height)[:, None], np.arange(width)[None, :]
    distance = np.maximum(np.abs(y - height // 2), np.abs(x - width // 2))
    falls = 1.0 / np.arange(1, max(height, width) // 2 + 2) ** 2
    tails = np.cumsum(falls[::-1])[::-1]
    bump: NDArray[np.float64] = tails[distance]
    return bump
