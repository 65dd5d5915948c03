"""Figures of a study: what was predicted against what was measured, profiles, and their map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure

from iaside_audit.paths import elided
from iaside_audit.report.figures import INK, MAP_COLOURS, drawable, styled, write_shares
from iaside_audit.report.study_words import (
    MEASURED_TITLES,
    best_within,
    predictor_title,
    with_interval,
)
from iaside_audit.robustness.study.columns import (
    ADDED_ERROR,
    ATTACK_ERROR,
    CLEAN_ERROR,
    CORRUPTION_ERROR,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from iaside_audit.robustness.study.analysis import StudyAnalysis
    from iaside_audit.robustness.study.columns import ModelTable

MARKERS: Final = "osD^vP*Xdph<>"
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
"""Okabe and Ito's; together with the markers, more lineages than a figure can hold."""
MAX_LABELS: Final = 24
MAX_AXIS_CHARACTERS: Final = 36
"""Of the axis in a title: more of them do not fit the figure's width."""

DESCRIPTIONS: Final = {
    "scatter": "Three scatter plots over the models: the joint prediction against the error under "
    "corruption, clean error against the same, and the signed score against the error that "
    "corruption adds. The correlations stand above them and in the tables.",
    "attack": "Three scatter plots over the models: the joint prediction, clean error and the "
    "signed score, each against the error under the Square attack.",
    "profiles": "A table of colours and numbers: the spectral importance of every band of every "
    "model, in per cent.",
    "map": "The models laid out on the two main axes of their spectral profiles, coloured by their "
    "error under corruption.",
    "within": "Left, predicted against measured over the conditions of the median model; right, "
    "the correlation across conditions of every model.",
}
"""What each figure shows, in words."""


def scatter_figure(analysis: StudyAnalysis, tables: Sequence[ModelTable]) -> Figure:
    """Draw prediction and clean error against corruption error, and score against added error."""
    return _scatters(
        analysis,
        tables,
        (
            (analysis.default_form, CORRUPTION_ERROR),
            (CLEAN_ERROR, CORRUPTION_ERROR),
            ("signed", ADDED_ERROR),
        ),
    )


def attack_figure(analysis: StudyAnalysis, tables: Sequence[ModelTable]) -> Figure | None:
    """Draw prediction, clean error and score against the error under attack, if one was run."""
    if any(ATTACK_ERROR not in one for one in analysis.measured.values()):
        return None
    predictors = (analysis.default_form, CLEAN_ERROR, "signed")
    return _scatters(analysis, tables, [(one, ATTACK_ERROR) for one in predictors])


def _scatters(
    analysis: StudyAnalysis, tables: Sequence[ModelTable], panels: Sequence[tuple[str, str]]
) -> Figure:
    """Draw three predictors against measured figures."""
    with styled():
        figure = Figure(figsize=(11.5, 4.2), layout="constrained")
        for axes, (predictor, measured) in zip(figure.subplots(1, 3), panels, strict=True):
            _scatter(axes, analysis, tables, predictor, measured)
        return figure


def _scatter(
    axes: Axes,
    analysis: StudyAnalysis,
    tables: Sequence[ModelTable],
    predictor: str,
    measured: str,
) -> None:
    x = [analysis.predictors[one.id][predictor] for one in tables]
    y = [analysis.measured[one.id][measured] for one in tables]
    for place, (table, style) in enumerate(zip(tables, _styles(tables), strict=True)):
        marker, colour = style
        axes.plot(x[place], y[place], marker=marker, color=colour, markersize=6, linestyle="")
        if len(tables) <= MAX_LABELS:
            axes.annotate(
                drawable(table.id),
                (x[place], y[place]),
                xytext=(4, 3),
                textcoords="offset points",
                fontsize=5.5,
                color=INK,
            )
    axes.margins(x=0.18, y=0.08)
    axes.set_xlabel(predictor_title(predictor))
    axes.set_ylabel(MEASURED_TITLES[measured])
    axes.set_title(f"r = {with_interval(analysis.pairing(predictor, measured).pearson)}")


def _styles(tables: Sequence[ModelTable]) -> list[tuple[str, str]]:
    """Return marker and colour of each model, the same within a lineage."""
    lineages = list(dict.fromkeys(one.lineage for one in tables))
    if len(lineages) == len(tables):
        return [("o", COLOURS[0])] * len(tables)
    looks = {
        lineage: (MARKERS[i % len(MARKERS)], COLOURS[i % len(COLOURS)])
        for i, lineage in enumerate(lineages)
    }
    return [looks[one.lineage] for one in tables]


def profiles_figure(analysis: StudyAnalysis, tables: Sequence[ModelTable], *, axis: str) -> Figure:
    """Draw the importance of every band of every model, along the study's axis if it has one."""
    ordered, by = _ordered(analysis, tables, axis)
    profiles = np.array([analysis.profiles[one.id] for one in ordered])
    with styled():
        figure = Figure(figsize=(7.6, 0.8 + 0.26 * len(ordered)), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(profiles, cmap=MAP_COLOURS, aspect="auto", vmin=0)
        write_shares(axes, profiles, most=float(profiles.max()))
        axes.set_xticks(range(profiles.shape[1]))
        axes.set_yticks(range(len(ordered)), [_label(one) for one in ordered])
        axes.set_xlabel("band, from low to high frequency")
        axes.set_title(f"Spectral importance in per cent, models by {by}", parse_math=False)
        figure.colorbar(image, ax=axes, label="importance", shrink=0.8)
        return figure


def _ordered(
    analysis: StudyAnalysis, tables: Sequence[ModelTable], axis: str
) -> tuple[list[ModelTable], str]:
    """Return the models along the axis if every one has a place on it, and what orders them."""
    positions = {one.id: one.position for one in tables if one.position is not None}
    if len(positions) == len(tables):
        name = elided(drawable(axis), MAX_AXIS_CHARACTERS) or "position"
        return sorted(tables, key=lambda one: positions[one.id]), name
    by_score = sorted(tables, key=lambda one: -analysis.predictors[one.id]["signed"])
    return by_score, "the signed score"


def _label(table: ModelTable) -> str:
    position = "" if table.position is None else f" ({table.position:g})"
    return f"{drawable(table.id)}{position}"


def map_figure(
    analysis: StudyAnalysis, tables: Sequence[ModelTable], measured: str = CORRUPTION_ERROR
) -> Figure:
    """Lay the profiles out on their two main axes, coloured by a measured figure."""
    with styled():
        figure = Figure(figsize=(7.0, 4.6), layout="constrained")
        axes = figure.subplots()
        places = np.array([analysis.places[one.id] for one in tables])
        values = [analysis.measured[one.id][measured] for one in tables]
        dots = axes.scatter(
            places[:, 0],
            places[:, 1],
            c=values,
            cmap=MAP_COLOURS,
            s=55,
            edgecolor=INK,
            linewidth=0.5,
        )
        for table, place in zip(tables, places, strict=True):
            axes.annotate(
                drawable(table.id), place, xytext=(5, 4), textcoords="offset points", fontsize=6.5
            )
        axes.margins(x=0.2, y=0.1)
        first, second = (f"{100 * share:.0f} %" for share in analysis.place_shares)
        axes.set_xlabel(f"first main axis of the profiles ({first} of their variance)")
        axes.set_ylabel(f"second main axis ({second})")
        axes.set_title("Map of the spectral profiles")
        figure.colorbar(dots, ax=axes, label=MEASURED_TITLES[measured])
        return figure


def within_figure(analysis: StudyAnalysis, tables: Sequence[ModelTable]) -> Figure:
    """Draw predicted against measured across the conditions: one model, and every model's r."""
    within = best_within(analysis)
    form = next(one for one in tables[0].forms() if one.name == within.form)
    ordered = sorted(tables, key=lambda one: within.by_model[one.id])
    shown = ordered[len(ordered) // 2]
    with styled():
        figure = Figure(figsize=(10.0, max(3.6, 0.2 * len(tables) + 1.2)), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        _conditions(left, shown, shown.predicted[form].mean(axis=0), within.by_model)
        left.set_xlabel(form.words)
        values = [within.by_model[one.id] for one in ordered]
        right.plot(values, range(len(ordered)), "o", color=COLOURS[1])
        right.set_yticks(range(len(ordered)), [drawable(one.id) for one in ordered])
        right.set_xlim(min(0.0, *values) - 0.05, 1.02)
        right.axvline(0, color="#666666", linewidth=0.8)
        right.grid(axis="x", color="#E6E6E6")
        right.set_xlabel("r across the conditions of a model")
        right.set_title(f"Every model: mean r = {with_interval(within.error)}")
        return figure


def _conditions(
    axes: Axes, table: ModelTable, predicted: Sequence[float], by_model: Mapping[str, float]
) -> None:
    measured = table.wrong.mean(axis=0)
    names = list(dict.fromkeys(name for name, _ in table.conditions))
    for place, name in enumerate(names):
        at = [i for i, (one, _) in enumerate(table.conditions) if one == name]
        axes.plot(
            np.asarray(predicted)[at],
            measured[at],
            marker=MARKERS[place % len(MARKERS)],
            color=COLOURS[place % len(COLOURS)],
            markersize=3.6,
            linewidth=0.7,
            label=name.replace("_", " "),
        )
    axes.set_ylabel("measured error")
    axes.set_title(f"{drawable(table.id)}, the median model: r = {by_model[table.id]:.2f}")
    if len(names) > 1:
        axes.legend(
            frameon=False, fontsize=6.5, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.13)
        )
