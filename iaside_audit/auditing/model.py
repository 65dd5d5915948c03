"""The model under audit, opened in its worker, and what it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iaside_audit.classifier.catalogue import find_model
from iaside_audit.classifier.description import GraphDescription
from iaside_audit.classifier.identity import file_sha256, model_identity
from iaside_audit.classifier.preprocessing_sources import find_preprocessing
from iaside_audit.errors import ModelNotFoundError, SpecError
from iaside_audit.paths import check_path
from iaside_audit.preprocessing import Layout, Preprocessing
from iaside_audit.result import ChecksRecord, InputRecord, ModelRecord, OutputRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.auditing.wire import Message
    from iaside_audit.spec import AuditSpec

    Call = Callable[[Message], Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedModel:
    """A model that is open in its worker; `opening` is the task that opens it in another one."""

    record: ModelRecord
    graph: GraphDescription
    n_classes: int
    provider: str
    device: str
    threads: int
    onnxruntime: str
    checks: ChecksRecord
    opening: Message

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing that is used."""
        return self.record.preprocessing

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the model's input."""
        return self.preprocessing.crop_size


def resolve_model(model: Path) -> Path:
    """Return the file that `model` names: a path, or an id of the catalogue.

    Raises
    ------
    ModelNotFoundError
        If it is neither.
    SpecError
        If the path cannot be looked up.
    """
    check_path(model, to="a model")
    if model.exists() and not model.is_dir():
        return model
    if model.is_dir():
        raise ModelNotFoundError(
            f"Expected a model file, found the folder '{model}'. Give the .onnx file in it.",
            path=str(model),
        )
    if not model.suffix and len(model.parts) == 1:
        try:
            return find_model(str(model)).path
        except SpecError as error:
            raise ModelNotFoundError(
                f"Expected a model file or a catalogue id, found nothing at '{model}'. "
                f"{error.message}",
                path=str(model),
            ) from error
    raise ModelNotFoundError(
        f"Expected a model file, found nothing at '{model}'. Check the path.", path=str(model)
    )


def inspect_model(path: Path, call: Call, *, output: str | None = None) -> GraphDescription:
    """Read a model's graph in the worker.

    Parameters
    ----------
    path : Path
        The model file.
    call : callable
        Sends one task to the worker and returns its last reply.
    output : str or None
        Which output holds the class scores, where there are several.
    """
    reply = call({"task": "inspect", "model": str(path), "output": output})
    return GraphDescription.from_wire(reply["graph"])


def open_model(
    spec: AuditSpec,
    call: Call,
    *,
    device: str | None = None,
    threads: int | None = None,
    preprocessing: Preprocessing | None = None,
) -> AuditedModel:
    """Find the preprocessing of a model and open it in the worker.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    call : callable
        Sends one task to the worker and returns its last reply.
    device : str or None
        Of the worker; the specification's unless given.
    threads : int or None
        Of its session; all unless given.
    preprocessing : Preprocessing or None
        Of the model's images; found as the specification says unless given.

    Raises
    ------
    ModelError
        If the model cannot be audited.
    SpecError
        If its preprocessing is missing, faulty, or does not fit.
    """
    path = resolve_model(spec.model)
    graph = inspect_model(path, call, output=spec.output)
    sha256 = file_sha256(path)  # of a file that was found to be regular and of a bearable size
    if preprocessing is None:
        preprocessing = find_preprocessing(
            spec.preprocess, model=path, sha256=sha256, metadata=graph.metadata
        )
    preprocessing = fit_preprocessing(preprocessing, graph)
    opening: Message = {
        "task": "open",
        "model": str(path),
        "graph": graph.to_wire(),
        "device": device or spec.device,
        "threads": threads,
        "size": list(preprocessing.crop_size),
    }
    reply = call(opening)
    record = ModelRecord(
        path=str(path),
        sha256=sha256,
        identity=model_identity(path, graph.external_files),
        size_bytes=path.stat().st_size,
        input=InputRecord(
            name=graph.input_name,
            shape=graph.input_shape,
            dtype=graph.input_dtype,
            layout=graph.layout.value,
            channel_order=preprocessing.channel_order.value,
        ),
        output=OutputRecord(
            name=graph.output_name, kind=reply["output_kind"], n_classes=reply["n_classes"]
        ),
        preprocessing=preprocessing,
    )
    return AuditedModel(
        record=record,
        graph=graph,
        n_classes=reply["n_classes"],
        provider=reply["provider"],
        device=reply["device"],
        threads=reply["threads"],
        onnxruntime=reply["onnxruntime"],
        checks=ChecksRecord(**reply["checks"], batching=reply["batching"]),
        opening=opening,
    )


def fit_preprocessing(preprocessing: Preprocessing, graph: GraphDescription) -> Preprocessing:
    """Return the preprocessing with the graph's layout, once it fits the graph's input.

    Raises
    ------
    SpecError
        If layout, size or channels differ; all differences are named.
    """
    faults = []
    if preprocessing.layout not in (Layout.AUTO, graph.layout):
        faults.append(f"layout {graph.layout}, found {preprocessing.layout}")
    for name, declared, given in (
        ("height", graph.height, preprocessing.crop_size[0]),
        ("width", graph.width, preprocessing.crop_size[1]),
        ("channels", graph.n_channels, preprocessing.n_channels),
    ):
        if declared not in (None, given):
            faults.append(f"{name} {declared}, found {given}")
    if graph.input_dtype == "uint8" and not preprocessing.is_raw:
        faults.append("scale 1, mean 0 and std 1 for a uint8 input, found others")
    if faults:
        raise SpecError(
            "Expected the preprocessing to give what the model's input takes: "
            f"{'; '.join(faults)} (preprocessing from {preprocessing.source}). "
            "Correct them in that file, or give another with --preprocess.",
            path=preprocessing.source,
        )
    return replace(preprocessing, layout=graph.layout)
