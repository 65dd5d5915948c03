"""What an audit would take, as far as that is known before any model runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iaside_audit.auditing.plan import (
    evaluations_per_image,
    resolve_estimator,
    row_length,
    unused_pairs,
)
from iaside_audit.choices import Estimator, Mode

if TYPE_CHECKING:
    from iaside_audit.spec import AuditSpec

FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The size of an audit.

    Parameters
    ----------
    estimator : Estimator
        Exact or permutation.
    n_images : int
        That will be evaluated, where all can be read.
    evaluations_per_image : int
        Times that the model is run for each.
    n_evaluations : int
        In all.
    unused_pairs : int
        Pairs of orders that were asked for in vain; see :class:`~iaside_audit.events.Planned`.
    """

    estimator: Estimator
    n_images: int
    evaluations_per_image: int
    n_evaluations: int
    unused_pairs: int = 0


def forecast(spec: AuditSpec, n_found: int) -> Forecast:
    """Foretell the size of an audit of `n_found` images, as its plan will settle it.

    A budget too small for one image gives no image.
    """
    n_images = min(n_found, n_found if spec.max_images is None else spec.max_images)
    if spec.mode == Mode.REFERENCE:
        per_image = row_length(spec, Estimator.EXACT)
        n_images -= n_images % spec.reference_batch
        return Forecast(
            estimator=Estimator.EXACT,
            n_images=n_images,
            evaluations_per_image=per_image,
            n_evaluations=n_images * per_image,
        )
    estimator = resolve_estimator(spec, n_images)
    per_image, shared = evaluations_per_image(spec, estimator)
    if spec.budget is not None:
        n_images = min(n_images, max(0, (spec.budget - shared) // per_image))
    return Forecast(
        estimator=estimator,
        n_images=n_images,
        evaluations_per_image=per_image,
        n_evaluations=shared + n_images * per_image,
        unused_pairs=unused_pairs(spec, estimator),
    )


def input_bytes(spec: AuditSpec, shape: tuple[int, int, int], *, batch: int) -> int:
    """Return the memory that images and coalitions take in the worker, beside the model.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    shape : (int, int, int)
        Channels, height and width of the model's input.
    batch : int
        Rows of a call of the model.
    """
    channels, height, width = shape
    per_image = channels * height * width * FLOAT_BYTES
    images = max(1, batch // row_length(spec, Estimator.PERMUTATION))
    return per_image * (images * 2 * (1 + spec.bands) + 2 * batch)
