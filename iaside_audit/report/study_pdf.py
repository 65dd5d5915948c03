"""A study as PDF: its verdict, its answers, tables and figures."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

import typst

from iaside_audit.report.pdf import STANDARDS, figure_fonts
from iaside_audit.report.study_figures import DESCRIPTIONS
from iaside_audit.report.study_words import (
    key_pairings,
    predictor_title,
    with_interval,
)
from iaside_audit.report.typesetting import legible
from iaside_audit.robustness.study.columns import (
    ADDED_ERROR,
    ATTACK_ERROR,
    CLEAN_ERROR,
    CORRUPTION_ERROR,
    LOG_LOSS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iaside_audit.robustness.study.analysis import StudyAnalysis


def study_pdf_bytes(
    document: Mapping[str, Any],  # Any: JSON
    analysis: StudyAnalysis,
    figures: Mapping[str, bytes],
) -> bytes:
    """Return the study as PDF.

    Parameters
    ----------
    document : mapping
        Of :func:`~iaside_audit.report.study_outputs.study_document`.
    analysis : StudyAnalysis
        Whose numbers the tables show.
    figures : mapping of str to bytes
        SVG by name: ``scatter``, ``profiles``, ``map`` and ``within``; ``attack`` if one was run.
    """
    moment = datetime.fromisoformat(document["created"]).astimezone(UTC)
    data = {
        "title": document["title"],
        "tool": f"{document['tool']['name']} {document['tool']['version']}",
        "date": moment.strftime("%Y-%m-%d %H:%M UTC"),
        "moment": [moment.year, moment.month, moment.day, moment.hour, moment.minute],
        "verdict": document["verdict"],
        "answers": [[one["question"], one["answer"]] for one in document["answers"]],
        "pairings": _pairing_rows(analysis),
        "models": _model_rows(document),
        "failed": [[one["model"], one["reason"]] for one in document["failed"]],
        "sentences": [[one["id"], "; ".join(one["sentences"])] for one in document["models"]],
        "protocol": _protocol(document),
        "alt": dict(DESCRIPTIONS),
    }
    compiler = typst.Compiler(
        files("iaside_audit.report").joinpath("study.typ").read_bytes(),
        font_paths=figure_fonts(),
        ignore_system_fonts=True,
        sys_inputs={
            "study": json.dumps(legible(data)),
            **{name: svg.decode() for name, svg in figures.items()},
        },
    )
    pdf = compiler.compile(format="pdf", pdf_standards=STANDARDS, timestamp=int(moment.timestamp()))
    return cast("bytes", pdf)


def _pairing_rows(analysis: StudyAnalysis) -> list[list[str]]:
    """Return the first predictors of a reader against corruption error."""
    rows = []
    for name in key_pairings(analysis):
        one = analysis.pairing(name)
        left = sorted(one.without_lineage.values())
        rows.append(
            [
                predictor_title(name),
                with_interval(one.pearson),
                with_interval(one.spearman),
                with_interval(one.given_clean_error),
                with_interval(one.beyond_clean_error),
                with_interval(one.beyond_midpoint),
                f"{left[0]:.2f} to {left[-1]:.2f}" if left else "-",
            ]
        )
    return rows


def _model_rows(document: Mapping[str, Any]) -> list[list[str]]:  # Any: JSON
    form = document["default_form"]
    rows = []
    for one in sorted(document["models"], key=lambda model: model["measured"][CORRUPTION_ERROR]):
        predictors, measured = one["predictors"], one["measured"]
        rows.append(
            [
                one["id"],
                f"{predictors[CLEAN_ERROR]:.3f}",
                f"{predictors[form]:.3f}",
                f"{predictors['signed']:.3f}",
                *(
                    f"{measured[name]:.3f}" if name in measured else "-"
                    for name in (CORRUPTION_ERROR, ADDED_ERROR, LOG_LOSS, ATTACK_ERROR)
                ),
            ]
        )
    return rows


def _protocol(document: Mapping[str, Any]) -> list[list[str]]:  # Any: JSON
    spec, corruptions, attack = document["spec"], document["corruptions"], document["attack"]
    n_images = [one["n_images"] for one in document["models"]]
    attacked = "none"
    if attack is not None:
        radii = ", ".join(f"{radius:.4g}" for radius in attack["radii"])
        images = attack["images"] or "all"
        attacked = (
            f"Square, {attack['norm']}, radius {radii}, {attack['queries']} queries, "
            f"{images} images"
        )
    return [
        ["Bands", f"{spec['bands']}, {spec['norm']}, {spec['spacing']}, frame {spec['frame']}"],
        ["Audit", f"baseline {spec['baseline']}, range {spec['range']}, {spec['estimator']}"],
        ["Images", f"{min(n_images)} to {max(n_images)} with audit and corruptions"],
        [
            "Corruptions",
            (
                f"{len(corruptions['names'])} at severities "
                f"{', '.join(str(one) for one in corruptions['severities'])}, after resize and crop"
            ),
        ],
        ["Attack", attacked],
        ["Intervals", "bootstrap over models, percentile; differences are paired over models"],
        ["Seed", str(spec["seed"])],
    ]
