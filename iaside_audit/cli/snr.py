"""``snr``: how much signal corruptions leave in each band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from iaside_audit.choices import MAX_BANDS, MIN_BANDS, Norm
from iaside_audit.cli.options import PATH, common_options, json_option
from iaside_audit.paths import elided

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.robustness.snr_run import SnrRun

WORSE_THAN_ASKED: Final = 4
NAME_CHARACTERS: Final = 24
"""Of a condition in the table; a folder may be deep."""
SEVERITIES: Final = click.IntRange(1, 5)


@click.command(name="snr", short_help="How much signal corruptions leave in each band.")
@click.option("--images", type=PATH, required=True, help="Clean images; no labels are needed.")
@click.option(
    "--corrupted",
    type=PATH,
    multiple=True,
    help="The same images, corrupted, under the same names.  Repeatable.",
)
@click.option("--corruption", "corruptions", multiple=True, help="Repeatable.  [default: all 15]")
@click.option(
    "--severity", "severities", type=SEVERITIES, multiple=True, help="Repeatable.  [default: 3]"
)
@click.option("--out", type=PATH, required=True, help="Folder for snr.json, snr.csv, snr.svg.")
@click.option("--size", default="auto", help="Side in pixels.  [default: their own, else 224]")
@click.option("--bands", type=click.IntRange(MIN_BANDS, MAX_BANDS), default=8, show_default=True)
@click.option("--norm", type=click.Choice([one.value for one in Norm]), default="linf")
@click.option("--max-images", type=int, help="The first so many of the seeded order.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every random draw.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of intervals.")
@json_option
@common_options
def command(
    images: Path,
    corrupted: tuple[Path, ...],
    corruptions: tuple[str, ...],
    severities: tuple[int, ...],
    out: Path,
    size: str,
    bands: int,
    norm: str,
    max_images: int | None,
    seed: int,
    confidence: float,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
) -> int:
    r"""Measure the spectral signal-to-noise ratio of corruptions; no model is needed.

    \b
    Example:
      iaside-audit snr --images val/ --corruption gaussian_noise --severity 3 --out snr/
      iaside-audit snr --images val/ --corrupted blurred/ --corrupted noisy/ --out snr/
    """
    from iaside_audit.robustness.snr_run import SnrSpec  # noqa: PLC0415 - start-up time

    spec = SnrSpec(
        images=images,
        corrupted=corrupted,
        corruptions=tuple(dict.fromkeys(corruptions)),
        severities=tuple(sorted(set(severities))),
        size=int(size) if size.isdecimal() else size,
        bands=bands,
        norm=Norm(norm),
        max_images=max_images,
        seed=seed,
        confidence=confidence,
    )
    from iaside_audit.cli.folder import made_output_folder  # noqa: PLC0415
    from iaside_audit.cli.progress import measured_with_progress  # noqa: PLC0415
    from iaside_audit.robustness.snr_run import measure_snr  # noqa: PLC0415

    with made_output_folder(out):
        run = measured_with_progress(
            lambda control, on_progress: measure_snr(spec, control, on_progress), quiet=quiet
        )
        _report(run, out, as_json=as_json)
    return WORSE_THAN_ASKED if run.failed else 0


def _report(run: SnrRun, out: Path, *, as_json: bool) -> None:
    from iaside_audit.cli.console import stdout  # noqa: PLC0415 - start-up time
    from iaside_audit.report.figures import svg_bytes  # noqa: PLC0415
    from iaside_audit.report.files import json_text, write_bytes, write_text  # noqa: PLC0415
    from iaside_audit.report.snr import (  # noqa: PLC0415
        snr_csv,
        snr_description,
        snr_document,
        snr_figure,
    )

    text = json_text(snr_document(run))
    try:
        if as_json:
            click.echo(text, nl=False)
        else:
            _print(run)
    finally:
        write_text(out / "snr.json", text)
        write_text(out / "snr.csv", snr_csv(run))
        write_bytes(out / "snr.svg", svg_bytes(snr_figure(run), snr_description(run)))
    if not as_json:
        for name in ("snr.json", "snr.csv", "snr.svg"):
            stdout().print(f" {out / name}", soft_wrap=True, markup=False)


def _print(run: SnrRun) -> None:
    """Print a line for each condition: SNR by band, and how it decays."""
    from rich.markup import escape  # noqa: PLC0415

    from iaside_audit.cli.console import make_table, print_whole, stdout  # noqa: PLC0415

    height, width = run.size
    table = make_table(
        f"Mean SNR in dB by band, {run.results[0].n_images} images, {height} x {width} px",
        is_dense=True,
    )
    table.add_column("condition", no_wrap=True)
    for band in range(run.spec.bands):
        table.add_column(str(band), justify="right", no_wrap=True, min_width=4)
    table.add_column(" decay")
    for one in run.results:
        table.add_row(
            escape(elided(f"{one.name} {one.severity or ''}".rstrip(), NAME_CHARACTERS)),
            *(f"{value:.1f}" for value in one.bands.decibels),
            f" {one.verdict}, {one.law.exponent:.1f}" if one.law.fits else f" {one.verdict}",
        )
    console = stdout()
    console.print()
    print_whole(console, table)
    n_capped = sum(int(one.bands.n_capped.sum()) for one in run.results)
    if n_capped:
        console.print(f" {n_capped} bands of images had no error, and count as 100 dB.")
    for failure in run.failed:
        console.print(f" Left out {escape(failure.path)}: {escape(failure.reason)}")
