"""What the rows of a store depend on: written when it is made, compared when it is resumed."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any, Final

ROW_VERSION: Final = 1
"""Raised by any change of the program that changes rows; rows of another version are not mixed."""

CHANGES: Final = {
    "model": "the model file has changed",
    "statistics": "the statistics of the data set have changed",
    "manifest": "the images or labels have changed",
}
"""Differences whose values are hashes, which tell people nothing."""

Json = dict[str, Any]  # Any: JSON values


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHeader:
    """The header of a store.

    Parameters
    ----------
    deciding : dict
        What every row depends on, by the names that users know; must agree on resume.
    settings : dict
        Batch, images a lease, threads, provider, versions: reused on resume, so that bits repeat.
    data : dict
        The manifest hash of the data set, and how many images are wanted.
    context : dict
        The rest of a result, beside its numbers; with it a store becomes a result without a model.
    """

    deciding: Json
    settings: Json
    data: Json
    context: Json = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the header as one line of JSON, keys in order."""
        return json.dumps(
            {
                "deciding": self.deciding,
                "settings": self.settings,
                "data": self.data,
                "context": self.context,
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> StoreHeader:
        """Build a header from :meth:`to_json`'s line.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the line is no header.
        """
        values = json.loads(text)
        return cls(
            deciding=dict(values["deciding"]),
            settings=dict(values["settings"]),
            data=dict(values["data"]),
            context=dict(values["context"]),
        )


def header_checksum(text: str) -> int:
    """Return the checksum kept beside a header's JSON."""
    return zlib.crc32(text.encode())


def difference_list(before: Json, now: Json) -> list[str]:
    """Say how two sets of values differ, one phrase each, nested values by dotted names.

    Examples
    --------
    >>> difference_list({"bands": 8, "norm": "linf"}, {"bands": 4, "norm": "linf"})
    ['bands was 8, now 4']
    """
    old, new = _flat(before), _flat(now)
    names = [*old, *(name for name in new if name not in old)]
    return [
        CHANGES.get(name) or f"{name} was {_said(old.get(name))}, now {_said(new.get(name))}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def _flat(values: Json, prefix: str = "") -> Json:
    flat: Json = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = list(value) if isinstance(value, tuple) else value
    return flat


def _said(value: Any) -> str:  # Any: JSON
    return "absent" if value is None else str(value)
