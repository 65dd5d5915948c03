"""Names of the open sets: what a specification may ask for by name.

Only names live here, in the bottom layer, so that a specification can be checked without importing
the mathematics. The implementations stand beside their peers (``spectrum.baselines``,
``statistics.values``, ``robustness.corruptions``); a plug-in adds one through an entry point of the
group named below.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from iaside_audit.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest known name, else an empty string.

    Examples
    --------
    >>> nearest("zeros", ["zero", "mean"])
    " Did you mean 'zero'?"
    >>> nearest("qqq", ["zero", "mean"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


@dataclass(frozen=True, slots=True)
class Registry:
    """One open set of names.

    Parameters
    ----------
    kind : str
        What the names are, in the singular, for messages.
    group : str
        The entry-point group through which plug-ins add names.
    builtin : tuple of str
        The names that this package implements; the first is the default.
    """

    kind: str
    group: str
    builtin: tuple[str, ...]

    def names(self) -> tuple[str, ...]:
        """Return every known name: the built-in ones, then the plug-ins' in sorted order."""
        plugins = {point.name for point in entry_points(group=self.group)}
        return (*self.builtin, *sorted(plugins - set(self.builtin)))

    def check(self, name: str) -> str:
        """Return `name`, or raise :class:`SpecError` naming the nearest known one."""
        if name in self.builtin:
            return name
        known = self.names()
        if name not in known:
            choices = ", ".join(known)
            raise SpecError(
                f"Expected a {self.kind} out of {choices}, found {name!r}.{nearest(name, known)}",
                expected=choices,
                found=name,
            )
        return name

    def load(self, name: str) -> object:
        """Import the plug-in registered under `name`.

        Raises
        ------
        SpecError
            If no plug-in has that name.
        """
        for point in entry_points(group=self.group, name=name):
            return point.load()
        self.check(name)
        raise SpecError(f"Expected a plug-in {self.kind} named {name!r}, found a built-in one.")


BASELINES = Registry("baseline", "iaside_audit.baselines", ("zero", "mean", "noise", "shuffle"))
"""What stands in for an absent band (METHOD.md, section 2)."""

VALUE_FUNCTIONS = Registry(
    "value function",
    "iaside_audit.value_functions",
    ("log-probability", "probability", "accuracy", "margin"),
)
"""What a coalition is worth (METHOD.md, section 3)."""

CORRUPTIONS = Registry(
    "corruption",
    "iaside_audit.corruptions",
    (
        "gaussian_noise",
        "shot_noise",
        "impulse_noise",
        "defocus_blur",
        "glass_blur",
        "motion_blur",
        "zoom_blur",
        "snow",
        "frost",
        "fog",
        "brightness",
        "contrast",
        "elastic_transform",
        "pixelate",
        "jpeg_compression",
    ),
)
"""What is done to an image before the model sees it (METHOD.md, section 9)."""
