"""Which class each image is of, and where that was read (INTERFACE.md, "Labels")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from iaside_audit.errors import SpecError
from iaside_audit.images.classes import (
    N_IMAGENET_WITH_BACKGROUND,
    ClassTable,
    class_table,
    is_whole_number,
    is_wnid,
)
from iaside_audit.images.sources import ImageRecord, Kind, Listing, file_record
from iaside_audit.images.tables import read_table
from iaside_audit.paths import check_path
from iaside_audit.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

FROM_MODEL = "the model's own answers on the unfiltered images"
"""The source of ``--labels self``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """The images that take part, with their labels.

    Parameters
    ----------
    records : tuple of ImageRecord
        In the order of the manifest; where a table gives the labels, its images and its order.
    labels : tuple of (int or None)
        Position of each record's class in the output; None where the model itself will say.
    source : str
        Where the labels were read, in words for the report.
    warnings : tuple of str
        What a reader of the numbers must know about the labels.
    class_names : tuple of str, or None
        A name for each output, where any are known.
    n_ignored : int
        Files that are no images, and images that no label names.
    """

    records: tuple[ImageRecord, ...]
    labels: tuple[int | None, ...]
    source: str
    warnings: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    n_ignored: int = 0


def resolve_labels(
    listing: Listing, *, labels: str = "auto", classes: Path | None = None, n_classes: int
) -> Labelling:
    """Find the label of every image.

    Parameters
    ----------
    listing : Listing
        From :func:`~iaside_audit.images.sources.find_images`.
    labels : str
        ``self`` leaves labels to the model. ``folder`` reads class folders. A file is a CSV or TSV
        of path and label; its paths are relative to the folder of images, or to the file itself
        where the images are no folder. ``auto`` takes the labels that the table or array of images
        holds, else a ``labels.csv`` beside the images, else class folders, else file names that
        begin with a WordNet id and an underscore.
    classes : path or None
        Names of the classes (see :func:`~iaside_audit.images.classes.class_table`).
    n_classes : int
        Outputs of the model.

    Raises
    ------
    SpecError
        If a label is no class of the model, or no rule applies.
    """
    table = class_table(classes, n_classes)
    match labels:
        case "self":
            return _labelling(listing, listing.records, None, table, source=FROM_MODEL)
        case "folder":
            labelling = _from_folders(listing, table)
        case "auto":
            labelling = (
                _from_listed(listing, table)
                or _from_beside(listing, table)
                or _from_folders(listing, table)
                or _from_file_names(listing, table)
            )
        case _:
            labelling = _from_file(listing, Path(labels), table)
    if labelling is None:
        raise _no_labels(listing, n_classes)
    return labelling


def _from_listed(listing: Listing, table: ClassTable) -> Labelling | None:
    """Read the labels that the table or array of images holds itself."""
    labels = [one.listed_label for one in listing.records if one.listed_label is not None]
    if len(labels) < len(listing.records):
        return None
    return _labelling(listing, listing.records, labels, table, source=listing.root.name)


def _from_beside(listing: Listing, table: ClassTable) -> Labelling | None:
    """Read the ``labels.csv`` in the folder, or beside it if it names one of these images."""
    file = listing.labels_file
    if file is None:
        return None
    if file.parent != listing.root:
        known = {one.path for one in listing.records}
        if not any(row.path in known for row in read_table(file)):
            return None
    return _from_file(listing, file, table)


def _from_file(listing: Listing, file: Path, table: ClassTable) -> Labelling:
    """Read a table of labels; its rows decide which images take part, and in which order."""
    check_path(file, to="labels")
    if not file.is_file():
        raise SpecError(
            f"Expected labels to be auto, folder, self or a CSV file, found {str(file)!r}, where "
            f"no file lies.{nearest(str(file), ('auto', 'folder', 'self'))} Check --labels.",
            path=str(file),
            expected="auto, folder, self or a CSV file",
            found=str(file),
        )
    base = listing.base if listing.kind in (Kind.FOLDERS, Kind.FLAT) else file.absolute().parent
    # A path means the same file in both lists only where both start from the same folder.
    is_shared = base == listing.base
    known = {one.path: one for one in listing.records if is_shared or one.position is not None}
    rows = read_table(file)
    if any(row.label is None for row in rows):
        raise SpecError(
            f"Expected the columns path and label in '{file}', found only paths. "
            "Add the label column, or use --labels folder or self.",
            path=str(file),
            expected="path,label",
            found="path",
        )
    records = tuple(known.get(row.path) or file_record(base, row.path) for row in rows)
    labels = [row.label or "" for row in rows]
    return _labelling(listing, records, labels, table, source=file.name, where=file)


def _from_folders(listing: Listing, table: ClassTable) -> Labelling | None:
    """Read class folders: wnids, else whole numbers, else names, else their natural order."""
    records = tuple(one for one in listing.records if one.folder_label is not None)
    labels = [one.folder_label for one in records if one.folder_label is not None]
    distinct = set(labels)
    if not distinct:
        return None
    if all(map(is_wnid, distinct)) and table.has_wnids():
        source = "class folders named by wnid"
    elif all(map(is_whole_number, distinct)):
        source = "class folders named by number"
    elif table.is_given and distinct <= table.meanings.keys():
        source = f"class folders named as in {table.source}"
    elif len(listing.folders) == table.n_classes:
        return _from_natural_order(listing, records, labels, table)
    else:
        return None
    return _labelling(listing, records, labels, table, source=source)


def _from_natural_order(
    listing: Listing, records: tuple[ImageRecord, ...], labels: Sequence[str], table: ClassTable
) -> Labelling:
    """Take the folders in their natural order for the outputs in theirs."""
    positions = {name: str(index) for index, name in enumerate(listing.folders)}
    numbers = [positions[label] for label in labels]
    source = "class folders in natural order"
    labelling = _labelling(listing, records, numbers, table, source=source)
    first, last = listing.folders[0], listing.folders[-1]
    warning = (
        f"The {table.n_classes} class folders were taken in natural order for the outputs: 0 is "
        f"{first!r}, {table.n_classes - 1} is {last!r}. Give --classes to be sure."
    )
    names = table.names if table.is_given else listing.folders
    return replace(labelling, warnings=(warning,), class_names=names)


def _from_file_names(listing: Listing, table: ClassTable) -> Labelling | None:
    """Read file names of the form ``<wnid>_...``."""
    labels = [Path(one.path).name.partition("_")[0] for one in listing.records]
    if not table.has_wnids() or not all(map(is_wnid, labels)):
        return None
    source = "file names that begin with a wnid"
    return _labelling(listing, listing.records, labels, table, source=source)


def _labelling(
    listing: Listing,
    records: tuple[ImageRecord, ...],
    labels: Sequence[str] | None,
    table: ClassTable,
    *,
    source: str,
    where: Path | None = None,
) -> Labelling:
    """Turn labels as text into positions in the output."""
    positions: tuple[int | None, ...] = (None,) * len(records)
    warnings: tuple[str, ...] = ()
    if labels is not None:
        known = table.positions(labels, where or listing.root)
        positions = tuple(known[label] for label in labels)
        warnings = _doubts(known, table)
    taken = {(one.location, one.position) for one in records}
    n_left = sum((one.location, one.position) not in taken for one in listing.records)
    return Labelling(
        records=records,
        labels=positions,
        source=source,
        warnings=warnings,
        class_names=table.names,
        n_ignored=listing.n_ignored + n_left,
    )


def _doubts(known: dict[str, int], table: ClassTable) -> tuple[str, ...]:
    """Return warnings about numbers that may not mean positions in the output."""
    doubts: list[str] = []
    numbers = [label for label in known if is_whole_number(label)]
    clash = next(
        (one for one in numbers if known[one] not in table.meanings.get(one, [known[one]])), None
    )
    if clash is not None:
        doubts.append(
            f"The label {clash} was taken for output {known[clash]}, though {table.source} gives "
            f"that name to output {table.meanings[clash][0]}. Whole numbers are always positions."
        )
    if (
        table.n_classes == N_IMAGENET_WITH_BACKGROUND
        and numbers
        and max(map(int, numbers)) < N_IMAGENET_WITH_BACKGROUND - 1
    ):
        doubts.append(
            "The labels are numbers up to 999 and the model has 1001 outputs, the first usually a "
            "background class. They were taken for positions in the output; add 1 if tench is 0."
        )
    return tuple(doubts)


def _no_labels(listing: Listing, n_classes: int) -> SpecError:
    n_folders = len(listing.folders)
    named = ", ".join(listing.folders[:3]) + (", ..." if n_folders > 3 else "")  # noqa: PLR2004
    found = (
        f"{n_folders} {'folder' if n_folders == 1 else 'folders'} ({named})"
        if listing.folders
        else f"{len(listing.records)} images such as {listing.records[0].path!r}"
    )
    return SpecError(
        f"Expected labels for '{listing.root}' (a labels.csv, or class folders named by wnid, "
        f"number or --classes, or as many as the {n_classes} outputs), found {found}. Give "
        "--labels FILE or --classes FILE, or use --labels self to audit against the model's own "
        "answers.",
        path=str(listing.root),
        expected="labels",
        found=found,
    )
