"""The models that an id stands for: those that ship, and those that the user added."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from iaside_audit.classifier.identity import file_sha256
from iaside_audit.classifier.user_catalogue import CatalogueModel, user_folder, user_models
from iaside_audit.errors import ChecksumError, ManifestError, SpecError
from iaside_audit.registry import nearest

SCHEMA_VERSION: Final = 1


def catalogue() -> tuple[CatalogueModel, ...]:
    """Return the models that ship with the program, then those of the user.

    Raises
    ------
    ManifestError
        If the manifest that ships cannot be read.
    """
    return (*shipped_models(), *user_models(user_folder())[0])


def shipped_models() -> tuple[CatalogueModel, ...]:
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
        return tuple(
            CatalogueModel.from_record(record, _data(record["file"]))
            for record in document["models"]
        )
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
    ModelNotFoundError
        If its file is gone.
    ChecksumError
        If the file is not the one that was published or added.
    """
    models = {model.id: model for model in reversed(catalogue())}  # one that ships wins
    if model_id not in models:
        raise SpecError(
            f"Expected an id of the catalogue ({', '.join(sorted(models))}), found {model_id!r}."
            f"{nearest(model_id, models)}"
        )
    model = models[model_id]
    found = file_sha256(model.path)
    if found != model.sha256:
        raise ChecksumError(
            f"Expected the published file of '{model_id}' (sha256 {model.sha256[:12]}...), found "
            f"another ({found[:12]}...) at '{model.path}'. Reinstall iaside-audit, or add your "
            "model again.",
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
