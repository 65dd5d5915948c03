"""Texts and tables of a written report, as data that every template sets in its own way.

A text is a list of runs, each a style and its words, so that no template ever reads markup out of
words that a file's name may be part of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Style: TypeAlias = Literal["plain", "emph", "strong", "name", "code"]
Run: TypeAlias = tuple[Style, str]
"""A style and the words that are set in it; names and code, in a fixed pitch, stay as they are."""
Column: TypeAlias = tuple[str, Literal["left", "center", "right"]]
"""What stands above a column, and how its cells are aligned."""

_NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"
_NEGATIVE: Final = re.compile(r"(^|[ (])-(?=\d)")


def typeset(words: str) -> str:
    r"""Return words with true minus signs, and no line break before a per cent sign.

    Examples
    --------
    >>> ascii(typeset("-0.1 to 0.2, 95 % interval, data-2"))
    "'\\u22120.1 to 0.2, 95\\xa0% interval, data-2'"
    """
    return _NEGATIVE.sub("\\1\N{MINUS SIGN}", words).replace(" %", f"{_NO_BREAK_SPACE}%")


def text(*runs: Run | str) -> list[Run]:
    """Return a text out of runs, and of words that are set plain."""
    styled: Iterable[Run] = (("plain", one) if isinstance(one, str) else one for one in runs)
    as_it_is = {"name", "code"}
    return [(style, words if style in as_it_is else typeset(words)) for style, words in styled]


def table(
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    note: Sequence[Run] = (),
) -> dict[str, object]:
    """Return a table, ready for a template.

    Parameters
    ----------
    title : str
        What stands above it.
    columns : sequence of Column
        Its head.
    rows : iterable of sequences of str
        The first cell names the row and is shown as it is; the others are numbers and intervals.
    note : sequence of Run
        What a reader must know, set below.
    """
    return {
        "title": title,
        "columns": columns,
        "rows": [[name, *map(typeset, cells)] for name, *cells in rows],
        "note": note,
    }


def legible(value: object) -> object:
    r"""Return JSON-ready values with what no font draws as an escape such as ``\x1b``.

    That is controls and signs that turn the direction of a text around, too.
    """
    match value:
        case str():
            return "".join(
                one if one.isprintable() or one == _NO_BREAK_SPACE else ascii(one)[1:-1]
                for one in value
            )
        case list() | tuple():
            return [legible(one) for one in value]
        case dict():
            return {key: legible(one) for key, one in value.items()}
        case _:
            return value
