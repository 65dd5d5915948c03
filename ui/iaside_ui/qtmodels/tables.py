"""The columns of the tables that the window shows."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence

from iaside_audit.preprocessing import Rounding
from iaside_audit.report import ImportanceRow, ScoreRow, format_percent
from iaside_ui.actions import ActionInfo, key_sequences, plain_text, translated
from iaside_ui.qtmodels.rows import Column, RowModel
from iaside_ui.state import Fact, QueuedRun, RunOutcome
from iaside_ui.state.inspection import ClassShare
from iaside_ui.state.planning import TrialRow

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtCore import QObject

RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
MIDDLE: Final = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter
ABOVE: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


def band_model(parent: QObject | None = None) -> RowModel[ImportanceRow]:
    """Return the table of the bands: Shapley value and importance, each with its interval."""
    return RowModel[ImportanceRow](
        (
            Column(heading=_tr("Band"), text=attrgetter("band"), tip=_band_tip, side=RIGHT),
            Column(
                heading=_tr("Frequency \N{GREEK SMALL LETTER RHO}"),
                text=attrgetter("edges"),
                side=MIDDLE,
                meaning=_tr("Edges of the band, as the radius and the spacing say."),
            ),
            Column(
                heading=_tr("Shapley value"),
                text=attrgetter("shapley"),
                side=RIGHT,
                meaning=_tr(
                    "The band's share of v(all) - v(empty), mean over the images, in the unit of "
                    "the value (nats for log-probability); below 0 where it hurts."
                ),
            ),
            Column(heading=_tr("Interval"), text=attrgetter("shapley_interval"), side=MIDDLE),
            Column(
                heading=_tr("Importance"),
                text=attrgetter("importance"),
                side=RIGHT,
                meaning=_tr("How far its Shapley value lies above the least one; all add up to 1."),
            ),
            Column(
                heading=_tr("Interval"),
                text=attrgetter("importance_interval"),
                tip=_band_tip,
                side=MIDDLE,
            ),
        ),
        parent,
    )


def score_model(parent: QObject | None = None) -> RowModel[ScoreRow]:
    """Return the table of the three scores, beside what random profiles score."""
    return RowModel[ScoreRow](
        (
            Column(
                heading=_tr("Score"),
                text=attrgetter("name"),
                meaning=_tr(
                    "Signed: above 0 where low bands dominate, below where high ones do. Paper: "
                    "the same without its sign. Anchored: 1 where all importance is in band 0, 0 "
                    "where it is even, at any number of bands."
                ),
            ),
            Column(heading=_tr("Value"), text=attrgetter("value"), side=RIGHT),
            Column(heading=_tr("Interval"), text=attrgetter("interval"), side=MIDDLE),
            Column(
                heading=_tr("90 % of random"),
                text=attrgetter("random"),
                side=MIDDLE,
                meaning=_tr("Where the scores of 90 % of random profiles lie."),
            ),
            Column(
                heading=_tr("Exceeds"),
                text=attrgetter("percentile"),
                side=RIGHT,
                meaning=_tr("The share of random profiles whose score is lower."),
            ),
        ),
        parent,
    )


def fact_model(parent: QObject | None = None) -> RowModel[Fact]:
    """Return the table of a result's origin."""
    return RowModel[Fact](
        (
            Column(heading=_tr("About"), text=attrgetter("group"), side=ABOVE),
            Column(heading=_tr("Fact"), text=attrgetter("name")),
            Column(heading=_tr("Value"), text=attrgetter("value")),
        ),
        parent,
    )


def shortcut_model(parent: QObject | None = None) -> RowModel[ActionInfo]:
    """Return the table of actions and their keys."""
    return RowModel[ActionInfo](
        (
            Column(heading=_tr("Action"), text=_action),
            Column(heading=_tr("Keys"), text=_keys),
            Column(heading=_tr("What it does"), text=_tip),
        ),
        parent,
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("tables", text)


def _band_tip(row: ImportanceRow) -> str:
    if row.at_boundary:
        return _tr("The lowest band, or not told from it: its importance may be 0 by construction.")
    return ""


def _action(info: ActionInfo) -> str:
    return plain_text(info.text)


def _keys(info: ActionInfo) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return ", ".join(key.toString(native) for key in key_sequences(info))


def _tip(info: ActionInfo) -> str:
    return translated(info.tip)


def share_model(parent: QObject | None = None) -> RowModel[ClassShare]:
    """Return the table of a model's answer: classes and their probabilities."""
    return RowModel[ClassShare](
        (
            Column(heading=_tr("Class"), text=_class_name, tip=_class_tip),
            Column(
                heading=_tr("Probability"), text=_share_text, side=RIGHT, value=attrgetter("share")
            ),
        ),
        parent,
    )


def _class_name(row: ClassShare) -> str:
    return f"\N{BLACK RIGHT-POINTING SMALL TRIANGLE} {row.name}" if row.is_label else row.name


def _class_tip(row: ClassShare) -> str:
    return _tr("{name} (the label)").format(name=row.name) if row.is_label else row.name


def _share_text(row: ClassShare) -> str:
    return format_percent(row.share, 1)


def trial_model(parent: QObject | None = None) -> RowModel[TrialRow]:
    """Return the table of the preprocessing assistant."""
    return RowModel[TrialRow](
        (
            Column(heading=_tr("Right"), text=_trial_right, tip=_trial_right_tip, side=RIGHT),
            Column(heading=_tr("Normalisation and size"), text=_trial_steps, tip=_trial_tip),
            Column(
                heading=_tr("The model gets"),
                text=_no_text,
                tip=attrgetter("values"),
                picture=attrgetter("pixels"),
            ),
            Column(heading=_tr("Values"), text=attrgetter("values"), side=MIDDLE),
        ),
        parent,
    )


def _no_text(_: TrialRow) -> str:
    return ""


def _trial_right(row: TrialRow) -> str:
    """Return the share of right answers; without labels, in brackets, how sure the model is."""
    trial = row.trial
    if trial.top1 is None:
        return f"({format_percent(trial.mean_confidence, 0)})"
    return format_percent(trial.top1, 0)


def _trial_right_tip(row: TrialRow) -> str:
    trial = row.trial
    if trial.top1 is None:
        return _tr("No labels: how sure the model is on average, over {n} images.").format(
            n=trial.n_images
        )
    return _tr("Right answers on {n} images.").format(n=trial.n_images)


def _trial_steps(row: TrialRow) -> str:
    """Return all that tells candidates apart, in two lines: a row is as high as its pictures."""
    name = row.trial.candidate.name
    return f"{row.mark}: {name}\n{_trial_size(row)}" if row.mark else f"{name}\n{_trial_size(row)}"


def _trial_size(row: TrialRow) -> str:
    """Return sizes after resizing and cropping, the filter, and how halves are rounded.

    A square that is cut out is one number, as on the command line.
    """
    preprocessing = row.trial.candidate.preprocessing
    resize, crop = preprocessing.resize, preprocessing.crop_size
    size = " x ".join(map(str, crop))
    if resize == 0:
        steps = [_tr("{size}, not resized").format(size=size)]
    else:
        before = str(resize) if isinstance(resize, int) else " x ".join(map(str, resize))
        cut = str(crop[0]) if crop[0] == crop[1] else size
        is_cropped = resize != crop
        steps = [f"{before} > {cut}" if is_cropped else size, preprocessing.interpolation.value]
    if preprocessing.rounding != Rounding.TORCHVISION:
        steps.append(_tr("rounded {how}").format(how=preprocessing.rounding.value))
    return ", ".join(steps)


def _trial_tip(row: TrialRow) -> str:
    return f"{_trial_steps(row)}\n{row.trial.candidate.preprocessing.source}"


def recent_model(parent: QObject | None = None) -> RowModel[Path]:
    """Return the list of files used last."""
    return RowModel(
        (
            Column(heading=_tr("Name"), text=attrgetter("name"), tip=str),
            Column(heading=_tr("Folder"), text=_folder, tip=str),
        ),
        parent,
    )


def _folder(path: Path) -> str:
    return str(path.parent)


def queue_model(parent: QObject | None = None) -> RowModel[QueuedRun]:
    """Return the list of audits that were asked for."""
    return RowModel[QueuedRun](
        (
            Column(heading=_tr("Run"), text=_run_number, side=RIGHT),
            Column(heading=_tr("Model"), text=attrgetter("model"), tip=attrgetter("model")),
            Column(heading=_tr("Images"), text=attrgetter("images"), tip=attrgetter("images")),
            Column(heading=_tr("State"), text=_run_outcome),
            Column(heading=_tr("What came of it"), text=attrgetter("note"), tip=attrgetter("note")),
        ),
        parent,
    )


def _run_number(row: QueuedRun) -> str:
    return str(row.number)


def _run_outcome(row: QueuedRun) -> str:
    match row.outcome:
        case RunOutcome.WAITING:
            return _tr("waiting")
        case RunOutcome.RUNNING:
            return _tr("running")
        case RunOutcome.FINISHED:
            return _tr("finished")
        case RunOutcome.CANCELLED:
            return _tr("cancelled")
        case RunOutcome.FAILED:
            return _tr("failed")
