"""The preprocessing file that the assistant writes: its choice, and how it was made."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from iaside_audit.classifier.preprocessing_sources import read_preprocessing, to_toml
from iaside_audit.errors import SpecError
from iaside_audit.report.files import write_bytes
from iaside_audit.report.summary import format_interval, format_number, format_percent

if TYPE_CHECKING:
    from pathlib import Path

    from iaside_audit.auditing.assistant.assist import Assistance


def chosen_toml(assistance: Assistance, model: str) -> str:
    """Return the text of a preprocessing file with the best candidate.

    Parameters
    ----------
    assistance : Assistance
        What the assistant found.
    model : str
        Name of the model file, for the comment.
    """
    best = assistance.best
    if best.top1 is None or best.top1_interval is None or best.mean_log_p is None:
        confidence = format_number(best.balanced_confidence)
        how = f"balanced confidence {confidence} on {best.n_images} images without labels (weak)"
    else:
        low, high = (100 * end for end in best.top1_interval)
        how = (
            f"top-1 {format_percent(best.top1, 1)} ({format_interval((low, high), 1)}), mean "
            f"log-probability {format_number(best.mean_log_p)} on {best.n_images} labelled images"
        )
    today = dt.datetime.now(dt.UTC).date().isoformat()
    lines = [
        f"Preprocessing of {model}: {best.candidate.name}.",
        f"Chosen on {today} among {len(assistance.trials)} candidates by `iaside-audit inspect`:",
        f"{how}.",
    ]
    comment = "".join(f"# {' '.join(line.splitlines())}\n" for line in lines)
    return comment + to_toml(best.candidate.preprocessing)


def write_chosen(assistance: Assistance, model: Path, path: Path | None = None) -> Path:
    """Write the preprocessing file of a model, and return its path.

    Parameters
    ----------
    assistance : Assistance
        What the assistant found.
    model : Path
        The model file.
    path : Path or None
        Where to; ``MODEL.toml`` beside the model, unless given. Only a path that was given is
        overwritten by another preprocessing.

    Raises
    ------
    SpecError
        If another preprocessing lies beside the model.
    ReportError
        If the file cannot be written.
    """
    target = path or model.with_suffix(".toml")
    if path is None and target.exists():
        if _says(target, assistance):
            return target
        raise SpecError(
            f"Expected no other preprocessing beside the model, found '{target}', which differs "
            f"from the best. Give --write {target} to overwrite it.",
            path=str(target),
        )
    again = f"run `iaside-audit inspect {model} ... --write {target}` again"
    write_bytes(target, chosen_toml(assistance, model.name).encode(), again=again)
    return target


def _says(target: Path, assistance: Assistance) -> bool:
    """Say whether a file holds the chosen preprocessing already."""
    chosen = assistance.best.candidate.preprocessing
    try:
        there = read_preprocessing(target)
    except SpecError:
        return False
    return replace(there, layout=chosen.layout, source=chosen.source) == chosen
