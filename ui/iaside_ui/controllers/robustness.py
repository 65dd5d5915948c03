"""Measured robustness: what is run and shown."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal, Slot

from iaside_ui.state import ActionKey, AppState, Message, Page, RunState, Severity, message_of
from iaside_ui.state.measuring import Choice, Cost, Kind, Target, cost_of
from iaside_ui.state.robustness import (
    CorruptionGrid,
    GridQuantity,
    Held,
    PicturePair,
    RobustnessState,
)
from iaside_ui.workers.measurement_files import count_images
from iaside_ui.workers.measurement_rows import RowsFound, RowsNotKept
from iaside_ui.workers.measurements import (
    MeasurementPlan,
    PartFound,
    PartStarted,
    kind_of,
)
from iaside_ui.workers.pictures import PictureRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iaside_audit.robustness.findings import CorruptionFinding
    from iaside_audit.spec import AuditSpec
    from iaside_ui.controllers.shell import Shell
    from iaside_ui.state.robustness import Condition
    from iaside_ui.workers import CorruptedPictures, Jobs, MeasurementRunner

ACTIONS: Final = (
    ActionKey.SHOW_ROBUSTNESS,
    ActionKey.MEASURE,
    ActionKey.STOP_MEASURING,
)


class RobustnessController(QObject):
    """Measures, one plan at a time, and shows what came of it.

    Parameters
    ----------
    shell : Shell
        The window and its state.
    runner : MeasurementRunner
        Measures.
    counting : Jobs
        Counts images.
    pictures : CorruptedPictures
        Corrupts single images to look at.
    fallback : callable
        Returns what to measure where no result is open.
    rate_of : callable
        Returns evaluations a second of a model by its sha256, or None.
    parent : QObject or None
        Its owner.
    """

    measuringEnded = Signal()

    def __init__(
        self,
        shell: Shell,
        runner: MeasurementRunner,
        counting: Jobs,
        pictures: CorruptedPictures,
        *,
        fallback: Callable[[], AuditSpec],
        rate_of: Callable[[str], float | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._runner = runner
        self._counting = counting
        self._pictures = pictures
        self._fallback = fallback
        self._rate_of = rate_of
        self._state = RobustnessState()
        self._part = ""
        self._warning = ""
        self._cost: Cost | None = None
        shell.window.connect_actions(self, ACTIONS)
        self._has_page = False
        shell.window.when_made(Page.ROBUSTNESS, self._connect_page)
        shell.stateChanged.connect(self._follow)
        runner.stateChanged.connect(self._show_run)
        runner.partStarted.connect(self._begin_part)
        runner.gridGrown.connect(self._grow)
        runner.partFound.connect(self._take)
        runner.rowsFound.connect(self._tell_of_rows)
        runner.rowsNotKept.connect(self._warn_of_rows)
        runner.planEnded.connect(self._end)
        runner.failed.connect(self._fail)
        pictures.pairMade.connect(self._show_pair)
        pictures.pairFailed.connect(self._miss_pair)

    @property
    def state(self) -> RobustnessState:
        """The snapshot that the page shows."""
        return self._state

    @property
    def is_running(self) -> bool:
        """Whether something is being measured."""
        return self._runner.is_running

    @Slot()
    def show_robustness(self) -> None:
        """Go to the page."""
        self._shell.change(page=Page.ROBUSTNESS)
        self._aim()

    @Slot()
    def measure(self) -> None:
        """Run what is ticked."""
        target, choice = self._state.target, self._state.choice
        requests = choice.requests()
        if target is None or not requests:
            return
        self._shell.window.clear_message()
        spec = replace(target.spec, max_images=choice.n_images)
        self._cost = cost_of(choice, target)
        self._part = ""
        opened = self._shell.state.opened
        path = None if opened is None or opened.result is not target.audit else opened.path
        plan = MeasurementPlan(
            spec=spec,
            requests=requests,
            audit=target.audit,
            folder=None if path is None else path.parent,
        )
        self._runner.start(plan)
        self._show(self._state)

    @Slot()
    def stop_measuring(self) -> None:
        """Ask the measurement to stop; what there is by then is shown."""
        self._runner.cancel()

    @Slot(object)
    def choose(self, choice: Choice) -> None:
        """Want something else measured."""
        self._show(replace(self._state, choice=choice))

    @Slot(object)
    def choose_condition(self, condition: Condition) -> None:
        """Look at another corruption."""
        if condition != self._state.condition:
            self._show(replace(self._state, condition=condition))
            self._look()

    @Slot(object)
    def choose_quantity(self, quantity: GridQuantity) -> None:
        """Show other numbers in the grid."""
        self._show(replace(self._state, quantity=quantity))

    @Slot(int)
    def choose_place(self, place: int) -> None:
        """Look at another image."""
        if place != self._state.place:
            self._show(replace(self._state, place=place))
            self._look()

    def mark_saved(self, written: Mapping[Kind, Held]) -> None:
        """Note that a file holds these measurements."""
        now = {
            kind: replace(one, is_saved=True) if written.get(kind) is one else one
            for kind, one in self._state.held.items()
        }
        self._show(replace(self._state, held=now))

    def abandon(self) -> None:
        """Stop, and hear no more of it."""
        self._runner.abandon()
        self._show(replace(self._state, run=None, live=None))

    def discard(self) -> None:
        """Stop, and forget what is in no file."""
        self._runner.abandon()
        self._show(replace(self._state, held={}, run=None, live=None, pair=None, condition=None))

    def close(self) -> None:
        """Stop the threads."""
        self._runner.close()
        self._pictures.close()
        self._counting.close()

    @Slot(AppState)
    def _follow(self, state: AppState) -> None:
        """Aim at the result that is open, once the page is in view."""
        target = self._state.target
        audit = None if target is None else target.audit
        opened = None if state.opened is None else state.opened.result
        if state.page == Page.ROBUSTNESS and audit is not opened:
            self._aim()
        if state.is_running != self._state.is_waiting:
            self._show(replace(self._state, is_waiting=state.is_running))

    def _aim(self) -> None:
        """Measure on what the open result was made of, else on the form's or the demo's."""
        opened = self._shell.state.opened
        if opened is None:
            target = Target(spec=self._fallback())
            self._counting.start(
                partial(count_images, target.spec.images),
                partial(self._show_count, target),
                _ignore,  # what is wrong with the images is said when they are measured
            )
        else:
            result = opened.result
            rate = self._rate_of(result.model.sha256) or result.runtime.evaluations_per_s
            target = Target(spec=result.spec, audit=result, rate=rate or None)
        self._show(replace(self._state, target=target))

    def _show_count(self, target: Target, n_images: int) -> None:
        if self._state.target is target:
            self._show(replace(self._state, target=replace(target, n_counted=n_images)))

    @Slot(RunState)
    def _show_run(self, run: RunState) -> None:
        """Show how far it is, and no more: this comes thirty times a second."""
        self._state = replace(self._state, run=replace(run, name=self._part))
        self._shell.window.robustness_page.show_run(self._state)
        self._show_condition()

    @Slot(PartStarted)
    def _begin_part(self, part: PartStarted) -> None:
        names = {
            Kind.SNR: self.tr("Corruptions and SNR"),
            Kind.PASSBAND: self.tr("Pass bands"),
            Kind.HEATMAP: self.tr("Heat map"),
        }
        self._part = self.tr("{name} ({number} of {total})").format(
            name=names[Kind(part.kind)], number=part.number, total=part.total
        )
        later_s = 0.0 if self._cost is None else self._cost.later_s(part.number)
        self._state = replace(self._state, later_s=later_s)

    @Slot(CorruptionGrid)
    def _grow(self, grid: CorruptionGrid) -> None:
        self._show(replace(self._state, live=grid))

    @Slot(PartFound)
    def _take(self, found: PartFound) -> None:
        self.hold(found.held)

    @Slot(RowsFound)
    def _tell_of_rows(self, found: RowsFound) -> None:
        text = self.tr("{part}: images measured before, and kept: {n}.")
        self._shell.inform(text.format(part=self._part, n=found.n_images))

    @Slot(RowsNotKept)
    def _warn_of_rows(self, lost: RowsNotKept) -> None:
        text = self.tr("What is measured is kept in this window only: {reason}")
        message = Message(severity=Severity.WARNING, text=text.format(reason=lost.reason))
        self._shell.window.show_message(message)

    @Slot(bool)
    def _end(self, is_cancelled: bool) -> None:  # noqa: FBT001 - Qt's signals have no keywords
        self._show(replace(self._state, run=None, live=None))
        if is_cancelled and not self._state.held:
            text = self.tr("Measuring was stopped before there was anything to show.")
            self._shell.inform(text)
        elif self._shell.state.page != Page.ROBUSTNESS:
            self._shell.inform(self.tr("Robustness is measured: see its page."))
        self.measuringEnded.emit()

    @Slot(Exception)
    def _fail(self, error: Exception) -> None:
        self._show(replace(self._state, run=None, live=None))
        target = self._state.target
        spec = None if target is None else target.spec
        self._shell.window.show_message(message_of(error, spec=spec))
        self.measuringEnded.emit()

    def hold(self, held: tuple[Held, ...]) -> None:
        """Show measurements, each in the place of the one before of its kind."""
        now = {kind_of(one): one for one in held}
        before = dict(self._state.held)
        if Kind.CORRUPTION in now:
            before.pop(Kind.PREDICTION, None)  # it was of the corruptions before
        state = replace(self._state, held={**before, **now})
        finding = state.corruption
        if finding is not None and any(one.finding is finding for one in held):
            state = replace(state, live=None, pair=None, place=0)
            conditions = finding.request.conditions
            if state.condition not in conditions:
                state = replace(state, condition=conditions[len(conditions) // 2])
        self._show(state)
        self._warn(held)
        self._shell.window.robustness_page.reveal()
        self._look()

    def _warn(self, held: tuple[Held, ...]) -> None:
        """Say what a reader of the numbers must know."""
        from iaside_audit.result import IMAGES_FAILED  # noqa: PLC0415 - start-up time

        origins = [one.finding.origin for one in held]
        said = list(dict.fromkeys(text for one in origins for text in one.warnings))
        n_failed = max((one.n_failed for one in origins), default=0)
        codes = {one["code"] for each in held for one in each.document.get("warnings", ())}
        if n_failed and IMAGES_FAILED not in codes:
            said.append(self.tr("Images left out: {n}.").format(n=n_failed))
        self._warning = " ".join(said)
        if said:
            message = Message(severity=Severity.WARNING, text=self._warning)
            self._shell.window.show_message(message)

    def _look(self) -> None:
        """Ask for the picture of the chosen condition."""
        state = self._state
        finding, condition = state.corruption, state.condition
        if finding is None or condition is None or finding.origin.preprocessing is None:
            return
        if condition in finding.request.conditions:
            paths = () if state.answers is None else state.answers.paths
            request = PictureRequest(
                finding=finding, paths=paths, condition=condition, place=state.place
            )
            self._pictures.look(request)

    @Slot(object, PicturePair)
    def _show_pair(self, finding: CorruptionFinding, pair: PicturePair) -> None:
        if self._state.corruption is finding:
            self._show(replace(self._state, pair=pair))

    @Slot(object, Exception)
    def _miss_pair(self, finding: CorruptionFinding, error: Exception) -> None:
        """Say why there is no picture; the numbers stay."""
        if self._state.corruption is finding:
            message = message_of(error)
            said = self.tr("No picture: {reason}").format(reason=message.text)
            text = f"{self._warning} {said}".strip()  # the warning is not to be lost
            self._shell.window.show_message(replace(message, text=text))
            self._show(replace(self._state, pair=None))

    def _connect_page(self) -> None:
        page = self._shell.window.robustness_page
        page.choiceMade.connect(self.choose)
        page.conditionChosen.connect(self.choose_condition)
        page.quantityChosen.connect(self.choose_quantity)
        page.placeChosen.connect(self.choose_place)
        self._has_page = True
        page.show_state(self._state)

    def _show(self, state: RobustnessState) -> None:
        self._state = state
        if self._has_page:
            self._shell.window.robustness_page.show_state(state)
        self._show_condition()

    def _show_condition(self) -> None:
        state = self._state
        self._shell.change(
            can_measure=state.target is not None and bool(state.choice.kinds),
            is_measuring=self._runner.is_running,
            has_measurements=bool(state.held),
        )


def _ignore(_: Exception) -> None:
    """Do without."""
