"""The models that ship: one reviewed record each, in the data package ``iaside_models``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from iaside_audit.classifier.identity import file_sha256
from iaside_audit.errors import ChecksumError, ManifestError, SpecError
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.registry import nearest

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel:
    """One model of the catalogue."""

    id: str
    title: str
    path: Path
    sha256: str
    size_bytes: int
    licence: str
    source: str
    output_kind: str
    preprocessing: Preprocessing


def catalogue() -> tuple[CatalogueModel, ...]:
    """Return the models that ship with the program.

    Raises
    ------
    ManifestError
        If the manifest cannot be read.
    """
    try:
        document = json.loads(_data("manifest.json").read_text(encoding="utf-8"))
        if document["schema_version"] != SCHEMA_VERSION:
            raise ManifestError(
                f"Expected a manifest of schema version {SCHEMA_VERSION}, found "
                f"{document['schema_version']}. Reinstall iaside-audit."
            )
        return tuple(_model(record) for record in document["models"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"Expected the catalogue in the package iaside_models, found it unreadable: {error}. "
            "Reinstall iaside-audit."
        ) from error


def find_model(model_id: str) -> CatalogueModel:
    """Return the model of that id, its file checked.

    Raises
    ------
    SpecError
        If there is none; the nearest id is named.
    ChecksumError
        If the file is not the published one.
    """
    models = {model.id: model for model in catalogue()}
    if model_id not in models:
        raise SpecError(
            f"Expected an id of the catalogue ({', '.join(models)}), found {model_id!r}."
            f"{nearest(model_id, models)}"
        )
    model = models[model_id]
    found = file_sha256(model.path)
    if found != model.sha256:
        raise ChecksumError(
            f"Expected the published file of '{model_id}' (sha256 {model.sha256[:12]}...), found "
            f"another ({found[:12]}...) at '{model.path}'. Reinstall iaside-audit.",
            path=str(model.path),
            expected=model.sha256,
            found=found,
        )
    return model


def find_model_by_hash(sha256: str) -> CatalogueModel | None:
    """Return the catalogue's record of a file with that hash, or None."""
    return next((model for model in catalogue() if model.sha256 == sha256), None)


def demo_images() -> Path:
    """Return the folder of the photographs that ship."""
    return _data("demo")


def _data(name: str) -> Path:
    with as_file(files("iaside_models") / name) as path:
        return Path(path)


def _model(record: dict[str, Any]) -> CatalogueModel:  # Any: JSON
    return CatalogueModel(
        id=record["id"],
        title=record["title"],
        path=_data(record["file"]),
        sha256=record["sha256"],
        size_bytes=record["size_bytes"],
        licence=record["licence"],
        source=record["source"],
        output_kind=record["output_kind"],
        preprocessing=Preprocessing(**record["preprocess"], source=f"catalogue: {record['id']}"),
    )
