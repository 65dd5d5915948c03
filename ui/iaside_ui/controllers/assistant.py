"""The preprocessing assistant: searched, cancelled, and its choice kept as a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal, Slot

from iaside_audit.errors import SpecError
from iaside_audit.events import Stage
from iaside_audit.report import write_text
from iaside_ui.state import ActionKey, AssistantState, Form, Page, message_of
from iaside_ui.state.planning import TrialRow
from iaside_ui.views import FileKind

if TYPE_CHECKING:
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.views.setup_page import SetupPage
    from iaside_ui.workers import Examiner, Jobs

SEARCH_FIELDS: Final = ("model", "output", "images", "labels", "classes")
"""What the candidates depend on."""


class AssistantController(QObject):
    """Looks for the preprocessing of the form's model on the form's images.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    examiner : Examiner
        Searches, in the thread of `searches`.
    searches, files : Jobs
        For searching, and for writing what is chosen.
    parent : QObject or None
        Its owner.
    """

    preprocessingKept = Signal(Path)
    _progressed = Signal(Stage, int, int)

    def __init__(
        self,
        shell: Shell,
        examiner: Examiner,
        searches: Jobs,
        files: Jobs,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._examiner = examiner
        self._searches = searches
        self._files = files
        self._form = Form()
        self._searched: tuple[str, ...] | None = None  # what the candidates are for
        self._progressed.connect(self._show_progress)
        shell.window.when_made(Page.SETUP, self._connect_page)
        shell.window.connect_actions(self, (ActionKey.FIND_PREPROCESSING,))

    def take_form(self, form: Form) -> None:
        """Take on another form; candidates for another model or other images are dropped."""
        self._form = form
        if self._searched is not None and self._searched != _search_of(form):
            self._searched = None
            self._examiner.cancel()
            self._page.show_assistant(AssistantState())

    @Slot()
    def find_preprocessing(self) -> None:
        """Let the assistant try preprocessings on the images."""
        form = self._form.with_text("preprocess", "")
        try:
            spec = form.to_spec()
        except SpecError as error:
            self._shell.window.show_message(message_of(error))
            return
        self._shell.window.clear_message()
        self._page.show_assistant(AssistantState(stage=Stage.STARTING))
        self._searched = search = _search_of(form)
        self._searches.start(
            partial(self._examiner.assist, spec, self._progressed.emit),
            partial(self._show_candidates, search),
            partial(self._end_search, search),
        )

    def close(self) -> None:
        """Stop what is under way."""
        self._examiner.cancel()
        self._searches.close()

    @property
    def _page(self) -> SetupPage:
        return self._shell.window.setup_page

    def _connect_page(self) -> None:
        self._page.assistant.cancelAsked.connect(self._cancel)
        self._page.assistant.rowChosen.connect(self._keep)

    @Slot()
    def _cancel(self) -> None:
        self._examiner.cancel()

    @Slot(Stage, int, int)
    def _show_progress(self, stage: Stage, done: int, total: int) -> None:
        if self._searches.is_busy and self._searched is not None:
            state = AssistantState(stage=stage, n_done=done, n_total=total)
            self._page.show_assistant(state)

    def _show_candidates(self, search: tuple[str, ...], state: AssistantState) -> None:
        """Show what was found, unless it was for another model or other images."""
        if search == self._searched:
            self._page.show_assistant(state)

    def _end_search(self, search: tuple[str, ...], error: Exception) -> None:
        if search == self._searched:
            self._page.show_assistant(AssistantState())
            self._shell.show_failure(error)

    @Slot(TrialRow)
    def _keep(self, row: TrialRow) -> None:
        """Write the chosen preprocessing as a file."""
        name = f"{Path(self._form.text('model')).name}.toml"
        path = self._shell.window.choose_path(FileKind.SAVED_PREPROCESSING, name)
        if path is None:
            return
        from iaside_audit.classifier.preprocessing_sources import to_toml  # noqa: PLC0415

        text = to_toml(row.trial.candidate.preprocessing)
        self._files.start(
            partial(write_text, path, text),
            partial(self._say_kept, path),
            self._shell.show_failure,
        )

    def _say_kept(self, path: Path, _: None) -> None:
        self.preprocessingKept.emit(path)


def _search_of(form: Form) -> tuple[str, ...]:
    return tuple(form.text(name) for name in SEARCH_FIELDS)
