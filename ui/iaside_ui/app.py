"""The program ``iaside-audit-gui``: one window."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCommandLineParser, QObject, QStandardPaths, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication

from iaside_audit import __version__
from iaside_ui import pauses
from iaside_ui.controllers import (
    AuditController,
    BreakdownController,
    CheckController,
    ColourController,
    ComparisonController,
    ExportController,
    InspectorController,
    MainController,
    MeasurementFilesController,
    ResultsController,
    RobustnessController,
    SessionController,
    SetupController,
    Shell,
)
from iaside_ui.state import Page
from iaside_ui.views import MainWindow
from iaside_ui.workers import (
    MODULES,
    AuditRunner,
    CheckRunner,
    CorruptedPictures,
    Examiner,
    Inspector,
    Jobs,
    MeasurementRunner,
    Thumbnails,
    Warming,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from iaside_ui.workers.audits import RunAudit
    from iaside_ui.workers.checks import Checking
    from iaside_ui.workers.inspector import MakeClassifier
    from iaside_ui.workers.measurements import Measuring

    ExceptionHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]

WARM_MS: Final = 300
"""The window must be there before imports take time from it."""
PAGES: Final = (
    *(f"iaside_ui.views.{page.name.lower()}_page" for page in Page),
    "iaside_ui.views.check_dialog",
)
"""Modules of the pages, each imported when its page is made, unless that is done by then."""
UNUSABLE: Final = 2
"""Exit code of a wrong call (INTERFACE.md)."""


class Program(QObject):
    """The window and what moves it.

    :attr:`started` follows once everything is there that was put off until the window was.

    Parameters
    ----------
    preferences : Path or None
        The file of preferences; where the system keeps such files, unless given.
    run_audit, make_classifier, measure, check : callable or None
        The engine's, unless a test says otherwise.
    """

    started = Signal()

    def __init__(
        self,
        preferences: Path | None = None,
        *,
        run_audit: RunAudit | None = None,
        make_classifier: MakeClassifier | None = None,
        measure: Measuring | None = None,
        check: Checking | None = None,
    ) -> None:
        super().__init__()
        self.window = MainWindow()
        self.shell = Shell(self.window, parent=self)
        self.runner = AuditRunner(run_audit, parent=self)
        self.audits = AuditController(self.shell, self.runner, parent=self)
        self.results = ResultsController(self.shell, Jobs(self), parent=self)
        self.session = SessionController(self.shell, self.results, parent=self)
        self.setup = SetupController(
            self.shell, Examiner(self.audits.rate_of), Jobs(self), Jobs(self), parent=self
        )
        self.inspector = InspectorController(
            self.window, Inspector(make_classifier, parent=self), parent=self
        )
        self.breakdown = BreakdownController(self.shell, Jobs(self), Thumbnails(self), parent=self)
        self.comparison = ComparisonController(self.shell, Jobs(self), parent=self)
        self.robustness = RobustnessController(
            self.shell,
            MeasurementRunner(measure, parent=self),
            Jobs(self),
            CorruptedPictures(self),
            fallback=self.setup.spec_or_demo,
            rate_of=self.audits.rate_of,
            parent=self,
        )
        self.checks = CheckController(
            self.shell, CheckRunner(check, parent=self), Jobs(self), parent=self
        )
        self.measurements = MeasurementFilesController(
            self.shell, self.robustness, Jobs(self), parent=self
        )
        self.results.studyOpened.connect(self.comparison.show_study)
        self.exports = ExportController(self.shell, Jobs(self), parent=self)
        self.controller = MainController(
            self.shell,
            audits=self.audits,
            results=self.results,
            setup=self.setup,
            inspector=self.inspector,
            measurements=self.measurements,
            session=self.session,
            parent=self,
        )
        self.colours = ColourController(
            self.window, preferences or default_preferences_path(), parent=self
        )
        self.warming = Warming((*MODULES, *PAGES), parent=self)
        self.warming.ended.connect(self.make_pages)
        self._file: Path | None = None
        self._is_closed = False

    def open_later(self, file: Path | None) -> None:
        """Show the window, with `file` in it, once the event loop runs."""
        self._file = file
        QTimer.singleShot(0, self.open)

    @Slot()
    def open(self) -> None:
        """Restore what was left last time, and show the window."""
        self.colours.restore()
        self.window.restore_geometry()
        self.window.show()
        QTimer.singleShot(WARM_MS, self.warming.start)
        if self._file is not None:
            self.controller.open_path(self._file)
        else:
            self.session.restore()

    @Slot()
    def make_pages(self) -> None:
        """Make the pages that come up by themselves while an audit runs, one in each quiet moment.

        They would take longer than a frame then.
        """
        if self._is_closed:
            return
        for page in (Page.RUN, Page.RESULT):
            if self.window.make(page):
                QTimer.singleShot(0, self.make_pages)
                return
        self.started.emit()

    def close(self) -> None:
        """Stop the threads; the window is closed already."""
        self._is_closed = True
        self.controller.close()
        self.breakdown.close()
        self.comparison.close()
        self.robustness.close()
        self.measurements.close()
        self.exports.close()
        self.checks.close()
        self.warming.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and return the program's exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        Without the program's name; those of the process where None.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if _has_no_screen():
        sys.stderr.write(
            "Expected a screen for the window, found neither DISPLAY nor WAYLAND_DISPLAY. "
            "Use the command line: iaside-audit --help.\n"
        )
        return UNUSABLE
    application = make_application([sys.argv[0], *words])
    parser = QCommandLineParser()
    parser.setApplicationDescription("How robust is an ONNX image classifier, and why.")
    parser.addHelpOption()
    parser.addVersionOption()
    parser.addPositionalArgument("file", "A result.json, or a model, to open.", "[FILE]")
    if not parser.parse(application.arguments()):
        sys.stderr.write(f"{parser.errorText()} See --help.\n")
        return UNUSABLE
    parser.process(application)
    files = parser.positionalArguments()
    pauses.shorten()
    program = Program()
    program.started.connect(pauses.settle)
    sys.excepthook = _shown_by(program.controller)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt's loop would never hear of Ctrl-C
    program.open_later(Path(files[0]) if files else None)
    try:
        return application.exec()
    finally:
        program.close()


def make_application(words: Sequence[str]) -> QApplication:
    """Return the application, under the names that settings are kept by."""
    application = QApplication(list(words))
    application.setOrganizationName("I-ASIDE Audit")
    application.setApplicationName("iaside-audit-gui")
    application.setApplicationDisplayName("I-ASIDE Audit")
    application.setDesktopFileName("iaside-audit")
    application.setApplicationVersion(__version__)
    return application


def default_preferences_path() -> Path:
    """Return the file of preferences, in the folder that the system keeps for such files."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation)
    return Path(folder) / "preferences.json"


def _has_no_screen() -> bool:
    """Say whether Qt would abort for want of a screen, without a word that helps."""
    is_unix = sys.platform.startswith(("linux", "freebsd"))
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return is_unix and not any(os.environ.get(name) for name in named)


def _shown_by(controller: MainController) -> ExceptionHook:
    """Return an exception hook that shows faults in the window, and prints them as well."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        controller.report_fault(error)

    return show
