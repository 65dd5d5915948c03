"""``cache``: the rows that audits share."""

from __future__ import annotations

import datetime as dt
import json

import click

from iaside_audit.cli.options import common_options, json_option

MIB = 1 << 20


@click.group(
    name="cache",
    short_help="Show and prune the rows that audits share.",
    invoke_without_command=True,
)
@json_option
@common_options
@click.pass_context
def command(ctx: click.Context, as_json: bool, quiet: bool) -> None:  # noqa: FBT001, ARG001
    r"""Show what the cache of rows holds: a second audit of a model finds its rows there.

    \b
    Example:
      iaside-audit cache
      iaside-audit cache prune --older-than 30
    """
    if ctx.invoked_subcommand is None:
        _show(as_json=as_json)


@command.command(name="prune", short_help="Forget rows.")
@click.option("--older-than", type=click.FloatRange(min=0), help="Not used for so many days.")
@click.option("--max-mib", type=click.IntRange(min=0), help="Keep the latest used, so many MiB.")
@common_options
def prune(older_than: float | None, max_mib: int | None, quiet: bool) -> None:  # noqa: FBT001
    r"""Forget rows; all of them, where neither an age nor a size is given.

    \b
    Example:
      iaside-audit cache prune --older-than 30
    """
    from iaside_audit.store.cache import default_cache_path, prune_cache  # noqa: PLC0415

    n_forgotten = prune_cache(
        default_cache_path(),
        older_than_days=older_than,
        most_bytes=None if max_mib is None else max_mib * MIB,
    )
    if not quiet:
        click.echo(f"{n_forgotten} rows forgotten.")


def _show(*, as_json: bool) -> None:
    from iaside_audit.store.cache import cache_uses, default_cache_path  # noqa: PLC0415

    path = default_cache_path()
    uses = cache_uses(path)
    days = [
        dt.datetime.fromtimestamp(use.last_used, tz=dt.UTC).isoformat(timespec="minutes")
        for use in uses
    ]
    if as_json:
        document = {
            "path": str(path),
            "models": [
                {
                    "model": use.model,
                    "provider": use.provider,
                    "n_rows": use.n_rows,
                    "size_bytes": use.size_bytes,
                    "last_used": day,
                }
                for use, day in zip(uses, days, strict=True)
            ],
        }
        click.echo(json.dumps(document, indent=2))
        return
    from iaside_audit.cli.console import (  # noqa: PLC0415 - start-up time
        foreign,
        make_table,
        print_whole,
        stdout,
    )

    console = stdout()
    if not uses:
        console.print(f"No rows in '{path}'.", soft_wrap=True, markup=False)
        return
    table = make_table()
    for name in ("model", "provider", "rows", "MiB", "last used"):
        table.add_column(name, justify="right" if name in {"rows", "MiB"} else "left")
    for use, day in zip(uses, days, strict=True):
        table.add_row(
            foreign(use.model),
            use.provider.removesuffix("ExecutionProvider"),
            str(use.n_rows),
            f"{use.size_bytes / MIB:.1f}",
            day,
        )
    print_whole(console, table)
    console.print(str(path), soft_wrap=True, markup=False)
