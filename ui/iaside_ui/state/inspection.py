"""The band inspector: one image, its bands, and the coalition that is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from iaside_ui.state.words import tr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from iaside_audit.auditing.inspector.exploration import Composition, Opened, Top, View
    from iaside_audit.auditing.inspector.gallery import Subject
    from iaside_audit.auditing.inspector.profiles import Explanation, Sweep


class Preset(Enum):
    """A coalition that is chosen by one band."""

    ALL = auto()
    NONE = auto()
    UP_TO = auto()
    FROM = auto()
    ONLY = auto()
    WITHOUT = auto()


def preset_code(preset: Preset, band: int, n_bands: int) -> int:
    """Return the coalition of a preset.

    Examples
    --------
    >>> [bin(preset_code(one, 1, 4)) for one in (Preset.UP_TO, Preset.FROM)]
    ['0b11', '0b1110']
    >>> [bin(preset_code(one, 1, 4)) for one in (Preset.ONLY, Preset.WITHOUT)]
    ['0b10', '0b1101']
    """
    everyone = (1 << n_bands) - 1
    match preset:
        case Preset.ALL:
            return everyone
        case Preset.NONE:
            return 0
        case Preset.UP_TO:
            return (2 << band) - 1
        case Preset.FROM:
            return everyone & ~((1 << band) - 1)
        case Preset.ONLY:
            return 1 << band
        case Preset.WITHOUT:
            return everyone & ~(1 << band)


def coalition_text(code: int, n_bands: int) -> str:
    """Name the bands of a coalition, runs of them together.

    Examples
    --------
    >>> coalition_text(0b10111, 5), coalition_text(0, 5), coalition_text(0b11111, 5)
    ('bands 0 to 2, 4', 'no band', 'all bands')
    """
    if code == 0:
        return tr("no band")
    if code == (1 << n_bands) - 1:
        return tr("all bands")
    runs: list[list[int]] = []
    for band in (one for one in range(n_bands) if code >> one & 1):
        if runs and runs[-1][-1] == band - 1:
            runs[-1].append(band)
        else:
            runs.append([band])
    names = ", ".join(_run_text(run) for run in runs)
    pattern = tr("band {names}") if code.bit_count() == 1 else tr("bands {names}")
    return pattern.format(names=names)


def _run_text(run: list[int]) -> str:
    """Name the bands of a run: a run of two is no range."""
    if len(run) == 1:
        return str(run[0])
    pattern = tr("{first} and {last}") if len(run) == 2 else tr("{first} to {last}")  # noqa: PLR2004
    return pattern.format(first=run[0], last=run[-1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """Pixels to show, and how much they were amplified.

    Parameters
    ----------
    pixels : (H, W, 3) uint8
        RGB.
    gain : float
        1 where they are shown as they are.
    """

    pixels: NDArray[np.uint8]
    gain: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewPictures:
    """A view, ready to be shown; made outside the window's thread.

    `power_ends` are the ends of the colour scale of the spectrum, common logarithms of power.
    """

    view: View
    image: Picture
    bands: tuple[Picture, ...]
    spectrum: NDArray[np.uint8]
    power_ends: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompositionPicture:
    """A composition, ready to be shown."""

    composition: Composition
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassShare:
    """One line of the answer: a class and its probability."""

    name: str
    share: float
    is_label: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InspectorState:
    """Everything that the band inspector shows.

    Parameters
    ----------
    opened : Opened or None
        The model and the images.
    subject : Subject or None
        The image and the settings that are asked for.
    code : int
        The coalition that is ticked.
    shown : ViewPictures or None
        The image as it was last cut.
    composed : CompositionPicture or None
        The last answer to a coalition.
    explanation : Explanation or None
        What is known of the subject so far.
    stage : str
        What is waited for; empty where nothing is.
    """

    opened: Opened | None = None
    subject: Subject | None = None
    code: int = 0
    shown: ViewPictures | None = None
    composed: CompositionPicture | None = None
    explanation: Explanation | None = None
    stage: str = ""

    @property
    def n_bands(self) -> int:
        """Bands of the subject; 0 without one."""
        return 0 if self.subject is None else self.subject.spec.bands

    @property
    def n_images(self) -> int:
        """Images that can be stepped through."""
        return 0 if self.opened is None else len(self.opened.gallery)

    @property
    def unit(self) -> str:
        """The unit of the Shapley values; empty for a pure number."""
        from iaside_audit.statistics.values import value_unit  # noqa: PLC0415 - start-up time

        return "" if self.subject is None else value_unit(self.subject.spec.value)

    def without_answers(self) -> InspectorState:
        """Return the state of a new question: the old pictures stay until the new ones come."""
        return replace(self, composed=None, explanation=None)

    def class_name(self, index: int) -> str:
        """Return what an output of the model is called."""
        return "" if self.opened is None else self.opened.gallery.class_name(index)

    def shares(self, top: Top) -> tuple[ClassShare, ...]:
        """Return the best classes by name."""
        label = -1 if self.shown is None else self.shown.view.label
        return tuple(
            ClassShare(name=self.class_name(index), share=math.exp(log_p), is_label=index == label)
            for index, log_p in zip(top.classes, top.log_p, strict=True)
        )

    def flip_sentences(self) -> tuple[str, ...]:
        """Say where the prediction changes along the two sweeps."""
        known = self.explanation
        if known is None:
            return ()
        sweeps = ((tr("Low-pass"), known.low_pass), (tr("High-pass"), known.high_pass))
        return tuple(self._flips(name, sweep) for name, sweep in sweeps if sweep is not None)

    def _flips(self, name: str, sweep: Sweep) -> str:
        final = int(sweep.predictions[-1])
        steps = sweep.flips
        n_bands = self.n_bands
        kept = repr(self.class_name(final))
        if not steps:
            return tr("{sweep}: always {name}, even without any band.").format(
                sweep=name, name=kept
            )
        last = steps[-1]
        before = repr(self.class_name(int(sweep.predictions[last - 1])))
        if last == n_bands:
            said = tr("{sweep}: {name} only with all bands; {before} with one band less.").format(
                sweep=name, name=kept, before=before
            )
        else:
            said = tr("{sweep}: {name} from {bands} on; {before} with one band less.").format(
                sweep=name,
                name=kept,
                bands=coalition_text(int(sweep.codes[last]), n_bands),
                before=before,
            )
        if len(steps) > 1:
            said += " " + tr("It changes {n} times on the way.").format(n=len(steps))
        return said
