"""Join the shards of one audit to its result, exactly as one run would have given it."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iaside_audit.auditing.outcome.conclude import AuditContext, conclude
from iaside_audit.choices import parse_shard
from iaside_audit.errors import SpecError
from iaside_audit.paths import check_path
from iaside_audit.store import (
    STORE_NAME,
    SqliteRowStore,
    StoredAudit,
    StoreHeader,
    Wanted,
    difference_list,
    read_store,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from iaside_audit.result import AuditResult, FailedImage, RuntimeRecord
    from iaside_audit.rows import ValueRow

SHARD_WARNING = "shard"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shard:
    """One part of an audit, read from its folder."""

    folder: Path
    stored: StoredAudit

    @property
    def place(self) -> tuple[int, int] | None:
        """Which of how many it is; None where it is a whole audit."""
        return _place(self.stored.header)

    @property
    def wanted(self) -> set[int]:
        """The places of its images among those of the audit."""
        return wanted_places(self.stored.header)

    @property
    def settled(self) -> set[int]:
        """The places that have a row or have failed."""
        return {row.index for row in self.stored.rows} | self.stored.failures.keys()


def wanted_places(header: StoreHeader) -> set[int]:
    """Return the places, among the images of the whole audit, that a store wants rows of."""
    number, n_shards = _place(header) or (1, 1)
    n_images = int(header.data["n_images"])
    lease_images = int(header.settings["lease_images"])
    return {index for index in range(n_images) if index // lease_images % n_shards == number - 1}


def _place(header: StoreHeader) -> tuple[int, int] | None:
    shard = header.deciding.get("shard")
    return None if shard is None else parse_shard(shard)


def merge_shards(folders: Sequence[Path], out: Path) -> AuditResult:
    """Join shards, keep all their rows in `out`, and return the result.

    Parameters
    ----------
    folders : sequence of Path
        The output folders of all the shards, in any order.
    out : Path
        Folder of the merged audit; made where it is missing.

    Raises
    ------
    SpecError
        If these are not all the shards of one audit, each complete and there once, or a folder
        holds no store; everything that is wrong is named.
    StoreError
        If a store cannot be read, or the merged one not written.
    """
    for folder in (*folders, out):
        check_path(folder, to="an output folder")
    if out.absolute() in {folder.absolute() for folder in folders}:
        raise SpecError(
            f"Expected a folder of its own for the joint result, found the shard '{out}'. "
            "Choose another --out.",
            path=str(out),
        )
    empty = [f"'{folder}'" for folder in folders if not (folder / STORE_NAME).is_file()]
    if empty:
        raise SpecError(
            f"Expected the rows of a shard ('{STORE_NAME}') in every folder, found none in "
            f"{', '.join(empty)}. Give the folders that `run --shard` wrote.",
            found=", ".join(empty),
        )
    shards = [_Shard(folder=folder, stored=read_store(folder / STORE_NAME)) for folder in folders]
    faults = list(_faults(shards))
    if faults:
        raise SpecError(
            f"Expected all shards of one audit, found that {'; '.join(faults)}. "
            "Run what is missing again, and merge all shards.",
            found="; ".join(faults),
        )
    rows = sorted((row for one in shards for row in one.stored.rows), key=lambda row: row.index)
    failures: dict[int, FailedImage] = {}
    for one in shards:
        failures |= one.stored.failures
    contexts = [AuditContext.from_document(one.stored.header.context) for one in shards]
    context = replace(
        contexts[0],
        spec=replace(contexts[0].spec, shard=None),
        runtime=_joint_runtime([one.runtime for one in contexts]),
        warnings=tuple(one for one in contexts[0].warnings if one.code != SHARD_WARNING),
    )
    _keep(shards[0].stored, rows, failures, context, out)
    return conclude(context, rows, [failures[index] for index in sorted(failures)])


def _faults(shards: Sequence[_Shard]) -> Iterator[str]:
    """Yield everything that keeps shards from being one audit."""
    whole = [one.folder for one in shards if one.place is None]
    if whole:
        yield from (f"'{folder}' holds a whole audit" for folder in whole)
        return
    first = shards[0]
    for one in shards[1:]:
        differences = difference_list(_shared(first.stored.header), _shared(one.stored.header))
        if differences:
            names = f"'{one.folder}' is of another audit than '{first.folder}'"
            yield f"{names} ({'; '.join(differences)})"
    yield from _faulty_places([one.place or (1, 1) for one in shards])
    for one in shards:
        if lacking := len(one.wanted - one.settled):
            damage = f", {one.stored.n_damaged} of them damaged" if one.stored.n_damaged else ""
            yield f"'{one.folder}' lacks {lacking} of its {len(one.wanted)} images{damage}"
        if foreign := len(one.settled - one.wanted):
            yield f"'{one.folder}' holds {foreign} images of other shards"


def _shared(header: StoreHeader) -> dict[str, object]:
    """Return what the shards of one audit have in common."""
    return {
        **header.deciding,
        "shard": None,
        "images": header.data["n_images"],
        "manifest": header.data["manifest"],
        "images a lease": header.settings["lease_images"],
    }


def _faulty_places(places: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yield which shards are missing or there more than once."""
    totals = sorted({n_shards for _, n_shards in places})
    if len(totals) > 1:
        yield f"they are parts of {' and of '.join(map(str, totals))}"
        return
    counts = Counter(number for number, _ in places)
    missing = [f"{number}/{totals[0]}" for number in range(1, totals[0] + 1) if not counts[number]]
    if missing:
        yield f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    for number, n_times in sorted(counts.items()):
        if n_times > 1:
            yield f"{number}/{totals[0]} is there {n_times} times"


def _keep(
    stored: StoredAudit,
    rows: Sequence[ValueRow],
    failures: dict[int, FailedImage],
    context: AuditContext,
    out: Path,
) -> None:
    """Write the rows of all shards to one store."""
    header = replace(
        stored.header,
        deciding={**stored.header.deciding, "shard": None},
        context=context.to_document(),
    )
    wanted = [
        Wanted(index=row.index, image_id=row.image_id, label=row.label, path=row.path)
        for row in rows
    ]
    with closing(SqliteRowStore(out / STORE_NAME, header, wanted)) as store:
        store.put_all(rows, failures)


def _joint_runtime(runtimes: Sequence[RuntimeRecord]) -> RuntimeRecord:
    """Return what ran in all: counts and times added up."""
    n_evaluations = sum(one.n_evaluations for one in runtimes)
    evaluating_s = sum(
        one.n_evaluations / one.evaluations_per_s for one in runtimes if one.evaluations_per_s
    )
    return replace(
        runtimes[0],
        workers=sum(one.workers for one in runtimes),
        elapsed_s=sum(one.elapsed_s for one in runtimes),
        n_evaluations=n_evaluations,
        n_cached=sum(one.n_cached for one in runtimes),
        n_resumed=sum(one.n_resumed for one in runtimes),
        n_workers_lost=sum(one.n_workers_lost for one in runtimes),
        evaluations_per_s=n_evaluations / evaluating_s if evaluating_s else 0.0,
    )
