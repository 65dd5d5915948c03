"""The JSON Schemas of everything that is written as JSON, and what is wrong with a document."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import Draft202012Validator

KINDS: Final = (
    "result",
    "prediction",
    "corruption",
    "snr",
    "heatmap",
    "passband",
    "attack",
    "study",
)
"""Documents with a schema of their own; ``common`` holds the parts that they share."""
_MAX_FAULT_CHARACTERS: Final = 160


def document_schema(kind: str) -> dict[str, Any]:  # Any: JSON
    """Return the JSON Schema (2020-12) of a kind of document.

    References to ``common.schema.json`` and ``result.schema.json`` are relative: the files lie
    beside each other.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`, or ``common``.
    """
    text = files("iaside_audit.report").joinpath(f"{kind}.schema.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))  # Any: JSON


def result_schema() -> dict[str, Any]:  # Any: JSON
    """Return the JSON Schema (2020-12) of ``result.json``."""
    return document_schema("result")


def document_faults(document: object, kind: str = "result") -> Iterator[str]:
    """Yield what is wrong with a JSON document: JSON path and reason, in its order.

    Parameters
    ----------
    document : object
        As JSON has it.
    kind : str
        What it should be: one of :data:`KINDS`.

    Yields
    ------
    str
        Such as ``"$.bands[0].shapley: 'x' is not of type 'number', 'null'"``.
    """
    for error in _validator(kind).iter_errors(document):
        reason = error.message
        if len(reason) > _MAX_FAULT_CHARACTERS:  # a message quotes the whole faulty value
            reason = f"{reason[: _MAX_FAULT_CHARACTERS // 2]} ... {reason[-40:]}"
        yield f"{error.json_path}: {reason}"


@cache
def _validator(kind: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - start-up time
    from referencing import Registry, Resource  # noqa: PLC0415

    shared = [
        (f"{name}.schema.json", Resource.from_contents(document_schema(name)))
        for name in ("common", "result")
    ]
    return Draft202012Validator(document_schema(kind), registry=Registry().with_resources(shared))
