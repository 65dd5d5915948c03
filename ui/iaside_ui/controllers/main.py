"""The window as a whole: what is opened or dropped, pages, and closing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QCloseEvent

from iaside_audit.report import RESULT_NAME
from iaside_ui.controllers.results import is_study
from iaside_ui.state import ActionKey, Message, Page, Severity
from iaside_ui.views import Answer, FileKind, Question
from iaside_ui.workers.measurement_files import FILE_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.spec import AuditSpec
    from iaside_ui.controllers.audits import AuditController
    from iaside_ui.controllers.inspector import InspectorController
    from iaside_ui.controllers.measurement_files import MeasurementFilesController
    from iaside_ui.controllers.results import ResultsController
    from iaside_ui.controllers.session import SessionController
    from iaside_ui.controllers.setup import SetupController
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.state import OpenResult

ACTIONS: Final = (
    ActionKey.QUIT,
    ActionKey.COPY,
    ActionKey.INSPECT_BANDS,
    ActionKey.INSPECT_OTHERS,
    ActionKey.SHOW_START,
    ActionKey.SHOW_SHORTCUTS,
    ActionKey.SHOW_ABOUT,
)


class MainController(QObject):
    """Decides what happens between the parts of the window.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    audits, results, setup, inspector, measurements, session : controllers
        Of the parts.
    parent : QObject or None
        Its owner.
    """

    def __init__(
        self,
        shell: Shell,
        *,
        audits: AuditController,
        results: ResultsController,
        setup: SetupController,
        inspector: InspectorController,
        measurements: MeasurementFilesController,
        session: SessionController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._audits = audits
        self._results = results
        self._setup = setup
        self._inspector = inspector
        self._measurements = measurements
        self._session = session
        self._is_closing = False
        self._offered: AuditSpec | None = None  # to the inspector, by the form or the demo
        window = shell.window
        window.connect_actions(self, ACTIONS)
        window.pathDropped.connect(self.open_path)
        window.start_page.recentChosen.connect(self.open_path)
        window.closeAsked.connect(self._decide_on_closing)
        window.when_made(Page.RESULT, self._connect_result_page)
        setup.auditAsked.connect(self._start_asked)
        audits.allEnded.connect(self._close_if_asked)
        results.fileUsed.connect(session.remember)
        measurements.fileUsed.connect(session.remember)
        inspector.stateChanged.connect(self._show_inspecting)

    @Slot(object)
    def open_path(self, path: Path) -> None:
        """Open what was given or dropped: a model, images, settings, a result, or a study."""
        try:
            self._open(path)
        except OSError as error:  # a name too long, a folder that may not be looked into
            text = self.tr("Expected a path that can be looked at, found: {reason} ('{path}').")
            self._say(text.format(reason=error.strerror, path=path))

    def _open(self, path: Path) -> None:
        suffix = path.suffix.lower()
        if suffix == ".onnx":
            self._set_up("model", path)
        elif suffix == ".toml":
            self._setup.load_file(path)
        elif path.name in FILE_NAMES or _is_folder_of_measurements(path):
            self._measurements.load(path)
        elif suffix in {".npz", ".csv", ".tsv"} or (
            path.is_dir() and not (path / RESULT_NAME).exists() and not is_study(path)
        ):
            self._set_up("images", path)
        elif path.is_file() and suffix != ".json":
            text = self.tr(
                "Expected a model (.onnx), images (a folder, .csv, .tsv or .npz), settings (.toml) "
                "or a result (.json), found '{name}'. A single image is opened with its folder."
            )
            self._say(text.format(name=path.name))
        else:
            self._results.open_file(path)

    @Slot()
    def quit(self) -> None:
        """Close the window, which asks where something would be lost."""
        self._shell.window.close()

    @Slot()
    def copy(self) -> None:
        """Copy what is selected."""
        self._shell.window.copy_selection()

    @Slot()
    def inspect_bands(self) -> None:
        """Show the band inspector: the open result's images, else the form's, else the demo's."""
        self._shell.change(page=Page.INSPECTOR)
        opened = self._shell.state.opened
        if opened is not None:
            self._offered = None
            self._inspector.open(opened.result.spec)
            return
        spec = self._setup.spec_or_demo()
        if spec != self._offered:  # else the user may have chosen other images or bands since
            self._offered = spec
            self._inspector.open(spec)

    @Slot()
    def inspect_others(self) -> None:
        """Inspect the images of a folder that the user chooses."""
        path = self._shell.window.choose_path(FileKind.IMAGES)
        if path is not None:
            self._shell.change(page=Page.INSPECTOR)
            self._offered = self._setup.spec_or_demo()
            self._inspector.open_images(path, self._offered)

    @Slot()
    def show_start(self) -> None:
        """Go to the start page."""
        self._shell.change(page=Page.START)

    @Slot()
    def show_shortcuts(self) -> None:
        """Show the shortcut page."""
        self._shell.window.show_shortcuts()

    @Slot()
    def show_about(self) -> None:
        """Say what this program is."""
        self._shell.window.show_about()

    def report_fault(self, error: BaseException) -> None:
        """Show a fault of the program itself, whose traceback is in the details."""
        self._shell.show_failure(error)

    def close(self) -> None:
        """Stop the threads and processes."""
        self._audits.close()
        self._setup.close()
        self._inspector.close()
        self._results.close()

    def _say(self, text: str) -> None:
        self._shell.window.show_message(Message(severity=Severity.ERROR, text=text))

    def _connect_result_page(self) -> None:
        self._shell.window.result_page.imageChosen.connect(self._inspect_image)

    def _set_up(self, name: str, path: Path) -> None:
        self._shell.window.clear_message()
        self._setup.edit(name, str(path))
        self._setup.audit_model()
        self._session.remember(path)

    @Slot(object, object)
    def _start_asked(self, spec: AuditSpec, out: Path | None) -> None:
        self._session.remember(spec.model)
        self._audits.start(spec, out=out)

    @Slot(str)
    def _inspect_image(self, path: str) -> None:
        """Inspect one image of the open result."""
        opened = self._shell.state.opened
        if opened is not None:
            self._shell.change(page=Page.INSPECTOR)
            self._offered = None
            self._inspector.open(opened.result.spec, path)

    @Slot(object)
    def _show_inspecting(self, _: object) -> None:
        self._shell.change(is_inspecting=self._inspector.state.subject is not None)

    @Slot(QCloseEvent)
    def _decide_on_closing(self, event: QCloseEvent) -> None:
        """Let the window close, or ask first."""
        unsaved = self._shell.state.unsaved
        if self._audits.is_running:
            event.ignore()
            question = Question(
                text=self.tr("An audit is running. What shall become of it?"),
                consequence=self.tr(
                    "It can go on without the window, which closes once it has ended; or it stops "
                    "now, and the window closes. What it measured and is in no file can be saved "
                    "then."
                ),
                yes=self.tr("Keep running in the background"),
                no=self.tr("Stop it"),
            )
            self._shell.window.ask(question, self._hear_of_running)
        elif self._measurements.is_at_stake:
            event.ignore()
            self._shell.window.show()
            self._measurements.before_closing(self._audits.forget_waiting, self._shell.window.close)
        elif unsaved is not None:
            event.ignore()
            self._shell.window.show()
            self._results.unless_unsaved(unsaved, self._discard_and_close)
        else:
            self._session.save()

    def _hear_of_running(self, answer: Answer) -> None:
        if answer == Answer.CANCEL:
            return
        self._is_closing = True
        if not self._audits.is_running:
            self._close_if_asked()
        elif answer == Answer.YES:
            self._shell.window.hide()
        else:
            self._audits.cancel_all()

    def _discard_and_close(self, opened: OpenResult) -> None:
        """Close without a result that is in no file; one that was saved is there next time."""
        if opened.asks_to_be_saved:
            self._shell.take(self._shell.state.without(opened))
        self._shell.window.close()

    @Slot()
    def _close_if_asked(self) -> None:
        """Close, once the audit that was waited for has ended; unsaved results are asked about."""
        if self._is_closing:
            self._is_closing = False
            self._shell.window.close()


def _is_folder_of_measurements(path: Path) -> bool:
    """Say whether a folder holds measurements and no result, which comes first."""
    is_folder = path.is_dir() and not (path / RESULT_NAME).exists()
    return is_folder and any((path / name).is_file() for name in FILE_NAMES)
