"""The band inspector: which image, which settings, which coalition."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal, Slot

from iaside_audit.errors import SpecError
from iaside_ui.state import ActionKey, InspectorState, Page, message_of
from iaside_ui.state.inspection import (
    CompositionPicture,
    Preset,
    ViewPictures,
    preset_code,
)

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.spec import AuditSpec
    from iaside_ui.views import MainWindow
    from iaside_ui.views.inspector_page import InspectorPage
    from iaside_ui.workers import Inspector

PRESETS: Final = {
    ActionKey.ALL_BANDS: Preset.ALL,
    ActionKey.NO_BANDS: Preset.NONE,
    ActionKey.BANDS_UP_TO: Preset.UP_TO,
    ActionKey.BANDS_FROM: Preset.FROM,
    ActionKey.ONLY_BAND: Preset.ONLY,
    ActionKey.WITHOUT_BAND: Preset.WITHOUT,
}


class InspectorController(QObject):
    """Asks the inspector, and shows what it answers to the question of the moment.

    Parameters
    ----------
    window : MainWindow
        Its inspector page shows and asks.
    inspector : Inspector
        Answers.
    parent : QObject or None
        Its owner.
    """

    stateChanged = Signal(InspectorState)

    def __init__(
        self, window: MainWindow, inspector: Inspector, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._inspector = inspector
        self._state = InspectorState()
        self._spec: AuditSpec | None = None
        self._wanted_path = ""
        window.when_made(Page.INSPECTOR, self._connect_page)
        window.connect_actions(self, (ActionKey.NEXT_IMAGE, ActionKey.PREVIOUS_IMAGE, *PRESETS))
        inspector.answered.connect(self._take)
        inspector.failed.connect(self._fail)

    @property
    def state(self) -> InspectorState:
        """The snapshot that the page shows."""
        return self._state

    def open(self, spec: AuditSpec, path: str = "") -> None:
        """Inspect the images of an audit, beginning with the one that reports call `path`."""
        self._wanted_path = path
        if spec == self._spec and self._state.opened is not None:
            self._go_to_wanted()
            return
        self._spec = spec
        self._show(InspectorState(stage=self.tr("Opening the model...")))
        self._inspector.open(spec)

    def open_images(self, images: Path, fallback: AuditSpec) -> None:
        """Inspect other images with the same model, or with that of `fallback` before any."""
        subject = self._state.subject
        spec = fallback if subject is None else subject.spec
        self.open(replace(spec, images=images, labels="auto", max_images=None))

    @Slot(int)
    def choose_code(self, code: int) -> None:
        """Show another coalition."""
        state = self._state
        if state.subject is None or code == state.code:
            return
        self._show(replace(state, code=code))
        self._inspector.compose(state.subject, code)

    @Slot(object)
    def choose_settings(self, changes: dict[str, object]) -> None:
        """Cut the image otherwise."""
        subject = self._state.subject
        if subject is None:
            return
        try:
            spec = replace(subject.spec, **changes)  # type: ignore[arg-type]  # fields of AuditSpec
        except SpecError as error:
            self._fail(error)
            return
        self._look_at(spec, subject.place)

    @Slot(int)
    def choose_place(self, place: int) -> None:
        """Look at another image."""
        subject = self._state.subject
        n_images = self._state.n_images
        if subject is not None and n_images and place % n_images != subject.place:
            self._look_at(subject.spec, place % n_images)

    @Slot()
    def next_image(self) -> None:
        """Step to the next image; after the last comes the first."""
        self._step(1)

    @Slot()
    def previous_image(self) -> None:
        """Step back."""
        self._step(-1)

    @Slot()
    def all_bands(self) -> None:
        """Show the whole image."""
        self._choose_preset(ActionKey.ALL_BANDS)

    @Slot()
    def no_bands(self) -> None:
        """Show the baseline."""
        self._choose_preset(ActionKey.NO_BANDS)

    @Slot()
    def bands_up_to(self) -> None:
        """Keep the bands up to the chosen one."""
        self._choose_preset(ActionKey.BANDS_UP_TO)

    @Slot()
    def bands_from(self) -> None:
        """Keep the bands from the chosen one on."""
        self._choose_preset(ActionKey.BANDS_FROM)

    @Slot()
    def only_band(self) -> None:
        """Keep the chosen band only."""
        self._choose_preset(ActionKey.ONLY_BAND)

    @Slot()
    def without_band(self) -> None:
        """Keep all bands but the chosen one."""
        self._choose_preset(ActionKey.WITHOUT_BAND)

    def close(self) -> None:
        """End the child process."""
        self._inspector.close()

    @property
    def _page(self) -> InspectorPage:
        return self._window.inspector_page

    def _connect_page(self) -> None:
        self._page.codeChosen.connect(self.choose_code)
        self._page.settingsChosen.connect(self.choose_settings)
        self._page.placeChosen.connect(self.choose_place)

    def _choose_preset(self, key: ActionKey) -> None:
        n_bands = self._state.n_bands
        if n_bands:
            band = min(self._page.band, n_bands - 1)
            self.choose_code(preset_code(PRESETS[key], band, n_bands))

    def _step(self, step: int) -> None:
        if self._state.subject is not None:
            self.choose_place(self._state.subject.place + step)

    def _go_to_wanted(self) -> None:
        opened = self._state.opened
        if opened is None:
            return
        place = opened.gallery.place_of(self._wanted_path) if self._wanted_path else 0
        spec = opened.spec if self._state.subject is None else self._state.subject.spec
        if self._state.subject is None or (self._wanted_path and place is not None):
            self._look_at(spec, place or 0)

    def _look_at(self, spec: AuditSpec, place: int) -> None:
        from iaside_audit.auditing.inspector.gallery import Subject  # noqa: PLC0415 - imported by now

        subject = Subject(spec=spec, place=place)
        state = self._state.without_answers()
        code = state.code if spec.bands == state.n_bands else (1 << spec.bands) - 1
        self._show(
            replace(state, subject=subject, code=code, stage=self.tr("Cutting into bands..."))
        )
        self._inspector.look(subject)

    @Slot(object)
    def _take(self, answer: object) -> None:
        """Show an answer, unless it is a late one to an older question."""
        from iaside_audit.auditing.inspector.exploration import Opened  # noqa: PLC0415 - imported by now
        from iaside_audit.auditing.inspector.profiles import Explanation  # noqa: PLC0415

        state = self._state
        match answer:
            case Opened():
                self._show(replace(state, opened=answer))
                self._go_to_wanted()
            case ViewPictures(view=view) if view.subject == state.subject:
                self._show(replace(state, shown=answer, stage=""))
                self._inspector.compose(view.subject, state.code)
                self._inspector.explain(view.subject)
            case CompositionPicture(composition=composition) if (
                composition.subject == state.subject and composition.code == state.code
            ):
                self._show(replace(state, composed=answer))
            case Explanation(subject=subject) if subject == state.subject:
                self._show(replace(state, explanation=answer))
            case _:
                pass

    @Slot(Exception)
    def _fail(self, error: Exception) -> None:
        self._window.show_message(message_of(error, spec=self._spec))
        if self._state.opened is None:
            self._spec = None  # the next attempt starts afresh
        self._show(replace(self._state, stage=""))

    def _show(self, state: InspectorState) -> None:
        self._state = state
        self._page.show_state(state)
        self.stateChanged.emit(state)
