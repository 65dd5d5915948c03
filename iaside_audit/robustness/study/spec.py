"""A study file: which models, on which images, and what is measured of each."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from iaside_audit.classifier.preprocessing_sources import to_toml
from iaside_audit.errors import SpecError
from iaside_audit.preprocessing import Preprocessing
from iaside_audit.registry import nearest
from iaside_audit.robustness.requests import AttackRequest, CorruptionRequest
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Table = Mapping[str, Any]  # Any: TOML

Kind = TypeVar("Kind", CorruptionRequest, AttackRequest)

TABLES: Final = ("study", "audit", "corruptions", "attack", "models")
STUDY_KEYS: Final = ("title", "images", "labels", "classes", "axis")
MODEL_KEYS: Final = ("id", "model", "preprocess", "lineage", "position", "output")
OWN_OPTIONS: Final = ("model", "images", "labels", "classes", "preprocess", "output")
"""Options of an audit that stand elsewhere in a study file."""
ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyModel:
    """One model of a study.

    Parameters
    ----------
    id : str
        Its name in tables and its folder's; letters, digits, ``.``, ``_`` and ``-``.
    audit : AuditSpec
        What is audited.
    preprocessing : Preprocessing or None
        Where the study file itself says it.
    lineage : str
        Models of one lineage are siblings, left out together; the model's own id unless given.
    position : float or None
        On the study's axis.
    """

    id: str
    audit: AuditSpec
    preprocessing: Preprocessing | None
    lineage: str
    position: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySpec:
    """Many models on the same images.

    Parameters
    ----------
    title : str
        Of tables and figures.
    axis : str
        What the models' positions are; empty where they have none.
    models : tuple of StudyModel
        At least two.
    corruptions : CorruptionRequest
        Measured of every model.
    corruption_images : int or None
        The first so many of the canonical order; all of the audit's where None.
    attack : AttackRequest or None
        Measured of every model where given.
    attack_images : int or None
        The first so many.
    """

    title: str
    axis: str
    models: tuple[StudyModel, ...]
    corruptions: CorruptionRequest
    corruption_images: int | None
    attack: AttackRequest | None
    attack_images: int | None


def load_study(path: Path) -> StudySpec:
    """Read a study file; its paths are relative to its folder.

    Raises
    ------
    SpecError
        Listing all faults of the file at once.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError(
            f"Expected a study file in TOML, found '{path}' unreadable: {error}.", path=str(path)
        ) from error
    reader = _Reader(document, path.parent)
    spec = reader.read()
    if spec is None or reader.faults:
        listed = "\n".join(f"  - {fault}" for fault in reader.faults)
        raise SpecError(
            f"Expected a study file without faults, found {len(reader.faults)} in '{path}':\n"
            f"{listed}",
            path=str(path),
        )
    return spec


class _Reader:
    """Reads a document and gathers every fault on the way."""

    def __init__(self, document: Table, folder: Path) -> None:
        self._document = document
        self._folder = folder
        self._shared: Table = {}
        self.faults: list[str] = []

    def read(self) -> StudySpec | None:
        """Return the study, or None where a fault leaves nothing to return."""
        self._check_names("", self._document, TABLES)
        study = self._table("study")
        self._check_names("study.", study, STUDY_KEYS)
        for key in ("title", "axis"):
            if not isinstance(study.get(key, ""), str):
                self.faults.append(f"study.{key}: expected text, found {study[key]!r}.")
        if "images" not in study:
            self.faults.append("study.images: expected the images' folder, found none.")
        elif not Path(self._place(str(study["images"]))).exists():
            self.faults.append(f"study.images: found nothing at {str(study['images'])!r}.")
        self._check_audit(self._table("audit"))
        corruptions, corruption_images = self._request("corruptions", CorruptionRequest)
        attack, attack_images = self._request("attack", AttackRequest)
        models = self._models(study)
        if self.faults:
            return None
        return StudySpec(
            title=study.get("title", "Study"),
            axis=study.get("axis", ""),
            models=models,
            corruptions=corruptions or CorruptionRequest(),
            corruption_images=corruption_images,
            attack=attack,
            attack_images=attack_images,
        )

    def _table(self, name: str) -> Table:
        table = self._document.get(name, {})
        if isinstance(table, dict):
            return table
        self.faults.append(f"{name}: expected a table [{name}], found {table!r}.")
        return {}

    def _check_names(self, prefix: str, table: Table, known: Iterable[str]) -> None:
        self.faults += [
            f"{prefix}{name}: no such key.{nearest(name, known)}"
            for name in table
            if name not in known
        ]

    def _request(self, name: str, kind: type[Kind]) -> tuple[Kind | None, int | None]:
        """Read what is measured, and of how many images."""
        if name not in self._document:
            return None, None
        table = dict(self._table(name))
        images = table.pop("images", None)
        if images is not None and not (isinstance(images, int) and images > 1):
            self.faults.append(f"{name}.images: expected a number from 2, found {images!r}.")
        known: list[str] = [field.name for field in fields(kind)]
        self._check_names(f"{name}.", table, [*known, "images"])
        try:
            request = kind(**{key: value for key, value in table.items() if key in known})
        except (SpecError, TypeError) as error:
            self.faults.append(f"{name}: {error}")
            return None, images
        return request, images

    def _check_audit(self, options: Table) -> None:
        """Check the options that all models share, once."""
        self.faults += [
            f"audit.{key}: stands under [study] or [[models]]."
            for key in OWN_OPTIONS
            if key in options
        ]
        shared = {key: value for key, value in options.items() if key not in OWN_OPTIONS}
        try:
            AuditSpec.from_dict({**shared, "model": "model.onnx", "images": "."})
        except SpecError as error:
            self.faults.append(f"audit: {error.message}")
            return
        self._shared = shared

    def _models(self, study: Table) -> tuple[StudyModel, ...]:
        tables = self._document.get("models", [])
        if not isinstance(tables, list) or len(tables) < 2:  # noqa: PLR2004 - a study compares
            self.faults.append("models: expected at least two tables [[models]].")
            return ()
        ids = Counter(str(table.get("id")) for table in tables if isinstance(table, dict))
        self.faults += [
            f"models: the id {one!r} stands {n} times." for one, n in ids.items() if n > 1
        ]
        models = [self._model(place, table, study) for place, table in enumerate(tables)]
        return tuple(model for model in models if model is not None)

    def _model(self, place: int, table: object, study: Table) -> StudyModel | None:
        where = f"models[{place}]"
        if not isinstance(table, dict):
            self.faults.append(f"{where}: expected a table, found {table!r}.")
            return None
        self._check_names(f"{where}.", table, MODEL_KEYS)
        name = table.get("id")
        if not isinstance(name, str) or not ID.fullmatch(name):
            self.faults.append(
                f"{where}.id: expected letters, digits, '.', '_' and '-', found {name!r}."
            )
            return None
        position = table.get("position")
        if position is not None and not isinstance(position, (int, float)):
            self.faults.append(f"{where}.position: expected a number, found {position!r}.")
            position = None
        options = dict(self._shared)
        preprocessing = None
        match table.get("preprocess"):
            case dict() as inline:
                preprocessing = self._preprocessing(where, inline)
            case str() as source:
                options["preprocess"] = self._place(source)
            case None:
                pass
            case other:
                self.faults.append(
                    f"{where}.preprocess: expected a table or text, found {other!r}."
                )
        if "model" not in table:
            self.faults.append(f"{where}.model: expected a model file, found none.")
            return None
        file = Path(self._place(str(table["model"])))
        if not file.exists() and (len(file.parts) > 1 or file.suffix):  # else an id
            self.faults.append(f"{where}.model: found no file at '{file}'.")
        options |= {
            "model": self._place(str(table["model"])),
            "images": self._place(str(study.get("images", "."))),
        }
        options |= {
            key: self._place(str(study[key])) for key in ("labels", "classes") if key in study
        }
        options |= {"output": table["output"]} if "output" in table else {}
        try:
            audit = AuditSpec.from_dict(options)
        except SpecError as error:
            self.faults.append(f"{where}: {error.message}")
            return None
        return StudyModel(
            id=name,
            audit=audit,
            preprocessing=preprocessing,
            lineage=str(table.get("lineage", name)),
            position=None if position is None else float(position),
        )

    def _preprocessing(self, where: str, table: Table) -> Preprocessing | None:
        known = [field.name for field in fields(Preprocessing)]
        before = len(self.faults)
        self._check_names(f"{where}.preprocess.", table, known)
        self.faults += [
            f"{where}.preprocess.{name}: expected a size in pixels, found none."
            for name in ("resize", "crop")
            if name not in table
        ]
        if len(self.faults) > before:
            return None
        try:
            return Preprocessing(**{"source": "the study file", **table})
        except (SpecError, TypeError) as error:
            self.faults.append(f"{where}.preprocess: {error}")
            return None

    def _place(self, text: str) -> str:
        """Return a path relative to the file's folder, where something is there; else `text`."""
        path = self._folder / text
        return str(path) if path.exists() else text


def with_preprocessing(model: StudyModel, folder: Path) -> AuditSpec:
    """Return the audit of a model; a preprocessing that the study says is written to `folder`."""
    if model.preprocessing is None:
        return model.audit
    path = folder / "preprocess.toml"
    path.write_text(to_toml(model.preprocessing), encoding="utf-8")
    return replace(model.audit, preprocess=str(path))
