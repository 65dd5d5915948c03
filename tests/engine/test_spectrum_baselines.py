"""Baselines have the content that the method gives them."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from strategies_spectrum import random_image, seeds, sides

from iaside_audit import registry
from iaside_audit.errors import ImageError, SpecError
from iaside_audit.spectrum import (
    BaselineNeeds,
    DatasetStatistics,
    StatisticsAccumulator,
    baseline_needs,
    draw_baseline,
)
from iaside_audit.spectrum.baselines import BUILTIN_BASELINES

if TYPE_CHECKING:
    from iaside_audit.types import FloatImage

SHAPE = (3, 24, 31)


def statistics_of(shape: tuple[int, int, int] = SHAPE, n_images: int = 5) -> DatasetStatistics:
    """Return the statistics of a few random images."""
    accumulator = StatisticsAccumulator()
    for seed in range(n_images):
        accumulator.add(random_image(seed, shape))
    return accumulator.finish()


def draw(
    name: str,
    *,
    shape: tuple[int, int, int] = SHAPE,
    statistics: DatasetStatistics | None = None,
    partner: FloatImage | None = None,
    seed: int = 0,
) -> FloatImage:
    """Draw a baseline with a seed."""
    return draw_baseline(
        name,
        shape=shape,
        statistics=statistics,
        partner=partner,
        generator=np.random.default_rng(seed),
    )


def test_builtin_baselines_are_the_registered_ones() -> None:
    """Every built-in name has an implementation, in the registry's order, and no other."""
    assert tuple(BUILTIN_BASELINES) == registry.BASELINES.builtin


def test_statistics_are_means_over_images() -> None:
    """Mean colour and power agree with numpy's transform of all images at once."""
    images = np.stack([random_image(seed, SHAPE) for seed in range(5)]).astype(np.float64)
    statistics = statistics_of(n_images=5)
    assert statistics.n_images == 5
    np.testing.assert_allclose(statistics.mean_colour, images.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(
        statistics.power, (np.abs(np.fft.rfft2(images)) ** 2).mean(axis=0), rtol=1e-9
    )


def test_statistics_digest_follows_content() -> None:
    """Equal statistics have one digest; another value or another shape has another."""
    statistics = statistics_of()
    assert statistics.digest == statistics_of().digest
    assert len(statistics.digest) == 64
    assert statistics.digest != statistics_of(n_images=4).digest
    flat = DatasetStatistics(
        mean_colour=statistics.mean_colour, power=statistics.power.reshape(3, -1), n_images=5
    )
    assert statistics.digest != flat.digest


def test_statistics_are_read_only() -> None:
    """Statistics that are shared between images cannot be changed."""
    with pytest.raises(ValueError, match="read-only"):
        statistics_of().power[0, 0, 0] = 1


def test_zero_baseline_is_black() -> None:
    """The baseline zero is zero and needs nothing."""
    baseline = draw("zero")
    assert baseline.dtype == np.float32
    assert baseline.shape == SHAPE
    assert not baseline.any()


def test_mean_baseline_is_the_mean_colour() -> None:
    """The baseline mean is the mean colour at every pixel."""
    statistics = statistics_of()
    baseline = draw("mean", statistics=statistics)
    expected = np.broadcast_to(statistics.mean_colour[:, None, None], SHAPE)
    np.testing.assert_array_equal(baseline, expected.astype(np.float32))


@given(height=sides, width=sides, seed=seeds)
@settings(max_examples=40)
def test_noise_has_the_data_sets_power_and_colour(height: int, width: int, seed: int) -> None:
    """Noise is real and finite, with the mean power at every frequency but DC."""
    shape = (3, height, width)
    statistics = statistics_of(shape, n_images=2)
    noise = draw("noise", shape=shape, statistics=statistics, seed=seed)
    assert noise.dtype == np.float32
    power = np.abs(np.fft.rfft2(noise.astype(np.float64))) ** 2
    expected = statistics.power.copy()
    expected[:, 0, 0] = (statistics.mean_colour * height * width) ** 2
    np.testing.assert_allclose(power, expected, rtol=1e-3, atol=1e-4 * np.median(expected))
    np.testing.assert_allclose(noise.mean(axis=(1, 2)), statistics.mean_colour, rtol=1e-5)


def test_noise_phases_are_those_of_one_field() -> None:
    """All channels share the phases of one white-noise field, drawn from the generator."""
    noise = draw("noise", statistics=statistics_of(), seed=7)
    field = np.fft.rfft2(np.random.default_rng(7).standard_normal(SHAPE[1:]))
    phasors = np.fft.rfft2(noise.astype(np.float64)) / field
    phasors.reshape(3, -1)[:, 0] = 1  # DC is the mean colour, whatever the field
    np.testing.assert_allclose(phasors.imag / phasors.real, 0, atol=1e-3)
    assert (phasors.real > 0).all()


def test_noise_depends_on_the_generator_only() -> None:
    """One seed gives one noise; another seed gives another."""
    statistics = statistics_of()
    first = draw("noise", statistics=statistics, seed=1)
    np.testing.assert_array_equal(first, draw("noise", statistics=statistics, seed=1))
    assert not np.allclose(first, draw("noise", statistics=statistics, seed=2))


def test_shuffle_is_the_partner() -> None:
    """The baseline shuffle is the other image."""
    partner = random_image(3, SHAPE)
    np.testing.assert_array_equal(draw("shuffle", partner=partner), partner)


@pytest.mark.parametrize("name", registry.BASELINES.builtin)
def test_builtin_baseline_is_drawn_from_what_it_says_it_needs(name: str) -> None:
    """With what it needs a baseline is drawn, and one called constant draws nothing at random."""
    needs = baseline_needs(name)
    statistics = statistics_of() if needs.statistics else None
    partner = random_image(9, SHAPE) if needs.partner else None
    first, second = (
        draw(name, statistics=statistics, partner=partner, seed=seed) for seed in (0, 1)
    )
    is_random = not np.array_equal(first, second)
    assert needs.is_constant == (not is_random and not needs.partner)


@pytest.mark.parametrize("name", ["mean", "noise"])
@pytest.mark.parametrize("other", [None, (3, 24, 29), (1, 24, 31)], ids=str)
def test_statistics_of_another_shape_are_refused(
    name: str, other: tuple[int, int, int] | None
) -> None:
    """Missing statistics, or those of another image shape, are an error."""
    statistics = statistics_of(other) if other else None
    with pytest.raises(SpecError, match=r"Expected statistics of images of shape \(3, 24, 31\)"):
        draw(name, statistics=statistics)


def test_missing_partner_is_refused() -> None:
    """Shuffle without another image is an error."""
    with pytest.raises(SpecError, match=r"another image of the data set .* found none"):
        draw("shuffle")


def test_unknown_baseline_is_refused() -> None:
    """An unknown name is answered with the nearest known one."""
    with pytest.raises(SpecError, match="Did you mean 'noise'"):
        draw("noisy")


def test_images_of_two_shapes_have_no_statistics() -> None:
    """An image of another shape is refused, as is finishing without an image."""
    accumulator = StatisticsAccumulator()
    with pytest.raises(ImageError, match="at least one image"):
        accumulator.finish()
    accumulator.add(random_image(0, SHAPE))
    with pytest.raises(ImageError, match=r"shape \(3, 24, 31\) like those before"):
        accumulator.add(random_image(0, (3, 31, 24)))


def grey(*, shape: tuple[int, int, int], **_: object) -> FloatImage:
    """Serve as a plug-in that needs everything."""
    return np.full(shape, 0.5, dtype=np.float32)


def thrifty(*, shape: tuple[int, int, int], **_: object) -> FloatImage:
    """Serve as a plug-in that says what it needs."""
    return grey(shape=shape)


thrifty.needs = BaselineNeeds(  # type: ignore[attr-defined]
    statistics=False, partner=False, is_constant=True
)


def crooked(*, shape: tuple[int, int, int], **_: object) -> FloatImage:
    """Serve as a plug-in whose image has another shape."""
    return np.zeros(shape[1:], dtype=np.float32)


def broken(*, shape: tuple[int, int, int], **_: object) -> FloatImage:
    """Serve as a plug-in whose image is not finite."""
    return np.full(shape, np.nan, dtype=np.float32)


@pytest.fixture
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the plug-ins of this module under their own names."""
    functions = {one.__name__: one for one in (grey, thrifty, crooked, broken)}

    class Point(EntryPoint):
        def load(self) -> object:
            return functions[self.name]

    points = EntryPoints(Point(name, f"plugins:{name}", "plugins") for name in functions)

    def entry_points(**params: str) -> EntryPoints:
        return points.select(name=params["name"]) if "name" in params else points

    monkeypatch.setattr(registry, "entry_points", entry_points)


@pytest.mark.usefixtures("_plugins")
def test_plugin_is_drawn_and_needs_everything_unless_it_says() -> None:
    """A plug-in's image is used as it is; its attribute `needs` is believed."""
    np.testing.assert_array_equal(draw("grey"), np.full(SHAPE, 0.5))
    assert baseline_needs("grey") == BaselineNeeds(statistics=True, partner=True, is_constant=False)
    assert baseline_needs("thrifty").is_constant


@pytest.mark.usefixtures("_plugins")
@pytest.mark.parametrize("name", ["crooked", "broken"])
def test_plugin_with_a_faulty_image_is_refused(name: str) -> None:
    """A plug-in that gives another shape, or NaN, is named."""
    with pytest.raises(SpecError, match=f"finite image of shape .* from the baseline '{name}'"):
        draw(name)
