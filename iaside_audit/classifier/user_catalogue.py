"""The models that a user adds to the catalogue: one JSON record each, in a folder of the user's.

A record holds where the file lies, its sha256 and its preprocessing, so that its id stands for the
model wherever a file is asked for, and a file of that content is recognised wherever it lies.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.errors import ManifestError, SpecError
from iaside_audit.preprocessing import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION: Final = 1
ID_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel:
    """One model of the catalogue.

    Parameters
    ----------
    id : str
        Lower-case letters, digits, ``.``, ``_`` and ``-``; stands for the file.
    title, licence, source : str
        What the model is, how it may be used, and where it came from.
    path : Path
        The model file.
    sha256 : str
        Of the published file.
    size_bytes : int
        Of the published file.
    output_kind : str
        What its output holds.
    preprocessing : Preprocessing
        What it was trained with.
    """

    id: str
    title: str
    path: Path
    sha256: str
    size_bytes: int
    licence: str
    source: str
    output_kind: str
    preprocessing: Preprocessing

    @classmethod
    def from_record(cls, record: Mapping[str, Any], path: Path) -> CatalogueModel:  # Any: JSON
        """Build from a record of a manifest.

        Raises
        ------
        KeyError, TypeError, SpecError
            If the record is faulty.
        """
        return cls(
            id=record["id"],
            title=record["title"],
            path=path,
            sha256=record["sha256"],
            size_bytes=record["size_bytes"],
            licence=record["licence"],
            source=record["source"],
            output_kind=record["output_kind"],
            preprocessing=Preprocessing(
                **record["preprocess"], source=f"catalogue: {record['id']}"
            ),
        )


def user_folder() -> Path:
    """Return the folder of the user's records, which need not exist."""
    from platformdirs import user_data_path  # noqa: PLC0415 - start-up time

    return user_data_path("iaside-audit", appauthor=False) / "models"


def user_models(folder: Path) -> tuple[tuple[CatalogueModel, ...], tuple[str, ...]]:
    """Return the user's models by id, and what is wrong with the records that cannot be read.

    A faulty record costs a message, never the others.
    """
    models, faults = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["schema_version"] != SCHEMA_VERSION:
                raise ManifestError(f"schema version {record['schema_version']}")  # noqa: TRY301
            models.append(CatalogueModel.from_record(record, Path(record["file"])))
        except (OSError, ValueError, KeyError, TypeError, ManifestError) as error:
            faults.append(
                f"Expected a record of a model in '{path}', found it faulty: {error}. "
                "Remove it, or add the model again."
            )
    return tuple(models), tuple(faults)


def add_user_model(model: CatalogueModel, folder: Path) -> Path:
    """Write the record of a model and return its file.

    Raises
    ------
    SpecError
        If the id has other characters than it may have, or is taken.
    ManifestError
        If the record cannot be written.
    """
    if not ID_PATTERN.fullmatch(model.id):
        raise SpecError(
            "Expected an id of lower-case letters, digits, '.', '_' and '-', found "
            f"{model.id!r}. Choose another with --id."
        )
    path = folder / f"{model.id}.json"
    preprocess = asdict(model.preprocessing)
    del preprocess["source"]
    record = {
        "schema_version": SCHEMA_VERSION,
        "id": model.id,
        "title": model.title,
        "file": str(model.path.absolute()),
        "sha256": model.sha256,
        "size_bytes": model.size_bytes,
        "licence": model.licence,
        "source": model.source,
        "output_kind": model.output_kind,
        "preprocess": preprocess,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(record, indent=2) + "\n")
    except FileExistsError as error:
        raise SpecError(
            f"Expected an id that is free, found '{path}' already there. Choose another with --id, "
            "or remove that file.",
            path=str(path),
        ) from error
    except OSError as error:
        raise ManifestError(
            f"Expected a folder of records that can be written, found '{folder}': "
            f"{error.strerror}. Check its permissions and the free space.",
            path=str(folder),
        ) from error
    return path
