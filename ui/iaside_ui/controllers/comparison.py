"""Open results side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from iaside_ui.state import ActionKey, OpenResult, Page
from iaside_ui.state.comparison import ComparisonState, NamedResult, compared

if TYPE_CHECKING:
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.workers import Jobs


class ComparisonController(QObject):
    """Compares the results that are open, beside the window.

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
        self._asked: tuple[OpenResult, ...] = ()
        key = ActionKey.SHOW_COMPARISON
        shell.window.actions_by_key[key].triggered.connect(getattr(self, key))

    @Slot()
    def show_comparison(self) -> None:
        """Go to the page of comparisons."""
        self._shell.change(page=Page.COMPARISON)
        results = self._shell.state.results
        if results == self._asked:
            return
        self._asked = results
        page = self._shell.window.comparison_page
        page.show_state(ComparisonState(note=self.tr("Comparing...")))
        self._jobs.start(
            partial(compared, _named(results)),
            partial(self._show, results),
            self._shell.show_failure,
        )

    def close(self) -> None:
        """Stop what is computed."""
        self._jobs.close()

    def _show(self, asked: tuple[OpenResult, ...], state: ComparisonState) -> None:
        if asked == self._asked:
            self._shell.window.comparison_page.show_state(state)


def _named(results: tuple[OpenResult, ...]) -> tuple[NamedResult, ...]:
    """Name results by their models, and by a number where two are of one."""
    names: list[str] = []
    for opened in results:
        name = Path(opened.result.model.path).name
        names.append(f"{name} ({names.count(name) + 1})" if name in names else name)
    return tuple(
        NamedResult(name=name, result=opened.result)
        for name, opened in zip(names, results, strict=True)
    )
