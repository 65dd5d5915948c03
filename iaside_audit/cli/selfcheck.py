"""``selfcheck``: games and models of known answer, on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final

import click

from iaside_audit.cli.options import HELP, common_options, json_option

FAULT_FOUND: Final = 1


@click.command(name="selfcheck", short_help="Check this installation on known answers.")
@click.option("--device", default="auto", show_default=True, help=HELP["device"])
@json_option
@common_options
def command(device: str, as_json: bool, quiet: bool) -> int:  # noqa: FBT001 - click passes by name
    r"""Compare this program's numbers with known answers; exit 1 where they differ.

    Games with closed-form Shapley values, and synthetic ONNX models whose use of the bands is known
    by construction, from image file to Shapley value.

    \b
    Example:
      iaside-audit selfcheck
    """
    from rich.live import Live  # noqa: PLC0415 - start-up time

    from iaside_audit.auditing.selfcheck import run_selfcheck  # noqa: PLC0415
    from iaside_audit.cli.console import make_table, print_whole, stderr, stdout  # noqa: PLC0415

    table = make_table()
    table.add_column("check")
    for name in ("error", "allowed", "time"):
        table.add_column(name, justify="right")
    table.add_column("")
    checks = []
    progress = stderr()
    with Live(console=progress, transient=True, auto_refresh=False) as live:
        for check in run_selfcheck(device):
            checks.append(check)
            table.add_row(
                check.name,
                f"{check.error:.1e}",
                f"{check.tolerance:.0e}",
                f"{check.elapsed_s:.1f} s",
                "[green]passed[/green]" if check.passed else "[bold red]FAILED[/bold red]",
            )
            if progress.is_terminal and not quiet:
                live.update(table, refresh=True)
    n_failed = sum(not check.passed for check in checks)
    if as_json:
        records = [asdict(check) | {"passed": check.passed} for check in checks]
        click.echo(json.dumps({"schema_version": 1, "checks": records}, indent=2))
    else:
        console = stdout()
        print_whole(console, table)
        console.print(f"{len(checks) - n_failed} of {len(checks)} checks passed.")
    return FAULT_FOUND if n_failed else 0
