"""Sentences of the snapshots, in the user's language."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """Return a text of this package in the user's language; no widget is needed for it."""
    return QCoreApplication.translate("state", text)
