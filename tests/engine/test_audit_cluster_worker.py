"""What a cluster's worker keeps: files by their sha256, and the child that has the model open."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from cluster_material import ScriptedWorker, a_lease

from iaside_audit.auditing.cluster import worker as cluster_worker
from iaside_audit.auditing.cluster.parcels import Shelf
from iaside_audit.auditing.cluster.worker import Errand, LeaseHost
from iaside_audit.errors import ModelError

if TYPE_CHECKING:
    from iaside_audit.auditing.limits import Limits

NAME: Final = sha256(b"test").hexdigest()


def test_kept_files_are_those_that_were_named(tmp_path: Path) -> None:
    """Bytes that are not what their name says are refused and forgotten."""
    one = Shelf(str(tmp_path))
    assert one.keep(NAME, 0, b"te", is_last=False)
    assert one.find("", NAME) is None
    assert one.keep(NAME, 2, b"st", is_last=True)
    assert one.find("", NAME) is not None
    assert not one.keep("0" * 64, 0, b"test", is_last=True)
    assert one.find("", "0" * 64) is None


def test_a_path_is_shared_only_while_its_bytes_are_the_clients(tmp_path: Path) -> None:
    """A file of the same name and other content, now or later, is not taken."""
    one = Shelf(str(tmp_path))
    path = tmp_path / "model.onnx"
    path.write_bytes(b"test")
    assert one.find(str(path), NAME) == path
    path.write_bytes(b"another")
    assert one.find(str(path), NAME) is None
    path.unlink()
    assert one.find(str(path), NAME) is None


def test_external_data_outside_the_models_folder_is_not_written(tmp_path: Path) -> None:
    """What a client sends stays in the folder that is kept for it."""
    one = Shelf(str(tmp_path))
    one.keep(NAME, 0, b"test", is_last=True)
    with pytest.raises(ModelError, match=r"Expected the external data of 'm\.onnx' beside it"):
        one.model(Path("/a/m.onnx"), {"/a/m.onnx": NAME, "/etc/cron": NAME})


def test_bench_keeps_its_child_while_the_preparation_is_the_same(tmp_path: Path) -> None:
    """A second lease starts nothing; another audit's lease starts a child of its own."""
    started: list[ScriptedWorker] = []

    def start(limits: Limits) -> ScriptedWorker:
        started.append(ScriptedWorker(limits))
        return started[-1]

    one = LeaseHost(str(tmp_path), None)
    names = []
    for message in (
        {"task": "open"},
        {"task": "settle", "batch": 4},
        {"task": "settle", "batch": 2},
    ):
        data = cluster_worker.encode(message)
        names.append(sha256(data).hexdigest())
        one.shelf.keep(names[-1], 0, data, is_last=True)

    def kinds(audit: str, settle: str) -> list[str]:
        errand = Errand(
            audit=audit,
            lease=cluster_worker.encode(a_lease(0).message()),
            preparation=(names[0], settle),
            model_files={},
            image_files={},
            n_sharing=1,
            max_model_bytes=1 << 20,
        )
        return [answer["kind"] for answer in one.run(errand, start)]

    assert kinds("a", names[1]) == ["opened", "row", "row", "done"]
    assert kinds("a", names[1]) == ["opened", "row", "row", "done"]
    assert kinds("a", names[2]) == ["opened", "row", "row", "done"]
    assert len(started) == 1
    assert kinds("b", names[1]) == ["opened", "row", "row", "done"]
    assert len(started) == 2
    one.end("b")
    assert kinds("b", names[1]) == []
