"""What the preprocessing assistant shows: progress, its table, and what to make of it."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.box import HEAVY
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel

from iaside_audit.cli.console import foreign, make_table, stderr
from iaside_audit.cli.progress import ProgressView
from iaside_audit.events import Preparing
from iaside_audit.preprocessing import Rounding
from iaside_audit.report.summary import format_duration, format_number, format_percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from iaside_audit.auditing.assistant.assist import Assistance
    from iaside_audit.auditing.assistant.choice import Trial
    from iaside_audit.auditing.assistant.examiner import Progress
    from iaside_audit.preprocessing import Preprocessing


MAX_NOTE: Final = 600
"""Characters of a note; some of it may be text out of the model's file."""


@contextmanager
def assistant_progress(*, quiet: bool) -> Iterator[Progress]:
    """Give what shows the assistant's progress on stderr."""
    console = Console(stderr=True, quiet=True) if quiet else stderr()
    with ProgressView(console) as view:
        yield lambda stage, done, total: view.show(Preparing(stage=stage, done=done, total=total))


def print_assistance(assistance: Assistance, console: Console, *, is_saved: bool) -> None:
    """Print the candidates, the best one marked, and loudly where another one is configured."""
    console.print()
    console.print(_table(assistance))
    for note in assistance.notes:
        console.print(Padding(f"[yellow]Note:[/yellow] {foreign(note, MAX_NOTE)}", (0, 1)))
    console.print(_verdict(assistance, "" if is_saved else " Save it with --write."))


def _table(assistance: Assistance) -> Table:
    has_labels = assistance.has_labels
    table = make_table(
        f"Preprocessing, tried on {assistance.n_images} images "
        f"({assistance.n_evaluations} evaluations, {format_duration(assistance.elapsed_s)})"
    )
    table.add_column("")
    table.add_column("normalisation")
    table.add_column("size")
    table.add_column("filter")
    for name in ("top-1", "95 %", "log p") if has_labels else ("confidence", "balanced"):
        table.add_column(name, justify="right", no_wrap=True)
    for n_images, trials in groupby(assistance.trials, key=lambda one: one.n_images):
        table.add_section()
        table.add_row("", f"on {n_images} images", style="italic")
        for trial in trials:
            marks = _marks(trial, assistance)
            table.add_row(
                ", ".join(marks),
                foreign(trial.candidate.name),
                describe_size(trial.candidate.preprocessing),
                describe_filter(trial.candidate.preprocessing),
                *_numbers(trial),
                style="bold" if marks else "",
            )
    return table


def _marks(trial: Trial, assistance: Assistance) -> list[str]:
    marks = ["best"] if trial is assistance.trials[0] else []
    return [*marks, "configured"] if trial.candidate.is_configured else marks


def _numbers(trial: Trial) -> list[str]:
    if trial.top1 is None or trial.top1_interval is None or trial.mean_log_p is None:
        return [format_number(trial.mean_confidence), format_number(trial.balanced_confidence)]
    low, high = trial.top1_interval
    return [
        format_percent(trial.top1, 1),
        f"{100 * low:.0f} to {100 * high:.0f}",
        format_number(trial.mean_log_p, 2),
    ]


def describe_size(preprocessing: Preprocessing) -> str:
    """Return shorter side, or height and width, after resizing, and the crop.

    Examples
    --------
    >>> from iaside_audit.preprocessing import Preprocessing
    >>> describe_size(Preprocessing(resize=256, crop=224))
    '256 -> 224'
    >>> describe_size(Preprocessing(resize=(224, 224), crop=224))
    '224 x 224'
    """
    resize, (height, width) = preprocessing.resize, preprocessing.crop_size
    crop = str(height) if height == width else f"{height} x {width}"
    if resize == 0:
        return "as it is"
    if resize == (height, width):
        return f"{height} x {width}"
    before = str(resize) if isinstance(resize, int) else f"{resize[0]} x {resize[1]}"
    return f"{before} -> {crop}"


def describe_filter(preprocessing: Preprocessing) -> str:
    """Return how pixels are resized, and how halves are rounded where that is unusual."""
    name = "" if preprocessing.resize == 0 else preprocessing.interpolation.value
    if preprocessing.rounding == Rounding.TORCHVISION:
        return name
    return f"{name}, rounded {preprocessing.rounding}".removeprefix(", ")


def _verdict(assistance: Assistance, advice: str) -> Panel | Padding:
    best, now, gain = assistance.best, assistance.configured, assistance.gain
    chosen = best.candidate.preprocessing
    steps = (describe_size(chosen), describe_filter(chosen))
    name = f"{foreign(best.candidate.name)} ({', '.join(one for one in steps if one)})"
    if now is None:
        return Padding(f"[bold]Best: {name}.[/bold]{advice}", (0, 1, 1, 1))
    source = foreign(now.candidate.preprocessing.source)
    if best.candidate.is_configured:
        return Padding(
            f"[bold]The configured preprocessing (from {source}) is the best.[/bold]", (0, 1, 1, 1)
        )
    if gain is None or not gain.is_clear:
        what = "not clearly" if gain is not None else "more confident, which does not show it"
        return Padding(f"{name} is {what} better than the configured one ({source}).", (0, 1, 1, 1))
    return Panel(
        f"[bold]The configured preprocessing is not what this model was made for.[/bold]\n"
        f"Configured (from {source}): {now.n_right} of {now.n_images} right. "
        f"Best: {name}: {best.n_right} right. It wins {gain.n_won} images and loses {gain.n_lost} "
        f"(sign test, p = {gain.p_value:.1g}).{advice}",
        title="WRONG PREPROCESSING",
        border_style="bold red",
        box=HEAVY,
    )
