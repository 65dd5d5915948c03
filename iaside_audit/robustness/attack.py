"""Worker side of the attack: radius upon radius, on the images that the model has right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.randomness import Purpose, image_generator
from iaside_audit.robustness.square import SquareAttack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from iaside_audit.robustness.asker import Asker
    from iaside_audit.robustness.read_image import ReadImage
    from iaside_audit.robustness.requests import AttackRequest
    from iaside_audit.robustness.sweeps import Arrays
    from iaside_audit.spec import AuditSpec
    from iaside_audit.types import FloatImage, FloatVector


class AttackSearch:
    """Attacks images at ascending radii.

    What breaks an image at one radius lies within the next one too, so it is not attacked again.

    Parameters
    ----------
    asker : Asker
        Asks the model.
    spec : AuditSpec
        Its seed.
    request : AttackRequest
        Norm, radii and queries.
    """

    def __init__(self, asker: Asker, spec: AuditSpec, request: AttackRequest) -> None:
        self._asker = asker
        self._seed = spec.seed
        self._request = request

    def __call__(self, images: Sequence[ReadImage]) -> list[Arrays]:
        """Return the lowest margin, and the queries spent, over the radii.

        The margin is at most 0 where the image is broken, or was wrong before any change; a radius
        at which nothing was to be done has 0 queries.
        """
        if not images:
            return []
        labels = np.array([one.label for one in images], dtype=np.int64)
        lowest = self._margins([one.image for one in images], labels)
        margins = np.empty((len(images), len(self._request.radii)), dtype=np.float32)
        queries = np.zeros(margins.shape, dtype=np.int64)
        for column, radius in enumerate(self._request.radii):
            active = np.flatnonzero(lowest > 0)
            if active.size:
                attacked = [images[i] for i in active.tolist()]
                generators = [
                    image_generator(self._seed, one.image_id, Purpose.ATTACK) for one in attacked
                ]
                found, spent, _ = SquareAttack(self._request, radius).run(
                    [one.image for one in attacked], labels[active], self._margins, generators
                )
                lowest[active] = np.minimum(lowest[active], found)
                queries[active, column] = spent
            margins[:, column] = lowest
        return [
            {"margin": margin, "queries": spent}
            for margin, spent in zip(margins, queries, strict=True)
        ]

    def _margins(self, images: Sequence[FloatImage], labels: NDArray[np.int64]) -> FloatVector:
        log_p, best_other = self._asker.label_and_best_other(images, labels)
        return log_p - best_other
