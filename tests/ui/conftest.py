"""What every test of the window relies on: no screen, no settings of the user, no leaks."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before Qt is imported

from typing import TYPE_CHECKING

import pytest
from iaside_ui.app import Program
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from window_material import ScriptedAudit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


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
def program(qtbot: QtBot, tmp_path: Path, audit: ScriptedAudit) -> Iterator[Program]:
    """Show the whole program, with a scripted engine."""
    yield from _running(qtbot, Program(tmp_path / "preferences.json", run_audit=audit))


@pytest.fixture
def real_program(qtbot: QtBot, tmp_path: Path) -> Iterator[Program]:
    """Show the whole program, with the real engine."""
    yield from _running(qtbot, Program(tmp_path / "preferences.json"))


def _running(qtbot: QtBot, program: Program) -> Iterator[Program]:
    program.open()
    qtbot.waitExposed(program.window)
    yield program
    program.close()
    program.window.deleteLater()
    program.deleteLater()
