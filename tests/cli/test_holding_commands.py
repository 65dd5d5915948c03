"""``verify`` and ``gate``: what they print, and the codes that pipelines go by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from audit_material import audit_here, command_here, convnet_spec

from iaside_audit.report import RESULT_NAME
from iaside_audit.report.documents import write_result

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.spec import AuditSpec


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> AuditSpec:
    """Specify a small audit."""
    return convnet_spec(tmp_path_factory.mktemp("held"), n_images=8)


@pytest.fixture(scope="module")
def audited(spec: AuditSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run it into a folder."""
    out = tmp_path_factory.mktemp("audit")
    write_result(audit_here(spec, out=out), out / RESULT_NAME)
    return out


def test_verify_says_what_holds(
    audited: Path, spec: AuditSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    """The identity is that of the report; the seed of the sample is said."""
    outcome = command_here(
        capsys, "verify", audited, "--model", spec.model, "--images", spec.images, "--sample", 3
    )
    assert outcome.code == 0, outcome.err
    assert "The result holds: all 5 checks passed." in outcome.out
    assert "3 of 8, chosen by seed" in " ".join(outcome.out.split())
    outcome = command_here(capsys, "verify", audited / RESULT_NAME, "--json", "--seed", 5)
    document = json.loads(outcome.out)
    assert (document["holds"], document["seed"]) == (True, 5)
    assert [one["verdict"] for one in document["checks"]][:2] == ["passed", "passed"]
    assert len(document["report_id"]) == 12


def test_verify_exits_with_1_where_a_result_does_not_hold(
    audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A result without its rows does not; a file that is no result is unusable."""
    copy = tmp_path / RESULT_NAME
    copy.write_bytes((audited / RESULT_NAME).read_bytes())
    outcome = command_here(capsys, "verify", copy)
    assert outcome.code == 1
    assert "The result does not hold: 1 of 5 checks failed." in outcome.out
    copy.write_text("{}", encoding="utf-8")
    assert command_here(capsys, "verify", copy).code == 2
    assert command_here(capsys, "verify", audited, "--model", tmp_path / "none.onnx").code == 2


def test_gate_exits_with_3_where_a_threshold_is_not_met(
    audited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table says which."""
    met = ["gate", audited, "--min-score", -9, "--max-failed", 0]
    outcome = command_here(capsys, *met)
    assert outcome.code == 0, outcome.err
    assert "signed score" in outcome.out
    assert "NOT MET" not in outcome.out
    bands = [word for band in range(4) for word in ("--max-importance", band, 0.0)]
    outcome = command_here(capsys, *met, "--max-halfwidth", 0, *bands)
    assert outcome.code == 3
    assert outcome.out.count("NOT MET") > 2
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "importance of band 0" in outcome.out


def test_gate_as_json(audited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line is there with its threshold, and so is the report's identity."""
    outcome = command_here(
        capsys, "gate", audited, "--max-drop", 0, "--against", audited, "--min-top1", 1, "--json"
    )
    assert outcome.code == 3
    document = json.loads(outcome.out)
    drop, top1 = document["lines"]
    assert (drop["name"], drop["value"], drop["met"]) == ("score.signed.change", 0.0, True)
    assert (top1["name"], top1["least"], top1["met"]) == ("accuracy.top1", 1.0, False)
    assert document["met"] is False
    assert document["warnings"], "few images"


def test_gate_without_a_threshold_is_a_wrong_use(
    audited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would always pass."""
    outcome = command_here(capsys, "gate", audited)
    assert outcome.code == 2
    assert "--min-score" in outcome.err
