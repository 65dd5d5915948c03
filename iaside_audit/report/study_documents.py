"""``study.json`` read back: what each model's audit predicts, what was measured, and the r of both.

The rest of the file, its answers and its held-out checks, is for the PDF and for other programs.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.errors import ReportError
from iaside_audit.paths import check_path
from iaside_audit.report.files import STUDY_NAME, refuse_newer
from iaside_audit.report.study_outputs import SCHEMA_VERSION
from iaside_audit.report.study_words import MEASURED_TITLES, predictor_title
from iaside_audit.statistics.association import Association

if TYPE_CHECKING:
    from collections.abc import Mapping

    Numbers = Mapping[str, float]

COEFFICIENTS: Final = ("pearson", "spearman", "given_clean_error")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudiedModel:
    """One model of a study; numbers that were not defined are NaN.

    Parameters
    ----------
    id, lineage : str
        As the study's file names them.
    predictors, measured : mapping of str to float
        By the names of their columns.
    """

    id: str
    lineage: str
    predictors: Numbers
    measured: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class StudiedPair:
    """How closely one predictor follows one measured figure over the models.

    Parameters
    ----------
    pearson, spearman : Association
        Correlations, of values and of ranks.
    given_clean_error : Association
        Partial correlation of Pearson.
    """

    pearson: Association
    spearman: Association
    given_clean_error: Association


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecord:
    """What a reader of a study may plot.

    Parameters
    ----------
    title, created : str
        As written.
    confidence : float
        Of every interval.
    models : tuple of StudiedModel
        At least one, in the study's order.
    predictor_titles, measured_titles : mapping of str to str
        What the columns are called, in their order.
    pairs : mapping of (str, str) to StudiedPair
        By the names of predictor and measured figure.
    default_predictor, default_measured : str
        What the words of the study are about.
    n_failed : int
        Models that were left out.
    """

    title: str
    created: str
    confidence: float
    models: tuple[StudiedModel, ...]
    predictor_titles: Mapping[str, str]
    measured_titles: Mapping[str, str]
    pairs: Mapping[tuple[str, str], StudiedPair]
    default_predictor: str
    default_measured: str
    n_failed: int


def load_study_record(path: Path | str) -> StudyRecord:
    """Read a study.

    Parameters
    ----------
    path : Path or str
        A ``study.json``, or the output folder that holds it.

    Raises
    ------
    ReportError
        If there is no such file, or it is damaged, no study or of a newer version.
    """
    path = Path(path)
    check_path(path, to="a study", kind=ReportError)
    path = path / STUDY_NAME if path.is_dir() else path
    try:
        document = json.loads(path.read_text("utf-8"))
        version = document["schema_version"]
        refuse_newer(version, newest=SCHEMA_VERSION, kind="a study", path=path)
        return _record(document)
    except OSError as error:
        raise ReportError(
            f"Expected a study in {str(path)!r}, found: {error.strerror or error}. "
            "Give the study.json of a study, or the folder that holds it.",
            path=str(path),
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ReportError(
            f"Expected a study in {str(path)!r}, found {type(error).__name__}: {error}. "
            "Give the study.json that `iaside-audit study` wrote, unchanged.",
            path=str(path),
            expected="a study",
            found=f"{type(error).__name__}: {error}",
        ) from error


def _record(document: dict[str, Any]) -> StudyRecord:  # Any: JSON
    models = tuple(
        StudiedModel(
            id=str(one["id"]),
            lineage=str(one["lineage"]),
            predictors=_numbers(one["predictors"]),
            measured=_numbers(one["measured"]),
        )
        for one in document["models"]
    )
    first = models[0]
    for one in models:
        for names, of_first in ((one.predictors, first.predictors), (one.measured, first.measured)):
            if list(names) != list(of_first):
                raise ValueError(f"the columns of {one.id!r} are others than those of {first.id!r}")
    return StudyRecord(
        title=str(document["title"]),
        created=str(document["created"]),
        confidence=float(document["spec"]["confidence"]),
        models=models,
        predictor_titles={name: _title_of_predictor(name) for name in first.predictors},
        measured_titles={name: MEASURED_TITLES.get(name, name) for name in first.measured},
        pairs={
            (str(one["predictor"]), str(one["measured"])): StudiedPair(
                **{name: _association(one[name]) for name in COEFFICIENTS}
            )
            for one in document["pairings"]
        },
        default_predictor=str(document["default_form"]),
        default_measured=next(iter(first.measured)),
        n_failed=len(document["failed"]),
    )


def _title_of_predictor(name: str) -> str:
    try:
        return predictor_title(name)
    except ValueError:  # a column of a later program
        return name


def _numbers(columns: dict[str, Any]) -> dict[str, float]:  # Any: JSON
    return {str(name): _number(value) for name, value in columns.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _association(document: dict[str, Any]) -> Association:  # Any: JSON
    low, high = document["interval"]
    return Association(value=_number(document["value"]), interval=(_number(low), _number(high)))
