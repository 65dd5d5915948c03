"""Which rows a result is of: an audit takes all, or stops where the rule says."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from audit_material import audit_here, events_here
from verification_material import (
    N_IMAGES,
    audited_spec,
    change_document,
    checks_of,
    failed,
    run_into,
    set_value,
)

from iaside_audit.auditing import plan
from iaside_audit.auditing.leases import LeaseRun
from iaside_audit.auditing.outcome.conclude import AuditContext, conclude
from iaside_audit.auditing.verification import numbers
from iaside_audit.events import Control, Finished, ImageDone
from iaside_audit.report import RESULT_NAME
from iaside_audit.report.documents import write_result
from iaside_audit.store import STORE_NAME, read_store
from iaside_audit.store.header import StoreHeader, header_checksum

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.spec import AuditSpec


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


def test_a_stop_that_the_rule_does_not_allow_is_found(spec: AuditSpec, tmp_path: Path) -> None:
    """A target that is not met may not be called met."""
    asked = replace(spec, target_halfwidth=0.01)
    write_result(audit_here(asked, out=tmp_path), tmp_path / RESULT_NAME)
    change_document(
        tmp_path, lambda document: set_value(document, "estimator.converged", value=True)
    )
    assert failed(checks_of(tmp_path)) == [numbers.STOPPING]


def conclude_again(folder: Path, n_images: int, *, converged: bool | None = None) -> None:
    """Forge a result of the first images of a store, with all that follows from so few."""
    stored = read_store(folder / STORE_NAME)
    context = AuditContext.from_document(stored.header.context)
    forged = conclude(context, stored.rows[:n_images], [], converged=converged)
    write_result(forged, folder / RESULT_NAME)


def test_a_result_of_chosen_rows_does_not_hold(audited: Path) -> None:
    """An audit that was not stopped takes all its rows, and no others."""
    conclude_again(audited, 6)
    checks = checks_of(audited)
    assert failed(checks)[0] == numbers.STORE
    assert checks[numbers.STORE].found == "12 rows, where the result is of 6 images"


def test_a_store_of_fewer_images_than_the_audit_takes_does_not_hold(audited: Path) -> None:
    """Neither rows nor header say that there were more: the images do that were readable."""
    with closing(sqlite3.connect(audited / STORE_NAME, isolation_level=None)) as connection:
        connection.execute("DELETE FROM images WHERE position >= 6")
        ((text,),) = connection.execute("SELECT value FROM header")
        header = StoreHeader.from_json(text)
        forged = replace(header, data={**header.data, "n_images": 6}).to_json()
        sealed = (forged, header_checksum(forged))
        connection.execute("UPDATE header SET value = ?, checksum = ?", sealed)
    conclude_again(audited, 6)
    checks = checks_of(audited)
    assert failed(checks)[0] == numbers.STORE
    assert checks[numbers.STORE].found == "it is of 6 images, where the audit takes 12"


def test_a_stop_between_two_looks_does_not_hold(
    spec: AuditSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target is looked at after 100, 200, 400, ... images and at the end: here from 4 on."""
    for module in (numbers, plan):
        monkeypatch.setattr(module, "FIRST_CHECK", 4)
    audit_here(replace(spec, target_halfwidth=1e-9), out=tmp_path)
    for n_images, faults in ((7, [numbers.STOPPING]), (8, []), (N_IMAGES, [])):
        monkeypatch.setattr(numbers, "_meets", lambda rows, *_, n=n_images: len(rows) == n)
        conclude_again(tmp_path, n_images, converged=True)
        assert failed(checks_of(tmp_path)) == faults


def test_a_target_that_is_met_by_the_last_leases_of_a_cancelled_audit(
    spec: AuditSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit is whole: it is not said to be stopped, and holds."""
    for module in (numbers, plan):
        monkeypatch.setattr(module, "FIRST_CHECK", 4)
    monkeypatch.setattr(LeaseRun, "_meets_target", lambda _, rows: len(rows) >= 4)
    monkeypatch.setattr(numbers, "_meets", lambda rows, *_: len(rows) >= 4)
    control = Control()
    events = events_here(replace(spec, target_halfwidth=0.5), control, out=tmp_path)
    for event in events:
        if isinstance(event, ImageDone) and event.n_done == 4:
            control.cancel()
    assert isinstance(event, Finished)
    assert "stopped_early" not in {one.code for one in event.result.warnings}
    write_result(event.result, tmp_path / RESULT_NAME)
    assert not failed(checks_of(tmp_path))
