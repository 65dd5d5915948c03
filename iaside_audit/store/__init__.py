"""Value rows, kept.

============  ====================================================================================
module        what it holds
============  ====================================================================================
``memory``    :class:`MemoryRowStore`: the rows of one audit, as long as its process lives
``sqlite``    :class:`SqliteRowStore`: the same on disk, in ``values.sqlite``; survives anything
``schema``    its tables, their versions, and how a row becomes a record and back
``header``    :class:`StoreHeader`: what a store's rows depend on, and how two differ
``repair``    reading a store that may be damaged, and saving what is whole
``lock``      one writer a store
``cache``     :class:`RowCache`: rows by what decides them, across audits
============  ====================================================================================
"""

from iaside_audit.store.cache import CacheUse, RowCache, default_cache_path
from iaside_audit.store.header import StoreHeader, difference_list
from iaside_audit.store.memory import MemoryRowStore
from iaside_audit.store.sqlite import (
    STORE_NAME,
    SqliteRowStore,
    StoredAudit,
    Wanted,
    has_begun,
    read_header,
    read_store,
    set_aside,
    unwritable,
)

__all__ = [
    "STORE_NAME",
    "CacheUse",
    "MemoryRowStore",
    "RowCache",
    "SqliteRowStore",
    "StoreHeader",
    "StoredAudit",
    "Wanted",
    "default_cache_path",
    "difference_list",
    "has_begun",
    "read_header",
    "read_store",
    "set_aside",
    "unwritable",
]
