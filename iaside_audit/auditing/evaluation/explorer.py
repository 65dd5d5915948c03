"""A worker's part in exploring one image: its bands, its coalitions, and what the model says.

The explorer holds one image cut into bands. Everything it is asked is about that image until
another is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.fft import fft2, fftshift

from iaside_audit.auditing.evaluation.evaluate import label_and_best_other
from iaside_audit.auditing.evaluation.inputs import CoalitionInputs, statistics_in
from iaside_audit.auditing.evaluation.settings import EvaluationSettings
from iaside_audit.choices import Range
from iaside_audit.errors import IASideError
from iaside_audit.games import coalition_matrix
from iaside_audit.images import image_identity, read_image
from iaside_audit.randomness import Purpose, image_generator
from iaside_audit.spectrum import components, decompose, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.auditing.wire import Message
    from iaside_audit.classifier.session import OnnxClassifier
    from iaside_audit.types import ByteImage, Components, FloatImage

N_TOP: Final = 5
LEAST_POWER: Final = 1e-12
"""Keeps the logarithm of an empty coefficient finite; far below the rounding of float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """The image that is looked at.

    `raw` is in units of the image, at the frame; `parts` is what the model is fed with.
    """

    inputs: CoalitionInputs
    n_bands: int
    is_clipped: bool
    raw: Components
    parts: Components
    label: int


class Explorer:
    """Cuts an image into bands and asks the open model about coalitions of them.

    Parameters
    ----------
    classifier : OnnxClassifier
        The open model.
    """

    def __init__(self, classifier: OnnxClassifier) -> None:
        self._classifier = classifier
        self._subject: _Subject | None = None
        self._last: tuple[str, ByteImage] | None = None

    def look(self, message: Message) -> Message:
        """Cut an image into bands.

        Parameters
        ----------
        message : Message
            ``settings``; ``image`` and, for the baseline ``shuffle``, ``partner``: path, location
            and position; ``label``, the class whose probability counts, None for the model's own;
            for baselines that need them ``mean_colour``, ``power`` and ``n_images``.

        Returns
        -------
        Message
            ``image`` (C, H, W), ``bands`` (M, C, H, W) in units of the image; ``spectrum`` (H, W),
            the common logarithm of the power, its mean over the channels, zero frequency in the
            middle; ``edges`` in rho; ``label``; what the model says of the whole image.
        """
        settings = EvaluationSettings.from_wire(message["settings"])
        inputs = CoalitionInputs(
            settings,
            layout=self._classifier.graph.layout,
            input_size=settings.preprocessing.crop_size,
            statistics=statistics_in(message),
        )
        pixels = self._read(message["image"])
        image = inputs.image(pixels)
        partner = None
        if message["partner"] is not None:
            partner = inputs.image(_read(message["partner"]))
        generator = image_generator(settings.spec.seed, image_identity(pixels), Purpose.BASELINE)
        baseline = inputs.baseline(generator, partner)
        bands = decompose(image, inputs.partition)
        raw = components(baseline, bands, decompose(baseline, inputs.partition))
        subject = _Subject(
            inputs=inputs,
            n_bands=inputs.partition.n_bands,
            is_clipped=settings.spec.range == Range.CLIP,
            raw=raw,
            parts=inputs.for_model(raw),
            label=-1 if message["label"] is None else int(message["label"]),
        )
        everyone = np.array([(1 << subject.n_bands) - 1], dtype=np.uint32)
        values = self._log_probabilities(subject, everyone)
        if subject.label < 0:
            subject = replace(subject, label=int(values[0].argmax()))
        self._subject = subject
        return {
            "image": image,
            "bands": bands,
            "spectrum": _log_power(image),
            "edges": list(inputs.partition.edges),
            "label": subject.label,
            "size": [pixels.shape[0], pixels.shape[1]],
            **_top(values[0]),
        }

    def compose(self, message: Message) -> Message:
        """Show one coalition, and say what the model sees in it.

        Parameters
        ----------
        message : Message
            ``code`` of the coalition.

        Returns
        -------
        Message
            ``image`` (C, H, W) in units of the image, as the model is given it; ``outside``, the
            share of its values outside 0..1; the best classes with their log-probabilities, and
            that of the label.
        """
        subject = self._looked_at()
        codes = np.array([message["code"]], dtype=np.uint32)
        values = self._log_probabilities(subject, codes)
        image = mix(subject.raw, coalition_matrix(codes, n_players=subject.n_bands))[0]
        outside = float(np.mean((image < 0) | (image > 1)))
        if subject.is_clipped:
            np.clip(image, 0, 1, out=image)
        return {
            "image": image,
            "outside": outside,
            "label_log_p": float(values[0, subject.label]),
            **_top(values[0]),
        }

    def ask(self, message: Message) -> Message:
        """Return what the model says under many coalitions.

        Parameters
        ----------
        message : Message
            ``codes`` of the coalitions, (n,) uint32.

        Returns
        -------
        Message
            (n,) each: ``log_p`` of the label, ``best_other``, ``prediction``.
        """
        subject = self._looked_at()
        values = self._log_probabilities(subject, message["codes"])
        log_p, best_other = label_and_best_other(values, subject.label)
        return {
            "log_p": log_p,
            "best_other": best_other,
            "prediction": values.argmax(axis=1).astype(np.int64),
        }

    def _log_probabilities(
        self, subject: _Subject, codes: NDArray[np.uint32]
    ) -> NDArray[np.float64]:
        coalitions = coalition_matrix(codes, n_players=subject.n_bands)
        return self._classifier(subject.inputs.mix(subject.parts, coalitions)).values

    def _looked_at(self) -> _Subject:
        if self._subject is None:
            raise IASideError("Expected an image to look at before its coalitions, found none.")
        return self._subject

    def _read(self, image: Message) -> ByteImage:
        """Decode an image, or take the last one again: settings change more often than images."""
        key = f"{image['location']}[{image['position']}]"
        if self._last is None or self._last[0] != key:
            self._last = (key, _read(image))
        return self._last[1]


def _read(image: Message) -> ByteImage:
    return read_image(Path(image["location"]), image["position"], image["path"])


def _log_power(image: FloatImage) -> NDArray[np.float32]:
    spectrum = fft2(image, axes=(-2, -1), norm="ortho", workers=1)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
    shifted: NDArray[np.float32] = fftshift(np.log10(power + LEAST_POWER)).astype(np.float32)
    return shifted


def _top(values: NDArray[np.float64]) -> Message:
    """Return the best classes, the best first, and their natural-log probabilities."""
    classes = np.argsort(-values, kind="stable")[:N_TOP]
    return {"classes": classes.astype(np.int64), "log_p": values[classes]}
