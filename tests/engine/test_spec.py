"""A specification is valid for life: every value is checked when it is made."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iaside_audit.choices import Estimator, Mode, Norm, Range, Spacing, parse_spacing
from iaside_audit.errors import SpecError
from iaside_audit.registry import BASELINES, VALUE_FUNCTIONS
from iaside_audit.spec import AuditSpec

NAMES = [field.name for field in fields(AuditSpec)]
PLACES: dict[str, Any] = {"model": "model.onnx", "images": "photos"}  # Any: options of all types

counts = st.integers(1, 10**9)
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
"""What JSON or TOML may hold."""


def edges() -> st.SearchStrategy[tuple[float, ...]]:
    """Draw interior edges that ascend strictly between 0 and 1."""
    inside = st.floats(0, 1, exclude_min=True, exclude_max=True)
    return st.lists(inside, min_size=1, max_size=15, unique=True).map(
        lambda one: tuple(sorted(one))
    )


@st.composite
def specs(draw: st.DrawFn) -> AuditSpec:
    """Draw a valid specification of the corrected mode."""
    spacing = draw(st.sampled_from(["uniform", "octave"]) | edges())
    estimator = draw(st.sampled_from(Estimator))
    return AuditSpec(
        model=Path("models") / draw(st.sampled_from(["a.onnx", "b c.onnx"])),
        images=Path("photos"),
        labels=draw(st.sampled_from(["auto", "folder", "self", "labels.csv"])),
        classes=draw(st.none() | st.just(Path("names.json"))),
        bands=0 if isinstance(spacing, tuple) else draw(st.integers(2, 16)),
        norm=draw(st.sampled_from(Norm)),
        spacing=spacing,  # type: ignore[arg-type]  # strings are accepted too
        frame=draw(st.just("input") | counts),
        baseline=draw(st.sampled_from(BASELINES.builtin)),
        range=draw(st.sampled_from(Range)),
        value=draw(st.sampled_from(VALUE_FUNCTIONS.builtin)),
        beta=draw(st.floats(0, 1, exclude_min=True, exclude_max=True)),
        estimator=estimator,
        pairs=1 if estimator == Estimator.EXACT else draw(counts),
        max_images=draw(st.none() | counts),
        budget=draw(st.none() | counts),
        target_halfwidth=draw(st.none() | st.floats(0.001, 0.999)),
        seed=draw(st.integers(0, 2**64)),
        device=draw(st.sampled_from(["auto", "cpu", "cuda", "cuda:3"])),
        batch=draw(st.just("auto") | counts),
        threads=draw(st.just("auto") | counts),
    )


class Fault(NamedTuple):
    """Options that are refused, and what the message must say."""

    options: dict[str, Any]  # Any: the wrong types too
    says: str


CHOICES = [
    Fault({"norm": "l3"}, r"linf, l2, found 'l3'\. Did you mean 'l2'"),
    Fault(
        {"baseline": "zeroo"}, r"zero, mean, noise, shuffle, found 'zeroo'\. Did you mean 'zero'"
    ),
    Fault({"value": "logprobability"}, "Did you mean 'log-probability'"),
    Fault({"range": "cilp"}, "Did you mean 'clip'"),
    Fault({"estimator": "exakt"}, "Did you mean 'exact'"),
    Fault({"mode": "referense"}, "Did you mean 'reference'"),
    Fault({"spacing": "octaves"}, "Did you mean 'octave'"),
    Fault({"device": "cude"}, "Did you mean 'cuda'"),
    Fault({"device": "cuda:x"}, "found 'cuda:x'"),
    Fault({"device": 0}, "Expected device to be one of auto, cpu"),
    Fault({"norm": None}, "Expected norm to be one of"),
]
NUMBERS = [
    Fault({"bands": 1}, "bands to be a whole number of at least 2, found 1"),
    Fault({"bands": 33}, "bands to be at most 32, found 33"),
    Fault({"bands": 8.0}, "bands to be a whole number"),
    Fault({"bands": 17, "estimator": "exact"}, "at most 16 bands in exact mode, found 17"),
    Fault({"pairs": 0}, "pairs"),
    Fault({"pairs": True}, "pairs"),
    Fault({"seed": -1}, "seed to be a whole number of at least 0, found -1"),
    Fault({"max_images": 0}, "max_images"),
    Fault({"budget": 0}, "budget"),
    Fault({"reference_batch": 1}, "reference_batch to be a whole number of at least 2, found 1"),
    Fault({"beta": 0}, "beta to be a number above 0 and below 1"),
    Fault({"beta": 1.0}, "beta"),
    Fault({"beta": math.nan}, "beta"),
    Fault({"beta": "0.5"}, "beta"),
    Fault({"interactions": "yes"}, "interactions to be true or false, found 'yes'"),
    Fault({"interval": "bac"}, "interval to be one of percentile, bca, found 'bac'"),
    Fault(
        {"interactions": True, "estimator": "permutation"}, "every coalition to be evaluated for"
    ),
    Fault({"estimator": "exact", "pairs": 4}, "no pairs of orders where every .*, found pairs 4"),
    Fault({"interactions": True, "pairs": 2}, "no pairs of orders where every .*, found pairs 2"),
    Fault({"reference_batch": 4}, "reference_batch in reference mode alone, found 4 in corrected"),
    Fault({"interactions": True, "bands": 17}, "at most 16 bands in exact mode, found 17"),
    Fault({"confidence": 0.5}, "confidence to be a number above 0.5 and below 1"),
    Fault({"confidence": 95}, "confidence"),
    Fault({"target_halfwidth": 0}, "target_halfwidth to be a number above 0 and below 1, found 0"),
    Fault({"target_halfwidth": -0.1}, "target_halfwidth"),
    Fault({"frame": 0}, "frame to be 'input' or a whole number from 1, found 0"),
    Fault({"frame": "inputs"}, "frame"),
    Fault({"frame": True}, "frame"),
    Fault({"batch": 1.5}, "batch to be 'auto' or a whole number from 1"),
    Fault({"threads": -1}, "threads"),
]
SPACINGS = [
    Fault({"spacing": "0.5,0.2"}, "ascend strictly between 0 and 1"),
    Fault({"spacing": (0.2, 0.2)}, "ascend strictly"),
    Fault({"spacing": [0.0, 0.5]}, "ascend strictly"),
    Fault({"spacing": "0.5,1.0"}, "ascend strictly"),
    Fault({"spacing": [0.5, math.nan]}, "ascend strictly"),
    Fault({"spacing": 0.5}, "uniform, octave, edges such as"),
    Fault({"spacing": None}, "uniform, octave, edges such as"),
    Fault({"spacing": "0.2,0.5", "bands": 8}, "bands to be 3 for 2 interior edges, found 8"),
    Fault({"spacing": tuple(i / 40 for i in range(1, 40))}, "bands to be at most 32, found 40"),
]
TYPES = [
    Fault({"model": 5}, "model to be a path or a name, found 5"),
    Fault({"images": ["a", "b"]}, "images to be a path or a name"),
    Fault({"classes": 7}, "classes"),
    Fault({"labels": None}, "labels"),
    Fault({"preprocess": 3}, "preprocess"),
]
REFUSED_IN_REFERENCE = [
    {"norm": "l2"},
    {"spacing": "octave"},
    {"spacing": "0.2,0.5"},
    {"frame": 64},
    {"baseline": "mean"},
    {"range": "clip"},
    {"value": "margin"},
    {"estimator": "permutation"},
    {"pairs": 2},
    {"budget": 1000},
    {"target_halfwidth": 0.1},
    {"labels": "self"},
    {"bands": 17},
]


def label(fault: object) -> str | None:
    """Name a case by its options."""
    options = fault.options if isinstance(fault, Fault) else fault
    return ",".join(f"{k}={v}" for k, v in options.items())[:40] if options else None


def test_spec_defaults_are_those_of_the_interface() -> None:
    """The first of each list of INTERFACE.md is the default, and defaults are filled in."""
    expected = {
        "model": "model.onnx",
        "images": "photos",
        "labels": "auto",
        "classes": None,
        "output": None,
        "preprocess": "auto",
        "bands": 8,
        "norm": "linf",
        "spacing": "uniform",
        "frame": "input",
        "baseline": "zero",
        "range": "none",
        "value": "log-probability",
        "beta": 0.75,
        "estimator": "auto",
        "pairs": 1,
        "interactions": False,
        "max_images": None,
        "budget": None,
        "target_halfwidth": None,
        "seed": 0,
        "confidence": 0.95,
        "interval": "percentile",
        "mode": "corrected",
        "reference_batch": 10,
        "device": "auto",
        "batch": "auto",
        "threads": "auto",
        "workers": "auto",
        "resume": True,
        "shard": None,
        "scheduler": None,
        "max_model_bytes": 4 << 30,
    }
    assert AuditSpec(**PLACES).to_dict() == expected


@given(spec=specs())
def test_spec_round_trips_through_json(spec: AuditSpec) -> None:
    """A specification read back from its JSON values is equal, numbers to the last bit."""
    assert AuditSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@given(options=st.dictionaries(st.sampled_from(NAMES), plain_values, max_size=4))
def test_spec_of_any_values_is_valid_or_refused(options: dict[str, object]) -> None:
    """Whatever JSON or TOML holds, the answer is a specification or a SpecError."""
    try:
        spec = AuditSpec.from_dict(PLACES | options)
    except SpecError as error:
        assert error.message.startswith("Expected")  # noqa: PT017 - refusing is one of two answers
    else:
        assert AuditSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize("fault", [*CHOICES, *NUMBERS, *SPACINGS, *TYPES], ids=label)
def test_spec_refuses_a_faulty_value(fault: Fault) -> None:
    """A value out of its range or of no known name is named, with what was expected."""
    with pytest.raises(SpecError, match=fault.says):
        AuditSpec.from_dict(PLACES | fault.options)


def test_spec_names_every_fault_at_once() -> None:
    """One error tells all that is wrong."""
    with pytest.raises(SpecError) as caught:
        AuditSpec(**PLACES, norm="l3", beta=2.0, seed=-1, device="gpu")  # type: ignore[arg-type]
    assert all(word in caught.value.message for word in ("norm", "beta", "seed", "device"))


def test_spec_error_is_a_value_error() -> None:
    """Callers who know nothing of this package catch a ValueError."""
    with pytest.raises(ValueError, match="bands"):
        AuditSpec(**PLACES, bands=1)


def test_spec_names_the_nearest_option() -> None:
    """An unknown option is answered with the nearest known one; all unknown ones are named."""
    with pytest.raises(SpecError, match=r"'band'\. Did you mean 'bands'\?.*'normm'.*'norm'"):
        AuditSpec.from_dict(PLACES | {"band": 4, "normm": "l2"})


@pytest.mark.parametrize(
    ("given_places", "missing"),
    [({}, "model and images"), ({"model": "m"}, "images"), ({"model": "", "images": "i"}, "model")],
)
def test_spec_needs_model_and_images(given_places: dict[str, str], missing: str) -> None:
    """What has no default must be given, and not as an empty text."""
    with pytest.raises(SpecError, match=f"Expected {missing} in the specification"):
        AuditSpec.from_dict(given_places)


def test_spec_is_frozen() -> None:
    """A specification that was checked cannot be changed."""
    spec = AuditSpec(**PLACES)
    with pytest.raises(FrozenInstanceError):
        spec.seed = 3  # type: ignore[misc]


@given(interior=edges())
def test_spec_counts_bands_from_edges(interior: tuple[float, ...]) -> None:
    """With interior edges given, M is their number plus one, given or not."""
    counted = AuditSpec(**PLACES, spacing=interior)
    assert counted.bands == len(interior) + 1
    assert AuditSpec(**PLACES, spacing=interior, bands=len(interior) + 1) == counted


@given(interior=edges())
def test_parse_spacing_reads_the_command_line(interior: tuple[float, ...]) -> None:
    """Edges as text are the same edges, to the last bit."""
    assert parse_spacing(",".join(map(repr, interior))) == interior


@pytest.mark.parametrize("name", [member.value for member in Spacing])
def test_parse_spacing_reads_names(name: str) -> None:
    """A named spacing is its member."""
    assert parse_spacing(name) is Spacing(name)


@pytest.mark.parametrize("options", REFUSED_IN_REFERENCE, ids=label)
def test_spec_refuses_unpublished_settings_in_reference_mode(options: dict[str, object]) -> None:
    """Reference mode takes no option that the authors' code does not have; elsewhere it may."""
    assert AuditSpec.from_dict(PLACES | options).mode is Mode.CORRECTED
    with pytest.raises(SpecError, match=r"reference mode|exact mode"):
        AuditSpec.from_dict(PLACES | options | {"mode": "reference"})


@pytest.mark.parametrize("baseline", ["zero", "noise", "shuffle"])
def test_spec_takes_published_settings_in_reference_mode(baseline: str) -> None:
    """The authors' baselines and an exact estimator are what reference mode is."""
    spec = AuditSpec(**PLACES, mode="reference", baseline=baseline, estimator="exact")  # type: ignore[arg-type]
    assert spec.mode is Mode.REFERENCE


def test_spec_reads_toml() -> None:
    """A table of TOML, its dashes turned to underscores, is a specification."""
    table = tomllib.loads(
        'model = "m.onnx"\nimages = "i"\nspacing = [0.1, 0.4]\nframe = 64\nbatch = "8"\n'
    )
    spec = AuditSpec.from_dict(table)
    assert (spec.spacing, spec.bands, spec.frame, spec.batch) == ((0.1, 0.4), 3, 64, 8)
