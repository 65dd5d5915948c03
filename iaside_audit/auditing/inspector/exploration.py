"""What exploring a model is answered with: the open model, one image in bands, one coalition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from iaside_audit.auditing.inspector.profiles import Explanation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from iaside_audit.auditing.inspector.gallery import Gallery, Subject
    from iaside_audit.auditing.model import AuditedModel
    from iaside_audit.auditing.wire import Message
    from iaside_audit.images import ImageRecord
    from iaside_audit.spec import AuditSpec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A model that can be explored, and the images to explore it with."""

    spec: AuditSpec
    model: AuditedModel
    gallery: Gallery


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """The best classes of one input, the best first, with natural-log probabilities."""

    classes: tuple[int, ...]
    log_p: tuple[float, ...]

    @classmethod
    def from_wire(cls, reply: Message) -> Top:
        """Build from what a worker answers to ``look`` or ``compose``."""
        return cls(
            classes=tuple(int(one) for one in reply["classes"]),
            log_p=tuple(float(one) for one in reply["log_p"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One image cut into bands.

    Parameters
    ----------
    subject : Subject
        What was asked.
    record : ImageRecord
        The image.
    image : (C, H, W) float32
        At the frame, 0..1.
    bands : (M, C, H, W) float32
        They add up to the image; all but the lowest vary around 0.
    spectrum : (H, W) float32
        Common logarithm of the power, its mean over channels; zero frequency in the middle.
    edges : tuple of float
        Of the bands, in rho.
    label : int
        The class whose probability counts.
    label_is_own : bool
        Whether it is the model's own answer.
    top : Top
        What the model says of the whole image.
    size : (int, int)
        Height and width of the file's image, in pixels.
    """

    subject: Subject
    record: ImageRecord
    image: NDArray[np.float32]
    bands: NDArray[np.float32]
    spectrum: NDArray[np.float32]
    edges: tuple[float, ...]
    label: int
    label_is_own: bool
    top: Top
    size: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Composition:
    """One coalition of bands, and what the model sees in it.

    Parameters
    ----------
    subject : Subject
        What was asked.
    code : int
        Of the coalition.
    image : (C, H, W) float32
        As the model is given it, before its normalisation.
    outside : float
        Share of its values outside 0..1, before they are clipped where they are.
    top : Top
        What the model says.
    label_log_p : float
        Natural-log probability of the label.
    elapsed_s : float
        From asking the child to its answer.
    """

    subject: Subject
    code: int
    image: NDArray[np.float32]
    outside: float
    top: Top
    label_log_p: float
    elapsed_s: float


Reply: TypeAlias = Opened | View | Composition | Explanation
