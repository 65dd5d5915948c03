"""What every test of the window relies on: no screen, no settings of the user, no leaks."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before Qt is imported

from typing import TYPE_CHECKING

import pytest
from iaside_ui.app import Program
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from robustness_material import ScriptedMeasurement, sample_measurements
from window_material import ScriptedAudit
from window_steps import hold, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iaside_ui.state.robustness import Held
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from iaside_audit.result import AuditResult


@pytest.fixture(autouse=True, scope="session")
def _what_stays() -> None:
    """Keep what tests of other folders left out of the searches for garbage below."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_leaks(qapp: QApplication, tmp_path: Path) -> Iterator[None]:
    """Keep settings in the test's folder, and let no top-level widget outlive the test."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(
        QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings")
    )
    qapp.setOrganizationName("I-ASIDE Audit tests")
    before = set(qapp.topLevelWidgets())
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()  # what pyqtgraph makes refers to itself in circles
    leaked = [widget for widget in qapp.topLevelWidgets() if widget not in before]
    assert leaked == []


@pytest.fixture
def audit() -> ScriptedAudit:
    """Return an engine that yields what the test tells it to."""
    return ScriptedAudit()


@pytest.fixture
def measurement() -> ScriptedMeasurement:
    """Return an engine of robustness that yields what the test tells it to."""
    return ScriptedMeasurement()


@pytest.fixture
def program(
    qtbot: QtBot, tmp_path: Path, audit: ScriptedAudit, measurement: ScriptedMeasurement
) -> Iterator[Program]:
    """Show the whole program, with scripted engines."""
    scripted = Program(tmp_path / "preferences.json", run_audit=audit, measure=measurement)
    with shown(qtbot, scripted) as program:
        yield program


@pytest.fixture
def real_program(qtbot: QtBot, tmp_path: Path) -> Iterator[Program]:
    """Show the whole program, with the real engine."""
    with shown(qtbot, Program(tmp_path / "preferences.json")) as program:
        yield program


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditResult, tuple[Held, ...]]:
    """Return an audit of a small network, and one measurement of every kind."""
    return sample_measurements(tmp_path_factory.mktemp("robustness"))


@pytest.fixture
def measured_audit(samples: tuple[AuditResult, tuple[Held, ...]]) -> AuditResult:
    """Return the audit whose model and images were measured."""
    return samples[0]


@pytest.fixture
def held(samples: tuple[AuditResult, tuple[Held, ...]]) -> tuple[Held, ...]:
    """Return the measurements: corruptions, prediction, SNR, pass bands, heat map."""
    return samples[1]


@pytest.fixture
def measured(
    qtbot: QtBot, program: Program, measurement: ScriptedMeasurement, held: tuple[Held, ...]
) -> Program:
    """Return the program, everything measured and shown."""
    hold(qtbot, program, measurement, held)
    return program


@pytest.fixture
def screen() -> Iterator[str]:
    """Start a screen of the size of a small laptop; yield the value of DISPLAY."""
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("needs Xvfb (packaging/system-packages.sh test)")
    arguments = ["-displayfd", "1", "-screen", "0", "1366x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(
        [server, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield f":{process.stdout.readline().strip()}"
        process.terminate()
