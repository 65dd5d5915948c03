"""What a study keeps of each model: rows in one file a part, reused where its header agrees."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.classifier.identity import file_sha256
from iaside_audit.errors import StoreError
from iaside_audit.images import find_images
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from iaside_audit.robustness.study.spec import StudyModel

    Arrays = Mapping[str, NDArray[Any]]  # Any: rows of any kind

FORMAT: Final = 1
HEADER: Final = "header"
PLACES: Final = ("model", "images", "labels", "classes", "preprocess")
"""Options that name files: their contents decide, not where they lie."""
EXECUTION: Final = ("device", "threads", "batch", "max_model_bytes", "max_images", "budget")
"""Options that decide how, or of how many images, not which numbers."""


def data_digest(model: StudyModel) -> str:
    """Return the sha256 that names a study's images and labels by content."""
    spec = model.audit
    lines = sorted(
        f"{record.path},{file_sha256(record.location)},{record.position}"
        for record in find_images(spec.images).records
    )
    for option in (spec.labels, spec.classes):
        path = None if option is None else Path(option)
        lines.append(file_sha256(path) if path is not None and path.is_file() else str(option))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def header_of(
    model: StudyModel, request: Mapping[str, object], n_images: int | None, data: str
) -> dict[str, Any]:  # Any: JSON
    """Return all that decides the rows of one part.

    Options at their default are left out, so that what is kept outlives new options.
    """
    options = model.audit.to_dict()
    defaults = AuditSpec(model=model.audit.model, images=model.audit.images).to_dict()
    preprocess: object = options["preprocess"]
    if model.preprocessing is not None:
        preprocess = asdict(model.preprocessing)
    header = {
        "format": FORMAT,
        "model_sha256": file_sha256(model.audit.model),
        "data_sha256": data,
        "preprocess": preprocess,
        "options": {
            name: value
            for name, value in options.items()
            if name not in PLACES and name not in EXECUTION and value != defaults[name]
        },
        "request": dict(request),
        "n_images": n_images,
    }
    plain: dict[str, Any] = json.loads(json.dumps(header))  # as it is read back; Any: JSON
    return plain


def read_kept(path: Path, header: Mapping[str, Any]) -> Arrays | None:  # Any: JSON
    """Return the rows of a part, or None where there are none of this header."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if json.loads(str(file[HEADER])) != header:
                return None
            return {name: file[name] for name in file.files if name != HEADER}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # missing, or cut short by a crash: measured again


def write_kept(path: Path, header: Mapping[str, Any], arrays: Arrays) -> None:  # Any: JSON
    """Keep the rows of a part, whole or not at all.

    Raises
    ------
    StoreError
        If they cannot be written.
    """
    sibling = path.with_name(f".{path.name}.tmp")
    try:
        with sibling.open("wb") as file:
            everything: dict[str, Any] = {HEADER: np.array(json.dumps(header)), **arrays}
            np.savez_compressed(file, **everything)  # Any: numpy types a flag among the arrays
            file.flush()
            os.fsync(file.fileno())
        sibling.replace(path)
    except OSError as error:
        raise StoreError(
            f"Expected to keep rows in '{path}', found: {error.strerror or error}. "
            "Make space and run the study again; what is there is kept.",
            path=str(path),
        ) from error
    finally:
        sibling.unlink(missing_ok=True)
