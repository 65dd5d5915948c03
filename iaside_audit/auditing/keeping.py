"""Where an audit keeps its rows: on disk or in memory, and in the cache for later audits."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from iaside_audit.auditing.outcome.record import cache_facts, store_header, wanted_images
from iaside_audit.auditing.recall import CachedRows
from iaside_audit.events import Warned
from iaside_audit.store import (
    STORE_NAME,
    MemoryRowStore,
    SqliteRowStore,
    StoreHeader,
    has_begun,
    read_header,
    set_aside,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.outcome.conclude import AuditContext
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.events import Event
    from iaside_audit.spec import AuditSpec

AuditStore: TypeAlias = MemoryRowStore | SqliteRowStore


class Keeping:
    """The files that hold the rows of one audit.

    Parameters
    ----------
    spec : AuditSpec
        What is asked.
    emit : callable
        Takes the events.
    out : Path or None
        Folder whose ``values.sqlite`` keeps the rows; they are kept in memory only for None.
    cache : Path or None
        File of the rows of earlier audits.

    Attributes
    ----------
    path : Path or None
        Of the store.
    """

    def __init__(
        self,
        spec: AuditSpec,
        emit: Callable[[Event], None],
        *,
        out: Path | None,
        cache: Path | None,
    ) -> None:
        self._spec = spec
        self._emit = emit
        self.path = None if out is None else out / STORE_NAME
        self._cache_path = cache

    def header_before(self) -> StoreHeader | None:
        """Return the header of the store that is to be continued, if there is one."""
        if self.path is None or not self._spec.resume or not has_begun(self.path):
            return None
        return read_header(self.path)

    @contextmanager
    def store(
        self, model: AuditedModel, plan: AuditPlan, context: AuditContext
    ) -> Iterator[AuditStore]:
        """Open the rows on disk, those that are there included; or keep them in memory.

        Raises
        ------
        StoreError
            If the folder cannot be made, or the store not be opened or written.
        SpecError
            If the rows that are there are another audit's.
        """
        path = self.path
        if path is None:
            yield MemoryRowStore(plan.indices)
            return
        if not self._spec.resume and path.exists():
            aside = set_aside(path)
            self._warn("store", f"The old rows were moved aside, to '{aside.name}'.")
        header = store_header(self._spec, model, plan, context)
        with closing(SqliteRowStore(path, header, wanted_images(plan))) as store:
            for note in store.notes:
                self._warn("store", note)
            yield store

    @contextmanager
    def cache(
        self, model: AuditedModel, plan: AuditPlan, context: AuditContext
    ) -> Iterator[CachedRows | None]:
        """Open the rows of earlier audits, where they are asked for and these rows are cached."""
        facts = cache_facts(self._spec, model, context)
        if self._cache_path is None or facts is None:
            yield None
            return
        cached = CachedRows(
            self._cache_path,
            facts,
            model=model.record.path,
            provider=model.provider,
            spec=self._spec,
            plan=plan,
            complain=lambda message: self._warn("cache", message),
        )
        with closing(cached):
            yield cached

    def _warn(self, code: str, message: str) -> None:
        self._emit(Warned(code=code, message=message))


def note_batch(store: AuditStore, batch: int) -> None:
    """Have an audit that is resumed start with the batch that fits the memory."""
    if isinstance(store, SqliteRowStore):
        settings = {**store.header.settings, "batch": batch}
        store.describe(replace(store.header, settings=settings))


def note_context(store: AuditStore, context: AuditContext) -> None:
    """Keep everything of the result but its numbers beside the rows."""
    if isinstance(store, SqliteRowStore):
        store.describe(replace(store.header, context=context.to_document()))


def batch_of(store: AuditStore, batch: int) -> int:
    """Return the batch that was last noted; `batch` where rows are in memory only."""
    return int(store.header.settings["batch"]) if isinstance(store, SqliteRowStore) else batch


def n_resumed(store: AuditStore) -> int:
    """Return how many rows were there before."""
    return store.n_resumed if isinstance(store, SqliteRowStore) else 0
