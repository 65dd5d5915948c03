"""A stored result as large as they get: made up, of the types that an audit writes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iaside_audit.breakdown import (
    ClassProfile,
    GroupProfile,
    InteractionsRecord,
    OutcomesRecord,
    ProfileDifference,
)
from iaside_audit.games import walk_codes
from iaside_audit.report import RESULT_NAME, write_result
from iaside_audit.rows import ValueRow
from iaside_audit.store import STORE_NAME, SqliteRowStore, StoreHeader, Wanted

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult, BandResult

N_IMAGES, N_CLASSES = 10_000, 1_000


def write_large_result(like: AuditResult, folder: Path, *, n_bands: int) -> Path:
    """Write a result of 10,000 images of 1,000 classes, and its rows, into a new folder.

    Parameters
    ----------
    like : AuditResult
        A real one, whose model, settings and words are taken over.
    folder : Path
        Made here.
    n_bands : int
        Its bands; pairs of them have interactions.

    Returns
    -------
    Path
        Of the ``result.json``.
    """
    folder.mkdir()
    spec = replace(like.spec, bands=n_bands)
    bands = tuple(_band(like.bands[0], band, n_bands) for band in range(n_bands))
    group = _group(bands)
    matrix = np.full((n_bands, n_bands), 0.125) - 0.125 * np.eye(n_bands)
    result = replace(
        like,
        spec=spec,
        bands=bands,
        data=replace(like.data, n_images=N_IMAGES, n_available=N_IMAGES),
        estimator=replace(like.estimator, kind="permutation", n_images=N_IMAGES),
        interactions=InteractionsRecord(
            kind="SII",
            matrix=tuple(map(tuple, matrix.tolist())),
            interval=tuple(
                tuple((value - 0.25, value + 0.25) for value in row) for row in matrix.tolist()
            ),
            moebius_order=1,
            moebius=(),
        ),
        classes=tuple(
            ClassProfile(label=label, name=f"class {label}", **group) for label in range(N_CLASSES)
        ),
        outcomes=OutcomesRecord(
            correct=GroupProfile(**group),
            wrong=GroupProfile(**group),
            difference=ProfileDifference(
                **{
                    name: group[name]
                    for name in (
                        "shapley",
                        "interval",
                        "importance",
                        "importance_interval",
                        "signed",
                        "signed_interval",
                    )
                }
            ),
        ),
        images=None,
    )
    _write_rows(result, folder / STORE_NAME)
    path = folder / RESULT_NAME
    write_result(result, path)
    return path


def _band(like: BandResult, band: int, n_bands: int) -> BandResult:
    value = 2.6 * 0.62**band
    share = 1 / n_bands
    return replace(
        like,
        index=band,
        low=band / n_bands,
        high=(band + 1) / n_bands,
        shapley=value,
        interval=(value - 0.1, value + 0.1),
        importance=share,
        importance_interval=(share - 0.01, share + 0.01),
    )


def _group(bands: tuple[BandResult, ...]) -> dict[str, Any]:
    """Return the fields of a :class:`GroupProfile`."""
    return asdict(
        GroupProfile(
            n_images=N_IMAGES // N_CLASSES,
            top1=0.75,
            top1_interval=(0.5, 0.875),
            shapley=tuple(band.shapley for band in bands),
            interval=tuple(band.interval for band in bands),
            importance=tuple(band.importance for band in bands),
            importance_interval=tuple(band.importance_interval for band in bands),
            at_boundary=tuple(band.at_boundary for band in bands),
            signed=0.3,
            signed_interval=(0.2, 0.4),
        )
    )


def _write_rows(result: AuditResult, path: Path) -> None:
    """Write rows of one pair of random orders each."""
    n_bands = result.spec.bands
    order = np.arange(n_bands)
    codes = walk_codes(np.stack([order, order[::-1]]))
    log_p = np.random.default_rng(0).normal(-3, 1, (N_IMAGES, codes.size)).astype(np.float32)
    paths = [f"class {number % N_CLASSES}/{number:05d}.png" for number in range(N_IMAGES)]
    header = StoreHeader(
        deciding={"model": result.model.identity},
        settings={},
        data={"manifest": result.data.manifest_sha256, "n_images": N_IMAGES},
    )
    wanted = [
        Wanted(index=index, image_id=f"{index:064x}", label=index % N_CLASSES, path=path)
        for index, path in enumerate(paths)
    ]
    with closing(SqliteRowStore(path, header, wanted)) as store:
        store.put_all(
            [
                ValueRow(
                    index=one.index,
                    image_id=one.image_id,
                    path=one.path,
                    label=one.index % N_CLASSES,
                    prediction=one.index % 7,
                    coalitions=codes,
                    log_p=log_p[one.index],
                    best_other=log_p[one.index] - 1,
                )
                for one in wanted
            ],
            {},
        )
