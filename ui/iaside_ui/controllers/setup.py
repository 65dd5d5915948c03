"""The form of an audit: filled in, undone, examined, kept as a file, and started."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QUndoCommand, QUndoStack

from iaside_audit.errors import SpecError
from iaside_audit.report import command_line_of, write_text
from iaside_audit.spec import AuditSpec
from iaside_ui.controllers.assistant import AssistantController
from iaside_ui.state import (
    ActionKey,
    Examination,
    Form,
    Message,
    Page,
    Severity,
    message_of,
)
from iaside_ui.state.form import NEEDED
from iaside_ui.views import FileKind

if TYPE_CHECKING:
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.views.setup_page import SetupPage
    from iaside_ui.workers import Examiner, Jobs

REST_MS: Final = 250
"""Typing must rest for so long before the form is examined."""
COMMAND_LINE_ALONE: Final = ("formats", "cache")
"""What a file of settings may say that the form has no field for."""
ACTIONS: Final = (
    ActionKey.AUDIT_MODEL,
    ActionKey.START_AUDIT,
    ActionKey.LOAD_SETTINGS,
    ActionKey.SAVE_SETTINGS,
    ActionKey.COPY_COMMAND,
    ActionKey.RESET_SETTINGS,
    ActionKey.UNDO,
    ActionKey.REDO,
)


class _Change(QUndoCommand):
    """One change of the form; changes of one field that follow each other stay apart.

    Parameters
    ----------
    controller : SetupController
        Shows forms.
    before, after : Form
        What it was, and what it is.
    """

    def __init__(self, controller: SetupController, before: Form, after: Form) -> None:
        super().__init__()
        self._controller = controller
        self._before = before
        self._after = after

    def redo(self) -> None:
        """Show the form after the change."""
        self._controller.take_form(self._after)

    def undo(self) -> None:
        """Show the form before it."""
        self._controller.take_form(self._before)


class SetupController(QObject):
    """Keeps the form.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    examiner : Examiner
        Finds out about forms, in the thread of `jobs`.
    jobs : Jobs
        One after the other.
    searches : Jobs
        For the preprocessing assistant.
    parent : QObject or None
        Its owner.

    Attributes
    ----------
    assistant : AssistantController
        Told of every form.
    """

    auditAsked = Signal(AuditSpec, object)  # what is asked, and the folder or None

    def __init__(
        self,
        shell: Shell,
        examiner: Examiner,
        jobs: Jobs,
        searches: Jobs,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._examiner = examiner
        self._jobs = jobs
        self._form = Form()
        self._found = Examination(form=self._form)
        self._stack = QUndoStack(self)
        self._rest = QTimer(self, interval=REST_MS, singleShot=True)
        self._rest.timeout.connect(self._examine)
        self._stack.canUndoChanged.connect(self._show_undo)
        self._stack.canRedoChanged.connect(self._show_undo)
        for key in (*ACTIONS, ActionKey.FIND_PREPROCESSING):
            shell.window.actions_by_key[key].triggered.connect(self._hear_typed)
        shell.window.connect_actions(self, ACTIONS)
        self.assistant = AssistantController(shell, examiner, searches, jobs, parent=self)
        self.assistant.preprocessingKept.connect(self._take_preprocessing)
        shell.window.when_made(Page.SETUP, self._connect_page)

    @property
    def form(self) -> Form:
        """What the form holds."""
        return self._form

    @property
    def examination(self) -> Examination:
        """What is known of the form."""
        return self._found

    @Slot(str, str)
    def edit(self, name: str, text: str) -> None:
        """Take on what the user made of one field."""
        self.change(self._form.with_text(name, text))

    def change(self, form: Form) -> None:
        """Take on another form, which can be undone."""
        if form != self._form:
            self._stack.push(_Change(self, self._form, form))

    def take_form(self, form: Form) -> None:
        """Show a form, and find out about it once typing rests."""
        self._form = form
        self._page.show_form(form)
        self._page.show_examination(
            self._still_known(self._found.faults),
            is_pending=bool(form.text("model") or form.text("images")),
        )
        self.assistant.take_form(form)
        self._rest.start()

    @Slot()
    def audit_model(self) -> None:
        """Show the form, as it was left; audits since then tell how long this one will take."""
        self._shell.change(page=Page.SETUP)
        self._page.focus_missing(self._form)
        self._rest.start()

    @Slot()
    def start_audit(self) -> None:
        """Start the audit of the form, or say what is wrong with it."""
        try:
            spec = self._form.to_spec()
        except SpecError as error:
            self._found = self._still_known(self._form.faults())
            self._page.show_examination(self._found)
            self._shell.window.show_message(message_of(error))
            return
        self.auditAsked.emit(spec, self._form.out)

    @Slot()
    def undo(self) -> None:
        """Take the last change back."""
        self._stack.undo()

    @Slot()
    def redo(self) -> None:
        """Make it again."""
        self._stack.redo()

    @Slot()
    def reset_settings(self) -> None:
        """Keep model and images, and take the defaults of all else."""
        self.change(Form(tuple(one for one in self._form.entries if one[0] in NEEDED)))

    @Slot()
    def copy_command(self) -> None:
        """Copy the command line of the form."""
        try:
            spec = self._form.to_spec()
        except SpecError as error:
            self._shell.window.show_message(message_of(error))
            return
        QGuiApplication.clipboard().setText(
            command_line_of(spec, out=str(self._form.out or "audit"))
        )
        text = self.tr("The command line is in the clipboard.")
        self._shell.window.show_message(Message(severity=Severity.INFORMATION, text=text))

    @Slot()
    def load_settings(self) -> None:
        """Fill the form from a TOML file, and show it."""
        path = self._shell.window.choose_path(FileKind.SETTINGS)
        if path is not None:
            self.load_file(path)

    def spec_or_demo(self) -> AuditSpec:
        """Return what the form asks for; the demo's specification while it is not whole."""
        try:
            return self._form.to_spec()
        except SpecError:
            from iaside_audit.auditing.demo import demo_spec  # noqa: PLC0415 - start-up time

            return demo_spec()

    def load_file(self, path: Path) -> None:
        """Fill the form from a TOML file."""
        self._shell.window.clear_message()
        self._jobs.start(partial(_read_settings, path), self._take_loaded, self._shell.show_failure)

    @Slot()
    def save_settings(self) -> None:
        """Write the form as a TOML file."""
        path = self._shell.window.choose_path(FileKind.SAVED_SETTINGS, "audit.toml")
        if path is not None:
            self._jobs.start(
                partial(write_text, path, self._form.to_toml()),
                partial(self._say_written, path),
                self._shell.show_failure,
            )

    def close(self) -> None:
        """Stop what is under way."""
        self._rest.stop()
        self.assistant.close()
        self._jobs.close()

    @property
    def _page(self) -> SetupPage:
        return self._shell.window.setup_page

    def _connect_page(self) -> None:
        self._page.fieldEdited.connect(self.edit)
        self.take_form(self._form)

    @Slot()
    def _hear_typed(self) -> None:
        """Take what was typed when keys ask for an action, which leaves the keyboard in its field.

        The form is told by a field that the keyboard leaves.
        """
        if self._shell.state.page == Page.SETUP:
            self._page.commit()

    @Slot(Path)
    def _take_preprocessing(self, path: Path) -> None:
        self.edit("preprocess", str(path))

    def _take_loaded(self, form: Form) -> None:
        self.change(form)
        self.audit_model()

    def _say_written(self, path: Path, _: None) -> None:
        text = self.tr("Written: {path}").format(path=path)
        self._shell.window.show_message(Message(severity=Severity.INFORMATION, text=text))

    def _still_known(self, faults: dict[str, str]) -> Examination:
        """Return what is known of the form as it is now, before it is looked at again."""
        found, form = self._found, self._form
        is_same_model = form.text("model") == found.form.text("model")
        is_same_folder = form.text("images") == found.form.text("images")
        return Examination(
            form=form,
            faults=faults,
            n_images=found.n_images if is_same_folder else None,
            inspection=found.inspection if is_same_model else None,
        )

    @Slot()
    def _examine(self) -> None:
        self._jobs.start(
            partial(self._examiner.examine, self._form), self._take_found, self._shell.show_failure
        )

    def _take_found(self, found: Examination) -> None:
        """Show what was found out, unless the form has changed since."""
        if found.form == self._form:
            self._found = found
            self._page.show_examination(found)

    @Slot()
    def _show_undo(self) -> None:
        self._shell.change(can_undo=self._stack.canUndo(), can_redo=self._stack.canRedo())


def _read_settings(path: Path) -> Form:
    """Read a form from a TOML file.

    Raises
    ------
    SpecError
        If it cannot be read, or names an option that does not exist.
    """
    from iaside_audit.cli.run import read_config  # noqa: PLC0415 - start-up time

    values = read_config(path)
    for name in COMMAND_LINE_ALONE:
        values.pop(name, None)
    AuditSpec.from_dict({"model": "model", "images": "images"} | values)  # names and values
    return Form.of(values)
