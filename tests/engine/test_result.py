"""A result is frozen; its document holds all of it but the rows."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audit_material import audit_here, convnet_spec
from hypothesis import given
from hypothesis import strategies as st
from sample_results import sample_result

from iaside_audit.errors import ReportError, StoreError
from iaside_audit.report import load_result
from iaside_audit.report.schemas import document_faults
from iaside_audit.result import result_from_document, result_to_document, results_agree
from iaside_audit.rows import ValueRow, ValueRows

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult

PROMISED = {
    "model": {"path", "sha256", "identity", "size_bytes", "input", "output", "preprocessing"},
    "data": {"path", "n_images", "n_failed", "manifest_sha256", "labels", "statistics_digest"},
    "runtime": {
        "provider_requested",
        "provider",
        "onnxruntime",
        "device",
        "threads",
        "batch",
        "workers",
        "fused",
        "elapsed_s",
        "n_evaluations",
        "n_cached",
        "evaluations_per_s",
    },
    "score": {"paper", "signed", "comparable", "null_q95", "null_quantiles", "beta"},
    "values": {"empty", "grand", "efficiency_residual"},
    "accuracy": {"top1", "interval"},
    "estimator": {"kind", "n_images", "n_evaluations", "converged"},
    "tool": {"name", "version"},
}
"""The keys of INTERFACE.md that others read."""
PROMISED_OF_BANDS = {
    "index",
    "low",
    "high",
    "shapley",
    "standard_error",
    "interval",
    "importance",
    "importance_interval",
    "at_boundary",
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    """Return the result of a real audit."""
    return audit_here(convnet_spec(tmp_path_factory.mktemp("audited")))


def results() -> st.SearchStrategy[AuditResult]:
    """Draw results with and without numbers in every place."""
    return st.builds(
        sample_result,
        st.integers(2, 12),
        seed=st.integers(0, 99),
        n_warnings=st.integers(0, 6),
        has_intervals=st.booleans(),
        has_self_labels=st.booleans(),
        is_flat=st.booleans(),
    )


def test_result_of_an_audit_is_read_back(audited: AuditResult, tmp_path: Path) -> None:
    """The JSON of a real result satisfies the schema, and reads back as the same result."""
    path = tmp_path / "result.json"
    path.write_text(audited.to_json(), encoding="utf-8")
    assert list(document_faults(json.loads(audited.to_json()))) == []
    loaded = load_result(path)
    assert loaded == audited
    assert results_agree(loaded, audited)


def test_result_document_holds_the_promised_keys(audited: AuditResult) -> None:
    """Every key that INTERFACE.md names is there."""
    document = json.loads(audited.to_json())
    assert next(iter(document)) == "schema_version"
    assert document["schema_version"] == 1
    for part, keys in PROMISED.items():
        assert keys <= document[part].keys(), part
    assert all(band.keys() >= PROMISED_OF_BANDS for band in document["bands"])
    assert document["model"]["preprocessing"]["source"] == "the model's metadata"
    assert "row_source" not in document


def test_every_number_has_its_error_and_interval(audited: AuditResult) -> None:
    """Phi and psi of every band, the scores, v(empty), v(all) and top-1 (METHOD.md, section 6)."""
    document = json.loads(audited.to_json())
    score, values, accuracy = document["score"], document["values"], document["accuracy"]
    found = [(one["value"], one) for one in (score["paper"], score["signed"], score["comparable"])]
    found.append((accuracy["top1"], accuracy))
    found += [(one["shapley"], one) for one in document["bands"]]
    numbers = [(value, part["standard_error"], part["interval"]) for value, part in found]
    numbers += [
        (part[name], part[f"{name}_standard_error"], part[f"{name}_interval"])
        for part, names in (
            (values, ("empty", "grand")),
            *((band, ("importance",)) for band in document["bands"]),
        )
        for name in names
    ]
    assert len(numbers) == 2 * len(document["bands"]) + 6
    for value, error, (low, high) in numbers:
        assert error >= 0
        assert low <= value <= high


@given(result=results())
def test_result_document_is_strict_json(result: AuditResult) -> None:
    """Numbers that are not finite are null, never NaN, which is not JSON."""
    text = result.to_json()
    document = json.loads(text, parse_constant=pytest.fail)
    assert text.endswith("}\n")
    assert (document["accuracy"]["top1"] is None) == math.isnan(result.accuracy.top1)
    for band, written in zip(result.bands, document["bands"], strict=True):
        assert written["shapley"] == band.shapley
        assert (written["interval"][0] is None) == math.isnan(band.interval[0])


@given(result=results())
def test_result_round_trips_through_its_document(result: AuditResult) -> None:
    """Structure and unstructure are inverse, NaN included."""
    document = result_to_document(result)
    assert result_to_document(result_from_document(json.loads(json.dumps(document)))) == document


def test_results_agree_whatever_the_clock_and_the_machine(audited: AuditResult) -> None:
    """Date and runtime may differ between two results that are the same."""
    runtime = replace(audited.runtime, elapsed_s=1e9, threads=99)
    assert results_agree(audited, replace(audited, created="1999", runtime=runtime))


def test_results_differ_in_anything_else(audited: AuditResult) -> None:
    """One number, one name or one warning that differs makes another result."""
    first, *others = audited.bands
    nudged = replace(first, shapley=float(np.nextafter(first.shapley, math.inf)))
    changes = {
        "bands": (nudged, *others),
        "data": replace(audited.data, n_failed=1),
        "spec": replace(audited.spec, seed=1),
        "model": replace(audited.model, identity="0" * 64),
        "warnings": (),
    }
    assert audited.warnings
    for name, value in changes.items():
        assert not results_agree(audited, replace(audited, **{name: value})), name


def test_rows_need_the_store_beside_the_result(audited: AuditResult, tmp_path: Path) -> None:
    """A result just made has its rows; one read from a file says that it has none."""
    assert len(audited.rows()) == audited.data.n_images
    path = tmp_path / "result.json"
    path.write_text(audited.to_json(), encoding="utf-8")
    with pytest.raises(StoreError, match="found no file"):
        load_result(path).rows()


def test_result_is_frozen_to_its_arrays(audited: AuditResult) -> None:
    """Neither fields nor arrays of rows can be changed."""
    with pytest.raises(FrozenInstanceError):
        audited.created = "now"  # type: ignore[misc]
    rows = audited.rows()
    for array in (rows.log_p, rows.best_other, rows.coalitions, rows.label, rows.index):
        assert not array.flags.writeable


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_result_of_another_schema_is_refused(audited: AuditResult, version: object) -> None:
    """A document of another version is not guessed at."""
    document = result_to_document(audited) | {"schema_version": version}
    with pytest.raises(ReportError, match="schema version 1"):
        result_from_document(document)


def test_value_rows_stack_by_index() -> None:
    """Rows are stacked in the order of the audit, whatever the order in which they came."""
    rows = [
        ValueRow(
            index=index,
            image_id=f"{index:064x}",
            path=f"{index}.png",
            label=index,
            prediction=0,
            coalitions=np.array([0, 3, 1, 2]),
            log_p=np.full(4, -index),
            best_other=np.zeros(4),
        )
        for index in (5, 1, 3)
    ]
    stacked = ValueRows.stack(rows)
    assert stacked.index.tolist() == [1, 3, 5]
    assert stacked.path == ("1.png", "3.png", "5.png")
    assert stacked.log_p[:, 0].tolist() == [-1, -3, -5]
    assert stacked.coalitions.dtype == np.uint32
    assert len(stacked) == 3
