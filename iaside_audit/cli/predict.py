"""``predict``: what an audit predicts of corruptions, without running the model again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from iaside_audit.cli.options import (
    PATH,
    common_options,
    corruption_options,
    given_result,
    json_option,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from iaside_audit.robustness.predict_run import PredictionRun

WORSE_THAN_ASKED: Final = 4


@click.command(name="predict", short_help="What an audit predicts of corruptions.")
@click.argument("result", type=PATH)
@click.option("--images", type=PATH, help="Where the audited images are.  [default: as audited]")
@corruption_options
@click.option("--max-images", type=click.IntRange(min=2), help="The first so many of the audit.")
@click.option(
    "--gain",
    type=click.Choice(["snr", "root", "regression", "coherence"]),
    default="root",
    show_default=True,
    help="What is printed; the files hold all.",
)
@click.option("--out", type=PATH, help="Folder for prediction.json, .csv and the figure.")
@json_option
@common_options
def command(
    result: Path,
    images: Path | None,
    corrupted: Path | None,
    names: tuple[str, ...],
    severities: tuple[int, ...],
    max_images: int | None,
    gain: str,
    out: Path | None,
    as_json: bool,  # noqa: FBT001 - click passes by name
    quiet: bool,  # noqa: FBT001
) -> int:
    r"""Predict the losses of an audited model under corruptions (SNR x Shapley).

    RESULT is a result.json with its values.sqlite, or the folder that holds both. The audited
    images are corrupted and compared with the clean ones; the model is not run.

    \b
    Example:
      iaside-audit predict audit/ --out prediction/
      iaside-audit predict audit/ --corruption gaussian_noise --severity 3
    """
    import json  # noqa: PLC0415 - start-up time
    from contextlib import nullcontext  # noqa: PLC0415

    from iaside_audit.cli.console import stdout  # noqa: PLC0415
    from iaside_audit.cli.folder import made_output_folder  # noqa: PLC0415
    from iaside_audit.cli.progress import measured_with_progress  # noqa: PLC0415
    from iaside_audit.report.prediction_outputs import (  # noqa: PLC0415
        prediction_document,
        write_prediction,
    )
    from iaside_audit.robustness.corruption_run import corruption_request  # noqa: PLC0415
    from iaside_audit.robustness.predict_run import predict_audit  # noqa: PLC0415

    audit = given_result(result)
    request = corruption_request(corrupted, names=names, severities=severities)
    with nullcontext() if out is None else made_output_folder(out):
        run = measured_with_progress(
            lambda control, on_progress: predict_audit(
                audit, request, control, on_progress, images=images, max_images=max_images
            ),
            quiet=quiet,
        )
        try:
            if as_json:
                click.echo(json.dumps(prediction_document(run), indent=1, allow_nan=False))
            else:
                print_prediction(run, stdout(), gain=gain)
        finally:
            paths = () if out is None else write_prediction(run, out)
    for path in () if as_json else paths:
        stdout().print(f" {path}", soft_wrap=True, markup=False)
    return WORSE_THAN_ASKED if run.failed else 0


def print_prediction(run: PredictionRun, console: Console, *, gain: str = "root") -> None:
    """Print the losses of every corruption, the bands that carry them, and what to hold them to."""
    from rich.markup import escape  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415

    from iaside_audit.cli.console import foreign, make_table, print_whole  # noqa: PLC0415
    from iaside_audit.report.claims import PREDICTION_CLAIM  # noqa: PLC0415
    from iaside_audit.report.prediction_words import (  # noqa: PLC0415
        following_sentence,
        prediction_sentences,
        shown_forms,
        without_spectrum_sentence,
    )
    from iaside_audit.robustness.carrying import bands_in_words  # noqa: PLC0415
    from iaside_audit.spectrum import Gain  # noqa: PLC0415

    prediction, kind = run.prediction, Gain(gain)
    *errors, log_loss = shown_forms(prediction, kind)
    table = make_table(
        f"Predicted top-1 error in %, {gain} gain, {prediction.n_images} images", is_dense=True
    )
    confidence = f"{100 * run.audit.spec.confidence:g} %"
    table.add_column("corruption", no_wrap=True)
    table.add_column("additive", justify="right", no_wrap=True)
    table.add_column(confidence, justify="right", no_wrap=True, min_width=6)
    if len(errors) > 1:
        table.add_column("multilin.", justify="right", no_wrap=True, min_width=10)
    measured = prediction.measured
    if measured is not None:
        table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("nats", justify="right", no_wrap=True, min_width=6)
    table.add_column(" nats from", no_wrap=True)
    for one in log_loss.losses:
        if one.scope.severity is not None:
            continue
        found = [form.of(one.scope).loss for form in errors]
        low, high = (100 * end for end in found[0].interval)
        cells = [f"{100 * loss.value:.1f}" for loss in found]
        cells.insert(1, f"{low:.0f}-{high:.0f}")
        if measured is not None:
            cells.append(f"{100 * measured.error[one.scope].value:.1f}")
        cells += [f"{one.loss.value:.2f}", f" {bands_in_words(one.shares)}"]
        table.add_row(escape(one.scope.title), *cells)
    console.print()
    print_whole(console, table)
    sentences = [
        "; ".join(prediction_sentences(prediction, kind)) + ".",
        without_spectrum_sentence(prediction),
        following_sentence(prediction, kind),
        PREDICTION_CLAIM,
    ]
    for sentence in sentences:
        if sentence is not None:
            console.print(Padding(escape(sentence), (0, 1, 1, 1)))
    for failure in run.failed:
        console.print(f" Left out {foreign(failure.path)}: {foreign(failure.reason)}")
