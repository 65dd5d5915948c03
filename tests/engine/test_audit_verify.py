"""A result that holds passes every check; whatever was changed in it, or about it, fails one."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from audit_material import ConvNet, audit_here, save_images
from PIL import Image
from verification_material import (
    N_IMAGES,
    audited_spec,
    change_document,
    change_rows,
    checks_of,
    failed,
    given,
    run_into,
    set_value,
)

from iaside_audit.auditing.outcome.merge import merge_shards
from iaside_audit.auditing.verification import numbers, originals
from iaside_audit.auditing.verification.originals import OriginalsAsked
from iaside_audit.auditing.verification.verdicts import Verdict, VerificationCheck
from iaside_audit.auditing.verification.verify import verify_result
from iaside_audit.auditing.workers import InProcessWorker
from iaside_audit.choices import Mode
from iaside_audit.errors import InferenceError, ModelError
from iaside_audit.events import AuditCancelled, Control
from iaside_audit.report import RESULT_NAME, load_result
from iaside_audit.report.documents import write_result
from iaside_audit.store import STORE_NAME

if TYPE_CHECKING:
    from iaside_audit.rows import ValueRow
    from iaside_audit.spec import AuditSpec

ALL_CHECKS = [
    numbers.STORE,
    numbers.NUMBERS,
    originals.MODEL,
    originals.IMAGES,
    originals.SAMPLE,
]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> AuditSpec:
    """Specify an audit of several leases, one image of which is damaged."""
    return audited_spec(tmp_path_factory.mktemp("verify"))


@pytest.fixture(scope="module")
def original(spec: AuditSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run it into a folder."""
    return run_into(spec, tmp_path_factory.mktemp("audited"))


@pytest.fixture
def audited(original: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder, to be changed."""
    return shutil.copytree(original, tmp_path / "audited")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"estimator": "exact", "interactions": True, "bands": 4},
        {"estimator": "auto", "pairs": 3, "bands": 4, "max_images": 4},
        {"mode": Mode.REFERENCE, "reference_batch": 5, "estimator": "auto"},
        {"baseline": "shuffle", "labels": "self"},
        {"target_halfwidth": 0.01, "max_images": 9, "frame": 28},
    ],
    ids=["pairs", "exact", "auto", "reference", "shuffle", "target"],
)
def test_a_result_holds(spec: AuditSpec, options: dict[str, Any], tmp_path: Path) -> None:
    """Its rows, its model, its images and a sample of rows are all as they were."""
    asked = replace(spec, **options)
    write_result(audit_here(asked, out=tmp_path), tmp_path / RESULT_NAME)
    checks = checks_of(tmp_path, given(spec, tolerance=0.0))
    assert {one.verdict for one in checks.values()} == {Verdict.PASSED}, checks
    assert [name for name in checks if name != numbers.STOPPING] == ALL_CHECKS
    assert (numbers.STOPPING in checks) == ("target_halfwidth" in options)


def test_a_merged_result_holds(spec: AuditSpec, tmp_path: Path) -> None:
    """So does a shard of it."""
    outs = [tmp_path / name for name in ("1", "2")]
    for number, out in enumerate(outs, 1):
        shard = audit_here(replace(spec, shard=f"{number}/2"), out=out)
        write_result(shard, out / RESULT_NAME)
    write_result(merge_shards(outs, tmp_path / "all"), tmp_path / "all" / RESULT_NAME)
    for folder in (*outs, tmp_path / "all"):
        assert not failed(checks_of(folder, given(spec)))


def test_a_result_holds_after_its_store_grew_or_has_more_than_it(
    spec: AuditSpec, tmp_path: Path
) -> None:
    """The same folder, with more images and with fewer."""
    for max_images in (4, 8, 6):
        asked = replace(spec, max_images=max_images)
        write_result(audit_here(asked, out=tmp_path), tmp_path / RESULT_NAME)
        assert not failed(checks_of(tmp_path))


def test_what_is_not_given_is_not_checked(original: Path, spec: AuditSpec) -> None:
    """The numbers are checked without model and images; nothing else passes by itself."""
    assert [one.verdict for one in checks_of(original).values()] == [
        Verdict.PASSED,
        Verdict.PASSED,
        Verdict.NOT_CHECKED,
        Verdict.NOT_CHECKED,
        Verdict.NOT_CHECKED,
    ]
    checks = checks_of(original, OriginalsAsked(model=spec.model))
    assert checks[originals.MODEL].verdict == Verdict.PASSED
    assert checks[originals.SAMPLE].verdict == Verdict.NOT_CHECKED


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("score.signed.value", 0.9),
        ("bands.2.importance", 0.125),
        ("accuracy.top1", 1.0),
        ("estimator.n_images", 500),
        ("data.n_failed", 0),
        ("data.failed", []),
        ("warnings", []),
        ("model.sha256", "0" * 64),
        ("spec.baseline", "mean"),
        ("spec.seed", 7),
        ("spec.model", "x" * 100_000),
        ("runtime.provider", "CUDAExecutionProvider"),
        ("runtime.lease_images", 3),
    ],
)
def test_an_edited_result_does_not_hold(audited: Path, path: str, value: object) -> None:
    """Whatever is changed by hand, it is named with what the rows give."""
    change_document(audited, lambda document: set_value(document, path, value))
    checks = checks_of(audited)
    assert failed(checks) == [numbers.NUMBERS]
    assert path.split(".", maxsplit=1)[0] in checks[numbers.NUMBERS].found
    is_of_another = checks[numbers.NUMBERS].found.startswith("the rows are of another model")
    assert is_of_another == (path == "model.sha256")
    assert "the rows give" in checks[numbers.NUMBERS].found
    assert len(checks[numbers.NUMBERS].found) < 1000


def test_a_store_that_is_gone_or_damaged_is_a_fault(audited: Path) -> None:
    """A flipped bit in a value is found by the row's checksum."""
    with closing(sqlite3.connect(audited / STORE_NAME, isolation_level=None)) as connection:
        connection.execute("UPDATE images SET prediction = prediction + 1 WHERE position = 3")
    assert failed(checks_of(audited)) == [numbers.STORE, numbers.NUMBERS]
    (audited / STORE_NAME).unlink()
    checks = checks_of(audited)
    assert failed(checks) == [numbers.STORE]
    assert checks[numbers.NUMBERS].verdict == Verdict.NOT_CHECKED


def test_rows_that_were_forged_do_not_come_out_again(audited: Path, spec: AuditSpec) -> None:
    """Rows, checksums and numbers may all agree: the model does not."""

    def brighten(row: ValueRow) -> ValueRow:
        return replace(row, log_p=row.log_p + np.float32(0.01) * (row.coalitions % 3 == 0))

    change_rows(audited, brighten)
    assert failed(checks_of(audited)) == [numbers.NUMBERS]
    checks = checks_of(audited, given(spec))
    assert originals.SAMPLE in failed(checks)
    assert "differs by 1.0e-02 nats" in checks[originals.SAMPLE].found


def test_rows_beyond_the_plan_cannot_come_out_again(original: Path, spec: AuditSpec) -> None:
    """What is not made again does not pass."""
    result = load_result(original)
    fewer = replace(result, spec=replace(result.spec, max_images=4))
    stream = verify_result(fewer, original / STORE_NAME, given(spec), start_worker=InProcessWorker)
    *_, sample = (one for one in stream if isinstance(one, VerificationCheck))
    assert sample.verdict == Verdict.FAILED
    assert "rows are none that the audit takes" in sample.found


@pytest.mark.parametrize(("name", "value"), [("lease_images", 0), ("batch", 0), ("batch", 10**12)])
def test_a_shape_that_no_audit_has_is_a_fault(
    audited: Path, spec: AuditSpec, name: str, value: int
) -> None:
    """It is neither divided by nor allocated."""
    change_document(audited, lambda document: set_value(document, f"runtime.{name}", value))
    checks = checks_of(audited, given(spec))
    assert checks[originals.SAMPLE].found.startswith("no audit has ")


def test_rows_of_other_images_or_labels_are_found(audited: Path, spec: AuditSpec) -> None:
    """Each row must be of the image that the seed's order has at its place."""
    change_rows(audited, lambda row: replace(row, label=(row.label + 1) % 5))
    checks = checks_of(audited, given(spec))
    assert f"{N_IMAGES} rows are of other images or labels" in checks[originals.IMAGES].found
    assert checks[originals.SAMPLE].verdict == Verdict.NOT_CHECKED


def test_a_model_that_is_no_model_is_refused_at_once(audited: Path) -> None:
    """What is no file would be read without end; no worker is started for it."""
    for path in (Path("/dev/zero"), audited / RESULT_NAME, audited / "none.onnx"):
        with pytest.raises(ModelError, match="Expected"):
            checks_of(audited, OriginalsAsked(model=path))


def test_another_model_and_other_images_are_found(
    audited: Path, spec: AuditSpec, tmp_path: Path
) -> None:
    """Neither is run."""
    model = ConvNet(gain=2.0).save(tmp_path / "other.onnx")
    checks = checks_of(audited, given(spec, model=model))
    assert failed(checks) == [originals.MODEL]
    assert checks[originals.SAMPLE].verdict == Verdict.NOT_CHECKED

    images = save_images(tmp_path / "images", N_IMAGES + 1, n_classes=5)
    (images / "007.png").write_bytes(b"damaged")
    assert not failed(checks_of(audited, given(spec, images=images))), "the same, elsewhere"
    (images / "005.png").rename(images / "5 é.png")
    table = images / "labels.csv"
    labels = table.read_text("utf-8")
    table.write_text(labels.replace("005.png", "5 é.png"), "utf-8")
    checks = checks_of(audited, given(spec, images=images))
    assert failed(checks) == [originals.IMAGES]
    assert "every audited image is there" in checks[originals.IMAGES].found
    (images / "5 é.png").rename(images / "005.png")
    table.write_text(labels, "utf-8")
    Image.new("RGB", (32, 32)).save(images / "003.png")
    checks = checks_of(audited, given(spec, images=images))
    assert failed(checks) == [originals.IMAGES]
    assert f"1 of {N_IMAGES} audited images" in checks[originals.IMAGES].found


def test_external_data_that_changed_or_is_gone_is_a_fault(spec: AuditSpec, tmp_path: Path) -> None:
    """The model's own file is as it was."""
    path, weights = tmp_path / "model.onnx", tmp_path / "weights.bin"
    onnx.save(
        onnx.load(spec.model),
        path,
        save_as_external_data=True,
        location=weights.name,
        size_threshold=0,
    )
    asked = replace(spec, model=path, max_images=2)
    write_result(audit_here(asked, out=tmp_path), tmp_path / RESULT_NAME)
    model_only = OriginalsAsked(model=path)
    assert not failed(checks_of(tmp_path, model_only))
    weights.write_bytes(weights.read_bytes()[::-1])
    assert failed(checks_of(tmp_path, model_only)) == [originals.MODEL]
    weights.unlink()
    assert failed(checks_of(tmp_path, model_only)) == [originals.MODEL]


def test_rows_of_other_coalitions_are_named(audited: Path) -> None:
    """Whatever their form, what was found of them is said."""
    change_rows(audited, lambda row: replace(row, log_p=row.log_p[:-1]) if row.index else row)
    checks = checks_of(audited)
    assert f"{N_IMAGES - 1} rows are of other coalitions" in checks[numbers.STORE].found
    assert checks[numbers.NUMBERS].verdict == Verdict.NOT_CHECKED


def test_a_model_that_does_not_run_is_a_fault(
    original: Path, spec: AuditSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found before it is not lost."""

    def fail(*_: object, **__: object) -> None:
        raise InferenceError("Expected an answer, found none.")

    monkeypatch.setattr(originals, "seats_of", fail)
    checks = checks_of(original, given(spec))
    assert failed(checks) == [originals.SAMPLE]
    assert checks[originals.SAMPLE].found == "Expected an answer, found none."
    assert list(checks) == ALL_CHECKS


def test_verification_can_be_cancelled(original: Path, spec: AuditSpec) -> None:
    """A cancelled one says so."""
    control = Control()
    control.cancel()
    with pytest.raises(AuditCancelled):
        checks_of(original, given(spec), control)
