"""Qt's item models over plain rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from iaside_ui.actions import ACTIONS
from iaside_ui.qtmodels import (
    ROW_ROLE,
    LogModel,
    RowModel,
    band_model,
    fact_model,
    score_model,
    shortcut_model,
)
from iaside_ui.qtmodels.checks import check_model
from iaside_ui.state import Note, NoteKind, provenance
from PySide6.QtCore import QModelIndex, Qt
from sample_results import sample_result

from iaside_audit.auditing.verification.verdicts import Verdict, VerificationCheck
from iaside_audit.report import importance_rows, score_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

RESULT = sample_result(6)
TABLES: dict[str, tuple[Callable[[], RowModel[Any]], tuple[Any, ...]]] = {  # Any: rows of any kind
    "bands": (band_model, importance_rows(RESULT)),
    "scores": (score_model, score_rows(RESULT)),
    "facts": (fact_model, provenance(RESULT)),
    "checks": (
        check_model,
        tuple(VerificationCheck(name="a", verdict=one, found="b") for one in Verdict),
    ),
    "shortcuts": (shortcut_model, tuple(ACTIONS.values())),
}


@pytest.mark.parametrize("name", TABLES)
def test_table_is_a_correct_model(name: str, qtmodeltester: ModelTester) -> None:
    """Every table keeps the rules of Qt's models, before, while and after rows are replaced."""
    make, rows = TABLES[name]
    model = make()
    qtmodeltester.check(model)
    model.show_rows(rows)
    model.show_rows(rows[:1])
    model.show_rows(rows)
    assert model.rowCount() == len(rows)


@pytest.mark.parametrize("name", TABLES)
def test_table_shows_every_cell(name: str, qtbot: QtBot) -> None:  # noqa: ARG001 - needs Qt
    """Every cell has a text, every column a heading, and every row is to be had itself."""
    make, rows = TABLES[name]
    model = make()
    model.show_rows(rows)
    for i, row in enumerate(rows):
        assert model.data(model.index(i, 0), ROW_ROLE) is row
        for j in range(model.columnCount()):
            assert isinstance(model.data(model.index(i, j)), str)
            assert model.headerData(j, Qt.Orientation.Horizontal)
    assert model.data(QModelIndex()) is None


def test_headings_say_what_they_mean(qtbot: QtBot) -> None:  # noqa: ARG001 - needs Qt
    """A number that its heading does not explain is explained where the mouse rests on it."""
    model = score_model()
    tips = [
        model.headerData(place, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        for place, heading in enumerate(model.headings)
        if heading in {"Score", "90 % of random", "Exceeds"}
    ]
    assert len(tips) == 3
    assert all(tips)


def test_log_is_a_correct_model(qtmodeltester: ModelTester) -> None:
    """The log keeps the rules of Qt's models while it grows and starts anew."""
    model = LogModel()
    qtmodeltester.check(model)
    notes = [Note(kind=kind, text=f"about {kind.name}") for kind in NoteKind]
    for n_notes in (1, 3, 3, 2, 0):
        model.show_notes(notes[:n_notes])
        assert model.rowCount() == n_notes


def test_log_grows_without_a_reset(qtbot: QtBot) -> None:
    """New notes are inserted, so that a view keeps its place."""
    model = LogModel()
    first, second = (Note(kind=NoteKind.WARNING, text=text) for text in "ab")
    model.show_notes([first])
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.rowsInserted) as heard:
        model.show_notes([first, second])
    assert heard.args is not None
    assert heard.args[1:] == [1, 1]
    assert str(model.data(model.index(1))).startswith("Warning: ")
