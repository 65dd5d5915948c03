"""The program as a process: what it imports, how it starts, and a real window."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from audit_material import audit_here, convnet_spec
from click.testing import CliRunner
from iaside_ui.command import command
from PySide6.QtGui import QImage
from window_material import RESULT

from iaside_audit.report import write_result

if TYPE_CHECKING:
    from pathlib import Path

AUDIT_AND_LOOK = """
import sys
from pathlib import Path
from PySide6.QtCore import QSettings
QSettings.setPath(QSettings.defaultFormat(), QSettings.Scope.UserScope, sys.argv[1])
from iaside_audit.spec import AuditSpec
from iaside_ui.app import Program, make_application
application = make_application(["test"])
program = Program(Path(sys.argv[1]) / "preferences.json")
program.open()
program.runner.auditFinished.connect(lambda _: application.quit())
spec = AuditSpec(model=Path(sys.argv[2]), images=Path(sys.argv[3]), bands=4)
program.audits.start(spec, asks_to_be_saved=False)
application.exec()
program.close()
loaded = [name for name in ("onnx", "onnxruntime") if name in sys.modules]
print("rows:", program.shell.state.opened.result.data.n_images, "loaded:", loaded)
"""

MEASURE_AND_LOOK = """
import sys
from pathlib import Path
from PySide6.QtCore import QSettings
QSettings.setPath(QSettings.defaultFormat(), QSettings.Scope.UserScope, sys.argv[1])
from iaside_audit.report import load_result
from iaside_ui.app import Program, make_application
from iaside_ui.state import OpenResult
from iaside_ui.state.measuring import Choice, Kind
application = make_application(["test"])
program = Program(Path(sys.argv[1]) / "preferences.json")
program.open()
program.shell.show_opened(OpenResult(result=load_result(Path(sys.argv[2]))), page=None)
robustness = program.robustness
robustness.show_robustness()
kinds = frozenset({Kind.CORRUPTION, Kind.SNR})
robustness.choose(Choice(kinds=kinds, n_images=2, severities=(3,)))
def end():
    global measured
    measured = sorted(robustness.state.held)
    robustness.discard()  # else the window would ask before it closes
    application.quit()
robustness.measuringEnded.connect(end)
robustness.measure()
application.exec()
program.close()
loaded = [name for name in ("onnx", "onnxruntime") if name in sys.modules]
print("measured:", *measured, "loaded:", loaded)
"""

START_AND_MEASURE = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QTimer
from iaside_ui.app import Program, make_application
application = make_application(["test"])
program = Program(Path(sys.argv[1]) / "preferences.json")
program.open()
program.window.repaint()
print(time.time(), *{"numpy", "scipy", "pyqtgraph", "cattrs", "onnx"} & set(sys.modules))
program.close()
"""

SHOW_AND_GRAB = """
import sys
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
from iaside_ui.app import Program, make_application
from iaside_ui.state import Page
QSettings.setPath(QSettings.defaultFormat(), QSettings.Scope.UserScope, sys.argv[1])
application = make_application(["test"])
program = Program(Path(sys.argv[1]) / "preferences.json")
program.open_later(Path(sys.argv[2]))
def grab():
    screen = program.window.screen()
    screen.grabWindow(0).save(sys.argv[3])
    print(application.platformName(), screen.devicePixelRatio(), program.window.page.name)
    application.quit()
def look(state):
    if state.page == Page.RESULT:
        program.shell.stateChanged.disconnect(look)
        QTimer.singleShot(500, grab)
program.shell.stateChanged.connect(look)
application.exec()
program.close()
"""


def run(code: str, *arguments: object, **environment: str) -> str:
    """Run Python code in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_window_process_never_loads_onnx(tmp_path: Path) -> None:
    """A whole audit in the window leaves onnx and ONNX Runtime in the child."""
    spec = convnet_spec(tmp_path)
    assert run(AUDIT_AND_LOOK, tmp_path, spec.model, spec.images) == "rows: 6 loaded: []\n"


def test_measuring_never_loads_onnx(tmp_path: Path) -> None:
    """Corruptions of a result's model are measured in a child as well."""
    write_result(audit_here(convnet_spec(tmp_path)), tmp_path / "result.json")
    printed = run(MEASURE_AND_LOOK, tmp_path, tmp_path / "result.json")
    assert "measured: corruption snr loaded: []" in printed


def test_start_up_loads_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first picture needs no array, plot or model; its time is printed, for machines differ."""
    started = time.time()
    painted, *loaded = run(START_AND_MEASURE, tmp_path).split()
    with capsys.disabled():
        sys.stdout.write(
            f"\nwindow: first paint {float(painted) - started:.2f} s after the start\n"
        )
    assert loaded == []


@pytest.mark.parametrize("scale", ["1", "2"])
def test_real_window(screen: str, tmp_path: Path, scale: str) -> None:
    """On a real screen the window opens with a result in it and can be seen."""
    write_result(RESULT, tmp_path / "result.json")
    picture = tmp_path / "screen.png"
    printed = run(
        SHOW_AND_GRAB,
        tmp_path,
        tmp_path / "result.json",
        picture,
        DISPLAY=screen,
        QT_QPA_PLATFORM="xcb",
        QT_SCALE_FACTOR=scale,
    )
    assert printed.split() == ["xcb", f"{scale}.0", "RESULT"]
    image = QImage(str(picture))
    assert (image.width(), image.height()) == (1366, 768)
    colours = {image.pixel(x, y) for x in range(0, 1366, 3) for y in range(0, 768, 3)}
    assert len(colours) > 20


def test_wrong_option_exits_2() -> None:
    """A wrong call is said on stderr, with the exit code of every wrong call."""
    code = "import sys; from iaside_ui.app import main; sys.exit(main(['--bogus']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'bogus'" in done.stderr


def test_no_screen_is_said_plainly() -> None:
    """Without a screen the program says so and exits 2; Qt alone would abort."""
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere there is always a screen")
    unset = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}
    code = "import sys; from iaside_ui.app import main; sys.exit(main([]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | unset,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Expected a screen" in done.stderr


def test_command_is_light() -> None:
    """Listing the command for ``--help`` imports no Qt."""
    code = "import sys, iaside_ui.command; print({'PySide6', 'numpy'} & set(sys.modules))"
    assert run(code).strip() == "set()"


def test_command_without_qt_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the window is not installed, the command gives the pip command and exits 2."""
    monkeypatch.setitem(sys.modules, "iaside_ui.app", None)
    answer = CliRunner().invoke(command, [])
    assert answer.exit_code == 2
    assert "pip install 'iaside-audit[gui]'" in answer.output


def test_command_hands_its_file_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command opens the window with its file in it."""
    import iaside_ui.app  # noqa: PLC0415

    heard: list[list[str]] = []
    monkeypatch.setattr(iaside_ui.app, "main", lambda words: heard.append(words) or 0)
    file = tmp_path / "result.json"
    assert CliRunner().invoke(command, [str(file)]).exit_code == 0
    assert heard == [[str(file)]]
