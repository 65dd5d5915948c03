"""Who and where in the result that is shown: computed beside the window, once for each result."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Slot

from iaside_ui.state import AppState, OpenResult, Page
from iaside_ui.state.breakdown import Breakdown, breakdown

if TYPE_CHECKING:
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.views.result_page import ResultPage
    from iaside_ui.workers import Jobs, Thumbnails

PAINTED_MS: Final = 100
"""By then, a result that has come up is painted."""


class BreakdownController(QObject):
    """Fills the tabs of classes, images and interactions.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    jobs : Jobs
        Computes.
    thumbnails : Thumbnails
        Makes small pictures.
    parent : QObject or None
        Its owner.
    """

    def __init__(
        self, shell: Shell, jobs: Jobs, thumbnails: Thumbnails, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._jobs = jobs
        self._thumbnails = thumbnails
        self._shown: OpenResult | None = None
        self._is_due = False
        shell.window.when_made(Page.RESULT, self._connect_page)
        shell.stateChanged.connect(self._follow)

    @property
    def is_busy(self) -> bool:
        """Whether something is computed."""
        return self._is_due or self._jobs.is_busy

    def close(self) -> None:
        """Stop what is computed."""
        self._shown = None
        self._thumbnails.close()
        self._jobs.close()

    @property
    def _page(self) -> ResultPage:
        return self._shell.window.result_page

    def _connect_page(self) -> None:
        images = self._page.images
        images.set_thumbnails(self._thumbnails.icon)
        self._thumbnails.thumbnailMade.connect(images.model.show_thumbnail)

    @Slot(AppState)
    def _follow(self, state: AppState) -> None:
        """Compute for a result that is looked at for the first time."""
        opened = state.opened
        if state.page != Page.RESULT or opened is None:
            return
        if self._shown is not None and opened.result is self._shown.result:
            return
        self._shown = opened
        self._thumbnails.forget()
        self._page.show_breakdown(Breakdown.waiting(self.tr("Reading the images of this audit...")))
        # A thread that computes in Python takes half the time of the window's: the result is
        # painted first.
        self._is_due = True
        QTimer.singleShot(PAINTED_MS, self, partial(self._compute, opened))

    def _compute(self, opened: OpenResult) -> None:
        if self._shown is opened:
            self._is_due = False
            self._jobs.start(
                partial(breakdown, opened.result),
                partial(self._show, opened),
                partial(self._fail, opened),
            )

    def _show(self, opened: OpenResult, found: Breakdown) -> None:
        if self._shown is opened:
            self._page.show_breakdown(found)

    def _fail(self, opened: OpenResult, error: Exception) -> None:
        """Say why there is nothing, above the page and on the tabs, which wait no longer."""
        self._shell.show_failure(error)
        self._show(opened, Breakdown.waiting(str(error)))
