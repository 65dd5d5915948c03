"""What people see in a terminal: results on stdout, progress and messages on stderr."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from iaside_audit.classifier.safety import MAX_MESSAGE, printable
from iaside_audit.report.summary import (
    counted,
    decimals_for,
    format_interval,
    format_number,
    format_percent,
    guessing_sentence,
    importance_rows,
    interval_method,
    score_rows,
    score_sentence,
    target_outcome,
    value_unit,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from iaside_audit.result import AuditResult
    from iaside_audit.types import Interval

BAR_WIDTH: Final = 10
WIDTH: Final = 80
"""Results that are not printed on a terminal are laid out for so many columns."""
UNLIMITED: Final = 10_000
"""Columns; more than any table takes."""


def foreign(text: object, max_length: int = MAX_MESSAGE) -> str:
    r"""Return text that others may have written, without markup or control codes.

    Examples
    --------
    >>> print(foreign("[red]a name\x1b[2J"))
    \[red]a name\x1b[2J
    """
    return escape(printable(text, max_length))


def stdout() -> Console:
    """Return the console for results; it honours NO_COLOR."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    return console


def stderr() -> Console:
    """Return the console for progress and messages."""
    return Console(stderr=True, highlight=False)


def make_table(title: str | None = None, *, is_dense: bool = False) -> Table:
    """Return an empty table that looks as all of them do; a dense one puts its columns closer.

    A title, in markup, is not broken where the table below it is narrower.
    """
    text = None if title is None else Text.from_markup(title, style="bold", overflow="ignore")
    if text is not None:
        text.no_wrap = True
    return Table(
        title=text,
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        collapse_padding=is_dense,
    )


def print_text(console: Console, text: str) -> None:
    """Print a paragraph without markup; all its lines begin below those of a table."""
    console.print(Padding(escape(text), (0, 1)))


def print_whole(console: Console, table: Table) -> None:
    """Print a table without cutting a number short; where it is too wide, the terminal folds it."""
    table.width = _full_width(console, table)
    console.print(table, crop=False)


def _full_width(console: Console, table: Table) -> int:
    """Return how many columns a table takes where nothing limits it."""
    unlimited = console.options.update(max_width=UNLIMITED)
    return Measurement.get(console, unlimited, table).maximum


def print_warnings(
    messages: Iterable[str], console: Console, *, read: Collection[str] = ()
) -> None:
    """Print what a reader of the numbers must know.

    Parameters
    ----------
    messages : iterable of str
        Of the warnings.
    console : Console
        Where the numbers are.
    read : collection of str
        Messages that a terminal showed as they came: there each is read once. A file or a pipe
        gets all of them, for whoever reads it may have seen none.
    """
    for message in messages:
        if not (console.is_terminal and message in read):
            console.print(Padding(f"[yellow]Warning:[/yellow] {foreign(message)}", (0, 1)))


def print_result(result: AuditResult, console: Console, *, read: Collection[str] = ()) -> None:
    """Print bands, scores and the warnings that were not `read` yet; see :func:`print_warnings`."""
    console.print()
    is_plain = console.options.ascii_only
    bands = _bands(result, is_plain=is_plain)
    if _full_width(console, bands) > console.width:
        bands = _bands(result, is_plain=is_plain, has_bars=False)
    print_whole(console, bands)
    print_whole(console, _scores(result))
    confidence = format_percent(result.spec.confidence)
    console.print(Padding(f"[bold]{escape(score_sentence(result))}[/bold]", (0, 1)))
    console.print(Padding(_facts(result, confidence), (0, 1)))
    print_warnings((one.message for one in result.warnings), console, read=read)
    console.print()


def _bands(result: AuditResult, *, is_plain: bool, has_bars: bool = True) -> Table:
    unit = value_unit(result)
    table = make_table(f"Spectral importance{f' (Shapley values in {unit})' if unit else ''}")
    for name in ("band", "frequency", "Shapley", "interval", "importance", "interval"):
        table.add_column(name, justify="right", no_wrap=True)
    if has_bars:
        table.add_column("", width=BAR_WIDTH, no_wrap=True)
    for row, band in zip(importance_rows(result), result.bands, strict=True):
        table.add_row(
            row.band,
            row.edges,
            row.shapley,
            row.shapley_interval,
            row.importance,
            row.importance_interval,
            *([_bar(band.importance, is_plain=is_plain)] if has_bars else []),
        )
    return table


def _scores(result: AuditResult) -> Table:
    table = make_table("Robustness score")
    for name in ("score", "value", "interval", "random: 5 % to 95 %", "more than"):
        table.add_column(name, justify="left" if name == "score" else "right")
    for row in score_rows(result):
        table.add_row(row.name, row.value, row.interval, row.random, row.percentile)
    return table


def _facts(result: AuditResult, confidence: str) -> str:
    """Return the lines below the tables."""
    accuracy, data, runtime = result.accuracy, result.data, result.runtime
    top1 = "not measured (the labels are the model's own)"
    if not math.isnan(accuracy.top1):
        low, high = accuracy.interval
        ends = format_interval((100 * low, 100 * high), 1)
        top1 = f"{format_percent(accuracy.top1, 1)} ({ends})"
    counts = [f"{data.n_images} used of {data.n_available}"]
    counts += [f"{data.n_failed} failed"] if data.n_failed else []
    counts += [f"{data.n_ignored} ignored"] if data.n_ignored else []
    values = result.values
    grand = _estimate(values.grand, values.grand_interval)
    empty = _estimate(values.empty, values.empty_interval)
    speed = f"{runtime.n_evaluations}"
    if runtime.evaluations_per_s:
        speed += f", {runtime.evaluations_per_s:.0f} a second"
    n_known = runtime.n_cached + runtime.n_resumed
    speed += f"; {counted(n_known, 'row')} from before" if n_known else ""
    lines = [
        f"Top-1 on unfiltered images: {top1}",
        f"v(all): {grand}; v(empty): {empty}",
        *filter(None, [guessing_sentence(result).rstrip(".")]),
        f"Images: {', '.join(counts)}; intervals at {confidence}, by {interval_method(result)}",
        *_stopping(result),
        f"Ran on {runtime.provider} ({runtime.device}, {counted(runtime.threads, 'thread')})",
        f"Evaluations: {speed}",
    ]
    return escape("\n".join(lines))


def _stopping(result: AuditResult) -> list[str]:
    """Say whether the target was met, where there was one."""
    converged, target = result.estimator.converged, result.spec.target_halfwidth
    if converged is None or target is None:
        return []
    return [f"Target half-width of {target:g}: {target_outcome(result)}"]


def _estimate(value: float, interval: Interval) -> str:
    decimals = decimals_for(interval)
    return f"{format_number(value, decimals)} ({format_interval(interval, decimals)})"


def _bar(share: float, *, is_plain: bool) -> str:
    """Draw a share as a bar of eighths of a character, or of whole ones where text is ASCII."""
    if math.isnan(share):
        return ""
    if is_plain:
        return "#" * round(share * BAR_WIDTH)
    whole, eighths = divmod(round(share * BAR_WIDTH * 8), 8)
    return "█" * whole + " ▏▎▍▌▋▊▉"[eighths].strip()
