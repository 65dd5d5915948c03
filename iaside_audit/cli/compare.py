"""``compare``: paired differences between results on the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from iaside_audit.cli.options import PATH, common_options, given_result, json_option

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.comparison import ComparisonReport


@click.command(name="compare", short_help="Compare results on the same images.")
@click.argument("results", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, help="File to write as well, ending in .json or .csv.")
@json_option
@common_options
def command(
    results: tuple[Path, ...],
    out: Path | None,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
) -> None:
    r"""Compare each of RESULTS (a result.json, or its folder) with the first one.

    Images are matched by content; differences come with paired intervals, and p-values corrected
    for the number of lines and models.

    \b
    Example:
      iaside-audit compare float32/ int8/
    """
    from iaside_audit.auditing.outcome.compare import NamedResult, compare_results  # noqa: PLC0415
    from iaside_audit.cli.console import stderr  # noqa: PLC0415 - start-up time
    from iaside_audit.report.comparisons import check_comparison_name, write_comparison  # noqa: PLC0415

    named = [NamedResult(name=str(path), result=given_result(path)) for path in results]
    if out is not None:
        check_comparison_name(out)
    report = compare_results(named)
    if as_json:
        click.echo(report.to_json().encode(errors="backslashreplace"), nl=False)
    else:
        _print(report)
    if out is not None:
        write_comparison(report, out)
        if not quiet:
            stderr().print(f" {out}", soft_wrap=True, markup=False)


def _print(report: ComparisonReport) -> None:
    """Print one table for each comparison."""
    from rich.markup import escape  # noqa: PLC0415

    from iaside_audit.cli.console import (  # noqa: PLC0415
        make_table,
        print_text,
        print_warnings,
        print_whole,
        stdout,
    )
    from iaside_audit.report import format_percent  # noqa: PLC0415
    from iaside_audit.report.comparisons import difference_rows, model_names  # noqa: PLC0415
    from iaside_audit.report.summary import bootstrap_name  # noqa: PLC0415

    console = stdout()
    first, *others = model_names(report)
    for name, comparison in zip(others, report.comparisons, strict=True):
        table = make_table(f"A: {escape(first)}\nB: {escape(name)}")
        for title in ("", "A", "B", "B - A", "interval", "p", "corrected"):
            table.add_column(title, justify="right" if title else "left", no_wrap=True)
        for row in difference_rows(comparison, confidence=report.confidence):
            cells = (row.name, row.first, row.second, row.difference, row.interval)
            table.add_row(
                *cells, row.p_value, row.p_corrected, style="bold" if row.is_clear else ""
            )
        print_whole(console, table)
    confidence = format_percent(report.confidence)
    bootstrap = bootstrap_name(report.interval_method, report.mode)
    print_text(
        console,
        f"{report.n_images} images matched by content; intervals at {confidence} by the paired "
        f"{bootstrap}; p from {report.n_permutations} sign flips, corrected over every line and "
        f"model ({report.correction}). Bold: corrected p at most "
        f"{format_percent(1 - report.confidence)}.",
    )
    print_warnings(report.warnings, console)
