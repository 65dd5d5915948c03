"""How far something is, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from iaside_audit.report import rough_duration
from iaside_ui.state.stages import stage_title

if TYPE_CHECKING:
    from iaside_ui.state import RunState


def _tr(text: str) -> str:
    return QCoreApplication.translate("progress", text)


def progress_sentence(run: RunState) -> str:
    """Say how far it is, how fast, and how long it will take."""
    if run.is_cancelling:
        return _tr("Stopping...")
    if run.stage is not None:
        parts = [stage_title(run.stage)]
        if run.n_total:
            parts.append(_tr("{n} of {total}").format(n=run.n_done, total=run.n_total))
    else:
        parts = [_tr("{n} of {total} images").format(n=run.n_done, total=run.n_total)]
        if run.evaluations_per_s:
            rate = _tr("{rate} evaluations a second")
            parts.append(rate.format(rate=f"{run.evaluations_per_s:.0f}"))
        if run.remaining_s:
            left = _tr("about {time} left")
            parts.append(left.format(time=rough_duration(run.remaining_s)))
    if run.is_paused:
        parts.insert(0, _tr("Paused"))
    return ", ".join(parts)
