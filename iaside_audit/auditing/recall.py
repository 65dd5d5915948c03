"""Rows of earlier audits, found by what decides them (the cache of rows).

A cache only saves time. Where it fails, the user is told once and the audit goes on without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iaside_audit.auditing.evaluation.evaluate import row_codes
from iaside_audit.auditing.outcome.record import cache_image
from iaside_audit.errors import StoreError
from iaside_audit.rows import ValueRow
from iaside_audit.store import RowCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iaside_audit.auditing.attempts import Lease
    from iaside_audit.auditing.plan import AuditPlan
    from iaside_audit.spec import AuditSpec


class CachedRows:
    """The rows that earlier audits left, for the leases of this one.

    Parameters
    ----------
    path : Path
        Of the cache's file.
    facts : dict
        Everything that decides a row, besides its image.
    model, provider : str
        For people who look at the cache.
    spec : AuditSpec
        What is asked.
    plan : AuditPlan
        What will be done.
    complain : callable
        Takes the one message of a cache that fails.
    """

    def __init__(
        self,
        path: Path,
        facts: dict[str, Any],  # Any: JSON
        *,
        model: str,
        provider: str,
        spec: AuditSpec,
        plan: AuditPlan,
        complain: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._plan = plan
        self._complain = complain
        self._cache: RowCache | None = None
        self._images: dict[int, str] = {}
        self._new: list[tuple[str, ValueRow]] = []
        try:
            self._cache = RowCache(path, facts, model=model, provider=provider)
        except StoreError as error:
            complain(error.message)

    def find(self, lease: Lease) -> list[ValueRow] | None:
        """Return the rows of a lease; None unless all are known.

        One that is missing has the whole lease evaluated, because its shapes decide the bits.
        """
        images = {item.index: cache_image(item) for item in lease.items}
        self._images |= images
        if self._cache is None:
            return None
        rows = []
        try:
            for item in lease.items:
                codes = row_codes(self._spec, self._plan.estimator, item.image.image_id)
                found = self._cache.find(images[item.index], codes)
                if found is None:
                    return None
                rows.append(
                    ValueRow(
                        index=item.index,
                        image_id=item.image.image_id,
                        path=item.image.path,
                        coalitions=codes,
                        worker=-1,
                        **found,
                    )
                )
            self._cache.touch(list(images.values()))
        except StoreError as error:
            self._give_up(error)
            return None
        return rows

    def add(self, row: ValueRow) -> None:
        """Keep a new row; it is written by :meth:`flush`."""
        if self._cache is not None:
            self._new.append((self._images[row.index], row))

    def flush(self) -> None:
        """Write the new rows."""
        if self._cache is None or not self._new:
            return
        try:
            self._cache.keep(self._new)
        except StoreError as error:
            self._give_up(error)
        self._new.clear()

    def close(self) -> None:
        """Write what is new and let go of the file."""
        self.flush()
        if self._cache is not None:
            self._cache.close()
            self._cache = None

    def _give_up(self, error: StoreError) -> None:
        self._complain(error.message)
        if self._cache is not None:
            self._cache.close()
            self._cache = None
