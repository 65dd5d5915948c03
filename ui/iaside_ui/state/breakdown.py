"""Who and where in a result: single images, classes, pairs of bands, as rows to show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iaside_audit.errors import StoreError

if TYPE_CHECKING:
    from iaside_audit.result import AuditResult

OWN_LABELS = "the model's predictions"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """What one image says by itself.

    Parameters
    ----------
    path : str
        As reports name it.
    location : str
        The file on this machine; it may be gone.
    label, prediction : str
        Names of the classes, or their numbers.
    is_right : bool or None
        Whether they agree; None where the labels are the model's own.
    empty, grand : float
        Values of the empty and the grand coalition.
    shapley : tuple of float
        One for each band.
    """

    path: str
    location: str
    label: str
    prediction: str
    is_right: bool | None
    empty: float
    grand: float
    shapley: tuple[float, ...]

    @property
    def strongest(self) -> int:
        """The band of the largest Shapley value."""
        return max(range(len(self.shapley)), key=self.shapley.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTable:
    """The rows of a result's images; `gap` says why there are none."""

    rows: tuple[ImageRow, ...] = ()
    gap: str = ""


def image_table(result: AuditResult) -> ImageTable:
    """Read the value rows of a result, and compute what each image says; for a thread."""
    from pathlib import Path  # noqa: PLC0415 - beside the engine's imports, which are slow

    from iaside_audit.auditing.assemble import image_profiles  # noqa: PLC0415
    from iaside_audit.images import FROM_MODEL, class_table  # noqa: PLC0415
    from iaside_audit.spec import Estimator  # noqa: PLC0415

    try:
        rows = result.rows()
    except StoreError as error:
        return ImageTable(gap=error.message)
    spec = result.spec
    is_own = result.data.labels == FROM_MODEL
    estimator = Estimator(result.estimator.kind)
    profiles = image_profiles(rows, spec, estimator, labels_are_own=is_own)
    try:
        names = class_table(spec.classes, result.model.output.n_classes).names
    except (OSError, ValueError):  # the table of names is gone: numbers do
        names = None

    def name(index: int) -> str:
        return str(index) if names is None else names[index]

    base = spec.images if spec.images.is_dir() else spec.images.parent
    return ImageTable(
        rows=tuple(
            ImageRow(
                path=path,
                location=str(Path(base) / path),
                label=name(int(label)),
                prediction=name(int(prediction)),
                is_right=None if is_own else bool(label == prediction),
                empty=float(empty),
                grand=float(grand),
                shapley=tuple(float(one) for one in shapley),
            )
            for path, label, prediction, empty, grand, shapley in zip(
                rows.path,
                rows.label,
                rows.prediction,
                profiles.empty,
                profiles.grand,
                profiles.shapley,
                strict=True,
            )
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """The images of one class together.

    Parameters
    ----------
    name : str
        Of the class.
    n_images : int
        Its images.
    top1 : float
        Share of right answers; NaN where that is not measured.
    shapley : tuple of float
        Mean Shapley values of the bands.
    standard_error : tuple of float
        Of the means, over the images; NaN for a single image.
    """

    name: str
    n_images: int
    top1: float
    shapley: tuple[float, ...]
    standard_error: tuple[float, ...]


def class_rows(images: tuple[ImageRow, ...]) -> tuple[ClassRow, ...]:
    """Gather images by their label, the classes with most images first."""
    groups: dict[str, list[ImageRow]] = {}
    for row in images:
        groups.setdefault(row.label, []).append(row)
    rows = [_class_row(name, members) for name, members in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.n_images, row.name)))


def _class_row(name: str, members: list[ImageRow]) -> ClassRow:
    n_images = len(members)
    columns = list(zip(*(row.shapley for row in members), strict=True))
    means = [sum(column) / n_images for column in columns]
    errors = []
    for column, mean in zip(columns, means, strict=True):
        squares = sum((one - mean) ** 2 for one in column)
        errors.append(math.sqrt(squares / (n_images - 1) / n_images) if n_images > 1 else math.nan)
    known = [row.is_right for row in members if row.is_right is not None]
    return ClassRow(
        name=name,
        n_images=n_images,
        top1=sum(known) / n_images if known else math.nan,
        shapley=tuple(means),
        standard_error=tuple(errors),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionTable:
    """How pairs of bands act together; `gap` says why that is not known.

    Parameters
    ----------
    values : tuple of tuple of float
        M rows of M numbers, symmetric, 0 on the diagonal; positive where two bands are worth more
        together than apart.
    standard_errors : tuple of tuple of float
        Of the values, over the images; NaN for a single image.
    gap : str
        Empty where there are numbers.
    """

    values: tuple[tuple[float, ...], ...] = ()
    standard_errors: tuple[tuple[float, ...], ...] = ()
    gap: str = ""


def interaction_table(result: AuditResult) -> InteractionTable:
    """Compute the Shapley interaction index of every pair of bands; for a thread."""
    import numpy as np  # noqa: PLC0415 - beside the engine's imports, which are slow

    from iaside_audit.games import pair_interactions, value_table  # noqa: PLC0415
    from iaside_audit.spec import Estimator  # noqa: PLC0415
    from iaside_audit.statistics.values import value_function  # noqa: PLC0415

    if result.estimator.kind != Estimator.EXACT.value:
        return InteractionTable(
            gap="Interactions need the value of every coalition, and this audit walked through "
            "random orders. Run it again with the estimator exact."
        )
    try:
        rows = result.rows()
    except StoreError as error:
        return InteractionTable(gap=error.message)
    values = value_function(result.spec.value)(rows.log_p, rows.best_other)
    n_bands = len(result.bands)
    table = value_table(rows.coalitions[0], values, n_players=n_bands)
    each = np.stack([pair_interactions(one, n_players=n_bands) for one in table])
    errors = np.full(each.shape[1:], math.nan)
    if len(each) > 1:
        errors = each.std(axis=0, ddof=1) / math.sqrt(len(each))
    return InteractionTable(
        values=tuple(tuple(map(float, row)) for row in each.mean(axis=0)),
        standard_errors=tuple(tuple(map(float, row)) for row in errors),
    )
