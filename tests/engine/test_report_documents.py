"""A result as a file: its schema, its round trip, its faults."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sample_results import sample_result

from iaside_audit.errors import ReportError
from iaside_audit.report.documents import (
    load_result,
    report_id,
    write_result,
)
from iaside_audit.report.schemas import document_faults, result_schema
from iaside_audit.result import result_from_document, result_to_document, results_agree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.result import AuditResult

results = st.builds(
    sample_result,
    st.sampled_from([2, 4, 8, 16]),
    seed=st.integers(0, 1000),
    n_warnings=st.integers(0, 6),
    has_intervals=st.booleans(),
    has_long_names=st.booleans(),
    has_self_labels=st.booleans(),
    is_flat=st.booleans(),
    has_breakdown=st.booleans(),
    norm=st.sampled_from(["linf", "l2"]),
    frame=st.sampled_from(["input", 96]),
    target_halfwidth=st.sampled_from([None, 0.02]),
)


class Damage(NamedTuple):
    """A change to a document, and what is said of it."""

    name: str
    change: Callable[[dict[str, Any]], object]  # Any: JSON
    fault: str


DAMAGES = [
    Damage("missing", lambda document: document.pop("model"), r"\$: 'model' is a required"),
    Damage(
        "text for a number",
        lambda document: document["bands"][3].update(shapley="high"),
        r"\$\.bands\[3\]\.shapley: 'high' is not of type 'number'",
    ),
    Damage(
        "not an interval",
        lambda document: document["score"]["paper"].update(interval=[0.1]),
        r"\$\.score\.paper\.interval: \[0\.1\] is too short",
    ),
    Damage(
        "not a digest",
        lambda document: document["model"].update(sha256="abc"),
        r"\$\.model\.sha256: 'abc' does not match",
    ),
    Damage(
        "not a date",
        lambda document: document.update(created="yesterday"),
        r"\$\.created: 'yesterday' does not match",
    ),
    Damage(
        "unknown norm",
        lambda document: document["spec"].update(norm="l1"),
        r"\$\.spec\.norm: 'l1' is not one of",
    ),
    Damage(
        "old schema",
        lambda document: document.update(schema_version=0),
        r"\$\.schema_version: 1 was expected",
    ),
]


def test_schema_is_a_valid_schema() -> None:
    """The schema itself satisfies the draft that it names."""
    Draft202012Validator.check_schema(result_schema())


@settings(max_examples=25)
@given(results)
def test_schema_holds_for_results(result: AuditResult) -> None:
    """Every result's document satisfies the schema."""
    assert list(document_faults(json.loads(result.to_json()))) == []


def test_schema_knows_every_key() -> None:
    """The schema describes and requires exactly the keys that a document holds."""
    schema = result_schema()
    unknown: list[str] = []

    def compare(node: dict[str, Any], value: object, where: str) -> None:  # Any: JSON
        if "$ref" in node:
            node = node | schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        if "oneOf" in node and isinstance(value, dict):  # a record or null
            [one] = [one for one in node["oneOf"] if "$ref" in one]
            compare(one, value, where)
        elif isinstance(value, dict) and "properties" in node:
            if not set(node["properties"]) == set(node["required"]) == set(value):
                unknown.append(where)
            for key, one in value.items():
                compare(node["properties"].get(key, {}), one, f"{where}.{key}")
        elif isinstance(value, list) and "items" in node:
            for one in value:
                compare(node["items"], one, f"{where}[]")

    compare(schema, json.loads(sample_result(n_warnings=1, has_breakdown=True).to_json()), "$")
    assert unknown == []


@settings(max_examples=25)
@given(results)
def test_document_round_trip_keeps_the_result(result: AuditResult) -> None:
    """What is read back agrees with what was written, numbers to the last bit."""
    again = result_from_document(json.loads(result.to_json()))
    assert results_agree(again, result)
    assert again.to_json() == result.to_json()


def test_load_result_equals_what_was_written(tmp_path: Path) -> None:
    """Where all numbers are defined, the result read back is equal, from file or folder."""
    result = sample_result(16, n_warnings=2)
    write_result(result, tmp_path / "result.json")
    assert load_result(tmp_path / "result.json") == result
    assert load_result(str(tmp_path)) == result


def test_load_result_reads_null_as_not_a_number(tmp_path: Path) -> None:
    """Numbers that were not defined are NaN again."""
    write_result(sample_result(has_intervals=False), tmp_path / "result.json")
    assert math.isnan(load_result(tmp_path).score.signed.interval[0])


def test_load_result_keeps_undecodable_file_names(tmp_path: Path) -> None:
    """A file name that is not UTF-8, which Python holds as a lone surrogate, comes back."""
    result = sample_result()
    data = dataclasses.replace(result.data, path="val\udcff")
    result = dataclasses.replace(result, data=data)
    write_result(result, tmp_path / "result.json")
    (tmp_path / "result.json").read_bytes().decode("utf-8")
    assert load_result(tmp_path) == result


def test_load_result_accepts_keys_of_later_versions(tmp_path: Path) -> None:
    """Keys that this version does not know are ignored: later versions may add some."""
    result = sample_result()
    document = result_to_document(result)
    document["added"] = document["runtime"]["added"] = {"later": 1}
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    assert load_result(tmp_path) == result


def test_report_id_is_that_of_the_file(tmp_path: Path) -> None:
    """The report's number is the beginning of the SHA-256 of the file."""
    result = sample_result(has_intervals=False)
    write_result(result, tmp_path / "result.json")
    digest = hashlib.sha256((tmp_path / "result.json").read_bytes()).hexdigest()
    assert digest.startswith(report_id(result))
    assert report_id(load_result(tmp_path)) == report_id(result)


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.name for damage in DAMAGES])
def test_load_result_names_the_fault(tmp_path: Path, damage: Damage) -> None:
    """A damaged result is refused with the JSON path of the fault."""
    document = result_to_document(sample_result())
    damage.change(document)
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ReportError, match=damage.fault) as caught:
        load_result(path)
    assert caught.value.path == str(path)


def test_load_result_names_few_of_many_faults(tmp_path: Path) -> None:
    """Only the first faults are named, and no value is quoted at length."""
    document = result_to_document(sample_result())
    document["bands"] = ["x" * 1000] * 8
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ReportError, match="; and more") as caught:
        load_result(tmp_path)
    assert len(caught.value.message) < 1000


def test_load_result_refuses_a_newer_version(tmp_path: Path) -> None:
    """A result of a newer schema is refused with the advice to update."""
    document = result_to_document(sample_result()) | {"schema_version": 2}
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ReportError, match=r"version 1, found 2 .*Update"):
        load_result(tmp_path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "JSON document"),
        (b'{"schema_version": 1', "JSON document"),
        (b"\xff\xfe\x00", "JSON document"),
        (b"[" * 100_000, "JSON document"),
        (b"[1, 2]", "found list"),
        (b"{}", "'schema_version' is a required property"),
    ],
    ids=["empty", "cut off", "not text", "nested", "list", "empty object"],
)
def test_load_result_refuses_other_files(tmp_path: Path, content: bytes, found: str) -> None:
    """A file that holds no result is refused with what it holds."""
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ReportError, match=found):
        load_result(path)


def test_load_result_refuses_a_missing_file(tmp_path: Path) -> None:
    """A missing file is named, and the next step given."""
    with pytest.raises(ReportError, match=r"result\.json', found: No such file"):
        load_result(tmp_path)


def test_load_result_refuses_a_faulty_specification(tmp_path: Path) -> None:
    """Options that cannot work together are found even where the schema is satisfied."""
    document = result_to_document(sample_result())
    document["spec"] |= {"mode": "reference", "value": "margin"}
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ReportError, match="fields of an audit result") as caught:
        load_result(tmp_path)
    assert caught.value.path == str(tmp_path / "result.json")
