"""The checks of a result, a row each."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication

from iaside_audit.auditing.verification.verdicts import Verdict, VerificationCheck
from iaside_ui.icons import icon
from iaside_ui.qtmodels.rows import Column, RowModel

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtGui import QIcon

VERDICT_ICONS: Final = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "error",
    Verdict.NOT_CHECKED: "skipped",
}


def check_model(parent: QObject | None = None) -> RowModel[VerificationCheck]:
    """Return the table of checks: how each ended, by sign and word, and what was found."""
    return RowModel[VerificationCheck](
        (
            Column(heading=_tr("Verdict"), text=_verdict, icon=_sign),
            Column(heading=_tr("Check"), text=attrgetter("name")),
            Column(heading=_tr("Found"), text=attrgetter("found")),
        ),
        parent,
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("checks", text)


def _verdict(check: VerificationCheck) -> str:
    match check.verdict:
        case Verdict.PASSED:
            return _tr("passed")
        case Verdict.FAILED:
            return _tr("FAILED")
        case Verdict.NOT_CHECKED:
            return _tr("not checked")


def _sign(check: VerificationCheck) -> QIcon:
    return icon(VERDICT_ICONS[check.verdict])
