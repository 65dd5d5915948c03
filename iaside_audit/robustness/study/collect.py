"""Audits and measurements of every model of a study, each once."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit.auditing import run_audit
from iaside_audit.errors import IASideError, StoreError
from iaside_audit.events import Cancelled, Control, Finished
from iaside_audit.robustness.kept_rows import KeptRows
from iaside_audit.robustness.measured import Measured, MeasurementFinished
from iaside_audit.robustness.requests import request_to_wire
from iaside_audit.robustness.rows import MeasuredRows
from iaside_audit.robustness.run import run_measurement
from iaside_audit.robustness.study.kept import data_digest, header_of, read_kept, write_kept
from iaside_audit.robustness.study.spec import with_preprocessing
from iaside_audit.rows import ValueRows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from iaside_audit.auditing.workers import Worker
    from iaside_audit.events import Event
    from iaside_audit.robustness.requests import Request
    from iaside_audit.robustness.study.spec import StudyModel, StudySpec

    Arrays = Mapping[str, NDArray[Any]]  # Any: rows of any kind

AUDIT: Final = "audit"
CORRUPTIONS: Final = "corruptions"
ATTACK: Final = "attack"
RESULT_NAME: Final = "result.json"
CACHE_NAME: Final = "audit-rows.sqlite"
"""Rows of the audits as they arrive, so that an audit that was stopped goes on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelRows:
    """All rows of one model.

    Parameters
    ----------
    model : StudyModel
        Which.
    n_classes : int
        Outputs of the model.
    estimator : str
        ``exact`` or ``permutation``.
    audit : ValueRows
        Of the audit.
    corruptions : MeasuredRows
        Of the corruptions.
    attack : MeasuredRows or None
        Of the attack, where one is asked for.
    conditions : tuple of (str, int)
        Corruption and severity, in the order of the corruptions' arrays.
    """

    model: StudyModel
    n_classes: int
    estimator: str
    audit: ValueRows
    corruptions: MeasuredRows
    attack: MeasuredRows | None
    conditions: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStarted:
    """One part of a study: `number` counts from 1; `is_kept` where nothing is left to do."""

    model: str
    part: str
    number: int
    total: int
    is_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFailed:
    """A model that could not be measured, and why; the study goes on without it."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collected:
    """The last event: the rows of all models that have every part."""

    models: tuple[ModelRows, ...]
    failed: tuple[ModelFailed, ...]
    is_cancelled: bool


def collect(
    spec: StudySpec,
    out: Path,
    control: Control,
    *,
    start_worker: Callable[[], Worker] | None = None,
) -> Iterator[Event | PartStarted | ModelFailed | Collected]:
    """Run every audit and measurement of a study that is not kept from before.

    Parameters
    ----------
    spec : StudySpec
        What is asked.
    out : Path
        Its folder ``models/ID`` keeps what was found of each model; a part is kept as soon as it
        is whole, so a study that was stopped goes on where it was.
    control : Control
        To cancel.
    start_worker : callable or None
        As for an audit.
    """
    collector = _Collector(spec, out, control, start_worker)
    yield from collector.run()


class _Collector:
    """Goes through the models one after the other."""

    def __init__(
        self,
        spec: StudySpec,
        out: Path,
        control: Control,
        start_worker: Callable[[], Worker] | None,
    ) -> None:
        self._spec = spec
        self._out = out
        self._control = control
        self._start_worker = start_worker
        self._n_started = 0
        self._digests: dict[tuple[str, ...], str] = {}

    def run(self) -> Iterator[Event | PartStarted | ModelFailed | Collected]:
        """Yield the events of every part; the last one has the rows."""
        found: list[ModelRows] = []
        failed: list[ModelFailed] = []
        for model in self._spec.models:
            try:
                rows = yield from self._model(model)
            except StoreError:
                raise  # a full disk is no fault of the model
            except IASideError as error:
                failed.append(ModelFailed(model=model.id, reason=error.message))
                yield failed[-1]
                continue
            if rows is not None:
                found.append(rows)
            if self._control.is_cancelled:
                break
        yield Collected(
            models=tuple(found), failed=tuple(failed), is_cancelled=self._control.is_cancelled
        )

    def _model(self, model: StudyModel) -> Generator[Event | PartStarted, None, ModelRows | None]:
        """Yield the events of one model's parts and return its rows; None where cancelled."""
        folder = self._out / "models" / model.id
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Expected to make the folder '{folder}', found: {error.strerror or error}. "
                "Choose another --out.",
                path=str(folder),
            ) from error
        audit = yield from self._audit(model, folder)
        corruptions = yield from self._measured(
            model, folder, CORRUPTIONS, self._spec.corruptions, self._spec.corruption_images
        )
        attack = None
        if self._spec.attack is not None:
            attack = yield from self._measured(
                model, folder, ATTACK, self._spec.attack, self._spec.attack_images
            )
        is_whole = attack is not None or self._spec.attack is None
        if audit is None or corruptions is None or not is_whole:
            return None
        estimator, rows = audit
        return ModelRows(
            model=model,
            n_classes=load_n_classes(folder),
            estimator=estimator,
            audit=rows,
            corruptions=corruptions,
            attack=attack,
            conditions=self._spec.corruptions.conditions,
        )

    def _audit(
        self, model: StudyModel, folder: Path
    ) -> Generator[Event | PartStarted, None, tuple[str, ValueRows] | None]:
        """Yield the events of the audit, and return its estimator and rows."""
        path = folder / f"{AUDIT}.npz"
        header = self._header(model, {"kind": AUDIT}, model.audit.max_images)
        kept = read_kept(path, header)
        yield self._started(model, AUDIT, is_kept=kept is not None)
        if kept is None:
            spec = with_preprocessing(model, folder)
            for event in run_audit(
                spec, _PartControl(self._control), start_worker=self._start_worker
            ):
                match event:
                    case Finished(result=result):
                        rows = result.rows()
                        kept = {
                            field.name: np.asarray(getattr(rows, field.name))
                            for field in fields(ValueRows)
                        }
                        kept["estimator"] = np.array(result.estimator.kind)
                        (folder / RESULT_NAME).write_text(result.to_json(), encoding="utf-8")
                        write_kept(path, header, kept)
                    case Cancelled():
                        return None
                    case _:
                        yield event
        if kept is None:
            return None
        values = {field.name: kept[field.name] for field in fields(ValueRows)}
        return str(kept["estimator"]), ValueRows(**_with_tuples(values))

    def _measured(
        self,
        model: StudyModel,
        folder: Path,
        part: str,
        request: Request,
        n_images: int | None,
    ) -> Generator[Event | PartStarted, None, MeasuredRows | None]:
        """Yield the events of one measurement, and return its rows."""
        if self._control.is_cancelled:
            return None
        path = folder / f"{part}.npz"
        n_images = model.audit.max_images if n_images is None else n_images
        header = self._header(model, request_to_wire(request), n_images)
        kept = read_kept(path, header)
        yield self._started(model, part, is_kept=kept is not None)
        if kept is None:
            keeper = KeptRows(path.with_suffix(".part.sqlite"), starts_anew=True)
            spec = replace(with_preprocessing(model, folder), max_images=n_images)
            for event in run_measurement(
                spec,
                request,
                _PartControl(self._control),
                keeper=keeper,
                start_worker=self._start_worker,
            ):
                match event:
                    case MeasurementFinished(measured=Measured(rows=rows), is_cancelled=False):
                        kept = rows.to_arrays()
                        write_kept(path, header, kept)
                        keeper.remove()
                    case MeasurementFinished():
                        return None  # its rows are kept
                    case _:
                        yield event
        return None if kept is None else MeasuredRows.from_arrays(kept)

    def _started(self, model: StudyModel, part: str, *, is_kept: bool) -> PartStarted:
        self._n_started += 1
        parts = 2 if self._spec.attack is None else 3
        return PartStarted(
            model=model.id,
            part=part,
            number=self._n_started,
            total=parts * len(self._spec.models),
            is_kept=is_kept,
        )

    def _header(
        self, model: StudyModel, request: Mapping[str, object], n_images: int | None
    ) -> dict[str, Any]:  # Any: JSON
        spec = model.audit
        key = (str(spec.images), spec.labels, str(spec.classes))
        if key not in self._digests:
            self._digests[key] = data_digest(model)
        return header_of(model, request, n_images, self._digests[key])


class _PartControl(Control):
    """The control of one part, which ends with the part and with the study's own."""

    def __init__(self, study: Control) -> None:
        super().__init__()
        self._study = study

    @property
    def is_cancelled(self) -> bool:
        """Whether the part, or the study, was cancelled."""
        return super().is_cancelled or self._study.is_cancelled

    @property
    def is_paused(self) -> bool:
        """Whether the study is to wait."""
        return self._study.is_paused


def load_n_classes(folder: Path) -> int:
    """Return the outputs of a model whose audit is kept in `folder`."""
    document = json.loads((folder / RESULT_NAME).read_text(encoding="utf-8"))
    return int(document["model"]["output"]["n_classes"])


def _with_tuples(values: Mapping[str, NDArray[Any]]) -> dict[str, Any]:  # Any: arrays or tuples
    """Return the texts of rows as tuples of str."""
    return {
        name: tuple(value.tolist()) if value.dtype.kind == "U" else value
        for name, value in values.items()
    }
