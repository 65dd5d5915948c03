"""Preprocessing in TOML: read exactly, written so that it reads back, its faults named at once."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.classifier.preprocessing_sources import parse_toml, to_toml
from iaside_audit.errors import SpecError
from iaside_audit.preprocessing import ChannelOrder, Interpolation, Layout, Preprocessing, Rounding

sizes = st.integers(1, 4096)
numbers = st.floats(allow_nan=False, allow_infinity=False)
divisors = numbers.filter(bool)


@st.composite
def preprocessings(draw: st.DrawFn) -> Preprocessing:
    """Draw valid preprocessing of every kind."""
    order = draw(st.sampled_from(ChannelOrder))
    n_channels = 1 if order == ChannelOrder.GREY else 3
    per_channel = {"min_size": n_channels, "max_size": n_channels}
    return Preprocessing(
        resize=draw(st.just(0) | sizes | st.tuples(sizes, sizes)),
        crop=draw(sizes | st.tuples(sizes, sizes)),
        interpolation=draw(st.sampled_from(Interpolation)),
        channel_order=order,
        scale=draw(divisors),
        mean=tuple(draw(st.lists(numbers, **per_channel))),
        std=tuple(draw(st.lists(divisors, **per_channel))),
        layout=draw(st.sampled_from(Layout)),
        rounding=draw(st.sampled_from(Rounding)),
        source=draw(st.text()),
    )


@given(preprocessing=preprocessings())
def test_toml_round_trip(preprocessing: Preprocessing) -> None:
    """What is written as TOML reads back the same, to the last bit of every number."""
    read = parse_toml(to_toml(preprocessing), source="here")
    assert read == replace(preprocessing, source="here")


def test_toml_defaults_are_the_documented_ones() -> None:
    """Only resize and crop must be given; the rest is INTERFACE.md's."""
    assert parse_toml("[preprocess]\nresize = 0\ncrop = 224\n", source="here") == Preprocessing(
        resize=0,
        crop=224,
        interpolation=Interpolation.BILINEAR,
        channel_order=ChannelOrder.RGB,
        scale=1 / 255,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        layout=Layout.AUTO,
        source="here",
    )


class Fault(NamedTuple):
    """A TOML text and what must be said of it, all at once."""

    name: str
    text: str
    said: tuple[str, ...]


FAULTS = [
    Fault("no TOML", "[preprocess\n", ("found a fault in p.toml", "line 1")),
    Fault("no table", "[other]\n", ("Expected a table [preprocess] in p.toml, found none",)),
    Fault("no table but a value", "preprocess = 3\n", ("Expected a table [preprocess]",)),
    Fault(
        "names",
        '[preprocess]\nresise = 256\ninterpolaton = "area"\nsource = "x"\nzzz = 1\n',
        (
            "unknown key 'resise'. Did you mean 'resize'?",
            "unknown key 'interpolaton'. Did you mean 'interpolation'?",
            "unknown key 'source'",
            "unknown key 'zzz'.",
            "'resize' is missing",
            "'crop' is missing",
        ),
    ),
    Fault(
        "values",
        '[preprocess]\nresize = -1\ncrop = 0\ninterpolation = "bilinaer"\nchannel_order = "RBG"\n'
        'layout = "NWHC"\nscale = 0\nmean = [1.0]\nstd = [1, 0, 1]\n',
        (
            "resize is -1",
            "crop is 0",
            "interpolation is 'bilinaer', expected one of bilinear",
            "Did you mean 'bilinear'?",
            "channel_order is 'RBG'",
            "layout is 'NWHC'",
            "scale is 0",
            "mean has 1 numbers, expected 3",
            "std holds a zero",
        ),
    ),
    Fault(
        "types",
        '[preprocess]\nresize = true\ncrop = [224]\nscale = "1"\nmean = 0.5\nstd = [nan, inf, 1]\n',
        ("resize is True", "crop is (224,)", "scale is '1'", "mean is 0.5", "std is [nan, inf, 1]"),
    ),
    Fault(
        "grey with colour's numbers",
        '[preprocess]\nresize = 0\ncrop = 28\nchannel_order = "L"\n',
        ("mean has 3 numbers, expected 1", "std has 3 numbers, expected 1"),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_toml_faults_are_named_all_at_once(fault: Fault) -> None:
    """One reading names every fault, the file, and the nearest known names."""
    with pytest.raises(SpecError) as caught:
        parse_toml(fault.text, source="p.toml")
    assert [part for part in fault.said if part not in caught.value.message] == []
    assert "p.toml" in caught.value.message
    assert caught.value.path == "p.toml"
