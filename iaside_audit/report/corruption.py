"""A model's errors under corruptions as JSON, CSV and figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.report.files import csv_text
from iaside_audit.report.measurement_outputs import document_head
from iaside_audit.robustness.errors_by_corruption import MEANINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iaside_audit.robustness.errors_by_corruption import (
        ConditionResult,
        CorruptionErrors,
        Measure,
    )
    from iaside_audit.robustness.measured import Measured

COLUMNS: Final = (
    "corruption",
    "severity",
    "top1_error",
    "top1_error_low",
    "top1_error_high",
    "log_p",
    "log_p_low",
    "log_p_high",
)
"""Severity is empty in the lines of a corruption's mean; the clean images are called ``clean``."""
_PANELS_A_ROW: Final = 5
_PANEL_INCHES: Final = (1.75, 1.75)


def corruption_document(
    errors: CorruptionErrors, measured: Measured, *, is_partial: bool
) -> dict[str, Any]:  # Any: JSON
    """Return a measurement as JSON-ready values.

    Parameters
    ----------
    errors : CorruptionErrors
        The numbers.
    measured : Measured
        Their origin.
    is_partial : bool
        Whether the user cancelled before every image was measured.
    """
    return {
        **document_head(measured),
        "kind": "corruption",
        "is_partial": is_partial,
        "clean": None
        if errors.clean_error is None or errors.clean_log_p is None
        else {"top1_error": _named(errors.clean_error), "log_p": _named(errors.clean_log_p)},
        "conditions": [
            {
                "corruption": one.corruption,
                "severity": one.severity,
                "top1_error": _named(one.error),
                "log_p": _named(one.log_p),
            }
            for one in errors.conditions
        ],
        "corruptions": [
            {
                "corruption": one.corruption,
                "top1_error": _named(one.error),
                "log_p": _named(one.log_p),
                "alexnet_top1_error": one.alexnet_error,
            }
            for one in errors.corruptions
        ],
        "means": {
            name: {"meaning": MEANINGS[name], **_named(one)} for name, one in errors.means.items()
        },
        "note": errors.note,
    }


def corruption_csv(errors: CorruptionErrors) -> str:
    """Return the errors as CSV (RFC 4180): clean, corruptions, then conditions."""
    rows: list[tuple[object, ...]] = []
    if errors.clean_error is not None and errors.clean_log_p is not None:
        rows.append(("clean", "", *_cells(errors.clean_error), *_cells(errors.clean_log_p)))
    rows += [
        (one.corruption, "", *_cells(one.error), *_cells(one.log_p)) for one in errors.corruptions
    ]
    rows += [
        (one.corruption, one.severity, *_cells(one.error), *_cells(one.log_p))
        for one in errors.conditions
    ]
    return csv_text(COLUMNS, rows)


def corruption_figure(errors: CorruptionErrors) -> Figure:
    """Draw top-1 error over severity with its interval, a panel for each corruption."""
    from matplotlib.figure import Figure as NewFigure  # noqa: PLC0415 - start-up time

    from iaside_audit.report.figures import drawable, styled  # noqa: PLC0415

    n_columns = min(_PANELS_A_ROW, len(errors.corruptions))
    n_rows = math.ceil(len(errors.corruptions) / n_columns)
    width, height = _PANEL_INCHES
    with styled():
        figure = NewFigure(
            figsize=(max(4.2, width * n_columns), max(2.6, height * n_rows + 0.6)),
            layout="constrained",
        )
        panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for axes in panels.flat[len(errors.corruptions) :]:
            axes.set_visible(False)
        for axes, mean in zip(panels.flat, errors.corruptions, strict=False):
            rows = [one for one in errors.conditions if one.corruption == mean.corruption]
            _draw_panel(axes, rows, errors.clean_error)
            axes.set_title(drawable(mean.corruption.replace("_", " ")))
        for place, axes in enumerate(panels.flat):
            if place >= len(errors.corruptions) - n_columns:
                axes.set_xlabel("severity")
                axes.tick_params(labelbottom=True)
        for axes in panels[:, 0]:
            axes.set_ylabel("top-1 error")
        if errors.clean_error is not None:
            handles, labels = panels.flat[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower right", frameon=False, ncols=2)
        return figure


def corruption_description(errors: CorruptionErrors) -> str:
    """Say in words what :func:`corruption_figure` shows."""
    clean = "" if errors.clean_error is None else f" Clean: {errors.clean_error.value:.3f}."
    means = ", ".join(
        f"{one.corruption.replace('_', ' ')} {one.error.value:.3f}" for one in errors.corruptions
    )
    return f"Top-1 error over severity for each corruption.{clean} Means: {means}."


def _draw_panel(axes: Axes, rows: list[ConditionResult], clean: Measure | None) -> None:
    severities = [one.severity for one in rows]
    values = [one.error.value for one in rows]
    below = [one.error.value - one.error.interval[0] for one in rows]
    above = [one.error.interval[1] - one.error.value for one in rows]
    if clean is not None:
        axes.axhspan(*clean.interval, color="#D9D9D9", linewidth=0)
        axes.axhline(clean.value, color="#1A1A1A", linestyle="--", linewidth=0.9, label="clean")
    axes.errorbar(
        severities,
        values,
        yerr=[[max(one, 0) for one in below], [max(one, 0) for one in above]],
        color="#0072B2",
        marker="o",
        markersize=3.5,
        capsize=2,
        linewidth=1.2,
        label="corrupted",
    )
    axes.set_ylim(0, 1)
    axes.set_xlim(0.6, 5.4)
    axes.set_xticks(range(1, 6))
    axes.grid(axis="y", color="#E6E6E6")
    axes.set_axisbelow(True)


def _named(measure: Measure) -> dict[str, Any]:  # Any: JSON
    return {"value": measure.value, "interval": list(measure.interval)}


def _cells(measure: Measure) -> tuple[float, float, float]:
    return measure.value, *measure.interval
