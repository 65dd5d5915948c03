"""Value rows, kept.

:class:`~iaside_audit.store.memory.MemoryRowStore` keeps the rows of one audit in memory.
"""

from iaside_audit.store.memory import MemoryRowStore

__all__ = ["MemoryRowStore"]
