"""Open results side by side, and the models of a study."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from iaside_ui.state import ActionKey, AppState, OpenResult, Page
from iaside_ui.state.comparison import ComparisonState, compared
from iaside_ui.state.study import StudyState

if TYPE_CHECKING:
    from iaside_audit.report.study_documents import StudyRecord
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.views.comparison_page import ComparisonPage
    from iaside_ui.workers import Jobs


class ComparisonController(QObject):
    """Compares the results that are open, beside the window, while their page is looked at.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    jobs : Jobs
        Computes.
    parent : QObject or None
        Its owner.
    """

    def __init__(self, shell: Shell, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shell = shell
        self._jobs = jobs
        self._asked: tuple[tuple[OpenResult, ...], int] | None = None  # before the first look
        self._study: StudyState | None = None
        shell.window.connect_actions(self, (ActionKey.SHOW_COMPARISON,))
        shell.window.when_made(Page.COMPARISON, self._connect_page)
        shell.stateChanged.connect(self._follow)

    @Slot()
    def show_comparison(self) -> None:
        """Go to the page of comparisons."""
        self._shell.change(page=Page.COMPARISON)

    @Slot(object)
    def show_study(self, record: StudyRecord) -> None:
        """Show the models of a study."""
        self._study = StudyState.of(record)
        self._shell.change(page=Page.COMPARISON)
        self._page.show_study(self._study)

    def close(self) -> None:
        """Stop what is computed."""
        self._jobs.close()

    @property
    def _page(self) -> ComparisonPage:
        return self._shell.window.comparison_page

    def _connect_page(self) -> None:
        self._page.compared.firstChosen.connect(self._compare_with)
        self._page.study.columnsChosen.connect(self._choose_columns)

    @Slot(AppState)
    def _follow(self, state: AppState) -> None:
        """Compare again where other results are open than when the page was last looked at."""
        is_known = self._asked is not None and state.results == self._asked[0]
        if state.page == Page.COMPARISON and not is_known:
            self._compare(state.results, 0)

    @Slot(int)
    def _compare_with(self, first: int) -> None:
        """Compare the same results with another one."""
        self._compare(self._shell.state.results, first)

    def _compare(self, results: tuple[OpenResult, ...], first: int) -> None:
        asked = self._asked = (results, first)
        if not results:
            self._page.show_comparison(ComparisonState())
            return
        self._page.show_comparison(ComparisonState(note=self.tr("Comparing...")))
        self._jobs.start(
            partial(_compared, results, first),
            partial(self._show, asked),
            self._shell.show_failure,
        )

    def _show(self, asked: tuple[tuple[OpenResult, ...], int], state: ComparisonState) -> None:
        if asked == self._asked:
            self._page.show_comparison(state)

    @Slot(str, str)
    def _choose_columns(self, predictor: str, measured: str) -> None:
        if self._study is not None:
            self._study = self._study.with_columns(predictor, measured)
            self._page.show_study(self._study)


def _compared(results: tuple[OpenResult, ...], first: int) -> ComparisonState:
    """Compare results, named by their models, and by a number where two are of one."""
    from iaside_audit.auditing.outcome.compare import NamedResult  # noqa: PLC0415 - start-up time

    names: list[str] = []
    for opened in results:
        name = stem = Path(opened.result.model.path).name.removesuffix(".onnx")
        number = 1
        while name in names:
            number += 1
            name = f"{stem} ({number})"
        names.append(name)
    named = [
        NamedResult(name=name, result=opened.result)
        for name, opened in zip(names, results, strict=True)
    ]
    return compared(named, first)
