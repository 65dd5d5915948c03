"""What the classes of a model are called: the shipped ImageNet table, or the user's own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, Final

from iaside_audit.errors import SpecError
from iaside_audit.images.tables import TABLE_SUFFIXES, enumerate_few, read_cells, read_text
from iaside_audit.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

N_IMAGENET: Final = 1000
N_IMAGENET_WITH_BACKGROUND: Final = 1001
"""TensorFlow's ImageNet classifiers put a background class before the 1000."""

_WNID: Final = re.compile(r"n[0-9]{8}")
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class ClassEntry:
    """One class: its position in the output, WordNet id and name; either may be missing."""

    index: int
    wnid: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTable:
    """What labels mean for one model.

    Parameters
    ----------
    meanings : dict of str to tuple of int
        The positions that each WordNet id or name stands for; mostly one, but ImageNet has two
        cranes and two maillots.
    names : tuple of str, or None
        A name for each output, or None where no table is known.
    n_classes : int
        Outputs of the model.
    source : str
        Where the names were read, for messages.
    is_given : bool
        Whether the table is the user's own, not the shipped one.
    """

    meanings: dict[str, tuple[int, ...]]
    names: tuple[str, ...] | None
    n_classes: int
    source: str
    is_given: bool

    def has_wnids(self) -> bool:
        """Say whether any WordNet id is known."""
        return any(map(is_wnid, self.meanings))

    def positions(self, labels: Sequence[str], where: Path) -> dict[str, int]:
        """Return the position that each distinct label stands for.

        Parameters
        ----------
        labels : sequence of str
            Whole numbers (the positions themselves), WordNet ids or names.
        where : path
            What holds the labels, for messages.

        Raises
        ------
        SpecError
            If a label is no class of the model; the first such labels are listed.
        """
        found: dict[str, int] = {}
        faults: list[str] = []
        for label in dict.fromkeys(labels):
            candidates = self._candidates(label)
            if len(candidates) == 1 and 0 <= candidates[0] < self.n_classes:
                found[label] = candidates[0]
            elif len(candidates) > 1:
                faults.append(f"{label!r}, which names the classes {candidates}")
            else:
                faults.append(f"{label!r}{nearest(label, self.meanings).rstrip('.')}")
        if faults:
            known = f", or wnids or names of {self.source}," if self.meanings else ""
            raise SpecError(
                f"Expected labels from 0 to {self.n_classes - 1}{known} in '{where}', "
                f"found {enumerate_few(faults)}. "
                "Mend them, name the classes with --classes, or use --labels self.",
                path=str(where),
                expected=f"0..{self.n_classes - 1}",
                found=enumerate_few(faults),
            )
        return found

    def _candidates(self, label: str) -> tuple[int, ...]:
        """Return the positions that a label may stand for."""
        is_number = is_whole_number(label.removeprefix("-"))
        return (int(label),) if is_number else self.meanings.get(label, ())


def is_whole_number(text: str) -> bool:
    """Say whether `text` is a number such as positions are written.

    Examples
    --------
    >>> is_whole_number("007"), is_whole_number("-1"), is_whole_number("1.0")
    (True, False, False)
    """
    return _WHOLE_NUMBER.fullmatch(text) is not None


def is_wnid(text: str) -> bool:
    """Say whether `text` has the form of a WordNet id.

    Examples
    --------
    >>> is_wnid("n01440764"), is_wnid("n0144")
    (True, False)
    """
    return _WNID.fullmatch(text) is not None


def class_table(path: Path | None, n_classes: int) -> ClassTable:
    """Return the classes of a model with `n_classes` outputs.

    Where a table of 1000 classes meets a model of 1001 outputs, a background class comes first and
    every position moves up by one. A given table without WordNet ids leaves those of the shipped
    ImageNet table known, for 1000 or 1001 outputs.

    Parameters
    ----------
    path : path or None
        The user's table: CSV or TSV with a header out of index, wnid and name (without index: the
        order of lines); JSON ``{index: name}``, ``[name, ...]``, with ``[wnid, name]`` in place of
        a name; any other suffix: one name a line. None takes the shipped table, for 1000 or 1001
        outputs, else an empty one.
    n_classes : int
        Outputs of the model.

    Raises
    ------
    SpecError
        If the file cannot be read, or holds a position twice or beyond the model's outputs.
    """
    given = () if path is None else _read_entries(path)
    shipped: tuple[ClassEntry, ...] = ()
    if n_classes in (N_IMAGENET, N_IMAGENET_WITH_BACKGROUND):
        with as_file(files("iaside_models").joinpath("imagenet_classes.csv")) as table:
            shipped = _read_entries(table)
    given, shipped = (_with_background(one, n_classes) for one in (given, shipped))
    source = path.name if path else "ImageNet" if shipped else "no table"
    _check_positions(given, n_classes, source)
    named = given or shipped
    wnids = given if any(one.wnid for one in given) else shipped
    meanings: dict[str, tuple[int, ...]] = {}
    for key, index in (
        *((one.wnid, one.index) for one in wnids),
        *((one.name, one.index) for one in named),
    ):
        if key and index not in meanings.get(key, ()):
            meanings[key] = (*meanings.get(key, ()), index)
    return ClassTable(
        meanings=meanings,
        names=_names(named, n_classes),
        n_classes=n_classes,
        source=source,
        is_given=path is not None,
    )


def _with_background(entries: tuple[ClassEntry, ...], n_classes: int) -> tuple[ClassEntry, ...]:
    """Put the background class first where 1000 classes meet 1001 outputs."""
    is_short = {one.index for one in entries} == set(range(N_IMAGENET))
    if n_classes != N_IMAGENET_WITH_BACKGROUND or not is_short:
        return entries
    moved = (ClassEntry(one.index + 1, one.wnid, one.name) for one in entries)
    return (ClassEntry(0, name="background"), *moved)


def _names(entries: Sequence[ClassEntry], n_classes: int) -> tuple[str, ...] | None:
    """Return a name for each output, or None where there is no table."""
    if not entries:
        return None
    names = {one.index: one.name or one.wnid for one in entries}
    return tuple(names.get(index) or f"class {index}" for index in range(n_classes))


def _check_positions(entries: Sequence[ClassEntry], n_classes: int, source: str) -> None:
    seen: set[int] = set()
    faults: list[str] = []
    for one in entries:
        if not 0 <= one.index < n_classes:
            faults.append(f"{one.index} ({one.name or one.wnid})")
        elif one.index in seen:
            faults.append(f"{one.index} twice")
        seen.add(one.index)
    if faults:
        raise SpecError(
            f"Expected class indices from 0 to {n_classes - 1}, each once, in {source!r}, found "
            f"{enumerate_few(faults)}. Check that --classes belongs to this model.",
            path=source,
            expected=f"0..{n_classes - 1}",
            found=enumerate_few(faults),
        )


def _read_entries(path: Path) -> tuple[ClassEntry, ...]:
    """Read a table of classes by its suffix."""
    match path.suffix.lower():
        case suffix if suffix in TABLE_SUFFIXES:
            entries = _from_table(path)
        case ".json":
            entries = _from_json(path)
        case _:
            names = [line.strip() for line in read_text(path).splitlines()]
            entries = tuple(ClassEntry(i, name=name) for i, name in enumerate(filter(None, names)))
    if not entries:
        raise SpecError(
            f"Expected the classes of the model in '{path}', found none. "
            "Give one name a line, or a CSV with index,wnid,name.",
            path=str(path),
        )
    return entries


def _from_table(path: Path) -> tuple[ClassEntry, ...]:
    cells = read_cells(path)
    header = [name.strip().casefold() for name in cells[0][1]] if cells else []
    if "wnid" not in header and "name" not in header:
        raise SpecError(
            f"Expected a header out of index, wnid and name in '{path}', found "
            f"{', '.join(header) or 'nothing'}. Add the header line.",
            path=str(path),
            expected="index,wnid,name",
            found=",".join(header),
        )
    entries: list[ClassEntry] = []
    for position, (line, row) in enumerate(cells[1:]):
        values = dict(zip(header, (cell.strip() for cell in row), strict=False))
        index = values.get("index", str(position))
        if not is_whole_number(index):
            raise SpecError(
                f"Expected a whole number as index in line {line} of '{path}', found {index!r}.",
                path=str(path),
                found=index,
            )
        entries.append(ClassEntry(int(index), values.get("wnid"), values.get("name")))
    return tuple(entries)


def _from_json(path: Path) -> tuple[ClassEntry, ...]:
    text = read_text(path)
    try:
        document = json.loads(text)
        pairs = document.items() if isinstance(document, dict) else enumerate(document)
        return tuple(_json_entry(int(index), value) for index, value in pairs)
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecError(
            f"Expected JSON of the form {{index: name}} or [name, ...] in '{path}', found another "
            f"({error}).",
            path=str(path),
            expected="{index: name} or [name, ...]",
        ) from error


def _json_entry(index: int, value: Any) -> ClassEntry:  # Any: JSON
    match value:
        case str():
            return ClassEntry(index, name=value)
        case [str(wnid), str(name)]:
            return ClassEntry(index, wnid, name)
        case _:
            raise TypeError(f"class {index} is {value!r}")
