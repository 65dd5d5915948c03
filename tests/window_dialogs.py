"""Answers to the window's dialogs, given at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from iaside_ui.app import Program
    from iaside_ui.views import Answer, FileKind, Question


def choose(program: Program, monkeypatch: pytest.MonkeyPatch, path: Path | None) -> list[FileKind]:
    """Let every file dialog answer `path`; return what is asked for."""
    asked: list[FileKind] = []

    def answer(kind: FileKind, _name: str = "") -> Path | None:
        asked.append(kind)
        return path

    monkeypatch.setattr(program.window, "choose_path", answer)
    return asked


def answer_with(
    program: Program, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> list[Question]:
    """Answer every question with `answer`; return the questions."""
    asked: list[Question] = []

    def ask(question: Question, on_answer: Callable[[Answer], None]) -> None:
        asked.append(question)
        QTimer.singleShot(0, lambda: on_answer(answer))

    monkeypatch.setattr(program.window, "ask", ask)
    return asked
