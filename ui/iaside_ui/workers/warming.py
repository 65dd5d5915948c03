"""Imports that the first page with a plot, or the first audit, would otherwise wait for."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt, QThreadPool, Signal, Slot

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULES: Final = (
    "numpy",
    "pyqtgraph",
    "iaside_audit.report.documents",
    "iaside_audit.statistics",
    "iaside_audit.auditing.demo",
    "iaside_audit.auditing.model",
    "iaside_audit.cli.options",
)
"""What pages and audits need, the soonest needed first."""


class Warming(QObject):
    """Imports modules one after the other in a thread; who needs one earlier waits for it alone.

    Parameters
    ----------
    modules : sequence of str
        What to import, in this order.
    parent : QObject or None
        Its owner.
    """

    ended = Signal()
    _imported = Signal()

    def __init__(self, modules: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._imported.connect(self.ended, Qt.ConnectionType.QueuedConnection)
        self._modules = tuple(modules)
        self._is_closed = threading.Event()
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    @Slot()
    def start(self) -> None:
        """Begin; returns at once."""
        self._pool.start(self._import)

    def close(self) -> None:
        """Begin no further import, and wait for the one under way."""
        self._is_closed.set()
        self._pool.waitForDone()

    def _import(self) -> None:
        """Run in the pool's thread."""
        for name in self._modules:
            if self._is_closed.is_set():
                return
            importlib.import_module(name)
        self._imported.emit()
