"""A command that is cut short, by a signal or a full disk, keeps what was done and says so."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from audit_material import (
    command,
    command_here,
    command_words,
    convnet_spec,
    run_words,
    save_npz,
)

from iaside_audit.cli import group, interrupts
from iaside_audit.cli.progress import shown
from iaside_audit.report import load_result
from iaside_audit.store import STORE_NAME, read_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_audit.spec import AuditSpec


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> AuditSpec:
    """Return the audit of a small model on a few images."""
    return convnet_spec(tmp_path_factory.mktemp("interruptions"))


@pytest.fixture(autouse=True)
def _signals_are_heard() -> Iterator[None]:
    """Have programs start as from a terminal: a shell's background job ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def long_run(spec: AuditSpec, folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start an audit of half a minute and wait until it has rows."""
    images = save_npz(folder / "images.npz", 2000)
    out = folder / "out"
    words = ["run", spec.model, "--images", images, "--out", out, "--estimator", "exact"]
    with subprocess.Popen(
        command_words(*words, "--formats", "json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "of 2000 images" in line:
                break
        time.sleep(0.3)
        yield process, out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_was_done(
    number: signal.Signals, spec: AuditSpec, tmp_path: Path
) -> None:
    """The first one ends the audit in good order: exit 130, the result so far is written."""
    with long_run(spec, tmp_path) as (process, out):
        process.send_signal(number)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"Stopping ({number.name})" in said
    assert "Traceback" not in said
    assert "Spectral importance" in printed
    partial = load_result(out)
    assert 2 <= partial.data.n_images < 2000
    assert partial.warnings[0].code == "stopped_early"
    assert f"those of {partial.data.n_images} of 2000 images" in partial.warnings[0].message
    assert partial.spec.bands == 8
    assert len(partial.rows()) == partial.data.n_images


def test_the_second_signal_stops_at_once_and_keeps_rows(spec: AuditSpec, tmp_path: Path) -> None:
    """No result is written, and every row that was made is there to go on with."""
    with long_run(spec, tmp_path) as (process, out):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "Spectral importance" not in printed
    stored = read_store(out / STORE_NAME)
    assert stored.is_sound
    assert len(stored.rows) >= 2


@pytest.mark.parametrize("becomes", [RuntimeError, None], ids=["another error", "nothing"])
def test_ctrl_c_during_an_import_is_heard(
    becomes: type[Exception] | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the import makes of the exception does not matter, and nothing begins after it."""
    begun = []

    def start(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if becomes is not None:
                raise becomes from None
        with shown(quiet=True):
            begun.append(1)

    monkeypatch.setattr(group, "main", start)
    outcome = command_here(capsys, "models")
    assert (outcome.code, outcome.err, begun) == (130, "Cancelled.\n", [])
    monkeypatch.undo()
    assert command_here(capsys, "models").code == 0, "the next command does not stop for it"
    assert not interrupts.asked.is_set()


def test_ctrl_c_at_once_leaves_nothing(spec: AuditSpec, tmp_path: Path) -> None:
    """Cancelled before two rows there is no result, and no folder for it."""
    out = tmp_path / "out"
    words = command_words(*run_words(spec, out))
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not out.exists():
            time.sleep(0.005)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert printed == ""
    assert "Traceback" not in said
    assert not out.exists()


def test_full_disk_stops_and_says_how_to_go_on(
    spec: AuditSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where not even rows fit, the audit stops with one message, and later goes on there."""
    out = tmp_path / "out"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    outcome = command(*run_words(spec, out), prelude=limit)
    assert outcome.code == 1
    assert outcome.err.count("Error: ") == 1
    assert "make space, then run the same command again" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (out / "result.json").exists()
    assert command_here(capsys, *run_words(spec, out)).code == 0


def test_full_disk_at_the_report_keeps_the_numbers(
    spec: AuditSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the rows fit and the result does not, it is printed, and no part of a file is left."""
    out = tmp_path / "out"
    assert command_here(capsys, *run_words(spec, out)).code == 0
    (out / "result.json").unlink()
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    prelude = (
        "import iaside_audit.cli.run as run\nwrite = run.conclude_folder\n"
        f"def late(*given, **options):\n    {limit}\n    return write(*given, **options)\n"
        "run.conclude_folder = late"
    )
    outcome = command(*run_words(spec, out), prelude=prelude)
    assert outcome.code == 1
    assert "Spectral importance" in outcome.out
    assert outcome.err.count("Error: ") == 1
    assert re.search(r"Expected to write '.*result\.json', found: File too large", outcome.err)
    assert "Traceback" not in outcome.err
    assert not list(out.glob("*result.json*"))
