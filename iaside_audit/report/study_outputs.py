"""The output folder of a study: ``study.json``, two CSV files, figures and a PDF."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from iaside_audit._version import __version__
from iaside_audit.comparison import finite
from iaside_audit.report.files import (
    STUDY_NAME,
    csv_text,
    json_text,
    make_folder,
    write_bytes,
    write_text,
)
from iaside_audit.report.study_words import answers, verdict
from iaside_audit.robustness.requests import request_to_wire

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from iaside_audit.robustness.study.analysis import StudyAnalysis
    from iaside_audit.robustness.study.collect import ModelFailed
    from iaside_audit.robustness.study.columns import ModelTable
    from iaside_audit.robustness.study.spec import StudySpec

SCHEMA_VERSION: Final = 1
ASSOCIATIONS: Final = (
    "pearson",
    "spearman",
    "given_clean_error",
    "beyond_clean_error",
    "beyond_midpoint",
)


def study_document(
    spec: StudySpec,
    analysis: StudyAnalysis,
    tables: Sequence[ModelTable],
    failed: Sequence[ModelFailed],
) -> dict[str, Any]:  # Any: JSON
    """Return a study as JSON-ready values; numbers that are not finite are None.

    Parameters
    ----------
    spec : StudySpec
        What was asked.
    analysis : StudyAnalysis
        What came out.
    tables : sequence of ModelTable
        The models that have every part.
    failed : sequence of ModelFailed
        The models that do not, and why.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": "study",
        "tool": {"name": "iaside-audit", "version": __version__},
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "title": spec.title,
        "axis": spec.axis,
        "spec": spec.models[0].audit.to_dict(),
        "corruptions": {**request_to_wire(spec.corruptions), "images": spec.corruption_images},
        "attack": None
        if spec.attack is None
        else {**request_to_wire(spec.attack), "images": spec.attack_images},
        "verdict": verdict(analysis),
        "answers": [
            {"question": question, "answer": answer} for question, answer in answers(analysis)
        ],
        "default_form": analysis.default_form,
        "models": [
            {
                "id": one.id,
                "lineage": one.lineage,
                "position": one.position,
                "n_images": len(one),
                "predictors": analysis.predictors[one.id],
                "measured": analysis.measured[one.id],
                "importance": analysis.profiles[one.id],
                "place": analysis.places[one.id],
                "sentences": one.sentences(),
            }
            for one in tables
        ],
        "failed": [asdict(one) for one in failed],
        "pairings": [asdict(one) for one in analysis.pairings],
        "within_models": [asdict(one) for one in analysis.within],
        "across_conditions": [asdict(one) for one in analysis.across],
        "held_out": None if analysis.held_out is None else asdict(analysis.held_out),
        "place_shares": analysis.place_shares,
    }
    plain: dict[str, Any] = finite(document)  # Any: JSON
    return plain


def models_csv(analysis: StudyAnalysis, tables: Sequence[ModelTable]) -> str:
    """Return every predictor and measured figure, a line a model."""
    first = tables[0].id
    predictors, measured = list(analysis.predictors[first]), list(analysis.measured[first])
    return csv_text(
        ["id", "lineage", "position", "n_images", *predictors, *measured],
        (
            [
                one.id,
                one.lineage,
                "" if one.position is None else one.position,
                len(one),
                *(analysis.predictors[one.id][name] for name in predictors),
                *(analysis.measured[one.id][name] for name in measured),
            ]
            for one in tables
        ),
    )


def pairings_csv(analysis: StudyAnalysis) -> str:
    """Return every correlation with its interval, a line a pair of columns."""
    rows = []
    for one in analysis.pairings:
        numbers = [getattr(one, name) for name in ASSOCIATIONS]
        left = [value for value in one.without_lineage.values() if math.isfinite(value)]
        ends = (min(left), max(left)) if left else (math.nan, math.nan)
        rows.append(
            [
                one.predictor,
                one.measured,
                *(part for number in numbers for part in (number.value, *number.interval)),
                *ends,
            ]
        )
    return csv_text(
        [
            "predictor",
            "measured",
            *(f"{name}{part}" for name in ASSOCIATIONS for part in ("", "_low", "_high")),
            "least_without_a_lineage",
            "most_without_a_lineage",
        ],
        rows,
    )


def write_study(
    spec: StudySpec,
    analysis: StudyAnalysis,
    tables: Sequence[ModelTable],
    failed: Sequence[ModelFailed],
    out: Path,
) -> tuple[Path, ...]:
    """Write everything of a study.

    Returns
    -------
    tuple of Path
        The files written; ``study.json`` first.

    Raises
    ------
    ReportError
        If a file cannot be written.
    """
    from iaside_audit.report import study_figures  # noqa: PLC0415 - start-up time
    from iaside_audit.report.figures import svg_bytes  # noqa: PLC0415
    from iaside_audit.report.study_pdf import study_pdf_bytes  # noqa: PLC0415

    folder = make_folder(out / "figures")
    document = study_document(spec, analysis, tables, failed)
    drawn = {
        "scatter": study_figures.scatter_figure(analysis, tables),
        "attack": study_figures.attack_figure(analysis, tables),
        "profiles": study_figures.profiles_figure(analysis, tables, axis=spec.axis),
        "map": study_figures.map_figure(analysis, tables),
        "within": study_figures.within_figure(analysis, tables),
    }
    figures = {
        name: svg_bytes(figure, study_figures.DESCRIPTIONS[name])
        for name, figure in drawn.items()
        if figure is not None
    }
    texts = {
        STUDY_NAME: json_text(document),
        "models.csv": models_csv(analysis, tables),
        "pairings.csv": pairings_csv(analysis),
    }
    written = []
    for name, text in texts.items():
        write_text(out / name, text)
        written.append(out / name)
    for name, data in figures.items():
        write_bytes(folder / f"{name}.svg", data)
        written.append(folder / f"{name}.svg")
    write_bytes(out / "study.pdf", study_pdf_bytes(document, analysis, figures))
    return (*written, out / "study.pdf")
