"""A Dask scheduler is found, waited for, or said to be none; nobody waits against their will."""

from __future__ import annotations

import builtins
import gc
import socket
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audit_material import command_here, convnet_spec, events_here, finished
from cluster_material import cluster_here
from distributed import Client

from iaside_audit.auditing.cluster.connection import open_cluster
from iaside_audit.errors import SpecError
from iaside_audit.events import AuditCancelled
from iaside_audit.spec import AuditSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def nowhere() -> Iterator[str]:
    """Return an address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"tcp://127.0.0.1:{taken.getsockname()[1]}"


def test_scheduler_without_dask_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extra is named, and the exit code is that of an unusable request."""
    spec = convnet_spec(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "distributed"]:
        monkeypatch.delitem(sys.modules, name)
    imported = builtins.__import__

    def refuse(name: str, *rest: Any) -> object:  # Any: as the original takes them
        if name.partition(".")[0] == "distributed":
            raise ModuleNotFoundError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    words = ("run", spec.model, "--images", spec.images, "--out", tmp_path / "out")
    outcome = command_here(capsys, *words, "--scheduler", "local:2")
    assert outcome.code == 2
    assert 'pip install "iaside-audit[cluster]"' in outcome.err


def test_scheduler_that_does_not_answer_is_one_message(
    nowhere: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It names the address, comes when the time is up, and exits as an unusable request does."""
    monkeypatch.setattr("iaside_audit.auditing.cluster.connection.CONNECT_S", 2.0)
    spec = convnet_spec(tmp_path)
    words = ("run", spec.model, "--images", spec.images, "--out", tmp_path / "out")
    outcome = command_here(capsys, *words, "--scheduler", nowhere)
    assert outcome.code == 2
    assert f"Expected a Dask scheduler at '{nowhere}', found none that answers" in outcome.err


def test_what_answers_otherwise_than_a_scheduler_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something that takes the connection and is silent is not waited for without end."""
    monkeypatch.setattr("iaside_audit.auditing.cluster.connection.CONNECT_S", 1.0)
    spec = convnet_spec(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        scheduler = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SpecError, match="found none that answers within 1 s"):
            finished(events_here(replace(spec, scheduler=scheduler)))


@pytest.mark.parametrize("scheduler", ["foo://host:1", "nonsense:x"])
def test_address_of_no_known_kind_is_named(scheduler: str, tmp_path: Path) -> None:
    """An address that Dask cannot read is refused at once."""
    with pytest.raises(SpecError, match="Expected the address of a Dask scheduler"):
        finished(events_here(convnet_spec(tmp_path, scheduler=scheduler)))


@pytest.mark.parametrize("option", [{"workers": 2}, {"device": "cuda:0,1"}], ids=str)
def test_the_cluster_decides_how_many_workers_run(option: dict[str, Any]) -> None:
    """Options for this machine's workers are refused beside a scheduler."""
    with pytest.raises(SpecError, match="Expected neither workers nor several devices"):
        AuditSpec(model="m", images="i", scheduler="local:2", **option)


def test_failed_attempts_leave_no_client() -> None:
    """Dask's half-made clients lock up the next one, when the garbage collector finds them."""
    before = {id(one) for one in gc.get_objects() if isinstance(one, Client)}
    spec = AuditSpec(model="m", images="i", scheduler="nonsense:x")
    with (
        pytest.raises(SpecError) as refused,
        open_cluster(spec, lambda: False, lambda _stage: None),
    ):
        pytest.fail("there is no scheduler")
    left = {id(one) for one in gc.get_objects() if isinstance(one, Client)}
    assert left <= before, refused.value


def test_connecting_can_be_cancelled(nowhere: str) -> None:
    """Nobody waits for a scheduler against the user's will."""
    spec = AuditSpec(model="m", images="i", scheduler=nowhere)
    started = time.monotonic()
    with (
        pytest.raises(AuditCancelled),
        open_cluster(spec, lambda: time.monotonic() > started + 0.3, lambda _stage: None),
    ):
        pytest.fail("there is no scheduler")
    assert time.monotonic() - started < 3


def test_waiting_for_workers_can_be_cancelled() -> None:
    """A cluster whose jobs still queue is waited for, but not against the user's will."""
    asked = iter([False, False, True])
    with cluster_here(n_workers=0) as empty:
        spec = AuditSpec(model="m", images="i", scheduler=empty.scheduler_address)
        with (
            pytest.raises(AuditCancelled),
            open_cluster(spec, lambda: next(asked), lambda _stage: None),
        ):
            pytest.fail("there is no worker")
