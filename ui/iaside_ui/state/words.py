"""Sentences of the snapshots, in the user's language."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

CONTEXT: Final = "state"


def tr(text: str) -> str:
    """Return a text of this package in the user's language; no widget is needed for it."""
    return QCoreApplication.translate(CONTEXT, text)


def marked(text: str) -> str:
    """Mark a text for translation, which :func:`tr` does when it is shown."""
    return str(QT_TRANSLATE_NOOP(CONTEXT, text))
