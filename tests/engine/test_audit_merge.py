"""Shards of an audit, merged, are the audit; anything less is refused with what is wrong."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from audit_material import assert_same_rows, audit_here, command_here, convnet_spec
from PIL import Image

from iaside_audit.auditing.outcome.merge import merge_shards
from iaside_audit.errors import SpecError
from iaside_audit.report import load_result
from iaside_audit.result import results_agree
from iaside_audit.store import STORE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec

N_SHARDS = 4


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> AuditSpec:
    """Specify an audit with several images a lease, one of them damaged, one that gives NaN."""
    folder = tmp_path_factory.mktemp("merge")
    asked = convnet_spec(folder, n_images=23, batch=28, threads=1, baseline="noise")
    (folder / "images" / "007.png").write_bytes(b"damaged")
    return asked


@pytest.fixture(scope="module")
def whole(spec: AuditSpec) -> AuditResult:
    """Run it at once."""
    return audit_here(spec)


@pytest.fixture(scope="module")
def shards(spec: AuditSpec, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Run it in four parts."""
    folder = tmp_path_factory.mktemp("shards")
    outs = [folder / f"{number}" for number in range(1, N_SHARDS + 1)]
    for number, out in enumerate(outs, 1):
        result = audit_here(replace(spec, shard=f"{number}/{N_SHARDS}"), out=out)
        assert result.data.n_images < 23
        assert "shard" in {one.code for one in result.warnings}
    return outs


def test_four_shards_merged_are_the_audit(
    whole: AuditResult, shards: list[Path], tmp_path: Path
) -> None:
    """Every number agrees exactly, and so does every row."""
    merged = merge_shards(shards[::-1], tmp_path)
    assert results_agree(merged, whole)
    assert_same_rows(merged, whole)
    assert merged.runtime.workers == N_SHARDS
    again = merge_shards(shards, tmp_path)
    assert results_agree(again, merged), "merging into the same folder once more is no accident"


def test_the_command_writes_a_whole_folder(
    whole: AuditResult,
    shards: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`merge` writes what `run` writes; the damaged image makes it worse than asked."""
    outcome = command_here(capsys, "merge", *shards, "--out", tmp_path / "out")
    assert outcome.code == 4
    loaded = load_result(tmp_path / "out")
    assert results_agree(loaded, whole)
    assert_same_rows(loaded, whole)
    assert (tmp_path / "out" / "report.pdf").exists()


@pytest.fixture
def copies(shards: list[Path], tmp_path: Path) -> list[Path]:
    """Return copies of the shards that a test may spoil."""
    return [
        shutil.copytree(shard, tmp_path / f"copy-{number}")
        for number, shard in enumerate(shards, 1)
    ]


def test_missing_and_doubled_shards_are_named(copies: list[Path], tmp_path: Path) -> None:
    """All that is missing and all that is double is said at once."""
    one, two, _, four = copies
    with pytest.raises(SpecError, match=r"3/4 is missing; 2/4 is there 2 times"):
        merge_shards([one, two, two, four], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(SpecError, match=r"2/4, 3/4, 4/4 are missing"):
        merge_shards([one], tmp_path / "out")
    with pytest.raises(SpecError, match="a folder of its own for the joint result, found the sh"):
        merge_shards(copies, one)


def test_an_unfinished_shard_is_named(copies: list[Path], tmp_path: Path) -> None:
    """A row that is not there, or does not hold, is counted."""
    with closing(sqlite3.connect(copies[1] / STORE_NAME)) as connection, connection:
        connection.execute("DELETE FROM images WHERE position = (SELECT min(position) FROM images)")
        connection.execute(
            "UPDATE images SET label = label + 1 "
            "WHERE position = (SELECT max(position) FROM images)"
        )
    with pytest.raises(SpecError, match=r"copy-2' lacks 2 of its \d images, 1 of them damaged"):
        merge_shards(copies, tmp_path / "out")


def test_shards_of_other_audits_are_refused(
    spec: AuditSpec, copies: list[Path], tmp_path: Path
) -> None:
    """Another specification, other images, and a whole audit are each told apart."""
    audit_here(replace(spec, shard="2/4", seed=5), out=tmp_path / "seeded")
    with pytest.raises(SpecError, match=r"another audit than .*seed was 0, now 5"):
        merge_shards([copies[0], tmp_path / "seeded", *copies[2:]], tmp_path / "out")
    audit_here(spec, out=tmp_path / "whole")
    with pytest.raises(SpecError, match=r"found none in .*nowhere"):
        merge_shards([copies[0], tmp_path / "nowhere"], tmp_path / "out")
    with pytest.raises(SpecError, match="holds a whole audit"):
        merge_shards([*copies, tmp_path / "whole"], tmp_path / "out")


def test_a_shard_of_changed_images_is_refused(tmp_path: Path) -> None:
    """Shards see the same data set, or they are no shards of one audit."""
    asked = convnet_spec(tmp_path, n_images=6, threads=1, batch=14)
    audit_here(replace(asked, shard="1/2"), out=tmp_path / "1")
    Image.new("RGB", (32, 32), "green").save(tmp_path / "images" / "000.png")
    audit_here(replace(asked, shard="2/2"), out=tmp_path / "2")
    with pytest.raises(SpecError, match="the images or labels have changed"):
        merge_shards([tmp_path / "1", tmp_path / "2"], tmp_path / "out")


def test_a_shard_without_images_is_refused(tmp_path: Path) -> None:
    """More shards than leases would leave some with nothing to do."""
    asked = convnet_spec(tmp_path, n_images=6, threads=1, batch=14, shard="4/5")
    with pytest.raises(SpecError, match="found 3 leases for 5 shards"):
        audit_here(asked, out=tmp_path / "out")


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "a/b", "1/0", "-1/2"])
def test_a_faulty_shard_is_a_faulty_specification(shard: str, tmp_path: Path) -> None:
    """The message says what a shard looks like."""
    with pytest.raises(SpecError, match="such as 1/4"):
        convnet_spec(tmp_path, shard=shard)
