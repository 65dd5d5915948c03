"""From a decoded photograph to the model's input under any coalition (METHOD.md, sections 1, 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iaside_audit.choices import Range
from iaside_audit.images import prepare, resize_components
from iaside_audit.preprocessing import ChannelOrder, Layout, Preprocessing
from iaside_audit.spectrum import (
    DatasetStatistics,
    affine_normalise,
    components,
    decompose,
    draw_baseline,
    make_partition,
    mix,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iaside_audit.auditing.evaluation.settings import EvaluationSettings
    from iaside_audit.auditing.wire import Message
    from iaside_audit.types import ByteImage, CoalitionMatrix, Components, FloatImage


def to_model_order(images: NDArray[np.float32], preprocessing: Preprocessing) -> FloatImage:
    """Return (n, C, H, W) images in RGB with the model's channel order."""
    return images[:, ::-1] if preprocessing.channel_order == ChannelOrder.BGR else images


def to_layout(images: NDArray[np.float32], layout: Layout) -> NDArray[np.float32]:
    """Return (n, C, H, W) images with the model's axes."""
    return images.transpose(0, 2, 3, 1) if layout == Layout.NHWC else images


def normalise(images: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return ``(255 scale x - mean) / std`` of (n, C, H, W) images in the model's channel order."""
    mean = np.asarray(preprocessing.mean, dtype=np.float32)[:, None, None]
    std = np.asarray(preprocessing.std, dtype=np.float32)[:, None, None]
    return (images * np.float32(255 * preprocessing.scale) - mean) / std


def statistics_in(message: Message) -> DatasetStatistics | None:
    """Return the data set's statistics that a task brings, if it brings any."""
    if "power" not in message:
        return None
    return DatasetStatistics(
        mean_colour=message["mean_colour"], power=message["power"], n_images=message["n_images"]
    )


class CoalitionInputs:
    """Makes the model's inputs of one audit.

    Parameters
    ----------
    settings : EvaluationSettings
        What decides the numbers.
    layout : Layout
        The model's.
    input_size : (int, int)
        Height and width of the model's input.
    statistics : DatasetStatistics or None
        For the baselines that need them.
    """

    def __init__(
        self,
        settings: EvaluationSettings,
        *,
        layout: Layout,
        input_size: tuple[int, int],
        statistics: DatasetStatistics | None,
    ) -> None:
        self._spec = settings.spec
        self._preprocessing = settings.preprocessing
        self._frame_preprocessing = settings.frame_preprocessing
        self._layout = layout
        self._input_size = input_size
        self._statistics = statistics
        height, width = self._frame_preprocessing.crop_size
        self.partition = make_partition(
            height=height,
            width=width,
            n_bands=settings.spec.bands,
            norm=settings.spec.norm,
            spacing=settings.spec.spacing,
        )

    def image(self, pixels: ByteImage) -> FloatImage:
        """Return the image at the frame, (C, H, W) in 0..1."""
        return prepare(pixels, self._frame_preprocessing)

    def baseline(
        self, generator: np.random.Generator, partner: FloatImage | None = None
    ) -> FloatImage:
        """Draw the baseline image at the frame."""
        return draw_baseline(
            self._spec.baseline,
            shape=(self._preprocessing.n_channels, *self._frame_preprocessing.crop_size),
            statistics=self._statistics,
            partner=partner,
            generator=generator,
        )

    def components(self, image: FloatImage, baseline: FloatImage) -> Components:
        """Return baseline and differences, as :meth:`for_model` gives them."""
        return self.for_model(
            components(
                baseline, decompose(image, self.partition), decompose(baseline, self.partition)
            )
        )

    def for_model(self, parts: Components) -> Components:
        """Return components at the frame resized to the input and, where affine, normalised.

        Returns
        -------
        (1 + M, ...) float32
            In the model's channel order and axes; normalised unless the range is clipped.
        """
        if self._input_size != parts.shape[-2:]:
            parts = resize_components(parts, self._input_size, self._preprocessing.interpolation)
        parts = to_model_order(parts, self._preprocessing)
        if self._spec.range == Range.NONE:
            parts = affine_normalise(
                parts,
                scale_255=255 * self._preprocessing.scale,
                mean=self._preprocessing.mean,
                std=self._preprocessing.std,
            )
            parts = to_layout(parts, self._layout)
        return np.ascontiguousarray(parts)

    def mix(
        self,
        parts: Components,
        coalitions: CoalitionMatrix,
        *,
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Return the model's inputs under `coalitions`, (P, *input shape); in `out`, if given."""
        if self._spec.range == Range.NONE:
            return mix(parts, coalitions, out=out)
        # Clipping is the one step that is not affine, so it and the normalisation come last.
        mixed = mix(parts, coalitions)
        np.clip(mixed, 0, 1, out=mixed)
        inputs = to_layout(normalise(mixed, self._preprocessing), self._layout)
        if out is None:
            return inputs
        out[:] = inputs
        return out
