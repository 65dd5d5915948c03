"""The SNR of corruptions as JSON, CSV and figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iaside_audit._version import __version__
from iaside_audit.paths import elided
from iaside_audit.report.files import csv_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iaside_audit.robustness.snr import Curve, SnrResult
    from iaside_audit.robustness.snr_run import SnrRun

SCHEMA_VERSION: Final = 1
COLUMNS: Final = (
    "corruption",
    "severity",
    "bin",
    "index",
    "low",
    "high",
    "snr_db",
    "snr_low",
    "snr_high",
    "n_capped",
)
"""`bin` is ``band``, of which `low` and `high` are edges in rho, or ``ring``, of which both are the
mean rho."""
_COLOURS: Final = ("#56B4E9", "#0072B2", "#009E73", "#E69F00", "#D55E00")
_LINES: Final = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_PANELS_A_ROW: Final = 5
_PANEL_INCHES: Final = 2.3
_TITLE_CHARACTERS: Final = 26


def snr_document(run: SnrRun) -> dict[str, Any]:  # Any: JSON
    """Return a measurement as JSON-ready values; numbers that are not finite are null."""
    spec = run.spec
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "snr",
        "tool": {"name": "iaside-audit", "version": __version__},
        "created": run.created,
        "spec": {
            "images": str(spec.images),
            "corrupted": [str(folder) for folder in spec.corrupted],
            "corruptions": list(dict.fromkeys(name for name, _ in spec.conditions)),
            "severities": sorted({severity for _, severity in spec.conditions}),
            "size": spec.size,
            "bands": spec.bands,
            "norm": str(spec.norm),
            "spacing": str(spec.spacing) if isinstance(spec.spacing, str) else list(spec.spacing),
            "max_images": spec.max_images,
            "seed": spec.seed,
            "confidence": spec.confidence,
        },
        "size_px": list(run.size),
        "parameters": run.suite,
        "data": {
            "n_images": run.results[0].n_images,
            "manifest_sha256": run.manifest_sha256,
            "failed": [{"path": one.path, "reason": one.reason} for one in run.failed],
        },
        "conditions": [_condition(one) for one in run.results],
    }


def snr_csv(run: SnrRun) -> str:
    """Return a measurement as CSV (RFC 4180): a line for each condition and bin."""
    rows = []
    for one in run.results:
        key = (one.name, "" if one.severity is None else one.severity)
        ends = list(zip(one.edges, one.edges[1:], strict=False))
        radii = [(float(rho), float(rho)) for rho in one.radii]
        for kind, curve, places in (("band", one.bands, ends), ("ring", one.rings, radii)):
            rows += [
                (*key, kind, index, *place, *_numbers(curve, index))
                for index, place in enumerate(places)
            ]
    return csv_text(COLUMNS, rows)


def snr_figure(run: SnrRun) -> Figure:
    """Draw the fine curves on logarithmic frequency, a panel for each corruption.

    A power law is a straight line there; it is drawn, dotted in black, where it fits.
    """
    from matplotlib.figure import Figure as NewFigure  # noqa: PLC0415 - start-up time

    from iaside_audit.report.figures import drawable, styled  # noqa: PLC0415
    from iaside_audit.report.summary import base_name  # noqa: PLC0415

    names = list(dict.fromkeys(one.name for one in run.results))
    n_columns = min(_PANELS_A_ROW, len(names))
    n_rows = math.ceil(len(names) / n_columns)
    with styled():
        size = (max(4.2, _PANEL_INCHES * n_columns), max(2.8, _PANEL_INCHES * n_rows) + 0.5)
        figure = NewFigure(figsize=size, layout="constrained")
        panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for axes in panels.flat[len(names) :]:
            axes.set_visible(False)
        for axes, name in zip(panels.flat, names, strict=False):
            results = [one for one in run.results if one.name == name]
            _draw_curves(axes, results)
            is_folder = results[0].severity is None
            title = base_name(name) if is_folder else name.replace("_", " ")
            axes.set_title(drawable(elided(title, _TITLE_CHARACTERS)), parse_math=False)
        severities = {one.severity for one in run.results} - {None}
        if severities:
            figure.legend(
                *panels.flat[0].get_legend_handles_labels(),
                loc="outside lower center",
                ncols=len(severities) + 1,
                frameon=False,
            )
        for place, axes in enumerate(panels.flat):
            if place >= len(names) - n_columns:
                axes.set_xlabel(f"rho ({run.spec.norm})")
                axes.tick_params(labelbottom=True)
        for axes in panels[:, 0]:
            axes.set_ylabel("SNR (dB)")
        return figure


def snr_description(run: SnrRun) -> str:
    """Say in words what :func:`snr_figure` shows."""
    return "Spectral SNR over frequency. " + " ".join(
        f"{one.title}: {one.bands.decibels[0]:.1f} dB in the lowest band, "
        f"{one.bands.decibels[-1]:.1f} dB in the highest ({one.verdict})."
        for one in run.results
    )


def _draw_curves(axes: Axes, results: Sequence[SnrResult]) -> None:
    for place, one in enumerate(results):
        level = place if one.severity is None else one.severity - 1
        colour = _COLOURS[level % len(_COLOURS)]
        rho = one.radii[1:]
        axes.fill_between(
            rho, one.rings.low[1:], one.rings.high[1:], color=colour, alpha=0.2, linewidth=0
        )
        axes.plot(
            rho,
            one.rings.decibels[1:],
            color=colour,
            linestyle=_LINES[level % len(_LINES)],
            linewidth=1.3,
            label=None if one.severity is None else f"severity {one.severity}",
        )
        if one.law.fits:
            line = one.law.level_db - 10 * one.law.exponent * np.log10(rho)
            axes.plot(rho, line, color="#1A1A1A", linestyle=":", linewidth=0.8)
    axes.axhline(0, color="#666666", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(float(results[0].radii[1]), 1)
    axes.grid(color="#E6E6E6")
    axes.set_axisbelow(True)


def _condition(one: SnrResult) -> dict[str, Any]:  # Any: JSON
    return {
        "corruption": one.name,
        "severity": one.severity,
        "n_images": one.n_images,
        "mean_absolute_difference": one.difference,
        "bands": [
            {"index": index, "low": low, "high": high, **_named(one.bands, index)}
            for index, (low, high) in enumerate(zip(one.edges, one.edges[1:], strict=False))
        ],
        "rings": [
            {"rho": float(rho), **_named(one.rings, index)} for index, rho in enumerate(one.radii)
        ],
        "power_law": {
            "exponent": one.law.exponent,
            "exponent_interval": list(one.exponent_interval),
            "level_db": one.law.level_db,
            "r_squared": one.law.r_squared if math.isfinite(one.law.r_squared) else None,
            "residual_db": one.law.residual_db,
            "misfits": [list(ends) for ends in one.law.misfits],
            "fits": one.law.fits,
            "verdict": one.verdict,
        },
    }


def _named(curve: Curve, index: int) -> dict[str, Any]:  # Any: JSON
    decibels, low, high, n_capped = _numbers(curve, index)
    return {"snr_db": decibels, "interval": [low, high], "n_capped": n_capped}


def _numbers(curve: Curve, index: int) -> tuple[float, float, float, int]:
    return (
        float(curve.decibels[index]),
        float(curve.low[index]),
        float(curve.high[index]),
        int(curve.n_capped[index]),
    )
