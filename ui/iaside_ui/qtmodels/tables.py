"""The columns of the tables that the window shows."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence

from iaside_audit.report import ImportanceRow, ScoreRow
from iaside_ui.actions import ActionInfo, key_sequences, plain_text, translated
from iaside_ui.qtmodels.rows import Column, RowModel
from iaside_ui.state import Fact

if TYPE_CHECKING:
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
            ),
            Column(heading=_tr("Shapley value"), text=attrgetter("shapley"), side=RIGHT),
            Column(heading=_tr("Interval"), text=attrgetter("shapley_interval"), side=MIDDLE),
            Column(heading=_tr("Importance"), text=attrgetter("importance"), side=RIGHT),
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
            Column(heading=_tr("Score"), text=attrgetter("name")),
            Column(heading=_tr("Value"), text=attrgetter("value"), side=RIGHT),
            Column(heading=_tr("Interval"), text=attrgetter("interval"), side=MIDDLE),
            Column(heading=_tr("90 % of random"), text=attrgetter("random"), side=MIDDLE),
            Column(heading=_tr("Exceeds"), text=attrgetter("percentile"), side=RIGHT),
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
