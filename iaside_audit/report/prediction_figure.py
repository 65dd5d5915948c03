"""The figure of a prediction: losses by corruption, and the bands that carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure

from iaside_audit.paths import elided
from iaside_audit.report.figures import INK, MAP_COLOURS, drawable, styled, write_shares
from iaside_audit.report.measurement_figures import COLOURS, TITLE_CHARACTERS
from iaside_audit.report.prediction_words import shown_forms
from iaside_audit.report.summary import base_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from iaside_audit.robustness.errors_by_corruption import Measure
    from iaside_audit.robustness.predict_run import PredictionRun
    from iaside_audit.robustness.predicted_loss import PredictedLoss, Prediction

MARKERS: Final = ("o", "D")
MEASURED_COLOUR: Final = INK


def prediction_figure(run: PredictionRun) -> Figure:
    """Draw the predicted errors of every corruption, and the bands' shares of the log-loss.

    Both panels have a row for each corruption, the worst first, below one for the suite.
    """
    prediction = run.prediction
    *errors, log_loss = shown_forms(prediction)
    rows = _ordered(errors[0].losses)
    with styled():
        figure = Figure(figsize=(10.0, 1.7 + 0.27 * len(rows)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _draw_losses(left, prediction, rows)
        _draw_shares(right, [log_loss.of(one.scope) for one in rows])
        left.set_yticks(range(len(rows)), [drawable(one.scope.title) for one in rows])
        left.set_ylim(len(rows) - 0.5, -0.5)
        name = elided(drawable(base_name(run.audit.model.path)), TITLE_CHARACTERS)
        figure.suptitle(
            f"{name}: predicted from {prediction.n_images} audited images",
            x=0.01,
            horizontalalignment="left",
            parse_math=False,
        )
        return figure


def _ordered(losses: tuple[PredictedLoss, ...]) -> list[PredictedLoss]:
    """Return the suite, then the corruptions, the worst first."""
    suite, *others = (one for one in losses if one.scope.severity is None)
    return [suite, *sorted(others, key=lambda one: -one.loss.value)]


def _draw_losses(axes: Axes, prediction: Prediction, rows: list[PredictedLoss]) -> None:
    """Draw predicted and measured errors, with those that know no spectrum as vertical lines."""
    *errors, _ = shown_forms(prediction)
    measured = prediction.measured
    n_kinds = len(errors) + (measured is not None)
    offsets = np.linspace(-0.2, 0.2, n_kinds) if n_kinds > 1 else np.zeros(1)
    for form, offset, marker, colour in zip(errors, offsets, MARKERS, COLOURS, strict=False):
        found = [form.of(one.scope).loss for one in rows]
        _draw_points(axes, found, offset, marker, colour, f"predicted, {form.form.form}")
    if measured is not None:
        found = [measured.error[one.scope] for one in rows]
        _draw_points(axes, found, offsets[-1], "x", MEASURED_COLOUR, "measured")
    for name, losses, line in (
        ("clean", prediction.clean, "--"),
        ("midpoint", prediction.midpoint, ":"),
    ):
        axes.axvline(
            losses["accuracy"].value, color="#666666", linewidth=0.9, linestyle=line, label=name
        )
    axes.axhline(0.5, color="#BBBBBB", linewidth=0.6)
    axes.set_xlim(min(0.0, axes.get_xlim()[0]), max(1.0, axes.get_xlim()[1]))
    axes.set_xlabel("top-1 error")
    axes.set_title(f"Error, mean over severities ({errors[0].form.gain} gain)")
    axes.grid(axis="x", color="#E6E6E6")
    axes.set_axisbelow(True)
    axes.legend(
        frameon=False, fontsize=6.5, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12)
    )


def _draw_points(
    axes: Axes, found: list[Measure], offset: float, marker: str, colour: str, label: str
) -> None:
    values = np.array([one.value for one in found])
    ends = np.array([one.interval for one in found])
    axes.errorbar(
        values,
        np.arange(len(found)) + offset,
        xerr=np.maximum([values - ends[:, 0], ends[:, 1] - values], 0),
        color=colour,
        marker=marker,
        markersize=4,
        linestyle="",
        capsize=1.5,
        linewidth=0.9,
        label=label,
    )


def _draw_shares(axes: Axes, losses: list[PredictedLoss]) -> None:
    """Draw each band's share of the predicted log-loss in colour and in per cent."""
    shares = np.array([one.shares for one in losses])
    most = float(np.nanmax(shares, initial=0.1))
    axes.imshow(shares, cmap=MAP_COLOURS, aspect="auto", vmin=0, vmax=most, interpolation="nearest")
    write_shares(axes, shares, most=most)
    step = max(1, shares.shape[1] // 8)
    axes.set_xticks(range(0, shares.shape[1], step))
    axes.set_xlabel("band, from low to high frequency")
    axes.set_title("Where the predicted log-loss comes from (%)")
    axes.tick_params(left=False)
    axes.axhline(0.5, color="#BBBBBB", linewidth=0.6)
