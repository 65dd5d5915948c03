r"""A result's numbers as tables for spreadsheets and scripts.

Each is CSV (RFC 4180) with a header. Numbers are written so that they read back exactly, those
that are not defined as ``nan``, claims as ``true`` and ``false``; lines end in ``\r\n``. Columns of
bands carry the band's number, such as ``shapley_0``.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import StoreError
from iaside_audit.report.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from iaside_audit.breakdown import GroupProfile
    from iaside_audit.result import AuditResult

COLUMNS: Final = (
    "index",
    "low",
    "high",
    "shapley",
    "standard_error",
    "shapley_low",
    "shapley_high",
    "importance",
    "importance_standard_error",
    "importance_low",
    "importance_high",
    "at_boundary",
)
"""`low` and `high` are edges in rho; Shapley values are in the unit of the value function."""


INTERACTION_COLUMNS: Final = ("kind", "bands", "value", "low", "high")
"""`bands` are the members' numbers with spaces between; `kind` is ``SII`` or ``Moebius``."""
IMAGE_COLUMNS: Final = ("path", "image_id", "label", "prediction", "empty", "grand")
"""Before the Shapley values of the bands; `empty` and `grand` in the unit of the value function."""
GROUP_COLUMNS: Final = (
    "n_images",
    "top1",
    "top1_low",
    "top1_high",
    "signed",
    "signed_low",
    "signed_high",
)
"""Before the bands' Shapley values and importances, each with its lower and upper end."""


def importance_csv(result: AuditResult) -> str:
    """Return the bands, a line for each."""
    return _csv(
        COLUMNS,
        (
            (
                band.index,
                band.low,
                band.high,
                band.shapley,
                band.standard_error,
                *band.interval,
                band.importance,
                band.importance_standard_error,
                *band.importance_interval,
                str(band.at_boundary).lower(),
            )
            for band in result.bands
        ),
    )


def interactions_csv(result: AuditResult) -> str | None:
    """Return the pairs' interactions and the Moebius coefficients; None where there are none."""
    record = result.interactions
    if record is None:
        return None
    n_bands = len(record.matrix)
    pairs = [(one, other) for one in range(n_bands) for other in range(one + 1, n_bands)]
    return _csv(
        INTERACTION_COLUMNS,
        [
            *(
                (
                    record.kind,
                    f"{one} {other}",
                    record.matrix[one][other],
                    *record.interval[one][other],
                )
                for one, other in pairs
            ),
            *(
                ("Moebius", " ".join(map(str, part.bands)), part.value, *part.interval)
                for part in record.moebius
            ),
        ],
    )


def classes_csv(result: AuditResult) -> str | None:
    """Return the classes' profiles, a line for each; None where there are none."""
    if result.classes is None:
        return None
    return _csv(
        ("label", "name", *_group_columns(len(result.bands))),
        ((one.label, one.name, *_group_cells(one)) for one in result.classes),
    )


def outcomes_csv(result: AuditResult) -> str | None:
    """Return the profiles of images that are right and wrong; None where there are none."""
    if result.outcomes is None:
        return None
    groups = (("correct", result.outcomes.correct), ("wrong", result.outcomes.wrong))
    return _csv(
        ("outcome", *_group_columns(len(result.bands))),
        ((name, *_group_cells(group)) for name, group in groups),
    )


def images_csv(result: AuditResult) -> str | None:
    """Return what each image says by itself, a line for each, in the order of the audit.

    None where a result does not list its images, and its rows are gone.
    """
    from iaside_audit.auditing.outcome.groups import image_records_of  # noqa: PLC0415 - start-up time

    try:
        images = image_records_of(result)
    except StoreError:
        return None
    names = (f"shapley_{band}" for band in range(len(result.bands)))
    return _csv(
        (*IMAGE_COLUMNS, *names),
        (
            (one.path, one.image_id, one.label, one.prediction, one.empty, one.grand, *one.shapley)
            for one in images
        ),
    )


TABLES: Final[dict[str, Callable[[AuditResult], str | None]]] = {
    "importance.csv": importance_csv,
    "classes.csv": classes_csv,
    "outcomes.csv": outcomes_csv,
    "interactions.csv": interactions_csv,
    "images.csv": images_csv,
}
"""The tables of an output folder by file name; one that returns None is not written."""


def write_csv(result: AuditResult, path: Path) -> None:
    """Write the bands as CSV; see :func:`importance_csv`.

    Raises
    ------
    ReportError
        If the file cannot be written.
    """
    write_text(path, importance_csv(result))


def _csv(header: Iterable[str], lines: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()


def _group_columns(n_bands: int) -> list[str]:
    return [
        *GROUP_COLUMNS,
        *(
            f"{name}_{band}{end}"
            for name in ("shapley", "importance")
            for band in range(n_bands)
            for end in ("", "_low", "_high")
        ),
    ]


def _group_cells(group: GroupProfile) -> list[object]:
    cells: list[object] = [group.n_images, group.top1, *group.top1_interval]
    cells += [group.signed, *group.signed_interval]
    for value, ends in zip(
        (*group.shapley, *group.importance),
        (*group.interval, *group.importance_interval),
        strict=True,
    ):
        cells += [value, *ends]
    return cells
