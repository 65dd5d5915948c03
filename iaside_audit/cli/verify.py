"""``verify``: whether a result holds."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - click reads it
from typing import TYPE_CHECKING, Final

import click

from iaside_audit.choices import DEFAULT_SAMPLE, SAME_NATS
from iaside_audit.cli.options import HELP, PATH, common_options, given_result, json_option

if TYPE_CHECKING:
    from iaside_audit.report.verification import Verification

FAULT_FOUND: Final = 1


@click.command(name="verify", short_help="Check that a result holds.")
@click.argument("result", type=PATH)
@click.option("--model", type=PATH, help="The model, to hold the result against.")
@click.option("--images", type=PATH, help="The images, to hold the result against.")
@click.option("--labels", help="Where their labels are now.  [default: as in the audit]")
@click.option("--classes", type=PATH, help="Where their class names are now.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=DEFAULT_SAMPLE,
    show_default=True,
    help="Rows that are made again, where model and images are given.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Which rows.  [default: drawn, and printed, so that nobody can know before]",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=SAME_NATS,
    show_default=True,
    help="In nats: by how much a row may differ. Quantised models differ between kinds of CPU.",
)
@click.option("--device", default="auto", show_default=True, help=HELP["device"])
@json_option
@common_options
def command(
    result: Path,
    model: Path | None,
    images: Path | None,
    labels: str | None,
    classes: Path | None,
    sample: int,
    seed: int | None,
    tolerance: float,
    device: str,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
) -> int:
    r"""Check that RESULT (a result.json, or the folder that holds it) holds; exit 1 where not.

    Its numbers are computed again from the rows kept beside it. With --model and --images, their
    hashes are compared too, and a random sample of rows is made again.

    \b
    Example:
      iaside-audit verify audit/
      iaside-audit verify audit/ --model model.onnx --images val/
    """
    from iaside_audit.auditing.verification.originals import (  # noqa: PLC0415 - start-up time
        OriginalsAsked,
        drawn_seed,
    )
    from iaside_audit.auditing.verification.verdicts import VerificationCheck  # noqa: PLC0415
    from iaside_audit.auditing.verification.verify import verify_result  # noqa: PLC0415
    from iaside_audit.cli.progress import shown  # noqa: PLC0415
    from iaside_audit.report import RESULT_NAME, report_id  # noqa: PLC0415
    from iaside_audit.report.verification import Verification  # noqa: PLC0415
    from iaside_audit.store import STORE_NAME  # noqa: PLC0415

    path = result / RESULT_NAME if result.is_dir() else result
    loaded = given_result(path)
    asked = OriginalsAsked(
        model=model,
        images=images,
        labels=labels,
        classes=classes,
        n_sample=sample,
        seed=drawn_seed() if seed is None else seed,
        tolerance=tolerance,
        device=device,
    )
    checks = []
    with shown(quiet=quiet) as (control, view):
        for one in verify_result(loaded, path.with_name(STORE_NAME), asked, control):
            if isinstance(one, VerificationCheck):
                checks.append(one)
            else:
                view.show(one)
    verification = Verification(
        result=str(path),
        report_id=report_id(loaded),
        seed=asked.seed,
        tolerance=asked.tolerance,
        checks=tuple(checks),
    )
    if as_json:
        click.echo(json.dumps(verification.to_document(), indent=2))
    else:
        _print(verification)
    return 0 if verification.holds else FAULT_FOUND


def _print(verification: Verification) -> None:
    """Print a line for each check, and what they come to."""
    from iaside_audit.auditing.verification.verdicts import Verdict  # noqa: PLC0415
    from iaside_audit.cli.console import foreign, make_table, stdout  # noqa: PLC0415

    styles = {
        Verdict.PASSED: "[green]passed[/green]",
        Verdict.FAILED: "[bold red]FAILED[/bold red]",
        Verdict.NOT_CHECKED: "not checked",
    }
    console = stdout()
    table = make_table(f"Report {verification.report_id}")
    table.add_column("", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("found", overflow="fold")
    for one in verification.checks:
        table.add_row(styles[one.verdict], one.name, foreign(one.found))
    console.print(table)
    conclusion, counts = verification.conclusion
    if not verification.holds:
        conclusion = f"[bold red]{conclusion}[/bold red]"
    console.print(f" {conclusion}: {counts}")
