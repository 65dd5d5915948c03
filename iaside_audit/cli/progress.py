"""Show a running audit on stderr, and let Ctrl-C stop it in good order."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Self, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from iaside_audit.cli import interrupts
from iaside_audit.cli.console import foreign, stderr
from iaside_audit.events import (
    Cancelled,
    Control,
    Estimate,
    Event,
    ExpectedStop,
    Finished,
    ImageDone,
    ImageFailed,
    Planned,
    Preparing,
    Stage,
    Warned,
)
from iaside_audit.report.summary import (
    counted,
    decimals_for,
    format_number,
    rough_duration,
    unused_pairs_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import FrameType

    from iaside_audit.result import AuditResult
    from iaside_audit.spec import AuditSpec

Measured = TypeVar("Measured")
Outcome = TypeVar("Outcome")
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
SILENT_STEPS: Final = 10
"""Lines of progress where there is no terminal."""


class Shown(NamedTuple, Generic[Outcome]):
    """What came of a run that was shown.

    `outcome` is None where there is nothing to report; `read` are the messages of the warnings
    that a terminal showed meanwhile.
    """

    outcome: Outcome | None
    was_cancelled: bool
    read: frozenset[str]


def run_with_progress(
    spec: AuditSpec, *, quiet: bool, out: Path | None = None, cache: Path | None = None
) -> Shown[AuditResult]:
    """Run an audit and show it."""
    from iaside_audit.auditing import run_audit  # noqa: PLC0415 - start-up time

    with shown(quiet=quiet) as (control, view):
        for event in run_audit(spec, control, out=out, cache=cache):
            view.show(event)
            match event:
                case Finished(result=result):
                    return Shown(result, was_cancelled=False, read=view.read)
                case Cancelled(partial=so_far):
                    return Shown(so_far, was_cancelled=True, read=view.read)
                case _:
                    pass
    raise AssertionError("an audit ends with Finished or Cancelled")


def show_events(
    start: Callable[[Control], Iterable[Event | Outcome]], *, quiet: bool
) -> Event | Outcome:
    """Show the events of something that runs, and return what comes last."""
    with shown(quiet=quiet) as (control, view):
        for event in start(control):
            if isinstance(event, Event):
                view.show(event)
            last = event
    return last


def measured_with_progress(
    measure: Callable[[Control, Callable[[Stage, int, int], None]], Measured], *, quiet: bool
) -> Measured:
    """Run what reports its stages, show them, and let Ctrl-C stop it in good order.

    Parameters
    ----------
    measure : callable
        Takes the control that cancels it, and what takes a stage, the images done and their total.
    quiet : bool
        Whether to show nothing.

    Raises
    ------
    AuditCancelled
        If `measure` was cancelled.
    """
    with shown(quiet=quiet) as (control, view):
        return measure(
            control,
            lambda stage, done, total: view.show(Preparing(stage=stage, done=done, total=total)),
        )


@contextmanager
def shown(*, quiet: bool) -> Iterator[tuple[Control, ProgressView]]:
    """Give a control that Ctrl-C cancels, and what draws the events of a measurement."""
    control = Control()
    console = Console(stderr=True, quiet=True) if quiet else stderr()
    with _signals_cancel(control, console), ProgressView(console) as view:
        yield control, view


class ProgressView:
    """Draws the events of one audit.

    Parameters
    ----------
    console : Console
        On stderr; without a terminal, ten lines stand in for the moving bar.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[score]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._next_line = 0
        self._warned: set[str] = set()
        self._stops_at: int | None = -1  # nothing said yet

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case Preparing(stage=stage, done=done, total=total, detail=detail):
                if detail:
                    self._line(f"{stage.capitalize()} {foreign(detail)}:")
                self._begin(f"{stage} {detail}".rstrip(), total)
                self._update(completed=done, total=total or None)
            case Planned():
                self._show_plan(event)
                self._begin("auditing", event.n_images)
            case ImageDone():
                self._show_image(event)
            case Estimate(signed=signed, stop=stop):
                low, high = signed.interval
                decimals = decimals_for(signed.interval)
                value = format_number(signed.value, decimals)
                spread = format_number((high - low) / 2, decimals)
                self._update(score=f"score {value} ± {spread}{_plan_in_words(stop)}")
                self._note_stop(stop)
            case ImageFailed(path=path, reason=reason):
                self._line(f"[yellow]Left out[/yellow] {foreign(path)}: {foreign(reason)}")
            case Warned(message=message):
                self._warn(message)
            case Finished() | Cancelled():
                pass

    def say(self, text: str) -> None:
        """Print a line of plain text above what is drawn."""
        self._line(foreign(text))

    @property
    def read(self) -> frozenset[str]:
        """Messages of the warnings that a terminal has shown."""
        is_seen = self._console.is_terminal and not self._console.quiet
        return frozenset(self._warned if is_seen else ())

    def _warn(self, message: str) -> None:
        """Print a warning, once: audits that follow one another say the same."""
        if message not in self._warned:
            self._line(f"[yellow]Warning:[/yellow] {foreign(message)}")
        self._warned.add(message)

    def _note_stop(self, stop: ExpectedStop | None) -> None:
        """Say where there is no terminal, too, that the plan has changed."""
        if stop is None or stop.stops_at == self._stops_at:
            return
        self._stops_at = stop.stops_at
        self._line(f"Plan refined{_plan_in_words(stop)}, {stop.n_evaluations} evaluations in all")

    def _begin(self, stage: str, total: int) -> None:
        if stage == self._stage:
            return
        self._stage = stage
        self._next_line = 0
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(
            stage.capitalize(), total=total or None, rate="", score=""
        )

    def _update(self, **values: object) -> None:
        if self._task is not None:
            self._progress.update(self._task, **values)  # type: ignore[arg-type]  # rich's fields

    def _line(self, text: str) -> None:
        self._progress.console.print(text)

    def _show_plan(self, plan: Planned) -> None:
        self._line(
            f"{plan.estimator} estimator, {counted(plan.n_images, 'image')}, "
            f"{counted(plan.n_evaluations, 'evaluation')} on {plan.provider} "
            f"({counted(plan.threads, 'thread')}, batch {plan.batch}); "
            f"preprocessing from {foreign(plan.preprocessing_source)}"
        )
        if plan.unused_pairs:
            self._line(unused_pairs_sentence(plan.unused_pairs))

    def _show_image(self, event: ImageDone) -> None:
        rate = f"{event.evaluations_per_s:.0f} evaluations/s" if event.evaluations_per_s else ""
        self._update(completed=event.n_done, rate=rate)
        is_due = event.n_done * SILENT_STEPS >= self._next_line * event.n_images
        if not self._console.is_terminal and is_due:
            left = event.remaining_s
            about = f"about {rough_duration(left)} left" if left else ""
            facts = (f"{event.n_done} of {counted(event.n_images, 'image')}", rate, about)
            self._line(", ".join(fact for fact in facts if fact))
            self._next_line = event.n_done * SILENT_STEPS // event.n_images + 1


def _plan_in_words(stop: ExpectedStop | None) -> str:
    if stop is None:
        return ""
    if stop.stops_at is None:
        return f", the target needs about {stop.n_images_needed} images"
    return f", stops at {stop.stops_at} images"


@contextmanager
def _signals_cancel(control: Control, console: Console) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM cancel in good order, and the second one stop at once."""

    def cancel(number: int, _frame: FrameType | None) -> None:
        if control.is_cancelled:
            raise KeyboardInterrupt
        console.print(f"Stopping ({signal.Signals(number).name}); once more to stop at once.")
        control.cancel()

    before = {one: signal.signal(one, cancel) for one in SIGNALS}
    try:
        if interrupts.asked.is_set():  # before, and lost in an import
            raise KeyboardInterrupt
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
