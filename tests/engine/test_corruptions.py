"""The corruptions: form, draws, sizes, names, and what is refused."""

from __future__ import annotations

import time
from importlib.metadata import EntryPoint, EntryPoints
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iaside_audit import registry
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.registry import CORRUPTIONS
from iaside_audit.robustness.corruptions import (
    SEVERITIES,
    corrupt,
    corruption_generator,
    suite_for,
)
from iaside_audit.robustness.corruptions.apply import BUILTIN
from iaside_audit.robustness.corruptions.parameters import SUITES, setting_for

if TYPE_CHECKING:
    from iaside_audit.types import ByteImage

IMAGE_ID = "5a" * 32
EVERY = [(name, severity) for name in BUILTIN for severity in SEVERITIES]


def photograph(height: int, width: int, channels: int = 3) -> ByteImage:
    """Return a picture with a spectrum like a photograph's: 1/f noise, with colour."""
    generator = np.random.default_rng(height * width)
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequencies[0, 0] = 1
    spectra = np.fft.rfft2(generator.standard_normal((channels, height, width))) / frequencies
    fields = np.fft.irfft2(spectra, s=(height, width)).transpose(1, 2, 0)
    fields = fields[..., :1] + 0.3 * fields
    return np.clip(120 + 45 * (fields - fields.mean()) / fields.std(), 0, 255).astype(np.uint8)


def corrupted(image: ByteImage, name: str, severity: int, *, seed: int = 0) -> ByteImage:
    """Return `image` corrupted with draws of its own."""
    return corrupt(
        image, name, severity, generator=corruption_generator(seed, IMAGE_ID, name, severity)
    )


@pytest.mark.parametrize("size", [(32, 32, 3), (47, 61, 1), (64, 64, 3), (224, 150, 1)], ids=str)
@pytest.mark.parametrize(("name", "severity"), EVERY)
def test_every_condition_keeps_form_and_input(
    name: str, severity: int, size: tuple[int, int, int]
) -> None:
    """A corruption gives a new, different image of the same form, and the same one again."""
    image = photograph(*size)
    before = image.copy()
    result = corrupted(image, name, severity)
    assert (result.dtype, result.shape) == (np.uint8, image.shape)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(corrupted(image, name, severity), result)
    assert (result != image).mean() > 0.005


@pytest.mark.parametrize(
    "name", ["gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "motion_blur",
             "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"]
)  # fmt: skip
def test_severity_raises_the_error(name: str) -> None:
    """The difference to the clean image grows with the severity (not so for the others)."""
    image = photograph(224, 224).astype(np.int64)
    differences = [
        np.mean([abs(corrupted(image.astype(np.uint8), name, s, seed=k) - image).mean()
                 for k in range(4)])
        for s in SEVERITIES
    ]  # fmt: skip
    assert differences == sorted(differences)


@pytest.mark.parametrize(
    "name", ["gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "snow",
             "frost", "fog", "elastic_transform"]
)  # fmt: skip
def test_draws_depend_on_seed_image_and_condition(name: str) -> None:
    """Another seed, image or severity draws anew; the rest of the world changes nothing."""
    draws = {
        corruption_generator(*key).random()
        for key in (
            (0, IMAGE_ID, name, 3),
            (1, IMAGE_ID, name, 3),
            (0, "5b" * 32, name, 3),
            (0, IMAGE_ID, name, 4),
            (0, IMAGE_ID, "contrast", 3),
        )
    }
    assert len(draws) == 5
    image = photograph(64, 64)
    assert (corrupted(image, name, 3) != corrupted(image, name, 3, seed=1)).any()


def test_names_are_the_registry_s() -> None:
    """What a specification may ask for is what is implemented, and parametrised in each suite."""
    assert tuple(BUILTIN) == CORRUPTIONS.builtin
    for suite in SUITES:
        assert tuple(suite.parameters) == CORRUPTIONS.builtin
        assert {len(levels) for levels in suite.parameters.values()} == {5}


@pytest.mark.parametrize(("side", "suite"), [(32, "CIFAR-10-C"), (45, "CIFAR-10-C"),
    (46, "Tiny ImageNet-C"), (64, "Tiny ImageNet-C"), (119, "Tiny ImageNet-C"),
    (120, "ImageNet-C"), (224, "ImageNet-C"), (600, "ImageNet-C")])  # fmt: skip
def test_published_parameters_of_the_nearest_size(side: int, suite: str) -> None:
    """The suite is the nearest by ratio, and lengths scale from its own size."""
    assert suite_for(side, side + 9).name == suite
    setting = setting_for("motion_blur", 1, height=side + 9, width=side)
    assert setting.scale == side / {"CIFAR-10-C": 32, "Tiny ImageNet-C": 64}.get(suite, 224)


def test_glass_blur_is_fast() -> None:
    """Under 150 ms of processor time at 224 px; a loop over pixels takes seconds."""
    image = photograph(224, 224)
    elapsed_s = []
    for _ in range(5):
        started = time.process_time()
        corrupted(image, "glass_blur", 3)
        elapsed_s.append(time.process_time() - started)
    assert min(elapsed_s) < 0.15


def test_small_images_are_refused() -> None:
    """Under 32 px there are no published parameters."""
    with pytest.raises(ImageError, match="at least 32 x 32 px to corrupt, found 31 x 40 px"):
        corrupted(photograph(31, 40), "fog", 1)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 40), dtype=np.uint8),
        np.zeros((40, 40, 4), dtype=np.uint8),
        np.zeros((40, 40, 3), dtype=np.float32),
    ],
    ids=["no channels", "four channels", "float"],
)
def test_other_arrays_are_refused(image: ByteImage) -> None:
    """Only uint8 with one or three channels is an image here."""
    with pytest.raises(ImageError, match=r"Expected a uint8 image of shape \(H, W, 3\)"):
        corrupted(image, "fog", 1)


def test_unknown_names_and_severities_are_refused() -> None:
    """The nearest name is named; severities are 1 to 5."""
    image = photograph(32, 32)
    with pytest.raises(SpecError, match=r"'gausian_noise'\. Did you mean 'gaussian_noise'\?"):
        corrupted(image, "gausian_noise", 1)
    for severity in (0, 6):
        with pytest.raises(SpecError, match=f"severity from 1 to 5, found {severity}"):
            corrupted(image, "fog", severity)


def inverted(image: ByteImage, severity: int, *, generator: np.random.Generator) -> ByteImage:
    """Serve as a plug-in that uses all it is given."""
    image[:] = np.uint8(255) - image + np.uint8(severity + generator.integers(1))
    return image


def crooked(image: ByteImage, _severity: int, *, generator: np.random.Generator) -> ByteImage:
    """Serve as a plug-in whose image has another shape."""
    del generator
    return image[1:]


@pytest.mark.parametrize(("plugin", "fault"), [(inverted, None), (crooked, "uint8 image of shape")])
def test_plugin_is_used_and_checked(
    plugin: object, fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plug-in gets a copy, and must give an image of the same form."""

    class Point(EntryPoint):
        def load(self) -> object:
            return plugin

    points = EntryPoints([Point("mine", "plugins:mine", "plugins")])
    monkeypatch.setattr(registry, "entry_points", lambda **_: points)
    image = photograph(32, 32)
    before = image.copy()
    if fault:
        with pytest.raises(SpecError, match=fault):
            corrupted(image, "mine", 2)
    else:
        np.testing.assert_array_equal(corrupted(image, "mine", 2), 255 - image + np.uint8(2))
    np.testing.assert_array_equal(image, before)
