"""Find the images of a data set: a tree of class folders, a flat folder, a table or an ``.npz``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iaside_audit.errors import ImageError
from iaside_audit.images.arrays import inspect_npz
from iaside_audit.images.tables import TABLE_SUFFIXES, read_table
from iaside_audit.paths import check_path

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Compared without regard to case: ImageNet's files end in ``.JPEG``."""

LABEL_FILES: Final = ("labels.csv", "labels.tsv")
"""What a table of labels is called where none is given."""


class Kind(StrEnum):
    """What holds the images of a data set."""

    FOLDERS = "folders"
    FLAT = "flat"
    TABLE = "table"
    NPZ = "npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """Where one image lies, and what its surroundings say about its class.

    Parameters
    ----------
    path : str
        Relative to the data set's root, with ``/``; ``name.npz[17]`` in an ``.npz``. It names the
        image in reports and in the manifest hash.
    location : path
        Absolute; of the file that holds the image.
    position : int or None
        Of the image in an ``.npz``.
    folder_label : str or None
        The top-level folder that holds it (in a table: the folder that holds it).
    listed_label : str or None
        The label that the table or the ``.npz`` itself gives.
    """

    path: str
    location: Path
    position: int | None = None
    folder_label: str | None = None
    listed_label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The images of a data set, not yet opened.

    Parameters
    ----------
    root : path
        What was given, absolute: a folder or a file.
    kind : Kind
        What `root` is.
    records : tuple of ImageRecord
        In the order of the manifest: that of the table or array, else that in which torchvision's
        ``ImageFolder`` lists files.
    folders : tuple of str
        Top-level folders in natural order, also those without images.
    labels_file : path or None
        A ``labels.csv`` or ``labels.tsv`` in the folder of images or beside it.
    n_ignored : int
        Files that are no images by their suffix; hidden ones are not counted.
    """

    root: Path
    kind: Kind
    records: tuple[ImageRecord, ...]
    folders: tuple[str, ...] = ()
    labels_file: Path | None = None
    n_ignored: int = 0

    @property
    def base(self) -> Path:
        """The folder that relative paths start from."""
        return self.root if self.root.is_dir() else self.root.parent


def find_images(path: Path) -> Listing:
    """List the images that `path` stands for; no image is opened.

    Parameters
    ----------
    path : path
        A folder (searched in depth, links followed), a CSV or TSV with the columns path and label,
        its paths relative to itself, or an ``.npz`` with ``images`` and perhaps ``labels``.

    Raises
    ------
    ImageError
        If there is no such path, or no image in it.
    SpecError
        If the path cannot be looked up, or a table not be read.
    """
    check_path(path, to="images")
    path = path.absolute()
    if path.is_dir():
        return _list_folder(path)
    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in (*TABLE_SUFFIXES, ".npz"):
        found = f"a file {path.suffix or 'without suffix'}" if path.is_file() else "nothing"
        raise ImageError(
            f"Expected a folder of images, a CSV or TSV, or an .npz at '{path}', found {found}. "
            f"Check --images{', or give the folder of this file' if path.is_file() else ''}.",
            path=str(path),
            expected="folder, .csv, .tsv or .npz",
            found=found,
        )
    if suffix == ".npz":
        return _list_npz(path)
    records = tuple(
        file_record(path.parent, row.path, listed_label=row.label) for row in read_table(path)
    )
    return Listing(root=path, kind=Kind.TABLE, records=records)


def file_record(base: Path, relative: str, *, listed_label: str | None = None) -> ImageRecord:
    """Return the record of a file that a table names; it need not exist.

    Parameters
    ----------
    base : path
        The folder that relative paths start from.
    relative : str
        As the table says it, with ``/``; an absolute path is allowed.
    listed_label : str or None
        The table's label.
    """
    location = base / relative
    inside = location.is_relative_to(base)
    return ImageRecord(
        path=_printable(location.relative_to(base) if inside else Path(relative)),
        location=location,
        folder_label=location.parent.name,
        listed_label=listed_label,
    )


def natural_key(text: str) -> tuple[list[tuple[int, str]], str]:
    """Return a sort key under which ``class2`` comes before ``class10``.

    Examples
    --------
    >>> sorted(["c10", "c2", "b"], key=natural_key)
    ['b', 'c2', 'c10']
    """
    parts = re.split(r"(\d+)", text.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], text


def _list_folder(root: Path) -> Listing:
    """List a tree of files."""
    try:
        files = list(_walk(root, frozenset()))
        folders = [entry.name for entry in root.iterdir() if entry.is_dir()]
    except OSError as error:
        raise ImageError(
            f"Expected a folder that may be read at '{root}', found {error.strerror} at "
            f"'{error.filename}'. Mend its permissions.",
            path=str(root),
        ) from error
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        suffixes = sorted({file.suffix for file in files})
        found = (
            f"{len(files)} {'file' if len(files) == 1 else 'files'} ({', '.join(suffixes[:5])})"
            if files
            else "no file"
        )
        raise ImageError(
            f"Expected images ({' '.join(IMAGE_SUFFIXES)}) in '{root}', found {found}. "
            "Check --images.",
            path=str(root),
            expected=" ".join(IMAGE_SUFFIXES),
            found=found,
        )
    # torchvision's ImageFolder sorts folders as strings, then the names within each.
    images.sort(key=lambda file: (file.parent.relative_to(root).as_posix(), file.name))
    records = tuple(_tree_record(root, file) for file in images)
    tables = [folder / name for folder in (root, root.parent) for name in LABEL_FILES]
    labels_file = next((table for table in tables if table.is_file()), None)
    return Listing(
        root=root,
        kind=Kind.FOLDERS if any(one.folder_label for one in records) else Kind.FLAT,
        records=records,
        folders=tuple(sorted((n for n in folders if not n.startswith(".")), key=natural_key)),
        labels_file=labels_file,
        n_ignored=len(files) - len(images) - (labels_file in files),
    )


def _list_npz(path: Path) -> Listing:
    """List the images of an array."""
    n_images, labels = inspect_npz(path)
    records = tuple(
        ImageRecord(
            path=f"{_printable(Path(path.name))}[{position}]",
            location=path,
            position=position,
            listed_label=None if labels is None else labels[position],
        )
        for position in range(n_images)
    )
    return Listing(root=path, kind=Kind.NPZ, records=records)


def _walk(folder: Path, ancestors: frozenset[Path]) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden, following links but never in a circle.

    A link that leads nowhere is yielded, to be reported as an image that cannot be read.
    """
    real = folder.resolve()
    if real in ancestors:
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, ancestors | {real})
        elif entry.is_file() or (entry.is_symlink() and not entry.exists()):
            yield entry


def _tree_record(root: Path, file: Path) -> ImageRecord:
    relative = file.relative_to(root)
    folder = relative.parts[0] if len(relative.parts) > 1 else None
    return ImageRecord(path=_printable(relative), location=file, folder_label=folder)


def _printable(path: Path) -> str:
    """Return a path as text that can be written as UTF-8; undecodable bytes become escapes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
